package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/durahook/durahook/bench"
)

// BenchCommand has the benchmarks. Each is a struct of package bench whose fields are its flags.
type BenchCommand struct {
	benchSystem
	Output   string `short:"o" help:"text, or json: all figures." enum:"text,json" default:"text"`
	Profile  string `help:"Directory to write CPU profiles to, of durahook and of Temporal; with a system that is started for the benchmark." placeholder:"DIR"`
	NoSettle bool   `help:"Don't wait for Postgres's statistics, 11 s before and after; there are no transactions a delivery then."`

	Throughput benchmark[bench.Throughput, *bench.Throughput] `cmd:"" help:"Deliveries a second with many publishers."`
	Latency    benchmark[bench.Latency, *bench.Latency]       `cmd:"" help:"Time from publishing to the POST, at a given rate."`
	Isolation  benchmark[bench.Isolation, *bench.Isolation]   `cmd:"" help:"What a healthy endpoint suffers from a bad one of another account."`
	FanOut     benchmark[bench.FanOut, *bench.FanOut]         `cmd:"" help:"What a delivery costs when an event has many subscribers."`
	Console    benchmark[bench.Console, *bench.Console]       `cmd:"" help:"How long the pages of the console take with many deliveries."`
	Recovery   benchmark[bench.Recovery, *bench.Recovery]     `cmd:"" help:"How an endpoint that was down gets what it missed, and new events meanwhile."`
	Chaos      benchmark[bench.Chaos, *bench.Chaos]           `cmd:"" help:"Kill, freeze and cut off every part under load, and see that nothing is lost."`
	Outage     benchmark[bench.Outage, *bench.Outage]         `cmd:"" help:"What is published while Temporal is down, how it is delivered after it, and new events meanwhile."`
	Workers    benchmark[bench.Workers, *bench.Workers]       `cmd:"" help:"Deliveries a second with one, two and four worker processes."`
	Floor      benchmark[bench.Floor, *bench.Floor]           `cmd:"" help:"Deliveries a second beside bare workflows on the same Temporal."`

	// Launch starts a system to measure where no --server is named; nil in a program that cannot.
	Launch bench.Launch `kong:"-"`
}

// benchSystem says which system is measured. That is never taken from the environment: a benchmark is a heavy load.
type benchSystem struct {
	Server            string           `help:"Address of the durahook to measure, on this machine. It needs --allow-insecure-targets loopback." env:"-" placeholder:"URL" group:"server"`
	AdminKey          string           `help:"Its admin key. Better in the environment, where others don't see it." placeholder:"KEY" group:"server"`
	TemporalAddress   string           `help:"Address of its Temporal frontend, for the floor and histories." env:"-" placeholder:"HOST:PORT" group:"server"`
	TemporalNamespace string           `help:"Temporal namespace of its deliveries." default:"default" group:"server"`
	DatabaseURL       string           `name:"database-url" help:"Its database, for counting transactions." env:"-" placeholder:"URL" group:"server"`
	Process           map[string]int32 `help:"Processes whose CPU and memory are measured, by name: durahook=123;temporal=456." env:"-" placeholder:"NAME=PID" group:"server"`
}

// benchmark is the command of one benchmark.
type benchmark[T any, P interface {
	*T
	bench.Benchmark
}] struct {
	Flags T `embed:""`
}

// Run measures and prints what came out.
func (b *benchmark[T, P]) Run(env *Env, command *BenchCommand) error {
	return command.measure(env, P(&b.Flags))
}

// measure has a benchmark run against the system that the flags name, or one started for it.
func (c *BenchCommand) measure(env *Env, b bench.Benchmark) (err error) {
	setup, err := b.Setup()
	if err != nil {
		return err
	}
	setup.Profile = c.Profile
	progress := bench.NewProgress(env.Stderr)
	system, stop, err := c.system(env, setup, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	settle := bench.SettleTime
	if c.NoSettle {
		settle = 0
	}
	rig, err := bench.NewRig(env.Ctx, system, progress, settle)
	if err != nil {
		return err
	}
	report := bench.Report{
		Benchmark: strings.TrimPrefix(env.Command, "bench "), Command: commandLine(env), StartedAt: time.Now().UTC(), OwnSystem: system.Own,
	}
	report.Figures, err = b.Run(env.Ctx, rig)
	report.DurationS = time.Since(report.StartedAt).Seconds()
	report.Machine = rig.Machine(env.Ctx)
	if closed := rig.Close(env.Ctx); closed != nil {
		report.CleanUpErrors = strings.Split(closed.Error(), "\n")
	}
	if err != nil && !errors.Is(err, bench.ErrBroken) {
		return err
	}
	return errors.Join(c.print(env, report), err)
}

// system returns the system to measure and the function that ends it.
func (c *BenchCommand) system(env *Env, setup bench.Setup, progress *bench.Progress) (bench.System, func() error, error) {
	if c.Server == "" && c.Launch != nil {
		phase := progress.Phase("starting Postgres, Temporal and durahook", -1)
		defer phase.Done()
		return c.Launch(env.Ctx, setup)
	}
	server, err := url.Parse(c.Server)
	switch {
	case c.Server == "":
		return bench.System{}, nil, errors.New("--server is missing: say which durahook to measure. The all-in-one program starts one of its own: make run ARGS=\"bench …\"")
	case err != nil || server.Scheme != "http" || !isLoopback(server.Hostname()):
		return bench.System{}, nil, fmt.Errorf("--server: %q is not of the form http://127.0.0.1:PORT; deliveries arrive on this machine's loopback interface, so durahook has to run here", c.Server)
	case c.AdminKey == "":
		return bench.System{}, nil, errors.New("--admin-key (DURAHOOK_ADMIN_KEY) is missing: a benchmark makes accounts of its own")
	}
	if setup.Profile != "" {
		return bench.System{}, nil, errors.New("--profile: processes that run already can't be told to write one")
	}
	system := bench.System{
		Server: c.Server, AdminKey: c.AdminKey, TemporalAddress: c.TemporalAddress, TemporalNamespace: c.TemporalNamespace,
		DatabaseURL: c.DatabaseURL,
	}
	for _, name := range sortedKeys(c.Process) {
		system.Processes = append(system.Processes, bench.Process{Name: name, PID: c.Process[name]})
	}
	return system, func() error { return nil }, nil
}

func (c *BenchCommand) print(env *Env, report bench.Report) error {
	if c.Output == "text" {
		report.Show(bench.NewText(env.Stdout))
		return nil
	}
	encoder := json.NewEncoder(env.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

// commandLine is what was typed, without the secrets in it.
func commandLine(env *Env) string {
	words := []string{env.Program}
	secret := false
	for _, word := range env.Args {
		flag, _, assigned := strings.Cut(word, "=")
		isSecret := flag == "--admin-key" || flag == "--database-url"
		switch {
		case secret:
			word = "…"
		case isSecret && assigned:
			word = flag + "=…"
		}
		secret = isSecret && !assigned
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
