package reference

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is what the page shows of an OpenAPI document. Unlike the libraries for OpenAPI it keeps the order in
// which things are written down.
type document struct {
	Info struct {
		Title       string `yaml:"title"`
		Summary     string `yaml:"summary"`
		Description string `yaml:"description"`
	} `yaml:"info"`
	Servers []struct {
		URL       string `yaml:"url"`
		Variables map[string]struct {
			Default string `yaml:"default"`
		} `yaml:"variables"`
	} `yaml:"servers"`
	Tags []struct {
		Name        string `yaml:"name"`
		Description string `yaml:"description"`
	} `yaml:"tags"`
	Paths      ordered[pathItem] `yaml:"paths"`
	Components struct {
		Parameters map[string]parameter `yaml:"parameters"`
		Headers    map[string]parameter `yaml:"headers"`
		Responses  map[string]response  `yaml:"responses"`
		Schemas    map[string]*schema   `yaml:"schemas"`
		Examples   map[string]example   `yaml:"examples"`
	} `yaml:"components"`
}

// ordered is a mapping in the order of the document.
type ordered[T any] []member[T]

type member[T any] struct {
	Name  string
	Value T
}

// UnmarshalYAML reads a mapping.
func (o *ordered[T]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a mapping", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		one := member[T]{Name: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&one.Value); err != nil {
			return err
		}
		*o = append(*o, one)
	}
	return nil
}

type pathItem struct {
	Parameters []parameter `yaml:"parameters"`
	Get        *operation  `yaml:"get"`
	Post       *operation  `yaml:"post"`
	Patch      *operation  `yaml:"patch"`
	Delete     *operation  `yaml:"delete"`
}

type operation struct {
	ID          string                `yaml:"operationId"`
	Tags        []string              `yaml:"tags"`
	Summary     string                `yaml:"summary"`
	Description string                `yaml:"description"`
	Security    []map[string][]string `yaml:"security"`
	Parameters  []parameter           `yaml:"parameters"`
	RequestBody *body                 `yaml:"requestBody"`
	Responses   ordered[response]     `yaml:"responses"`
}

type body struct {
	Description string           `yaml:"description"`
	Required    bool             `yaml:"required"`
	Content     ordered[content] `yaml:"content"`
}

type parameter struct {
	Ref         string    `yaml:"$ref"`
	Name        string    `yaml:"name"`
	In          string    `yaml:"in"`
	Required    bool      `yaml:"required"`
	Description string    `yaml:"description"`
	Schema      *schema   `yaml:"schema"`
	Example     yaml.Node `yaml:"example"`
}

type response struct {
	Ref         string             `yaml:"$ref"`
	Description string             `yaml:"description"`
	Headers     ordered[parameter] `yaml:"headers"`
	Content     ordered[content]   `yaml:"content"`
}

type content struct {
	Schema   *schema          `yaml:"schema"`
	Example  yaml.Node        `yaml:"example"`
	Examples ordered[example] `yaml:"examples"`
}

type example struct {
	Ref     string    `yaml:"$ref"`
	Summary string    `yaml:"summary"`
	Value   yaml.Node `yaml:"value"`
}

type schema struct {
	Ref         string           `yaml:"$ref"`
	Type        names            `yaml:"type"`
	Format      string           `yaml:"format"`
	Description string           `yaml:"description"`
	Enum        []string         `yaml:"enum"`
	Const       string           `yaml:"const"`
	Default     yaml.Node        `yaml:"default"`
	MaxLength   *int             `yaml:"maxLength"`
	MinItems    *int             `yaml:"minItems"`
	MaxItems    *int             `yaml:"maxItems"`
	Minimum     *float64         `yaml:"minimum"`
	Maximum     *float64         `yaml:"maximum"`
	Required    []string         `yaml:"required"`
	Properties  ordered[*schema] `yaml:"properties"`
	Items       *schema          `yaml:"items"`
	AllOf       []*schema        `yaml:"allOf"`
	OneOf       []*schema        `yaml:"oneOf"`
}

// names is one name or a list of them.
type names []string

// UnmarshalYAML reads a text or a list of texts.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = names{node.Value}
		return nil
	}
	return node.Decode((*[]string)(n))
}

// errAstray is what a reference to nothing gives.
var errAstray = errors.New("there is nothing that the reference leads to")

// resolve returns what a reference of the form #/components/kind/name leads to.
func resolve[T any](ref string, components map[string]T) (T, error) {
	found, ok := components[ref[strings.LastIndexByte(ref, '/')+1:]]
	if !ok {
		return found, fmt.Errorf("%s: %w", ref, errAstray)
	}
	return found, nil
}
