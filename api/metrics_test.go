package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// newMeasuredFixture returns a fixture that counts what it does.
func newMeasuredFixture(t *testing.T) (*fixture, *metrics.Metrics) {
	t.Helper()
	f := newFixture(t)
	temporal, quiet, m, router := temporalDown(t), slog.New(slog.DiscardHandler), metrics.New("1.2.3"), mux.NewRouter()
	starter := service.NewStarter(f.store, temporal, webhook.DefaultSchedule(), nil, quiet)
	m.WatchPool(f.store.DB().DB)
	m.WatchStarter(starter)
	m.WatchBacklog(t.Context(), f.store.Backlog)
	api.New(service.New(service.Options{
		Store: f.store, Temporal: temporal, Guard: target.NewGuard(target.InsecureNone), Starter: starter, PublishRate: 1, Metrics: m,
	}), adminKey, quiet).Register(router)
	f.server.Close()
	f.server = httptest.NewServer(m.Watch(router))
	t.Cleanup(f.server.Close)
	return f, m
}

// scrape returns the metrics of durahook that are not 0, without their figures in time.
func (f *fixture) scrape() (lines []string) {
	f.t.Helper()
	a := f.get("/metrics")
	require.Equal(f.t, 200, a.status, a.text)
	require.Regexp(f.t, "^text/plain; version=0.0.4", a.header.Get("Content-Type"))
	require.Equal(f.t, "no-store", a.header.Get("Cache-Control"))
	for line := range strings.Lines(a.text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "durahook_") && !strings.HasSuffix(line, " 0") && !strings.Contains(line, "_seconds") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestPublishingIsCounted(t *testing.T) {
	t.Parallel()
	f, _ := newMeasuredFixture(t)
	first, second := f.newWebhook(f.account), f.newWebhook(f.account)
	publish := func(body string, headers ...string) answer {
		return f.call(http.MethodPost, "/v1/events", body, headers...)
	}
	published := decode[eventAnswer](publish(event, "Idempotency-Key", "once"), 202)
	require.Equal(t, 202, publish(event, "Idempotency-Key", "once").status)
	require.Equal(t, 202, f.call(http.MethodPost, "/v1/events/batch", batch(event, event)).status)
	require.Equal(t, 202, f.call(http.MethodPost, "/v1/events/"+published.ID+"/republish", fmt.Sprintf(`{"webhook_id":%q}`, first.ID)).status)
	require.Equal(t, 422, publish(`{"event":"call.exploded","timestamp":"+15551234567","data":{}}`).status)
	require.Equal(t, 422, publish(`{"event":"call.ended"}`).status)
	require.Equal(t, 400, publish(`{`).status)
	require.Equal(t, 202, f.call(http.MethodPost, "/v1/deliveries/"+published.Deliveries[0].ID+"/cancel", "").status)
	require.Equal(t, 204, f.call(http.MethodDelete, "/v1/webhooks/"+second.ID, "").status)
	require.Equal(t, 404, f.get("/v1/made/up/"+second.ID).status)

	require.Equal(t, []string{
		`durahook_build_info{version="1.2.3"} 1`,
		`durahook_database_up 1`,
		`durahook_deliveries_created_total 7`,
		`durahook_deliveries_ended_total{status="cancelled"} 1`,
		`durahook_deliveries_open{status="pending"} 6`,
		`durahook_events_published_total 3`,
		`durahook_http_requests_total{method="DELETE",route="/v1/webhooks/{id}",status="2xx"} 1`,
		`durahook_http_requests_total{method="GET",route="none",status="4xx"} 1`,
		`durahook_http_requests_total{method="POST",route="/v1/deliveries/{id}/cancel",status="2xx"} 1`,
		`durahook_http_requests_total{method="POST",route="/v1/events",status="2xx"} 2`,
		`durahook_http_requests_total{method="POST",route="/v1/events",status="4xx"} 3`,
		`durahook_http_requests_total{method="POST",route="/v1/events/batch",status="2xx"} 1`,
		`durahook_http_requests_total{method="POST",route="/v1/events/{id}/republish",status="2xx"} 1`,
		`durahook_http_requests_total{method="POST",route="/v1/webhooks",status="2xx"} 2`,
		`durahook_publish_rejected_total{code="invalid"} 2`,
		`durahook_publish_rejected_total{code="malformed"} 1`,
		`durahook_starter_queue_length 7`,
	}, f.scrape())
}

// A tenant's key doesn't open the metrics, whatever its scopes; whoever has the admin key needs no account.
func TestMetricsAreForTheAdmin(t *testing.T) {
	t.Parallel()
	f, _ := newMeasuredFixture(t)
	require.Equal(t, 200, f.call(http.MethodGet, "/metrics", "", "X-Account", webhook.NewID(webhook.AccountPrefix)).status)
	requireProblem(f.call(http.MethodPost, "/metrics", ""), 405, "method_not_allowed", nil)
	for _, authorization := range []string{"", "Bearer wrong", "Basic " + adminKey} {
		requireProblem(f.send(http.MethodGet, "/metrics", "", "Authorization", authorization), 401, "unauthorized", nil)
	}
	// That keys with scopes are refused goes through all routes in TestKeysNeedTheScopeOfTheRoute.
}

// The metrics are there when Postgres isn't, and say so.
func TestMetricsWithoutPostgres(t *testing.T) {
	t.Parallel()
	f, _ := newMeasuredFixture(t)
	require.NoError(t, f.store.Close())
	lines := strings.Join(f.scrape(), "\n")
	require.NotContains(t, lines, "durahook_database_up")
	require.NotContains(t, lines, "durahook_deliveries_open")
	require.Contains(t, f.get("/metrics").text, "\ndurahook_database_up 0\n")
}

// Nothing that a client made up, and no ID or key, gets into a label.
func TestMetricsTellNothingOfClients(t *testing.T) {
	t.Parallel()
	f, m := newMeasuredFixture(t)
	key := decode[struct{ ID, Key string }](f.call(http.MethodPost, "/v1/api-keys", `{"name":"Acme key","scopes":["publish","read"]}`), 201)
	w := f.newWebhook(f.account)
	const secret = "secret-word"
	for _, path := range []string{"/v1/webhooks/" + w.ID, "/v1/webhooks/" + secret, "/" + secret, "/v1/deliveries?q=" + secret, "/console/" + secret} {
		f.get(path)
		f.send(http.MethodGet, path, "", "Authorization", "Bearer "+key.Key)
	}
	for range 3 {
		f.send(http.MethodPost, "/v1/events", event, "Authorization", "Bearer "+key.Key, "User-Agent", secret, "Idempotency-Key", secret)
	}
	f.send(strings.ToUpper(secret), "/v1/events", "")
	families, err := m.Registry().Gather()
	require.NoError(t, err)
	values := map[string]bool{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				values[label.GetValue()] = true
			}
		}
	}
	require.True(t, values["/v1/webhooks/{id}"], "labels are looked at")
	for value := range values {
		require.NotRegexp(t, `(?i)secret|acme|dhk_|(acc|whk|evt|dlv|att|key)_[0-9a-z]{26}|\+?\d{7,}|://|8\.8\.8\.8|call\.`, value)
	}
}
