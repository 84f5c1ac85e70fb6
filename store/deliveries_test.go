package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestDeliveriesFiltersAndPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.newWebhook(f.account, "call.ended"), f.newWebhook(f.account, "*")
	other := f.newAccount("other")
	f.newWebhook(other, "*")
	for range 4 {
		require.Len(t, f.publish(f.account), 2)
		f.publish(other)
	}
	f.exec(`UPDATE deliveries SET status = 'delivered' WHERE id = (SELECT max(id) FROM deliveries WHERE webhook_id = $1)`, one.ID)
	f.exec(`UPDATE deliveries SET event = 'call.started' WHERE id = (SELECT max(id) FROM deliveries WHERE webhook_id = $1)`, two.ID)

	for name, scenario := range map[string]struct {
		filter store.DeliveryFilter
		want   int
	}{
		"all":       {store.DeliveryFilter{}, 8},
		"webhook":   {store.DeliveryFilter{WebhookID: one.ID}, 4},
		"status":    {store.DeliveryFilter{Status: webhook.StatusDelivered}, 1},
		"event":     {store.DeliveryFilter{Event: "call.ended"}, 7},
		"all three": {store.DeliveryFilter{WebhookID: one.ID, Event: "call.ended", Status: webhook.StatusPending}, 3},
		"nothing":   {store.DeliveryFilter{WebhookID: two.ID, Status: webhook.StatusDelivered}, 0},
		"unknown":   {store.DeliveryFilter{WebhookID: "whk_x' OR true --"}, 0},
	} {
		var ids []string
		for page := (store.Page{Limit: 3}); ; page.Before = ids[len(ids)-1] {
			deliveries, err := f.Deliveries(t.Context(), f.account, scenario.filter, page)
			require.NoError(t, err)
			require.NotNil(t, deliveries, "an empty page is [] in JSON")
			if len(deliveries) == 0 {
				break
			}
			require.LessOrEqual(t, len(deliveries), 3)
			for _, d := range deliveries {
				require.Equal(t, f.account, d.AccountID)
				require.Equal(t, "Salesforce Sync", d.WebhookName)
				ids = append(ids, d.ID)
			}
		}
		require.Len(t, ids, scenario.want, name)
		if scenario.want > 1 {
			require.IsDecreasing(t, ids, name)
		}
	}
}

func TestDeliveriesOfOtherAccountsDoNotExist(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	require.NoError(t, f.RecordAttempt(t.Context(), attempt(d, "run", 1, 200), webhook.StatusDelivered, nil))
	other := f.newAccount("other")
	_, err := f.Delivery(t.Context(), other, d.ID)
	requireNotFound(t, d.ID, err)
	deliveries, err := f.Deliveries(t.Context(), other, store.DeliveryFilter{WebhookID: d.WebhookID}, store.Page{Limit: 10})
	require.NoError(t, err)
	require.Empty(t, deliveries)
	attempts, err := f.Attempts(t.Context(), other, d.ID)
	require.NoError(t, err)
	require.Empty(t, attempts)
}

func TestSent(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	w, payload, err := f.Sent(t.Context(), f.account, d.ID)
	require.NoError(t, err)
	require.Equal(t, d.WebhookID, w.ID)
	require.True(t, w.Enabled)
	event, err := f.Event(t.Context(), f.account, d.EventID)
	require.NoError(t, err)
	require.Equal(t, event.Payload, payload)

	_, _, err = f.Sent(t.Context(), f.newAccount("other"), d.ID)
	requireNotFound(t, d.ID, err)
	f.exec(`UPDATE webhooks SET deleted_at = now()`)
	w, _, err = f.Sent(t.Context(), f.account, d.ID)
	require.NoError(t, err)
	require.False(t, w.Enabled)
}

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]store.StatusCodes{
		"503": {From: 503, To: 503}, "100": {From: 100, To: 100}, "5xx": {From: 500, To: 599},
	} {
		codes, ok := store.ParseStatusCodes(text)
		require.True(t, ok)
		require.Equal(t, want, codes)
		require.Equal(t, text, codes.String())
	}
	for _, text := range []string{"", "xx", "6xx", "0xx", "50xx", "99", "600", "5x", "5xxxx", "-20", "+20", "0200", "５xx"} {
		codes, ok := store.ParseStatusCodes(text)
		require.False(t, ok, text)
		require.Empty(t, codes, text)
	}
	require.Empty(t, store.StatusCodes{}.String())
}

// A webhook's deliveries outlive it.
func TestDeliveriesOfDeletedWebhooks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	f.exec(`UPDATE webhooks SET deleted_at = now()`)
	require.Equal(t, d.WebhookID, f.delivery(d.ID).WebhookID)
}

func TestEndDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d, untouched := f.newDelivery(), f.newDelivery()
	f.exec(`UPDATE deliveries SET status = 'waiting', next_attempt_at = now()`)
	for _, first := range []bool{true, false} {
		ended, err := f.EndDelivery(t.Context(), d.ID, webhook.StatusCancelled)
		require.NoError(t, err)
		require.Equal(t, first, ended)
	}
	ended := f.delivery(d.ID)
	require.Equal(t, webhook.StatusCancelled, ended.Status)
	require.Nil(t, ended.NextAttemptAt)
	require.True(t, ended.UpdatedAt.After(ended.CreatedAt))
	require.Equal(t, webhook.StatusWaiting, f.delivery(untouched.ID).Status)
}

func TestCancelUnattempted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range webhook.Statuses() {
		for _, attempts := range []int{0, 1} {
			d := f.newDelivery()
			f.exec(`UPDATE deliveries SET status = $2, attempt_count = $3 WHERE id = $1`, d.ID, status, attempts)
			cancelled, err := f.CancelUnattempted(t.Context(), d.ID)
			require.NoError(t, err)
			want := status
			if status == webhook.StatusPending && attempts == 0 {
				want = webhook.StatusCancelled
			}
			require.Equal(t, want != status, cancelled, "%s after %d attempts", status, attempts)
			require.Equal(t, want, f.delivery(d.ID).Status)
		}
	}
}

// A cancelled delivery is not started by the sweep any more.
func TestCancelledIsNotSwept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.newDelivery()
	f.due()
	_, err := f.CancelUnattempted(t.Context(), d.ID)
	require.NoError(t, err)
	require.Empty(t, f.claim(10))
}

func TestReopen(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range webhook.Statuses() {
		d := f.newDelivery()
		f.exec(`UPDATE deliveries SET status = $2, attempt_count = 6, sweep_at = now() - interval '1 hour' WHERE id = $1`, d.ID, status)

		require.NoError(t, f.Reopen(t.Context(), d.ID, 5))
		require.Equal(t, status, f.delivery(d.ID).Status, "the attempt that was asked for is recorded already")
		require.NoError(t, f.Reopen(t.Context(), d.ID, 6))
		want := webhook.StatusPending
		if status == webhook.StatusWaiting {
			want = status
		}
		require.Equal(t, want, f.delivery(d.ID).Status)
		if !status.Open() {
			require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND sweep_at IS NULL`, d.ID),
				"its workflow runs; the sweep would start it with the whole schedule")
		}
	}
}

func TestReopenReset(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, status := range webhook.Statuses() {
		d := f.newDelivery()
		f.exec(`UPDATE deliveries SET status = $2, sweep_at = now() WHERE id = $1`, d.ID, status)
		attempt := webhook.Attempt{
			DeliveryID: d.ID, RunID: "before", Sequence: 1, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeServerError,
			StartedAt: time.Now(), EndedAt: time.Now(),
		}
		require.NoError(t, f.RecordAttempt(t.Context(), attempt, status, nil))

		reopened, err := f.ReopenReset(t.Context(), d.ID, "before")
		require.NoError(t, err)
		require.False(t, reopened, "this run has made an attempt")
		require.Equal(t, status, f.delivery(d.ID).Status)
		reopened, err = f.ReopenReset(t.Context(), d.ID, "after")
		require.NoError(t, err)
		require.True(t, reopened)
		require.Equal(t, webhook.StatusPending, f.delivery(d.ID).Status)
		require.Equal(t, 1, f.count(`SELECT count(*) FROM deliveries WHERE id = $1 AND sweep_at IS NULL`, d.ID))

		f.exec(`UPDATE deliveries SET status = $2 WHERE id = $1`, d.ID, status)
		f.exec(`UPDATE webhooks SET enabled = false WHERE id = $1`, d.WebhookID)
		reopened, err = f.ReopenReset(t.Context(), d.ID, "after")
		require.NoError(t, err)
		require.False(t, reopened, "nothing is sent to a disabled webhook")
		require.Equal(t, status, f.delivery(d.ID).Status)
		f.exec(`UPDATE webhooks SET enabled = true WHERE id = $1`, d.WebhookID)
	}
}
