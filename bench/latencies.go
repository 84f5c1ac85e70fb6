package bench

import (
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latencies is a distribution of times, kept to three digits from a microsecond to an hour. It is safe for concurrent
// use.
type latencies struct {
	mu        sync.Mutex
	histogram *hdrhistogram.Histogram
}

func newLatencies() *latencies {
	const digits = 3
	return &latencies{histogram: hdrhistogram.New(1, time.Hour.Microseconds(), digits)}
}

// record adds a time. What is out of range counts as the end of the range that it is beyond: clocks may differ
// by a little less than nothing.
func (l *latencies) record(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.histogram.RecordValue(min(max(took.Microseconds(), 0), time.Hour.Microseconds())) // fails out of range only
}

// merge adds another distribution.
func (l *latencies) merge(other *latencies) {
	other.mu.Lock()
	defer other.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.histogram.Merge(other.histogram)
}

// Percentile are the percentiles of a distribution of times.
type Percentile struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
	Mean  float64 `json:"mean_ms"`
}

func (l *latencies) percentile() Percentile {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := func(percent float64) float64 { return milliseconds(l.histogram.ValueAtPercentile(percent)) }
	return Percentile{
		Count: l.histogram.TotalCount(), P50: at(50), P90: at(90), P99: at(99),
		Max: milliseconds(l.histogram.Max()), Mean: milliseconds(int64(l.histogram.Mean())),
	}
}

// distribution returns the milliseconds at each percentile from 0 to 100.
func (l *latencies) distribution() []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	const all = 100
	values := make([]float64, all+1)
	for percent := range values {
		values[percent] = milliseconds(l.histogram.ValueAtPercentile(float64(percent)))
	}
	return values
}

func milliseconds(microseconds int64) float64 {
	return float64(microseconds) / float64(time.Millisecond/time.Microsecond)
}

func (p Percentile) String() string {
	if p.Count == 0 {
		return "nothing to measure"
	}
	return fmt.Sprintf("p50 %s · p90 %s · p99 %s · max %s", inWords(p.P50), inWords(p.P90), inWords(p.P99), inWords(p.Max))
}

// inWords writes milliseconds with three digits or so.
func inWords(ms float64) string {
	const second, few = 1000, 100
	switch {
	case ms >= 10*second:
		return fmt.Sprintf("%.1f s", ms/second)
	case ms >= second:
		return fmt.Sprintf("%.2f s", ms/second)
	case ms >= few:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f ms", ms)
	}
}

// ratio is how many times one value another is; 0 of nothing.
func ratio(value, to float64) float64 {
	if to == 0 {
		return 0
	}
	return value / to
}
