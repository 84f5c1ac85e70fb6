package main

import (
	"bytes"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// partSize is how far apart the fields of two parts of an allOf are numbered; none has as many.
const partSize = 1000

// annotate adds to an OpenAPI document the order of fields (x-order), which answers are to keep, and the Go
// type of objects that may have any fields: their JSON as it is, since a map would lose its order.
func annotate(document []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(document, &root); err != nil {
		return nil, err
	}
	for _, name := range []string{"paths", "components"} {
		if part := member(root.Content[0], name); part != nil {
			annotateAll(part, 0)
		}
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(&root); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}

// annotateAll goes through a node and everything in it. offset is added to the numbers of its own fields.
func annotateAll(node *yaml.Node, offset int) {
	if node.Kind == yaml.SequenceNode {
		for _, element := range node.Content {
			annotateAll(element, 0)
		}
		return
	}
	if isFreeObject(node) {
		set(node, "x-go-type", "json.RawMessage", "!!str")
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i].Value, node.Content[i+1]
		switch {
		case isProse(name):
			continue
		case name == "properties" && value.Kind == yaml.MappingNode:
			for j := 1; j < len(value.Content); j += 2 {
				annotateAll(value.Content[j], 0)
				set(value.Content[j], "x-order", strconv.Itoa(offset+(j+1)/2), "!!int")
			}
		case name == "allOf":
			for j, part := range value.Content {
				annotateAll(part, j*partSize)
			}
		default:
			annotateAll(value, 0)
		}
	}
}

// isProse reports whether a field holds data that only looks like a schema.
func isProse(name string) bool {
	return name == "example" || name == "examples" || name == "default"
}

// isFreeObject reports whether a schema is one of an object of whatever fields.
func isFreeObject(schema *yaml.Node) bool {
	if schema.Kind != yaml.MappingNode || member(schema, "properties") != nil {
		return false
	}
	additional := member(schema, "additionalProperties")
	return additional != nil && additional.Value == "true"
}

func member(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func set(mapping *yaml.Node, name, value, tag string) {
	mapping.Content = append(mapping.Content,
		&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name},
		&yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value})
}
