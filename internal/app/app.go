// Package app puts a durahook process together: it makes the parts that the process needs, runs them and
// drains them.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/alerts"
	"github.com/durahook/durahook/exports"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/internal/version"
	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/worker"
)

// Roles says which parts of durahook a process runs.
type Roles struct {
	API    bool // the API and the console; starts workflows
	Worker bool // runs workflows and makes attempts
}

// drain is what a process adds to the attempt timeout when it waits for attempts under way to end.
const drain = 10 * time.Second

// LongestStop is how long a process with this configuration takes to stop, from the first signal, if everything takes as
// long as it may. Whoever stops it is to wait for longer.
func LongestStop(c config.Config) time.Duration {
	return c.DrainDelay + requestDrain + c.AttemptTimeout + drain
}

// App is a durahook process.
type App struct {
	config   config.Config
	dial     []grpc.DialOption // of the connection to Temporal
	roles    Roles
	log      *slog.Logger
	store    *store.Store
	temporal client.Client
	guard    *target.Guard
	lanes    *lanes.Tracker
	metrics  *metrics.Metrics
	traces   *traces.Traces  // nil unless they are wanted
	exports  *exports.Bucket // nil unless there is one
	server   *server
	scraped  *server // serves the metrics without a key; nil unless it is asked for
}

// Open connects to Postgres, refuses a database that is not migrated or holds secrets that the keys cannot open,
// and binds the port. Temporal need not be up; dial are further options for the connection to it.
func Open(ctx context.Context, c config.Config, roles Roles, log *slog.Logger, dial ...grpc.DialOption) (*App, error) {
	a := &App{
		config: c, dial: dial, roles: roles, log: log, lanes: new(lanes.Tracker), metrics: metrics.New(version.Version()),
		guard: target.NewGuard(c.Insecure, target.Allow(c.AllowNetworks...), target.Deny(c.DenyNetworks...)),
	}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context) (err error) {
	if a.traces, err = traces.FromEnvironment(ctx, version.Version(), a.log); err != nil {
		return err
	}
	if a.store, err = store.Open(ctx, a.config.DatabaseURL, a.config.Keys()...); err != nil {
		return err
	}
	if err := migrations.Check(ctx, a.store.DB().DB); err != nil {
		return err
	}
	if err := a.store.CheckKeys(ctx); err != nil {
		return err
	}
	if a.temporal, err = client.NewLazyClient(a.temporalOptions()); err != nil {
		return fmt.Errorf("set up the client for Temporal at %s: %w", a.config.TemporalAddress, err)
	}
	if a.config.Insecure != target.InsecureNone {
		a.log.Warn("insecure targets are allowed: for development only", "allow_insecure_targets", a.config.Insecure)
	}
	if len(a.config.AllowNetworks) > 0 {
		a.log.Info("networks beyond the public ones are allowed", "allow_networks", a.config.AllowNetworks)
	}
	if err := a.openExports(ctx); err != nil {
		return err
	}
	return a.listen()
}

func (a *App) openExports(ctx context.Context) (err error) {
	if !a.roles.Worker || a.config.Export == nil {
		return nil
	}
	if a.exports, err = exports.Open(ctx, a.config.Export); err != nil {
		return fmt.Errorf("--export-url: %w", err)
	}
	// Deliveries don't wait for a bucket: what cannot be exported is kept.
	const patience = 10 * time.Second
	checking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := a.exports.Check(checking); err != nil {
		a.log.Error("events cannot be exported, and are not deleted until they can", "export_url", a.config.Export, "error", err)
		return nil
	}
	a.log.Info("events are exported before they are deleted", "export_url", a.config.Export)
	return nil
}

func (a *App) temporalOptions() client.Options {
	options := client.Options{
		HostPort: a.config.TemporalAddress, Namespace: a.config.TemporalNamespace,
		ConnectionOptions: client.ConnectionOptions{
			TLS: a.config.TemporalTLS,
			// Requests are small, and compressing them costs more than they do.
			GrpcCompression: &client.GrpcCompressionNone{},
			DialOptions:     a.dial,
		},
		MetricsHandler: a.metrics.Temporal(),
		Logger:         sdklog.NewStructuredLogger(slog.New(quieted(a.log.Handler(), a.config.Level))),
	}
	if a.config.TemporalAPIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(a.config.TemporalAPIKey)
	}
	return options
}

// listen binds the ports.
func (a *App) listen() (err error) {
	if a.roles.API {
		if a.server, err = listen("listen", a.config.Listen); err != nil {
			return err
		}
	}
	if a.config.MetricsListen != "" {
		if a.scraped, err = listen("metrics-listen", a.config.MetricsListen); err != nil {
			return err
		}
		a.log.Info("the metrics are served without a key", "metrics_listen", a.scraped.address())
	}
	return nil
}

