package workflows_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/durahook/durahook/workflows"
)

// While a deployment is under way, older code lets the discard signal pass: its history must replay.
func TestReplayOfAnIgnoredDiscardSignal(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/histories/next/delivered_after_timer.json")
	require.NoError(t, err)
	var history struct {
		Events []map[string]any `json:"events"`
	}
	require.NoError(t, json.Unmarshal(text, &history))
	at := slices.IndexFunc(history.Events, func(e map[string]any) bool { return e["eventType"] == "EVENT_TYPE_TIMER_FIRED" })
	require.Positive(t, at)
	const inserted = 4
	for _, event := range history.Events {
		shiftEventIDs(event, at, inserted)
	}
	first := at + 1
	passed := history.Events[at-1]["eventTime"]
	event := func(offset int, kind, name string, attributes map[string]any) map[string]any {
		return map[string]any{
			"eventId": strconv.Itoa(first + offset), "eventTime": passed, "eventType": "EVENT_TYPE_" + kind, name + "EventAttributes": attributes,
		}
	}
	scheduled, started := strconv.Itoa(first+1), strconv.Itoa(first+2)
	history.Events = slices.Insert(history.Events, at,
		event(0, "WORKFLOW_EXECUTION_SIGNALED", "workflowExecutionSignaled", map[string]any{"signalName": workflows.DiscardSignal}),
		event(1, "WORKFLOW_TASK_SCHEDULED", "workflowTaskScheduled", map[string]any{}),
		event(2, "WORKFLOW_TASK_STARTED", "workflowTaskStarted", map[string]any{"scheduledEventId": scheduled}),
		event(3, "WORKFLOW_TASK_COMPLETED", "workflowTaskCompleted", map[string]any{"scheduledEventId": scheduled, "startedEventId": started}),
	)
	text, err = json.Marshal(history)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "history.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(workflows.Delivery)
	require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
}

// shiftEventIDs makes room for inserted events after the event with the ID last.
func shiftEventIDs(object map[string]any, last, inserted int) {
	for name, value := range object {
		switch value := value.(type) {
		case map[string]any:
			shiftEventIDs(value, last, inserted)
		case string:
			id, err := strconv.Atoi(value)
			if err == nil && id > last && (name == "eventId" || name == "activityId" || strings.HasSuffix(name, "EventId")) {
				object[name] = strconv.Itoa(id + inserted)
			}
		}
	}
}
