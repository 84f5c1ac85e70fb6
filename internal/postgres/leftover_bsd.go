//go:build unix && !linux

package postgres

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// alive reports whether the process runs.
func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// isPostmaster reports whether the process is a Postgres server, started for the data.
func isPostmaster(pid int, data string) (bool, error) {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return false, nil //nolint:nilerr // ps fails when there is no such process
	}
	command := string(out)
	program, _, _ := strings.Cut(command, " ")
	return filepath.Base(program) == "postgres" && strings.Contains(command, data), nil
}

func signalPID(pid int, sig syscall.Signal) error { return syscall.Kill(pid, sig) }
