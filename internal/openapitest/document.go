package openapitest

import (
	"context"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Document is an OpenAPI document to hold answers against.
type Document struct {
	router  routers.Router
	problem *openapi3.SchemaRef // of what answers to requests that no operation is for
}

// Parse reads an OpenAPI document and returns an error unless it is valid, its examples included.
func Parse(ctx context.Context, text []byte) (*openapi3.T, error) {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return document, document.Validate(ctx, openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation())
}

// New returns the document in a text, which has to have a schema named Problem. Unlike readers of the document,
// who have to be ready for new fields in answers, it admits only those that the document knows.
func New(ctx context.Context, text []byte) (*Document, error) {
	document, err := Parse(ctx, text)
	if err != nil {
		return nil, err
	}
	for _, schema := range document.Components.Schemas {
		closeSchema(schema.Value)
	}
	document.Servers = nil // paths count, wherever the server of a test listens
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		return nil, err
	}
	return &Document{router: router, problem: document.Components.Schemas["Problem"]}, nil
}

// closeSchema makes an object refuse fields that it does not name. A schema that is put together of others is
// made one of its own first, since none of the others knows all fields.
func closeSchema(schema *openapi3.Schema) {
	for _, part := range schema.AllOf {
		if schema.Properties == nil {
			schema.Properties = make(openapi3.Schemas)
		}
		maps.Copy(schema.Properties, part.Value.Properties)
		schema.Required = slices.Concat(schema.Required, part.Value.Required)
	}
	schema.AllOf = nil
	if len(schema.Properties) > 0 && schema.AdditionalProperties.Has == nil {
		no := false
		schema.AdditionalProperties.Has = &no
	}
}
