// Package stack starts everything that durahook is and needs in one process, in the right order, and ends
// it in the reverse one.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/internal/app"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
)

// Options says what to start.
type Options struct {
	Config         config.Config // of durahook; where Postgres and Temporal are is filled in here
	DataDir        DataDir
	TemporalListen string
	UIListen       string
	PostgresPort   int
	Demo           bool // add the webhook Demo and its receiver
	Log            *slog.Logger
	Progress       func(string) // told in a few words what takes long
}

// Stack is a running durahook with everything it needs.
type Stack struct {
	options        Options
	infrastructure *Infrastructure
	app            *app.App
	demo           *demo // nil without one
}

// Start starts everything and returns when it can be used. Then Run must be called.
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	if err := checkPorts(o); err != nil {
		return nil, err
	}
	s := &Stack{options: o}
	s.infrastructure, err = StartInfrastructure(ctx, InfrastructureOptions{
		DataDir: o.DataDir.path, PostgresPort: o.PostgresPort, TemporalListen: o.TemporalListen,
		UIListen: o.UIListen, Retention: o.Config.Retention, Log: o.Log, Progress: o.Progress,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.infrastructure.Stop(ctx))
		}
	}()
	o.Progress("starting durahook")
	return s, s.startApp(ctx)
}

func (s *Stack) startApp(ctx context.Context) error {
	c := &s.options.Config
	c.DatabaseURL = s.infrastructure.DatabaseURL()
	c.TemporalAddress = s.infrastructure.TemporalAddress()
	if c.TemporalUIURL == "" {
		c.TemporalUIURL = s.infrastructure.UIURL()
	}
	if err := Migrate(ctx, *c); err != nil {
		return err
	}
	if s.options.Demo {
		var err error
		if s.demo, err = startDemo(ctx, *c, s.options.DataDir, s.options.Log); err != nil {
			return err
		}
	}
	var err error
	s.app, err = app.Open(ctx, *c, app.Roles{API: true, Worker: true}, s.options.Log, s.infrastructure.TemporalDialOptions()...)
	if err != nil {
		return err
	}
	s.app.BePublic()
	return nil
}

// Migrate brings durahook's database to this version.
func Migrate(ctx context.Context, c config.Config) error {
	db, err := store.Open(ctx, c.DatabaseURL, c.Keys()...)
	if err != nil {
		return err
	}
	_, err = migrations.Up(ctx, db.DB().DB)
	return errors.Join(err, db.Close())
}

// Run works until ctx is done, or a part fails, and then ends everything.
func (s *Stack) Run(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.app.Run(groupCtx) })
	if s.demo != nil {
		group.Go(func() error { return s.demo.run(groupCtx) })
	}
	group.Go(func() error { return s.infrastructure.Wait(groupCtx) })
	return errors.Join(group.Wait(), s.infrastructure.Stop(ctx))
}

// URL is the address of the API and the console.
func (s *Stack) URL() string { return "http://" + s.app.Address() }

// UIURL is the address of the deliveries in the Temporal Web UI.
func (s *Stack) UIURL() string {
	return s.options.Config.TemporalUIURL + "/namespaces/" + Namespace + "/workflows"
}

// AdminKey is the key that may do everything.
func (s *Stack) AdminKey() string { return s.options.Config.AdminKey }

// DataDir is the path of the data directory.
func (s *Stack) DataDir() string { return s.options.DataDir.path }

// Targets says in words where deliveries may go.
func (s *Stack) Targets() string {
	switch s.options.Config.Insecure {
	case target.InsecureAll:
		return "any address are allowed, also without TLS: for development only"
	case target.InsecureLoopback:
		return "this machine's own addresses are allowed, also without TLS: for development only (--allow-insecure-targets)"
	default:
		return "public HTTPS addresses only"
	}
}

// checkPorts finds out about all busy ports before anything is started.
func checkPorts(o Options) error {
	var errs []error
	for _, flag := range []struct{ name, address string }{
		{"listen", o.Config.Listen}, {"metrics-listen", o.Config.MetricsListen}, {"temporal-listen", o.TemporalListen}, {"ui-listen", o.UIListen},
		{"postgres-port", fmt.Sprintf("127.0.0.1:%d", o.PostgresPort)},
	} {
		if flag.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", flag.address)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: cannot listen on %s: %w", flag.name, flag.address, errors.Unwrap(err)))
			continue
		}
		errs = append(errs, listener.Close())
	}
	return errors.Join(errs...)
}
