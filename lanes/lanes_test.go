package lanes_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/lanes"
)

const (
	account = "acc_1"
	ofNew   = 4  // attempts of a webhook that has not answered yet may be in the fast lane
	ofQuick = 64 // attempts of one that has answered quickly
)

// harness is a tracker with deliveries that have names of their own.
type harness struct {
	lanes.Tracker
	t    *testing.T
	made int
}

func (h *harness) choose(account, webhook string) (lanes.Choice, string) {
	h.made++
	id := fmt.Sprintf("dlv_%d", h.made)
	return h.Choose(account, webhook, id), id
}

func (h *harness) fast(account, webhook string) string {
	h.t.Helper()
	choice, id := h.choose(account, webhook)
	require.Equal(h.t, lanes.Choice{Lane: lanes.Fast}, choice)
	return id
}

func (h *harness) queued(account, webhook string, slow bool, why string) {
	h.t.Helper()
	require.Equal(h.t, lanes.Queued, h.Likely(account, webhook))
	choice, _ := h.choose(account, webhook)
	require.Equal(h.t, lanes.Choice{Lane: lanes.Queued, Slow: slow, Why: why}, choice)
}

// request makes one to a webhook.
func (h *harness) request(webhook string, took time.Duration) {
	h.made++
	end := h.Begin(webhook, fmt.Sprintf("dlv_%d", h.made))
	<-time.After(took)
	end()
}

func (h *harness) prove(webhooks ...string) {
	for _, w := range webhooks {
		h.request(w, time.Millisecond)
	}
}

// with runs a test by a clock of its own.
func with(t *testing.T, test func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(&harness{t: t}) })
}

const (
	slow     = "its endpoint has been slow of late"
	unproven = "its endpoint has not answered yet, and requests are in flight"
	crowded  = "many requests to its endpoint are in flight"
)

// A burst is not let through as a whole before the first request has begun.
func TestChoosingKeepsAPlace(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		h.prove("whk_1")
		var ids []string
		for range ofQuick {
			ids = append(ids, h.fast(account, "whk_1"))
		}
		h.queued(account, "whk_1", false, crowded)
		h.fast(account, "whk_2")
		h.Release("whk_1", ids[0])
		h.fast(account, "whk_1")
		h.queued(account, "whk_1", false, crowded)

		h.Begin("whk_1", ids[1])()
		h.fast(account, "whk_1")
		end := h.Begin("whk_1", ids[2])
		h.Release("whk_1", ids[2])
		h.queued(account, "whk_1", false, crowded) // what has begun keeps its place
		end()
		h.fast(account, "whk_1")
	})
}

func TestPlacesOfAttemptsThatDoNotBeginComeBack(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		for range ofNew {
			h.fast(account, "whk_1")
		}
		h.queued(account, "whk_1", true, unproven)
		<-time.After(16 * time.Second)
		for range ofNew {
			h.fast(account, "whk_1")
		}
		h.queued(account, "whk_1", true, unproven)
	})
}

// An endpoint that never answers holds few places of the fast lane, and is found out long before its timeout.
func TestAnEndpointThatNeverAnswers(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		for range ofNew {
			h.Begin("whk_new", h.fast(account, "whk_new"))
		}
		h.queued(account, "whk_new", true, unproven)

		h.prove("whk_known")
		require.Equal(h.t, lanes.Prompt, h.Pace("whk_known"))
		h.Begin("whk_known", h.fast(account, "whk_known"))
		<-time.After(1100 * time.Millisecond)
		require.Equal(h.t, lanes.Slow, h.Pace("whk_known"))
		h.fast(account, "whk_known")
		<-time.After(4 * time.Second)
		for _, webhook := range []string{"whk_new", "whk_known"} {
			require.Equal(h.t, lanes.Stuck, h.Pace(webhook))
			h.queued(account, webhook, true, slow)
		}
		h.fast(account, "whk_other")
	})
}

