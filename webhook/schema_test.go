package webhook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// published returns what publishing an event with these data gets, if their schema is this one.
func published(schema, data string) error {
	eventType := webhook.EventType{Name: "invoice.paid", Schema: webhook.NewSchema([]byte(schema))}
	_, err := webhook.ParseEvent([]byte(`{"event":"invoice.paid","timestamp":"2025-02-02T14:30:00Z","data":`+data+`}`), catalogueOf(eventType))
	return err
}

func TestDataHasToFitTheSchema(t *testing.T) {
	t.Parallel()
	type fields = map[string]string
	properties := func(schemas string) string { return `{"properties":{` + schemas + `}}` }
	for name, scenario := range map[string]struct {
		schema, data string
		want         fields // nil: it fits
	}{
		"empty":               {`{}`, `{"a":1}`, nil},
		"type":                {properties(`"a":{"type":"string"}`), `{"a":4711}`, fields{"/data/a": "must be of type string"}},
		"integer":             {properties(`"a":{"type":"integer"},"b":{"type":"integer"}`), `{"a":1.0,"b":1.5}`, fields{"/data/b": "must be of type integer"}},
		"several":             {`{"required":["a","b"],"additionalProperties":false,"properties":{"a":{},"b":{},"c":{"minimum":2.5}}}`, `{"c":1,"d":4711}`, fields{"/data/a": "is missing", "/data/b": "is missing", "/data/c": "must be at least 2.5", "/data/d": "is not a known field"}},
		"two at one place":    {properties(`"a":{"minLength":9,"pattern":"^x"}`), `{"a":"4711"}`, fields{"/data/a": "must have at least 9 characters; must match the pattern ^x"}},
		"enum":                {properties(`"a":{"enum":["x",7,null]}`), `{"a":"4711"}`, fields{"/data/a": `must be one of "x", 7, null`}},
		"const":               {properties(`"a":{"const":{"b":1}}`), `{"a":"4711"}`, fields{"/data/a": `must be {"b":1}`}},
		"format":              {properties(`"a":{"format":"date-time"},"b":{"format":"email"},"c":{"format":"date-time"}`), `{"a":"4711","b":"4711","c":"2025-02-02T14:30:00Z"}`, fields{"/data/a": "must have the format date-time", "/data/b": "must have the format email"}},
		"alternatives":        {properties(`"a":{"anyOf":[{"type":"string"},{"type":"null"},{"properties":{"b":{"type":"null"}},"type":"object"}]}`), `{"a":{"b":4711}}`, fields{"/data/a": "fits none of the alternatives: must be of type string; or must be of type null; or /b must be of type null"}},
		"one of none":         {properties(`"a":{"oneOf":[{"maximum":1},{"minimum":9999}]}`), `{"a":4711}`, fields{"/data/a": "fits none of the alternatives: must be at most 1; or must be at least 9999"}},
		"one of two":          {properties(`"a":{"oneOf":[{"type":"integer"},{"type":"number"}]}`), `{"a":4711}`, fields{"/data/a": "must fit exactly one"}},
		"all of":              {`{"allOf":[{"required":["a"]},{"required":["b"]}]}`, `{}`, fields{"/data/a": "is missing", "/data/b": "is missing"}},
		"not":                 {properties(`"a":{"not":{"type":"integer"}}`), `{"a":4711}`, fields{"/data/a": "excludes"}},
		"if":                  {`{"if":{"required":["a"]},"then":{"required":["b"]}}`, `{"a":1}`, fields{"/data/b": "is missing"}},
		"elements":            {properties(`"a":{"items":{"type":"string"},"maxItems":2,"uniqueItems":true}`), `{"a":["x","x",4711]}`, fields{"/data/a": "must have at most 2 elements; must not have equal elements", "/data/a/2": "must be of type string"}},
		"contains":            {properties(`"a":{"contains":{"const":1}},"b":{"contains":{},"minContains":2}`), `{"a":[4711],"b":[4711]}`, fields{"/data/a": "must have an element", "/data/b": "at least 2 elements"}},
		"names":               {`{"propertyNames":{"pattern":"^[a-z]*$"}}`, `{"A/b":4711}`, fields{"/data/A~1b": "has a name that the schema does not allow"}},
		"dependent":           {`{"dependentRequired":{"a":["b"]}}`, `{"a":4711}`, fields{"/data/b": "is missing; it is needed beside a"}},
		"multiple":            {properties(`"a":{"multipleOf":0.01}`), `{"a":4711.005}`, fields{"/data/a": "must be a multiple of 0.01"}},
		"exact numbers":       {properties(`"a":{"const":12345678901234567890}`), `{"a":12345678901234567891}`, fields{"/data/a": "must be 12345678901234567890"}},
		"references":          {`{"$defs":{"t":{"properties":{"t":{"$ref":"#/$defs/t"}},"additionalProperties":false}},"$ref":"#/$defs/t"}`, `{"t":{"t":{"x":4711}}}`, fields{"/data/t/t/x": "is not a known field"}},
		"anchors and IDs":     {`{"$id":"https://example.com/a","properties":{"a":{"$ref":"b#c"},"b":{"$id":"b","$defs":{"c":{"$anchor":"c","type":"null"}}}}}`, `{"a":4711}`, fields{"/data/a": "must be of type null"}},
		"draft 7":             {`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"type":"null"}},"properties":{"a":{"$ref":"#/definitions/a"},"b":{"items":[{"type":"null"}],"additionalItems":false}}}`, `{"a":4711,"b":[4711,4711]}`, fields{"/data/a": "must be of type null", "/data/b/0": "must be of type null", "/data/b": "has 1 elements too many"}},
		"false":               {properties(`"a":false`), `{"a":4711}`, fields{"/data/a": "is not allowed"}},
		"unevaluated":         {`{"unevaluatedProperties":false}`, `{"a":4711}`, fields{"/data/a": "is not allowed"}},
		"large but fine":      {properties(`"a":{"items":{"type":"integer","enum":[4711,4712,4713]},"minItems":1}`), `{"a":[` + strings.Repeat("4711,", 40_000) + `4711]}`, nil},
		"deep but fine":       {`{"$defs":{"t":{"properties":{"t":{"$ref":"#/$defs/t"}}}},"$ref":"#/$defs/t"}`, strings.Repeat(`{"t":`, 500) + "{}" + strings.Repeat("}", 500), nil},
		"ordinary large text": {properties(`"a":{"type":"string","pattern":"^[^<>]+$"}`), `{"a":"` + strings.Repeat("x", 200_000) + `"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := published(scenario.schema, scenario.data)
			if scenario.want == nil {
				require.NoError(t, err)
				return
			}
			requireFields(t, err, scenario.want)
			require.NotContains(t, err.Error(), "4711", "values may be personal data")
		})
	}
}

func TestViolationsOfASchemaAreBounded(t *testing.T) {
	t.Parallel()
	err := published(`{"additionalProperties":{"items":{"type":"null"}}}`, `{"a":[`+strings.Repeat("4711,", 40_000)+`4711]}`)
	require.Len(t, requireCode(t, webhook.CodeInvalid, err).Fields, 100)
}

func TestSchemaThatIsNone(t *testing.T) {
	t.Parallel()
	const inside = "only references inside the schema are followed"
	for name, scenario := range map[string]struct {
		schema string
		want   map[string]string
	}{
		"wrong keywords":  {`{"type":"text","properties":{"a/b":{"minimum":"1"}},"required":"a"}`, map[string]string{"/schema/type": "must be one of", "/schema/properties/a~1b/minimum": "must be of type number", "/schema/required": "must be of type array"}},
		"pattern":         {`{"properties":{"a":{"pattern":"(?<=x)y"}}}`, map[string]string{"/schema/properties/a/pattern": "is not a regular expression"}},
		"name pattern":    {`{"patternProperties":{"(":{}}}`, map[string]string{"/schema/patternProperties/(": "has a name"}},
		"long pattern":    {`{"pattern":"` + strings.Repeat("x", 1025) + `"}`, map[string]string{"/schema/pattern": "is longer than 1024 bytes"}},
		"large patterns":  {`{"pattern":"` + strings.Repeat("x{900}", 30) + `"}`, map[string]string{"/schema/pattern": "repeat less often"}},
		"file":            {`{"$ref":"file:///etc/passwd"}`, map[string]string{"/schema": "refers to file:///etc/passwd; " + inside}},
		"remote":          {`{"items":{"$ref":"http://169.254.169.254/x"}}`, map[string]string{"/schema": inside}},
		"relative":        {`{"items":{"$ref":"other.json"}}`, map[string]string{"/schema": "refers to other.json; " + inside}},
		"metaschema":      {`{"$schema":"https://example.com/draft"}`, map[string]string{"/schema": inside}},
		"published draft": {`{"items":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}`, map[string]string{"/schema": inside}},
		"no such place":   {`{"$ref":"#/$defs/none"}`, map[string]string{"/schema": "#/$defs/none"}},
		"dynamic":         {`{"$dynamicAnchor":"a","items":{"$dynamicRef":"#a"}}`, map[string]string{"/schema/items": "use $ref"}},
		"format regex":    {`{"properties":{"a":{"format":"regex"}}}`, map[string]string{"/schema/properties/a/format": "leave the format regex out"}},
		"deep":            {strings.Repeat(`{"not":`, 65) + "{}" + strings.Repeat("}", 65), map[string]string{"/schema": "is too complex"}},
		"many":            {`{"allOf":[{}` + strings.Repeat(",{}", 4000) + `]}`, map[string]string{"/schema": "is too complex"}},
		"long number":     {`{"minimum":1e999999}`, map[string]string{"/schema": "is too complex"}},
		"many numbers":    {`{"enum":[1e999` + strings.Repeat(",1e999", 100) + `]}`, map[string]string{"/schema": "is too complex"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := defined(t, `{"name":"invoice.paid","example":`+paidExample+`,"schema":`+scenario.schema+`}`)
			requireFields(t, err, scenario.want)
			require.NotContains(t, err.Error(), "schema.invalid")
			requireFields(t, published(scenario.schema, "{}"), map[string]string{"/data": "the schema of the event type is not valid"})
		})
	}
}

// A schema of a few hundred bytes can keep a validator busy for longer than anybody lives. Without the meter,
// this test doesn't end.
func TestWorkForASchemaIsBounded(t *testing.T) {
	t.Parallel()
	var doubling strings.Builder
	for i := range 60 {
		fmt.Fprintf(&doubling, `"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, i, i+1, i+1)
	}
	elements := func(element string) string { return `{"a":[` + strings.Repeat(element+",", 20_000) + element + `]}` }
	for name, scenario := range map[string]struct{ schema, data string }{
		"doubling":         {`{"$defs":{` + doubling.String() + `"a60":{"type":"object"}},"$ref":"#/$defs/a0"}`, `{}`},
		"doubling by data": {`{"$defs":{"t":{"properties":{"t":{"anyOf":[{"$ref":"#/$defs/t"},{"$ref":"#/$defs/t"}]}},"maxProperties":1,"required":["t"]}},"$ref":"#/$defs/t"}`, strings.Repeat(`{"t":`, 100) + "{}" + strings.Repeat("}", 100)},
		"circle":           {`{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}`, `{}`},
		"long enum":        {`{"properties":{"a":{"items":{"enum":[0` + strings.Repeat(",1", 3000) + `]}}}}`, elements("9")},
		"long numbers":     {`{"properties":{"a":{"items":{"type":"integer"}}}}`, elements("1e999999")},
		"many checks":      {`{"properties":{"a":{"items":{"allOf":[{"type":"integer"}` + strings.Repeat(`,{"minimum":1}`, 1500) + `]}}}}`, elements("9")},
		"slow pattern":     {`{"properties":{"a":{"pattern":"(x?){900}$"}}}`, `{"a":"` + strings.Repeat("x", 200_000) + `"}`},
		"very deep":        {`{"$defs":{"t":{"properties":{"t":{"$ref":"#/$defs/t"}}}},"$ref":"#/$defs/t"}`, strings.Repeat(`{"t":`, 5000) + "{}" + strings.Repeat("}", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireFields(t, published(scenario.schema, scenario.data), map[string]string{"/data": "takes too long to check"})
		})
	}
}

// Whatever is sent as a schema either is one that data can be checked against, or is refused with an error
// for its sender; and data that do not fit are refused without telling what is in them.
func FuzzSchema(f *testing.F) {
	const secret = "4711-secret"
	for _, seed := range []string{
		`{}`, `{"type":"string"}`, `{"$ref":"#"}`, `{"properties":{"a":{"type":"integer"}},"required":["b"]}`, `{"$id":"#a"}`, `{"$id":"%"}`,
		`{"$defs":{"a":{"$anchor":"a"},"b":{"$anchor":"a"}}}`, `{"$schema":"http://json-schema.org/draft-04/schema#","id":"x","dependencies":{"a":["b"]}}`,
		`{"$ref":"#/%"}`, `{"$ref":"#/a~2"}`, `{"properties":{"a":{"$ref":"#/properties/a"}}}`, `{"enum":[{"a":1}],"const":[1e99]}`, `{"pattern":"a{1000}"}`,
		`{"$recursiveRef":"#","$schema":"https://json-schema.org/draft/2019-09/schema"}`, `{"anyOf":[{"not":{}},false],"oneOf":[true,true]}`,
		`{"propertyNames":{"maxLength":0},"unevaluatedProperties":false,"format":"uri"}`, `{"minimum":1e400,"multipleOf":0}`, `{"$id":"a","$defs":{"b":{"$id":"a"}}}`,
	} {
		f.Add(seed, `{"a":"`+secret+`","b":[1,{"a":null}],"1":1e5}`)
	}
	f.Fuzz(func(t *testing.T, schema, data string) {
		_, err := defined(t, `{"name":"invoice.paid","example":`+paidExample+`,"schema":`+schema+`}`)
		if err != nil {
			requireExplained(t, err)
		}
		if err := published(schema, data); err != nil {
			requireExplained(t, err)
			if !strings.Contains(schema, secret) && strings.Contains(data, `"a":"`+secret+`"`) && strings.Count(data, secret) == 1 {
				require.NotContains(t, err.Error(), secret)
			}
		}
	})
}
