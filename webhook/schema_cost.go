package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The validator cannot be stopped, and a small schema can have it work for years: one that refers to itself
// twice takes twice as long for each level of the data. So what the work will be is counted first, and data
// that would take too much is refused. The allowance leaves some milliseconds for small data with any schema
// and some tenths of a second for the largest, several times what usual schemas need.
const (
	allowance        = 50_000
	allowancePerByte = 4
	maxWorkDepth     = 2000
)

// affordable reports whether data of so many bytes can be checked against a schema with the work that is
// allowed for it.
func affordable(schema *jsonschema.Schema, value any, size int) bool {
	m := meter{left: allowance + allowancePerByte*size}
	m.count(schema, value, 0)
	return m.left >= 0
}

// meter counts down the steps that are left: about as many comparisons of short values.
type meter struct{ left int }

// count counts the steps of checking a value. All parts of the schema that may apply to it are taken to do.
func (m *meter) count(s *jsonschema.Schema, value any, depth int) {
	if s == nil || m.left < 0 {
		return
	}
	if depth > maxWorkDepth {
		m.left = -1
		return
	}
	depth++
	m.left -= 1 + len(s.Required) + comparisons(s, value)
	for _, sub := range sameValue(s) {
		m.count(sub, value, depth)
	}
	switch value := value.(type) {
	case map[string]any:
		m.countMembers(s, value, depth)
	case []any:
		m.countElements(s, value, depth)
	case string:
		m.left -= len(value)/bytesAStep + matching(s.Pattern, value)
	}
}

// bytesAStep is how many bytes of a string are looked at in a step.
const bytesAStep = 64

// comparisons counts the steps of comparing a value, or what is inside it, with others.
func comparisons(s *jsonschema.Schema, value any) (steps int) {
	const (
		together = 16 // short values are compared fast
		pairs    = 20 // the elements of an array that is not longer are compared with each other
		hashing  = 3
	)
	elements, _ := value.([]any)
	switch value.(type) {
	case map[string]any, []any:
		if s.Enum == nil && s.Const == nil && !s.UniqueItems {
			return 0
		}
	}
	size, _ := sizeOf(value)
	steps = size - 1 // of a long number, whatever is done with it
	if s.Enum != nil {
		steps += size * (1 + len(s.Enum.Values)/together)
	}
	switch {
	case s.UniqueItems && len(elements) <= pairs:
		steps += size * pairs
	case s.UniqueItems:
		steps += size * hashing
	}
	return steps
}

func (m *meter) countMembers(s *jsonschema.Schema, members map[string]any, depth int) {
	for name, value := range members {
		if m.left -= 1 + len(name)/bytesAStep; m.left < 0 {
			return
		}
		m.count(s.PropertyNames, name, depth)
		m.count(s.Properties[name], value, depth)
		for pattern, sub := range s.PatternProperties {
			m.left -= 1 + matching(pattern, name)
			m.count(sub, value, depth)
		}
		m.count(asSchema(s.AdditionalProperties), value, depth)
		m.count(s.UnevaluatedProperties, value, depth)
	}
}

func (m *meter) countElements(s *jsonschema.Schema, elements []any, depth int) {
	tuple, _ := s.Items.([]*jsonschema.Schema)
	rest := []*jsonschema.Schema{asSchema(s.Items), asSchema(s.AdditionalItems), s.Items2020, s.Contains, s.UnevaluatedItems}
	for i, value := range elements {
		if m.left--; m.left < 0 {
			return
		}
		for _, sub := range rest {
			m.count(sub, value, depth)
		}
		for _, first := range [][]*jsonschema.Schema{tuple, s.PrefixItems} {
			if i < len(first) {
				m.count(first[i], value, depth)
			}
		}
	}
}

