// Package cli is durahook's command line: its commands, their flags and how mistakes are told. Both
// programs use it: durahook as it is, standalone with a command of its own on top.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"
)

// Description is what durahook says of itself.
const Description = "durahook sends webhooks that survive anything: each delivery is a durable Temporal workflow."

// Commands are the commands of durahook.
type Commands struct {
	Serve               ServeCommand               `cmd:"" help:"Serve the API and the console and work on deliveries, in one process."`
	API                 APICommand                 `cmd:"" name:"api" help:"Serve the API and the console only."`
	Worker              WorkerCommand              `cmd:"" help:"Work on deliveries only."`
	Migrate             MigrateCommand             `cmd:"" help:"Bring the database to this version."`
	RotateEncryptionKey RotateEncryptionKeyCommand `cmd:"" help:"Encrypt all secrets with another --encryption-key."`
	Listen              ListenCommand              `cmd:"" help:"Receive webhooks, for development: verify and print each."`
	Healthcheck         HealthcheckCommand         `cmd:"" help:"Ask a running durahook whether it is ready."`
	Version             VersionCommand             `cmd:"" help:"Print the version."`
}

// Main runs the command that args name out of commands (a pointer to a struct in the form of kong) and
// returns the exit status: 0 when it went well, 1 when it failed, 2 when the command line is wrong. Mistakes
// are told on stderr. SIGINT and SIGTERM end ctx; a second one ends the process at once.
func Main(ctx context.Context, name, description string, commands any, args []string, stdout, stderr io.Writer) int {
	exited := -1
	parser, err := newParser(name, description, commands, stdout, stderr, func(status int) { exited = status })
	if err != nil {
		return fail(stderr, name, err)
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // help was asked for
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %s\nRun \"%s --help\" to see what there is.\n", name, err, name)
		return 2
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal has its usual effect
	if err := command.Run(&Env{Ctx: ctx, Stdout: stdout, Stderr: stderr}); err != nil {
		return fail(stderr, name, err)
	}
	return 0
}

func newParser(name, description string, commands any, stdout, stderr io.Writer, exit func(int)) (*kong.Kong, error) {
	return kong.New(commands,
		kong.Name(name), kong.Description(description), kong.DefaultEnvars("DURAHOOK"),
		kong.Writers(stdout, stderr), kong.Exit(exit), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
}

func fail(stderr io.Writer, name string, err error) int {
	fmt.Fprintf(stderr, "%s: %s\n", name, err)
	return 1
}

// Flags lists the names of all flags of durahook's commands, sorted, each once.
func Flags() ([]string, error) {
	parser, err := newParser("durahook", "", new(Commands), io.Discard, io.Discard, func(int) {})
	if err != nil {
		return nil, fmt.Errorf("read the commands: %w", err)
	}
	var names []string
	for _, command := range parser.Model.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				names = append(names, flag.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
