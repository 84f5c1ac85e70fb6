package bench

import "time"

// OutageFigures are what came out of [Outage].
type OutageFigures struct {
	Of             string      `json:"of"`
	Rate           float64     `json:"rate_per_s"`
	Waiting        int         `json:"waiting"` // for their next attempt when the outage began
	Down           LoadFigures `json:"published_while_down"`
	Missing        int         `json:"missing"` // of all that was accepted, in the end
	Duplicates     int         `json:"duplicates"`
	MemoryBeforeMB float64     `json:"api_memory_before_mb"`
	MemoryAfterMB  float64     `json:"api_memory_after_outage_mb"`
	AcceptedAgainS float64     `json:"accepted_again_s"` // from when the part worked again until an event was accepted
	DrainedS       float64     `json:"drained_s"`        // from then until all that waited had arrived
	PerSecond      float64     `json:"drained_per_s"`
	BySecond       []float64   `json:"drained_in_each_s"`
	New            LoadFigures `json:"published_while_draining"`
	Before         Percentile  `json:"publish_to_post_before"`
	During         Percentile  `json:"new_publish_to_post_while_draining"`
	P50Ratio       float64     `json:"new_p50_ratio_to_before"`
	P99Ratio       float64     `json:"new_p99_ratio_to_before"`
}

// fill fills in what was published in the outage and after it, and when it arrived. The part worked again at the moment
// of back.
func (f *OutageFigures) fill(down, after *load, endpoint *parted, back time.Time) {
	f.Down, f.New = down.figures(), after.figures()
	waited, fresh := endpoint.before.figures(down.accepted+f.Waiting, back), endpoint.after.figures(after.accepted, back)
	f.Missing, f.Duplicates = waited.Missing+fresh.Missing, waited.Duplicates+fresh.Duplicates
	f.DrainedS, f.PerSecond, f.BySecond = waited.Seconds, waited.PerSecond, waited.ArrivedBySec
	if !after.taken.IsZero() {
		f.AcceptedAgainS = after.taken.Sub(back).Seconds()
	}
	f.During = fresh.PublishToPost
	f.P50Ratio, f.P99Ratio = ratio(f.During.P50, f.Before.P50), ratio(f.During.P99, f.Before.P99)
}

// Show writes the figures for people.
func (f *OutageFigures) Show(out *Text) {
	out.Section("while " + f.Of + " was down")
	out.Field("waiting", "%d deliveries for their next attempt", f.Waiting)
	f.Down.show(out)
	out.Field("memory", "of the API: %.0f MB before, %.0f MB after", f.MemoryBeforeMB, f.MemoryAfterMB)
	out.Section("once it was back")
	out.Field("accepted again", "after %.1f s", f.AcceptedAgainS)
	out.Field("delivered", "what waited, in %.1f s, %.1f/s", f.DrainedS, f.PerSecond)
	out.Warn(f.Missing > 0, "missing", "%d have not arrived", f.Missing)
	out.Warn(f.Duplicates > 0, "duplicates", "%d arrived again", f.Duplicates)
	out.Plot("what waited, in each second", f.BySecond)
	out.Section("publish to POST of new events")
	out.Field("before", "%s", f.Before)
	out.Field("meanwhile", "%s", f.During)
	out.Field("ratio", "p50 %.2f, p99 %.2f", f.P50Ratio, f.P99Ratio)
}