func (a *App) close() error {
	var errs []error
	for _, server := range []*server{a.server, a.scraped} {
		if server != nil {
			errs = append(errs, server.close())
		}
	}
	if a.temporal != nil {
		a.temporal.Close()
	}
	a.closeTraces()
	errs = append(errs, a.exports.Close())
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// closeTraces sends the last spans. A collector that doesn't answer holds nothing up, and is no failure.
func (a *App) closeTraces() {
	const patience = 3 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience) //nolint:forbidigo // everything else has ended
	defer cancel()
	if err := a.traces.Close(ctx); err != nil {
		a.log.Warn("export traces", "error", err)
	}
}

// Address is where the API and the console are served, such as "127.0.0.1:8080"; only with the role API.
func (a *App) Address() string { return a.server.address() }

// BePublic has links lead to where the console is served, unless the configuration says where people find it. It is
// called before Run.
func (a *App) BePublic() {
	if a.config.PublicURL == "" {
		a.config.PublicURL = "http://" + a.Address()
	}
}

// Run works until ctx is done, or a part fails, and closes everything. It drains in an order in which nothing is lost
// or made twice: readiness goes first, and a while later, when those who distribute requests have noticed, no further
// ones are taken; then what was published is started; then no further attempts are taken, and those under way end.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	starting, stopStarting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopStarting()
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	scraped, stopScraping := context.WithCancel(context.WithoutCancel(ctx))
	defer stopScraping()
	a.metrics.WatchPool(a.store.DB().DB)
	a.metrics.WatchBacklog(ctx, a.store.Backlog)
	if a.scraped != nil {
		group.Go(func() error { return a.scraped.run(scraped, a.scrapes(), 0) })
	}
	starter := a.starter()
	if a.roles.API {
		a.metrics.WatchStarter(starter)
		s := a.service(starter)
		defer context.AfterFunc(ctx, s.Drain)()
		group.Go(func() error { return s.RunOperational(ctx) })
		group.Go(func() error { return s.RunAlerts(ctx) })
		handler, stopping := a.handler(s)
		group.Go(func() error {
			defer stopStarting()
			return a.server.run(ctx, handler, a.config.DrainDelay, stopping)
		})
		group.Go(func() error {
			defer stopWorking()
			return starter.Run(starting)
		})
	} else {
		defer context.AfterFunc(ctx, stopWorking)()
	}
	turns := activities.NewTurns(a.store, worker.TurnSignal(a.temporal), a.log)
	if a.roles.Worker {
		group.Go(func() error { return turns.Run(working) })
	}
	group.Go(func() error {
		defer stopScraping()
		if a.roles.Worker {
			return a.worker(starter, turns).Run(working)
		}
		<-working.Done()
		return nil
	})
	err := withBallast(group.Wait)
	return errors.Join(err, a.close())
}

func (a *App) starter() *service.Starter {
	tracker := a.lanes
	if !a.roles.Worker {
		tracker = nil
	}
	starter := service.NewStarter(a.store, a.temporal, a.config.Schedule, tracker, a.log).TraceWith(a.traces)
	starter.LinkTo(a.config.PublicURL)
	return starter
}

func (a *App) service(starter *service.Starter) *service.Service {
	const onTop = 10 * time.Second
	testTimeout := service.DefaultTestTimeout
	if a.roles.Worker {
		testTimeout = a.config.AttemptTimeout + onTop
	}
	return service.New(service.Options{
		TestTimeout: testTimeout,
		Store:       a.store, Temporal: a.temporal, Guard: a.guard, Starter: starter,
		Namespace: a.config.TemporalNamespace, UIURL: a.config.TemporalUIURL, Metrics: a.metrics, Traces: a.traces, Log: a.log,
		PublishRate: a.config.PublishRate,
		Mail:        a.config.Mail != nil, AlertWindow: a.config.AlertWindow, AlertQuiet: a.config.AlertQuiet,
	})
}

func (a *App) worker(starter *service.Starter, turns *activities.Turns) *worker.Worker {
	sender := activities.NewSender(a.guard, a.config.AttemptTimeout, version.Version(), a.metrics)
	acts := activities.New(a.store, sender, a.lanes, turns, a.metrics, a.traces, a.log)
	return worker.New(worker.Options{
		Client: a.temporal, Namespace: a.config.TemporalNamespace, Activities: acts,
		Discards:   activities.NewDiscards(a.store, worker.DiscardSignal(a.temporal), a.log),
		Recoveries: activities.NewRecoveries(a.store, starter.Retry, a.log),
		Reconciler: activities.NewReconciler(a.store, worker.NewExecutions(a.temporal, a.config.TemporalNamespace), a.metrics, a.log),
		Health:     activities.NewHealth(a.store, a.metrics, a.log), DisableAfter: a.config.DisableAfter,
		Retention: activities.NewRetention(a.store, a.config.Retention, a.exports, a.metrics, a.log),
		Keep:      a.config.Retention, Export: a.exports != nil,
		Alerts: activities.NewAlerts(a.store, alerts.NewSender(a.guard.Transport(), a.config.Mail), a.config.PublicURL, a.metrics, a.log),
		Stop:   a.config.AttemptTimeout + drain, Log: a.log,
	})
}
