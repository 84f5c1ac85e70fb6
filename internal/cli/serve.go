package cli

import (
	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/config"
)

// ServeCommand runs the API, the console and the worker in one process, where deliveries can take the fast
// lane.
type ServeCommand struct {
	config.Shared
	config.API
	config.Worker
	config.Drain
}

// Run serves until the process is asked to stop.
func (c *ServeCommand) Run(env *Env) error {
	return run(env, app.Roles{API: true, Worker: true}, c.Shared, c.API, c.Worker, c.Drain)
}

// APICommand runs the API and the console.
type APICommand struct {
	config.Shared
	config.API
	config.Drain
}

// Run serves until the process is asked to stop.
func (c *APICommand) Run(env *Env) error {
	return run(env, app.Roles{API: true}, c.Shared, c.API, c.Drain)
}

// WorkerCommand runs the worker.
type WorkerCommand struct {
	config.Shared
	config.Worker
}

// Run works until the process is asked to stop.
func (c *WorkerCommand) Run(env *Env) error {
	return run(env, app.Roles{Worker: true}, c.Shared, c.Worker)
}

func run(env *Env, roles app.Roles, parts ...config.Part) error {
	resolved, err := config.Resolve(parts...)
	if err != nil {
		return err
	}
	log := app.NewLog(env.Stderr, resolved)
	a, err := app.Open(env.Ctx, resolved, roles, log)
	if err != nil {
		return err
	}
	if roles.API {
		log.Info("durahook serves the API and the console", "address", a.Address())
	}
	return a.Run(env.Ctx)
}
