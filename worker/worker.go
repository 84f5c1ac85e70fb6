// Package worker runs the workflows and activities: it registers them on their task queues and polls
// Temporal for work. It imports workflows, activities, internal/stack and internal/version.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/internal/version"
	"github.com/durahook/durahook/workflows"
)

var (
	_ workflows.Activities        = (*activities.Activities)(nil)
	_ workflows.DiscardActivities = (*activities.Discards)(nil)
	_ workflows.RecoverActivities = (*activities.Recoveries)(nil)

	_ workflows.ReconcileActivities = (*activities.Reconciler)(nil)
	_ workflows.HealthActivities    = (*activities.Health)(nil)
	_ workflows.RetentionActivities = (*activities.Retention)(nil)
	_ workflows.AlertActivities     = (*activities.Alerts)(nil)
)

const (
	// quickAttempts and slowAttempts are how many attempts of either task queue are made at the same time. A request
	// that waits for its answer costs a connection and some 50 KB; a dead endpoint keeps each for 30 s. Whoever waits
	// for a place in the slow queue gets it in turn, since the webhook is the fairness key there.
	quickAttempts = 500
	slowAttempts  = 1000
	// cachedWorkflows is how many workflows are kept in memory between their tasks: enough for those with an attempt
	// under way. One that waits for minutes may be put together again from its short history; held here, 100,000
	// waiting deliveries would cost gigabytes.
	cachedWorkflows = 1024
)

// Worker works on deliveries. One in each process is enough.
type Worker struct {
	client     client.Client
	activities workflows.Activities
	discards   workflows.DiscardActivities
	recoveries workflows.RecoverActivities
	reconciler workflows.ReconcileActivities
	health     workflows.HealthActivities
	retention  workflows.RetentionActivities
	alerts     workflows.AlertActivities
	after      time.Duration
	keep       time.Duration
	export     bool
	namespace  string
	stop       time.Duration
	log        *slog.Logger
}

// Options are the parts of a worker.
type Options struct {
	Client     client.Client
	Namespace  string
	Activities workflows.Activities
	Discards   workflows.DiscardActivities
	Recoveries workflows.RecoverActivities
	Reconciler workflows.ReconcileActivities
	Health     workflows.HealthActivities
	Alerts     workflows.AlertActivities
	// DisableAfter is how long a webhook may fail until it is disabled; 0 for ever.
	DisableAfter time.Duration
	Retention    workflows.RetentionActivities
	// Keep is for how long events are kept; 0 for ever.
	Keep time.Duration
	// Export says that they are exported before they are deleted.
	Export bool
	Stop   time.Duration // what attempts under way get to end when the worker is stopped
	Log    *slog.Logger
}

// New returns a worker made of its parts.
func New(o Options) *Worker {
	worker.SetStickyWorkflowCacheSize(cachedWorkflows)
	// What each workflow task says of who completed it. The SDK would take the hash of the program, for which it reads all
	// of it when it starts, and which tells nobody which version that was.
	worker.SetBinaryChecksum(version.Version())
	return &Worker{
		client: o.Client, namespace: o.Namespace, activities: o.Activities, discards: o.Discards, recoveries: o.Recoveries,
		reconciler: o.Reconciler, health: o.Health, alerts: o.Alerts, after: o.DisableAfter,
		retention: o.Retention, keep: o.Keep, export: o.Export, stop: o.Stop, log: o.Log,
	}
}

// DiscardSignal returns a function that has a delivery's workflow end as discarded.
func DiscardSignal(c client.Client) func(ctx context.Context, deliveryID string) error {
	return func(ctx context.Context, deliveryID string) error {
		return c.SignalWorkflow(ctx, deliveryID, "", workflows.DiscardSignal, nil)
	}
}

// TurnSignal returns a function that tells a delivery's workflow that it is its turn.
func TurnSignal(c client.Client) func(ctx context.Context, deliveryID string) error {
	return func(ctx context.Context, deliveryID string) error {
		return c.SignalWorkflow(ctx, deliveryID, "", workflows.TurnSignal, nil)
	}
}

