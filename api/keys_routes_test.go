package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

const (
	keysWebhook = `{"name":"Sync","url":"https://8.8.8.8/webhooks","events":["call.ended"]}`
	keysEvent   = `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}}`
	keysRecover = `{"since":"2025-02-02T14:30:00Z"}`
	keysKey     = `{"name":"Another","scopes":["manage"]}`
	keysChannel = `{"name":"On call","type":"slack","url":"https://8.8.8.8/alerts"}`
	keysType    = "invoice.paid" // an event type of the account's own
)

// keysRoute is a route with the scope that it needs and a request that is right.
type keysRoute struct {
	method, path string
	scope        webhook.Scope // empty: anybody may
	body         string
	prefix       string // of the ID in the path, or byName
	status       int    // of the answer to whoever has the scope
}

// byName stands for the prefix where a path has the name of an event type instead of an ID.
const byName = "name"

func (r keysRoute) name() string { return r.method + " " + r.path }

// keysRoutes is every route there is.
func keysRoutes() []keysRoute {
	const publish, manage, read, admin = webhook.ScopePublish, webhook.ScopeManage, webhook.ScopeRead, webhook.ScopeAdmin
	const events, webhooks, deliveries, keys, accounts = webhook.EventPrefix, webhook.WebhookPrefix, webhook.DeliveryPrefix, webhook.APIKeyPrefix, webhook.AccountPrefix
	const recoveries, channels = webhook.RecoveryPrefix, webhook.AlertChannelPrefix
	return []keysRoute{
		{"GET", "/healthz", "", "", "", 200},
		{"GET", "/readyz", "", "", "", 200},
		{"GET", "/v1/openapi.yaml", "", "", "", 200},
		{"GET", "/docs", "", "", "", 200},
		{"GET", "/metrics", admin, "", "", 200},
		{"POST", "/v1/events", publish, keysEvent, "", 202},
		{"POST", "/v1/events/batch", publish, `{"events":[` + keysEvent + `]}`, "", 202},
		{"GET", "/v1/events", read, "", "", 200},
		{"GET", "/v1/events/{id}", read, "", events, 200},
		{"POST", "/v1/events/{id}/republish", manage, `{"webhook_id":""}`, events, 422},
		{"GET", "/v1/webhooks", read, "", "", 200},
		{"POST", "/v1/webhooks", manage, keysWebhook, "", 201},
		{"GET", "/v1/webhooks/{id}", read, "", webhooks, 200},
		{"PATCH", "/v1/webhooks/{id}", manage, `{"name":"Renamed"}`, webhooks, 200},
		{"POST", "/v1/webhooks/{id}/disable", manage, "", webhooks, 200},
		{"POST", "/v1/webhooks/{id}/enable", manage, "", webhooks, 200},
		{"POST", "/v1/webhooks/{id}/rotate-secret", manage, "", webhooks, 200},
		{"GET", "/v1/webhooks/{id}/stats", read, "", webhooks, 200},
		{"POST", "/v1/webhooks/{id}/test", manage, "", webhooks, 503}, // Temporal is down
		{"POST", "/v1/webhooks/{id}/recover", manage, keysRecover, webhooks, 202},
		{"GET", "/v1/webhooks/{id}/recoveries", read, "", webhooks, 200},
		{"DELETE", "/v1/webhooks/{id}", manage, "", webhooks, 204},
		{"GET", "/v1/recoveries/{id}", read, "", recoveries, 200},
		{"POST", "/v1/recoveries/{id}/cancel", manage, "", recoveries, 202},
		{"GET", "/v1/erasures", read, "", "", 200},
		{"POST", "/v1/erasures", manage, `{"match":"call_erased"}`, "", 200},
		{"GET", "/v1/deliveries", read, "", "", 200},
		{"GET", "/v1/deliveries/{id}", read, "", deliveries, 200},
		{"POST", "/v1/deliveries/{id}/retry", manage, "", deliveries, 503}, // Temporal is down
		{"POST", "/v1/deliveries/{id}/cancel", manage, "", deliveries, 202},
		{"GET", "/v1/event-types", read, "", "", 200},
		{"POST", "/v1/event-types", manage, `{"name":"invoice.sent"}`, "", 201},
		{"GET", "/v1/event-types/{name}", read, "", byName, 200},
		{"PATCH", "/v1/event-types/{name}", manage, `{"deprecated":true}`, byName, 200},
		{"DELETE", "/v1/event-types/{name}", manage, "", byName, 204},
		{"GET", "/v1/api-keys", manage, "", "", 200},
		{"POST", "/v1/api-keys", manage, keysKey, "", 201},
		{"DELETE", "/v1/api-keys/{id}", manage, "", keys, 204},
		{"GET", "/v1/alert-channels", manage, "", "", 200},
		{"POST", "/v1/alert-channels", manage, keysChannel, "", 201},
		{"GET", "/v1/alert-channels/{id}", manage, "", channels, 200},
		{"PATCH", "/v1/alert-channels/{id}", manage, `{"name":"Renamed"}`, channels, 200},
		{"POST", "/v1/alert-channels/{id}/test", manage, "", channels, 503}, // Temporal is down
		{"DELETE", "/v1/alert-channels/{id}", manage, "", channels, 204},
		{"GET", "/v1/accounts", admin, "", "", 200},
		{"POST", "/v1/accounts", admin, `{"name":"Third"}`, "", 201},
		{"GET", "/v1/accounts/{id}", admin, "", accounts, 200},
	}
}

// things makes one thing of each kind that the account has and returns their IDs by their prefix.
func (f *keysFixture) things(account string) map[string]string {
	f.t.Helper()
	var made struct{ ID string }
	f.do(keysAdminKey, http.MethodPost, "/v1/webhooks", keysWebhook, "X-Account", account).as(201, &made)
	var eventType struct{ Name string }
	f.do(keysAdminKey, http.MethodPost, "/v1/event-types", `{"name":"`+keysType+`"}`, "X-Account", account).as(201, &eventType)
	var published struct {
		ID         string
		Deliveries []struct{ ID string }
	}
	f.do(keysAdminKey, http.MethodPost, "/v1/events", keysEvent, "X-Account", account).as(202, &published)
	var other, recovery struct{ ID string } // a webhook can have one recovery at a time
	f.do(keysAdminKey, http.MethodPost, "/v1/webhooks", keysWebhook, "X-Account", account).as(201, &other)
	f.do(keysAdminKey, http.MethodPost, "/v1/webhooks/"+other.ID+"/recover", keysRecover, "X-Account", account).as(202, &recovery)
	var channel struct{ ID string }
	f.do(keysAdminKey, http.MethodPost, "/v1/alert-channels", keysChannel, "X-Account", account).as(201, &channel)
	return map[string]string{
		webhook.AlertChannelPrefix: channel.ID, webhook.EventPrefix: published.ID, webhook.WebhookPrefix: made.ID, webhook.DeliveryPrefix: published.Deliveries[0].ID, webhook.AccountPrefix: account,
		webhook.APIKeyPrefix: f.newKey(account, webhook.ScopeRead).ID, byName: eventType.Name,
		webhook.RecoveryPrefix: recovery.ID,
	}
}

func (f *keysFixture) request(key string, route keysRoute, id string, headers ...string) keysAnswer {
	f.t.Helper()
	return f.do(key, route.method, strings.NewReplacer("{id}", id, "{name}", id).Replace(route.path), route.body, headers...)
}

// A new route has to be in the table, so that the tests below go through it.
func TestKeysTableHasEveryRoute(t *testing.T) {
	t.Parallel()
	var registered, known []string
	require.NoError(t, newKeysFixture(t).router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		methods, err := route.GetMethods()
		require.NoError(t, err)
		path, err := route.GetPathTemplate()
		for _, method := range methods {
			if method != http.MethodHead {
				registered = append(registered, method+" "+path)
			}
		}
		return err
	}))
	for _, route := range keysRoutes() {
		known = append(known, route.name())
	}
	require.ElementsMatch(t, registered, known)
}

// Whoever has no good key learns the same everywhere, whatever is wrong with it.
func TestKeysThatOpenNothing(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	expired, revoked := f.newKey(f.account, webhook.Scopes()...), f.newKey(f.account, webhook.Scopes()...)
	f.exec(`UPDATE api_keys SET expires_at = now() WHERE id = $1`, expired.ID)
	require.Equal(t, 204, f.do(keysAdminKey, http.MethodDelete, "/v1/api-keys/"+revoked.ID, "", "X-Account", f.account).status)
	ids := f.things(f.account)
	const everything = `SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM alert_channels) + (SELECT count(*) FROM webhooks) +
		(SELECT count(*) FROM api_keys) + (SELECT count(*) FROM accounts)`
	rows := f.count(everything)
	const invalid = "This API key is not valid."
	for name, scenario := range map[string]struct{ key, detail string }{
		"no key":               {"", "An API key is needed: send the header Authorization: Bearer <key>."},
		"a wrong key":          {"dhk_" + strings.Repeat("a", 52), invalid},
		"an admin key, nearly": {keysAdminKey + "x", invalid},
		"a longer key":         {expired.Key + "a", invalid},
		"a prefix":             {expired.Prefix, invalid},
		"bytes":                {"dhk_" + strings.Repeat("\xff", 52), invalid},
		"an expired key":       {expired.Key, invalid},
		"a revoked key":        {revoked.Key, invalid},
	} {
		for _, route := range keysRoutes() {
			if route.scope == "" {
				continue
			}
			t.Run(name+" "+route.name(), func(t *testing.T) {
				t.Parallel()
				f := f.in(t)
				answer := f.request(scenario.key, route, ids[route.prefix], "X-Account", f.account)
				require.Equal(t, scenario.detail, answer.refused(401, "unauthorized"))
				require.Equal(t, `Bearer realm="durahook"`, answer.header.Get("WWW-Authenticate"))
				require.Equal(t, rows, f.count(everything))
				require.Equal(t, 0, f.count(`SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL`))
			})
		}
	}
}

func TestKeysNeedTheScopeOfTheRoute(t *testing.T) {
	t.Parallel()
	for _, route := range keysRoutes() {
		if route.scope == "" {
			continue
		}
		t.Run(route.name(), func(t *testing.T) {
			t.Parallel()
			f := newKeysFixture(t)
			id := f.things(f.account)[route.prefix]
			others := slices.DeleteFunc(webhook.Scopes(), func(scope webhook.Scope) bool { return scope == route.scope })
			detail := f.request(f.newKey(f.account, others...).Key, route, id).refused(403, "forbidden")
			require.Contains(t, detail, "scope "+string(route.scope))

			key := keysAdminKey
			if route.scope != webhook.ScopeAdmin {
				key = f.newKey(f.account, route.scope).Key
				require.Contains(t, f.request(key, route, id, "X-Account", f.rival).refused(403, "forbidden"), "X-Account")
			}
			answer := f.request(key, route, id, "X-Account", f.account)
			require.Equal(t, route.status, answer.status, answer.text)
		})
	}
}

// What is another account's is as good as not there: the answers are the same but for the ID.
func TestKeysOfAnotherAccountFindNothing(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	ids := f.things(f.account)
	rival := f.newKey(f.rival, webhook.Scopes()...).Key
	for _, route := range keysRoutes() {
		if route.prefix == "" || route.scope == webhook.ScopeAdmin {
			continue
		}
		t.Run(route.name(), func(t *testing.T) {
			t.Parallel()
			f := f.in(t)
			id, unknown := ids[route.prefix], "nothing.such"
			if route.prefix != byName {
				unknown = webhook.NewID(route.prefix)
			}
			answer, nothing := f.request(rival, route, id), f.request(rival, route, unknown)
			answer.refused(404, "not_found")
			require.Equal(t, strings.ReplaceAll(nothing.text, unknown, id), answer.text)
			require.Equal(t, 0, f.count(`SELECT count(*) FROM api_keys WHERE revoked_at IS NOT NULL`))
			require.Equal(t, 0, f.count(`SELECT count(*) FROM deliveries WHERE status <> 'pending'`))
			require.Equal(t, 1, f.count(`SELECT count(*) FROM event_types WHERE deprecated_at IS NULL`))
			require.Equal(t, 0, f.count(`SELECT count(*) FROM recoveries WHERE status <> 'running'`))
			require.Equal(t, 1, f.count(`SELECT count(*) FROM alert_channels WHERE name = 'On call'`))
		})
	}
}

// What a receiver answered is for the account of its delivery only, even when both accounts have webhooks with
// the same URL: otherwise one account could look at answers that are meant for another.
func TestAnswersOfReceiversStayInTheirAccount(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	ids := f.things(f.account)
	f.things(f.rival)
	const body, header = "what-the-receiver-answered", "what-its-headers-say"
	now := time.Now()
	require.NoError(t, f.store.RecordAttempt(t.Context(), webhook.Attempt{
		DeliveryID: ids[webhook.DeliveryPrefix], RunID: "run", Sequence: 1, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeServerError,
		ResponseHeaders: map[string][]string{"Server": {header}}, ResponseBody: []byte(body), StartedAt: now, EndedAt: now,
	}, webhook.StatusExhausted, nil))
	owner, rival := f.newKey(f.account, webhook.ScopeRead).Key, f.newKey(f.rival, webhook.Scopes()...).Key
	own := f.do(owner, http.MethodGet, "/v1/deliveries/"+ids[webhook.DeliveryPrefix], "")
	require.Contains(t, own.text, body)
	require.Contains(t, own.text, header)
	for _, route := range keysRoutes() {
		if route.scope == webhook.ScopeAdmin {
			continue
		}
		text := f.request(rival, route, ids[route.prefix]).text
		require.NotContains(t, text, body, route.name())
		require.NotContains(t, text, header, route.name())
	}
}

func TestKeysListTheirOwnAccountOnly(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	ids := f.things(f.account)
	rival := f.newKey(f.rival, webhook.Scopes()...).Key
	for _, route := range keysRoutes() {
		if route.method != http.MethodGet || route.prefix != "" || route.scope == webhook.ScopeAdmin || route.scope == "" {
			continue
		}
		for _, id := range ids {
			require.NotContains(t, f.request(rival, route, "").text, id, route.path)
		}
	}
}

// Publishing with the key of one account doesn't reach the webhooks of another.
func TestKeysActForTheirOwnAccount(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	f.things(f.account)
	var published struct{ Deliveries []any }
	f.do(f.newKey(f.rival, webhook.ScopePublish).Key, http.MethodPost, "/v1/events", keysEvent).as(202, &published)
	require.Empty(t, published.Deliveries)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM events WHERE account_id = $1`, f.rival))
}
