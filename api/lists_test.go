package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// publishData publishes an event of a type with this data.
func (f *fixture) publishData(account, name, data string) eventAnswer {
	f.t.Helper()
	body := `{"event":"` + name + `","timestamp":"2025-02-02T14:30:00Z","data":` + data + `}`
	return decode[eventAnswer](f.call(http.MethodPost, "/v1/events", body, "X-Account", account), 202)
}

// listed returns the IDs of a list.
func (f *fixture) listed(path string, parameters ...string) []string {
	f.t.Helper()
	values := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		values.Set(parameters[i], parameters[i+1])
	}
	ids := []string{}
	for _, entry := range decode[list](f.get(path+"?"+values.Encode()), 200).Data {
		ids = append(ids, entry["id"].(string))
	}
	return ids
}

func TestFiltersOfDeliveries(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, other := f.newWebhook(f.account), f.newAccount()
	f.newWebhook(other)
	first := f.publishData(f.account, "call.ended", `{"call_id":"call_1","phone_number":"+15551234567","duration":127}`)
	second := f.publishData(f.account, "call.ended", `{"call_id":"call_2","phone_number":"+15551234567"}`)
	theirs := f.publishData(other, "call.ended", `{"call_id":"call_1"}`)
	one, two := first.Deliveries[0].ID, second.Deliveries[0].ID
	f.record(one, webhook.StatusExhausted, nil) // with 503
	base := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	f.exec(`UPDATE deliveries SET id = $2, created_at = $3 WHERE id = $1`, two, laterID(two), base.AddDate(100, 0, 0))
	two = laterID(two)

	type parameters = []string
	for _, scenario := range []struct {
		parameters parameters
		want       []string
	}{
		{nil, []string{two, one}},
		{parameters{"event_id", first.ID}, []string{one}},
		{parameters{"event_id", first.ID, "status", "pending"}, []string{}},
		{parameters{"event_id", theirs.ID}, []string{}},
		{parameters{"status_code", "503"}, []string{one}},
		{parameters{"status_code", "5xx", "webhook_id", w.ID, "status", "exhausted"}, []string{one}},
		{parameters{"status_code", "2xx"}, []string{}},
		{parameters{"status_code", "504"}, []string{}},
		{parameters{"q", "call_1"}, []string{one}},
		{parameters{"q", "127"}, []string{one}},
		{parameters{"q", "+15551234567"}, []string{two, one}},
		{parameters{"q", "+15551234567", "status", "pending", "event", "call.ended"}, []string{two}},
		{parameters{"q", "+1555"}, []string{}},
		{parameters{"q", "call_id"}, []string{}},
		{parameters{"q", one}, []string{one}},
		{parameters{"q", first.ID}, []string{one}},
		{parameters{"q", w.ID}, []string{two, one}},
		{parameters{"q", theirs.ID}, []string{}},
		{parameters{"q", theirs.Deliveries[0].ID}, []string{}},
		{parameters{"q", w.ID, "webhook_id", webhook.NewID(webhook.WebhookPrefix)}, []string{}},
		{parameters{"since", "2126-01-02T03:04:05.6Z"}, []string{two}},
		{parameters{"since", "2126-01-02T03:04:05.600001Z"}, []string{}},
		{parameters{"since", "2126-01-02T05:04:05.6+02:00"}, []string{two}},
		{parameters{"until", "2126-01-02T03:04:05.6Z"}, []string{one}},
		{parameters{"until", "2126-01-02T03:04:05.600001Z"}, []string{two, one}},
		{parameters{"since", "2126-01-02T03:04:05Z", "until", "2126-01-02T03:04:06Z", "q", "call_2"}, []string{two}},
		{parameters{"since", "0001-01-01T00:00:00Z", "until", "9999-12-31T23:59:59Z"}, []string{two, one}},
	} {
		require.Equal(t, scenario.want, f.listed("/v1/deliveries", scenario.parameters...), scenario.parameters)
	}
}

// laterID is an ID of a hundred years later than 2026.
func laterID(id string) string {
	return webhook.FirstID(webhook.DeliveryPrefix, time.Date(2126, 1, 2, 3, 4, 5, 600_000_000, time.UTC))[:14] + id[14:]
}

func TestListEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	other := f.newAccount()
	theirs := f.publishData(other, "call.ended", `{"call_id":"call_1"}`)
	first := f.publishData(f.account, "call.ended", `{"call_id":"call_1","legs":[{"to":"+15557654321"}]}`)
	second := f.publishData(f.account, "call.started", `{"call_id":"call_1"}`)
	want := map[any]bool{first.ID: true, second.ID: true, f.publish(f.account).ID: true}
	requirePages(f, "/v1/events", want)

	got := decode[list](f.get("/v1/events?q="+first.ID), 200).Data[0]
	require.Regexp(t, `^20\d\d-.*Z$`, got["created_at"])
	delete(got, "created_at")
	delete(got, "test")
	require.Equal(t, map[string]any{"id": first.ID, "event": "call.ended", "timestamp": "2025-02-02T14:30:00Z"}, got)

	type parameters = []string
	for _, scenario := range []struct {
		parameters parameters
		want       []string
	}{
		{parameters{"event", "call.started"}, []string{second.ID}},
		{parameters{"event", "call.failed"}, []string{}},
		{parameters{"q", "call_1"}, []string{second.ID, first.ID}},
		{parameters{"q", "call_1", "event", "call.ended"}, []string{first.ID}},
		{parameters{"q", "call_1", "limit", "1", "cursor", second.ID}, []string{first.ID}},
		{parameters{"q", "call_1", "until", "2020-01-01T00:00:00Z"}, []string{}},
		{parameters{"q", "+15557654321", "since", "2020-01-01T00:00:00Z"}, []string{first.ID}},
		{parameters{"q", first.Deliveries[0].ID}, []string{first.ID}},
		{parameters{"q", theirs.ID}, []string{}},
		{parameters{"since", "2020-01-01T00:00:00Z", "event", "call.started"}, []string{second.ID}},
		{parameters{"since", "2999-01-01T00:00:00Z"}, []string{}},
	} {
		require.Equal(t, scenario.want, f.listed("/v1/events", scenario.parameters...), scenario.parameters)
	}
	require.Len(t, decode[list](f.call(http.MethodGet, "/v1/events?q=call_1", "", "X-Account", other), 200).Data, 1)
}

// Each event of a batch is found by what it holds itself.
func TestSearchOfABatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const events = `{"events":[
		{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"a":"one","b":"both","c":["x","y"]}},
		{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}},
		{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"a":"both"}}]}`
	published := decode[list](f.call(http.MethodPost, "/v1/events/batch", events), 202).Data
	one, three := published[0]["id"].(string), published[2]["id"].(string)
	require.Equal(t, []string{one}, f.listed("/v1/events", "q", "one"))
	require.Equal(t, []string{one}, f.listed("/v1/events", "q", "y"))
	require.ElementsMatch(t, []string{one, three}, f.listed("/v1/events", "q", "both"))
}

// Whoever turns pages while others publish sees everything that was there, once.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.newWebhook(f.account)
	for range 7 {
		f.publish(f.account)
	}
	for _, path := range []string{"/v1/events?", "/v1/deliveries?", "/v1/deliveries?status=pending", "/v1/deliveries?q=%2B15551234567"} {
		var want, got []string
		for _, entry := range decode[list](f.get(path), 200).Data {
			want = append(want, entry["id"].(string))
		}
		for cursor := new(string); cursor != nil; {
			parameter := "&cursor=" + *cursor
			page := decode[list](f.get(path+"&limit=3"+parameter), 200)
			for _, entry := range page.Data {
				got = append(got, entry["id"].(string))
			}
			cursor = page.NextCursor
			f.publish(f.account)
		}
		require.GreaterOrEqual(t, len(want), 7)
		require.Equal(t, want, got, path)
		require.IsDecreasing(t, got)
	}
}

func TestFiltersRefuse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	type fields = map[string]string
	const code, at = "must be a status code from 100 to 599, or a class of them such as 5xx", "is not a time in RFC 3339"
	for query, want := range map[string]fields{
		"status_code=600":                 {"/status_code": code},
		"status_code=99":                  {"/status_code": code},
		"status_code=-20":                 {"/status_code": code},
		"status_code=0200":                {"/status_code": code},
		"status_code=%2B20":               {"/status_code": code},
		"status_code=6xx":                 {"/status_code": code},
		"status_code=5XX":                 {"/status_code": code},
		"status_code=x":                   {"/status_code": code},
		"since=yesterday":                 {"/since": at},
		"since=2025-02-02":                {"/since": at},
		"until=1700000000":                {"/until": at},
		"since=0000-01-01T00:00:00Z":      {"/since": at},
		"since=2025-02-02T14:30:00+01:00": {"/since": "with %2B for the + of an offset"},
		"since=2025-02-02T14:30:00Z&until=2025-02-02T14:30:00Z": {"/until": "must be after since"},
		"webhook_id=evt_1": {"/webhook_id": "is not the ID of a webhook; it begins with whk_"},
		"event_id=" + webhook.NewID(webhook.DeliveryPrefix): {"/event_id": "is not the ID of an event; it begins with evt_"},
		"q=" + strings.Repeat("%C3%A9", 129):                {"/q": "must have at most 256 bytes"},
		"q=x&q=y":                                           {"/q": "more than once"},
		"q=%00":                                             {"/q": "not text"},
		"status=x&status_code=x&since=x&until=x&webhook_id=x&event_id=x&limit=x&cursor=x&x=x": {
			"/status": "", "/status_code": "", "/since": "", "/until": "", "/webhook_id": "", "/event_id": "", "/limit": "", "/cursor": "", "/x": "",
		},
	} {
		requireProblem(f.get("/v1/deliveries?"+query), 422, "invalid", want)
	}
	requireProblem(f.get("/v1/events?status=pending&since=x&q="+strings.Repeat("x", 257)), 422, "invalid",
		fields{"/status": "known are event, since, until, q, limit, cursor", "/since": at, "/q": "at most 256"})
	p := requireProblem(f.get("/v1/events?q=%2B15551234567&limit=0"), 422, "invalid", fields{"/limit": ""})
	require.Equal(t, "/v1/events", p.Instance, "what is searched for is not repeated")
}
