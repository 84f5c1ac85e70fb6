package bench

// ChaosFigures are what came out of [Chaos].
type ChaosFigures struct {
	Rounds        []ChaosRound `json:"rounds"`
	LeftOut       []string     `json:"left_out,omitempty"` // faults that this machine doesn't allow, and why
	Kills         int          `json:"kills"`
	Accepted      int          `json:"events_accepted"`
	Refused       int          `json:"attempts_refused"` // by an endpoint whose clock lies
	Lost          int          `json:"lost"`
	Stuck         int          `json:"stuck"`
	Disagreements int          `json:"disagreements"`
	Mended        int          `json:"mended"`     // workflows that the reconciler ended, because their delivery had
	Postponed     int          `json:"postponed"`  // publications that were refused with 503 and Retry-After
	Unanswered    int          `json:"unanswered"` // publications that were refused with something else than 503 and Retry-After
	Duplicates    int          `json:"duplicates"`
	InFlight      int          `json:"in_flight"` // at the moments of the faults, all together
	SlowestS      float64      `json:"slowest_settled_s"`
}

// ChaosRound is one fault and what came of it.
type ChaosRound struct {
	Fault         string  `json:"fault"`
	Kills         int     `json:"kills"`
	Accepted      int     `json:"events_accepted"`
	InFlight      int     `json:"in_flight"` // accepted and not arrived, or being answered, when the fault came
	Lost          int     `json:"lost"`
	Stuck         int     `json:"stuck"`         // neither ended nor waiting for a time to come
	Disagreements int     `json:"disagreements"` // of row and workflow
	Mended        int     `json:"mended"`        // workflows that the reconciler ended, because their delivery had
	Duplicates    int     `json:"duplicates"`
	SettledS      float64 `json:"settled_s"` // from the end of publishing until all was well
	// Unsettled are deliveries that were lost, stuck or in disagreement when the time for the round was over.
	Unsettled []Unsettled `json:"unsettled,omitempty"`
}

func (f *ChaosFigures) add(r ChaosRound) {
	f.Rounds = append(f.Rounds, r)
	f.Kills += r.Kills
	f.Accepted += r.Accepted
	f.Lost += r.Lost
	f.Stuck += r.Stuck
	f.Disagreements += r.Disagreements
	f.Mended += r.Mended
	f.InFlight += r.InFlight
	f.SlowestS = max(f.SlowestS, r.SettledS)
}

// Kept reports whether every promise was kept.
func (f *ChaosFigures) Kept() bool {
	return f.Lost == 0 && f.Stuck == 0 && f.Disagreements == 0 && f.Unanswered == 0
}

// Show writes the figures for people.
func (f *ChaosFigures) Show(out *Text) {
	out.Field("rounds", "%d, with %d kills", len(f.Rounds), f.Kills)
	for _, fault := range f.LeftOut {
		out.Field("left out", "%s", fault)
	}
	out.Field("accepted", "%d events", f.Accepted)
	out.Field("lost", "%d", f.Lost)
	out.Field("stuck", "%d", f.Stuck)
	out.Field("disagreements", "%d of row and workflow", f.Disagreements)
	out.Field("mended", "%d workflows were ended by the reconciler, since their delivery had", f.Mended)
	out.Field("postponed", "%d publications were refused with a time to come back", f.Postponed)
	out.Field("unanswered", "%d were refused without one", f.Unanswered)
	out.Field("sent twice", "%d; %d were in flight when the faults came", f.Duplicates, f.InFlight)
	out.Field("refused", "%d attempts, by an endpoint whose clock lies", f.Refused)
	out.Field("slowest round", "well %.1f s after the last event", f.SlowestS)
	out.Warn(!f.Kept(), "broken", "a promise")
	for _, r := range f.Rounds {
		for _, u := range r.Unsettled {
			out.Field("", "%s", u)
		}
	}
	totals := map[string][2]float64{} // rounds and seconds
	for _, r := range f.Rounds {
		t := totals[r.Fault]
		totals[r.Fault] = [2]float64{t[0] + 1, t[1] + r.SettledS}
	}
	var labels []string
	var means []float64
	for _, name := range sortedKeys(totals) {
		labels, means = append(labels, name), append(means, totals[name][1]/totals[name][0])
	}
	out.Bars("from the last event until all was well, on average", "s", labels, means)
}
