package metrics_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/metrics"
)

// cut splits a line of the exposition into the metric, its labels and its value.
func cut(line string) (metric, labels, value string) {
	rest, value, _ := strings.Cut(line, "} ")
	if value == "" {
		metric, value, _ = strings.Cut(line, " ")
		return metric, "", value
	}
	metric, labels, _ = strings.Cut(rest, "{")
	return metric, labels, value
}

func TestTheSDKsTagsBecomeLabels(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.2.3")
	root := m.Temporal().WithTags(map[string]string{"namespace": "default", "client_name": "temporal_go", "worker_type": "none"})
	request := root.WithTags(map[string]string{"operation": "SignalWorkflowExecution", "made_up": "dlv_1"})
	var using sync.WaitGroup
	for range 10 {
		using.Go(func() {
			request.Counter("temporal_request").Inc(1)
			request.WithTags(map[string]string{"status_code": "UNAVAILABLE"}).Counter("temporal_request").Inc(1)
			root.Gauge("temporal_num_pollers").Update(2)
			root.Timer("temporal_request_latency").Record(20 * time.Millisecond)
			root.Counter("temporal_request").Inc(-1)
			root.Counter("temporal_local_activity_total").Inc(1)
		})
	}
	using.Wait()
	const labels = `activity_type="",cause="",failure_reason="",namespace="default",operation="%o",poller_type="",status_code="%s",task_queue="",worker_type="none",workflow_type=""`
	fill := func(line, operation, status string) string {
		return strings.NewReplacer("%l", strings.NewReplacer("%o", operation, "%s", status).Replace(labels)).Replace(line)
	}
	got := text(t, m)
	for _, line := range []string{
		fill(`temporal_request_total{%l} 10`, "SignalWorkflowExecution", ""),
		fill(`temporal_request_total{%l} 10`, "SignalWorkflowExecution", "UNAVAILABLE"),
		fill(`temporal_request_total{%l} 0`, "", ""),
		fill(`temporal_local_activity_total{%l} 10`, "", ""),
		fill(`temporal_num_pollers{%l} 2`, "", ""),
		fill(`temporal_request_latency_seconds_count{%l} 10`, "", ""),
		fill(`temporal_request_latency_seconds_bucket{%l,le="0.025"} 10`, "", ""),
		fill(`temporal_request_latency_seconds_bucket{%l,le="0.01"} 0`, "", ""),
	} {
		require.Contains(t, got, line)
	}
	require.NotContains(t, strings.Join(got, "\n"), "dlv_1")
}
