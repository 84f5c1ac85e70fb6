package alerts_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/alerts"
	"github.com/durahook/durahook/webhook"
)

const (
	console = "https://durahook.example.com"
	secret  = "s4VxJ8o5aTTo2GkkAZ9CQw3z"
)

func at(minute int) time.Time { return time.Date(2025, 2, 2, 14, minute, 0, 0, time.UTC) }

// everything is an alert of all that people are alerted of.
func everything() webhook.Alert {
	return webhook.Alert{ID: "alt_1", Channel: webhook.AlertChannel{AccountID: "acc_1"}, Groups: []webhook.AlertGroup{
		{Event: webhook.EventDeliveryExhausted, WebhookID: "whk_1", Count: 312, FirstAt: at(2), Data: json.RawMessage(
			`{"delivery_id":"dlv_1","webhook_name":"Salesforce Sync","event":"call.ended","attempts":6,"outcome":"server_error","status_code":503,"error":null}`)},
		{Event: webhook.EventDeliveryExhausted, WebhookID: "whk_2", Count: 1, FirstAt: at(3), Data: json.RawMessage(
			`{"delivery_id":"dlv_2","webhook_name":"<!channel> *_[x](https://evil.example)","event":"call.ended","outcome":"timeout","error":"no full answer within 30s"}`)},
		{Event: webhook.EventWebhookFailing, WebhookID: "whk_1", Count: 1, FirstAt: at(4), Data: json.RawMessage(
			`{"webhook_name":"Salesforce Sync","failing_since":"2025-02-01T14:00:00Z","disable_at":"2025-02-06T14:00:00Z","outcome":"server_error","status_code":503}`)},
		{Event: webhook.EventWebhookDisabled, WebhookID: "whk_3", Count: 1, FirstAt: at(5), Data: json.RawMessage(
			`{"webhook_name":"HubSpot","cause":"gone","reason":"The endpoint answered 410 Gone.","failing_since":null}`)},
	}}
}

func compose(t *testing.T, alert webhook.Alert) alerts.Message {
	t.Helper()
	message, err := alerts.Compose(alert, console)
	require.NoError(t, err)
	return message
}

func TestCompose(t *testing.T) {
	t.Parallel()
	message := compose(t, everything())
	require.Equal(t, "3 webhooks need attention", message.Title)
	require.Equal(t, "312 deliveries to Salesforce Sync were not accepted in any attempt, the first at 2025-02-02 14:02 UTC; "+
		"the last one ended as server_error, 503.", message.Lines[0].Text)
	require.Equal(t, console+"/console/deliveries?account=acc_1&status=exhausted&webhook_id=whk_1", message.Lines[0].URL)
	require.Contains(t, message.Lines[1].Text, "at 2025-02-02 14:03 UTC, ended as timeout, no full answer within 30s.")
	require.Equal(t, console+"/console/deliveries/dlv_2?account=acc_1", message.Lines[1].URL)
	require.Equal(t, "No attempt of Salesforce Sync has succeeded since 2025-02-01 14:00 UTC; the last one ended as server_error, 503. "+
		"It will be disabled if it still fails at 2025-02-06 14:00 UTC.", message.Lines[2].Text)
	require.Contains(t, message.Lines[3].Text, "HubSpot was disabled and gets no events. The endpoint answered 410 Gone.")
	require.Equal(t, console+"/console/webhooks/whk_3?account=acc_1", message.Lines[3].URL)
	require.Equal(t, alerts.SeverityCritical, message.Lines[3].Severity)

	one := everything()
	one.Groups = one.Groups[:1]
	require.Equal(t, "312 deliveries to Salesforce Sync failed", compose(t, one).Title)
	for len(one.Groups) < 30 {
		one.Groups = append(one.Groups, one.Groups[0])
	}
	message = compose(t, one)
	require.Len(t, message.Lines, 20)
	require.Equal(t, "And 10 more.", message.More)
	require.Equal(t, "Salesforce Sync needs attention", message.Title)

	plain, err := alerts.Compose(everything(), "")
	require.NoError(t, err)
	require.Empty(t, plain.Lines[0].URL)
	require.True(t, strings.HasSuffix(plain.Lines[0].Text, " (whk_1)"), "without links, IDs are what one searches by")
}

// receiver stands in for the services, wherever they are.
type receiver struct {
	*httptest.Server
	hosts   []string
	bodies  []string
	answers []int // the last one again and again
	header  http.Header
}

