package webhook_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

var definedAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestEveryExampleOfTheCatalogueCanBePublished(t *testing.T) {
	t.Parallel()
	for _, eventType := range webhook.BuiltInEventTypes() {
		assert.True(t, eventType.BuiltIn)
		event, err := webhook.ParseEvent(eventType.Example, webhook.BuiltIn)
		if eventType.Operational {
			requireFields(t, err, map[string]string{"/event": "only durahook itself publishes"})
			continue
		}
		require.NoError(t, err, eventType.Name)
		assert.Equal(t, eventType.Name, event.Event)
	}
}

// defined returns the event type that the body of a request defines.
func defined(t *testing.T, body string) (webhook.EventType, error) {
	t.Helper()
	var d webhook.EventTypeDefinition
	if err := webhook.DecodeJSON([]byte(body), &d); err != nil {
		return webhook.EventType{}, err
	}
	return webhook.DefineEventType("acc_1", d, definedAt)
}

// paid is an event type with a schema.
const paid = `{"name":"invoice.paid","description":" An invoice is paid ","example":` + paidExample + `,
	"schema":{"type":"object","required":["amount"],"properties":{"amount":{"type":"integer","minimum":1}}}}`

const paidExample = `{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"amount":5}}`

func TestDefineEventType(t *testing.T) {
	t.Parallel()
	got, err := defined(t, paid)
	require.NoError(t, err)
	require.Equal(t, "acc_1", got.AccountID)
	require.Equal(t, "invoice.paid", got.Name)
	require.Equal(t, "An invoice is paid", got.Description)
	require.JSONEq(t, paidExample, string(got.Example))
	require.Contains(t, string(got.Schema.Text()), `"minimum":1`)
	require.Nil(t, got.DeprecatedAt)
	require.False(t, got.BuiltIn)

	bare, err := defined(t, `{"name":"invoice.paid","example":null,"schema":null,"deprecated":true}`)
	require.NoError(t, err)
	require.JSONEq(t, `{"event":"invoice.paid","timestamp":"2026-03-04T05:06:07Z","data":{}}`, string(bare.Example))
	require.Nil(t, bare.Schema)
	require.Nil(t, bare.Schema.Text())
	require.Equal(t, &definedAt, bare.DeprecatedAt)
}

func TestDefineEventTypeRefuses(t *testing.T) {
	t.Parallel()
	with := func(member string) string { return `{"name":"invoice.paid",` + member + `}` }
	example := func(event, data string) string {
		return with(`"example":{"event":"` + event + `","timestamp":"2025-02-02T14:30:00Z","data":` + data + `}`)
	}
	for name, scenario := range map[string]struct {
		body string
		want map[string]string
	}{
		"nothing":             {`{}`, map[string]string{"/name": "is missing"}},
		"name":                {`{"name":"Invoice"}`, map[string]string{"/name": `such as "invoice.paid"`}},
		"types":               {`{"name":1,"description":2,"deprecated":3,"x":4}`, map[string]string{"/name": "must be a string", "/description": "must be a string", "/deprecated": "must be true or false", "/x": "is not a known field"}},
		"description":         {with(`"description":"a\u0000b"`), map[string]string{"/description": "control characters"}},
		"long description":    {with(`"description":"` + strings.Repeat("é", 1001) + `"`), map[string]string{"/description": "longer than 1000 characters"}},
		"example of another":  {example("call.ended", "{}"), map[string]string{"/example/event": `did you mean "invoice.paid"`}},
		"example no event":    {with(`"example":{}`), map[string]string{"/example/event": "is missing", "/example/timestamp": "is missing", "/example/data": "is missing"}},
		"example odd":         {with(`"example":[]`), map[string]string{"/example": "must be an object, a whole event of this type, not an array"}},
		"example large":       {example("invoice.paid", `{"a":"`+strings.Repeat("x", 64<<10)+`"}`), map[string]string{"/example": "is larger than 64 KiB"}},
		"schema odd":          {with(`"schema":true`), map[string]string{"/schema": "must be an object, a JSON Schema, not true or false"}},
		"schema large":        {with(`"schema":{"title":"` + strings.Repeat("x", 64<<10) + `"}`), map[string]string{"/schema": "is larger than 64 KiB"}},
		"schema wrong":        {with(`"schema":{"properties":{"a":{"type":"text"}}}`), map[string]string{"/schema/properties/a/type": "must be one of "}},
		"example not fitting": {strings.Replace(paid, `"amount":5`, `"amount":0`, 1), map[string]string{"/example/data/amount": "must be at least 1"}},
		"no example fits":     {with(`"schema":{"required":["amount"]}`), map[string]string{"/example": "since the schema does not allow empty data"}},
		"everything": {`{"name":"x","description":"\u0007","example":{"event":"x","data":1},"schema":{"type":7},"deprecated":"no"}`, map[string]string{
			"/name": "lower-case words", "/description": "control", "/schema/type": "fits none", "/deprecated": "must be true or false",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := defined(t, scenario.body)
			requireFields(t, err, scenario.want)
		})
	}
}

