package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

type alertChannelAnswer struct {
	ID, Name, Type, URL string
	Events, To          []string
	RoutingKey          string  `json:"routing_key"`
	Region              string  `json:"region"`
	LastSentAt          *string `json:"last_sent_at"`
	LastError           *string `json:"last_error"`
}

func TestAlertChannels(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const secret = "s4VxJ8o5aTTo2GkkAZ9CQw3z"
	created := f.call(http.MethodPost, "/v1/alert-channels", `{"name":"On call","type":"slack","url":"https://8.8.8.8/services/`+secret+`"}`)
	require.NotContains(t, created.text, secret)
	channel := decode[alertChannelAnswer](created, 201)
	require.Equal(t, alertChannelAnswer{
		ID: channel.ID, Name: "On call", Type: "slack", URL: "https://8.8.8.8/••••Qw3z", Events: []string{"delivery.exhausted", "webhook.failing", "webhook.disabled"},
	}, channel)
	require.Equal(t, channel, decode[alertChannelAnswer](f.get("/v1/alert-channels/"+channel.ID), 200))
	require.Len(t, decode[list](f.get("/v1/alert-channels"), 200).Data, 1)

	pager := decode[alertChannelAnswer](f.call(http.MethodPost, "/v1/alert-channels", `{"name":"Pager","type":"pagerduty","routing_key":"0d4c1d2f3b5a69788796a5b4c3d2e1f0","events":["webhook.disabled"]}`), 201)
	require.Equal(t, "••••e1f0", pager.RoutingKey)
	require.Equal(t, "us", pager.Region)

	patched := decode[alertChannelAnswer](f.call(http.MethodPatch, "/v1/alert-channels/"+pager.ID, `{"name":"Pager of the night","region":"eu"}`), 200)
	require.Equal(t, "Pager of the night", patched.Name)
	require.Equal(t, "eu", patched.Region)
	require.Equal(t, "••••e1f0", patched.RoutingKey)

	require.Equal(t, 204, f.call(http.MethodDelete, "/v1/alert-channels/"+pager.ID, "").status)
	requireProblem(f.get("/v1/alert-channels/"+pager.ID), 404, "not_found", nil)
}

func TestAlertChannelsRefuse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for body, fields := range map[string]map[string]string{
		`{"name":"Mail","type":"email","to":["a@example.com"]}`:              {"/type": "this installation has no mail server; its operator gives one with --smtp-url"},
		`{"name":"Inside","type":"slack","url":"https://10.0.0.1/services"}`: {"/url": "must have a public address"},
		`{"name":"","type":"slack","url":"https://10.0.0.1/services"}`:       {"/name": "is missing", "/url": "must have a public address"},
		`{"name":"n","type":"generic","url":"https://8.8.8.8/"}`:             {"/type": "must be one of email, slack, teams, discord, pagerduty"},
	} {
		requireProblem(f.call(http.MethodPost, "/v1/alert-channels", body), 422, "invalid", fields)
	}
	channel := decode[alertChannelAnswer](f.call(http.MethodPost, "/v1/alert-channels", `{"name":"n","type":"teams","url":"https://8.8.8.8/"}`), 201)
	requireProblem(f.call(http.MethodPatch, "/v1/alert-channels/"+channel.ID, `{"url":"https://169.254.169.254/latest"}`), 422, "invalid", map[string]string{"/url": "must have a public address"})
	requireProblem(f.call(http.MethodPatch, "/v1/alert-channels/"+channel.ID, `{"type":"slack"}`), 422, "invalid", map[string]string{"/type": "cannot be changed"})

	for range 10 {
		requireProblem(f.call(http.MethodPost, "/v1/alert-channels/"+channel.ID+"/test", ""), 503, "unavailable", nil) // Temporal is down
	}
	often := f.call(http.MethodPost, "/v1/alert-channels/"+channel.ID+"/test", "")
	requireProblem(often, 429, "too_many_requests", nil)
	require.Equal(t, "60", often.header.Get("Retry-After"))
}
