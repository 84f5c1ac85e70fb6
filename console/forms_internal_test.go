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
	assert.Equal(t, field{Name: "authentication/token", ID: "authentication-token", Label: "Token", Problem: "is missing"},
		f.Secret("authentication/token", "Token", ""), "secrets are not echoed")
	assert.Equal(t, "is there twice", f.Field("events", "Events", "").Problem)
	assert.Equal(t, []string{"enabled must be true or false"}, f.Others())

	internal := errors.New("pq: out of memory")
	require.ErrorIs(t, newForm(nil).refused(internal), internal)
	require.Error(t, newForm(nil).refused(webhook.NotFound(webhook.WebhookPrefix, "whk_x")))
}
