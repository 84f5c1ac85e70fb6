package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/durahook/durahook/internal/version"
)

//go:embed templates
var templateFiles embed.FS

// pages are the parsed templates: each page with the layout around it.
type pages struct {
	byName map[string]*template.Template
}

// page is what the layout shows, with one page's own part in Body.
type page struct {
	Title    string
	SignedIn bool
	Notice   *notice
	Version  string // only for those who are signed in
	Body     any
}

// parsePages parses every page and panics when one is broken.
func parsePages(files *assets) *pages {
	functions := template.FuncMap{"asset": files.path, "until": until, "exactly": untilExactly}
	layout := template.Must(template.New("layout").Funcs(functions).
		ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/table.html", "templates/inspection.html"))
	parsed := &pages{byName: map[string]*template.Template{}}
	for _, name := range []string{"deliveries.html", "delivery.html", "sign_in.html", "error.html"} {
		parsed.byName[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name))
	}
	return parsed
}

// show renders a whole page and sends it.
func (c *Console) show(w http.ResponseWriter, status int, name string, view page) error {
	if view.SignedIn {
		view.Version = version.Version()
	}
	return c.render(w, status, name, "layout", view)
}

// render renders one part of a page and sends it.
func (c *Console) render(w http.ResponseWriter, status int, name, part string, data any) error {
	content, err := c.pages.render(name, part, data)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.send(w, status, content)
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
