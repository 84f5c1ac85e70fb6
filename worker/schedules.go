package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// schedule is a workflow that runs again and again.
type schedule struct {
	id       string // also what the IDs of its workflows begin with
	workflow any
	args     []any
	every    time.Duration
	summary  string
	details  string
	gone     bool // there is to be none
}

// schedules are all of them. Webhooks that fail for the length of disableAfter are disabled, and events are kept for the
// length of keep, and exported first if that is said; all workers share the schedules of that, and what the last one to
// start was told counts.
func schedules(disableAfter, keep time.Duration, export bool) []schedule {
	return []schedule{{
		id: workflows.ReconcileID, workflow: workflows.Reconcile, every: workflows.ReconcileEvery,
		summary: "reconcile deliveries and workflows",
		details: "Finds and mends where the rows of deliveries and their workflows disagree. Pause the schedule to stop it; trigger it to have it run now.",
	}, {
		id: workflows.HealthID, workflow: workflows.WebhookHealth, every: webhook.HealthInterval(disableAfter),
		args:    []any{webhook.HealthRequest{DisableAfter: disableAfter.String()}},
		summary: "look for webhooks that fail",
		details: "Notes since when webhooks fail, warns of those that have for long, and disables them in the end.",
	}, {
		id: workflows.RetentionID, workflow: workflows.Retention, every: webhook.RetentionInterval(keep),
		args:    []any{webhook.RetentionRequest{Keep: keep.String(), Export: export}},
		summary: "delete events that were kept for " + keep.String(),
		details: "Deletes events, with their deliveries and attempts, that were kept for long enough. Pause the schedule to keep them.",
		gone:    keep == 0,
	}}
}

// ensureSchedules makes the schedules that the namespace lacks and brings those that are there in step with this
// version. One that an operator paused stays so.
func ensureSchedules(ctx context.Context, c client.Client, disableAfter, keep time.Duration, export bool) error {
	const longest = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	for _, s := range schedules(disableAfter, keep, export) {
		if err := s.ensure(ctx, c.ScheduleClient()); err != nil {
			return fmt.Errorf("ensure schedule %s: %w", s.id, err)
		}
	}
	return nil
}

func (s schedule) ensure(ctx context.Context, c client.ScheduleClient) error {
	if s.gone {
		var missing *serviceerror.NotFound
		if err := c.GetHandle(ctx, s.id).Delete(ctx); err != nil && !errors.As(err, &missing) {
			return err
		}
		return nil
	}
	_, err := c.Create(ctx, client.ScheduleOptions{
		ID: s.id, Spec: s.spec(), Action: s.action(), Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: s.every, Note: s.details,
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return c.GetHandle(ctx, s.id).Update(ctx, client.ScheduleUpdateOptions{DoUpdate: s.update})
}

func (s schedule) spec() client.ScheduleSpec {
	return client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: s.every}}}
}

func (s schedule) action() *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: s.id, Workflow: s.workflow, Args: s.args, TaskQueue: workflows.DeliveryTaskQueue,
		StaticSummary: s.summary, StaticDetails: s.details,
	}
}

// update changes what this version says of a schedule, if anything, and leaves its state as it is. What its workflows
// are told may differ without being seen, so that is always said again.
func (s schedule) update(there client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
	description := there.Description.Schedule
	if intervals := description.Spec.Intervals; len(s.args) == 0 && len(intervals) == 1 && intervals[0] == s.spec().Intervals[0] {
		return nil, temporal.ErrSkipScheduleUpdate
	}
	spec := s.spec()
	description.Spec, description.Action = &spec, s.action()
	return &client.ScheduleUpdate{Schedule: &description}, nil
}
