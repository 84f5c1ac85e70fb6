package postgres

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// On Windows this package compiles and says that it does not work there: Postgres cannot be told to
// shut down by a signal. Use a Postgres that is installed as a service.

var errWindows = errors.New("running Postgres itself is not supported on Windows; " +
	"use a Postgres server that is already running")

const (
	fastShutdown      = syscall.SIGINT
	immediateShutdown = syscall.SIGQUIT
)

type account struct{ name string }

func accountFor(files) (*account, error)     { return nil, errWindows }
func (*account) apply(*exec.Cmd)             {}
func (*account) own(string) error            { return nil }
func (*account) checkCanEnter(string) error  { return nil }
func setChildAttributes(*exec.Cmd)           {}
func (*process) signal(os.Signal) error      { return errWindows }
func killGroup(p *os.Process) error          { return p.Kill() }
func lockFile(string) (*os.File, error)      { return nil, errWindows }
func alive(int) bool                         { return false }
func isPostmaster(int, string) (bool, error) { return false, errWindows }
func signalPID(int, syscall.Signal) error    { return errWindows }
func unlockFile(*os.File)                    {}
