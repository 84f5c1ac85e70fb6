package openapitest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/openapitest"
)

const document = `
openapi: 3.1.0
info: {title: Things, version: "1"}
servers: [{url: "{origin}", variables: {origin: {default: "http://127.0.0.1"}}}]
paths:
  /things:
    post:
      operationId: createThing
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Thing"}}}}
      responses:
        "201":
          description: Made.
          headers: {Retry-After: {required: true, schema: {type: integer}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/MadeThing"}}}
        "202": {description: It will be.}
        "204": {description: Nothing to say.}
components:
  schemas:
    Thing: {type: object, required: [name], properties: {name: {type: string}}}
    MadeThing:
      allOf:
        - $ref: "#/components/schemas/Thing"
        - {type: object, required: [at], properties: {at: {type: [string, "null"], format: date-time}}}
    Problem: {type: object, required: [code], properties: {code: {type: string}}}
`

// answered is a request with what a handler makes of it.
type answered struct {
	method, path, request string
	status                int
	contentType, body     string
	header                map[string]string
}

func TestHandler(t *testing.T) {
	t.Parallel()
	d, err := openapitest.New(t.Context(), []byte(document))
	require.NoError(t, err)
	const thing, jsonType, problem = `{"name":"x","at":null}`, "application/json", "application/problem+json"
	retry := map[string]string{"Retry-After": "5"}
	for name, scenario := range map[string]struct {
		answered
		wrong string // what the report says; empty for no report
	}{
		"good":                {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, thing, retry}, ""},
		"no body":             {answered{"POST", "/things", `{"name":"x"}`, 204, "", "", nil}, ""},
		"a body all the same": {answered{"POST", "/things", `{"name":"x"}`, 202, jsonType, thing, nil}, "the document has none"},
		"another status":      {answered{"POST", "/things", `{"name":"x"}`, 418, problem, `{"code":"teapot"}`, nil}, "status is not documented"},
		"another type":        {answered{"POST", "/things", `{"name":"x"}`, 201, "text/plain", thing, retry}, "Content-Type"},
		"a wrong type":        {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, `{"name":7,"at":null}`, retry}, "at '/name'"},
		"a wrong format":      {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, `{"name":"x","at":"noon"}`, retry}, "at '/at'"},
		"a field that lacks":  {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, `{"name":"x"}`, retry}, "at"},
		"a field too many":    {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, `{"name":"x","at":null,"secret":1}`, retry}, "secret"},
		"a header that lacks": {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, thing, nil}, `"Retry-After" missing`},
		"a header too many": {
			answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, thing, map[string]string{"Retry-After": "5", "X-Odd": "1"}}, "X-Odd is not documented",
		},
		"a wrong header":  {answered{"POST", "/things", `{"name":"x"}`, 201, jsonType, thing, map[string]string{"Retry-After": "soon"}}, "Retry-After"},
		"a wrong request": {answered{"POST", "/things", `{"nome":"x"}`, 201, jsonType, thing, retry}, "the request was taken"},
		"nowhere":         {answered{"GET", "/nowhere", "", 404, problem, `{"code":"not_found"}`, nil}, ""},
		"nowhere, found":  {answered{"GET", "/nowhere", "", 200, jsonType, thing, nil}, "is to be answered with 404"},
		"no problem":      {answered{"GET", "/nowhere", "", 404, problem, `{"detail":"?"}`, nil}, "code"},
		"another method":  {answered{"GET", "/things", "", 405, problem, `{"code":"method_not_allowed"}`, nil}, ""},
		"a path to clean": {answered{"GET", "/x/../things", "", 301, "", "", map[string]string{"Location": "/things"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reports []string
			handler := d.Handler(scenario.handler(t), func(err error) { reports = append(reports, err.Error()) })
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), scenario.method, scenario.path, strings.NewReader(scenario.request)))
			require.Equal(t, scenario.status, recorder.Code, "the answer comes through")
			require.Equal(t, scenario.body, recorder.Body.String())
			if scenario.wrong == "" {
				require.Empty(t, reports)
				return
			}
			require.Len(t, reports, 1)
			require.Contains(t, reports[0], scenario.wrong)
		})
	}
}

func (a answered) handler(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, a.request, string(read))
		for name, value := range a.header {
			w.Header().Set(name, value)
		}
		if a.contentType != "" {
			w.Header().Set("Content-Type", a.contentType)
		}
		w.WriteHeader(a.status)
		if a.body != "" {
			_, err = io.WriteString(w, a.body)
			assert.NoError(t, err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string][2]string{
		"no document":        {document, "openapi: ["},
		"no title":           {"title: Things, ", ""},
		"a reference astray": {"schemas/MadeThing", "schemas/Nothing"},
		"a wrong example":    {"{application/json: {schema: {$ref: \"#/components/schemas/Thing\"}}}}", "{application/json: {example: 7, schema: {$ref: \"#/components/schemas/Thing\"}}}}"},
	} {
		require.Contains(t, document, replace[0])
		_, err := openapitest.Parse(t.Context(), []byte(strings.Replace(document, replace[0], replace[1], 1)))
		require.Error(t, err, name)
	}
}
