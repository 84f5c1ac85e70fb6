package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// routes are all that need a key.
var routes = []struct{ method, path string }{
	{http.MethodPost, "/v1/events"},
	{http.MethodGet, "/v1/webhooks"},
	{http.MethodPost, "/v1/webhooks"},
	{http.MethodGet, "/v1/webhooks/whk_1"},
	{http.MethodGet, "/v1/events"},
	{http.MethodGet, "/v1/deliveries"},
	{http.MethodGet, "/v1/deliveries/dlv_1"},
	{http.MethodPost, "/v1/deliveries/dlv_1/retry"},
	{http.MethodPost, "/v1/deliveries/dlv_1/cancel"},
}

func TestEveryRouteNeedsTheKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.rows()
	for name, headers := range map[string][]string{
		"none":           nil,
		"empty":          {"Authorization", ""},
		"no key":         {"Authorization", "Bearer "},
		"no scheme":      {"Authorization", adminKey},
		"another scheme": {"Authorization", "Basic " + adminKey},
		"wrong":          {"Authorization", "Bearer wrong"},
		"longer":         {"Authorization", "Bearer " + adminKey + "x"},
		"shorter":        {"Authorization", "Bearer " + adminKey[1:]},
		"other case":     {"Authorization", "Bearer THE-ADMIN-KEY-OF-THE-TESTS"},
		"in the query":   {"X-Api-Key", adminKey},
	} {
		for _, route := range routes {
			a := f.send(route.method, route.path+"?key="+adminKey, event, headers...)
			p := requireProblem(a, 401, "unauthorized", nil)
			require.Equal(t, `Bearer realm="durahook"`, a.header.Get("WWW-Authenticate"), name)
			require.NotContains(t, p.Detail, adminKey)
		}
	}
	require.Equal(t, before, f.rows())
	a := f.send(http.MethodGet, "/v1/webhooks", "", "Authorization", "bearer "+adminKey)
	require.Equal(t, 200, a.status, "the scheme's case does not count")
}

func TestUnknownAccounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.rows()
	for _, account := range []string{webhook.NewID(webhook.AccountPrefix), webhook.NewID(webhook.WebhookPrefix), "default", "x", "'"} {
		for _, route := range routes {
			p := requireProblem(f.call(route.method, route.path, event, "X-Account", account), 404, "not_found", nil)
			require.Equal(t, "There is no account "+account+".", p.Detail)
		}
	}
	require.Equal(t, before, f.rows())
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v1/events/", "/v1/deliveries/dlv_1/explode", "/v2/events", "/events", "/favicon.ico", "/healthz/x"} {
		p := requireProblem(f.get(path), 404, "not_found", nil)
		require.Equal(t, path, p.Instance)
		require.Equal(t, "There is nothing at this path.", p.Detail)
	}
}

func TestUnknownMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, scenario := range []struct{ method, path, allow string }{
		{http.MethodPut, "/v1/events", "GET, POST"},
		{http.MethodDelete, "/v1/webhooks", "GET, POST"},
		{http.MethodPut, "/v1/webhooks/whk_1", "GET, PATCH, DELETE"},
		{http.MethodPost, "/v1/deliveries", "GET"},
		{http.MethodGet, "/v1/deliveries/dlv_1/retry", "POST"},
		{http.MethodPost, "/healthz", "GET, HEAD"},
		{"EXPLODE", "/v1/events", "GET, POST"},
	} {
		a := f.call(scenario.method, scenario.path, "")
		p := requireProblem(a, 405, "method_not_allowed", nil)
		require.Equal(t, scenario.allow, a.header.Get("Allow"))
		require.Contains(t, p.Detail, "does not answer "+scenario.method)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, map[string]string{"status": "ok"}, decode[map[string]string](f.send(http.MethodGet, "/healthz", ""), 200))
	require.Equal(t, 200, f.send(http.MethodHead, "/healthz", "").status)
}

// Events can be published while Temporal is down, but not without Postgres.
func TestReady(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	require.Equal(t, map[string]string{"status": "ready", "postgres": "ok", "temporal": "unreachable"},
		decode[map[string]string](f.send(http.MethodGet, "/readyz", ""), 200))
	require.NoError(t, f.store.Close())
	require.Equal(t, map[string]string{"status": "not ready", "postgres": "unreachable", "temporal": "unreachable"},
		decode[map[string]string](f.send(http.MethodGet, "/readyz", ""), 503))
	require.Equal(t, 200, f.send(http.MethodGet, "/healthz", "").status, "the process runs")
}
