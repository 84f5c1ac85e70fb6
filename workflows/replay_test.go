package workflows_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/durahook/durahook/workflows"
)

// TestReplay runs the workflow's code against histories that earlier code recorded. When it fails, deliveries
// that wait at this moment would fail after a deployment: guard the change with workflow.GetVersion.
func TestReplay(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*/*.json") // by the version that recorded them
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflow(workflows.Delivery)
			replayer.RegisterWorkflow(workflows.Recover)
			replayer.RegisterWorkflow(workflows.Reconcile)
			replayer.RegisterWorkflow(workflows.WebhookHealth)
			replayer.RegisterWorkflow(workflows.Retention)
			replayer.RegisterWorkflow(workflows.SendAlert)
			quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file))
		})
	}
}
