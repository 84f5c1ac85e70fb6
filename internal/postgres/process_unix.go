//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// What Postgres understands by these signals.
const (
	fastShutdown      = syscall.SIGINT  // cut the connections, flush, end
	immediateShutdown = syscall.SIGQUIT // end; recover at the next start
)

// signal sends a signal; that the process has ended already is no error.
func (p *process) signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal Postgres: %w", err)
	}
	return nil
}

// killGroup kills the process and its children, which share its process group.
func killGroup(p *os.Process) error {
	if err := syscall.Kill(-p.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// lockFile takes an exclusive lock on a file, made when missing. The lock lasts until unlockFile or
// the end of this process, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errors.New("another process is using it; stop that one first, or use another data directory")
	}
	return nil, errors.Join(fmt.Errorf("lock the data directory (%s): %w", path, err), f.Close())
}

// unlockFile gives the lock up. Closing the file would not do: a program that we are starting at this
// moment holds a copy of it, and thereby the lock, for an instant.
func unlockFile(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // fails only where it was given up before
	_ = f.Close()                                   // nothing was written to it
}
