package webhook

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Stats are the figures of a webhook in a span of whole hours.
type Stats struct {
	WebhookID    string
	Since, Until time.Time
	Deliveries   map[Status]int // that were made in the span, by where they stand now
	Attempts     Figures
	Hours        []Hour // every hour of the span, the earliest first
}

// Hour is one hour of [Stats].
type Hour struct {
	Start time.Time
	Figures
}

// Figures add up attempts.
type Figures struct {
	Outcomes map[Outcome]int `json:"outcomes,omitempty"`
	// Times counts the attempts that were answered by the logarithm of their response time in milliseconds,
	// to the base [TimesBase] and rounded down.
	Times   map[int]int `json:"times,omitempty"`
	Slowest int         `json:"slowest,omitempty"` // the longest response time in milliseconds
}

// TimesBase is how much longer the times of one step of [Figures].Times are than those of the one before. What
// is read from them is off by less than 5 %.
const TimesBase = 1.1

// Count adds attempts with an outcome. Those that were answered bring their step of Times and the longest
// response time among them; the others have no step.
func (f *Figures) Count(attempts int, outcome Outcome, step *int, slowest int) {
	added := Figures{Outcomes: map[Outcome]int{outcome: attempts}}
	if step != nil {
		added.Times, added.Slowest = map[int]int{*step: attempts}, slowest
	}
	f.Add(added)
}

// Add adds other figures.
func (f *Figures) Add(other Figures) {
	if f.Outcomes == nil {
		f.Outcomes, f.Times = make(map[Outcome]int), make(map[int]int)
	}
	for outcome, attempts := range other.Outcomes {
		f.Outcomes[outcome] += attempts
	}
	for step, attempts := range other.Times {
		f.Times[step] += attempts
	}
	f.Slowest = max(f.Slowest, other.Slowest)
}

// Total is how many attempts there were.
func (f Figures) Total() int { return sum(f.Outcomes) }

// Succeeded is how many attempts succeeded.
func (f Figures) Succeeded() int { return f.Outcomes[OutcomeSuccess] }

// SuccessRate is the share of attempts that succeeded, from 0 to 1; nil when there were none.
func (f Figures) SuccessRate() *float64 {
	if f.Total() == 0 {
		return nil
	}
	rate := float64(f.Succeeded()) / float64(f.Total())
	return &rate
}

// Percentile returns the response time in milliseconds within which a share, from 0 to 1, of the answers
// came; nil when there were none.
func (f Figures) Percentile(share float64) *int {
	rank := int(math.Ceil(share * float64(sum(f.Times))))
	for _, step := range slices.Sorted(maps.Keys(f.Times)) {
		if rank -= f.Times[step]; rank <= 0 {
			const middle = 0.5
			time := min(int(math.Round(math.Pow(TimesBase, float64(step)+middle))), f.Slowest)
			return &time
		}
	}
	return nil
}

// Max is the longest response time in milliseconds; nil when no attempt was answered.
func (f Figures) Max() *int {
	if len(f.Times) == 0 {
		return nil
	}
	return &f.Slowest
}

func sum[Key comparable](counts map[Key]int) (total int) {
	for _, count := range counts {
		total += count
	}
	return total
}

// MaxStatsSpan is how long a time [Stats] can be asked for.
const MaxStatsSpan = 31 * 24 * time.Hour

// StatsSpan returns the whole hours in which the time from since to until lies. Until is now if it is zero, and
// since a day before until.
func StatsSpan(since, until, now time.Time) (from, to time.Time, err error) {
	const day = 24 * time.Hour
	if until.IsZero() {
		until = now
	}
	if since.IsZero() {
		since = until.Add(-day)
	}
	var fields Fields
	switch {
	case !since.Before(until):
		fields.Add("/until", "must be after since; without until, since must be in the past")
	case until.Sub(since) > MaxStatsSpan:
		fields.Add("/since", "must be at most 31 days before until; without until, at most 31 days ago")
	}
	from, to = since.UTC().Truncate(time.Hour), until.UTC().Truncate(time.Hour)
	if to.Before(until) {
		to = to.Add(time.Hour)
	}
	return from, to, fields.Err()
}
