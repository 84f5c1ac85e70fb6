package workflows_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// retain runs Retention on an activity.
func retain(t *testing.T, do func(webhook.RetentionRequest) (webhook.RetentionReport, error)) (report webhook.RetentionReport, err error) {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.Retention)
	env.RegisterActivityWithOptions(func(_ context.Context, request webhook.RetentionRequest) (webhook.RetentionReport, error) {
		return do(request)
	}, activity.RegisterOptions{Name: workflows.DeleteExpiredActivity})
	env.ExecuteWorkflow(workflows.Retention, webhook.RetentionRequest{Keep: "720h0m0s"})
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		return report, err
	}
	require.NoError(t, env.GetWorkflowResult(&report))
	return report, nil
}

func TestRetentionGoesOnUntilThereIsNothingLeft(t *testing.T) {
	t.Parallel()
	failed := false
	report, err := retain(t, func(request webhook.RetentionRequest) (webhook.RetentionReport, error) {
		require.Equal(t, "720h0m0s", request.Keep)
		if request.After == "evt_2" && !failed { // our own infrastructure fails for a while
			failed = true
			return webhook.RetentionReport{}, errors.New("database is down")
		}
		next := map[string]string{"": "evt_1", "evt_1": "evt_2", "evt_2": ""}[request.After]
		return webhook.RetentionReport{Deleted: webhook.Deleted{Events: 1, Deliveries: 2, Attempts: 3}, Kept: 1, After: next}, nil
	})
	require.NoError(t, err)
	require.True(t, failed)
	require.Equal(t, webhook.RetentionReport{Deleted: webhook.Deleted{Events: 3, Deliveries: 6, Attempts: 9}, Kept: 3}, report)
}

// A run ends before its history grows long; the next one begins anew.
func TestRetentionIsBounded(t *testing.T) {
	t.Parallel()
	report, err := retain(t, func(webhook.RetentionRequest) (webhook.RetentionReport, error) {
		return webhook.RetentionReport{Deleted: webhook.Deleted{Events: 10}, After: "evt_1"}, nil
	})
	require.NoError(t, err)
	require.Equal(t, 5000, report.Events)
}

func TestRetentionGivesUp(t *testing.T) {
	t.Parallel()
	_, err := retain(t, func(webhook.RetentionRequest) (webhook.RetentionReport, error) {
		return webhook.RetentionReport{}, errors.New("the bucket is gone")
	})
	require.ErrorContains(t, err, "delete events that were kept for 720h0m0s")
	require.ErrorContains(t, err, "the bucket is gone")
}
