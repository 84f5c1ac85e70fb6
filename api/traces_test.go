package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

// The trace that events are published in is what everything that is done for them goes on with.
func TestPublishWithATrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	published := decode[eventAnswer](f.call(http.MethodPost, "/v1/events", event, "traceparent", traceparent, "tracestate", "vendor=secret"), 202)
	prepared, err := f.store.PrepareAttempt(t.Context(), published.Deliveries[0].ID, "run", 1)
	require.NoError(t, err)
	require.Equal(t, traceparent, prepared.Delivery.Traceparent)

	_, err = f.store.DB().Exec(`UPDATE deliveries SET sweep_at = now() - interval '1 s'`)
	require.NoError(t, err)
	swept, err := f.store.ClaimUnstarted(t.Context(), 1, time.Minute)
	require.NoError(t, err)
	require.Len(t, swept, 1)
	require.Equal(t, traceparent, swept[0].Traceparent)

	stored, err := f.store.Event(t.Context(), f.account, published.ID)
	require.NoError(t, err)
	require.Equal(t, traceparent, stored.Traceparent, "it is republished in the same trace")
}

// A header that is not well formed is as good as none.
func TestPublishWithoutATrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, header := range []string{"", "nonsense", "00-" + traceID + "-0000000000000000-01", traceparent + "'; DROP TABLE events"} {
		published := decode[eventAnswer](f.call(http.MethodPost, "/v1/events", event, "traceparent", header), 202)
		var none bool
		require.NoError(t, f.store.DB().Get(&none, `SELECT traceparent IS NULL FROM event_payloads WHERE event_id = $1`, published.ID))
		require.True(t, none, header)
	}
}

func TestPublicationIsASpan(t *testing.T) {
	t.Parallel()
	s, temporal := newStore(t), temporalDown(t)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	exported := tracetest.NewInMemoryExporter()
	tracing, err := traces.New(sdktrace.NewSimpleSpanProcessor(exported), "1.2.3")
	require.NoError(t, err)
	router, quiet := mux.NewRouter(), slog.New(slog.DiscardHandler)
	starter := service.NewStarter(s, temporal, webhook.DefaultSchedule(), nil, quiet).TraceWith(tracing)
	api.New(service.New(service.Options{
		Store: s, Temporal: temporal, Guard: target.NewGuard(target.InsecureNone), Starter: starter, Traces: tracing,
	}), adminKey, quiet).Register(router)
	f := &fixture{t: t, store: s, server: httptest.NewServer(documented(t, router)), account: account}
	t.Cleanup(f.server.Close)

	published := decode[eventAnswer](f.call(http.MethodPost, "/v1/events", event, "traceparent", traceparent), 202)
	require.Equal(t, 422, f.call(http.MethodPost, "/v1/events", "{}", "traceparent", traceparent).status)
	spans := exported.GetSpans()
	require.Len(t, spans, 2)
	for _, span := range spans {
		require.Equal(t, "publish", span.Name)
		require.Equal(t, traceID, span.SpanContext.TraceID().String())
	}
	require.Equal(t, "invalid", spans[1].Status.Description)
	stored, err := s.Event(t.Context(), account, published.ID)
	require.NoError(t, err)
	require.Equal(t, "00-"+traceID+"-"+spans[0].SpanContext.SpanID().String()+"-01", stored.Traceparent)
}
