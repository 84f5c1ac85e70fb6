package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Isolation measures what a healthy endpoint has to suffer from the bad endpoint of another account: how long its
// deliveries take alone, and beside each kind of bad endpoint, in the same run.
type Isolation struct {
	Rate    float64       `help:"Events a second for the healthy endpoint." default:"20"`
	BadRate float64       `help:"Events a second for the bad endpoint." default:"20"`
	Burst   int           `help:"Events that the bad endpoint has to cope with before anything is measured." default:"200"`
	For     time.Duration `help:"How long to measure beside each, and alone in between." default:"15s"`
	Beside  []string      `help:"Kinds of bad endpoints: silent (never answers), slow (2 s), failing (500), trickling (a byte a second), waiting (many deliveries wait for their retries)." default:"silent,slow,failing,trickling,waiting"`
	Waiting int           `help:"How many deliveries wait for their retries, for the kind waiting." default:"10000"`
}

// waiting is the kind of bad endpoint whose deliveries have all failed and wait.
const waiting = "waiting"

// behaviours returns what each kind of bad endpoint does.
func behaviours() map[string]func(context.Context, http.ResponseWriter) {
	return map[string]func(context.Context, http.ResponseWriter){
		"silent": neverAnswers, "slow": answersSlowly, "failing": fails, "trickling": trickles, waiting: fails,
	}
}

// Setup checks the flags. Retries wait for longer than the measurement lasts: it is of deliveries that wait.
func (i *Isolation) Setup() (Setup, error) {
	const mostBurst, mostWaiting = 10_000, 200_000
	setup := Setup{RetrySchedule: "0s,1h,2h,12h"}
	if err := checkRate(i.Rate, i.For); err != nil {
		return setup, err
	}
	for _, kind := range i.Beside {
		if behaviours()[kind] == nil {
			return setup, fmt.Errorf("--beside: %q is not one of %s", kind, strings.Join(sortedKeys(behaviours()), ", "))
		}
	}
	switch {
	case i.BadRate <= 0 || i.BadRate > highestRate:
		return setup, fmt.Errorf("--bad-rate: %g is not more than 0 and at most %d", i.BadRate, highestRate)
	case i.Burst < 0 || i.Burst > mostBurst:
		return setup, fmt.Errorf("--burst: %d is not between 0 and %d", i.Burst, mostBurst)
	case i.Waiting < 1 || i.Waiting > mostWaiting:
		return setup, fmt.Errorf("--waiting: %d is not between 1 and %d", i.Waiting, mostWaiting)
	}
	return setup, nil
}

// Run measures alone, and then beside each kind and alone again.
func (i *Isolation) Run(ctx context.Context, rig *Rig) (Figures, error) {
	healthy, err := rig.newStream(ctx)
	if err != nil {
		return nil, err
	}
	if err := healthy.warmUp(ctx, 1); err != nil {
		return nil, err
	}
	stranger, err := rig.newAccount(ctx)
	if err != nil {
		return nil, err
	}
	f := IsolationFigures{Rate: i.Rate, BadRate: i.BadRate, Burst: i.Burst}
	alone := newLatencies()
	if err := i.alone(ctx, healthy, &f, alone); err != nil {
		return nil, err
	}
	for n, kind := range i.Beside {
		last := n == len(i.Beside)-1
		beside, err := i.beside(ctx, healthy, stranger, kind, last)
		if err != nil {
			return nil, fmt.Errorf("beside the endpoint %q: %w", kind, err)
		}
		f.Beside = append(f.Beside, beside)
		if last && kind == waiting {
			break // they still wait
		}
		if err := i.alone(ctx, healthy, &f, alone); err != nil {
			return nil, err
		}
	}
	f.compare(alone.percentile())
	return f, nil
}

// alone measures the healthy endpoint without a bad one, and adds to what was measured alone before.
func (i *Isolation) alone(ctx context.Context, healthy *stream, f *IsolationFigures, sum *latencies) error {
	if _, err := healthy.drip(ctx, i.Rate, i.For, "alone"); err != nil {
		return err
	}
	sum.merge(healthy.endpoint.latency)
	f.AlonePhases = append(f.AlonePhases, healthy.endpoint.latency.percentile())
	return nil
}

// beside measures the healthy endpoint beside a bad one, which is gone afterwards unless nothing is measured any more.
func (i *Isolation) beside(ctx context.Context, healthy *stream, stranger *account, kind string, last bool) (f BesideFigures, err error) {
	bad := newBadEndpoint(ctx, behaviours()[kind])
	defer bad.release()
	id, err := healthy.rig.newWebhook(ctx, stranger, healthy.rig.receiver.add(bad))
	if err != nil {
		return f, err
	}
	if err := i.prepare(ctx, healthy.rig, stranger, bad, kind); err != nil {
		return f, err
	}
	stop := i.disturb(ctx, stranger, kind)
	l, err := healthy.drip(ctx, i.Rate, i.For, "beside "+kind)
	stop()
	if err != nil {
		return f, err
	}
	used, err := usageOf(ctx, healthy.rig.System.Processes)
	if err != nil {
		return f, err
	}
	f = BesideFigures{
		Kind: kind, BadRequests: bad.count(), PublishToPost: healthy.endpoint.latency.percentile(),
		Missing: l.accepted - healthy.endpoint.count(), MemoryMB: megabytes(used.memory[Durahook]),
	}
	if last {
		return f, nil
	}
	return f, i.putAway(ctx, healthy.rig, stranger, bad, id)
}

