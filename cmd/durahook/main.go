// Command durahook delivers webhooks durably on Temporal. See README.md.
package main

import (
	"context"
	"os"

	"github.com/durahook/durahook/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), "durahook", cli.Description, new(cli.Commands), os.Args[1:], os.Stdout, os.Stderr))
}
