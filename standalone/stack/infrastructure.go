package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/durahook/durahook/internal/postgres"
	"github.com/durahook/durahook/standalone/temporalserver"
	"github.com/durahook/durahook/workflows"
)

// Namespace is the Temporal namespace of the deliveries.
const Namespace = "default"

// retention is how long Temporal keeps closed workflows.
const retention = 30 * 24 * time.Hour

// The databases on the one Postgres server.
const (
	ownDatabase        = "durahook"
	temporalDatabase   = "temporal"
	visibilityDatabase = "temporal_visibility"
)

// InfrastructureOptions says where the parts keep their data and listen.
type InfrastructureOptions struct {
	DataDir        string
	PostgresPort   int               // 0 takes a free one
	Settings       map[string]string // of Postgres, on top of those for one box
	TemporalListen string            // HOST:PORT; port 0 takes a free one
	UIListen       string            // HOST:PORT; port 0 takes a free one
	Log            *slog.Logger
	Progress       func(string)
}

// Infrastructure is what durahook stands on: Postgres, and Temporal with its Web UI.
type Infrastructure struct {
	options  InfrastructureOptions
	postgres *postgres.Server
	temporal *temporalserver.Server
}

// StartInfrastructure starts Postgres and Temporal and returns when both serve.
func StartInfrastructure(ctx context.Context, o InfrastructureOptions) (_ *Infrastructure, err error) {
	i := &Infrastructure{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.Stop(ctx))
		}
	}()
	o.Progress("starting Postgres")
	i.postgres, err = postgres.Start(ctx, postgres.Options{
		DataDir: o.DataDir, Port: o.PostgresPort, Settings: postgresSettings(o.Settings), Logger: o.Log, Progress: o.Progress,
	})
	if err != nil {
		return i, fmt.Errorf("start Postgres: %w", err)
	}
	for _, name := range []string{ownDatabase, temporalDatabase, visibilityDatabase} {
		if err := i.postgres.CreateDatabase(ctx, name); err != nil {
			return i, err
		}
	}
	return i, i.StartTemporal(ctx)
}

// StartTemporal starts Temporal, again after StopTemporal, on the addresses that it had then.
func (i *Infrastructure) StartTemporal(ctx context.Context) (err error) {
	o := i.options
	o.Progress("starting Temporal and its Web UI")
	i.temporal, err = temporalserver.Start(ctx, temporalserver.Options{
		PostgresAddr: i.postgres.Addr(), User: i.postgres.User(), Password: i.postgres.Password(),
		Database: temporalDatabase, VisibilityDatabase: visibilityDatabase,
		Listen: o.TemporalListen, UIListen: o.UIListen, Namespace: Namespace, Retention: retention,
		SearchAttributes: searchAttributes(), Logger: o.Log, Progress: o.Progress,
	})
	if err != nil {
		return fmt.Errorf("start Temporal: %w", err)
	}
	i.options.TemporalListen, i.options.UIListen = i.temporal.Addr(), i.temporal.UIAddr()
	return nil
}

// StopTemporal stops Temporal and leaves Postgres running.
func (i *Infrastructure) StopTemporal(ctx context.Context) error {
	if i.temporal == nil {
		return nil
	}
	err := i.temporal.Stop(ctx)
	i.temporal = nil
	return err
}

func searchAttributes() map[string]enums.IndexedValueType {
	types := make(map[string]enums.IndexedValueType)
	for _, attribute := range workflows.SearchAttributes() {
		types[attribute.GetName()] = attribute.GetValueType()
	}
	return types
}

// DatabaseURL is the address of durahook's own database, with the password.
func (i *Infrastructure) DatabaseURL() string { return i.postgres.URL(ownDatabase) }

// PostgresPID is the ID of the first process of Postgres.
func (i *Infrastructure) PostgresPID() int { return i.postgres.PID() }

// TemporalAddress is HOST:PORT of the Temporal frontend.
func (i *Infrastructure) TemporalAddress() string { return i.options.TemporalListen }

// UIURL is the address of the Temporal Web UI.
func (i *Infrastructure) UIURL() string { return "http://" + i.options.UIListen }

// Wait returns when ctx is done or, with an error, when Postgres or Temporal ended by itself.
func (i *Infrastructure) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-i.postgres.Done():
		return i.postgres.Err()
	case <-i.temporal.Done():
		return i.temporal.Err()
	}
}

// Stop ends what was started, also when ctx is done.
func (i *Infrastructure) Stop(ctx context.Context) error {
	const patience = 15 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := i.StopTemporal(ctx)
	if i.postgres != nil {
		err = errors.Join(err, i.postgres.Stop(ctx))
	}
	return err
}
