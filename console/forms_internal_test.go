package console

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestFormShowsProblemsBesideTheFields(t *testing.T) {
	t.Parallel()
	f := newForm(url.Values{"name": {"HubSpot"}, "authentication/token": {"hush"}})
	var fields webhook.Fields
	fields.Add("/authentication/token", "is missing")
	fields.Add("/events/3", "is there twice")
	fields.Add("/enabled", "must be true or false")
	require.NoError(t, f.refused(fields.Err()))
	assert.Equal(t, "Some fields are not valid.", f.Message)
	assert.Equal(t, field{Name: "name", ID: "name", Label: "Name", Value: "HubSpot"}, f.Field("name", "Name", ""))
	assert.Equal(t, field{Name: "authentication/token", ID: "authentication-token", Label: "Token", Problem: "is missing", First: true},
		f.Secret("authentication/token", "Token", ""), "secrets are not echoed")
	assert.Equal(t, field{Name: "events", ID: "events", Label: "Events (optional)", Problem: "is there twice"}, f.Field("events", "Events (optional)", ""))
	assert.Equal(t, "Events", f.Field("events", "Events (optional)", "").Subject())
	assert.Equal(t, []string{"enabled must be true or false"}, f.Others())

	f = newForm(url.Values{"example": {"{}"}, "value": {"hush"}})
	assert.Empty(t, f.Secret("value", "Key", "").Problem)
	fields = webhook.Fields{}
	fields.Add("/example/data/call_id", "is missing")
	require.NoError(t, f.refused(fields.Err()))
	assert.True(t, f.Leads())
	assert.Equal(t, "(data.call_id) is missing", f.Field("example", "Example", "").Problem)
	assert.Equal(t, "has to be filled in again: secrets are not sent back", f.Secret("value", "Key", "").Problem)

	internal := errors.New("pq: out of memory")
	require.ErrorIs(t, newForm(nil).refused(internal), internal)
	require.Error(t, newForm(nil).refused(webhook.NotFound(webhook.WebhookPrefix, "whk_x")))
}
