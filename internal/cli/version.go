package cli

import (
	"fmt"

	"github.com/durahook/durahook/internal/version"
)

// VersionCommand prints the version.
type VersionCommand struct{}

// Run prints the version.
func (c *VersionCommand) Run(env *Env) error {
	_, err := fmt.Fprintln(env.Stdout, "durahook", version.Version())
	return err
}
