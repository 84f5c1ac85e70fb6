package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// raw is a value that goes into a request as it is, be it JSON or not.
type raw string

// specValues makes up values that a schema admits, and spoils them. What it makes depends on nothing but random.
type specValues struct {
	random *rand.Rand
	ids    func(prefix string) string // an ID of something that the account has
	alien  []string                   // what another account has
}

func (v *specValues) maybe() bool { return v.random.IntN(2) == 0 }

func pick[T any](v *specValues, from []T) T { return from[v.random.IntN(len(from))] }

// value returns a value that the schema admits, as [any] of encoding/json.
func (v *specValues) value(schema *openapi3.Schema) any {
	switch {
	case len(schema.OneOf) > 0:
		return v.value(pick(v, schema.OneOf).Value)
	case schema.Const != nil:
		return schema.Const
	case len(schema.Enum) > 0:
		return pick(v, schema.Enum)
	case schema.Type.Is("null"), schema.Type.Includes("null") && v.random.IntN(4) == 0:
		return nil
	case schema.Type.Includes("object") && len(schema.Properties) > 0:
		return v.object(schema)
	case schema.Type.Includes("array"):
		return v.array(schema)
	case isID(schema):
		return v.ids(schema.Pattern[1:4])
	case len(schema.Examples) > 0:
		return pick(v, schema.Examples)
	case schema.Type.Includes("integer"):
		return int(*schema.Min) + v.random.IntN(int(*schema.Max-*schema.Min)+1)
	default:
		return "text"
	}
}

// isID tells whether the schema is that of an ID, whose pattern begins with its prefix.
func isID(schema *openapi3.Schema) bool {
	return len(schema.Pattern) > 5 && schema.Pattern[4] == '_' && strings.HasSuffix(schema.Pattern, "{25}$")
}

func (v *specValues) object(schema *openapi3.Schema) map[string]any {
	object := make(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if slices.Contains(schema.Required, name) || v.maybe() {
			object[name] = v.value(schema.Properties[name].Value)
		}
	}
	return object
}

func (v *specValues) array(schema *openapi3.Schema) []any {
	var array []any
	for range max(1, int(schema.MinItems)) + v.random.IntN(2) {
		if next := v.value(schema.Items.Value); !schema.UniqueItems || !slices.Contains(array, next) {
			array = append(array, next)
		}
	}
	return array
}

// spoil changes a value in one place, so that it is most probably wrong, and returns it.
func (v *specValues) spoil(value any) any {
	inside := v.random.IntN(5) > 0
	switch node := value.(type) {
	case map[string]any:
		if !inside || len(node) == 0 {
			break
		}
		name := pick(v, slices.Sorted(maps.Keys(node)))
		switch v.random.IntN(6) {
		case 0:
			delete(node, name)
		case 1:
			node[pick(v, odd())] = "unknown"
		case 2: // the same field once more
			node[name] = raw(fmt.Sprintf("%s,%s:%s", encode(node[name]), encode(name), encode(node[name])))
		default:
			node[name] = v.spoil(node[name])
		}
		return node
	case []any:
		if !inside || len(node) == 0 {
			break
		}
		i := v.random.IntN(len(node))
		if v.maybe() {
			return append(node, node[i])
		}
		node[i] = v.spoil(node[i])
		return node
	}
	return v.wrong()
}

// wrong returns a value that hardly any field has.
func (v *specValues) wrong() any {
	values := []any{
		nil, true, -1, 0, 1 << 40, raw("1e400"), raw("-0"), raw("123456789012345678901234567890.5"), "", []any{}, map[string]any{}, []any{nil},
		raw(strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), raw(strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000)),
		raw("\"\xff\xfe\""), raw(`"\ud800"`), raw(`"\u0000"`), raw("\"\x01\""), raw("NaN"), raw("'x'"), raw(`"`),
		strings.Repeat("x", 2049), strings.Repeat("ü", 70_000), strings.Repeat("a.", 5000) + "b", map[string]any{"$ref": "http://127.0.0.1/"},
		map[string]any{"type": "bearer", "token_url": "http://169.254.169.254/"}, map[string]any{"type": []any{"hmac"}},
		map[string]any{"type": "object", "pattern": "(a+)+$", "$id": "file:///etc/passwd"}, []any{"*", "*"}, []any{"call.*", 7},
	}
	for _, text := range append(odd(), v.alien...) {
		values = append(values, text)
	}
	return pick(v, values)
}

// odd returns texts that programs stumble over.
func odd() []string {
	return []string{
		"'; DROP TABLE webhooks; --", "' OR '1'='1", "<script>alert(1)</script>", "a\r\nX-Injected: 1", "\x00", "a\x00b", "\x1b[31m", "\u202e\ufeff",
		"%", "%s%n", "${jndi:ldap://x}", "{{7*7}}", "../../etc/passwd", "/a~b/c", "null", "undefined", "NaN", "-1", "0", "1e9", "9223372036854775808",
		"call.", ".", "*", "call.*.*", "CALL.ENDED", "evt_00000000000000000000000000", "whk_7zzzzzzzzzzzzzzzzzzzzzzzzz", "whk_8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z", "2025-02-30T00:00:00Z", "2025-02-02T14:30:60Z", "-2025-02-02T14:30:00Z",
		"2025-02-02t14:30:00z", "2025-02-02 14:30:00Z", "2025-02-02T14:30:00+23:59", "2025-02-02T14:30:00,5Z", "2026-11-24T14:30:00.1234567891Z",
		"http://127.0.0.1/", "https://[::1]/", "https://8.8.8.8:99999/", "https://user:pw@8.8.8.8/", "javascript:alert(1)", "https://8.8.8.8/\x7f", "whsec_AA==",
		"data.x[", "true", "data.a.b.c == 1 && data", "[1,2,3].all(x, [1,2,3].all(y, true))", "size(event) > 9223372036854775807", "\xff\xfe", "Ⅷ", "😀",
	}
}

// encode is encoding/json with values of type raw and invalid UTF-8 as they are. The fields are in the order of their names.
func encode(value any) string {
	switch value := value.(type) {
	case raw:
		return string(value)
	case string:
		return encodeText(value)
	case map[string]any:
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			fields = append(fields, encodeText(name)+":"+encode(value[name]))
		}
		return "{" + strings.Join(fields, ",") + "}"
	case []any:
		var elements []string
		for _, element := range value {
			elements = append(elements, encode(element))
		}
		return "[" + strings.Join(elements, ",") + "]"
	default:
		text, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		return string(text)
	}
}

func encodeText(text string) string {
	if !utf8.ValidString(text) {
		return `"` + text + `"`
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}