func newReceiver(t *testing.T, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers, header: http.Header{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		text, _ := io.ReadAll(request.Body)
		r.hosts = append(r.hosts, request.Header.Get("X-Host")+request.URL.Path)
		r.bodies = append(r.bodies, string(text))
		for name := range r.header {
			w.Header().Set(name, r.header.Get(name))
		}
		w.WriteHeader(r.answers[min(len(r.bodies), len(r.answers))-1])
		_, _ = io.WriteString(w, "your address /services/"+secret+" is no good")
	}))
	t.Cleanup(r.Close)
	return r
}

// RoundTrip sends to the receiver what is for others.
func (r *receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	there, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("X-Host", request.URL.Host)
	request.URL.Scheme, request.URL.Host = "http", there.Host
	return r.Client().Transport.RoundTrip(request)
}

// texts returns every text in a JSON value.
func texts(t *testing.T, body string) (all []string) {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(body), &value))
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			all = append(all, v)
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			for _, one := range v {
				walk(one)
			}
		}
	}
	walk(value)
	return all
}

func TestServices(t *testing.T) {
	t.Parallel()
	for kind, want := range map[webhook.AlertType]struct{ link, name string }{
		webhook.AlertSlack:   {"<" + console + "/console/deliveries/dlv_2?account=acc_1|The delivery>", "&lt;!channel&gt; ∗_[x](https://evil.example)"},
		webhook.AlertDiscord: {"[The delivery](<" + console + "/console/deliveries/dlv_2?account=acc_1>)", `\<!channel> \*\_\[x\](https://evil.example)`},
		webhook.AlertTeams:   {"[The delivery](" + console + "/console/deliveries/dlv_2?account=acc_1)", `<!channel> \*\_\[x\](https://evil.example)`},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			there := newReceiver(t, 200)
			channel := webhook.AlertChannel{Type: kind, Address: webhook.AlertAddress{URL: "https://chat.example.com/services/" + secret}}
			require.NoError(t, alerts.NewSender(there, nil).Send(t.Context(), channel, compose(t, everything())))
			require.Equal(t, []string{"chat.example.com/services/" + secret}, there.hosts)
			text := strings.Join(texts(t, there.bodies[0]), "\n")
			require.Contains(t, text, "312 deliveries to Salesforce Sync were not accepted")
			require.Contains(t, text, want.link)
			require.Contains(t, text, want.name, "names are texts, whatever is in them")
		})
	}
}

func TestDiscordIsBounded(t *testing.T) {
	t.Parallel()
	there := newReceiver(t, 204)
	alert := everything()
	for len(alert.Groups) < 20 {
		alert.Groups = append(alert.Groups, alert.Groups[0])
	}
	channel := webhook.AlertChannel{Type: webhook.AlertDiscord, Address: webhook.AlertAddress{URL: "https://discord.com/x"}}
	require.NoError(t, alerts.NewSender(there, nil).Send(t.Context(), channel, compose(t, alert)))
	var sent struct{ Content string }
	require.NoError(t, json.Unmarshal([]byte(there.bodies[0]), &sent))
	require.Len(t, []rune(sent.Content), 2000)
}

// Each webhook has an incident of its own, to which is added what happens to it later.
func TestPagerDuty(t *testing.T) {
	t.Parallel()
	there := newReceiver(t, 202)
	channel := webhook.AlertChannel{Type: webhook.AlertPagerDuty, Address: webhook.AlertAddress{RoutingKey: secret, Region: "eu"}}
	require.NoError(t, alerts.NewSender(there, nil).Send(t.Context(), channel, compose(t, everything())))
	require.Equal(t, strings.Repeat("events.eu.pagerduty.com/v2/enqueue ", 4), strings.Join(there.hosts, " ")+" ")
	var event struct {
		RoutingKey  string `json:"routing_key"`
		EventAction string `json:"event_action"`
		DedupKey    string `json:"dedup_key"`
		Payload     struct{ Summary, Source, Severity, Timestamp string }
		Links       []struct{ Href string }
	}
	require.NoError(t, json.Unmarshal([]byte(there.bodies[3]), &event))
	require.Equal(t, secret, event.RoutingKey)
	require.Equal(t, "trigger", event.EventAction)
	require.Equal(t, "durahook whk_3 webhook.disabled", event.DedupKey)
	require.Equal(t, "critical", event.Payload.Severity)
	require.Equal(t, "2025-02-02T14:05:00Z", event.Payload.Timestamp)
	require.Equal(t, console+"/console/webhooks/whk_3?account=acc_1", event.Links[0].Href)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]struct {
		permanent bool
		wait      time.Duration
	}{
		404: {permanent: true}, 400: {permanent: true}, 302: {permanent: true}, 429: {wait: 7 * time.Second}, 503: {wait: 7 * time.Second},
	} {
		there := newReceiver(t, code)
		there.header.Set("Retry-After", "7")
		there.header.Set("Location", "https://elsewhere.example.com/")
		channel := webhook.AlertChannel{Type: webhook.AlertSlack, Address: webhook.AlertAddress{URL: "https://chat.example.com/services/" + secret}}
		err := alerts.NewSender(there, nil).Send(t.Context(), channel, compose(t, everything()))
		var refused *alerts.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, want.permanent, refused.Permanent, code)
		require.Equal(t, want.wait, refused.RetryAfter, code)
		require.NotContains(t, err.Error(), secret)
		require.Len(t, there.hosts, 1, "redirects are not followed")
	}
	there := newReceiver(t, 200)
	there.Close()
	channel := webhook.AlertChannel{Type: webhook.AlertSlack, Address: webhook.AlertAddress{URL: "https://chat.example.com/services/" + secret}}
	err := alerts.NewSender(there, nil).Send(t.Context(), channel, compose(t, everything()))
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
}

