package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/durahook/durahook/internal/cli"
)

// tetheredCommand runs another command until the process that started it is gone, however that went: then its
// standard input ends.
type tetheredCommand struct {
	Args []string `arg:"" passthrough:""` // the file for a CPU profile or "-", and then the command
}

// Run runs the command.
func (c *tetheredCommand) Run(env *cli.Env) (err error) {
	ctx, cancel := context.WithCancel(env.Ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, env.Stdin) // ends as the other end does
		cancel()
	}()
	profile, args := c.Args[0], c.Args[1:]
	if profile != "-" {
		file, err := os.Create(profile)
		if err != nil {
			return fmt.Errorf("--profile: %w", err)
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return errors.Join(fmt.Errorf("--profile: %w", err), file.Close())
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, file.Close())
		}()
	}
	if status := cli.Main(ctx, programName, description, newCommands(), args, env.Stdout, env.Stderr); status != 0 {
		return fmt.Errorf("%v ended with status %d", args[:1], status)
	}
	return nil
}

// part is a command of this program that runs as a process of its own, tethered to this one.
type part struct {
	name  string
	cmd   *exec.Cmd
	rope  io.Closer // the other end of its standard input
	log   string    // path of what it writes to standard error
	ended chan struct{}
	err   error // may be read once it has ended
}

// startPart starts a command with these variables in its environment, on top of this process's own. Standard output
// goes to stdout.
func startPart(dir, name, profile string, stdout io.Writer, variables []string, args ...string) (_ *part, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to start it once more: %w", err)
	}
	p := &part{name: name, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	file := "-"
	if profile != "" {
		file = filepath.Join(profile, name+".pprof")
	}
	p.cmd = exec.Command(self, append([]string{"__tethered", file}, args...)...) //nolint:noctx // it is asked to stop first
	p.cmd.Env = append(os.Environ(), variables...)
	p.cmd.Stdout = stdout
	detach(p.cmd)
	log, err := os.Create(p.log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	p.cmd.Stderr = log
	if p.rope, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// pid is the ID of the process.
func (p *part) pid() int32 { return int32(p.cmd.Process.Pid) } //nolint:gosec // no system has larger ones

// failure says why the part ended, with the last that it said.
func (p *part) failure() error {
	const most = 2000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return errors.Join(p.err, err)
	}
	return fmt.Errorf("%s ended: %w\n%s", p.name, p.err, bytes.TrimSpace(text[max(len(text)-most, 0):]))
}

// stop asks the part to end, and kills it when it doesn't.
func (p *part) stop() error {
	const patience = 30 * time.Second
	_ = p.rope.Close() // fails when the process has ended by itself
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill() // fails when it has ended at this moment
		<-p.ended
		return fmt.Errorf("%s did not end within %s and was killed", p.name, patience)
	}
	if p.err != nil {
		return p.failure()
	}
	return nil
}
