package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// thing has a field of each type that inputs have.
type thing struct {
	Name   string          `json:"name"`
	Open   *bool           `json:"open"`
	Tags   []string        `json:"tags"`
	Inside inside          `json:"inside"`
	Raw    json.RawMessage `json:"raw"`
}

type inside struct {
	Kind  string `json:"kind"`
	Count int    `json:"count"`
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	const text = `{"name":"é","open":true,"tags":["a","b"],"inside":{"kind":"k","count":3},"raw": {"any" : [1,null]} }`
	var got thing
	require.NoError(t, webhook.DecodeJSON([]byte(text), &got))
	open := true
	require.Equal(t, thing{
		Name: "é", Open: &open, Tags: []string{"a", "b"}, Inside: inside{"k", 3}, Raw: json.RawMessage(`{"any" : [1,null]}`),
	}, got)
}

func TestDecodeJSONTakesNullAsMissing(t *testing.T) {
	t.Parallel()
	var got thing
	require.NoError(t, webhook.DecodeJSON([]byte(" {\"name\":null,\"open\":null,\"tags\":null,\"inside\":null} \n"), &got))
	require.Equal(t, thing{}, got)
}

func TestDecodeJSONMalformed(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct{ body, message string }{
		"empty":                {"", "The body is empty; a JSON object is needed."},
		"blank":                {" \n\t ", "The body is empty; a JSON object is needed."},
		"invalid UTF-8":        {"{\"name\":\"\xff\"}", "The body is not valid UTF-8."},
		"half a character":     {"{\"name\":\"\xc3\"}", "The body is not valid UTF-8."},
		"null":                 {"null", "The body must be a JSON object, not null."},
		"array":                {" [1]", "The body must be a JSON object, not an array."},
		"string":               {`"text"`, "The body must be a JSON object, not a string."},
		"number":               {"-12", "The body must be a JSON object, not a number."},
		"boolean":              {"true", "The body must be a JSON object, not true or false."},
		"not JSON":             {"hello", "at line 1, column 1: invalid character 'h' looking for beginning of value."},
		"missing value":        {`{"name":}`, "at line 1, column 9: invalid character '}' looking for beginning of value."},
		"in the third line":    {"{\n\"name\": \"a\",\n  oops}", "at line 3, column 3: invalid character 'o' looking for beginning of object key string."},
		"columns count people": {`{"éé":oops}`, "at line 1, column 7: invalid character 'o'"},
		"line feed in string":  {"{\"name\":\"a\nb\"}", "at line 1, column 11: invalid character '\\n' in string literal."},
		"NUL in string":        {"{\"name\":\"a\x00b\"}", "at line 1, column 11: invalid character '\\x00' in string literal."},
		"byte order mark":      {"\ufeff{}", "at line 1, column 1: invalid character 'ï'"},
		"cut off":              {`{"name":"a"`, "at line 1, column 11: unexpected end of JSON input."},
		"trailing garbage":     {`{"name":"a"} x`, "at line 1, column 14: invalid character 'x' after top-level value."},
		"two objects":          {"{}{}", "at line 1, column 3: invalid character '{' after top-level value."},
		"single quotes":        {`{'name':1}`, "at line 1, column 2: invalid character '\\''"},
		"comment":              {"// hi\n{}", "at line 1, column 1: invalid character '/'"},
		"deep objects":         {strings.Repeat(`{"name":`, 20_000), "exceeded max depth"},
		"deep arrays":          {`{"raw":` + strings.Repeat("[", 100_000), "exceeded max depth"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := webhook.DecodeJSON([]byte(scenario.body), new(thing))
			domain := requireCode(t, webhook.CodeMalformed, err)
			require.Contains(t, domain.Message, scenario.message)
			require.NotContains(t, domain.Message, "json:")
			require.Empty(t, domain.Fields)
		})
	}
}

func TestDecodeJSONTellsAllWrongFieldsAtOnce(t *testing.T) {
	t.Parallel()
	longName := strings.Repeat("n", 70)
	for name, scenario := range map[string]struct {
		body string
		want map[string]string
	}{
		"unknown ones": {
			`{"nmae":1,"name":"a","URL":2,"a/b~c":3,"inside":{"knid":1,"kind":"k"},"` + longName + `":1}`,
			map[string]string{
				"/nmae": "is not a known field; known are name, open, tags, inside, raw", "/URL": "not a known field",
				"/a~1b~0c": "not a known field", "/inside/knid": "known are kind, count",
				"/" + longName[:64] + "…": "not a known field",
			},
		},
		"case counts": {`{"Name":"a"}`, map[string]string{"/Name": "is not a known field"}},
		"wrong types": {
			`{"name":7,"open":"yes","tags":"a","inside":[],"raw":1}`,
			map[string]string{
				"/name": "must be a string, not a number", "/open": "must be true or false, not a string",
				"/tags": "must be an array, not a string", "/inside": "must be an object, not an array",
			},
		},
		"wrong types inside": {
			`{"tags":["a",1,{}],"inside":{"kind":true,"count":"3"}}`,
			map[string]string{
				"/tags/1": "must be a string, not a number", "/tags/2": "must be a string, not an object",
				"/inside/kind": "must be a string, not true or false", "/inside/count": "must be a whole number, not a string",
			},
		},
		"twice": {
			`{"name":"a","name":"b","inside":{"kind":"k","kind":"k"}}`,
			map[string]string{"/name": "is there twice", "/inside/kind": "is there twice"},
		},
		"twice and of the wrong type": {`{"name":1,"name":2}`, map[string]string{"/name": "must be a string"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFields(t, webhook.DecodeJSON([]byte(scenario.body), new(thing)), scenario.want)
		})
	}
}

// The order is that of the body, so that the same body always gets the same answer.
func TestDecodeJSONKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for range 20 {
		err := webhook.DecodeJSON([]byte(`{"z":1,"a":1,"name":1,"m":1}`), new(thing))
		var pointers []string
		for _, field := range requireCode(t, webhook.CodeInvalid, err).Fields {
			pointers = append(pointers, field.Pointer)
		}
		require.Equal(t, []string{"/z", "/a", "/name", "/m"}, pointers)
	}
}

func TestDecodeJSONTellsAHundredAtMost(t *testing.T) {
	t.Parallel()
	body := `{"name":1`
	for i := range 10_000 {
		body += fmt.Sprintf(`,"x%d":1`, i)
	}
	body += "}"
	fields := requireCode(t, webhook.CodeInvalid, webhook.DecodeJSON([]byte(body), new(thing))).Fields
	require.Len(t, fields, 100)
	require.Equal(t, "/name", fields[0].Pointer)
}

func TestErrorTellsEveryField(t *testing.T) {
	t.Parallel()
	var fields webhook.Fields
	require.NoError(t, fields.Err())
	fields.Add("/name", "is missing")
	require.EqualError(t, fields.Err(), "One field is not valid. /name: is missing")
	fields.Add("/url", "is missing too")
	require.EqualError(t, fields.Err(), "Some fields are not valid. /name: is missing; /url: is missing too")
	require.EqualError(t, webhook.NotFound(webhook.EventPrefix, "evt_x"), "There is no event evt_x in this account.")
}
