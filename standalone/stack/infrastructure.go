package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"go.temporal.io/api/enums/v1"
	"google.golang.org/grpc"

	"github.com/durahook/durahook/internal/postgres"
	"github.com/durahook/durahook/standalone/temporalserver"
	"github.com/durahook/durahook/workflows"
)

// Namespace is the Temporal namespace of the deliveries.
const Namespace = "default"

// workflowsKept is how long Temporal keeps closed workflows where events are kept for the length of keep, or for ever
// when it is 0: as long, within what Temporal allows.
func workflowsKept(keep time.Duration) time.Duration {
	const shortest, forever = time.Hour, 100 * 365 * 24 * time.Hour
	if keep == 0 {
		return forever
	}
	return max(keep, shortest)
}

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
	Retention      time.Duration     // for which events are kept; 0 for ever
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
	if i.postgres, err = StartPostgres(ctx, o); err != nil {
		return i, err
	}
	return i, i.StartTemporal(ctx)
}

// StartPostgres starts Postgres alone, with the databases of durahook and Temporal on it.
func StartPostgres(ctx context.Context, o InfrastructureOptions) (*postgres.Server, error) {
	o.Progress("starting Postgres")
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir: o.DataDir, Port: o.PostgresPort, Settings: postgresSettings(o.Settings), Logger: o.Log, Progress: o.Progress,
	})
	if err != nil {
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	for _, name := range []string{ownDatabase, temporalDatabase, visibilityDatabase} {
		if err := server.CreateDatabase(ctx, name); err != nil {
			return nil, errors.Join(err, server.Stop(ctx))
		}
	}
	return server, nil
}

// DatabaseURL is the address of durahook's own database on a server.
func DatabaseURL(server *postgres.Server) string { return server.URL(ownDatabase) }

// StartTemporal starts Temporal alone, on the Postgres that durahook's own database is on.
func StartTemporal(ctx context.Context, o InfrastructureOptions, databaseURL string) (*temporalserver.Server, error) {
	o.Progress("starting Temporal and its Web UI")
	at, err := url.Parse(databaseURL)
	if err != nil {
		return nil, errors.New("start Temporal: the address of Postgres is not a URL")
	}
	password, _ := at.User.Password()
	server, err := temporalserver.Start(ctx, temporalserver.Options{
		PostgresAddr: at.Host, User: at.User.Username(), Password: password,
		Database: temporalDatabase, VisibilityDatabase: visibilityDatabase,
		Listen: o.TemporalListen, UIListen: o.UIListen, Namespace: Namespace, Retention: workflowsKept(o.Retention),
		SearchAttributes: searchAttributes(), Logger: o.Log, Progress: o.Progress,
	})
	if err != nil {
		return nil, fmt.Errorf("start Temporal: %w", err)
	}
	return server, nil
}

// StartTemporal starts Temporal, again after StopTemporal, on the addresses that it had then.
func (i *Infrastructure) StartTemporal(ctx context.Context) (err error) {
	o := i.options
	i.temporal, err = StartTemporal(ctx, o, i.postgres.URL(ownDatabase))
	if err != nil {
		return err
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

// TemporalDialOptions are for a client of Temporal in this process, see [temporalserver.Server.DialOptions].
func (i *Infrastructure) TemporalDialOptions() []grpc.DialOption { return i.temporal.DialOptions() }

// UIURL is the address of the Temporal Web UI.
func (i *Infrastructure) UIURL() string { return "http://" + i.options.UIListen }

// Wait returns when ctx is done or, with an error, when Temporal ended by itself. A Postgres that did is started again.
func (i *Infrastructure) Wait(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.temporal.Done():
			return i.temporal.Err()
		case <-i.postgres.Done():
			i.options.Log.Error("Postgres is started again", "error", i.postgres.Err())
			i.restartPostgres(ctx)
		}
	}
}

// restartPostgres tries until Postgres is there again, or there is nobody left to use it: on a full disk, say, it cannot
// be before somebody has made room.
func (i *Infrastructure) restartPostgres(ctx context.Context) {
	const pause = 2 * time.Second
	for {
		err := i.postgres.Restart(ctx)
		if err == nil {
			i.options.Log.Info("Postgres is there again")
			return
		}
		if ctx.Err() == nil {
			i.options.Log.Error("start Postgres again; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-i.temporal.Done():
			return
		case <-time.After(pause):
		}
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
