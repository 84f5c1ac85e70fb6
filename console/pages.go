package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/durahook/durahook/internal/version"
	"github.com/durahook/durahook/webhook"
)

// In templates are the pages, each in a file of its own, and in templates/parts what several of them are made of.
//
//go:embed templates
var templateFiles embed.FS

// pages are the parsed templates: each page with the layout around it.
type pages struct {
	byName map[string]*template.Template
}

// page is what the layout shows, with one page's own part in Body.
type page struct {
	Title   string
	Session *session // nil when nobody is signed in
	Notice  *notice
	Crumbs  []crumb // the pages between the section and this one
	Body    any
}

// layout is a page with what all of them have around it.
type layout struct {
	page
	Home     string
	Sections []section
	Way      []crumb
	Accounts *accountSwitch
	Find     *finder // nil for those who may see nothing
	Version  string  // only for those who are signed in
}

// parsePages parses every page and panics when one is broken.
func parsePages(files *assets) *pages {
	functions := template.FuncMap{"asset": files.path, "until": until, "exactly": untilExactly}
	around := template.Must(template.New("layout").Funcs(functions).ParseFS(templateFiles, "templates/parts/*.html"))
	names, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(fmt.Errorf("list the console's templates: %w", err))
	}
	parsed := &pages{byName: map[string]*template.Template{}}
	for _, name := range names {
		parsed.byName[strings.TrimPrefix(name, "templates/")] = template.Must(template.Must(around.Clone()).ParseFS(templateFiles, name))
	}
	return parsed
}

// show renders a whole page and sends it.
func (c *Console) show(w http.ResponseWriter, r *http.Request, status int, name string, view page) error {
	whole := layout{page: view, Home: home()}
	if view.Session != nil {
		var err error
		if whole.Accounts, err = c.accountSwitch(r, *view.Session); err != nil {
			return err
		}
		whole.Sections, whole.Way = navigation(r.URL.Path, *view.Session), crumbs(r.URL.Path, view.Crumbs)
		whole.Version = version.Version()
		if view.Session.May(webhook.ScopeRead) {
			whole.Find = newFinder(r)
		}
	}
	return c.render(w, r, status, name, "layout", whole)
}

// render renders one part of a page and sends it.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, name, part string, data any) error {
	content, err := c.pages.render(name, part, data)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.send(w, status, c.carryAccount(r, content))
	return nil
}

// render executes one template of a page into a buffer, so that an error half-way through never leaves half
// a page with the visitor.
func (p *pages) render(name, part string, data any) ([]byte, error) {
	var buffer bytes.Buffer
	if err := p.byName[name].ExecuteTemplate(&buffer, part, data); err != nil {
		return nil, fmt.Errorf("render %s of %s: %w", part, name, err)
	}
	return buffer.Bytes(), nil
}

// send writes the answer. Nobody can be told any more when that fails.
func (c *Console) send(w http.ResponseWriter, status int, content []byte) {
	w.WriteHeader(status)
	if _, err := w.Write(content); err != nil {
		c.log.Debug("send answer", "error", err)
	}
}
