// Package bench measures a durahook: how many deliveries a second it makes, how long they take, what they cost,
// and whether one endpoint hurts another. It publishes over the API as any client does, receives on the loopback
// interface, and reads what everything cost from the operating system, durahook's metrics, Postgres and Temporal.
//
// A benchmark is a file of this package: a struct with its flags that implements [Benchmark], and its figures, which
// implement [Figures]. The command line names it in a field of its own. The package imports the API's client and the
// Temporal SDK, never the Temporal server: starting a system of one's own is for others, see [Launch].
package bench

import (
	"context"
	"time"
)

// Benchmark is one kind of measurement. Its fields are the flags of its command.
type Benchmark interface {
	// Setup says how a system has to be that is started for this benchmark alone. It fails when the flags are wrong.
	Setup() (Setup, error)
	// Run measures and returns what came out. It leaves nothing running and gives up when ctx is done.
	Run(ctx context.Context, rig *Rig) (Figures, error)
}

// Figures are what came out of a benchmark. They are encoded as JSON as they are, with units in the names.
type Figures interface {
	// Show writes the figures for people.
	Show(out *Text)
}

// Setup is what a benchmark wants of a system that is started for it. The zero value wants nothing in particular.
type Setup struct {
	RetrySchedule string // as of the flag --retry-schedule; empty for the default
	Apart         bool   // every part in a process of its own, which can be made to fail
	Workers       int    // how many worker processes, when apart; 0 for one
	Disk          bool   // Postgres on a disk of its own, which can be filled, where that is possible
	Profile       string // directory that its processes write CPU profiles to; empty for none
}

// System is a running durahook with what it stands on.
type System struct {
	Server            string // address of the API, such as http://127.0.0.1:8080
	AdminKey          string
	TemporalAddress   string // HOST:PORT of the frontend; empty when it is not to be asked
	TemporalNamespace string
	DatabaseURL       string    // of durahook's database; empty when it is not to be asked
	Processes         []Process // whose CPU and memory are measured; durahook's is found without when there is none
	Parts             []Part    // in the order in which they are started; only of a system that was started apart
	Links             []Link    // between them
	Disk              Disk      // of Postgres; nil where it cannot be filled
	Own               bool      // started for the benchmark, with a database that may be filled at will
}

// Launch starts a system for a benchmark and returns it with the function that ends it and removes its data.
type Launch func(ctx context.Context, setup Setup) (System, func() error, error)

// Report is everything there is to say about one run of a benchmark.
type Report struct {
	Benchmark     string    `json:"benchmark"`
	Command       string    `json:"command"`
	StartedAt     time.Time `json:"started_at"`
	DurationS     float64   `json:"duration_s"`
	OwnSystem     bool      `json:"own_system"` // started for the benchmark alone
	Machine       Machine   `json:"machine"`
	Figures       Figures   `json:"figures"`
	CleanUpErrors []string  `json:"clean_up_errors,omitempty"`
}

// Show writes the report for people.
func (r Report) Show(out *Text) {
	out.Heading(r.Benchmark)
	r.Figures.Show(out)
	r.Machine.show(out)
	out.Field("command", "%s", r.Command)
	for _, problem := range r.CleanUpErrors {
		out.Field("left behind", "%s", problem)
	}
}
