package activities_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	publisher   = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + publisher + "-01"
)

// An attempt, its POST and its recording are spans of the trace that the event was published in, and the receiver is
// told to go on from the POST.
func TestTrace(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(503))
	s := newFakeStore(t, e.URL+"/in/box", webhook.Authentication{})
	s.prepared.Delivery.Traceparent = traceparent
	exported := tracetest.NewInMemoryExporter()
	tracing, err := traces.New(sdktrace.NewSimpleSpanProcessor(exported), "1.2.3")
	require.NoError(t, err)
	h := newTracedHarness(s, target.InsecureLoopback, time.Minute, tracing)
	_, err = h.attempt(scheduled(s.prepared.Delivery.ID, 1))
	require.NoError(t, err)

	spans := map[string]tracetest.SpanStub{}
	for _, span := range exported.GetSpans() {
		spans[span.Name] = span
		require.Equal(t, traceID, span.SpanContext.TraceID().String())
		text, err := json.Marshal(span.Attributes)
		require.NoError(t, err)
		for _, secret := range []string{"127.0.0.1", "/in/box", "+15551234567"} {
			require.NotContains(t, string(text), secret)
		}
	}
	require.Len(t, spans, 3)
	attempt, post, record := spans["attempt"], spans["POST"], spans["record attempt"]
	require.Equal(t, publisher, attempt.Parent.SpanID().String())
	require.Equal(t, attempt.SpanContext.SpanID(), post.Parent.SpanID())
	require.Equal(t, attempt.SpanContext.SpanID(), record.Parent.SpanID())
	require.Equal(t, codes.Error, post.Status.Code)
	require.Equal(t, codes.Unset, attempt.Status.Code, "how the endpoint answers is no failure of ours")

	require.Equal(t, "00-"+traceID+"-"+post.SpanContext.SpanID().String()+"-01", e.received()[0].header.Get("traceparent"))
	require.Contains(t, h.log.String(), "trace_id="+traceID)
}

// Without a collector, the receiver goes on from where the publisher was.
func TestTraceWithoutSpans(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(200))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	s.prepared.Delivery.Traceparent = traceparent
	send(t, s, target.InsecureLoopback, time.Minute)
	require.Equal(t, []string{traceparent}, e.received()[0].header.Values("traceparent"))
}
