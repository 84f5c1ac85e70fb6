//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

// killable is a part of a system that can be killed and frozen. One that ends by itself is started again, as whoever
// runs such a system has it done. It is a [bench.Part].
type killable struct {
	name  string
	start func(stdout io.Writer) (*part, error)
	ready func(ctx context.Context, p *part) error // nil when it says so itself, in a line of JSON

	mu      sync.Mutex // held while it is started or ended
	part    *part
	said    runningPostgres
	stopped bool
}

// Name is what it is called.
func (k *killable) Name() string { return k.name }

// Start starts it and returns when it works.
func (k *killable) Start(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.part != nil {
		return nil // it was started again meanwhile
	}
	k.stopped = false
	return k.launch(ctx)
}

func (k *killable) launch(ctx context.Context) error {
	const patience = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reader, writer := io.Pipe()
	p, err := k.start(writer)
	if err != nil {
		return err
	}
	go func() {
		<-p.ended
		_ = writer.Close() // never fails
	}()
	if k.ready != nil {
		go io.Copy(io.Discard, reader) //nolint:errcheck // until it ends
		err = k.ready(ctx, p)
	} else {
		err = k.listen(ctx, reader, p)
	}
	if err != nil {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-p.ended
		return err
	}
	k.part = p
	go k.watch(context.WithoutCancel(ctx), p)
	return nil
}

// listen waits until the part says that it works.
func (k *killable) listen(ctx context.Context, reader io.Reader, p *part) error {
	said := make(chan error, 1)
	go func() {
		buffered := bufio.NewReader(reader)
		line, err := buffered.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &k.said)
		}
		said <- err
		_, _ = io.Copy(io.Discard, buffered) // until it ends
	}()
	select {
	case err := <-said:
		if err != nil {
			<-p.ended
			return p.failure()
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not start: %w", k.name, ctx.Err())
	}
}

// watch starts the part again when it ends by itself.
func (k *killable) watch(ctx context.Context, p *part) {
	const pause = time.Second
	<-p.ended
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.part != p {
		return
	}
	k.part = nil
	for !k.stopped {
		if k.launch(ctx) == nil {
			return
		}
		k.mu.Unlock() // whoever wants to end it gets a turn
		<-time.After(pause)
		k.mu.Lock()
		if k.part != nil {
			return
		}
	}
}

// signal sends a signal to all processes of the part: Postgres leads a group of its own.
func (k *killable) signal(sig syscall.Signal) error {
	groups := []int{k.part.cmd.Process.Pid}
	if k.said.PID != 0 {
		groups = append([]int{k.said.PID}, groups...)
	}
	var errs []error
	for _, group := range groups {
		if err := syscall.Kill(-group, sig); !errors.Is(err, syscall.ESRCH) { // gone already
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Kill ends it as kill -9 does.
func (k *killable) Kill() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.part == nil {
		return nil
	}
	err := k.signal(syscall.SIGKILL)
	<-k.part.ended
	k.part = nil
	return err
}

// Freeze has the system run it no more.
func (k *killable) Freeze() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.part == nil {
		return nil
	}
	return k.signal(syscall.SIGSTOP)
}

// Thaw has it go on.
func (k *killable) Thaw() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.part == nil {
		return nil
	}
	return k.signal(syscall.SIGCONT)
}
