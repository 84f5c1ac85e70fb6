package webhook_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

const valid = `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"call_id":"call_abc123"}}`

func TestParseEvent(t *testing.T) {
	t.Parallel()
	event, err := webhook.ParseEvent([]byte(valid), webhook.BuiltIn)
	require.NoError(t, err)
	require.Equal(t, "call.ended", event.Event)
	require.Equal(t, time.Date(2025, 2, 2, 14, 30, 0, 0, time.UTC), event.Timestamp)
	require.NoError(t, webhook.CheckID(webhook.EventPrefix, event.ID))
	require.Empty(t, event.AccountID)

	again, err := webhook.ParseEvent([]byte(valid), webhook.BuiltIn)
	require.NoError(t, err)
	require.NotEqual(t, event.ID, again.ID)
}

// Receivers check the signature over what was published, down to the last blank.
func TestParseEventKeepsThePayloadByteForByte(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"plain":          valid,
		"blanks":         " \r\n{ \"data\" : { } ,\n\t\"timestamp\":\"2025-02-02T14:30:00Z\",\"event\":\"call.ended\" }\n ",
		"escapes":        `{"event":"call\u002eended","timestamp":"2025-02-02T14:30:00Z","data":{"a":"\u00e9\/\ud800"}}`,
		"numbers":        `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"n":1.0e+400,"m":12345678901234567890}}`,
		"order, doubles": `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"z":1,"a":2,"a":3}}`,
		"HTML":           `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"a":"<&>\u2028"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := webhook.ParseEvent([]byte(body), webhook.BuiltIn)
			require.NoError(t, err)
			require.Equal(t, body, string(event.Payload))
			require.Equal(t, "call.ended", event.Event)
		})
	}
}

func TestParseEventAcceptsTheWholeCatalogue(t *testing.T) {
	t.Parallel()
	var names []string
	for _, eventType := range webhook.BuiltInEventTypes() {
		require.NotEmpty(t, eventType.Description)
		if eventType.Operational {
			continue
		}
		names = append(names, eventType.Name)
		event, err := webhook.ParseEvent([]byte(strings.Replace(valid, "call.ended", eventType.Name, 1)), webhook.BuiltIn)
		require.NoError(t, err)
		require.Equal(t, eventType.Name, event.Event)
	}
	require.Len(t, names, 8)
}

func TestParseEventRefuses(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		body string
		want map[string]string
	}{
		"everything missing": {"{}", map[string]string{
			"/event": "is missing; use the name of an event type", "/timestamp": "is missing; use RFC 3339", "/data": "is missing",
		}},
		"everything null": {`{"event":null,"timestamp":null,"data":null}`, map[string]string{
			"/event": "is missing", "/timestamp": "is missing", "/data": "must be an object",
		}},
		"everything wrong": {`{"event":"call.exploded","timestamp":"yesterday","data":[]}`, map[string]string{
			"/event": "is not a known event type; GET /v1/event-types lists them", "/data": "must be an object",
			"/timestamp": `use the form "2025-02-02T14:30:00Z"`,
		}},
		"case of event":  {strings.Replace(valid, "call.ended", "Call.Ended", 1), map[string]string{"/event": "is not a known"}},
		"blank in event": {strings.Replace(valid, "call.ended", "call.ended ", 1), map[string]string{"/event": "is not a known"}},
		"star as event":  {strings.Replace(valid, "call.ended", "*", 1), map[string]string{"/event": "is not a known"}},
		"types": {`{"event":1,"timestamp":1738506600,"data":"x"}`, map[string]string{
			"/event": "must be a string, not a number", "/timestamp": "must be a string, not a number", "/data": "must be an object",
		}},
		"one of each kind": {`{"event":1,"timestamp":"soon","date":{}}`, map[string]string{
			"/event": "must be a string, not a number", "/timestamp": "is not a time", "/date": "is not a known field", "/data": "is missing",
		}},
		"unknown fields": {`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{},"id":"1","meta":{}}`, map[string]string{
			"/id": "is not a known field; known are event, timestamp, data", "/meta": "is not a known field",
		}},
		// What durahook takes for the event must be what every receiver's parser takes for it.
		"event twice":   {strings.Replace(valid, "{", `{"event":"call.started",`, 1), map[string]string{"/event": "is there twice"}},
		"data a string": {strings.Replace(valid, `{"call_id":"call_abc123"}`, `"{}"`, 1), map[string]string{"/data": "must be an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := webhook.ParseEvent([]byte(scenario.body), webhook.BuiltIn)
			requireFields(t, err, scenario.want)
			require.Empty(t, event)
			require.NotContains(t, err.Error(), "exploded", "what was sent is not repeated")
		})
	}
}

func TestParseEventTimestamps(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // an empty one is refused
		"2025-02-02T14:30:00Z":           "2025-02-02T14:30:00Z",
		"2025-02-02T14:30:00.123456789Z": "2025-02-02T14:30:00.123456789Z",
		"2025-02-02T14:30:00+05:30":      "2025-02-02T09:00:00Z",
		"2025-02-02T14:30:00-08:00":      "2025-02-02T22:30:00Z",
		"2024-02-29T00:00:00Z":           "2024-02-29T00:00:00Z",
		"0001-01-01T00:00:00Z":           "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z":           "9999-12-31T23:59:59Z",

		"2025-02-29T00:00:00Z":          "",
		"2025-13-01T00:00:00Z":          "",
		"2025-02-02 14:30:00Z":          "",
		"2025-02-02T14:30:00":           "",
		"2025-02-02T14:30Z":             "",
		"2025-02-02":                    "",
		"2025-02-02T1:30:00Z":           "",
		"2025-02-02T14:30:00,5Z":        "",
		"2025-02-02T14:30:00+25:00":     "",
		"2025-02-02T25:30:00Z":          "",
		"1738506600":                    "",
		"Sun, 02 Feb 2025 14:30:00 GMT": "",
		" 2025-02-02T14:30:00Z":         "",
		"20250-02-02T14:30:00Z":         "",
		// In UTC these lie in years that JSON and Postgres write differently.
		"9999-12-31T23:59:59-00:01": "",
		"0001-01-01T00:00:00+00:01": "",
		"0000-06-01T00:00:00Z":      "",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			event, err := webhook.ParseEvent([]byte(strings.Replace(valid, "2025-02-02T14:30:00Z", text, 1)), webhook.BuiltIn)
			if want == "" {
				requireFields(t, err, map[string]string{"/timestamp": ""})
				return
			}
			require.NoError(t, err)
			require.Equal(t, want, event.Timestamp.Format(time.RFC3339Nano))
			_, err = json.Marshal(event.Timestamp)
			require.NoError(t, err)
		})
	}
}

func TestParseEventLimitsTheSize(t *testing.T) {
	t.Parallel()
	ofSize := func(size int) []byte {
		return []byte(strings.Replace(valid, "call_abc123", strings.Repeat("x", size-len(valid)+len("call_abc123")), 1))
	}
	largest := ofSize(webhook.MaxPayload)
	require.Len(t, largest, 256<<10)
	event, err := webhook.ParseEvent(largest, webhook.BuiltIn)
	require.NoError(t, err)
	require.Len(t, event.Payload, 256<<10)

	_, err = webhook.ParseEvent(ofSize(webhook.MaxPayload+1), webhook.BuiltIn)
	require.Contains(t, requireCode(t, webhook.CodeTooLarge, err).Message, "256 KiB")
}
