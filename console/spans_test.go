package console_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestRecentTimes(t *testing.T) {
	t.Parallel()
	d := delivery(nil)
	s := &fakeService{deliveries: []webhook.Delivery{d}}
	v := signedIn(t, s)
	got := v.get("/console/deliveries?status=exhausted&cursor=" + d.ID)
	assert.Equal(t, []string{"Any time", "Last hour", "24 hours", "7 days"}, got.texts(".filters .spans a"))
	assert.Equal(t, "Any time", got.text(".spans [aria-current=true]"))
	hour := got.page.Find(".spans a").Eq(1).AttrOr("href", "")
	assert.Equal(t, "/console/deliveries?since=1h&status=exhausted", hour, "all but the place in the list stays")

	got = v.get(hour)
	assert.WithinDuration(t, time.Now().Add(-time.Hour), s.filter.Since, time.Minute)
	assert.Equal(t, "Last hour", got.text(".spans [aria-current=true]"))
	assert.Equal(t, "1h", got.attr("input[type=hidden][name=since]", "value"), "the form keeps it")
	assert.Empty(t, got.attr("input[type=datetime-local][name=since]", "value"))
	assert.Empty(t, got.page.Find(".filters details[open]").Nodes)
	assert.Equal(t, "/console/deliveries/live?since=1h&status=exhausted", got.attr("#live", "data-url"))
	assert.Equal(t, "/console/deliveries/"+d.ID+"?since=1h&status=exhausted", got.attr("tbody .event a", "href"))
	assert.Equal(t, "/console/deliveries?status=exhausted", got.attr(".spans a", "href"), "and back to any time")

	got = v.get(hour + "&since=2026-02-02T14:30")
	assert.Equal(t, time.Date(2026, 2, 2, 14, 30, 0, 0, time.UTC), s.filter.Since, "the field counts")
	assert.Empty(t, got.page.Find(".spans [aria-current], input[type=hidden][name=since]").Nodes)
	assert.Equal(t, "2026-02-02T14:30:00", got.attr(".filters [name=since]", "value"))
	v.get("/console/deliveries?since=7d&until=")
	assert.WithinDuration(t, time.Now().Add(-7*24*time.Hour), s.filter.Since, time.Minute)

	full := newFullService()
	got = signedIn(t, full).get("/console/events?event=call.ended&since=24h")
	assert.Equal(t, "24 hours", got.text(".spans [aria-current=true]"))
	assert.Contains(t, got.attr(".pager a", "href"), "since=24h")
	assert.Equal(t, "/console/events?event=call.ended", got.attr(".spans a", "href"))
}

// Who watches what is recent goes on seeing what is recent.
func TestRecentTimesMoveOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &fakeService{deliveries: []webhook.Delivery{delivery(nil)}}
		stream := signedIn(t, s).watch("/console/deliveries/live?since=1h", nil)
		<-time.After(10 * time.Minute)
		synctest.Wait()
		s.mu.Lock()
		filter := s.filter
		s.mu.Unlock()
		stream.leave()
		<-stream.ended
		require.NotEqual(t, store.DeliveryFilter{}, filter)
		assert.WithinDuration(t, time.Now().Add(-time.Hour), filter.Since, time.Minute)
	})
}
