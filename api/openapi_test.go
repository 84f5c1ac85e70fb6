package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/internal/openapitest"
	"github.com/durahook/durahook/webhook"
)

func parseDocument(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := openapitest.Parse(t.Context(), api.OpenAPI())
	require.NoError(t, err)
	return document
}

// operations calls each with the name of every operation of the document, such as "GET /v1/events".
func operations(document *openapi3.T, each func(name string, operation *openapi3.Operation)) {
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			each(method+" "+path, operation)
		}
	}
}

// The document has every route of the program, with its scope, and the other way around.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	t.Parallel()
	documented := map[string]webhook.Scope{}
	operations(parseDocument(t), func(name string, operation *openapi3.Operation) {
		documented[name] = ""
		for _, requirement := range *operation.Security {
			if _, otherAccount := requirement["account"]; !otherAccount {
				documented[name] = webhook.Scope(requirement["key"][0])
			}
		}
	})
	routes := map[string]webhook.Scope{}
	for _, route := range keysRoutes() {
		routes[route.name()] = route.scope
	}
	require.Equal(t, routes, documented)
}

// Whatever needs a key says so in the same way, and how it answers without one.
func TestOpenAPISecurity(t *testing.T) {
	t.Parallel()
	operations(parseDocument(t), func(name string, operation *openapi3.Operation) {
		if !assert.NotNil(t, operation.Security, name) || len(*operation.Security) == 0 {
			return
		}
		scope := (*operation.Security)[0]["key"]
		want := openapi3.SecurityRequirements{{"key": scope}}
		if scope[0] != string(webhook.ScopeAdmin) {
			want = append(want, openapi3.SecurityRequirement{"key": {"admin"}, "account": {}})
		}
		assert.Equal(t, want, *operation.Security, name)
		always := []int{401, 403, 404, 500, 503}
		if name == "GET /metrics" { // which are no account's
			always = []int{401, 403, 500}
		}
		for _, status := range always {
			assert.NotNil(t, operation.Responses.Status(status), "%s: %d", name, status)
		}
		if operation.RequestBody != nil {
			for _, status := range []int{400, 413, 415, 422} {
				assert.NotNil(t, operation.Responses.Status(status), "%s: %d", name, status)
			}
		}
	})
}

func TestOpenAPIDescribesEverything(t *testing.T) {
	t.Parallel()
	document := parseDocument(t)
	operations(document, func(name string, operation *openapi3.Operation) {
		assert.NotEmpty(t, operation.OperationID, name)
		assert.NotEmpty(t, operation.Summary, name)
		assert.NotEmpty(t, operation.Description, name)
		assert.Len(t, operation.Tags, 1, name)
		for _, parameter := range operation.Parameters {
			describesParameter(t, name+" "+parameter.Value.Name, parameter.Value)
		}
		if operation.RequestBody != nil {
			assert.NotEmpty(t, operation.RequestBody.Value.Description, name)
			describesContent(t, name+" request", operation.RequestBody.Value.Content)
		}
		for status, response := range operation.Responses.Map() {
			at := name + " " + status
			assert.NotEmpty(t, *response.Value.Description, at)
			describesContent(t, at, response.Value.Content)
			for header, value := range response.Value.Headers {
				describesParameter(t, at+" "+header, &value.Value.Parameter)
			}
		}
	})
	for _, parameter := range document.Components.Parameters {
		describesParameter(t, parameter.Value.Name, parameter.Value)
	}
	for name, schema := range document.Components.Schemas {
		describesSchema(t, name, schema)
	}
	for name, scheme := range document.Components.SecuritySchemes {
		assert.NotEmpty(t, scheme.Value.Description, name)
	}
	for _, tag := range document.Tags {
		assert.NotEmpty(t, tag.Description, tag.Name)
	}
}

func describesParameter(t *testing.T, at string, parameter *openapi3.Parameter) {
	t.Helper()
	assert.NotEmpty(t, parameter.Description, at)
	assert.NotNil(t, parameter.Example, at)
}

func describesContent(t *testing.T, at string, content openapi3.Content) {
	t.Helper()
	for _, media := range content {
		assert.True(t, media.Example != nil || len(media.Examples) > 0, "%s has no example", at)
		for name, example := range media.Examples {
			assert.NotEmpty(t, example.Value.Summary, "%s: %s", at, name)
		}
	}
}

// describesSchema makes sure of a schema's description and, unless it is put together of others or one of them, of
// its example, and of those of its fields.
func describesSchema(t *testing.T, at string, schema *openapi3.SchemaRef) {
	t.Helper()
	value := schema.Value
	assert.NotEmpty(t, value.Description, at)
	if len(value.Properties) == 0 && len(value.AllOf) == 0 {
		assert.NotEmpty(t, value.Examples, at)
	}
	for name, property := range value.Properties {
		if property.Ref == "" { // else it is one of the components, and told there
			describesSchema(t, at+"."+name, property)
		}
	}
	for _, part := range value.AllOf {
		if part.Ref == "" {
			for name, property := range part.Value.Properties {
				describesSchema(t, at+"."+name, property)
			}
		}
	}
}

