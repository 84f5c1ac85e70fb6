package activities_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// database is a real store with one delivery.
type database struct {
	*store.Store
	t           *testing.T
	account, id string
}

func newDatabase(t *testing.T, url string) *database {
	t.Helper()
	key, err := encryption.ParseKey(encryption.NewKeyText())
	require.NoError(t, err)
	s, err := store.Open(t.Context(), testdb.New(t), key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	w, err := webhook.Define(account, webhook.Definition{Name: "Sync", URL: url, Events: []string{"*"}}, webhook.BuiltIn, true)
	require.NoError(t, err)
	require.NoError(t, s.CreateWebhook(t.Context(), &w))
	event, err := webhook.ParseEvent([]byte(payload), webhook.BuiltIn)
	require.NoError(t, err)
	event.AccountID = account
	d := webhook.NewDelivery(event, w.ID, w.Name)
	_, err = s.Publish(t.Context(), store.Publication{
		AccountID: account, Published: []webhook.Published{{Event: event, Deliveries: []webhook.Delivery{d}}},
	})
	require.NoError(t, err)
	return &database{Store: s, t: t, account: account, id: d.ID}
}

func (d *database) delivery() (webhook.Delivery, []webhook.Attempt) {
	d.t.Helper()
	delivery, err := d.Delivery(d.t.Context(), d.account, d.id)
	require.NoError(d.t, err)
	attempts, err := d.Attempts(d.t.Context(), d.account, d.id)
	require.NoError(d.t, err)
	return delivery, attempts
}

func TestAttemptsInTheDatabase(t *testing.T) {
	t.Parallel()
	var code atomic.Int64
	code.Store(503)
	e := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) })
	d := newDatabase(t, e.URL)
	h := newHarness(d, target.InsecureLoopback, time.Minute)

	first, err := h.attempt(scheduled(d.id, 1))
	require.NoError(t, err)
	require.Equal(t, webhook.StatusWaiting, first.Status)
	delivery, attempts := d.delivery()
	require.Equal(t, webhook.StatusWaiting, delivery.Status)
	require.WithinDuration(t, attempts[0].EndedAt.Add(gap), *delivery.NextAttemptAt, time.Millisecond)

	// The worker died before it could report: the same attempt again.
	again, err := h.attempt(scheduled(d.id, 1))
	require.NoError(t, err)
	require.InDelta(t, *first.NextGap, *again.NextGap, float64(time.Millisecond))
	again.NextGap = first.NextGap
	require.Equal(t, first, again)
	require.Len(t, e.received(), 1)

	code.Store(200)
	second, err := h.attempt(scheduled(d.id, 2))
	require.NoError(t, err)
	require.Equal(t, 2, second.Number)
	delivery, attempts = d.delivery()
	require.Equal(t, webhook.StatusDelivered, delivery.Status)
	require.Nil(t, delivery.NextAttemptAt)
	require.Len(t, attempts, 2)
	require.Len(t, e.received(), 2)
}

// Between the recording of the last attempt and the report of it, somebody asked for a retry.
func TestReopenedDeliveryKeepsItsResult(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(500))
	d := newDatabase(t, e.URL)
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	last := webhook.AttemptRequest{DeliveryID: d.id, Sequence: 1, Trigger: webhook.TriggerSchedule}
	first, err := h.attempt(last)
	require.NoError(t, err)
	require.NoError(t, d.Reopen(t.Context(), d.id, 1))
	again, err := h.attempt(last)
	require.NoError(t, err)
	require.Equal(t, webhook.StatusExhausted, again.Status, "so that the workflow looks for the retry")
	require.Equal(t, first, again)
}

func TestGoneInTheDatabase(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, status(http.StatusGone))
	d := newDatabase(t, e.URL)
	h := newHarness(d, target.InsecureLoopback, time.Minute)
	_, err := h.attempt(scheduled(d.id, 1))
	require.NoError(t, err)
	delivery, attempts := d.delivery()
	require.Equal(t, webhook.StatusDiscarded, delivery.Status)
	require.Len(t, attempts, 1)
	w, err := d.Webhook(t.Context(), d.account, delivery.WebhookID)
	require.NoError(t, err)
	require.False(t, w.Enabled)
	require.Equal(t, "The endpoint answered 410 Gone.", w.DisabledReason)

	result, err := h.attempt(scheduled(d.id, 2))
	require.NoError(t, err)
	require.Equal(t, webhook.StatusDiscarded, result.Status)
	require.Len(t, e.received(), 1)
}

// An answer that Postgres would choke on.
func TestHostileAnswersAreRecorded(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"NUL in a header":       "HTTP/1.1 500 No\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
		"not UTF-8 in a header": "HTTP/1.1 500 No\r\nX-A: a\xff\xfeb\r\nContent-Length: 0\r\n\r\n",
		"escape in a header":    "HTTP/1.1 500 No\r\nX-A: \\u0000\r\nContent-Length: 0\r\n\r\n",
		"binary body":           "HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\n\x00\xff\xfe\\",
		"strange code":          "HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, "http://"+raw(t, answer))
			h := newHarness(d, target.InsecureLoopback, time.Minute)
			result, err := h.attempt(scheduled(d.id, 1))
			require.NoError(t, err)
			require.Nil(t, result.Unrecorded)
			delivery, attempts := d.delivery()
			require.Equal(t, webhook.StatusWaiting, delivery.Status)
			require.Len(t, attempts, 1)
		})
	}
}
