package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/standalone/stack"
)

// startCommand starts everything.
type startCommand struct {
	config.Log
	config.Metrics
	config.API
	config.Worker
	config.Networks
	config.Alerts
	AllowInsecureTargets string `help:"Also deliver to http:// and non-public addresses: none, loopback or all." default:"loopback" placeholder:"WHICH"`
	EncryptionKey        string `help:"Key that the secrets of webhooks are encrypted with; made at the first start." placeholder:"KEY"`
	DataDir              string `help:"Directory of all data; /var/lib/durahook as root, else durahook in the user's data directory." placeholder:"DIR"`
	TemporalListen       string `help:"Address of the Temporal frontend." default:"127.0.0.1:7233" placeholder:"HOST:PORT"`
	UIListen             string `name:"ui-listen" help:"Address of the Temporal Web UI." default:"127.0.0.1:8233" placeholder:"HOST:PORT"`
	PostgresPort         int    `help:"Port of Postgres; 0 takes a free one." default:"0" placeholder:"PORT"`
	NoDemo               bool   `help:"Leave out the webhook Demo and its receiver."`
}

// Run starts everything and works until the process is asked to stop.
func (c *startCommand) Run(env *cli.Env) error {
	tuneRuntime()
	began := time.Now()
	options, err := c.options()
	if err != nil {
		return err
	}
	options.Log = app.NewLog(env.Stderr, options.Config)
	options.Progress = progress(env, began)
	s, err := stack.Start(env.Ctx, options)
	if err != nil {
		return err
	}
	greet(env.Stdout, s)
	context.AfterFunc(env.Ctx, func() {
		fmt.Fprintln(env.Stdout, "Stopping: what is under way is let end. Press Ctrl-C again to end at once.")
	})
	return s.Run(env.Ctx)
}

// options checks the flags and makes up what nobody gave.
func (c *startCommand) options() (stack.Options, error) {
	dir, err := stack.OpenDataDir(c.DataDir)
	if err != nil {
		return stack.Options{}, err
	}
	keys, err := dir.Keys()
	if err != nil {
		return stack.Options{}, err
	}
	if c.AdminKey == "" {
		c.AdminKey = keys.Admin
	}
	if c.EncryptionKey == "" {
		c.EncryptionKey = keys.Encryption
	}
	resolved, err := config.Resolve(config.Shared{
		Log:                  c.Log,
		Metrics:              c.Metrics,
		Database:             config.Database{DatabaseURL: "postgres://to-be-started"},
		Encryption:           config.Encryption{EncryptionKey: c.EncryptionKey},
		Networks:             c.Networks,
		Alerts:               c.Alerts,
		Temporal:             config.Temporal{TemporalAddress: c.TemporalListen, TemporalNamespace: stack.Namespace},
		AllowInsecureTargets: c.AllowInsecureTargets,
	}, c.API, c.Worker)
	if err != nil {
		return stack.Options{}, err
	}
	return stack.Options{
		Config: resolved, DataDir: dir, TemporalListen: c.TemporalListen, UIListen: c.UIListen,
		PostgresPort: c.PostgresPort, Demo: !c.NoDemo,
	}, nil
}

// greet tells a newcomer what to do next.
func greet(w io.Writer, s *stack.Stack) {
	fmt.Fprintf(w, `
durahook is running.

  Console          %[1]s/console/sign-in#%[2]s
  Temporal Web UI  %[3]s
  Admin key        %[2]s
  Data             %[4]s

Deliveries to %[5]s.
Publish an event and watch it arrive:

  curl %[1]s/v1/events -H 'Authorization: Bearer %[2]s' --json '{
    "event": "call.ended",
    "timestamp": "%[6]s",
    "data": {"call_id": "call_abc123", "status": "answered", "duration": 127}
  }'

Stop with Ctrl-C. Nothing gets lost: at the next start, waiting deliveries go on where their timers stand.

`, s.URL(), s.AdminKey(), s.UIURL(), s.DataDir(), s.Targets(), time.Now().UTC().Format(time.RFC3339))
}
