package reference

import (
	"fmt"
	"slices"
	"strings"
)

// fields returns the fields of an object, or of the objects in a list of them.
func (d *document) fields(s *schema) ([]field, error) {
	s, err := d.resolved(s)
	if err != nil || s == nil {
		return nil, err
	}
	if s.Items != nil {
		return d.fields(s.Items)
	}
	var all []field
	for _, part := range s.AllOf {
		fields, err := d.fields(part)
		if err != nil {
			return nil, err
		}
		all = append(all, fields...)
	}
	for _, property := range s.Properties {
		f, err := d.field(property.Name, property.Value)
		if err != nil {
			return nil, err
		}
		f.Required = slices.Contains(s.Required, property.Name)
		all = append(all, f)
	}
	return all, nil
}

// field returns a field by the schema of what it holds.
func (d *document) field(name string, s *schema) (field, error) {
	f := field{Name: name}
	target, nullable, err := d.plain(s)
	if err != nil {
		return f, err
	}
	description := target.Description
	if s.Description != "" {
		description = s.Description
	}
	if f.Description, err = markdown(description); err != nil {
		return f, err
	}
	if f.Type, err = d.typeOf(target); err != nil {
		return f, err
	}
	if nullable && !strings.HasSuffix(f.Type, "null") {
		f.Type += " or null"
	}
	f.Limits = limits(target)
	for _, part := range target.OneOf {
		one, err := d.variant(part)
		if err != nil {
			return f, err
		}
		f.Variants = append(f.Variants, one)
	}
	f.Fields, err = d.fields(target)
	return f, err
}

// variant returns one of the kinds of object that a field can hold, by the constant that tells it from the others.
func (d *document) variant(s *schema) (variant, error) {
	s, err := d.resolved(s)
	if err != nil {
		return variant{}, err
	}
	var v variant
	for _, property := range s.Properties {
		if property.Value.Const != "" {
			v.Name = property.Name + ": " + property.Value.Const
		}
	}
	if v.Description, err = markdown(s.Description); err != nil {
		return v, err
	}
	v.Fields, err = d.fields(s)
	return v, err
}

// resolved follows a reference.
func (d *document) resolved(s *schema) (*schema, error) {
	if s == nil || s.Ref == "" {
		return s, nil
	}
	return resolve(s.Ref, d.Components.Schemas)
}

// plain follows a reference, and takes "or null" away from what it finds.
func (d *document) plain(s *schema) (target *schema, nullable bool, err error) {
	if target, err = d.resolved(s); err != nil {
		return nil, false, err
	}
	var others []*schema
	for _, one := range target.OneOf {
		if !slices.Equal(one.Type, names{"null"}) {
			others = append(others, one)
		}
	}
	if len(others) == 1 && len(target.OneOf) == 2 {
		target, err = d.resolved(others[0])
		return target, true, err
	}
	return target, false, nil
}

// typeOf says in words what a schema admits.
func (d *document) typeOf(s *schema) (string, error) {
	var words []string
	for _, name := range s.Type {
		if name == "array" && s.Items != nil {
			items, _, err := d.plain(s.Items)
			if err != nil {
				return "", err
			}
			of, err := d.typeOf(items)
			if err != nil {
				return "", err
			}
			name = "list of " + of + "s"
		}
		if name == "string" && s.Format == "date-time" {
			name = "time"
		}
		words = append(words, name)
	}
	if len(words) == 0 {
		return "object", nil
	}
	return strings.Join(words, " or "), nil
}

// limits says in words what a value has to keep to.
func limits(s *schema) []string {
	var all []string
	add := func(format string, values ...any) { all = append(all, fmt.Sprintf(format, values...)) }
	if len(s.Enum) > 0 {
		add("one of %s", strings.Join(s.Enum, ", "))
	}
	if s.Const != "" {
		add("always %s", s.Const)
	}
	if s.MaxLength != nil {
		add("up to %d characters", *s.MaxLength)
	}
	switch {
	case s.MinItems != nil && s.MaxItems != nil:
		add("%d to %d entries", *s.MinItems, *s.MaxItems)
	case s.MaxItems != nil:
		add("up to %d entries", *s.MaxItems)
	}
	if s.Minimum != nil && s.Maximum != nil {
		add("%v to %v", *s.Minimum, *s.Maximum)
	}
	if !s.Default.IsZero() {
		add("%s when left out", s.Default.Value)
	}
	return all
}