// Run works until ctx is done and then lets what is under way end. While Temporal cannot be reached it
// tries again and again.
func (w *Worker) Run(ctx context.Context) error {
	const pause = 2 * time.Second
	for {
		err := w.serve(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // to be stopped while Temporal is down is no failure
		}
		w.log.Warn("the worker waits for Temporal", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// serve works until ctx is done. It fails only when it cannot start.
func (w *Worker) serve(ctx context.Context) error {
	if err := ensureSearchAttributes(ctx, w.client, w.namespace, w.log); err != nil {
		return err
	}
	slots, err := worker.NewFixedSizeTuner(worker.FixedSizeTunerOptions{}) // as many as the SDK has by default
	if err != nil {
		return fmt.Errorf("make slots for tasks: %w", err)
	}
	all := []struct {
		queue string
		make  func(fatal chan<- error) worker.Worker
	}{
		{workflows.DeliveryTaskQueue, func(fatal chan<- error) worker.Worker { return w.deliveries(roomy{slots}, fatal) }},
		{workflows.AttemptTaskQueue, w.attempts}, {workflows.SlowAttemptTaskQueue, w.slowAttempts},
	}
	fatal := make(chan error, len(all))
	var started []worker.Worker
	defer func() { // at the same time: while one lets attempts end, the others are to take no further ones
		var stopping sync.WaitGroup
		for _, sdk := range started {
			stopping.Go(sdk.Stop)
		}
		stopping.Wait()
	}()
	for _, one := range all {
		sdk := one.make(fatal)
		if err := sdk.Start(); err != nil {
			return fmt.Errorf("start worker for %s: %w", one.queue, err)
		}
		started = append(started, sdk)
	}
	ensuring, stopEnsuring := context.WithCancel(ctx)
	var ensured sync.WaitGroup
	ensured.Go(func() { w.keepEnsuring(ensuring) })
	defer ensured.Wait()
	defer stopEnsuring()
	w.log.Info("the worker works", "namespace", w.namespace)
	select {
	case <-ctx.Done():
		return nil
	case err := <-fatal:
		return fmt.Errorf("worker: %w", err)
	}
}

// keepEnsuring makes the schedules, and tries again until it has: deliveries go on without.
func (w *Worker) keepEnsuring(ctx context.Context) {
	const pause = 30 * time.Second
	for {
		err := ensureSchedules(ctx, w.client, w.after, w.keep, w.export)
		if err == nil || ctx.Err() != nil {
			return
		}
		w.log.Warn("ensure schedules; it will be tried again", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// deliveries runs workflow tasks and, inside them, the attempts of the fast lane.
func (w *Worker) deliveries(tuner worker.WorkerTuner, fatal chan<- error) worker.Worker {
	sdk := worker.New(w.client, workflows.DeliveryTaskQueue, worker.Options{
		LocalActivityWorkerOnly: true,
		Tuner:                   tuner,
		WorkerStopTimeout:       w.stop,
		OnFatalError:            func(err error) { fatal <- err },
	})
	sdk.RegisterWorkflow(workflows.Delivery)
	sdk.RegisterWorkflow(workflows.DiscardDeliveries)
	sdk.RegisterWorkflow(workflows.Recover)
	sdk.RegisterWorkflow(workflows.Reconcile)
	sdk.RegisterWorkflow(workflows.WebhookHealth)
	sdk.RegisterWorkflow(workflows.Retention)
	sdk.RegisterWorkflow(workflows.SendAlert)
	sdk.RegisterActivity(w.activities)
	return sdk
}

// attempts runs the attempts of the queued lane to endpoints that are quick, and everything else that is to be done.
func (w *Worker) attempts(fatal chan<- error) worker.Worker {
	sdk := w.activityWorker(workflows.AttemptTaskQueue, quickAttempts, fatal)
	sdk.RegisterActivity(w.activities)
	sdk.RegisterActivity(w.discards)
	sdk.RegisterActivity(w.recoveries)
	sdk.RegisterActivity(w.reconciler)
	sdk.RegisterActivity(w.health)
	sdk.RegisterActivity(w.retention)
	sdk.RegisterActivity(w.alerts)
	return sdk
}

// slowAttempts runs the attempts of the queued lane to endpoints that are slow, failing or not known yet.
func (w *Worker) slowAttempts(fatal chan<- error) worker.Worker {
	sdk := w.activityWorker(workflows.SlowAttemptTaskQueue, slowAttempts, fatal)
	sdk.RegisterActivity(w.activities)
	return sdk
}

func (w *Worker) activityWorker(taskQueue string, atOnce int, fatal chan<- error) worker.Worker {
	return worker.New(w.client, taskQueue, worker.Options{
		DisableWorkflowWorker:              true,
		MaxConcurrentActivityExecutionSize: atOnce,
		// Polls go up with what waits and come down to few when nothing does.
		ActivityTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{}),
		WorkerStopTimeout:          w.stop,
		OnFatalError:               func(err error) { fatal <- err },
	})
}