// disturb has events come in for the bad endpoint until the returned function is called.
func (i *Isolation) disturb(ctx context.Context, stranger *account, kind string) (stop func()) {
	if kind == waiting {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		openLoop(ctx, stranger, i.BadRate, longestLoad, func(int, time.Duration) {})
	}()
	return func() {
		cancel()
		<-done
	}
}

// prepare gives a bad endpoint the burst, or as many deliveries as are to fail and wait, and waits until they have
// reached it, or no more do.
func (i *Isolation) prepare(ctx context.Context, rig *Rig, stranger *account, bad *badEndpoint, kind string) error {
	events, patience := i.Burst, 2*time.Second
	if kind == waiting {
		events, patience = i.Waiting, time.Minute
	}
	phase := rig.Progress.Phase("making trouble: "+kind, events)
	defer phase.Done()
	if err := stranger.publishMany(ctx, 1, events); err != nil {
		return err
	}
	if err := await(ctx, bad.count, events, patience, phase.Set); err != nil {
		return err
	}
	if n := bad.count(); kind == waiting && n < events {
		return fmt.Errorf("only %d of %d deliveries have been attempted; fewer (--waiting) may do", n, events)
	}
	return nil
}

// putAway deletes the webhook of a bad endpoint and waits until nothing of it is left, so that it doesn't reach into
// what is measured next.
func (i *Isolation) putAway(ctx context.Context, rig *Rig, stranger *account, bad *badEndpoint, webhookID string) error {
	const patience = 2 * time.Minute
	phase := rig.Progress.Phase("putting the bad endpoint away", -1)
	defer phase.Done()
	if _, err := answer(stranger.api.DeleteWebhook(ctx, webhookID)); err != nil {
		return fmt.Errorf("delete its webhook: %w", err)
	}
	bad.release()
	return stranger.awaitClosed(ctx, patience)
}

// IsolationFigures are what came out.
type IsolationFigures struct {
	Rate        float64         `json:"rate_per_s"`
	BadRate     float64         `json:"bad_rate_per_s"`
	Burst       int             `json:"bad_burst_events"`
	Alone       Percentile      `json:"publish_to_post_alone"`        // of all phases alone together
	AlonePhases []Percentile    `json:"publish_to_post_alone_phases"` // how much they differ is how much to make of a ratio
	Beside      []BesideFigures `json:"beside"`
}

// BesideFigures are those beside one kind of bad endpoint.
type BesideFigures struct {
	Kind          string     `json:"kind"`
	BadRequests   int        `json:"bad_requests"` // that had reached the bad endpoint in the end
	PublishToPost Percentile `json:"publish_to_post"`
	P50Ratio      float64    `json:"p50_ratio_to_alone"`
	P99Ratio      float64    `json:"p99_ratio_to_alone"`
	Missing       int        `json:"missing"`
	MemoryMB      float64    `json:"durahook_memory_mb,omitempty"`
}

// compare works out the ratios.
func (f *IsolationFigures) compare(alone Percentile) {
	f.Alone = alone
	for n := range f.Beside {
		beside := &f.Beside[n]
		beside.P50Ratio, beside.P99Ratio = ratio(beside.PublishToPost.P50, alone.P50), ratio(beside.PublishToPost.P99, alone.P99)
	}
}

// Show writes the figures for people.
func (f IsolationFigures) Show(out *Text) {
	out.Field("load", "%g events/s for the healthy endpoint, %g/s for the bad one after a burst of %d", f.Rate, f.BadRate, f.Burst)
	out.Section("publish to POST of the healthy endpoint")
	out.Field("alone", "%s", f.Alone)
	for _, beside := range f.Beside {
		out.Field("beside "+beside.Kind, "%s", beside.PublishToPost)
	}
	out.Section("ratio to alone")
	labels, values := []string{"alone"}, []float64{f.Alone.P99}
	for _, beside := range f.Beside {
		out.Field("beside "+beside.Kind, "p50 %.2f · p99 %.2f · %d requests to the bad endpoint · durahook at %.0f MB",
			beside.P50Ratio, beside.P99Ratio, beside.BadRequests, beside.MemoryMB)
		out.Warn(beside.Missing > 0, "missing", "%d have not arrived", beside.Missing)
		labels, values = append(labels, "beside "+beside.Kind), append(values, beside.PublishToPost.P99)
	}
	out.Bars("p99", "ms", labels, values)
	spread := make([]float64, len(f.AlonePhases))
	for i, phase := range f.AlonePhases {
		spread[i] = phase.P99
	}
	out.Field("noise", "p99 alone was between %s and %s in %d phases", inWords(slices.Min(spread)), inWords(slices.Max(spread)), len(spread))
}
