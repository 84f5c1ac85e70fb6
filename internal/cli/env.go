package cli

import (
	"context"
	"io"
)

// Env is what a command gets from the process that runs it.
type Env struct {
	Ctx         context.Context // done when the process is asked to stop
	Stdin       io.Reader
	Stdout      io.Writer
	Stderr      io.Writer
	Interactive bool     // whether there is a person who can be asked on Stderr and answers on Stdin
	Flags       []string // names of the flags that the command has
	Program     string   // name of the program
	Command     string   // the command without its arguments, such as "webhooks list"
	Args        []string // the arguments as they were given, secrets included
}
