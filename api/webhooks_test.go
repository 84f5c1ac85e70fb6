package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestCreateWebhook(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.call(http.MethodPost, "/v1/webhooks", `{"name":" Salesforce Sync ","url":"`+endpoint+`","events":["call.ended","call.failed"],
		"authentication":{"type":"bearer","token":"your_secret_key"}}`)
	created := decode[webhookAnswer](a, 201)
	require.NoError(t, webhook.CheckID(webhook.WebhookPrefix, created.ID))
	require.Equal(t, "Salesforce Sync", created.Name)
	require.Equal(t, endpoint, created.URL)
	require.Equal(t, []string{"call.ended", "call.failed"}, created.Events)
	require.True(t, created.Enabled)
	require.Equal(t, map[string]string{"type": "bearer", "token": "••••_key"}, created.Authentication)
	_, err := webhook.SigningSecret(created.SigningSecret).Sign("evt_1", webhook.Event{}.Timestamp, nil)
	require.NoError(t, err, "the signing secret can be used as it is")
}

// The signing secret is shown once; what the client sent never.
func TestSecretsAreNotShownAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, authentication := range []string{
		`{"type":"api_key","header":"X-Api-Key","value":"secret-word-1234"}`, `{"type":"basic","username":"u","password":"secret-word-1234"}`,
		`{"type":"bearer","token":"secret-word-1234"}`, `{"type":"hmac","secret":"secret-word-1234"}`,
	} {
		a := f.call(http.MethodPost, "/v1/webhooks", `{"name":"W","url":"`+endpoint+`","events":["*"],"authentication":`+authentication+`}`)
		created := decode[webhookAnswer](a, 201)
		require.NotContains(t, a.text, "secret-word")
		secret := created.SigningSecret
		require.Len(t, secret, len("whsec_")+44)
		f.publish(f.account)
		for _, path := range []string{"/v1/webhooks/" + created.ID, "/v1/webhooks", "/v1/deliveries"} {
			again := f.get(path)
			require.Equal(t, 200, again.status)
			require.NotContains(t, again.text, "secret-word")
			require.NotContains(t, again.text, secret[:12])
		}
		shown := decode[webhookAnswer](f.get("/v1/webhooks/"+created.ID), 200)
		require.Equal(t, "••••"+secret[len(secret)-4:], shown.SigningSecret)
		created.SigningSecret = shown.SigningSecret
		require.Equal(t, created, shown)
	}
}

func TestCreateWebhookRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.rows()
	url := func(url string) string { return `{"name":"Sync","url":"` + url + `","events":["*"]}` }
	with := func(member string) string {
		return `{"name":"Sync","url":"` + endpoint + `","events":["*"],` + member + `}`
	}
	type fields = map[string]string
	const (
		https  = "must start with https://"
		public = "must have a public address; this one is private, loopback, link-local or reserved"
		odd    = "must have a host name or a plain IP address"
	)
	for name, scenario := range map[string]struct {
		body   string
		status int
		fields fields
	}{
		"http":                {url("http://8.8.8.8/"), 422, fields{"/url": https}},
		"credentials":         {url("https://user:secret-word@8.8.8.8/"), 422, fields{"/url": "must not contain a user name or password; they belong in authentication"}},
		"loopback":            {url("https://127.0.0.1/"), 422, fields{"/url": public}},
		"loopback and port":   {url("https://127.0.0.1:8443/"), 422, fields{"/url": public}},
		"http loopback":       {url("http://127.0.0.1/"), 422, fields{"/url": https}},
		"metadata":            {url("https://169.254.169.254/latest/meta-data"), 422, fields{"/url": public}},
		"IPv6 loopback":       {url("https://[::1]/"), 422, fields{"/url": public}},
		"IPv4-mapped":         {url("https://[::ffff:127.0.0.1]/"), 422, fields{"/url": public}},
		"name of loopback":    {url("https://localhost/"), 422, fields{"/url": public}},
		"private":             {url("https://10.0.0.1/"), 422, fields{"/url": public}},
		"carrier-grade NAT":   {url("https://100.64.0.1/"), 422, fields{"/url": public}},
		"unspecified":         {url("https://0.0.0.0/"), 422, fields{"/url": public}},
		"NAT64":               {url("https://[64:ff9b::7f00:1]/"), 422, fields{"/url": public}},
		"decimal":             {url("https://2130706433/"), 422, fields{"/url": odd}},
		"octal":               {url("https://0177.0.0.1/"), 422, fields{"/url": odd}},
		"hexadecimal":         {url("https://0x7f000001/"), 422, fields{"/url": odd}},
		"short":               {url("https://127.1/"), 422, fields{"/url": odd}},
		"fullwidth":           {url("https://\uff11\uff12\uff17.0.0.1/"), 422, fields{"/url": odd}},
		"no URL":              {url("example.com"), 422, fields{"/url": `use the form "https://example.com/webhooks"`}},
		"blank in URL":        {url("https://8.8.8.8/a b"), 422, fields{"/url": "is not a URL"}},
		"long URL":            {url("https://8.8.8.8/" + strings.Repeat("a", 2048)), 422, fields{"/url": "is longer than 2048 bytes"}},
		"nothing":             {"{}", 422, fields{"/name": "is missing", "/url": "is missing", "/events": "is missing"}},
		"unknown event":       {`{"name":"Sync","url":"` + endpoint + `","events":["call.ended","call.exploded"]}`, 422, fields{"/events/1": "is not a known event type"}},
		"event no text":       {`{"name":"Sync","url":"` + endpoint + `","events":[1]}`, 422, fields{"/events/0": "must be a string, not a number"}},
		"unknown fields":      {with(`"secret":"secret-word","disabled":true`), 422, fields{"/secret": "is not a known field; known are name, url, events, filter, rate_limit, authentication, enabled", "/disabled": "is not a known field"}},
		"unknown type":        {with(`"authentication":{"type":"magic"}`), 422, fields{"/authentication/type": "must be one of none, api_key, basic, bearer, hmac"}},
		"unknown inside":      {with(`"authentication":{"type":"bearer","tokn":"secret-word","x":1}`), 422, fields{"/authentication/tokn": "is not a known field", "/authentication/x": "is not a known field", "/authentication/token": "is missing"}},
		"token missing":       {with(`"authentication":{"type":"bearer"}`), 422, fields{"/authentication/token": "is missing"}},
		"token of two lines":  {with(`"authentication":{"type":"bearer","token":"secret-word\r\nX: y"}`), 422, fields{"/authentication/token": "control characters"}},
		"reserved header":     {with(`"authentication":{"type":"api_key","header":"webhook-id","value":"secret-word"}`), 422, fields{"/authentication/header": "use another"}},
		"authentication {}":   {with(`"authentication":{}`), 422, fields{"/authentication/type": "is missing"}},
		"authentication text": {with(`"authentication":"bearer"`), 422, fields{"/authentication": "must be an object, not a string"}},
		"NUL in the name":     {`{"name":"a\u0000","url":"` + endpoint + `","events":["*"]}`, 422, fields{"/name": "control characters"}},
		"malformed":           {"{", 400, nil},
		"empty":               {"", 400, nil},
		"too large":           {with(`"x":"` + strings.Repeat("x", 64<<10) + `"`), 413, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{t: t, store: f.store, server: f.server}
			code := map[int]string{400: "malformed", 413: "too_large", 422: "invalid"}[scenario.status]
			a := f.call(http.MethodPost, "/v1/webhooks", scenario.body)
			requireProblem(a, scenario.status, code, scenario.fields)
			require.NotContains(t, a.text, "secret-word")
			require.NotContains(t, a.text, "whsec_")
			require.Equal(t, before, f.rows(), "nothing is stored")
		})
	}
}

func TestGetWebhookThatIsNotThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	theirs := f.newWebhook(f.newAccount())
	event := f.publish(f.account)
	for _, id := range []string{
		webhook.NewID(webhook.WebhookPrefix), theirs.ID, event.ID, f.account, "1", "whk_", "%00", "'", strings.Repeat("x", 1000),
		strings.ToUpper(theirs.ID), "%2e%2e", "\u00e9",
	} {
		requireProblem(f.get("/v1/webhooks/"+id), 404, "not_found", nil)
	}
}

func TestListWebhooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	empty := f.get("/v1/webhooks")
	require.Equal(t, 200, empty.status)
	require.JSONEq(t, `{"data":[],"next_cursor":null}`, empty.text)

	want := map[any]bool{}
	for range 5 {
		want[f.newWebhook(f.account).ID] = true
	}
	other := f.newAccount()
	f.newWebhook(other)
	require.Len(t, decode[list](f.get("/v1/webhooks"), 200).Data, 5)
	requirePages(f, "/v1/webhooks", want)
	require.Len(t, decode[list](f.call(http.MethodGet, "/v1/webhooks", "", "X-Account", other), 200).Data, 1)
}

// requirePages goes through a list two by two and makes sure that it has exactly these entries.
func requirePages(f *fixture, path string, want map[any]bool) {
	f.t.Helper()
	got := map[any]bool{}
	pages, cursor := 0, ""
	for {
		page := decode[list](f.get(path+"?limit=2"+cursor), 200)
		pages++
		for _, entry := range page.Data {
			require.False(f.t, got[entry["id"]], "an entry comes once")
			got[entry["id"]] = true
		}
		if page.NextCursor == nil {
			break
		}
		require.Len(f.t, page.Data, 2)
		cursor = "&cursor=" + *page.NextCursor
	}
	require.Equal(f.t, want, got)
	require.Equal(f.t, (len(want)+1)/2, pages, "no empty page at the end")
}
