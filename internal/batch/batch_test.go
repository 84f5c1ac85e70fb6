package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/batch"
)

const (
	takes  = 10 * time.Millisecond // what a batch takes here
	gather = 300 * time.Millisecond
)

// harness runs batches that multiply by ten, and keeps what they were made of.
type harness struct {
	*batch.Batcher[int, int]
	mu      sync.Mutex
	batches [][]int
	fail    func(in []int) error
}

func newHarness(options batch.Options[int]) *harness {
	h := new(harness)
	if options.Most == 0 {
		options.Most = 100
	}
	options.Timeout = time.Minute
	h.Batcher = batch.New(options, h.run)
	return h
}

func (h *harness) run(ctx context.Context, in []int) ([]int, error) {
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.batches = append(h.batches, slices.Clone(in))
	if h.fail != nil {
		if err := h.fail(in); err != nil {
			return nil, err
		}
	}
	out := make([]int, len(in))
	for i, n := range in {
		out[i] = 10 * n
	}
	return out, nil
}

// start does a call in the background and returns how to learn its end.
func (h *harness) start(ctx context.Context, in int) (result func() (int, error)) {
	var out int
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err = h.Do(ctx, in)
	}()
	synctest.Wait()
	return func() (int, error) {
		<-done
		return out, err
	}
}

func (h *harness) startAll(t *testing.T, in ...int) (wait func()) {
	t.Helper()
	var results []func() (int, error)
	for _, n := range in {
		results = append(results, h.start(t.Context(), n))
	}
	return func() {
		t.Helper()
		for i, result := range results {
			out, err := result()
			require.NoError(t, err)
			require.Equal(t, 10*in[i], out, "each gets its own result")
		}
	}
}

func TestWhatComesInMeanwhileIsTheNextBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, begun := newHarness(batch.Options[int]{}), time.Now()
		h.startAll(t, 1, 2, 3, 4)()
		require.Equal(t, [][]int{{1}, {2, 3, 4}}, h.batches)
		require.Equal(t, 2*takes, time.Since(begun))
	})
}

func TestNobodyWaitsWhenIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{Gather: gather})
		for n := range 5 {
			begun := time.Now()
			h.startAll(t, n)()
			require.Equal(t, takes, time.Since(begun))
		}
		require.Len(t, h.batches, 5)
	})
}

func TestOthersAreWaitedForUnderLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, begun := newHarness(batch.Options[int]{Gather: gather, Most: 4}), time.Now()
		h.startAll(t, 1, 2, 3, 4)() // the second batch holds several
		wait := h.startAll(t, 5, 6)
		<-time.After(gather / 2)
		waitToo := h.startAll(t, 7)
		wait()
		waitToo()
		require.Equal(t, [][]int{{1}, {2, 3, 4}, {5, 6, 7}}, h.batches)
		require.Equal(t, takes+takes+gather+takes, time.Since(begun))

		begun = time.Now()
		h.startAll(t, 1, 2, 3, 4)()
		require.Equal(t, takes, time.Since(begun), "a full batch doesn't wait")
		for _, waits := range []time.Duration{gather, gather, 0, 0} { // nobody comes along any more
			begun = time.Now()
			h.startAll(t, 5)()
			require.Equal(t, waits+takes, time.Since(begun))
		}
		h.startAll(t, 1, 2, 3, 4)()
		const late = 4 * gather
		<-time.After(late)
		begun = time.Now()
		h.startAll(t, 7)()
		require.Equal(t, takes, time.Since(begun), "nor does anybody wait who comes much later")
	})
}

// Two at the same moment are chance, and no reason to have the next one wait.
func TestAPairIsNoLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{Gather: gather})
		h.startAll(t, 1, 2)()
		h.startAll(t, 3)()
		h.startAll(t, 4, 5, 6)()
		require.Equal(t, [][]int{{1}, {2}, {3}, {4}, {5, 6}}, h.batches)
		begun := time.Now()
		h.startAll(t, 7)()
		require.Equal(t, takes, time.Since(begun))
	})
}

func TestBatchesHaveASizeAndKeysTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{
			Most: 3, Key: func(n int) string { return fmt.Sprint(n / 100) },
		})
		h.startAll(t, 1, 101, 102, 103, 104, 201, 301)()
		require.Equal(t, [][]int{{1}, {101, 201, 301}, {102, 103, 104}}, h.batches)
	})
}

func TestWhatIsTooHeavyIsDoneAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, begun := newHarness(batch.Options[int]{Most: 10, Weight: func(n int) int { return n }}), time.Now()
		h.startAll(t, 1, 11, 6, 5, 4)()
		require.ElementsMatch(t, [][]int{{1}, {11}, {6}, {5, 4}}, h.batches)
		require.Equal(t, 3*takes, time.Since(begun), "beside the batches")
	})
}

func TestACallerThatLeavesTakesWaitingWorkAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{})
		underWay, leave := context.WithCancel(t.Context())
		first, second, third := h.start(underWay, 1), h.start(underWay, 2), h.start(t.Context(), 3)
		leave()
		for _, result := range []func() (int, error){first, second} {
			_, err := result()
			require.ErrorIs(t, err, context.Canceled)
		}
		out, err := third()
		require.NoError(t, err)
		require.Equal(t, 30, out)
		require.Equal(t, [][]int{{1}, {3}}, h.batches, "what was under way is done, what waited is not")
		_, err = h.Do(underWay, 4)
		require.ErrorIs(t, err, context.Canceled)
		require.Len(t, h.batches, 2)
	})
}

var (
	errItem   = errors.New("this item is bad")
	errOutage = errors.New("nothing works")
)

func TestOneBadCallFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{Single: func(err error) bool { return errors.Is(err, errItem) }})
		h.fail = func(in []int) error {
			if slices.Contains(in, 3) {
				return errItem
			}
			return nil
		}
		wait := h.startAll(t, 1, 2)
		bad, others := h.start(t.Context(), 3), h.startAll(t, 4, 5)
		wait()
		others()
		_, err := bad()
		require.ErrorIs(t, err, errItem)
		require.Equal(t, [][]int{{1}, {2, 3, 4, 5}, {2}, {3}, {4}, {5}}, h.batches)
	})
}

func TestAnOutageIsEverybodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{Single: func(err error) bool { return errors.Is(err, errItem) }})
		h.fail = func(in []int) error {
			switch {
			case len(in) > 1 && len(h.batches) == 2:
				return errItem // and while the calls are done one by one, the outage begins
			case slices.Contains(in, 1), slices.Contains(in, 2):
				return nil
			}
			return errOutage
		}
		wait := h.startAll(t, 1)
		results := []func() (int, error){h.start(t.Context(), 2), h.start(t.Context(), 3), h.start(t.Context(), 4)}
		wait()
		out, err := results[0]()
		require.NoError(t, err)
		require.Equal(t, 20, out)
		for _, result := range results[1:] {
			_, err := result()
			require.ErrorIs(t, err, errOutage)
		}
		require.NotContains(t, h.batches, []int{4}, "nothing is tried for each of them")
	})
}

func TestAPanicIsTheErrorOfItsCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(batch.Options[int]{Most: 5, Weight: func(n int) int { return n }})
		h.fail = func(in []int) error {
			if slices.Contains(in, 3) || slices.Contains(in, 6) {
				panic("three")
			}
			return nil
		}
		wait := h.startAll(t, 1, 2)
		bad := []func() (int, error){h.start(t.Context(), 3), h.start(t.Context(), 6)}
		wait()
		for _, result := range bad {
			_, err := result()
			require.ErrorContains(t, err, "panic: three")
		}
	})
}

func TestABatchHasATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := batch.New(batch.Options[int]{Most: 10, Timeout: time.Hour}, func(ctx context.Context, _ []int) ([]int, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		_, err := b.Do(t.Context(), 1)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestResultsMustBeComplete(t *testing.T) {
	t.Parallel()
	b := batch.New(batch.Options[int]{Most: 1, Timeout: time.Minute}, func(context.Context, []int) ([]int, error) { return nil, nil })
	_, err := b.Do(t.Context(), 1)
	require.EqualError(t, err, "1 calls have 0 results")
}

// However many come in at the same time, and however many of them leave: each call is done at most once, and is
// done if its caller was told so.
func TestNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	const calls = 2000
	done := make([]atomic.Int64, calls)
	b := batch.New(batch.Options[int]{Most: 16, Timeout: time.Minute, Gather: time.Millisecond, Key: func(n int) string { return fmt.Sprint(n % 7) }},
		func(_ context.Context, in []int) ([]int, error) {
			for _, n := range in {
				done[n].Add(1)
			}
			return in, nil
		})
	var group sync.WaitGroup
	for n := range calls {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if n%3 == 0 {
				go cancel()
			}
			out, err := b.Do(ctx, n)
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			assert.Equal(t, n, out)
			assert.EqualValues(t, 1, done[n].Load())
		})
	}
	group.Wait()
	for n := range done {
		assert.LessOrEqual(t, done[n].Load(), int64(1))
	}
}
