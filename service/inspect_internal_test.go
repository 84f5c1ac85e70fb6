package service

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// What Inspect returns is shown to people: no secret is to leave the service with it.
func TestInspectKeepsSecrets(t *testing.T) {
	t.Parallel()
	s, accountID := newService(t)
	s.starter = NewStarter(s.store, nil, webhook.DefaultSchedule(), nil, s.log)
	w, err := webhook.Define(accountID, webhook.Definition{
		Name: "HubSpot", URL: "https://example.com/in", Events: []string{webhook.AllEvents},
		Authentication: webhook.Authentication{Type: webhook.AuthenticationBearer, Token: "hush-hush-hush-hush"},
	}, webhook.BuiltIn, false)
	require.NoError(t, err)
	require.NoError(t, s.store.CreateWebhook(t.Context(), &w))
	event, err := webhook.ParseEvent([]byte(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}}`), webhook.BuiltIn)
	require.NoError(t, err)
	published, _, err := s.publishEvents(t.Context(), accountID, []webhook.Event{event}, nil)
	require.NoError(t, err)

	d := published[0].Deliveries[0]
	found, err := s.Inspect(t.Context(), accountID, d.ID)
	require.NoError(t, err)
	require.Equal(t, d.ID, found.Delivery.ID)
	require.Equal(t, event.Payload, found.Payload)
	require.Equal(t, webhook.DefaultSchedule(), found.Schedule)
	shown, err := json.Marshal(found.Webhook)
	require.NoError(t, err)
	require.NotContains(t, string(shown), "hush-hush")
	require.NotContains(t, string(shown), string(w.SigningSecret))
	require.Empty(t, found.Webhook.SigningSecret)

	_, err = s.Inspect(t.Context(), webhook.NewID(webhook.AccountPrefix), d.ID)
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeNotFound, domain.Code)
}
