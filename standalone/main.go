// Command standalone is durahook with everything it needs in one process: Temporal server, Temporal Web
// UI and Postgres. Without a subcommand it starts them all; it has every subcommand of durahook too.
package main

import (
	"context"
	"os"

	"github.com/durahook/durahook/internal/cli"
)

// commands are durahook's commands and the one that starts everything.
type commands struct {
	Start   startCommand   `cmd:"" group:"run" default:"withargs" help:"Start everything: Temporal, its Web UI, Postgres and durahook (the default)."`
	Backup  backupCommand  `cmd:"" group:"run" help:"Back everything up into one file, also while it runs."`
	Restore restoreCommand `cmd:"" group:"run" help:"Make a data directory of a backup."`
	cli.Commands

	Postgres       postgresCommand       `cmd:"" hidden:"" name:"__postgres"`
	Temporal       temporalCommand       `cmd:"" hidden:"" name:"__temporal"`
	Infrastructure infrastructureCommand `cmd:"" hidden:"" name:"__infrastructure"`
	Tethered       tetheredCommand       `cmd:"" hidden:"" name:"__tethered"`
}

func newCommands() *commands {
	return &commands{Commands: cli.Commands{Bench: cli.BenchCommand{Launch: launch}}}
}

func main() {
	os.Exit(cli.Main(context.Background(), programName, description, newCommands(), os.Args[1:], os.Stdout, os.Stderr))
}

// programName is what the program is called where it is built and released.
const programName = "durahook-standalone"

const description = cli.Description + " This program brings Temporal, its Web UI and Postgres along."
