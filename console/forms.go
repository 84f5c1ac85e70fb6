package console

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/durahook/durahook/webhook"
)

// form is what a visitor filled in and what is wrong with it. Its fields are named like those of the API, with a
// slash in between: the field that JSON Pointer "/authentication/token" points to is "authentication/token".
type form struct {
	values   url.Values
	problems map[string]string // by the field's name
	shown    []string          // the names of the fields that were asked for, to find the problems of all others
	Message  string            // what is wrong with all of it, in one sentence; empty when nothing is
}

// newForm returns a form filled in with values, such as those of what is to be edited.
func newForm(values url.Values) *form {
	return &form{values: values, problems: map[string]string{}}
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
		f.wrong(strings.TrimPrefix(field.Pointer, "/"), field.Detail)
	}
	return nil
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
}

// Field returns a field with what was filled in and what is wrong with it. Help may be empty.
func (f *form) Field(name, label, help string) field {
	id := strings.ReplaceAll(name, "/", "-")
	f.shown = append(f.shown, name)
	return field{Name: name, ID: id, Label: label, Help: help, Value: f.values.Get(name), Problem: f.problem(name)}
}

// Secret is like Field for what is never shown again, not even to whoever has just filled it in.
func (f *form) Secret(name, label, help string) field {
	shown := f.Field(name, label, help)
	shown.Value = ""
	return shown
}

// Is reports whether a field has a value: an option is selected, a box is checked.
func (f *form) Is(name, value string) bool { return slices.Contains(f.values[name], value) }

// Value returns what was filled into a field.
func (f *form) Value(name string) string { return f.values.Get(name) }

// problem returns what is wrong with a field, or with an entry of it: "events/3" is part of "events".
func (f *form) problem(name string) string {
	if detail, ok := f.problems[name]; ok {
		return detail
	}
	for _, other := range f.names() {
		if strings.HasPrefix(other, name+"/") {
			return f.problems[other]
		}
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
