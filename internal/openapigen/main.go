// Command openapigen prepares api/openapi.yaml for oapi-codegen: it writes the document with what Go needs to
// know and readers of the document need not. "make generate" calls it.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openapigen:", err)
		os.Exit(1)
	}
}

// run reads the document at the first path and writes the annotated one to the second.
func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: openapigen <document> <annotated document>")
	}
	document, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	annotated, err := annotate(document)
	if err != nil {
		return err
	}
	return os.WriteFile(arguments[1], annotated, 0o600)
}
