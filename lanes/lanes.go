// Package lanes decides which lane a delivery's first attempt takes. In the fast lane it runs inside the
// workflow task that starts the delivery; in the queued lane it is an activity on a task queue of its own, of which
// there are two: one for endpoints that answer quickly, one for all others. So what is slow waits beside what is slow.
//
// What decides is what this process has seen of a webhook: how many of its requests are in flight, and for how long it
// has kept them waiting. How it answers does not matter: one that refuses at once holds nobody up, and would cost three
// times as much in the queued lane. It imports nothing of ours.
package lanes

import (
	"sync"
	"time"
)

// Lane is where a delivery's first attempt runs.
type Lane string

// The lanes.
const (
	Fast   Lane = "fast"
	Queued Lane = "queued"
	// Undecided is left to the worker that gets the delivery, by whoever starts it in a process without one.
	Undecided Lane = "undecided"
)

// Pace is how long a webhook's endpoint takes to answer.
type Pace int

// The paces.
const (
	Prompt Pace = iota
	Slow        // over Quick
	Stuck       // over patience, or it does not answer at all
)

const (
	// Quick is what an endpoint takes at most that counts as prompt.
	Quick = time.Second
	// patience is what a slow endpoint takes at most, as receivers are asked to. A local activity under 8 s costs no more
	// than a short one.
	patience = 5 * time.Second
	// maxInFlight is how many attempts of a webhook may be in the fast lane at the same time, of an account, and of all.
	// An attempt there holds a workflow task, of which the worker has 1,000.
	maxInFlight  = 64
	maxOfAccount = 256
	maxOfAll     = 512
	// Of these, attempts that may take long: to webhooks that are slow or have not answered yet.
	maxLongOfAccount = 128
	maxLongOfAll     = 256
	maxNew           = 4 // of a webhook that has not answered yet, since it might never answer
	betterInARow     = 3 // as many better answers make an endpoint's pace a better one
	// startsWithin is how long a place is kept for an attempt that doesn't begin, because its workflow was not started
	// or runs elsewhere.
	startsWithin = 15 * time.Second
	// maxWebhooks is how many webhooks are remembered, unless more have requests in flight.
	maxWebhooks = 10_000
)

// Choice is the lane that an attempt takes, and why.
type Choice struct {
	Lane Lane
	Slow bool   // in the queued lane: on the task queue of slow endpoints
	Why  string // in plain words; empty for the fast lane
}

// Tracker knows what is going on with each webhook in this process. The zero value is ready to use.
type Tracker struct {
	mu       sync.Mutex
	webhooks map[string]*state
	accounts map[string]*held
	fast     held
}

// held counts attempts in the fast lane.
type held struct{ all, long int }

// state is what is known of a webhook.
type state struct {
	flights map[string]*flight // by delivery
	fast    int
	proven  bool // its endpoint has answered, and was not stuck
	pace    Pace // of its endpoint
	better  int  // answers in a row that were better than that
}

// flight is an attempt that is under way, or is to be soon.
type flight struct {
	account string // empty in the queued lane
	long    bool   // it may take long
	begun   bool
	since   time.Time
}

// Choose returns the lane for the next delivery to a webhook of an account. In the fast lane, a place is kept for it
// until its attempt has ended, see [Tracker.Begin] and [Tracker.Release].
func (t *Tracker) Choose(accountID, webhookID, deliveryID string) Choice {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state(webhookID)
	choice := t.choose(accountID, s)
	if choice.Lane == Fast {
		f := &flight{account: accountID, long: s.mayTakeLong(), since: time.Now()}
		s.flights[deliveryID] = f
		t.hold(s, f, 1)
	}
	return choice
}

// Likely returns the lane that [Tracker.Choose] would choose, without keeping a place.
func (t *Tracker) Likely(accountID, webhookID string) Lane {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.choose(accountID, t.state(webhookID)).Lane
}

// Pace returns how long the webhook's endpoint has taken of late.
func (t *Tracker) Pace(webhookID string) Pace {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state(webhookID).look()
}

