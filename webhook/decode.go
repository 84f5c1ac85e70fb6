package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Input is embedded in what clients send. It keeps the fields that could not be read, so that they are told
// together with those that could be, but mean nothing good.
type Input struct {
	wrong Fields
}

// Wrong returns the fields that could not be read: those of the wrong type, unknown ones and the like. What
// checks an input begins with them.
func (i Input) Wrong() Fields { return slices.Clone(i.wrong) }

func (i *Input) note(wrong Fields) { i.wrong = wrong }

// DecodeJSON reads one JSON object into the struct that into points to. It is strict: unknown fields, fields
// that are there twice, values of the wrong type, anything after the object and invalid UTF-8 are refused.
// All wrong fields, also of objects and arrays inside, are kept in the struct's [Input]; if it has none, they
// are told together, as an [Error] with CodeInvalid. What isn't a JSON object at all is CodeMalformed, with
// line and column.
func DecodeJSON(body []byte, into any) error {
	if !utf8.Valid(body) {
		return malformed("The body is not valid UTF-8.")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return explainJSON(body, err)
	}
	if kind := kindOf(whole); kind != object {
		return malformed("The body must be a JSON object, not " + kind + ".")
	}
	var fields Fields
	decodeObject(&fields, "", whole, reflect.ValueOf(into).Elem())
	if input, ok := into.(interface{ note(wrong Fields) }); ok {
		input.note(fields)
		return nil
	}
	return fields.Err()
}

// The kinds of JSON values, as messages name them.
const (
	object = "an object"
	array  = "an array"
)

// decodeValue fills target from valid JSON and adds what is wrong to fields; null leaves it as it is.
func decodeValue(fields *Fields, pointer string, raw json.RawMessage, target reflect.Value) {
	kind := kindOf(raw)
	own := target.Addr().Type().Implements(reflect.TypeFor[json.Unmarshaler]())
	switch {
	case target.Kind() == reflect.Struct && !own && kind == object:
		decodeObject(fields, pointer, raw, target)
	case target.Kind() == reflect.Slice && !own && kind == array:
		decodeArray(fields, pointer, raw, target)
	default:
		if err := json.Unmarshal(raw, target.Addr().Interface()); err != nil {
			fields.Add(pointer, fmt.Sprintf("must be %s, not %s", jsonType(target.Type()), kind))
		}
	}
}

// decodeObject fills the fields of target, a struct, by their json tags.
func decodeObject(fields *Fields, pointer string, raw json.RawMessage, target reflect.Value) {
	known := make(map[string]reflect.Value)
	var names []string
	for i := range target.NumField() {
		if target.Type().Field(i).Anonymous { // Input
			continue
		}
		name, _, _ := strings.Cut(target.Type().Field(i).Tag.Get("json"), ",")
		known[name] = target.Field(i)
		names = append(names, name)
	}
	seen := make(map[string]bool)
	for name, value := range members(raw) {
		at := pointer + "/" + escapePointer(name)
		field, ok := known[name]
		switch {
		case !ok:
			fields.Add(at, "is not a known field; known are "+strings.Join(names, ", "))
		case seen[name]:
			fields.Add(at, "is there twice")
		default:
			decodeValue(fields, at, value, field)
		}
		seen[name] = true
	}
}

func decodeArray(fields *Fields, pointer string, raw json.RawMessage, target reflect.Value) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		fields.Add(pointer, "must be "+array)
		return
	}
	target.Set(reflect.MakeSlice(target.Type(), len(elements), len(elements)))
	for i, element := range elements {
		decodeValue(fields, fmt.Sprintf("%s/%d", pointer, i), element, target.Index(i))
	}
}

// members goes through an object, known to be valid JSON, in the order in which it is written.
func members(raw json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		if _, err := decoder.Token(); err != nil { // the opening brace
			return
		}
		for decoder.More() {
			token, err := decoder.Token()
			name, isName := token.(string)
			var value json.RawMessage
			if err != nil || !isName || decoder.Decode(&value) != nil || !yield(name, value) {
				return
			}
		}
	}
}

func explainJSON(body []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return malformed("The body is empty; a JSON object is needed.")
	case errors.As(err, &syntax):
		line, column := position(body, syntax.Offset)
		return malformed(fmt.Sprintf("The body is not valid JSON at line %d, column %d: %s.", line, column, syntax))
	default:
		return malformed("The body is not valid JSON.")
	}
}

// position says where, in people's counting, the last of the first offset bytes stands.
func position(body []byte, offset int64) (line, column int) {
	before := body[:min(max(int(offset)-1, 0), len(body))]
	line = 1 + bytes.Count(before, []byte("\n"))
	return line, 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

func malformed(message string) error {
	return &Error{Code: CodeMalformed, Message: message}
}

func escapePointer(name string) string {
	const longestShown = 64
	if len(name) > longestShown {
		name = strings.ToValidUTF8(name[:longestShown], "") + "…"
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func kindOf(raw json.RawMessage) string {
	switch bytes.TrimSpace(raw)[0] {
	case '{':
		return object
	case '[':
		return array
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return array
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Pointer:
		return jsonType(t.Elem())
	default:
		return object
	}
}
