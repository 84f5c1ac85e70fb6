package console

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/durahook/durahook/webhook"
)

// Charts are SVG of our own: a column of [columnWidth] for each hour and a height of [chartHeight], stretched to the
// room that there is. Colours come from the stylesheet by classes, for light and dark, and words stand beside the
// drawing as HTML, for them to keep their size.
const (
	columnWidth = 10
	chartHeight = 1000
)

// chart is what the template chart shows.
type chart struct {
	Width  int
	Bars   []bar    // attempts by outcome
	Lines  []line   // percentiles of the response time
	Limit  int      // where the line of 5 s lies; 0 for none
	Scale  []string // from top to bottom
	Hours  []string // from left to right
	Legend []legend
	Words  string // what the chart shows, in a sentence
}

// bar is an hour, its parts stacked.
type bar struct {
	X     int
	Title string
	Parts []barPart
}

type barPart struct {
	Class     string
	Y, Height int
}

type line struct{ Class, Path string }

// legend explains a class of what is drawn, with the figure of the whole time.
type legend struct{ Class, Name, Figure string }

// outcomeChart draws how many attempts ended how, hour by hour.
func outcomeChart(stats webhook.Stats) chart {
	highest := 0
	for _, hour := range stats.Hours {
		highest = max(highest, hour.Total())
	}
	top := roundUp(highest)
	shown := newChart(stats)
	shown.Scale = []string{fmt.Sprint(top), fmt.Sprint(top / 2), "0"} //nolint:mnd // the middle
	for i, hour := range stats.Hours {
		if hour.Total() == 0 {
			continue
		}
		drawn := bar{X: i*columnWidth + 1, Title: fmt.Sprintf("%s: %s, %d succeeded", hour.Start.UTC().Format("2 Jan 15:04"), count(hour.Total(), "attempt"), hour.Succeeded())}
		below := 0
		for _, outcome := range webhook.Outcomes() {
			from, to := below*chartHeight/top, (below+hour.Outcomes[outcome])*chartHeight/top
			if below += hour.Outcomes[outcome]; to > from {
				drawn.Parts = append(drawn.Parts, barPart{string(outcome), chartHeight - to, to - from})
			}
		}
		shown.Bars = append(shown.Bars, drawn)
	}
	for _, outcome := range webhook.Outcomes() {
		if n := stats.Attempts.Outcomes[outcome]; n > 0 || outcome == webhook.OutcomeSuccess {
			shown.Legend = append(shown.Legend, legend{string(outcome), answerOf(&outcome, nil).Words, fmt.Sprint(n)})
		}
	}
	shown.Words = count(stats.Attempts.Total(), "attempt")
	if rate := stats.Attempts.SuccessRate(); rate != nil {
		shown.Words += fmt.Sprintf(", %s succeeded", percent(*rate))
	}
	return shown
}

// The percentiles that are drawn.
func percentiles() []struct {
	Class string
	Share float64
} {
	return []struct {
		Class string
		Share float64
	}{{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}}
}

// decades is how many powers of ten, from 1 ms on, the scale of response times has: what takes 50 ms and what runs
// into the time limit are both to be seen.
const decades = 5

// timeChart draws within which time a half, 95 and 99 of 100 answers came, hour by hour.
func timeChart(stats webhook.Stats) chart {
	shown := newChart(stats)
	shown.Scale = []string{"100 s", "10 s", "1 s", "100 ms", "10 ms", "1 ms"}
	shown.Limit = heightOf(int(slow.Milliseconds()))
	var words []string
	for _, p := range percentiles() {
		drawn := line{Class: p.Class, Path: timePath(stats.Hours, p.Share)}
		shown.Lines = append(shown.Lines, drawn)
		figure := "none"
		if ms := stats.Attempts.Percentile(p.Share); ms != nil {
			figure = formatMilliseconds(*ms)
			words = append(words, p.Class+" "+figure)
		}
		shown.Legend = append(shown.Legend, legend{p.Class, p.Class, figure})
	}
	if shown.Words = strings.Join(words, ", "); len(words) == 0 {
		shown.Words = "No answers yet"
	}
	return shown
}

