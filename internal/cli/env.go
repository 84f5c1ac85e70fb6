package cli

import (
	"context"
	"io"
)

// Env is what a command gets from the process that runs it.
type Env struct {
	Ctx    context.Context // done when the process is asked to stop
	Stdout io.Writer
	Stderr io.Writer
}
