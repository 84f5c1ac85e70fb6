package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// sendAlert runs SendAlert over what happens when it sends, and returns how it ended and what was recorded.
func sendAlert(t *testing.T, request webhook.AlertRequest, send func(try int) (bool, error)) (*testsuite.TestWorkflowEnvironment, []webhook.AlertEnd) {
	t.Helper()
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.SendAlert)
	tries := 0
	env.RegisterActivityWithOptions(func(_ context.Context, got webhook.AlertRequest) (bool, error) {
		require.Equal(t, request, got)
		tries++
		return send(tries)
	}, activity.RegisterOptions{Name: workflows.SendAlertActivity})
	var ends []webhook.AlertEnd
	failed := false
	env.RegisterActivityWithOptions(func(_ context.Context, end webhook.AlertEnd) error {
		if !failed { // our own infrastructure fails for a while
			failed = true
			return errors.New("database is down")
		}
		ends = append(ends, end)
		return nil
	}, activity.RegisterOptions{Name: workflows.EndAlertActivity})
	env.ExecuteWorkflow(workflows.SendAlert, request)
	require.True(t, env.IsWorkflowCompleted())
	return env, ends
}

func notTaken(permanent bool) error {
	return temporal.NewApplicationErrorWithOptions("the service answered 503", webhook.AlertFailed, temporal.ApplicationErrorOptions{NonRetryable: permanent})
}

func TestSendAlertTriesAgain(t *testing.T) {
	t.Parallel()
	request := webhook.AlertRequest{ChannelID: "alc_1", AlertID: "alt_1"}
	env, ends := sendAlert(t, request, func(try int) (bool, error) {
		if try < 3 {
			return false, notTaken(false)
		}
		return true, nil
	})
	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []webhook.AlertEnd{{AlertRequest: request}}, ends)
}

func TestSendAlertFails(t *testing.T) {
	t.Parallel()
	request := webhook.AlertRequest{ChannelID: "alc_1", AlertID: "alt_1"}
	for name, permanent := range map[string]bool{"refused for good": true, "for a day": false} {
		var tries int
		env, ends := sendAlert(t, request, func(try int) (bool, error) { tries = try; return false, notTaken(permanent) })
		require.ErrorContains(t, env.GetWorkflowError(), "The alert did not arrive: the service answered 503.", name)
		require.Equal(t, []webhook.AlertEnd{{AlertRequest: request, Error: "the service answered 503"}}, ends, name)
		if permanent {
			require.Equal(t, 1, tries)
			continue
		}
		require.Greater(t, tries, 1)
	}
}

// Somebody waits for a test, so it is sent once.
func TestSendAlertTests(t *testing.T) {
	t.Parallel()
	request := webhook.AlertRequest{ChannelID: "alc_1"}
	began := time.Now()
	env, ends := sendAlert(t, request, func(try int) (bool, error) {
		require.Equal(t, 1, try)
		return false, notTaken(false)
	})
	var failed *temporal.ApplicationError
	require.ErrorAs(t, env.GetWorkflowError(), &failed)
	require.Equal(t, webhook.AlertFailed, failed.Type())
	var why string
	require.NoError(t, failed.Details(&why))
	require.Equal(t, "the service answered 503", why)
	require.Len(t, ends, 1)
	require.Less(t, time.Since(began), time.Minute)
}

// With its channel, an alert is gone.
func TestSendAlertOfADeletedChannel(t *testing.T) {
	t.Parallel()
	env, ends := sendAlert(t, webhook.AlertRequest{ChannelID: "alc_1", AlertID: "alt_1"}, func(int) (bool, error) { return false, nil })
	require.NoError(t, env.GetWorkflowError())
	require.Empty(t, ends)
}
