package cli

import (
	"errors"
	"fmt"

	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
)

// MigrateCommand brings the database to this version.
type MigrateCommand struct {
	config.Database
}

// Run applies the migrations that the database lacks.
func (c *MigrateCommand) Run(env *Env) (err error) {
	resolved, err := config.Resolve(c.Database)
	if err != nil {
		return err
	}
	s, err := store.Open(env.Ctx, resolved.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	applied, err := migrations.Up(env.Ctx, s.DB().DB)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "The database is at this version now. Migrations applied: %d.\n", applied)
	return err
}
