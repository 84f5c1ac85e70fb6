package webhook_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

const (
	slackURL   = "https://hooks.slack.com/services/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"
	routingKey = "0d4c1d2f3b5a69788796a5b4c3d2e1f0"
)

// fieldsOf returns what an error says of which fields.
func fieldsOf(t *testing.T, err error) map[string]string {
	t.Helper()
	if err == nil {
		return nil
	}
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeInvalid, domain.Code)
	fields := make(map[string]string)
	for _, field := range domain.Fields {
		fields[field.Pointer] = field.Detail
	}
	return fields
}

func defineAlertChannel(t *testing.T, body string) (webhook.AlertChannel, error) {
	t.Helper()
	var d webhook.AlertChannelDefinition
	require.NoError(t, webhook.DecodeJSON([]byte(body), &d))
	return webhook.DefineAlertChannel("acc_1", d, false)
}

func TestDefineAlertChannel(t *testing.T) {
	t.Parallel()
	c, err := defineAlertChannel(t, `{"name":" On call ","type":"slack","url":"`+slackURL+`"}`)
	require.NoError(t, err)
	require.NoError(t, webhook.CheckID(webhook.AlertChannelPrefix, c.ID))
	require.Equal(t, "On call", c.Name)
	require.Equal(t, webhook.AlertEvents(), c.Events, "all of it, unless something is named")
	require.Equal(t, webhook.AlertAddress{URL: "https://hooks.slack.com/••••Qw3z"}, c.Address.Masked())
	require.Equal(t, slackURL, c.Address.URL)

	c, err = defineAlertChannel(t, `{"name":"Pager","type":"pagerduty","routing_key":"`+routingKey+`","events":["webhook.disabled"]}`)
	require.NoError(t, err)
	require.Equal(t, webhook.AlertAddress{RoutingKey: "••••e1f0", Region: "us"}, c.Address.Masked())

	c, err = defineAlertChannel(t, `{"name":"Mail","type":"email","to":["a@example.com","b@example.com"]}`)
	require.NoError(t, err)
	require.Equal(t, []string{"a@example.com", "b@example.com"}, c.Address.Masked().To)
}

func TestDefineAlertChannelRefuses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{}`:                              {"/name", "/type"},
		`{"name":"n","type":"fax"}`:       {"/type"},
		`{"name":"n","type":"email"}`:     {"/to"},
		`{"name":"n","type":"slack"}`:     {"/url"},
		`{"name":"n","type":"pagerduty"}`: {"/routing_key"},
		`{"name":"n","type":"pagerduty","routing_key":"short","region":"mars"}`:                         {"/routing_key", "/region"},
		`{"name":"n","type":"pagerduty","routing_key":"••••e1f0"}`:                                      {"/routing_key"},
		`{"name":"n","type":"slack","url":"http://hooks.slack.com/services/x"}`:                         {"/url"},
		`{"name":"n","type":"slack","url":"https://hooks.slack.com/••••Qw3z"}`:                          {"/url"},
		`{"name":"n","type":"slack","url":"` + slackURL + `","to":["a@example.com"],"region":"us"}`:     {"/to", "/region"},
		`{"name":"n","type":"email","to":["a@example.com","a@example.com","nobody","A <a@b.c>"]}`:       {"/to/1", "/to/2", "/to/3"},
		`{"name":"n","type":"email","to":["a@example.com\r\nBcc: b@example.com"]}`:                      {"/to/0"},
		`{"name":"n","type":"email","to":[` + strings.Repeat(`"a@example.com",`, 10) + `"b@b.c"]}`:      {"/to"},
		`{"name":"n","type":"slack","url":"` + slackURL + `","events":[]}`:                              {"/events"},
		`{"name":"n","type":"slack","url":"` + slackURL + `","events":["webhook.*","webhook.failing"]}`: {"/events/0"},
		`{"name":"n","type":"slack","url":"` + slackURL + `","token":"x"}`:                              {"/token"},
	} {
		_, err := defineAlertChannel(t, body)
		fields := fieldsOf(t, err)
		require.ElementsMatch(t, want, slices.Collect(maps.Keys(fields)), "%s: %v", body, fields)
	}
}

func TestAlertChannelPatch(t *testing.T) {
	t.Parallel()
	before, err := defineAlertChannel(t, `{"name":"On call","type":"slack","url":"`+slackURL+`"}`)
	require.NoError(t, err)
	apply := func(body string) (webhook.AlertChannel, error) {
		patch, err := webhook.ParseAlertChannelPatch([]byte(body))
		require.NoError(t, err)
		c := before
		return c, patch.Apply(&c, false)
	}
	patch, err := webhook.ParseAlertChannelPatch([]byte(`{"events":["webhook.disabled"],"type":"slack"}`))
	require.NoError(t, err)
	c := before
	require.NoError(t, patch.Apply(&c, false))
	require.Equal(t, []string{"webhook.disabled"}, c.Events)
	require.Equal(t, before.Address, c.Address, "what is left out stays")

	for body, want := range map[string][]string{
		`{"type":"teams"}`: {"/type"},
		`{"name":null}`:    {"/name"},
		`{"url":"https://hooks.slack.com/••••Qw3z"}`: {"/url"},
		`{"routing_key":"` + routingKey + `"}`:       {"/routing_key"},
	} {
		c, err := apply(body)
		require.ElementsMatch(t, want, slices.Collect(maps.Keys(fieldsOf(t, err))), body)
		require.Equal(t, before, c)
	}
}
