package reference

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// jsonOf returns a YAML value as JSON, its fields in the order in which they are written down. What fits on a short
// line stays on one.
func jsonOf(node *yaml.Node) (string, error) {
	var text strings.Builder
	err := writeJSON(&text, node, "")
	return text.String(), err
}

const longestLine = 72

func writeJSON(text *strings.Builder, node *yaml.Node, indent string) error {
	var opening, closing string
	step := 1
	switch node.Kind {
	case yaml.MappingNode:
		opening, closing, step = "{", "}", 2
	case yaml.SequenceNode:
		opening, closing = "[", "]"
	case yaml.AliasNode:
		return writeJSON(text, node.Alias, indent)
	default:
		return writeScalar(text, node)
	}
	separator, inner, end := ",\n"+indent+"  ", "\n"+indent+"  ", "\n"+indent
	if isShort(node) {
		separator, inner, end = ", ", "", ""
	}
	text.WriteString(opening)
	for i := 0; i < len(node.Content); i += step {
		if i > 0 {
			text.WriteString(separator)
		} else {
			text.WriteString(inner)
		}
		if step == 2 {
			if err := writeScalar(text, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: node.Content[i].Value}); err != nil {
				return err
			}
			text.WriteString(": ")
		}
		if err := writeJSON(text, node.Content[i+step-1], indent+"  "); err != nil {
			return err
		}
	}
	if len(node.Content) > 0 {
		text.WriteString(end)
	}
	text.WriteString(closing)
	return nil
}

// isShort reports whether a list or an object fits on a line and has nothing but texts and the like in it.
func isShort(node *yaml.Node) bool {
	length := 0
	for _, one := range node.Content {
		length += len(one.Value) + len(`"": `)
		if one.Kind != yaml.ScalarNode && len(one.Content) > 0 {
			return false
		}
	}
	return length <= longestLine
}

func writeScalar(text *strings.Builder, node *yaml.Node) error {
	var value any
	if node.ShortTag() == "!!timestamp" { // JSON has none
		node = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: node.Value}
	}
	if err := node.Decode(&value); err != nil {
		return err
	}
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	text.WriteString(strings.TrimSuffix(line.String(), "\n"))
	return nil
}
