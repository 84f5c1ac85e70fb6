package reference_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/reference"
)

func render(t *testing.T, document string) *goquery.Document {
	t.Helper()
	html, err := reference.Render([]byte(document))
	require.NoError(t, err)
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(html))
	require.NoError(t, err)
	return page
}

const document = `
info: {title: Things, summary: All about things., description: "## Of things\n\nThey are **many**. <script>no</script>"}
servers: [{url: "{origin}", variables: {origin: {default: "http://127.0.0.1:1"}}}]
tags: [{name: Some things, description: What there is.}]
paths:
  /things/{id}:
    parameters: [{$ref: "#/components/parameters/Path"}]
    patch:
      operationId: updateThing
      tags: [Some things]
      summary: Change a thing
      description: It changes.
      security: [{key: [manage]}]
      requestBody:
        description: What to change.
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Thing"}
            examples:
              first: {summary: One, value: {zeal: "it's <b>", at: 2026-11-24T14:30:00Z, list: [1, true, null], inner: {deep: {deeper: 1}}}}
              second: {$ref: "#/components/examples/Second"}
      responses:
        "200":
          description: The thing.
          headers: {ETag: {$ref: "#/components/headers/ETag"}}
          content: {application/json: {schema: {allOf: [{$ref: "#/components/schemas/Thing"}]}, example: {zeal: none}}}
        "404": {$ref: "#/components/responses/NotFound"}
components:
  parameters:
    Path: {name: id, in: path, required: true, description: Which., schema: {type: string}, example: thg_1}
  headers:
    ETag: {description: Which version., schema: {type: string}}
  responses:
    NotFound: {description: Not there., content: {application/problem+json: {schema: {}, example: {code: not_found}}}}
  schemas:
    Thing:
      type: object
      required: [zeal]
      properties:
        zeal: {type: string, maxLength: 5, description: How eager it is.}
        at: {oneOf: [{$ref: "#/components/schemas/Time"}, {type: "null"}], description: When.}
        others: {type: array, maxItems: 3, items: {$ref: "#/components/schemas/Other"}, description: More.}
        kind: {oneOf: [{$ref: "#/components/schemas/Red"}, {$ref: "#/components/schemas/Blue"}], description: Which kind.}
    Time: {type: string, format: date-time, description: A time.}
    Other: {type: object, properties: {number: {type: integer, minimum: 1, maximum: 9, default: 3, description: Its number.}}}
    Red: {type: object, description: Red., properties: {type: {type: string, const: red, description: Red.}}}
    Blue: {type: object, description: Blue., properties: {type: {type: string, const: blue, description: Blue.}, shade: {type: string, enum: [light, dark], description: How blue.}}}
  examples:
    Second: {summary: Two, value: {zeal: none}}
`

func TestRender(t *testing.T) {
	t.Parallel()
	page := render(t, document)
	require.Equal(t, "Things API", page.Find("title").Text())
	require.Equal(t, "They are many. no", page.Find(".intro p").Last().Text())
	require.Equal(t, 0, page.Find("script").Length(), "HTML in descriptions is left out")
	require.Equal(t, "Some things", page.Find("section#some-things h2").Text())

	article := page.Find("article#updateThing")
	require.Equal(t, "Change a thing", article.Find("h3").Text())
	require.Equal(t, "manage", article.Find(".scope b").Text())
	require.Equal(t, "/things/{id}", article.Find(".route code").Text())
	var kinds []string
	article.Find(".words > table .kind").Each(func(_ int, kind *goquery.Selection) { kinds = append(kinds, kind.Text()) })
	require.Equal(t, []string{
		"string in path", "string, up to 5 characters", "time or null", "list of objects, up to 3 entries", "integer, 1 to 9, 3 when left out",
		"object", "string, always red", "string, always blue", "string, one of light, dark",
	}, kinds)
	require.Equal(t, []string{"type: red", "type: blue"}, []string{
		article.Find(".words > table summary code").First().Text(), article.Find(".words > table summary code").Last().Text(),
	})
	require.Equal(t, 2, article.Find(".words > table .required").Length(), "the path's ID and zeal")
	require.Equal(t, 0, article.Find("dl .required").Length(), "nobody has to send what is answered")
	require.Equal(t, "200404", article.Find("dt").Text())
	require.Contains(t, article.Find("dd").Last().Find("pre").Text(), "not_found")
}

// The command does what it says when it is pasted into a shell.
func TestRenderCurl(t *testing.T) {
	t.Parallel()
	command := render(t, document).Find("article#updateThing .samples pre").First().Text()
	shell := exec.CommandContext(t.Context(), "sh", "-c", "curl() { printf '%s\\n' \"$@\"; }\n"+command)
	shell.Env = []string{"DURAHOOK_API_KEY=dhk_1"}
	output, err := shell.Output()
	require.NoError(t, err)
	words := strings.SplitN(string(output), "\n", 9)
	require.Equal(t, []string{
		"-X", "PATCH", "http://127.0.0.1:1/things/thg_1", "-H", "Authorization: Bearer dhk_1", "-H", "Content-Type: application/json", "-d",
	}, words[:8])
	require.Equal(t, []string{
		`{`, `  "zeal": "it's <b>",`, `  "at": "2026-11-24T14:30:00Z",`, `  "list": [1, true, null],`,
		`  "inner": {`, `    "deep": {"deeper": 1}`, `  }`, `}`, ``,
	}, strings.Split(words[8], "\n"))
}

// What the page of our own document shows as JSON is JSON.
func TestRenderOurs(t *testing.T) {
	t.Parallel()
	ours, err := os.ReadFile("../../api/openapi.yaml")
	require.NoError(t, err)
	checked := 0
	render(t, string(ours)).Find("article pre").Each(func(_ int, sample *goquery.Selection) {
		if !strings.HasPrefix(sample.Text(), "curl ") && sample.Text() != `"<!doctype html>\n"` {
			assert.True(t, json.Valid([]byte(sample.Text())), sample.Text())
			checked++
		}
	})
	require.Greater(t, checked, 100)
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string][2]string{
		"no document":          {document, "info: ["},
		"a parameter astray":   {"parameters/Path", "parameters/Nowhere"},
		"a response astray":    {"responses/NotFound", "responses/Nowhere"},
		"a header astray":      {"headers/ETag", "headers/Nowhere"},
		"an example astray":    {"examples/Second", "examples/Nowhere"},
		"a schema astray":      {"schemas/Time", "schemas/Nowhere"},
		"paths in a list":      {"\npaths:\n", "\npaths: [1]\nodd:\n"},
		"a variant astray":     {"schemas/Red", "schemas/Nowhere"},
		"a list of the astray": {"schemas/Other", "schemas/Nowhere"},
	} {
		require.Contains(t, document, replace[0])
		_, err := reference.Render([]byte(strings.Replace(document, replace[0], replace[1], 1)))
		require.Error(t, err, name)
	}
}
