package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// alive reports whether the process runs. One that has ended but that its parent has not noticed
// yet, a zombie, does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	// "123 (name) S …"; the name may hold anything, so look behind its last parenthesis.
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return !bytes.HasPrefix(state, []byte("Z")) && !bytes.HasPrefix(state, []byte("X"))
}

// isPostmaster reports whether the process is a Postgres server on the data: that works in its data
// directory.
func isPostmaster(pid int, data string) (bool, error) {
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		return false, nil // another user's, so not one that runs on data of ours
	case err != nil:
		return false, fmt.Errorf("look at process %d: %w", pid, err)
	}
	resolved, err := filepath.EvalSymlinks(data)
	if err != nil {
		return false, fmt.Errorf("look for a running Postgres: %w", err)
	}
	return dir == resolved, nil
}

func signalPID(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }
