package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// field returns the value behind a label of what is printed.
func field(t *testing.T, output, label string) string {
	t.Helper()
	for line := range strings.Lines(output) {
		if value, ok := strings.CutPrefix(line, label+"  "); ok {
			return strings.TrimSpace(value)
		}
	}
	require.Fail(t, "there is no "+label, output)
	return ""
}

func (r remote) newWebhook() (id string) {
	r.t.Helper()
	id, ok := r.json("webhooks", "create", "--name=Sync", "--url=https://8.8.8.8/hook", "--events=call.ended,call.failed")["id"].(string)
	require.True(r.t, ok)
	return id
}

// A webhook's life over the real API.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	status, stdout, stderr := r.run("webhooks", "create", "--name=Sync", "--url=https://8.8.8.8/hook", "--events=call.ended", "--events=call.failed",
		"--auth-type=api_key", "--auth-header=X-Api-Key", "--auth-value=5f4dcc3b5aa765d61d83")
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "\nThe signing secret is shown this once. Receivers verify with it, or with the public key if there is one.\n", stderr)
	require.Equal(t, lines(
		"ID              whk_…",
		"Name            Sync",
		"URL             https://8.8.8.8/hook",
		"Events          call.ended, call.failed",
		"Status          enabled",
		"Authentication  api_key header=X-Api-Key value=••••",
		"Signing         hmac-sha256",
		"Signing secret  whsec_…",
		"Created         <time>",
		"Changed         <time>",
	), masked(stdout))
	id := field(t, stdout, "ID")

	require.Equal(t, lines(
		"ID                              STATUS   NAME  EVENTS                  URL",
		id+"  enabled  Sync  call.ended,call.failed  https://8.8.8.8/hook",
	), r.ok("webhooks", "list"))

	updated := r.ok("webhooks", "update", id, "--name=CRM", "--authentication=null")
	require.Equal(t, "CRM", field(t, updated, "Name"))
	require.Equal(t, "none", field(t, updated, "Authentication"))
	require.Regexp(t, "^••••", field(t, updated, "Signing secret"))
	require.Equal(t, "disabled (Disabled by its owner.)", field(t, r.ok("webhooks", "disable", id), "Status"))
	require.Equal(t, "enabled", field(t, r.ok("webhooks", "enable", id), "Status"))
	rotated := r.ok("webhooks", "rotate-secret", id, "--signing-algorithm=ed25519")
	require.Regexp(t, "^whsk_", field(t, rotated, "Signing secret"))
	require.Regexp(t, "^whpk_", field(t, rotated, "Public key"))
	require.Equal(t, "CRM", r.json("webhooks", "get", id)["name"])

	require.Equal(t, "Deleted "+id+".\n", r.ok("webhooks", "delete", id, "--yes"))
	require.Equal(t, "durahook: There is no webhook "+id+" in this account.\n", r.fails("webhooks", "get", id))
}

// All that is wrong is told at once, with the flags that it came from.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	for _, scenario := range []struct {
		args []string
		want []string
	}{
		{
			[]string{"webhooks", "create", "--url=http://x", "--events=nope", "--auth-type=basic", "--signing-algorithm=x"},
			[]string{"--name: ", "--url: ", "--events (/events/0): ", "--auth-username (/authentication/username): ", "--auth-password (/authentication/password): ", "--signing-algorithm: "},
		},
		{[]string{"events", "publish", "--event=call.ende", "--data=[]"}, []string{"--event: ", "--data: "}},
		{[]string{"keys", "create", "--scopes=read,x"}, []string{"--name: ", "--scopes (/scopes/1): "}},
		{[]string{"accounts", "create"}, []string{"--name: "}},
		{[]string{"deliveries", "list", "--status=nope", "--limit=0"}, []string{"--status: ", "--limit: "}},
		{[]string{"webhooks", "list", "--cursor=nope"}, []string{"--cursor: "}},
	} {
		stderr := r.fails(scenario.args...)
		require.Regexp(t, `^durahook: (Some fields are|One field is) not valid\.\n`, stderr)
		for _, field := range scenario.want {
			require.Contains(t, stderr, "\n  "+field)
		}
		require.Equal(t, 1+len(scenario.want), strings.Count(stderr, "\n"), stderr)
	}
	status, _, stderr := run(t, "webhooks", "list", "--server", r.server, "--api-key", "wrong")
	require.Equal(t, 1, status)
	require.Equal(t, "durahook: This API key is not valid.\n  Set DURAHOOK_API_KEY to a key of "+r.server+".\n", stderr)
}

func TestEventsAndDeliveries(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	require.Contains(t, r.ok("events", "publish", "--event=call.ended", "--data={}"), "\nNo webhook subscribes to it.\n")
	id := r.newWebhook()

	published := r.ok("events", "publish", "--event=call.ended", `--data={"note":"<b>"}`, "--timestamp=2026-11-24T14:30:00.5Z", "--idempotency-key=k1")
	require.Equal(t, lines(
		"ID         evt_…",
		"Event      call.ended",
		"Timestamp  <time>",
		"",
		"DELIVERY                        WEBHOOK",
		"dlv_…  whk_…",
	), masked(published))
	status, again, stderr := r.run("events", "publish", "--event=call.ended", `--data={"note":"<b>"}`, "--timestamp=2026-11-24T14:30:00.5Z", "--idempotency-key=k1")
	require.Equal(t, 0, status, stderr)
	require.Equal(t, published, again)
	require.Equal(t, "This was published before with the same key; nothing was published now.\n", stderr)

	event := r.ok("events", "get", field(t, published, "ID"))
	require.Contains(t, event, "\"note\": \"<b>\"\n")
	require.Contains(t, event, "  pending  0 ")
	raw := r.json("events", "get", field(t, published, "ID"))
	require.Equal(t, map[string]any{"event": "call.ended", "timestamp": "2026-11-24T14:30:00.5Z", "data": map[string]any{"note": "<b>"}}, raw["payload"])

	republished := r.ok("events", "republish", field(t, published, "ID"), "--webhook", id)
	require.Equal(t, "pending", field(t, republished, "Status"))
	delivery := field(t, republished, "ID")
	require.Equal(t, lines(
		"ID                              CREATED              STATUS   TRIES  LAST  NEXT  EVENT       WEBHOOK",
		"dlv_…  <time>  pending  0                  call.ended  Sync",
		"dlv_…  <time>  pending  0                  call.ended  Sync",
	), masked(r.ok("deliveries", "list", "--webhook", id, "--status=pending")))
	require.Equal(t, delivery, r.json("deliveries", "get", delivery)["id"])
	require.Equal(t, "cancelled", field(t, r.ok("deliveries", "cancel", delivery), "Status"))
	require.Equal(t, "cancelled", field(t, r.ok("deliveries", "show", delivery), "Status"))
	require.Contains(t, r.fails("deliveries", "retry", delivery), "durahook: Temporal cannot be reached at the moment")

	status, stdout, stderr := r.run("deliveries", "watch", delivery, "-o", "json")
	require.Equal(t, 1, status)
	require.Empty(t, stdout, "there was no attempt")
	require.Equal(t, "durahook: the delivery is cancelled\n", stderr)
}

// Files are published byte for byte, and batches one event after the other.
func TestPublishFiles(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	const event = `{ "event":"call.ended","timestamp":"2026-11-24T14:30:00Z","data":{"n":1.50,"note":"<b>"} }`
	file := filepath.Join(t.TempDir(), "event.json")
	require.NoError(t, os.WriteFile(file, []byte(event), 0o600))
	require.Equal(t, "call.ended", field(t, r.ok("events", "publish", file), "Event"))
	key := []string{"DURAHOOK_API_KEY=" + adminKey}
	for _, path := range [][]string{nil, {"-"}} {
		status, stdout, stderr := r.child(event, key, append([]string{"events", "publish"}, path...)...)
		require.Equal(t, 0, status, stderr)
		require.Contains(t, stdout, "call.ended")
	}
	status, stdout, stderr := r.child(event+"\n\n"+event, key, "events", "publish", "--batch")
	require.Equal(t, 0, status, stderr)
	require.Equal(t, lines("ID                              EVENT       DELIVERIES", "evt_…  call.ended  0", "evt_…  call.ended  0"), masked(stdout))

	for stdin, want := range map[string]string{
		event + "\n{":               "durahook: event 2 of the batch is not JSON: unexpected EOF\n",
		event + "\n" + `{"data":1}`: "durahook: Some fields are not valid.\n  /events/1/event: ",
		"":                          "durahook: One field is not valid.\n  /events: ",
	} {
		status, stdout, stderr = r.child(stdin, key, "events", "publish", "--batch")
		require.Equal(t, 1, status)
		require.Empty(t, stdout)
		require.True(t, strings.HasPrefix(stderr, want), stderr)
	}
	both := "durahook: what is published comes from a file or from --event, --timestamp and --data, not both\n"
	require.Equal(t, both, r.fails("events", "publish", file, "--event=call.ended"))
	require.Equal(t, both, r.fails("events", "publish", "--batch", "--data={}"))
	require.Contains(t, r.fails("events", "publish", "/nowhere/at/all"), "/nowhere/at/all: no such file")
}

func TestKeysAndAccounts(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	account := field(t, r.ok("accounts", "create", "--name=Acme"), "ID")
	require.Equal(t, lines("ID       acc_…", "Name     Acme", "Created  <time>"), masked(r.ok("accounts", "get", account)))
	require.Equal(t, 3, strings.Count(r.ok("accounts", "list"), "\n"))

	status, created, stderr := r.run("keys", "create", "--name=CI", "--scopes=read,publish", "--expires=90d", "--account", account)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "\nThe key is shown this once. Programs find it in DURAHOOK_API_KEY.\n", stderr)
	key := field(t, created, "Key")
	require.Regexp(t, `^dhk_`, key)
	require.Regexp(t, `^\d{4}-`, field(t, created, "Expires"))
	status, _, stderr = run(t, "events", "publish", "--event=call.ended", "--data={}", "--server", r.server, "--api-key", key)
	require.Equal(t, 0, status, stderr)
	status, _, stderr = run(t, "webhooks", "create", "--server", r.server, "--api-key", key)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "manage", "it lacks the scope")

	id := field(t, created, "ID")
	require.Equal(t, "Revoked "+id+".\n", r.ok("keys", "revoke", id, "--yes", "--account", account))
	listed := r.ok("keys", "list", "--account", account)
	require.Contains(t, listed, id+"  revoked  "+key[:10])
	require.NotContains(t, listed, key)
}

// What is not there to try here: the answers are those that the API's description has as examples.
func TestStatsTestsAndRecoveries(t *testing.T) {
	t.Parallel()
	const recovery = `{"id":"rec_1","webhook_id":"whk_1","since":"2026-11-24T14:00:00Z","until":"2026-11-24T15:00:00Z","statuses":["exhausted","waiting"],
		"status":"running","matched":12,"retried":7,"skipped":1,"created_at":"2026-11-24T15:00:00Z","updated_at":"2026-11-24T15:00:01Z"}`
	r, asked := answering(t, 200, jsonHeader(), recovery)
	shown := lines("ID             rec_1", "Status         running", "Webhook        whk_1", "Since          <time>", "Until          <time>",
		"Retries those  exhausted, waiting", "Matched        12", "Retried        7", "Skipped        1", "Created        <time>", "Changed        <time>")
	require.Equal(t, shown, masked(r.ok("webhooks", "recover", "whk_1", "--since=2026-11-24T14:00:00Z", "--status=exhausted,waiting")))
	require.Equal(t, "/v1/webhooks/whk_1/recover", asked.all()[0].RequestURI)
	require.JSONEq(t, `{"since":"2026-11-24T14:00:00Z","status":["exhausted","waiting"]}`, bodyOf(t, asked.all()[0]))
	r.ok("recoveries", "get", "rec_1")
	r.ok("recoveries", "cancel", "rec_1")
	require.Equal(t, "/v1/recoveries/rec_1/cancel", asked.all()[2].RequestURI)
	status, _, stderr := r.run("webhooks", "recover", "whk_1")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, "durahook: missing flags: --since=TIME")

	r, _ = answering(t, 200, jsonHeader(), `{"data":[`+recovery+`],"next_cursor":null}`)
	require.Contains(t, r.ok("recoveries", "list", "whk_1"), "running  12       7        1 ")

	r, _ = answering(t, 200, jsonHeader(), `{"webhook_id":"whk_1","since":"2026-11-24T14:00:00Z","until":"2026-11-24T16:00:00Z",
		"deliveries":{"total":3,"delivered":2,"waiting":1},"attempts":{"total":4,"succeeded":3,"failed":1,"success_rate":0.75,
		"outcomes":{"success":3,"timeout":1},"response_time_ms":{"p50":12,"p90":80,"p95":90,"p99":99,"max":100}},
		"hours":[{"start":"2026-11-24T14:00:00Z","attempts":0,"succeeded":0,"failed":0,"success_rate":null,"response_time_ms":{"p50":null,"p95":null,"p99":null}},
		{"start":"2026-11-24T15:00:00Z","attempts":4,"succeeded":3,"failed":1,"success_rate":0.75,"response_time_ms":{"p50":12,"p95":90,"p99":99}}]}`)
	require.Equal(t, lines(
		"Webhook        whk_1", "From           <time>", "To             <time>",
		"Deliveries     3: 2 delivered, 1 waiting, 0 pending, 0 exhausted, 0 cancelled, 0 discarded",
		"Attempts       4: 3 succeeded, 1 failed", "Success rate   75.0 %", "Outcomes       3 success, 1 timeout",
		"Response time  p50 12 ms, p90 80 ms, p95 90 ms, p99 99 ms, max 100 ms",
		"",
		"HOUR                 ATTEMPTS  FAILED  SUCCESS  P50 MS  P95 MS  P99 MS",
		"<time>  4         1       75.0 %   12      90      99",
	), masked(r.ok("webhooks", "stats", "whk_1", "--since=7d")))

	const test = `{"delivery_id":"dlv_1","event":"call.ended","passes_filter":false,"outcome":"server_error","status_code":503,
		"response_time_ms":84,"response_headers":{"Content-Type":["text/plain"]},"response_body":"later\n\u001b[2J","error":null}`
	r, _ = answering(t, 200, jsonHeader(), test)
	status, stdout, stderr := r.run("webhooks", "test", "whk_1")
	require.Equal(t, 1, status)
	require.Equal(t, "durahook: the endpoint did not accept the test: server_error\n", stderr)
	require.Equal(t, lines("Delivery        dlv_1", "Event           call.ended", "Passes filter   no", "Outcome         server_error", "Status code     503",
		"Response time   84 ms", "  Content-Type  text/plain", `Response        later\n\x1b[2J`), stdout)
	r, _ = answering(t, 200, jsonHeader(), strings.ReplaceAll(test, "server_error", "success"))
	r.ok("webhooks", "test", "whk_1", "--event=call.ended")
}

func TestEventTypes(t *testing.T) {
	t.Parallel()
	const eventType = `{"name":"order.paid","description":"An order was paid.","example":{"event":"order.paid"},"schema":{"type":"object"},
		"deprecated":true,"deprecated_at":"2026-11-24T14:00:00Z","built_in":false,"created_at":"2026-11-24T14:00:00Z","updated_at":"2026-11-24T14:00:00Z"}`
	r, asked := answering(t, 200, jsonHeader(), eventType)
	require.Equal(t, lines(
		"Name         order.paid", "Description  An order was paid.", "Status       deprecated", "Deprecated   <time>", "Built in     no",
		"Created      <time>", "Changed      <time>", "", "Example", "{", `  "event": "order.paid"`, "}", "", "Schema", "{", `  "type": "object"`, "}",
	), masked(r.ok("event-types", "get", "order.paid")))
	asked.clear()
	r.ok("event-types", "create", "order.paid", "--description=Paid.", `--example={"event":"order.paid"}`, "--deprecated")
	r.ok("event-types", "update", "order.paid", "--schema=null", "--no-deprecated")
	require.JSONEq(t, `{"name":"order.paid","description":"Paid.","example":{"event":"order.paid"},"deprecated":true}`, bodyOf(t, asked.all()[0]))
	require.JSONEq(t, `{"schema":null,"deprecated":false}`, bodyOf(t, asked.all()[1]))
	require.Contains(t, r.fails("event-types", "update", "order.paid"), "nothing is to be changed")

	r, _ = answering(t, 200, jsonHeader(), `{"data":[`+eventType+`],"next_cursor":null}`)
	require.Equal(t, lines("NAME        STATUS      BUILT IN  SCHEMA  DESCRIPTION", "order.paid  deprecated  no        yes     An order was paid."), r.ok("event-types", "list"))
	var one map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.ok("event-types", "list", "--all", "-o", "json")), &one))
	require.Equal(t, "order.paid", one["name"])
}
