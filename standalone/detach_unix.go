//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach puts a process into a group of its own, so that Ctrl-C in a terminal reaches only this one, which ends the
// other in its turn.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
