package traces_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

// The standard variables say where the traces go.
func TestFromEnvironment(t *testing.T) {
	requests := make(chan *collector.ExportTraceServiceRequest, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := new(collector.ExportTraceServiceRequest)
		if err == nil && r.URL.Path == "/v1/traces" && proto.Unmarshal(body, request) == nil {
			requests <- request
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_SERVICE_NAME", "hooks")
	var log bytes.Buffer
	tracing, err := traces.FromEnvironment(t.Context(), "1.2.3", slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	_, span := tracing.Start(t.Context(), webhook.Delivery{ID: "dlv_1", Event: "call.ended"})
	span.End(nil)
	require.NoError(t, tracing.Close(t.Context()))

	resource := (<-requests).GetResourceSpans()[0]
	require.Contains(t, resource.GetResource().String(), "hooks")
	require.Equal(t, "start delivery", resource.GetScopeSpans()[0].GetSpans()[0].GetName())
	require.Empty(t, log.String())
}

// Nothing is collected unless a variable says where to, and nobody has to care.
func TestNoTraces(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	tracing, err := traces.FromEnvironment(t.Context(), "1.2.3", slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Nil(t, tracing)
	ctx, span := tracing.Publish(t.Context(), "acc_1")
	span.Published(1, 1)
	span.End(io.EOF)
	require.Empty(t, traces.Traceparent(ctx))
	ctx, span = tracing.Start(t.Context(), webhook.Delivery{})
	span.End(nil)
	ctx, span = tracing.Attempt(ctx, webhook.Delivery{})
	span.Posted(webhook.OutcomeTimeout, 0)
	span.End(nil)
	header := http.Header{}
	traces.ToHeader(ctx, header)
	require.Empty(t, header)
	require.NoError(t, tracing.Close(t.Context()))
}

func TestUnknownProtocol(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke")
	_, err := traces.FromEnvironment(t.Context(), "1.2.3", slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, `"smoke"`)
}
