package postgres

import (
	"os/exec"
	"syscall"
)

// setChildAttributes puts the child into a process group of its own, so that Ctrl-C in a terminal
// reaches only us and we can finish our work before we stop it; and has the kernel shut it down when
// we are killed.
func setChildAttributes(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = fastShutdown
}