// timePath is a line through the hours in which there were answers.
func timePath(hours []webhook.Hour, share float64) string {
	var path strings.Builder
	before := -1
	for i, hour := range hours {
		ms := hour.Percentile(share)
		if ms == nil {
			continue
		}
		command := "L"
		if before != i-1 || before < 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%d %dh0", command, i*columnWidth+columnWidth/2, heightOf(*ms)) // h0 shows a single hour as a dot
		before = i
	}
	return path.String()
}

// heightOf is where a response time lies on the scale.
func heightOf(ms int) int {
	share := math.Log10(float64(max(ms, 1))) / decades
	return chartHeight - int(math.Round(min(share, 1)*chartHeight))
}

func newChart(stats webhook.Stats) chart {
	first, last := stats.Since, stats.Until
	middle := first.Add(last.Sub(first) / 2) //nolint:mnd // the middle
	const form = "2 Jan 15:04"
	return chart{
		Width: max(len(stats.Hours), 1) * columnWidth,
		Hours: []string{first.UTC().Format(form), middle.UTC().Format(form), last.UTC().Format(form)},
	}
}

// roundUp returns the next even number of one digit and zeros, for a scale.
func roundUp(n int) int {
	const tenth = 10
	step := 2
	for step*tenth < n {
		step *= tenth
	}
	return max((n+step-1)/step*step, step)
}

// columnsOf puts hours together to columns of this length, which begin at whole multiples of it.
func columnsOf(hours []webhook.Hour, length time.Duration) (columns []webhook.Hour) {
	for _, hour := range hours {
		start := hour.Start.UTC().Truncate(length)
		if n := len(columns); n == 0 || !columns[n-1].Start.Equal(start) {
			columns = append(columns, webhook.Hour{Start: start})
		}
		columns[len(columns)-1].Add(hour.Figures)
	}
	return columns
}

// hourTable has the figures of charts, for those who can't see them or want the figures.
type hourTable struct {
	Rows   []hourRow
	Column int  // hours that each of them, and each column of the charts, is of
	Timed  bool // there are response times, too
}

func newHourTable(stats webhook.Stats, span timeSpan, timed bool) hourTable {
	return hourTable{hourRows(stats), int(span.column.Hours()), timed}
}

// hourRow is an hour, or a few, as the table shows it.
type hourRow struct {
	Start                       string
	Attempts, Succeeded         int
	Failed                      []string // how many failed in which way
	P50, P95, P99, Max, Success string
}

// hourRows returns the hours in which there were attempts, the newest first.
func hourRows(stats webhook.Stats) (rows []hourRow) {
	for i := len(stats.Hours) - 1; i >= 0; i-- {
		hour := stats.Hours[i]
		if hour.Total() == 0 {
			continue
		}
		shown := hourRow{
			Start: hour.Start.UTC().Format("2 Jan 15:04"), Attempts: hour.Total(), Succeeded: hour.Succeeded(),
			P50: inWords(hour.Percentile(0.5)), P95: inWords(hour.Percentile(0.95)), P99: inWords(hour.Percentile(0.99)), Max: inWords(hour.Max()), //nolint:mnd // as they say
			Success: percent(*hour.SuccessRate()),
		}
		for _, outcome := range webhook.Outcomes()[1:] {
			if n := hour.Outcomes[outcome]; n > 0 {
				shown.Failed = append(shown.Failed, fmt.Sprintf("%d %s", n, strings.ToLower(answerOf(&outcome, nil).Words)))
			}
		}
		rows = append(rows, shown)
	}
	return rows
}

func inWords(ms *int) string {
	if ms == nil {
		return ""
	}
	return formatMilliseconds(*ms)
}

// percent words a share; only all is 100 %.
func percent(share float64) string {
	const hundred, whole = 100, 0.999
	if share < 1 && share > whole {
		return "99.9 %"
	}
	return fmt.Sprintf("%.3g %%", share*hundred)
}

// count words how many there are of something.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
