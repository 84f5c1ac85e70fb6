package console

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/durahook/durahook/webhook"
)

// form is what a visitor filled in and what is wrong with it. Its fields are named like those of the API, with a
// slash in between: the field that JSON Pointer "/authentication/token" points to is "authentication/token".
type form struct {
	values   url.Values
	problems map[string]string // by the field's name
	shown    []string          // the names of the fields that were asked for, to find the problems of all others
	led      bool              // to the first field that is wrong
	Message  string            // what is wrong with all of it, in one sentence; empty when nothing is
	Undone   string            // what did not happen then, as a sentence
}

// newForm returns a form filled in with values, such as those of what is to be edited.
func newForm(values url.Values) *form {
	return &form{values: values, problems: map[string]string{}, Undone: "Nothing was saved."}
}

// inForms puts what the API says of a value in the words of who has a form before them.
func inForms(detail string) string {
	return strings.NewReplacer(
		"GET /v1/event-types lists", "Event types lists", `name at least one event type, or ["*"] for all`, "choose at least one, or all",
		" requests a second, or null for no limit", "; left empty, there is no limit", "a whole number, not a string", "a whole number",
	).Replace(detail)
}

// refused takes in why what the form asks for was not done, to show it beside the fields. Any other error than one
// that the visitor can do something about is returned.
func (f *form) refused(err error) error {
	var domain *webhook.Error
	if !errors.As(err, &domain) {
		return err
	}
	switch domain.Code {
	case webhook.CodeMalformed, webhook.CodeInvalid, webhook.CodeConflict, webhook.CodeTooLarge, webhook.CodeForbidden,
		webhook.CodeTooManyRequests, webhook.CodeUnavailable:
	default:
		return err
	}
	f.Message = domain.Message
	for _, field := range domain.Fields {
		f.wrong(strings.TrimPrefix(field.Pointer, "/"), inForms(field.Detail))
	}
	return nil
}

// gone reports whether what the form was to change is not there any more, and takes that in: as the form for a new one, it
// keeps what was filled in. What was gone is a noun with its article, and create what the new form's button says.
func (f *form) gone(err error, what, create string) bool {
	var domain *webhook.Error
	if !errors.As(err, &domain) || domain.Code != webhook.CodeNotFound {
		return false
	}
	f.Message = what + " was deleted in the meantime. “" + create + "” makes a new one of what is filled in here."
	return true
}

// wrong notes what is wrong with a field, as the rest of a sentence that begins with its name. Of a field that is
// wrong in several ways, the first is told.
func (f *form) wrong(name, detail string) {
	if _, known := f.problems[name]; !known {
		f.problems[name] = detail
	}
}

// field is one field of a form, as the template field shows it.
type field struct {
	Name, ID, Label, Help, Value string
	Problem                      string
	First                        bool // of those that are wrong: where to go on
}

// Subject is the label as the beginning of a sentence about the field: without what stands in brackets.
func (f field) Subject() string {
	subject, _, _ := strings.Cut(f.Label, " (")
	return subject
}

// Field returns a field with what was filled in and what is wrong with it. Help may be empty.
func (f *form) Field(name, label, help string) field {
	id := strings.ReplaceAll(name, "/", "-")
	f.shown = append(f.shown, name)
	shown := field{Name: name, ID: id, Label: label, Help: help, Value: f.values.Get(name), Problem: f.problem(name)}
	shown.First = shown.Problem != "" && !f.led
	f.led = f.led || shown.First
	return shown
}

// Leads reports whether a field is there to go on with: some of them are wrong.
func (f *form) Leads() bool { return len(f.problems) > 0 }

// Secret is like Field for what is never shown again, not even to whoever has just filled it in: they are told.
func (f *form) Secret(name, label, help string) field {
	shown := f.Field(name, label, help)
	if shown.Value != "" && shown.Problem == "" && f.Message != "" {
		shown.Problem = "has to be filled in again: secrets are not sent back"
	}
	shown.Value = ""
	return shown
}

// Is reports whether a field has a value: an option is selected, a box is checked.
func (f *form) Is(name, value string) bool { return slices.Contains(f.values[name], value) }

// Value returns what was filled into a field.
func (f *form) Value(name string) string { return f.values.Get(name) }

// problem returns what is wrong with a field, or with a part of it: "events/3" is an entry of "events", and
// "example/event" a member of "example", which is named.
func (f *form) problem(name string) string {
	if detail, ok := f.problems[name]; ok {
		return detail
	}
	for _, other := range f.names() {
		part, ok := strings.CutPrefix(other, name+"/")
		if !ok {
			continue
		}
		if _, err := strconv.Atoi(part); err == nil {
			return f.problems[other]
		}
		return "(" + strings.ReplaceAll(part, "/", ".") + ") " + f.problems[other]
	}
	return ""
}

// Others returns what is wrong with fields that the page doesn't show. It is to be asked for after them.
func (f *form) Others() (details []string) {
	for _, name := range f.names() {
		isShown := func(shown string) bool { return name == shown || strings.HasPrefix(name, shown+"/") }
		if !slices.ContainsFunc(f.shown, isShown) {
			details = append(details, name+" "+f.problems[name])
		}
	}
	return details
}

// names returns the names of the fields that are wrong, in order.
func (f *form) names() []string {
	names := make([]string, 0, len(f.problems))
	for name := range f.problems {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// unixLines returns a text without the carriage returns that browsers put before the ends of its lines.
func unixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }
