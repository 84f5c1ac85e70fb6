package console

import (
	"net/http"
	"time"
)

const day = 24 * time.Hour

// spanLink is a time that a page can be of.
type spanLink struct {
	Name, URL string
	Current   bool
}

// timeSpan is a time that charts can be of, as the address asks for it.
type timeSpan struct {
	query, name string
	length      time.Duration
	column      time.Duration // that a column of the charts is of
}

func timeSpans() []timeSpan {
	return []timeSpan{{"", "24 hours", day, time.Hour}, {"?span=7d", "7 days", 7 * day, day / 4}}
}

// spanOf returns the time that the address asks for; a day unless it is another that is offered.
func spanOf(r *http.Request) timeSpan {
	spans := timeSpans()
	for _, span := range spans {
		if span.query == "?span="+r.URL.Query().Get("span") {
			return span
		}
	}
	return spans[0]
}

// spanLinks leads to the page at a path with each time that its charts can be of.
func spanLinks(r *http.Request, path string) (links []spanLink) {
	for _, span := range timeSpans() {
		links = append(links, spanLink{span.name, path + span.query, span == spanOf(r)})
	}
	return links
}

// recentTime is a time up to now that lists can be narrowed to. The address keeps it as it is: who opens it later, or
// goes on looking, sees what is recent then.
type recentTime struct {
	last, name string
	length     time.Duration
}

func recentTimes() []recentTime {
	return []recentTime{{"1h", "Last hour", time.Hour}, {"24h", "24 hours", day}, {"7d", "7 days", 7 * day}}
}

// recentSince returns when a recent time began; ok is false when it is none that is offered.
func recentSince(last string, now time.Time) (since time.Time, ok bool) {
	for _, recent := range recentTimes() {
		if recent.last == last {
			return now.Add(-recent.length).UTC(), true
		}
	}
	return time.Time{}, false
}

// spans leads to the list with all that it is narrowed to, and each recent time.
func (q query) spans(path string) []spanLink {
	q.Cursor = ""
	always := q
	always.Last, always.Since, always.Until = "", time.Time{}, time.Time{}
	links := []spanLink{{"Any time", always.url(path), q == always}}
	for _, recent := range recentTimes() {
		to := always
		to.Last = recent.last
		links = append(links, spanLink{recent.name, to.url(path), q.Last == recent.last})
	}
	return links
}
