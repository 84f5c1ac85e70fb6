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

// Our own infrastructure fails for a while: the look is taken again.
func TestWebhookHealth(t *testing.T) {
	t.Parallel()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.WebhookHealth)
	want, looks := webhook.HealthReport{Failing: 3, Warned: 1, Disabled: 2}, 0
	env.RegisterActivityWithOptions(func(_ context.Context, request webhook.HealthRequest) (webhook.HealthReport, error) {
		require.Equal(t, "120h0m0s", request.DisableAfter)
		if looks++; looks < 3 {
			return webhook.HealthReport{}, errors.New("database is down")
		}
		return want, nil
	}, activity.RegisterOptions{Name: workflows.CheckHealthActivity})
	env.ExecuteWorkflow(workflows.WebhookHealth, webhook.HealthRequest{DisableAfter: "120h0m0s"})
	require.NoError(t, env.GetWorkflowError())
	var got webhook.HealthReport
	require.NoError(t, env.GetWorkflowResult(&got))
	require.Equal(t, want, got)
	require.Equal(t, 3, looks)
}
