package webhook_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestExampleOfATest(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		events    []string
		body      string
		want      string // the event type
		wantWrong string // or what is wrong with /event
	}{
		"the first":        {[]string{"contact.updated", "call.ended"}, `{}`, "contact.updated", ""},
		"all":              {[]string{"*"}, `{}`, "call.started", ""},
		"a pattern":        {[]string{"campaign.*", "call.ended"}, `{}`, "campaign.started", ""},
		"one that is gone": {[]string{"order.paid", "order.*", "call.ended"}, `{}`, "call.ended", ""},
		"none":             {[]string{"order.paid", "order.*"}, `{}`, "", "subscribes to no event type that there is"},
		"asked for":        {[]string{"call.ended"}, `{"event":"call.failed"}`, "call.failed", ""},
		"null":             {[]string{"call.ended"}, `{"event":null}`, "call.ended", ""},
		"unknown":          {[]string{"*"}, `{"event":"order.paid"}`, "", "is not a known event type; GET /v1/event-types lists them"},
		"a pattern asked":  {[]string{"*"}, `{"event":"call.*"}`, "", "is not a known event type"},
		"not a string":     {[]string{"*"}, `{"event":7}`, "", "must be a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var request webhook.TestRequest
			require.NoError(t, webhook.DecodeJSON([]byte(scenario.body), &request))
			var names []string
			for _, t := range webhook.BuiltInEventTypes() {
				names = append(names, t.Name)
			}
			got, err := request.EventType(webhook.Webhook{Events: scenario.events}, names)
			if scenario.wantWrong != "" {
				requireFields(t, err, map[string]string{"/event": scenario.wantWrong})
				return
			}
			require.NoError(t, err)
			require.Equal(t, scenario.want, got)
		})
	}
}

func TestEventsOfTests(t *testing.T) {
	t.Parallel()
	for _, known := range webhook.BuiltInEventTypes() {
		event, err := webhook.TestEvent("acc_1", known)
		require.NoError(t, err)
		require.Equal(t, known.Name, event.Event)
		require.Equal(t, "acc_1", event.AccountID)
		require.True(t, event.Test)
		require.Equal(t, string(known.Example), string(event.Payload), "byte for byte")
	}
}
