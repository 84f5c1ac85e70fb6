package reference

import (
	"bytes"
	"embed"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"go.yaml.in/yaml/v3"
)

//go:embed page.html style.css
var files embed.FS

// Render returns the page for an OpenAPI document in YAML.
func Render(text []byte) ([]byte, error) {
	var d document
	if err := yaml.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	p, err := d.view()
	if err != nil {
		return nil, err
	}
	style, err := files.ReadFile("style.css")
	if err != nil {
		return nil, err
	}
	p.Style = template.CSS(style) //nolint:gosec // G203: our own file
	layout, err := template.ParseFS(files, "page.html")
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := layout.Execute(&html, p); err != nil {
		return nil, err
	}
	return html.Bytes(), nil
}

// markdown returns CommonMark, with tables, as HTML. HTML in it is left out.
func markdown(text string) (template.HTML, error) {
	var html strings.Builder
	converter := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	err := converter.Convert([]byte(text), &html)
	return template.HTML(html.String()), err //nolint:gosec // G203: goldmark made it, without the HTML in the text
}
