package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// recovery runs Recover on fake activities over so many deliveries.
type recovery struct {
	*testsuite.TestWorkflowEnvironment
	t        *testing.T
	progress webhook.RecoveryProgress
	counted  int
	batches  int
	ended    int
	// meanwhile happens during the batch with this number.
	meanwhile map[int]func(ctx context.Context) error
}

const recoveryID = "rec_1"

func newRecovery(t *testing.T, matching int) *recovery {
	t.Helper()
	suite := new(testsuite.WorkflowTestSuite)
	r := &recovery{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), t: t, meanwhile: map[int]func(context.Context) error{}}
	r.progress.Status = webhook.RecoveryRunning
	r.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: recoveryID})
	r.RegisterWorkflow(workflows.Recover)
	r.register(workflows.CountRecoveryActivity, func(context.Context, webhook.RecoveryRequest) error {
		r.counted++
		r.progress.Matched = matching
		return nil
	})
	r.register(workflows.RecoverBatchActivity, func(ctx context.Context, request webhook.RecoveryRequest) error {
		r.batches++
		if happens := r.meanwhile[r.batches]; happens != nil {
			return happens(ctx)
		}
		require.Equal(t, 100, request.Most)
		left := r.progress.Matched - r.progress.Retried
		r.progress.Retried += min(left, request.Most)
		if left < request.Most {
			r.progress.Status = webhook.RecoveryCompleted
		}
		return nil
	})
	r.register(workflows.EndRecoveryActivity, func(context.Context, webhook.RecoveryRequest) error {
		r.ended++
		if r.progress.Status == webhook.RecoveryRunning {
			r.progress.Status = webhook.RecoveryCancelled
		}
		return nil
	})
	return r
}

func (r *recovery) register(name string, do func(context.Context, webhook.RecoveryRequest) error) {
	r.RegisterActivityWithOptions(func(ctx context.Context, request webhook.RecoveryRequest) (webhook.RecoveryProgress, error) {
		require.Equal(r.t, recoveryID, request.RecoveryID)
		err := do(ctx, request)
		return r.progress, err
	}, activity.RegisterOptions{Name: name})
}

func (r *recovery) run(input workflows.RecoverInput) (webhook.RecoveryProgress, error) {
	r.t.Helper()
	r.ExecuteWorkflow(workflows.Recover, input)
	require.True(r.t, r.IsWorkflowCompleted())
	var result webhook.RecoveryProgress
	err := r.GetWorkflowError()
	if err == nil {
		require.NoError(r.t, r.GetWorkflowResult(&result))
	}
	return result, err
}

func (r *recovery) query() (progress webhook.RecoveryProgress) {
	r.t.Helper()
	value, err := r.QueryWorkflow(workflows.StatusQuery)
	require.NoError(r.t, err)
	require.NoError(r.t, value.Get(&progress))
	return progress
}

func TestRecoverInBatches(t *testing.T) {
	t.Parallel()
	for matching, batches := range map[int]int{0: 1, 99: 1, 100: 2, 250: 3} {
		r := newRecovery(t, matching)
		result, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
		require.NoError(t, err)
		require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: matching, Retried: matching}, result)
		require.Equal(t, result, r.query())
		require.Equal(t, 1, r.counted)
		require.Equal(t, batches, r.batches)
		require.Zero(t, r.ended)
	}
}

func TestRecoverTellsItsProgress(t *testing.T) {
	t.Parallel()
	r := newRecovery(t, 150)
	var seen []webhook.RecoveryProgress
	r.SetOnActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) { seen = append(seen, r.query()) })
	_, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
	require.NoError(t, err)
	require.Contains(t, seen, webhook.RecoveryProgress{Status: webhook.RecoveryRunning, Matched: 150})
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: 150, Retried: 150}, r.query())
}

// Our own infrastructure fails for a while: the same batch is tried again.
func TestRecoverGoesOnAfterFailures(t *testing.T) {
	t.Parallel()
	r := newRecovery(t, 250)
	for _, batch := range []int{1, 3, 4} {
		r.meanwhile[batch] = func(context.Context) error { return context.DeadlineExceeded }
	}
	result, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
	require.NoError(t, err)
	require.Equal(t, 250, result.Retried)
	require.Equal(t, 6, r.batches)
}

func TestRecoverContinuesAsNew(t *testing.T) {
	t.Parallel()
	r := newRecovery(t, 20_050)
	_, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, err, &next)
	require.Equal(t, 200, r.batches)
	var input workflows.RecoverInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, &input))
	progress := webhook.RecoveryProgress{Status: webhook.RecoveryRunning, Matched: 20_050, Retried: 20_000}
	require.Equal(t, workflows.RecoverInput{WebhookID: "whk_1", Progress: &progress}, input)

	second := newRecovery(t, 0)
	second.progress = progress
	result, err := second.run(input)
	require.NoError(t, err)
	require.Zero(t, second.counted, "it was counted before")
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: 20_050, Retried: 20_050}, result)
}

func requireCancelled(t *testing.T, err error) {
	t.Helper()
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled)
}

// In the Web UI, say.
func TestRecoverIsCancelled(t *testing.T) {
	t.Parallel()
	for _, batch := range []int{1, 3, 200} {
		r := newRecovery(t, 100_000)
		r.meanwhile[batch] = func(context.Context) error { r.CancelWorkflow(); return nil }
		_, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
		requireCancelled(t, err)
		require.Equal(t, 1, r.ended)
		require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCancelled, Matched: 100_000, Retried: 100 * (batch - 1)}, r.query())
		require.Equal(t, batch, r.batches)
	}
}

// Through the API the row says so first; the workflow learns of it, or finds out.
func TestRecoverThatIsCancelledInTheRow(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		r := newRecovery(t, 1000)
		r.meanwhile[2] = func(context.Context) error {
			r.progress.Status = webhook.RecoveryCancelled
			if told {
				r.CancelWorkflow()
			}
			return nil
		}
		result, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
		require.Equal(t, 2, r.batches)
		if told {
			requireCancelled(t, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCancelled, Matched: 1000, Retried: 100}, result)
	}
}

// What was completed at the moment of the cancellation stays so.
func TestRecoverIsCancelledTooLate(t *testing.T) {
	t.Parallel()
	r := newRecovery(t, 10)
	r.meanwhile[1] = func(context.Context) error {
		r.progress.Status = webhook.RecoveryCompleted
		r.CancelWorkflow()
		return nil
	}
	result, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
	require.NoError(t, err)
	require.Equal(t, webhook.RecoveryCompleted, result.Status)
}

func TestRecoverOfADisabledWebhookFails(t *testing.T) {
	t.Parallel()
	r := newRecovery(t, 1000)
	r.meanwhile[2] = func(context.Context) error {
		r.progress.Status, r.progress.Reason = webhook.RecoveryFailed, "The webhook was disabled or deleted."
		return nil
	}
	_, err := r.run(workflows.RecoverInput{WebhookID: "whk_1"})
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, workflows.RecoveryFailed, failed.Type())
	require.Equal(t, "The webhook was disabled or deleted.", failed.Message())
	require.Equal(t, webhook.RecoveryFailed, r.query().Status)
}
