// Package cli is durahook's command line: its commands, their flags and how mistakes are told. Both
// programs use it: durahook as it is, standalone with a command of its own on top.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/durahook/durahook/internal/terminal"
)

// Description is what durahook says of itself.
const Description = "durahook sends webhooks that survive anything: each delivery is a durable Temporal workflow."

// Commands are the commands of durahook.
type Commands struct {
	Serve               ServeCommand               `cmd:"" group:"run" help:"Serve the API and the console and work on deliveries, in one process."`
	API                 APICommand                 `cmd:"" group:"run" name:"api" help:"Serve the API and the console only."`
	Worker              WorkerCommand              `cmd:"" group:"run" help:"Work on deliveries only."`
	Migrate             MigrateCommand             `cmd:"" group:"run" help:"Bring the database to this version."`
	RotateEncryptionKey RotateEncryptionKeyCommand `cmd:"" group:"run" help:"Encrypt all secrets with another --encryption-key."`
	Healthcheck         HealthcheckCommand         `cmd:"" group:"run" help:"Ask a running durahook whether it is ready."`

	Events     EventsCommand     `cmd:"" group:"use" help:"Publish events and look at them."`
	Webhooks   WebhooksCommand   `cmd:"" group:"use" help:"Create, change, test and recover webhooks."`
	Deliveries DeliveriesCommand `cmd:"" group:"use" help:"List, retry, cancel and watch deliveries."`
	Recoveries RecoveriesCommand `cmd:"" group:"use" help:"See how recoveries of webhooks get on."`
	Erase      EraseCommand      `cmd:"" group:"use" help:"Erase a person's data."`
	Erasures   ErasuresCommand   `cmd:"" group:"use" help:"See what was erased."`
	EventTypes EventTypesCommand `cmd:"" group:"use" help:"Look at the catalogue and add to it."`
	Keys       KeysCommand       `cmd:"" group:"use" help:"Create, list and revoke API keys."`
	Accounts   AccountsCommand   `cmd:"" group:"use" help:"Create and list accounts."`
	Alerts     AlertsCommand     `cmd:"" group:"use" help:"Say where people are alerted, and test it."`

	Listen ListenCommand `cmd:"" group:"develop" help:"Receive webhooks, for development: verify and print each."`
	Bench  BenchCommand  `cmd:"" group:"develop" help:"Measure a durahook: deliveries a second, how long they take, what they cost."`

	Completion CompletionCommand `cmd:"" group:"more" help:"Print a script that makes a shell complete commands and flags."`
	Version    VersionCommand    `cmd:"" group:"more" help:"Print the version."`
	Complete   CompleteCommand   `cmd:"" group:"more" name:"__complete" hidden:"" passthrough:""`
}

// groups are what the help calls the groups of commands and flags.
func groups() kong.Option {
	return kong.ExplicitGroups([]kong.Group{
		{Key: "run", Title: "Run:"},
		{Key: useGroup, Title: "Use, over the API:"},
		{Key: "develop", Title: "Develop:"},
		{Key: "more", Title: "More:"},
		{Key: "authentication", Title: "How its requests are authenticated:"},
		{Key: "server", Title: "The server:"},
	})
}

// useGroup is the group of the commands that ask a running durahook.
const useGroup = "use"

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
	err = command.Run(&Env{
		Ctx: ctx, Stdin: os.Stdin, Stdout: stdout, Stderr: stderr,
		Interactive: terminal.Is(os.Stdin) && stderr == os.Stderr && terminal.Is(os.Stderr), Flags: flagsIn(command.Selected()),
		Program: name, Command: command.Command(), Args: args,
	})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		const interrupted = 130 // as of a program that SIGINT ends
		return interrupted
	}
	return fail(stderr, name, err)
}

func newParser(name, description string, commands any, stdout, stderr io.Writer, exit func(int)) (*kong.Kong, error) {
	return kong.New(commands,
		kong.Name(name), kong.Description(description), groups(), variables(),
		kong.Writers(stdout, stderr), kong.Exit(exit), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
}

// variables makes every flag an environment variable too, but not those of commands that ask a running
// durahook: what those want is said with each request, and the DURAHOOK_SECRET of "listen" must not become the
// secret of a webhook. They have variables only where their tags say so.
func variables() kong.Option {
	var exempt func(node *kong.Node)
	exempt = func(node *kong.Node) {
		group := node.ClosestGroup()
		for _, flag := range node.Flags {
			if group != nil && group.Key == useGroup && len(flag.Envs) == 0 {
				flag.Envs = []string{"-"}
			}
		}
		for _, child := range node.Children {
			exempt(child)
		}
	}
	return kong.OptionFunc(func(k *kong.Kong) error {
		own := kong.PostBuild(func(k *kong.Kong) error {
			exempt(k.Model.Node)
			return nil
		})
		return errors.Join(own.Apply(k), kong.DefaultEnvars("DURAHOOK").Apply(k))
	})
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
		names = append(names, flagsIn(command)...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// flagsIn returns the names of a command's flags.
func flagsIn(command *kong.Node) (names []string) {
	if command == nil {
		return nil
	}
	for _, group := range command.AllFlags(false) {
		for _, flag := range group {
			names = append(names, flag.Name)
		}
	}
	return names
}
