package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of a schema. They keep what one account has checked from costing the others time and memory.
const (
	MaxSchema      = 64 << 10 // bytes
	maxSchemaDepth = 64       // objects and arrays inside each other
	maxSchemaSize  = 4000     // values, see sizeOf
)

// Schema is a JSON Schema that the data of an event, so what stands in the payload's "data", has to fit. It is
// of draft 2020-12, unless its $schema names an older one; formats are checked, and references reach what is
// inside it only. It is safe for concurrent use.
type Schema struct {
	text json.RawMessage
	// compiled is made once, when it is first needed: a catalogue has many schemas that nobody publishes for.
	compiled func() (*jsonschema.Schema, []FieldError)
}

// NewSchema returns the schema with this text, which is JSON.
func NewSchema(text json.RawMessage) *Schema {
	s := &Schema{text: text}
	s.compiled = sync.OnceValues(func() (*jsonschema.Schema, []FieldError) { return compile(text) })
	return s
}

// Text returns the schema as it was written; nil for none.
func (s *Schema) Text() json.RawMessage {
	if s == nil {
		return nil
	}
	return s.text
}

// wrong returns what is wrong with the schema itself, with pointers into it.
func (s *Schema) wrong() []FieldError {
	_, wrong := s.compiled()
	return wrong
}

// check adds to fields in which ways the data, which is valid JSON, does not fit. The details hold names of
// fields, but no values: those may be personal data.
func (s *Schema) check(fields *Fields, pointer string, data json.RawMessage) {
	schema, wrong := s.compiled()
	if len(wrong) > 0 {
		fields.Add(pointer, "cannot be checked: the schema of the event type is not valid")
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		fields.Add(pointer, "is not valid JSON")
		return
	}
	if !affordable(schema, value, len(data)) {
		fields.Add(pointer, "takes too long to check against the schema of the event type; simplify either")
		return
	}
	for _, field := range violations(schema.Validate(value)) {
		fields.Add(pointer+field.Pointer, field.Detail)
	}
}

// schemaURL stands for the schema itself, so that references inside it have something to begin with.
const schemaURL = "https://schema.invalid/"

// noLoader is asked for what a schema refers to outside itself, and has nothing.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("only references inside the schema are followed")
}

// compile returns the schema with this text, or what is wrong with it.
func compile(text json.RawMessage) (*jsonschema.Schema, []FieldError) {
	wrong := func(detail string) []FieldError { return []FieldError{{Detail: detail}} }
	if len(text) > MaxSchema {
		return nil, wrong(fmt.Sprintf("is larger than %d KiB", MaxSchema>>10))
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, wrong("is not valid JSON")
	}
	if kind := kindOf(text); kind != object {
		return nil, wrong("must be an object, a JSON Schema, not " + kind)
	}
	if size, depth := sizeOf(document); depth > maxSchemaDepth || size > maxSchemaSize {
		return nil, wrong(fmt.Sprintf("is too complex; it can have %d values and a depth of %d, and numbers of some hundred digits", maxSchemaSize, maxSchemaDepth))
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	compiler.UseRegexpEngine(newPatterns().compile)
	compiler.AssertFormat()
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return nil, wrong("is not a JSON Schema")
	}
	schema, err := compiler.Compile(schemaURL)
	if err != nil {
		return nil, explainSchema(err)
	}
	return schema, checkReferences(schema)
}

// checkReferences returns an error for a schema that can be compiled, but whose work cannot be foreseen: one
// with references that lead out of it (to a published draft, which needs no loader) or depend on the way that
// led to them.
func checkReferences(schema *jsonschema.Schema) (wrong []FieldError) {
	seen := map[*jsonschema.Schema]bool{}
	var visit func(s *jsonschema.Schema)
	visit = func(s *jsonschema.Schema) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		at := pointerIn(s.Location)
		switch {
		case !strings.HasPrefix(s.Location, schemaURL):
			wrong = append(wrong, refersOutside(s.Location))
			return
		case s.DynamicRef != nil || s.RecursiveRef != nil:
			wrong = append(wrong, FieldError{Pointer: at, Detail: "must not use $dynamicRef or $recursiveRef; use $ref"})
		case s.Format != nil && s.Format.Name == "regex":
			wrong = append(wrong, FieldError{Pointer: at + "/format", Detail: "cannot be checked; leave the format regex out"})
		}
		for _, sub := range allSubschemas(s) {
			visit(sub)
		}
	}
	visit(schema)
	return wrong
}

func refersOutside(url string) FieldError {
	return FieldError{Detail: "refers to " + shown(strings.TrimPrefix(url, schemaURL)) + "; only references inside the schema are followed"}
}

// explainSchema says why a schema cannot be compiled.
func explainSchema(err error) []FieldError {
	var invalid *jsonschema.SchemaValidationError
	var pattern *jsonschema.InvalidRegexError
	var load *jsonschema.LoadURLError
	switch {
	case errors.As(err, &invalid):
		at := pointerIn(invalid.URL)
		wrong := violations(invalid.Err)
		for i := range wrong {
			wrong[i].Pointer = at + wrong[i].Pointer
		}
		if len(wrong) > 0 {
			return wrong
		}
	case errors.As(err, &pattern):
		return []FieldError{{Pointer: pointerIn(pattern.URL), Detail: "is not a regular expression: " + pattern.Err.Error()}}
	case errors.As(err, &load):
		return []FieldError{refersOutside(load.URL)}
	}
	return []FieldError{{Detail: "is not a JSON Schema: " + strings.ReplaceAll(err.Error(), schemaURL, "")}}
}

// pointerIn returns the JSON Pointer in the fragment of a location inside the schema.
func pointerIn(location string) string {
	_, fragment, _ := strings.Cut(location, "#")
	pointer, err := url.PathUnescape(fragment)
	if err != nil || !strings.HasPrefix(pointer, "/") {
		return ""
	}
	return pointer
}