// The examples in schemas fit them. (Those of bodies, parameters and headers are checked as the document is read.)
func TestOpenAPIExamplesOfSchemas(t *testing.T) {
	t.Parallel()
	document, checked := parseDocument(t), 0
	for name, schema := range document.Components.Schemas {
		fields := map[string]*openapi3.SchemaRef{name: schema}
		for field, property := range schema.Value.Properties {
			fields[name+"."+field] = property
		}
		for at, field := range fields {
			for _, example := range field.Value.Examples {
				require.NoError(t, field.Value.VisitJSON(example, openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation()), at)
				checked++
			}
		}
	}
	require.Greater(t, checked, 100)
}

// The event of the examples is the catalogue's.
func TestOpenAPIExampleIsTheCatalogues(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../webhook/examples/call.ended.json")
	require.NoError(t, err)
	got, err := json.Marshal(parseDocument(t).Components.Examples["CallEnded"].Value.Value)
	require.NoError(t, err)
	require.JSONEq(t, string(text), string(got))
}

// The IDs in examples are ones that durahook could have made.
func TestOpenAPIExamplesHaveGoodIDs(t *testing.T) {
	t.Parallel()
	checked := 0
	eachText(t, parseDocument(t).Components.Examples, func(text string) {
		if prefix, _, isID := strings.Cut(text, "_01m8"); isID && !strings.Contains(prefix, "/") {
			require.NoError(t, webhook.CheckID(prefix, text))
			checked++
		}
	})
	require.Greater(t, checked, 20)
}

// eachText calls found with every text in a value, once it went through JSON.
func eachText(t *testing.T, value any, found func(string)) {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	var plain any
	require.NoError(t, json.Unmarshal(text, &plain))
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case string:
			found(node)
		case []any:
			for _, element := range node {
				walk(element)
			}
		case map[string]any:
			for _, element := range node {
				walk(element)
			}
		}
	}
	walk(plain)
}

// The page asks nothing of other sites and runs nothing.
func TestDocs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.send(http.MethodGet, "/docs", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, "text/html; charset=utf-8", a.header.Get("Content-Type"))
	require.Equal(t, 304, f.send(http.MethodGet, "/docs", "", "If-None-Match", a.header.Get("ETag")).status)
	page, err := goquery.NewDocumentFromReader(strings.NewReader(a.text))
	require.NoError(t, err)
	require.Equal(t, 1, page.Find("style").Length())
	sum := sha256.Sum256([]byte(page.Find("style").Text()))
	require.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; img-src data:; "+
		"form-action 'none'; frame-ancestors 'none'; base-uri 'none'", a.header.Get("Content-Security-Policy"))
	require.Equal(t, 0, page.Find("script, iframe, img, [style], [src], link:not([href='data:,'])").Length())

	operations(parseDocument(t), func(name string, operation *openapi3.Operation) {
		article := page.Find("article#" + operation.OperationID)
		require.Equal(t, operation.Summary, article.Find("h3").Text(), name)
		require.Equal(t, 2, page.Find("nav a[href='#"+operation.OperationID+"']").Length(), "wide and narrow")
	})
	page.Find("a[href^='#']").Each(func(_ int, link *goquery.Selection) {
		require.Equal(t, 1, page.Find(link.AttrOr("href", "")).Length(), link.AttrOr("href", ""))
	})
}

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a := f.send(http.MethodGet, "/v1/openapi.yaml", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, "application/yaml", a.header.Get("Content-Type"))
	require.Equal(t, string(api.OpenAPI()), a.text)
	tag := a.header.Get("ETag")
	require.Regexp(t, `^"[0-9a-f]{32}"$`, tag)
	for _, known := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		a := f.send(http.MethodGet, "/v1/openapi.yaml", "", "If-None-Match", known)
		require.Equal(t, 304, a.status, known)
		require.Empty(t, a.text)
	}
	require.Equal(t, 200, f.send(http.MethodGet, "/v1/openapi.yaml", "", "If-None-Match", `"other"`).status)
	require.Equal(t, a.text, f.send(http.MethodGet, "/v1/openapi.yaml", "", "Range", "bytes=0-9", "If-Match", `"other"`).text, "whole")
	head := f.send(http.MethodHead, "/v1/openapi.yaml", "")
	require.Equal(t, 200, head.status)
	require.Equal(t, fmt.Sprint(len(a.text)), head.header.Get("Content-Length"))
}
