package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// reconcile runs Reconcile on these activities.
func reconcile(t *testing.T, before *webhook.Reconciliation, do map[string]func(webhook.ReconcileCursor) (webhook.Reconciliation, error)) (webhook.Reconciliation, error) {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.Reconcile)
	for name, f := range do {
		env.RegisterActivityWithOptions(func(_ context.Context, cursor webhook.ReconcileCursor) (webhook.Reconciliation, error) {
			return f(cursor)
		}, activity.RegisterOptions{Name: name})
	}
	if before != nil {
		env.SetLastCompletionResult(*before)
	}
	env.ExecuteWorkflow(workflows.Reconcile)
	require.True(t, env.IsWorkflowCompleted())
	var result webhook.Reconciliation
	if err := env.GetWorkflowError(); err != nil {
		return result, err
	}
	require.NoError(t, env.GetWorkflowResult(&result))
	return result, nil
}

func TestReconcileGoesOnWhereTheLastRunCame(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 2, 2, 14, 30, 0, 0, time.UTC)
	failed := false
	steps := map[string]func(webhook.ReconcileCursor) (webhook.Reconciliation, error){
		workflows.ReconcileOverdueActivity: func(c webhook.ReconcileCursor) (webhook.Reconciliation, error) {
			if !failed { // our own infrastructure fails for a while
				failed = true
				return webhook.Reconciliation{}, errors.New("database is down")
			}
			c.OverdueSince, c.OverdueID = at, c.OverdueID+"1"
			return webhook.Reconciliation{Checked: 3, Found: map[webhook.Finding]int{webhook.FindingMissing: 2}, Cursor: c}, nil
		},
		workflows.ReconcileTerminatedActivity: func(c webhook.ReconcileCursor) (webhook.Reconciliation, error) {
			c.TerminatedSince = at.Add(time.Hour)
			return webhook.Reconciliation{Checked: 1, Found: map[webhook.Finding]int{webhook.FindingTerminated: 1}, Cursor: c}, nil
		},
		workflows.ReconcileRunningActivity: func(c webhook.ReconcileCursor) (webhook.Reconciliation, error) {
			c.RunningBefore = at
			return webhook.Reconciliation{Checked: 5, Found: map[webhook.Finding]int{webhook.FindingMissing: 1}, Cursor: c}, nil
		},
	}
	want := webhook.Reconciliation{
		Checked: 9, Found: map[webhook.Finding]int{webhook.FindingMissing: 3, webhook.FindingTerminated: 1},
		Cursor: webhook.ReconcileCursor{OverdueSince: at, OverdueID: "1", TerminatedSince: at.Add(time.Hour), RunningBefore: at},
	}
	first, err := reconcile(t, nil, steps)
	require.NoError(t, err)
	require.Equal(t, want, first)

	want.Cursor.OverdueID = "11"
	second, err := reconcile(t, &first, steps)
	require.NoError(t, err)
	require.Equal(t, want, second)
}

// A step that fails for as long as three runs take fails the run; the schedule's next one goes on from the last that
// succeeded.
func TestReconcileGivesUp(t *testing.T) {
	t.Parallel()
	_, err := reconcile(t, nil, map[string]func(webhook.ReconcileCursor) (webhook.Reconciliation, error){
		workflows.ReconcileOverdueActivity: func(webhook.ReconcileCursor) (webhook.Reconciliation, error) {
			return webhook.Reconciliation{}, errors.New("database is down")
		},
	})
	require.ErrorContains(t, err, "look for deliveries that are overdue")
	require.ErrorContains(t, err, "database is down")
}
