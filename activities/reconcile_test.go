package activities_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

// disagreeing is a real store with one delivery after another, and workflows as a test says.
type disagreeing struct {
	*database
	event, webhook string
	runs           map[string]webhook.WorkflowRun // by delivery; missing without
	terminated     []string
	running        []activities.RunningWorkflow // the newest first
	ended          map[string]webhook.Status
	oldestTask     time.Duration
	deleted        []string
	onLook         func(id string)
	err            error
}

func newDisagreeing(t *testing.T) *disagreeing {
	t.Helper()
	d := &disagreeing{
		database: newDatabase(t, "https://8.8.8.8/"), runs: map[string]webhook.WorkflowRun{}, ended: map[string]webhook.Status{},
	}
	first, err := d.Delivery(t.Context(), d.account, d.id)
	require.NoError(t, err)
	d.event, d.webhook = first.EventID, first.WebhookID
	d.exec(`DELETE FROM deliveries`)
	return d
}

func (d *disagreeing) exec(query string, args ...any) {
	d.t.Helper()
	_, err := d.DB().ExecContext(d.t.Context(), query, args...)
	require.NoError(d.t, err)
}

// delivery makes one with this status, which changed last and was due as long ago.
func (d *disagreeing) delivery(status webhook.Status, ago time.Duration) string {
	d.t.Helper()
	id := webhook.NewID(webhook.DeliveryPrefix)
	d.exec(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, attempt_count, sweep_at, updated_at, next_attempt_at)
		VALUES ($1, $2, $3, $4, 'call.ended', $5, 1, NULL, now() - make_interval(secs => $6),
			CASE WHEN $5 = 'waiting' THEN now() - make_interval(secs => $6) END)`,
		id, d.account, d.event, d.webhook, status, ago.Seconds())
	return id
}

func (d *disagreeing) status(id string) webhook.Status {
	d.t.Helper()
	found, err := d.Delivery(d.t.Context(), d.account, id)
	require.NoError(d.t, err)
	return found.Status
}

func (d *disagreeing) LastRun(_ context.Context, id string) (webhook.WorkflowRun, error) {
	if d.onLook != nil {
		d.onLook(id)
	}
	run, ok := d.runs[id]
	if !ok {
		run.State = webhook.WorkflowMissing
	}
	return run, d.err
}

// page returns a part of a list: the token is where it begins.
func page[T any](all []T, token []byte, limit int) (part []T, next []byte) {
	begin := 0
	if len(token) > 0 {
		begin = int(binary.BigEndian.Uint32(token))
	}
	end := min(begin+limit, len(all))
	if end < len(all) {
		next = binary.BigEndian.AppendUint32(nil, uint32(end))
	}
	return all[begin:end], next
}

func (d *disagreeing) Terminated(_ context.Context, _ time.Time, token []byte, limit int) (ids []string, next []byte, err error) {
	ids, next = page(d.terminated, token, limit)
	return ids, next, d.err
}

func (d *disagreeing) Running(_ context.Context, before time.Time, token []byte, limit int) (running []activities.RunningWorkflow, next []byte, err error) {
	older := slices.Clone(d.running)
	if !before.IsZero() {
		older = slices.DeleteFunc(older, func(w activities.RunningWorkflow) bool { return w.StartedAt.After(before) })
	}
	running, next = page(older, token, limit)
	return running, next, d.err
}

func (d *disagreeing) End(_ context.Context, id, runID string, status webhook.Status) error {
	require.Equal(d.t, d.runs[id].RunID, runID)
	d.ended[id] = status
	return nil
}

func (d *disagreeing) OldestTask(context.Context, string) (time.Duration, error) {
	return d.oldestTask, d.err
}

func (d *disagreeing) Delete(_ context.Context, id, runID string) error {
	require.Equal(d.t, d.runs[id].RunID, runID)
	d.deleted = append(d.deleted, id)
	delete(d.runs, id)
	return nil
}

// look runs a step of the reconciler.
func (d *disagreeing) look(of func(*activities.Reconciler) step, cursor webhook.ReconcileCursor) (webhook.Reconciliation, error) {
	d.t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.SetTestTimeout(2 * time.Minute)
	r := activities.NewReconciler(d, d, metrics.New("1.2.3"), slog.New(slog.DiscardHandler))
	activities.LookAtMost(r, mostLooks)
	env.RegisterActivity(r)
	value, err := env.ExecuteActivity(of(r), cursor)
	var found webhook.Reconciliation
	if err == nil {
		require.NoError(d.t, value.Get(&found))
	}
	return found, err
}

const mostLooks = 400 // two batches

type step = func(context.Context, webhook.ReconcileCursor) (webhook.Reconciliation, error)

func overdue(r *activities.Reconciler) step    { return r.ReconcileOverdue }
func terminated(r *activities.Reconciler) step { return r.ReconcileTerminated }
func running(r *activities.Reconciler) step    { return r.ReconcileRunning }

func TestReconcileOverdue(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	missing, reopened := d.delivery(webhook.StatusWaiting, time.Hour), d.delivery(webhook.StatusPending, time.Hour)
	terminated, delivered := d.delivery(webhook.StatusWaiting, time.Hour), d.delivery(webhook.StatusPending, time.Hour)
	late, fine := d.delivery(webhook.StatusWaiting, time.Hour), d.delivery(webhook.StatusWaiting, -time.Hour)
	d.runs[terminated] = webhook.WorkflowRun{State: webhook.WorkflowTerminated}
	d.runs[delivered] = webhook.WorkflowRun{State: webhook.WorkflowClosed, Status: webhook.StatusDelivered}
	d.runs[late] = webhook.WorkflowRun{State: webhook.WorkflowOpen}

	got, err := d.look(overdue, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Equal(t, webhook.Reconciliation{Checked: 5, Found: map[webhook.Finding]int{
		webhook.FindingMissing: 2, webhook.FindingTerminated: 1, webhook.FindingClosed: 1, webhook.FindingLate: 1,
	}}, got)
	for id, want := range map[string]webhook.Status{
		missing: webhook.StatusPending, reopened: webhook.StatusPending, terminated: webhook.StatusCancelled,
		delivered: webhook.StatusDelivered, late: webhook.StatusWaiting, fine: webhook.StatusWaiting,
	} {
		require.Equal(t, want, d.status(id))
	}
	claimed, err := d.ClaimUnstarted(t.Context(), 10, time.Hour)
	require.NoError(t, err)
	require.Len(t, claimed, 2, "the sweep starts what is missing")

	got, err = d.look(overdue, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Equal(t, map[webhook.Finding]int{webhook.FindingLate: 1}, got.Found, "the rest is mended")
}

// A workflow whose task Temporal has lost is deleted and then started again, but not one whose task is in a backlog.
func TestReconcileStalled(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	stalled, soon := d.delivery(webhook.StatusWaiting, time.Hour), d.delivery(webhook.StatusWaiting, time.Hour)
	open := func(taskSince time.Duration) webhook.WorkflowRun {
		return webhook.WorkflowRun{State: webhook.WorkflowOpen, RunID: "run", TaskSince: time.Now().Add(-taskSince)}
	}
	d.runs[stalled], d.runs[soon] = open(11*time.Minute), open(9*time.Minute)
	d.oldestTask = 2 * time.Minute
	found := func(want map[webhook.Finding]int) {
		t.Helper()
		got, err := d.look(overdue, webhook.ReconcileCursor{})
		require.NoError(t, err)
		require.Equal(t, want, got.Found)
	}
	found(map[webhook.Finding]int{webhook.FindingLate: 2})
	require.Empty(t, d.deleted)

	d.oldestTask = 0
	found(map[webhook.Finding]int{webhook.FindingLate: 1, webhook.FindingStalled: 1})
	require.Equal(t, []string{stalled}, d.deleted)
	require.Equal(t, webhook.StatusWaiting, d.status(stalled))

	found(map[webhook.Finding]int{webhook.FindingLate: 1, webhook.FindingMissing: 1})
	require.Equal(t, webhook.StatusPending, d.status(stalled))
}

// Two look at the same delivery at the same time: one mends it.
func TestReconcileMendsOnce(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	id := d.delivery(webhook.StatusWaiting, time.Hour)
	d.onLook = func(string) {
		d.exec(`UPDATE deliveries SET updated_at = now() WHERE id = $1`, id)
	}
	got, err := d.look(overdue, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Empty(t, got.Found)
	require.Equal(t, webhook.StatusWaiting, d.status(id))
}

// However many are late, a run looks at so many, and the next one at those after them.
func TestReconcileOverdueInParts(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	d.exec(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, sweep_at, next_attempt_at)
		SELECT 'dlv_' || n, $1, $2, $3, 'call.ended', 'waiting', NULL, now() - interval '1 day' + n * interval '1 s'
		FROM generate_series(1, 450) AS n`, d.account, d.event, d.webhook)
	looked := map[string]int{}
	d.onLook = func(id string) {
		looked[id]++
		d.runs[id] = webhook.WorkflowRun{State: webhook.WorkflowOpen}
	}
	first, err := d.look(overdue, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Equal(t, mostLooks, first.Checked)
	require.Equal(t, "dlv_400", first.Cursor.OverdueID)
	second, err := d.look(overdue, first.Cursor)
	require.NoError(t, err)
	require.Equal(t, 50, second.Checked)
	require.Zero(t, second.Cursor, "the next one begins anew")
	require.Len(t, looked, 450)
}

