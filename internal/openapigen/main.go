// Command openapigen makes two things of api/openapi.yaml: the document with what oapi-codegen needs to know and
// readers need not, and the page at /docs. "make generate" calls it.
package main

import (
	"fmt"
	"os"

	"github.com/durahook/durahook/internal/reference"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openapigen:", err)
		os.Exit(1)
	}
}

// run reads the document at the first path and writes the annotated one to the second, the page to the third.
func run(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("usage: openapigen <document> <annotated document> <page>")
	}
	document, err := os.ReadFile(arguments[0]) //nolint:gosec // G703: whoever calls a tool names its files
	if err != nil {
		return err
	}
	annotated, err := annotate(document)
	if err != nil {
		return err
	}
	if err := os.WriteFile(arguments[1], annotated, 0o600); err != nil { //nolint:gosec // G703: as above
		return err
	}
	page, err := reference.Render(document)
	if err != nil {
		return err
	}
	return os.WriteFile(arguments[2], page, 0o644) //nolint:gosec // G306, G703: it is part of the source
}