// One answer makes the pace a worse one, and three in a row a better one.
func TestPace(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		answers := func(took time.Duration, pace lanes.Pace) {
			t.Helper()
			h.request("whk_1", took)
			require.Equal(t, pace, h.Pace("whk_1"))
		}
		const quick, slow, stuck = time.Second, 5 * time.Second, 5001 * time.Millisecond
		answers(quick, lanes.Prompt)
		answers(quick+1, lanes.Slow)
		answers(quick, lanes.Slow)
		answers(quick, lanes.Slow)
		answers(slow, lanes.Slow)
		answers(quick, lanes.Slow)
		answers(quick, lanes.Slow)
		answers(quick, lanes.Prompt)
		answers(stuck, lanes.Stuck)
		answers(quick, lanes.Stuck)
		answers(slow, lanes.Stuck)
		answers(quick, lanes.Slow)
		answers(quick, lanes.Slow)
		answers(quick, lanes.Slow)
		answers(quick, lanes.Prompt)
	})
}

// A slow endpoint has places in the fast lane, but leaves half of them to others.
func TestSlowEndpoints(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		h.request("whk_1", 2*time.Second)
		h.request("whk_2", 2*time.Second)
		h.request("whk_3", 2*time.Second)
		for range ofQuick {
			h.fast(account, "whk_1")
		}
		h.queued(account, "whk_1", true, crowded)
		for range ofQuick {
			h.fast(account, "whk_2")
		}
		h.queued(account, "whk_3", true, "many requests of the account are in flight")
		h.prove("whk_prompt")
		h.fast(account, "whk_prompt")

		for i := range 2 {
			webhook := fmt.Sprintf("whk_other_%d", i)
			h.request(webhook, 2*time.Second)
			for range ofQuick {
				h.fast("acc_2", webhook)
			}
		}
		h.request("whk_third", 2*time.Second)
		h.queued("acc_3", "whk_third", true, "many requests are in flight")
		h.prove("whk_third_prompt")
		h.fast("acc_3", "whk_third_prompt")
	})
}

func TestAnAccountHasLimits(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		for i := range 128 / ofNew {
			for range ofNew {
				h.fast(account, fmt.Sprintf("whk_new_%d", i))
			}
		}
		h.queued(account, "whk_new", true, "many requests of the account are in flight")
		h.fast("acc_2", "whk_theirs")
		h.prove("whk_a", "whk_b", "whk_c")
		for range ofQuick {
			h.fast(account, "whk_a")
			h.fast(account, "whk_b")
		}
		h.queued(account, "whk_c", false, "many requests of the account are in flight")
		h.fast("acc_2", "whk_theirs")
	})
}

func TestTheProcessHasALimit(t *testing.T) {
	t.Parallel()
	with(t, func(h *harness) {
		for i := range 512 / ofQuick {
			webhook := fmt.Sprintf("whk_%d", i)
			h.prove(webhook)
			for range ofQuick {
				h.fast(fmt.Sprintf("acc_%d", i/4), webhook)
			}
		}
		h.prove("whk_other")
		h.queued("acc_other", "whk_other", false, "many requests are in flight")
	})
}

func TestTrackerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	h := &harness{t: t}
	var group sync.WaitGroup
	for worker := range 50 {
		group.Go(func() {
			for i := range 100 {
				webhook, id := fmt.Sprintf("whk_%d", i%3), fmt.Sprintf("dlv_%d_%d", worker, i)
				fast := h.Choose(account, webhook, id).Lane == lanes.Fast
				h.Pace(webhook)
				if fast && i%5 == 0 {
					h.Release(webhook, id)
					continue
				}
				h.Begin(webhook, id)()
			}
		})
	}
	group.Wait()
	for i := range 3 {
		for range ofQuick {
			h.fast(account, fmt.Sprintf("whk_%d", i)) // all places are free again
		}
	}
}
