package webhook

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// violations lists in which ways a value does not fit a schema, sorted by where that is. What stands at one
// place is told together. The details tell what the schema wants and never what the value is.
func violations(err error) []FieldError {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil
	}
	all := flatten(nil, invalid)
	slices.SortFunc(all, func(a, b FieldError) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Detail, b.Detail))
	})
	var merged []FieldError
	for _, field := range slices.Compact(all) {
		if last := len(merged) - 1; last >= 0 && merged[last].Pointer == field.Pointer {
			merged[last].Detail = limited(merged[last].Detail + "; " + field.Detail)
			continue
		}
		merged = append(merged, field)
	}
	return merged
}

// flatten adds what is wrong, of an error with causes these, to all. Of alternatives that all fail, it is one
// thing that is wrong.
func flatten(all []FieldError, e *jsonschema.ValidationError) []FieldError {
	const enough = 10 * mostFields // to be told
	if len(all) >= enough {
		return all
	}
	at := pointerOf(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf:
		return append(all, FieldError{at, alternatives(e)})
	case *kind.OneOf:
		if len(k.Subschemas) == 0 {
			return append(all, FieldError{at, alternatives(e)})
		}
		return append(all, FieldError{at, "must fit exactly one of the alternatives of oneOf, and fits several"})
	case *kind.Required:
		return missing(all, at, k.Missing, "is missing")
	case *kind.DependentRequired:
		return missing(all, at, k.Missing, "is missing; it is needed beside "+shown(k.Prop))
	case *kind.Dependency:
		return missing(all, at, k.Missing, "is missing; it is needed beside "+shown(k.Prop))
	case *kind.AdditionalProperties:
		return missing(all, at, k.Properties, "is not a known field")
	case *kind.Contains, *kind.MinContains: // the causes say why each element is not such a one
		return append(all, FieldError{at, words(k)})
	case *kind.PropertyNames:
		return append(all, FieldError{at + "/" + escapePointer(k.Property), "has a name that the schema does not allow"})
	}
	if len(e.Causes) == 0 {
		return append(all, FieldError{at, limited(words(e.ErrorKind))})
	}
	for _, cause := range e.Causes {
		all = flatten(all, cause)
	}
	return all
}

func missing(all []FieldError, at string, names []string, detail string) []FieldError {
	for _, name := range names {
		all = append(all, FieldError{at + "/" + escapePointer(name), detail})
	}
	return all
}

// alternatives says what each of the alternatives wants, none of which fits.
func alternatives(e *jsonschema.ValidationError) string {
	const most = 5
	var wants []string
	for _, cause := range e.Causes[:min(len(e.Causes), most)] {
		first := violations(cause)[0]
		if inside := strings.TrimPrefix(first.Pointer, pointerOf(e.InstanceLocation)); inside != "" {
			first.Detail = inside + " " + first.Detail
		}
		if !slices.Contains(wants, first.Detail) {
			wants = append(wants, first.Detail)
		}
	}
	return limited("fits none of the alternatives: " + strings.Join(wants, "; or "))
}

// limited shortens a detail, in which parts of a schema may stand.
func limited(detail string) string {
	const longest = 500
	if len(detail) > longest {
		detail = strings.ToValidUTF8(detail[:longest], "") + "…"
	}
	return detail
}

func pointerOf(location []string) string {
	var pointer strings.Builder
	for _, name := range location {
		pointer.WriteString("/" + escapePointer(name))
	}
	return pointer.String()
}

// words says what the schema wants in one place.
func words(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "must be of type " + strings.Join(k.Want, " or ")
	case *kind.Enum:
		return "must be one of " + values(k.Want)
	case *kind.Const:
		return "must be " + values([]any{k.Want})
	case *kind.Format:
		if k.Want == "regex" { // of a schema, as no data is checked for it
			return "is not a regular expression: " + k.Err.Error()
		}
		return "must have the format " + k.Want
	case *kind.Pattern:
		return "must match the pattern " + k.Want
	case *kind.FalseSchema:
		return "is not allowed"
	case *kind.RefCycle:
		return "cannot be checked: the schema refers to itself in a circle"
	case *kind.Not:
		return `fits what the schema excludes with "not"`
	case *kind.UniqueItems:
		return "must not have equal elements"
	case *kind.AdditionalItems:
		return fmt.Sprintf("has %d elements too many", k.Count)
	default:
		return boundWords(k)
	}
}

// boundWords are those of the keywords that limit sizes, counts and numbers.
func boundWords(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d elements", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d elements", k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %d fields", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %d fields", k.Want)
	case *kind.Contains:
		return "must have an element that fits what the schema says in contains"
	case *kind.MinContains:
		return fmt.Sprintf("must have at least %d elements that fit what the schema says in contains", k.Want)
	case *kind.MaxContains:
		return fmt.Sprintf("must have at most %d elements that fit what the schema says in contains", k.Want)
	default:
		return numberWords(k)
	}
}

func numberWords(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Minimum:
		return "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + number(k.Want)
	default:
		return "does not fit the schema"
	}
}

func number(n *big.Rat) string {
	if n.IsInt() {
		return n.Num().String()
	}
	const digits = 10
	return strings.TrimRight(n.FloatString(digits), "0")
}

// values lists values of a schema, as many as can be read.
func values(wants []any) string {
	const most = 20
	var texts []string
	for _, want := range wants[:min(len(wants), most)] {
		text, err := json.Marshal(want)
		if err != nil {
			continue
		}
		texts = append(texts, string(text))
	}
	if len(wants) > most {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}
