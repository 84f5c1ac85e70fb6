package webhook

import (
	"fmt"
	"slices"
	"strings"
)

// Catalogue finds an event type by its name. For a name that nothing has, it returns false and an EventType
// with the name that was perhaps meant, or with none.
type Catalogue func(name string) (EventType, bool)

// AllEvents in a webhook's events subscribes it to every event type, also to those added later.
const AllEvents = "*"

// anyRest ends a pattern, such as "call.*", that subscribes a webhook to every event type that begins with
// what stands before the star, also to those added later.
const anyRest = ".*"

// Patterns returns everything that, in a webhook's events, subscribes it to the event type with this name:
// for "call.ended" that is "*", "call.*" and "call.ended". An operational event has to be named.
func Patterns(name string) []string {
	if IsOperational(name) {
		return []string{name}
	}
	patterns := []string{AllEvents}
	for i, r := range name {
		if r == '.' {
			patterns = append(patterns, name[:i]+anyRest)
		}
	}
	return append(patterns, name)
}

// Subscribes reports whether a webhook with these events gets those of the event type with this name.
func Subscribes(events []string, name string) bool {
	return slices.ContainsFunc(Patterns(name), func(pattern string) bool { return slices.Contains(events, pattern) })
}

// NamedEventTypes returns those of a webhook's events that name one event type of the account's own. The
// webhook needs them to be in the catalogue; patterns match what there is, and the built-in ones never go.
func NamedEventTypes(events []string) []string {
	return slices.DeleteFunc(slices.Clone(events), func(name string) bool {
		_, builtIn := BuiltIn(name)
		return builtIn || name == AllEvents || isPattern(name)
	})
}

func isPattern(name string) bool {
	before, ok := strings.CutSuffix(name, anyRest)
	return ok && len(name) <= MaxEventTypeName && areWords(before)
}

func checkEvents(fields *Fields, events []string, catalogue Catalogue) {
	const pointer = "/events"
	if len(events) == 0 {
		fields.Add(pointer, `is missing; name at least one event type, or ["*"] for all`)
		return
	}
	if len(events) > MaxEvents {
		fields.Add(pointer, fmt.Sprintf("has more than %d entries", MaxEvents))
		return
	}
	for i, name := range events {
		at := fmt.Sprintf("%s/%d", pointer, i)
		switch {
		case slices.Contains(events[:i], name):
			fields.Add(at, "is there twice")
		case name == AllEvents && len(events) > 1:
			fields.Add(at, `"*" already means all event types; leave the others out`)
		case name == AllEvents || isPattern(name):
		default:
			if t, known := catalogue(name); !known {
				fields.Add(at, unknownEventType(t.Name)+`; a pattern such as "call.*" stands for all that begin so, "*" alone for all`)
			}
		}
	}
}

// unknownEventType says that there is no such event type; closest is one that there is, or empty.
func unknownEventType(closest string) string {
	if closest == "" {
		return "is not a known event type; GET /v1/event-types lists them"
	}
	return fmt.Sprintf("is not a known event type; did you mean %q? GET /v1/event-types lists all", closest)
}

// ClosestName returns that of the names that name was perhaps meant to be, or "" when none is like it. It
// differs by a few letters at most.
func ClosestName(name string, names []string) (closest string) {
	if len(name) > MaxEventTypeName {
		return ""
	}
	const few = 3
	best := min(few, len(name)/2) + 1
	for _, other := range names {
		if abs(len(other)-len(name)) >= best {
			continue
		}
		if n := edits(name, other); n < best {
			best, closest = n, other
		}
	}
	return closest
}

// edits counts the letters that have to be added, taken away or replaced to make b of a (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func abs(n int) int { return max(n, -n) }
