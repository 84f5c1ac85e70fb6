// Package batch has calls that come in together done together, as one statement for many rows. A call that comes
// in while nothing is under way is done at once; those that come in while a batch is being done are the next one. So
// batches grow with the load, and an idle process waits for nothing. It imports nothing of ours.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Options say how large batches become and how often they are done.
type Options[In any] struct {
	// Most is how much a batch may weigh. A call that weighs more by itself is done alone, beside the batches, so that
	// nobody waits for it.
	Most int
	// Weight is what a call weighs; nil for 1 each.
	Weight func(In) int
	// Key says whose a call is: where more comes in than fits in a batch, all keys get the same share. Nil for one key.
	Key func(In) string
	// Gather is how long calls are waited for while batches hold several, unless the next one is full before that.
	// So what comes in one at a time doesn't wait, nor what comes in after a while without any: two calls that come together
	// now and then would wait for nobody.
	Gather time.Duration
	// Timeout is what a batch may take.
	Timeout time.Duration
	// Single reports whether an error may be the fault of a single call, such as a constraint that its row violates.
	// Then each call of the batch is done by itself, and only those fail that must. Nil for never.
	Single func(error) bool
}

// Batcher does calls in batches. It is safe for concurrent use and has nothing to close: it holds a goroutine only
// while there is something to do.
type Batcher[In, Out any] struct {
	run     func(ctx context.Context, in []In) ([]Out, error)
	options Options[In]

	mu      sync.Mutex
	waiting queue[*call[In, Out]]
	working bool
	size    float64       // of the last batches, the last one counting half
	done    time.Time     // when the last one was
	full    chan struct{} // closed when what waits fills a batch; nil unless somebody waits for that
}

// call is what came in, and what became of it.
type call[In, Out any] struct {
	in   In
	out  Out
	err  error
	done chan struct{} // closed when out and err are set
}

// New returns a batcher that does batches by run: all calls of one, or none of them. Run returns a result for each
// call, in their order. Its context is nobody's but the batch's, for no caller is to give up the calls of others.
func New[In, Out any](options Options[In], run func(ctx context.Context, in []In) ([]Out, error)) *Batcher[In, Out] {
	if options.Weight == nil {
		options.Weight = func(In) int { return 1 }
	}
	if options.Key == nil {
		options.Key = func(In) string { return "" }
	}
	if options.Single == nil {
		options.Single = func(error) bool { return false }
	}
	return &Batcher[In, Out]{run: run, options: options}
}

// Do does a call, with others that come in at the same time, and returns its result. When ctx ends, so does Do: a
// call that was still waiting is not done at all then, and one that is under way is done without its caller.
func (b *Batcher[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	var none Out
	if err := ctx.Err(); err != nil {
		return none, err
	}
	weight := b.options.Weight(in)
	if weight > b.options.Most {
		out, err := b.runContained(ctx, []In{in})
		if err != nil {
			return none, err
		}
		return out[0], nil
	}
	c := &call[In, Out]{in: in, done: make(chan struct{})}
	b.add(c, weight)
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		b.waiting.remove(b.options.Key(in), c)
		return none, ctx.Err()
	}
}

// add has a call wait for the next batch, and sees to it that there is one.
func (b *Batcher[In, Out]) add(c *call[In, Out], weight int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting.push(b.options.Key(c.in), c, weight)
	if b.full != nil && b.waiting.weight >= b.options.Most {
		close(b.full)
		b.full = nil
	}
	if !b.working {
		b.working = true
		go b.work()
	}
}

// Others are likely to come when the last batches held busySize calls on average, and each was begun within busyGaps times
// Gather after the one before. A batch of two once in a while is chance.
const (
	busySize = 1.75
	busyGaps = 4
)

// work does batches until nothing waits.
func (b *Batcher[In, Out]) work() {
	for since := time.Now(); ; {
		more, busy := b.look()
		if !more {
			return
		}
		if busy {
			b.pause(time.Until(since.Add(b.options.Gather)))
		}
		since = time.Now()
		if calls := b.take(); len(calls) > 0 {
			b.do(calls)
		}
		b.mu.Lock()
		b.done = time.Now()
		b.mu.Unlock()
	}
}

// follows reports whether the next batch is close behind the last one.
func (b *Batcher[In, Out]) follows() bool { return time.Since(b.done) < busyGaps*b.options.Gather }

// look reports whether there is more to do, or else the work is over, and whether others are likely to come.
func (b *Batcher[In, Out]) look() (more, busy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.working = len(b.waiting.keys) > 0
	return b.working, b.size >= busySize && b.follows()
}

// take returns the next batch.
func (b *Batcher[In, Out]) take() []*call[In, Out] {
	b.mu.Lock()
	defer b.mu.Unlock()
	calls := b.waiting.take(b.options.Most)
	if !b.follows() {
		b.size = 0
	}
	b.size = (b.size + float64(len(calls))) / 2
	return calls
}

// pause waits for a time, or until what waits fills a batch.
func (b *Batcher[In, Out]) pause(rest time.Duration) {
	if rest <= 0 {
		return
	}
	b.mu.Lock()
	if b.waiting.weight >= b.options.Most {
		b.mu.Unlock()
		return
	}
	full := make(chan struct{})
	b.full = full
	b.mu.Unlock()
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-full:
	case <-timer.C:
		b.mu.Lock()
		b.full = nil
		b.mu.Unlock()
	}
}

// do does a batch: together and, if that fails by the fault of one, each call by itself.
func (b *Batcher[In, Out]) do(calls []*call[In, Out]) {
	err := b.together(calls)
	if err == nil {
		return
	}
	if len(calls) == 1 || !b.single(err) {
		finish(calls, err)
		return
	}
	for i := range calls {
		switch err := b.together(calls[i : i+1]); {
		case err == nil:
		case b.single(err):
			finish(calls[i:i+1], err)
		default: // it would hit the others as well
			finish(calls[i:], err)
			return
		}
	}
}

// together does calls at once and hands out the results. When it fails, nothing is handed out.
func (b *Batcher[In, Out]) together(calls []*call[In, Out]) error {
	in := make([]In, len(calls))
	for i, c := range calls {
		in[i] = c.in
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.options.Timeout) //nolint:forbidigo // a batch is no single caller's
	defer cancel()
	out, err := b.runContained(ctx, in)
	if err != nil {
		return withCause(ctx, err)
	}
	for i, c := range calls {
		c.out = out[i]
		close(c.done)
	}
	return nil
}

// withCause says that the time was over if that is why a batch failed, however the error words it.
func withCause(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

func finish[In, Out any](calls []*call[In, Out], err error) {
	for _, c := range calls {
		c.err = err
		close(c.done)
	}
}

var errPanic = errors.New("panic")

func (b *Batcher[In, Out]) single(err error) bool {
	return errors.Is(err, errPanic) || b.options.Single(err)
}

// runContained makes an error of a panic, which would otherwise end the process, being nobody's request.
func (b *Batcher[In, Out]) runContained(ctx context.Context, in []In) (out []Out, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	out, err = b.run(ctx, in)
	if err == nil && len(out) != len(in) {
		err = fmt.Errorf("%d calls have %d results", len(in), len(out))
	}
	return out, err
}
