package reference

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// page is what the template shows.
type page struct {
	Title, Summary string
	Style          template.CSS
	Intro          template.HTML
	Groups         []group
}

// group is the operations of one tag.
type group struct {
	ID, Name    string
	Description template.HTML
	Operations  []operationView
}

type operationView struct {
	ID, Method, Path, Summary string
	Scope                     string // empty: no key is needed
	Description               template.HTML
	Parameters                []field
	Body                      *bodyView
	Responses                 []responseView
	Curl                      string
}

type bodyView struct {
	Required    bool
	Description template.HTML
	Fields      []field
	Examples    []exampleView
}

type responseView struct {
	Status, ContentType string
	Failed              bool
	Description         template.HTML
	Headers, Fields     []field
	Examples            []exampleView
}

type exampleView struct{ Summary, JSON string }

// field is a field of a body, a parameter or a header.
type field struct {
	Name, Type, Place string // the place of a parameter: path, query or header
	Required          bool
	Absent            bool // an answer may come without it
	Description       template.HTML
	Limits            []string
	Example           string
	Fields            []field // of the object, or of the objects in the list
	Variants          []variant
}

// variant is one of the kinds of object that a field can hold.
type variant struct {
	Name        string
	Description template.HTML
	Fields      []field
}

func (d *document) view() (page, error) {
	intro, err := markdown(d.Info.Description)
	p := page{Title: d.Info.Title, Summary: d.Info.Summary, Intro: intro}
	if err != nil {
		return p, err
	}
	for _, tag := range d.Tags {
		g := group{ID: slug(tag.Name), Name: tag.Name}
		if g.Description, err = markdown(tag.Description); err != nil {
			return p, err
		}
		for _, path := range d.Paths {
			for _, one := range path.Value.operations() {
				if !slices.Contains(one.Value.Tags, tag.Name) {
					continue
				}
				view, err := d.operation(path, one.Name, one.Value)
				if err != nil {
					return p, fmt.Errorf("%s %s: %w", one.Name, path.Name, err)
				}
				g.Operations = append(g.Operations, view)
			}
		}
		p.Groups = append(p.Groups, g)
	}
	return p, nil
}

// operations returns the operations of a path by their method.
func (p pathItem) operations() []member[*operation] {
	all := []member[*operation]{{http.MethodGet, p.Get}, {http.MethodPost, p.Post}, {http.MethodPatch, p.Patch}, {http.MethodDelete, p.Delete}}
	return slices.DeleteFunc(all, func(one member[*operation]) bool { return one.Value == nil })
}

func (d *document) operation(path member[pathItem], method string, o *operation) (operationView, error) {
	view := operationView{ID: o.ID, Method: method, Path: path.Name, Summary: o.Summary}
	if len(o.Security) > 0 && len(o.Security[0]["key"]) > 0 {
		view.Scope = o.Security[0]["key"][0]
	}
	var err error
	if view.Description, err = markdown(o.Description); err != nil {
		return view, err
	}
	for _, p := range slices.Concat(path.Value.Parameters, o.Parameters) {
		f, err := d.parameter(p)
		if err != nil {
			return view, err
		}
		view.Parameters = append(view.Parameters, f)
	}
	if o.RequestBody != nil {
		if view.Body, err = d.body(o.RequestBody); err != nil {
			return view, err
		}
	}
	for _, r := range o.Responses {
		answer, err := d.response(r.Name, r.Value)
		if err != nil {
			return view, fmt.Errorf("%s: %w", r.Name, err)
		}
		view.Responses = append(view.Responses, answer)
	}
	view.Curl = d.curl(view)
	return view, nil
}

func (d *document) body(b *body) (*bodyView, error) {
	description, err := markdown(b.Description)
	view := &bodyView{Required: b.Required, Description: description}
	if err != nil || len(b.Content) == 0 {
		return view, err
	}
	if view.Fields, err = d.fields(b.Content[0].Value.Schema); err != nil {
		return view, err
	}
	view.Examples, err = d.examples(b.Content[0].Value)
	return view, err
}

func (d *document) response(status string, r response) (responseView, error) {
	view := responseView{Status: status, Failed: status >= "400"}
	var err error
	if r.Ref != "" {
		if r, err = resolve(r.Ref, d.Components.Responses); err != nil {
			return view, err
		}
	}
	if view.Description, err = markdown(r.Description); err != nil {
		return view, err
	}
	for _, header := range r.Headers {
		p := header.Value
		if p.Ref != "" {
			if p, err = resolve(p.Ref, d.Components.Headers); err != nil {
				return view, err
			}
		}
		p.Name = header.Name
		f, err := d.parameter(p)
		if err != nil {
			return view, err
		}
		view.Headers = append(view.Headers, f)
	}
	if len(r.Content) == 0 {
		return view, nil
	}
	view.ContentType = r.Content[0].Name
	if !view.Failed { // problems are all alike, and told at the beginning of the page
		if view.Fields, err = d.fields(r.Content[0].Value.Schema); err != nil {
			return view, err
		}
		answered(view.Fields)
	}
	view.Examples, err = d.examples(r.Content[0].Value)
	return view, err
}

func (d *document) examples(c content) ([]exampleView, error) {
	var views []exampleView
	if !c.Example.IsZero() {
		text, err := jsonOf(&c.Example)
		return []exampleView{{JSON: text}}, err
	}
	for _, one := range c.Examples {
		e := one.Value
		if e.Ref != "" {
			var err error
			if e, err = resolve(e.Ref, d.Components.Examples); err != nil {
				return nil, err
			}
		}
		text, err := jsonOf(&e.Value)
		if err != nil {
			return nil, err
		}
		views = append(views, exampleView{Summary: e.Summary, JSON: text})
	}
	return views, nil
}

func (d *document) parameter(p parameter) (field, error) {
	if p.Ref != "" {
		var err error
		if p, err = resolve(p.Ref, d.Components.Parameters); err != nil {
			return field{}, err
		}
	}
	f, err := d.field(p.Name, p.Schema)
	if err != nil {
		return f, err
	}
	f.Place, f.Required, f.Example = p.In, p.Required, p.Example.Value
	f.Description, err = markdown(p.Description)
	return f, err
}

// answered marks fields as those of an answer: not what readers must send counts, but what they may miss.
func answered(fields []field) {
	for i, f := range fields {
		fields[i].Required, fields[i].Absent = false, !f.Required
		answered(f.Fields)
		for _, v := range f.Variants {
			answered(v.Fields)
		}
	}
}

// curl returns a command that calls the operation: it can be pasted into a shell as it stands.
func (d *document) curl(o operationView) string {
	address := d.Servers[0].URL
	for name, variable := range d.Servers[0].Variables {
		address = strings.ReplaceAll(address, "{"+name+"}", variable.Default)
	}
	path := o.Path
	for _, p := range o.Parameters {
		path = strings.ReplaceAll(path, "{"+p.Name+"}", p.Example)
	}
	command := "curl"
	if o.Method != http.MethodGet {
		command += " -X " + o.Method
	}
	lines := []string{command + " " + address + path}
	if o.Scope != "" {
		lines = append(lines, `-H "Authorization: Bearer $DURAHOOK_API_KEY"`)
	}
	if o.Body != nil && len(o.Body.Examples) > 0 {
		lines = append(lines, "-H 'Content-Type: application/json'",
			"-d '"+strings.ReplaceAll(o.Body.Examples[0].JSON, "'", `'\''`)+"'")
	}
	return strings.Join(lines, " \\\n  ")
}

// slug returns a name as part of an address.
func slug(name string) string { return strings.ReplaceAll(strings.ToLower(name), " ", "-") }
