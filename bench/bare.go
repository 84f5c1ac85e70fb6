package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	sdkclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"
)

// bareWorkflows runs workflows that do the least that a durable step can be: one local activity that does nothing.
type bareWorkflows struct {
	rig       *Rig
	worker    worker.Worker
	taskQueue string
}

func (r *Rig) newBareWorkflows() (*bareWorkflows, error) {
	b := &bareWorkflows{rig: r, taskQueue: newName("durahook-bench-floor")}
	b.worker = worker.New(r.temporal, b.taskQueue, worker.Options{LocalActivityWorkerOnly: true})
	b.worker.RegisterWorkflow(BareWorkflow)
	b.worker.RegisterActivity(BareActivity)
	if err := b.worker.Start(); err != nil {
		return nil, fmt.Errorf("start a worker for bare workflows: %w", err)
	}
	return b, nil
}

func (b *bareWorkflows) stop() { b.worker.Stop() }

// BareWorkflow is the workflow of the floor.
func BareWorkflow(ctx workflow.Context) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteLocalActivity(ctx, BareActivity).Get(ctx, nil)
}

// BareActivity does nothing.
func BareActivity(context.Context) error { return nil }

// completion is the RPC that completes a bare workflow.
const completion = "RespondWorkflowTaskCompleted"

// run starts n workflows, so many at the same time, and returns how long it took until the last was completed.
func (b *bareWorkflows) run(ctx context.Context, concurrency, n int) (time.Duration, error) {
	before, began := b.rig.rpcs.of(completion), time.Now()
	group, groupCtx := errgroup.WithContext(ctx)
	var started atomic.Int64
	for range concurrency {
		group.Go(func() error {
			for started.Add(1) <= int64(n) {
				_, err := b.rig.temporal.ExecuteWorkflow(groupCtx, sdkclient.StartWorkflowOptions{
					ID: newName("durahook-bench-floor"), TaskQueue: b.taskQueue, EnableEagerStart: true,
				}, BareWorkflow)
				if err != nil {
					return fmt.Errorf("start a bare workflow: %w", err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return b.awaitCompleted(ctx, before+n, began)
}

func (b *bareWorkflows) awaitCompleted(ctx context.Context, completions int, began time.Time) (time.Duration, error) {
	const interval, patience = time.Millisecond, time.Minute
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for waiting := time.Now(); b.rig.rpcs.of(completion) < completions; {
		if time.Since(waiting) > patience {
			return 0, fmt.Errorf("bare workflows were not completed within %s", patience)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-ticker.C:
		}
	}
	return time.Since(began), nil
}
