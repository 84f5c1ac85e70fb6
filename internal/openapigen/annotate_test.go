package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnnotate(t *testing.T) {
	t.Parallel()
	got, err := annotate([]byte(`# kept
openapi: 3.1.0
components:
  schemas:
    Thing:
      type: object
      properties:
        name: {type: string}
        properties:
          type: object
          additionalProperties: true
    Whole:
      allOf:
        - $ref: "#/components/schemas/Thing"
        - type: object
          properties: {at: {$ref: "#/components/schemas/Time"}}
  examples:
    Odd: {value: {properties: {a: {type: object, additionalProperties: true}}}}
`))
	require.NoError(t, err)
	require.Equal(t, `# kept
openapi: 3.1.0
components:
  schemas:
    Thing:
      type: object
      properties:
        name: {type: string, x-order: 1}
        properties:
          type: object
          additionalProperties: true
          x-go-type: json.RawMessage
          x-order: 2
    Whole:
      allOf:
        - $ref: "#/components/schemas/Thing"
        - type: object
          properties: {at: {$ref: "#/components/schemas/Time", x-order: 1001}}
  examples:
    Odd: {value: {properties: {a: {type: object, additionalProperties: true}}}}
`, string(got))
}

func TestRun(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	in, out, page := filepath.Join(directory, "in.yaml"), filepath.Join(directory, "out.yaml"), filepath.Join(directory, "page.html")
	require.ErrorContains(t, run([]string{in}), "usage")
	require.Error(t, run([]string{in, out, page}), "there is no document")
	require.NoError(t, os.WriteFile(in, []byte("components: ["), 0o600))
	require.Error(t, run([]string{in, out, page}))
	require.NoError(t, os.WriteFile(in, []byte("info: {title: Things}\n"), 0o600))
	require.NoError(t, run([]string{in, out, page}))
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "info: {title: Things}\n", string(text))
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(html), "<title>Things API</title>")
}