// sameValue returns the parts of a schema that look at the very value that it looks at.
func sameValue(s *jsonschema.Schema) []*jsonschema.Schema {
	subs := []*jsonschema.Schema{s.Ref, s.Not, s.If, s.Then, s.Else}
	subs = append(subs, s.AllOf...)
	subs = append(subs, s.AnyOf...)
	subs = append(subs, s.OneOf...)
	for _, sub := range s.DependentSchemas {
		subs = append(subs, sub)
	}
	for _, sub := range s.Dependencies {
		subs = append(subs, asSchema(sub))
	}
	return subs
}

// allSubschemas returns the parts of a schema that may be used; some may be nil.
func allSubschemas(s *jsonschema.Schema) []*jsonschema.Schema {
	subs := append(sameValue(s), s.PropertyNames, asSchema(s.AdditionalProperties), s.UnevaluatedProperties, s.Contains,
		asSchema(s.Items), asSchema(s.AdditionalItems), s.Items2020, s.UnevaluatedItems)
	tuple, _ := s.Items.([]*jsonschema.Schema)
	subs = append(append(subs, tuple...), s.PrefixItems...)
	for _, sub := range s.Properties {
		subs = append(subs, sub)
	}
	for _, sub := range s.PatternProperties {
		subs = append(subs, sub)
	}
	return subs
}

// asSchema returns the schema that a field of the library holds, if it is one.
func asSchema(field any) *jsonschema.Schema {
	s, _ := field.(*jsonschema.Schema)
	return s
}

// sizeOf counts the values in a JSON document, the long ones several times, and how deep they lie.
func sizeOf(value any) (size, depth int) {
	size = 1
	add := func(inner any) {
		innerSize, innerDepth := sizeOf(inner)
		size, depth = size+innerSize, max(depth, innerDepth)
	}
	switch value := value.(type) {
	case map[string]any:
		for _, inner := range value {
			add(inner)
		}
		return size, depth + 1
	case []any:
		for _, inner := range value {
			add(inner)
		}
		return size, depth + 1
	case string:
		size += len(value) / (bytesAStep * bytesAStep)
	case json.Number:
		size += digits(value)
	}
	return size, 0
}

// digits tells long numbers from those that are computed with in no time: 1e999999 has a million digits.
func digits(number json.Number) int {
	const digitsAStep, most = 64, 1_000_000
	text := number.String()
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	n := len(mantissa)
	if exponent != "" {
		power, err := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
		if err != nil || abs(power) > most {
			power = most
		}
		n += abs(power)
	}
	if n <= digitsAStep {
		return 0
	}
	return n * n / (digitsAStep * digitsAStep) // so costs multiplying them
}

// Limits of the regular expressions of a schema. Those of Go take time in proportion to the text times their
// size at most.
const (
	maxPattern      = 1 << 10 // bytes
	maxPatternsSize = 20_000  // instructions of all, see pattern
)

// pattern is a compiled regular expression.
type pattern struct {
	*regexp.Regexp
	size int // instructions
}

// matching is the most steps that finding a pattern in a text takes.
func matching(p jsonschema.Regexp, text string) int {
	compiled, ok := p.(*pattern)
	if !ok {
		return 0
	}
	return compiled.size * len(text) / bytesAStep
}

// patterns compiles the regular expressions of one schema.
type patterns struct {
	compiled map[string]*pattern
	size     int
}

func newPatterns() *patterns { return &patterns{compiled: map[string]*pattern{}} }

func (p *patterns) compile(text string) (jsonschema.Regexp, error) {
	if known, ok := p.compiled[text]; ok {
		return known, nil
	}
	if len(text) > maxPattern {
		return nil, fmt.Errorf("it is longer than %d bytes", maxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if p.size += len(program.Inst); p.size > maxPatternsSize {
		return nil, errors.New("it is, with those before it, too large; repeat less often")
	}
	compiled, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	p.compiled[text] = &pattern{Regexp: compiled, size: len(program.Inst)}
	return p.compiled[text], nil
}
