package bench

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentilesOfKnownTimes(t *testing.T) {
	t.Parallel()
	l := newLatencies()
	require.Equal(t, Percentile{}, l.percentile(), "nothing was measured")
	require.Equal(t, "nothing to measure", l.percentile().String())
	for n := 1; n <= 1000; n++ {
		l.record(time.Duration(n) * time.Millisecond)
	}
	p := l.percentile()
	require.EqualValues(t, 1000, p.Count)
	const digits = 0.001 // three
	require.InEpsilon(t, 500, p.P50, digits)
	require.InEpsilon(t, 900, p.P90, digits)
	require.InEpsilon(t, 990, p.P99, digits)
	require.InEpsilon(t, 1000, p.Max, digits)
	require.InEpsilon(t, 500.5, p.Mean, digits)

	other := newLatencies()
	other.record(-time.Second) // a clock that was set back
	other.record(2 * time.Hour)
	l.merge(other)
	require.EqualValues(t, 1002, l.percentile().Count, "what is out of range counts as well")
	require.InEpsilon(t, time.Hour.Milliseconds(), l.percentile().Max, digits)
}

func TestMillisecondsInWords(t *testing.T) {
	t.Parallel()
	for ms, want := range map[float64]string{0.04: "0.0 ms", 8.83: "8.8 ms", 812: "812 ms", 1234: "1.23 s", 45_678: "45.7 s"} {
		require.Equal(t, want, inWords(ms))
	}
}

func TestEventsTellWhenTheyWereDue(t *testing.T) {
	t.Parallel()
	due := time.Now()
	number, read, ok := readEvent(bytes.NewReader(event(42, due)))
	require.True(t, ok)
	require.Equal(t, 42, number)
	require.Equal(t, due.UnixNano(), read.UnixNano())
	for _, other := range []string{``, `{}`, `{"data":{"call_id":"call_abc123"}}`, `{"data":{"call_id":"bench_1"}}`, `{"data":{"call_id":"bench_x_1"}}`} {
		_, _, ok := readEvent(bytes.NewReader([]byte(other)))
		require.False(t, ok, other)
	}
}

// Of 4 that were published, 1 arrives at once and again, 1 in the third second, 1 late, and 1 never.
func TestFiguresOfArrivals(t *testing.T) {
	t.Parallel()
	a, began := newArrivals(), time.Now()
	after := func(d time.Duration) time.Time { return began.Add(d) }
	a.note(arrival{"/1", 1}, began, after(10*time.Millisecond))
	a.note(arrival{"/1", 1}, began, after(20*time.Millisecond))
	a.note(arrival{"/2", 1}, began, after(2500*time.Millisecond))
	a.note(arrival{"/1", 2}, after(time.Second), after(6*time.Second+time.Millisecond))
	f := a.figures(4, began)
	require.Equal(t, []float64{1, 0, 1, 0, 0, 0, 1}, f.ArrivedBySec)
	require.InDelta(t, 6.001, f.Seconds, 1e-9)
	require.InDelta(t, 3/6.001, f.PerSecond, 1e-9)
	f.ArrivedBySec, f.distribution, f.Seconds, f.PerSecond, f.PublishToPost = nil, nil, 0, 0, Percentile{}
	require.Equal(t, ArrivalFigures{Deliveries: 4, Arrived: 3, Missing: 1, Duplicates: 1, Late: 1, LateAfterS: 5}, f)
	a.reset()
	require.Zero(t, a.figures(0, began).Arrived)
}

// All rounds together count, not the mean of their ratios: 300 deliveries in 4 s beside 300 workflows in 3 s.
func TestShareOfTheFloor(t *testing.T) {
	t.Parallel()
	f := FloorFigures{Count: 150, Rounds: []FloorRound{
		{deliveriesTook: time.Second, workflowsTook: time.Second}, {deliveriesTook: 3 * time.Second, workflowsTook: 2 * time.Second},
	}}
	f.sum(300)
	require.InDelta(t, 75, f.Deliveries, 1e-9)
	require.InDelta(t, 100, f.Workflows, 1e-9)
	require.InDelta(t, 0.75, f.Share, 1e-9)
}

func TestRatiosOfIsolationAndFanOut(t *testing.T) {
	t.Parallel()
	isolation := IsolationFigures{Beside: []BesideFigures{{PublishToPost: Percentile{P50: 10, P99: 60}}}}
	isolation.compare(Percentile{P50: 8, P99: 20})
	require.InDelta(t, 1.25, isolation.Beside[0].P50Ratio, 1e-9)
	require.InDelta(t, 3, isolation.Beside[0].P99Ratio, 1e-9)
	isolation.compare(Percentile{})
	require.Zero(t, isolation.Beside[0].P99Ratio, "nothing to compare with")

	cost := func(ms, cpu float64) FanOutCost {
		return FanOutCost{MS: ms, Processes: []ProcessFigures{{Name: "Temporal", CPUMSDelivery: 100}, {Name: Durahook, CPUMSDelivery: cpu}}}
	}
	fanOut := FanOutFigures{Many: []FanOutCost{cost(4, 1), cost(6, 2)}, One: []FanOutCost{cost(8, 3), cost(12, 3)}}
	fanOut.compare()
	require.InDelta(t, 0.5, fanOut.TimeRatio, 1e-9)
	require.InDelta(t, 0.5, fanOut.CPURatio, 1e-9)
}

func TestPagesOfOneKind(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"/console/deliveries":                                                 "/console/deliveries",
		"/console/deliveries/dlv_01m86z2vy3fjjr0kbanh29z96p":                  "/console/deliveries/{id}",
		"/console/deliveries?status=exhausted&account=acc_1&event=call.ended": "/console/deliveries?event&status",
		"/console/webhooks/whk_01m86z2vxwfjjr05ftsaxnvsdr/edit?tab=secrets":   "/console/webhooks/{id}/edit?tab",
	} {
		require.Equal(t, want, kind(page))
	}
}
