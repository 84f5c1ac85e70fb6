package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/standalone/stack"
)

// postgresCommand runs Postgres alone, as a process that can be killed without the others.
type postgresCommand struct {
	config.Log
	DataDir string `required:"" help:"Directory of all data."`
	Port    int    `required:"" help:"Port to listen on."`
}

// runningPostgres is what the command prints, on one line, once Postgres runs.
type runningPostgres struct {
	DatabaseURL string `json:"database_url"`
	PID         int    `json:"pid"` // which leads the group of all its processes
}

// Run works until the process is asked to stop.
func (c *postgresCommand) Run(env *cli.Env) error {
	resolved, err := config.Resolve(c.Log)
	if err != nil {
		return err
	}
	server, err := stack.StartPostgres(env.Ctx, stack.InfrastructureOptions{
		DataDir: c.DataDir, PostgresPort: c.Port, Log: app.NewLog(env.Stderr, resolved), Progress: func(string) {},
	})
	if err != nil {
		return err
	}
	return attend(env, server, runningPostgres{stack.DatabaseURL(server), server.PID()})
}

// temporalCommand runs Temporal alone.
type temporalCommand struct {
	config.Log
	config.Database
	Listen string `required:"" help:"Address of the frontend."`
}

// Run works until the process is asked to stop. It prints an empty object once Temporal runs.
func (c *temporalCommand) Run(env *cli.Env) error {
	tuneRuntime()
	resolved, err := config.Resolve(c.Log, c.Database)
	if err != nil {
		return err
	}
	server, err := stack.StartTemporal(env.Ctx, stack.InfrastructureOptions{
		TemporalListen: c.Listen, Log: app.NewLog(env.Stderr, resolved), Progress: func(string) {},
	}, resolved.DatabaseURL)
	if err != nil {
		return err
	}
	return attend(env, server, struct{}{})
}

// server is Postgres or Temporal.
type server interface {
	Done() <-chan struct{}
	Err() error
	Stop(ctx context.Context) error
}

// attend prints what there is to say of a server that runs, as a line of JSON, and stops it when the process is asked to
// stop. It fails when the server ends by itself.
func attend(env *cli.Env, s server, said any) error {
	err := json.NewEncoder(env.Stdout).Encode(said)
	if err == nil {
		select {
		case <-env.Ctx.Done():
		case <-s.Done():
			err = s.Err()
		}
	}
	return errors.Join(err, s.Stop(env.Ctx))
}
