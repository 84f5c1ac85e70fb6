package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/standalone/stack"
)

// infrastructureCommand runs Postgres and Temporal without durahook, as a process whose cost can be told apart.
type infrastructureCommand struct {
	config.Log
	DataDir string `required:"" help:"Directory of all data."`
}

// infrastructure is what the command prints, on one line, once everything runs.
type infrastructure struct {
	DatabaseURL     string `json:"database_url"`
	TemporalAddress string `json:"temporal_address"`
	PostgresPID     int    `json:"postgres_pid"`
	TemporalPID     int    `json:"temporal_pid"`
}

// Run works until the process is asked to stop.
func (c *infrastructureCommand) Run(env *cli.Env) error {
	tuneRuntime()
	resolved, err := config.Resolve(c.Log)
	if err != nil {
		return err
	}
	i, err := stack.StartInfrastructure(env.Ctx, stack.InfrastructureOptions{
		DataDir: c.DataDir, TemporalListen: "127.0.0.1:0", UIListen: "127.0.0.1:0",
		Log: app.NewLog(env.Stderr, resolved), Progress: func(string) {},
	})
	if err != nil {
		return err
	}
	err = json.NewEncoder(env.Stdout).Encode(infrastructure{
		DatabaseURL: i.DatabaseURL(), TemporalAddress: i.TemporalAddress(), PostgresPID: i.PostgresPID(), TemporalPID: os.Getpid(),
	})
	if err != nil {
		return errors.Join(fmt.Errorf("say where everything runs: %w", err), i.Stop(env.Ctx))
	}
	return errors.Join(i.Wait(env.Ctx), i.Stop(env.Ctx))
}