func TestMail(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	mail, err := alerts.ParseMail("smtp://"+server.Addr().String(), "durahook <alerts@example.com>")
	require.NoError(t, err)
	sender := alerts.NewSender(nil, mail)
	channel := webhook.AlertChannel{Type: webhook.AlertEmail, Address: webhook.AlertAddress{To: []string{"a@example.com", "b@example.com"}}}
	require.NoError(t, sender.Send(t.Context(), channel, compose(t, everything())))
	require.Len(t, server.received(), 1)
	got := server.received()[0]
	require.Contains(t, got.from, "<alerts@example.com>")
	require.Equal(t, []string{"<a@example.com>", "<b@example.com>"}, got.to)
	require.Contains(t, got.text, "Subject: 3 webhooks need attention\n")
	require.Contains(t, got.text, "Message-ID: <alt_1@durahook>\n", "sent twice, it is the same mail")
	require.Contains(t, got.text, "Auto-Submitted: auto-generated\n")
	require.Contains(t, strings.ReplaceAll(got.text, "=\n", ""), "312 deliveries to Salesforce Sync were not accepted")

	for answer, permanent := range map[string]bool{"550 5.1.1 <a@example.com> is not known": true, "451 4.7.1 <a@example.com> later": false} {
		server.refused["a@example.com"] = answer
		err = sender.Send(t.Context(), channel, compose(t, everything()))
		var refused *alerts.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, permanent, refused.Permanent)
		require.Contains(t, err.Error(), "the mail server answered "+answer[:3])
		require.NotContains(t, err.Error(), "example.com", "addresses are nobody's business")
	}
	require.ErrorContains(t, alerts.NewSender(nil, nil).Send(t.Context(), channel, compose(t, everything())), "e-mail is not set up")
}

// Mail goes to other machines over TLS only, or not at all: this server has none.
func TestMailNeedsTLS(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	mail, err := alerts.ParseMail("smtp://user:"+secret+"@"+server.Addr().String(), "alerts@example.com")
	require.NoError(t, err)
	channel := webhook.AlertChannel{Type: webhook.AlertEmail, Address: webhook.AlertAddress{To: []string{"a@example.com"}}}
	err = alerts.NewSender(nil, mail.Elsewhere()).Send(t.Context(), channel, compose(t, everything()))
	require.ErrorContains(t, err, "the mail server does not speak TLS")
	require.NotContains(t, err.Error(), secret)
	require.Empty(t, server.received())
}

func TestParseMail(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"smtp://example.com", "smtp://user:p%40ss@example.com:587", "smtps://user:pass@example.com", "smtp://10.0.0.5:25?tls=none", "smtp://[::1]:25",
	} {
		_, err := alerts.ParseMail(address, "alerts@example.com")
		require.NoError(t, err, address)
	}
	for _, address := range []string{
		"", "example.com:25", "http://user:" + secret + "@example.com", "smtp://user:" + secret + "@", "smtp://user:" + secret + "@example.com:0",
		"smtps://user:" + secret + "@example.com?tls=none", "smtp://user:" + secret + "@example.com?skip=verify", "smtp://user:" + secret + "@example.com/path",
	} {
		_, err := alerts.ParseMail(address, "alerts@example.com")
		require.Error(t, err, address)
		require.NotContains(t, err.Error(), secret)
	}
	_, err := alerts.ParseMail("smtp://example.com", "nobody")
	require.ErrorContains(t, err, "--smtp-from")
}
