package postgres

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"
)

// killAfter is how long Postgres may take to stop at once before it is killed.
const killAfter = 5 * time.Second

// process is a running postgres program.
type process struct {
	cmd      *exec.Cmd
	done     chan struct{} // closed when the process has ended; err may be read then
	err      error
	stopping atomic.Bool
}

// startProcess starts cmd in a process group of its own, tied to the life of this process.
//
// The kernel ends the child when the *thread* that started it ends, so that thread must be one that
// lives as long as the child: the goroutine keeps it and waits.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	setChildAttributes(cmd)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// runChild runs cmd to its end; when the command's context ends first, it and its children are killed.
func runChild(cmd *exec.Cmd) error {
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	// Children of cmd may hold the output open for longer than cmd lives.
	cmd.WaitDelay = killAfter
	p, err := startProcess(cmd)
	if err != nil {
		return err
	}
	<-p.done
	return p.err
}

// stop ends the server, see Server.Stop.
func (p *process) stop(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	p.stopping.Store(true)
	if err := p.signal(fastShutdown); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	if err := p.signal(immediateShutdown); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-time.After(killAfter):
		if err := killGroup(p.cmd.Process); err != nil {
			return fmt.Errorf("kill Postgres: %w", err)
		}
		<-p.done
	}
	return fmt.Errorf("the Postgres server did not finish in time and was stopped at once; the next start recovers it: %w",
		context.Cause(ctx))
}

// exitError says how the process ended; there is always something to say.
func (p *process) exitError() error {
	if p.err != nil {
		return p.err
	}
	return errors.New("exit status 0")
}

// discard throws away a server that did not come up.
func (p *process) discard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killAfter)
	defer cancel()
	// The error would only say that it took force; why it did not come up is what matters.
	_ = p.stop(ctx)
}