func TestEventTypePatch(t *testing.T) {
	t.Parallel()
	for body, change := range map[string]map[string]any{
		`{}`:                      {},
		`{"description":" New "}`: {"description": "New"},
		`{"description":null}`:    {"description": ""},
		`{"deprecated":true}`:     {"deprecated": true},
		`{"schema":null}`:         {"schema": nil},
		`{"schema":{}}`:           {"schema": "{}"},
		`{"schema":null,"example":null}`: {
			"schema": nil, "example": `{"event":"invoice.paid","timestamp":"2026-03-04T05:06:07Z","data":{}}`,
		},
		`{"example":{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"amount":6}}}`: {
			"example": `{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":{"amount":6}}`,
		},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			eventType, err := defined(t, paid)
			require.NoError(t, err)
			want := described(eventType)
			maps.Copy(want, change)
			patch, err := webhook.ParseEventTypePatch([]byte(body))
			require.NoError(t, err)
			require.NoError(t, patch.Apply(&eventType, definedAt))
			require.Equal(t, want, described(eventType))
		})
	}
}

// described returns what a client sees of an event type.
func described(t webhook.EventType) map[string]any {
	d := map[string]any{"name": t.Name, "description": t.Description, "example": string(t.Example), "deprecated": t.DeprecatedAt != nil, "schema": nil}
	if t.Schema != nil {
		d["schema"] = string(t.Schema.Text())
	}
	return d
}

func TestEventTypePatchIsRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]map[string]string{
		`{"name":"invoice.sent"}`:                      {"/name": "is not a known field; known are description, example, schema, deprecated"},
		`{"example":null}`:                             {"/example": "since the schema does not allow empty data"},
		`{"schema":{"required":["currency"]}}`:         {"/example/data/currency": "is missing"},
		`{"schema":{"type":1},"description":7,"x":{}}`: {"/schema/type": "fits none", "/description": "must be a string", "/x": "is not a known field"},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			eventType, err := defined(t, paid)
			require.NoError(t, err)
			before := described(eventType)
			patch, err := webhook.ParseEventTypePatch([]byte(body))
			require.NoError(t, err)
			requireFields(t, patch.Apply(&eventType, definedAt), want)
			require.Equal(t, before, described(eventType), "nothing was changed")
		})
	}
	_, err := webhook.ParseEventTypePatch([]byte(`[]`))
	_ = requireCode(t, webhook.CodeMalformed, err)
}

// What is null in the patch of a built-in type is as it was built in.
func TestPatchOfABuiltInEventType(t *testing.T) {
	t.Parallel()
	builtIn, ok := webhook.BuiltIn("call.ended")
	require.True(t, ok)
	changed := builtIn
	apply := func(body string) {
		patch, err := webhook.ParseEventTypePatch([]byte(body))
		require.NoError(t, err)
		require.NoError(t, patch.Apply(&changed, definedAt))
	}
	apply(`{"description":"Hung up","deprecated":true,"example":{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{}},"schema":{"maxProperties":0}}`)
	require.Equal(t, "Hung up", changed.Description)
	require.NotNil(t, changed.Schema)
	apply(`{"schema":null,"description":null,"deprecated":null,"example":null}`)
	require.Equal(t, described(builtIn), described(changed))
}

func TestDeprecationKeepsItsFirstTime(t *testing.T) {
	t.Parallel()
	eventType, err := defined(t, `{"name":"invoice.paid","deprecated":true}`)
	require.NoError(t, err)
	patch, err := webhook.ParseEventTypePatch([]byte(`{"deprecated":true}`))
	require.NoError(t, err)
	require.NoError(t, patch.Apply(&eventType, definedAt.Add(time.Hour)))
	require.Equal(t, definedAt, *eventType.DeprecatedAt)

	event, err := webhook.ParseEvent(eventType.Example, catalogueOf(eventType))
	require.NoError(t, err, "it can still be published")
	require.Equal(t, &definedAt, event.DeprecatedAt)
}

// catalogueOf is a catalogue with this event type only.
func catalogueOf(eventType webhook.EventType) webhook.Catalogue {
	return func(name string) (webhook.EventType, bool) {
		return eventType, name == eventType.Name
	}
}

// The example of call.ended is the one that the product is described with.
func TestExampleOfCallEnded(t *testing.T) {
	t.Parallel()
	ended, ok := webhook.BuiltIn("call.ended")
	require.True(t, ok)
	var example struct {
		Event, Timestamp string
		Data             map[string]any
	}
	require.NoError(t, json.Unmarshal(ended.Example, &example))
	require.Equal(t, "2025-02-02T14:30:00Z", example.Timestamp)
	require.Equal(t, map[string]any{
		"call_id": "call_abc123", "campaign_id": "camp_xyz789", "contact_id": "cont_def456", "phone_number": "+15551234567",
		"status": "answered", "duration": 127.0, "recording_url": "https://...", "transcript": "...",
		"variables": map[string]any{"appointment_confirmed": true, "appointment_date": "2025-02-10"},
	}, example.Data)
}
