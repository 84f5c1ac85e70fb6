package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// missed is a real store with a webhook that missed some deliveries, and a running recovery of them.
type missed struct {
	*database
	recovery webhook.Recovery
	ids      []string
	asked    []string // for which a retry was asked for
	// onRetry happens at the retry with this number, counted from 1.
	onRetry map[int]func(d webhook.Delivery) error
}

func newMissed(t *testing.T, n int) *missed {
	t.Helper()
	m := &missed{database: newDatabase(t, "https://8.8.8.8/"), onRetry: map[int]func(webhook.Delivery) error{}}
	first, err := m.Delivery(t.Context(), m.account, m.id)
	require.NoError(t, err)
	m.ids = []string{m.id}
	for range n - 1 {
		id := webhook.NewID(webhook.DeliveryPrefix)
		m.exec(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event) VALUES ($1, $2, $3, $4, $5)`,
			id, m.account, first.EventID, first.WebhookID, first.Event)
		m.ids = append(m.ids, id)
	}
	m.exec(`UPDATE deliveries SET status = 'exhausted', attempt_count = 6`)
	now := time.Now().Add(time.Minute) // whatever the database's clock says
	definition := webhook.RecoveryDefinition{Since: now.Add(-time.Hour).Format(time.RFC3339)}
	m.recovery, err = webhook.DefineRecovery(m.account, first.WebhookID, definition, now)
	require.NoError(t, err)
	require.NoError(t, m.CreateRecovery(t.Context(), &m.recovery))
	return m
}

func (m *missed) exec(query string, args ...any) {
	m.t.Helper()
	_, err := m.DB().ExecContext(m.t.Context(), query, args...)
	require.NoError(m.t, err)
}

func (m *missed) retry(_ context.Context, d webhook.Delivery) error {
	m.asked = append(m.asked, d.ID)
	if happens := m.onRetry[len(m.asked)]; happens != nil {
		return happens(d)
	}
	return nil
}

func (m *missed) activities() *activities.Recoveries {
	return activities.NewRecoveries(m, m.retry, slog.New(slog.DiscardHandler))
}

// workflow returns an environment in which Recover runs on the activities.
func (m *missed) workflow() *testsuite.TestWorkflowEnvironment {
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: m.recovery.ID})
	env.RegisterWorkflow(workflows.Recover)
	env.RegisterActivity(m.activities())
	return env
}

// run runs the workflow to its end and returns how the recovery stands then.
func (m *missed) run(env *testsuite.TestWorkflowEnvironment) (webhook.RecoveryProgress, error) {
	m.t.Helper()
	env.ExecuteWorkflow(workflows.Recover, workflows.RecoverInput{WebhookID: m.recovery.WebhookID})
	r, err := m.Recovery(m.t.Context(), m.account, m.recovery.ID)
	require.NoError(m.t, err)
	return r.Progress(), env.GetWorkflowError()
}

func TestRecover(t *testing.T) {
	t.Parallel()
	m := newMissed(t, 5)
	progress, err := m.run(m.workflow())
	require.NoError(t, err)
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: 5, Retried: 5}, progress)
	require.Equal(t, m.ids, m.asked, "oldest first")
}

// A worker dies, or Temporal cannot be reached, at any moment around a retry: none is left out, counted twice,
// or made twice.
func TestRecoverAfterAFailure(t *testing.T) {
	t.Parallel()
	failed := errors.New("the worker died")
	for name, scenario := range map[string]struct {
		happens func(m *missed, d webhook.Delivery) error
		again   bool
	}{
		"before the signal": {func(*missed, webhook.Delivery) error { return failed }, true},
		"after the signal, before the attempt": {func(m *missed, d webhook.Delivery) error {
			return errors.Join(failed, m.Reopen(context.WithoutCancel(m.t.Context()), d.ID, d.AttemptCount))
		}, false},
		"after the attempt, which failed too": {func(m *missed, d webhook.Delivery) error {
			m.exec(`UPDATE deliveries SET attempt_count = 7, updated_at = now() WHERE id = $1`, d.ID)
			return failed
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMissed(t, 4)
			m.onRetry[3] = func(d webhook.Delivery) error { return scenario.happens(m, d) }
			progress, err := m.run(m.workflow())
			require.NoError(t, err)
			require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: 4, Retried: 4}, progress)
			want := m.ids
			if scenario.again {
				want = []string{m.ids[0], m.ids[1], m.ids[2], m.ids[2], m.ids[3]}
			}
			require.Equal(t, want, m.asked)
		})
	}
}

// What was counted as retried is retried, also when the recovery is cancelled just then.
func TestRecoverIsCancelledDuringARetry(t *testing.T) {
	t.Parallel()
	m := newMissed(t, 4)
	env := m.workflow()
	m.onRetry[2] = func(webhook.Delivery) error {
		env.CancelWorkflow()
		return context.Canceled
	}
	progress, err := m.run(env)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCancelled, Matched: 4, Retried: 2}, progress)
	require.Equal(t, []string{m.ids[0], m.ids[1], m.ids[1]}, m.asked)
}

func TestRecoverStopsWhenTheWebhookIsDisabled(t *testing.T) {
	t.Parallel()
	m := newMissed(t, 4)
	m.onRetry[2] = func(d webhook.Delivery) error {
		return m.DisableWebhook(m.t.Context(), d.WebhookID, "The endpoint answered 410 Gone.")
	}
	progress, err := m.run(m.workflow())
	require.ErrorContains(t, err, "The webhook was disabled or deleted.")
	require.Equal(t, webhook.RecoveryProgress{
		Status: webhook.RecoveryFailed, Reason: "The webhook was disabled or deleted.", Matched: 4, Retried: 2,
	}, progress)
	require.Len(t, m.asked, 2)
}

func TestRecoverBatchRetriesAsManyAsItShould(t *testing.T) {
	t.Parallel()
	m := newMissed(t, 3)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(m.activities())
	request := webhook.RecoveryRequest{RecoveryID: m.recovery.ID, Most: 2}
	for _, want := range []webhook.RecoveryProgress{
		{Status: webhook.RecoveryRunning, Retried: 2},
		{Status: webhook.RecoveryCompleted, Matched: 3, Retried: 3},
	} {
		value, err := env.ExecuteActivity(m.activities().RecoverBatch, request)
		require.NoError(t, err)
		var progress webhook.RecoveryProgress
		require.NoError(t, value.Get(&progress))
		require.Equal(t, want, progress)
	}
	require.Equal(t, m.ids, m.asked)
}

func TestRecoverBatchStopsWithItsWorker(t *testing.T) {
	t.Parallel()
	m := newMissed(t, 20)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(m.activities())
	stop := make(chan struct{})
	close(stop)
	env.SetWorkerStopChannel(stop)
	_, err := env.ExecuteActivity(m.activities().RecoverBatch, webhook.RecoveryRequest{RecoveryID: m.recovery.ID, Most: 100})
	require.ErrorContains(t, err, "the worker stops")
	require.NotEmpty(t, m.asked)
	require.Less(t, len(m.asked), len(m.ids))
}

// No number of tries mends that there is no such recovery.
func TestActivitiesOfAnUnknownRecovery(t *testing.T) {
	t.Parallel()
	m := newMissed(t, 1)
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	acts := m.activities()
	env.RegisterActivity(acts)
	for _, call := range []any{acts.CountRecovery, acts.RecoverBatch, acts.EndRecovery} {
		_, err := env.ExecuteActivity(call, webhook.RecoveryRequest{RecoveryID: webhook.NewID(webhook.RecoveryPrefix), Most: 1})
		var domain *temporal.ApplicationError
		require.ErrorAs(t, err, &domain)
		require.True(t, domain.NonRetryable())
		require.Equal(t, string(webhook.CodeNotFound), domain.Type())
	}
}