func (t *Tracker) choose(accountID string, s *state) Choice {
	if s.look() == Stuck {
		return Choice{Lane: Queued, Slow: true, Why: "its endpoint has been slow of late"}
	}
	t.releaseStale(s)
	account := t.accounts[accountID]
	if account == nil {
		account = new(held)
	}
	long := s.mayTakeLong()
	switch {
	case !s.proven && s.fast >= maxNew:
		return Choice{Lane: Queued, Slow: true, Why: "its endpoint has not answered yet, and requests are in flight"}
	case s.fast >= maxInFlight:
		return Choice{Lane: Queued, Slow: long, Why: "many requests to its endpoint are in flight"}
	case account.all >= maxOfAccount, long && account.long >= maxLongOfAccount:
		return Choice{Lane: Queued, Slow: long, Why: "many requests of the account are in flight"}
	case t.fast.all >= maxOfAll, long && t.fast.long >= maxLongOfAll:
		return Choice{Lane: Queued, Slow: long, Why: "many requests are in flight"}
	default:
		return Choice{Lane: Fast}
	}
}

// look returns the pace, after a look at the requests that should have been answered by now.
func (s *state) look() Pace {
	if s.pace == Stuck { // it cannot be worse, and may have a thousand requests in flight
		return Stuck
	}
	for _, f := range s.flights {
		if !f.begun {
			continue
		}
		if pace := paceOf(time.Since(f.since)); pace > s.pace {
			s.pace, s.better = pace, 0
		}
	}
	return s.pace
}

func (s *state) mayTakeLong() bool { return !s.proven || s.pace > Prompt }

func paceOf(took time.Duration) Pace {
	switch {
	case took <= Quick:
		return Prompt
	case took <= patience:
		return Slow
	default:
		return Stuck
	}
}

// state returns what is known of a webhook, and makes room for it.
func (t *Tracker) state(webhookID string) *state {
	s := t.webhooks[webhookID]
	if s != nil {
		return s
	}
	for other, s := range t.webhooks {
		if len(t.webhooks) < maxWebhooks {
			break
		}
		if len(s.flights) == 0 {
			delete(t.webhooks, other)
		}
	}
	if t.webhooks == nil {
		t.webhooks, t.accounts = make(map[string]*state), make(map[string]*held)
	}
	s = &state{flights: make(map[string]*flight)}
	t.webhooks[webhookID] = s
	return s
}

// hold counts a place in the fast lane: n is 1 when it is taken, -1 when it is given back.
func (t *Tracker) hold(s *state, f *flight, n int) {
	account := t.accounts[f.account]
	if account == nil {
		account = new(held)
		t.accounts[f.account] = account
	}
	s.fast += n
	for _, of := range []*held{account, &t.fast} {
		of.all += n
		if f.long {
			of.long += n
		}
	}
	if account.all == 0 {
		delete(t.accounts, f.account)
	}
}

// land ends a flight and gives its place back.
func (t *Tracker) land(s *state, deliveryID string, f *flight) {
	if f.account != "" {
		t.hold(s, f, -1)
		f.account = ""
	}
	if s.flights[deliveryID] == f {
		delete(s.flights, deliveryID)
	}
}

// releaseStale gives back places of attempts that have not begun.
func (t *Tracker) releaseStale(s *state) {
	if s.fast < maxNew {
		return
	}
	for id, f := range s.flights {
		if !f.begun && time.Since(f.since) > startsWithin {
			t.land(s, id, f)
		}
	}
}

// Release gives back the place of a delivery whose attempt will not begin here. One that has begun keeps it.
func (t *Tracker) Release(webhookID, deliveryID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state(webhookID)
	if f := s.flights[deliveryID]; f != nil && !f.begun {
		t.land(s, deliveryID, f)
	}
}

// Begin notes that a request to the webhook is in flight; call the returned function when it is over, whether or not the
// endpoint accepted it.
func (t *Tracker) Begin(webhookID, deliveryID string) (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state(webhookID)
	f := s.flights[deliveryID]
	if f == nil || f.begun {
		f = new(flight)
		s.flights[deliveryID] = f
	}
	f.begun, f.since = true, time.Now()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.land(s, deliveryID, f)
		s.learn(time.Since(f.since))
	}
}

// learn draws the conclusions from how long a request took. One that took longer than those before makes the endpoint's
// pace a worse one at once; several in a row that took less make it a better one.
func (s *state) learn(took time.Duration) {
	pace := paceOf(took)
	s.proven = s.proven || pace < Stuck
	if pace >= s.pace {
		s.pace, s.better = pace, 0
		return
	}
	s.better++
	if s.better >= betterInARow {
		s.pace, s.better = s.pace-1, 0
	}
}