func TestReconcileTerminated(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	later := d.delivery(webhook.StatusWaiting, -12*time.Hour)
	retried, ended := d.delivery(webhook.StatusWaiting, -time.Hour), d.delivery(webhook.StatusDelivered, time.Hour)
	d.runs[later] = webhook.WorkflowRun{State: webhook.WorkflowTerminated}
	d.runs[retried] = webhook.WorkflowRun{State: webhook.WorkflowOpen} // a later run
	for range 450 {
		d.terminated = append(d.terminated, webhook.NewID(webhook.DeliveryPrefix)) // of which the rows are gone
	}
	d.terminated = append(d.terminated, later, retried, ended)
	began := time.Now()
	got, err := d.look(terminated, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Equal(t, map[webhook.Finding]int{webhook.FindingTerminated: 1}, got.Found)
	require.False(t, got.Cursor.TerminatedSince.Before(began.Truncate(time.Microsecond)))
	require.Equal(t, webhook.StatusCancelled, d.status(later))
	require.Equal(t, webhook.StatusWaiting, d.status(retried))
	require.Equal(t, webhook.StatusDelivered, d.status(ended))

	d.err = errors.New("Temporal is down")
	_, err = d.look(terminated, webhook.ReconcileCursor{})
	require.ErrorContains(t, err, "Temporal is down")
}

func TestReconcileRunning(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	open := func(id string, ago time.Duration) string {
		d.runs[id] = webhook.WorkflowRun{State: webhook.WorkflowOpen, RunID: "run of " + id}
		d.running = append(d.running, activities.RunningWorkflow{DeliveryID: id, StartedAt: time.Now().Add(-ago)})
		return id
	}
	open(d.delivery(webhook.StatusExhausted, time.Hour), 0) // just retried
	open(d.delivery(webhook.StatusWaiting, -time.Hour), time.Hour)
	open(d.delivery(webhook.StatusDelivered, 0), time.Hour) // about to close
	delivered := open(d.delivery(webhook.StatusDelivered, time.Hour), time.Hour)
	cancelled := open(d.delivery(webhook.StatusCancelled, time.Hour), time.Hour)
	unknown := open(webhook.NewID(webhook.DeliveryPrefix), time.Hour)
	closed := open(d.delivery(webhook.StatusDelivered, time.Hour), time.Hour)
	d.runs[closed] = webhook.WorkflowRun{State: webhook.WorkflowClosed} // since the list was made

	got, err := d.look(running, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Equal(t, webhook.Reconciliation{Checked: 7, Found: map[webhook.Finding]int{webhook.FindingRunning: 2, webhook.FindingUnknown: 1}}, got)
	require.Equal(t, map[string]webhook.Status{delivered: webhook.StatusDelivered, cancelled: webhook.StatusCancelled, unknown: ""}, d.ended)
}

// A database in which nothing is known is more likely the wrong one than one that lost everything.
func TestReconcileWithTheWrongDatabase(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	for range 3 {
		id := webhook.NewID(webhook.DeliveryPrefix)
		d.runs[id] = webhook.WorkflowRun{State: webhook.WorkflowOpen}
		d.running = append(d.running, activities.RunningWorkflow{DeliveryID: id, StartedAt: time.Now().Add(-time.Hour)})
	}
	got, err := d.look(running, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Empty(t, got.Found)
	require.Empty(t, d.ended)
}

func TestReconcileRunningInParts(t *testing.T) {
	t.Parallel()
	d := newDisagreeing(t)
	last := d.delivery(webhook.StatusDelivered, time.Hour)
	d.runs[last] = webhook.WorkflowRun{State: webhook.WorkflowOpen}
	fine := d.delivery(webhook.StatusWaiting, -time.Hour)
	began := time.Now().Add(-24 * time.Hour)
	for i := range 450 {
		d.running = append(d.running, activities.RunningWorkflow{DeliveryID: fine, StartedAt: began.Add(-time.Duration(i) * time.Second)})
	}
	d.running = append(d.running, activities.RunningWorkflow{DeliveryID: last, StartedAt: began.Add(-24 * time.Hour)})
	first, err := d.look(running, webhook.ReconcileCursor{})
	require.NoError(t, err)
	require.Equal(t, mostLooks, first.Checked)
	require.Empty(t, first.Found)
	require.False(t, first.Cursor.RunningBefore.IsZero())
	second, err := d.look(running, first.Cursor)
	require.NoError(t, err)
	require.Equal(t, map[webhook.Finding]int{webhook.FindingRunning: 1}, second.Found)
	require.Zero(t, second.Cursor)
}
