package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const phone = "+15551234567" // that of the fixture's events

// echo records an attempt whose endpoint answered with what it got.
func (f *fixture) echo(d webhook.Delivery, sequence int, status webhook.Status, next *time.Time) {
	f.t.Helper()
	require.NoError(f.t, f.RecordAttempt(f.t.Context(), webhook.Attempt{
		DeliveryID: d.ID, RunID: "run", Sequence: sequence, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeServerError,
		StartedAt: time.Now(), EndedAt: time.Now(), ResponseBody: []byte("got " + phone), ResponseHeaders: map[string][]string{"X-Echo": {phone}},
	}, status, next))
}

func (f *fixture) toErase(value string) []string {
	f.t.Helper()
	ids, err := f.EventsToErase(f.t.Context(), f.account, value, 10)
	require.NoError(f.t, err)
	return ids
}

// everywhere returns the tables in which a text occurs.
func (f *fixture) everywhere(text string) (tables []string) {
	f.t.Helper()
	for _, table := range []string{"events", "event_payloads", "deliveries", "attempts", "erasures", "idempotency_keys", "operational_events"} {
		bytes := map[string]string{"event_payloads": "payload", "attempts": "response_body"}[table]
		if bytes == "" {
			bytes = "NULL"
		}
		var rows []string
		query := `SELECT to_jsonb(t)::text || coalesce(encode(` + bytes + `, 'escape'), '') FROM ` + table + ` t`
		require.NoError(f.t, f.DB().SelectContext(f.t.Context(), &rows, query), table)
		if strings.Contains(strings.Join(rows, "\n"), text) {
			tables = append(tables, table)
		}
	}
	return tables
}

func TestEraseEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	delivered, waiting := f.newDelivery(), f.newDelivery()
	f.echo(delivered, 1, webhook.StatusDelivered, nil)
	soon := time.Now().Add(time.Minute)
	f.echo(waiting, 1, webhook.StatusWaiting, &soon)
	other := f.newAccount("other")
	f.publish(other)
	ids := f.toErase(phone)
	require.ElementsMatch(t, []string{delivered.EventID, waiting.EventID}, ids)
	for _, value := range []string{delivered.EventID, delivered.ID} {
		require.Equal(t, []string{delivered.EventID}, f.toErase(value))
	}
	for _, value := range []string{"+1555", "nothing", "\x00", webhook.NewID(webhook.EventPrefix)} {
		require.Empty(t, f.toErase(value))
	}
	count, err := f.CountErasable(t.Context(), f.account, ids)
	require.NoError(t, err)
	want := webhook.Erased{Events: 2, Deliveries: 2, Attempts: 2, Discarded: 1}
	require.Equal(t, want, count)

	none, open, err := f.EraseEvents(t.Context(), other, ids)
	require.NoError(t, err)
	require.Zero(t, none, "they are another account's")
	require.Empty(t, open)
	require.Len(t, f.toErase(phone), 2)

	erased, open, err := f.EraseEvents(t.Context(), f.account, ids)
	require.NoError(t, err)
	require.Equal(t, want, erased)
	require.Equal(t, []string{waiting.ID}, open)
	require.Empty(t, f.toErase(phone))
	require.Equal(t, []string{"event_payloads"}, f.everywhere(phone), "the other account's")
	f.exec(`DELETE FROM event_payloads p USING events e WHERE e.id = p.event_id AND e.account_id = $1`, other)
	require.Empty(t, f.everywhere(phone))

	event, err := f.Event(t.Context(), f.account, delivered.EventID)
	require.NoError(t, err)
	require.JSONEq(t, `{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"erased":true}}`, string(event.Payload))
	require.NotNil(t, event.ErasedAt)
	d := f.delivery(delivered.ID)
	require.Equal(t, webhook.StatusDelivered, d.Status, "what became of it is kept")
	require.Equal(t, webhook.OutcomeServerError, *d.Outcome)
	require.NotNil(t, d.ErasedAt)
	d = f.delivery(waiting.ID)
	require.Equal(t, webhook.StatusDiscarded, d.Status)
	require.Nil(t, d.NextAttemptAt)

	prepared, err := f.PrepareAttempt(t.Context(), waiting.ID, "run", 2)
	require.NoError(t, err)
	require.True(t, prepared.Erased)
	reopened, err := f.ReopenReset(t.Context(), delivered.ID, "another run")
	require.NoError(t, err)
	require.False(t, reopened)
}

// An attempt that was under way when the data were erased is recorded without what was answered, and doesn't wait for
// another one.
func TestEraseWhileAnAttemptIsUnderWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second := f.newDelivery(), f.newDelivery()
	_, open, err := f.EraseEvents(t.Context(), f.account, f.toErase(phone))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{first.ID, second.ID}, open)
	soon := time.Now().Add(time.Minute)
	f.echo(first, 1, webhook.StatusWaiting, &soon)
	f.echo(second, 1, webhook.StatusDelivered, nil)
	require.Empty(t, f.everywhere(phone))
	d := f.delivery(first.ID)
	require.Equal(t, webhook.StatusDiscarded, d.Status)
	require.Nil(t, d.NextAttemptAt)
	require.Equal(t, 1, d.AttemptCount)
	require.Equal(t, webhook.StatusDelivered, f.delivery(second.ID).Status, "it arrived")
}

// A recovery doesn't retry what is erased, and nobody is told that it was missed.
func TestErasedIsNotRecovered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.aged("exhausted")
	r, err := webhook.DefineRecovery(f.account, d.WebhookID, webhook.RecoveryDefinition{Since: "2025-01-01T00:00:00Z"}, time.Now().Add(time.Second))
	require.NoError(t, err)
	_, _, err = f.EraseEvents(t.Context(), f.account, []string{d.EventID})
	require.NoError(t, err)
	require.NoError(t, f.CreateRecovery(t.Context(), &r))
	counted, err := f.CountRecovery(t.Context(), r.ID)
	require.NoError(t, err)
	require.Zero(t, counted.Matched)
}

func TestRecordErasure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	record := func(account, value string) webhook.Erasure {
		e := webhook.Erasure{ID: webhook.NewID(webhook.ErasurePrefix), AccountID: account, Erased: webhook.Erased{Events: 1, Deliveries: 2, Attempts: 3, Discarded: 1}, ErasedBy: "admin"}
		require.NoError(t, f.RecordErasure(t.Context(), &e, value))
		return e
	}
	first, second, another := record(f.account, phone), record(f.account, phone), record(f.newAccount("other"), phone)
	require.Len(t, first.MatchedHash, 32)
	require.Equal(t, first.MatchedHash, second.MatchedHash)
	require.NotEqual(t, first.MatchedHash, another.MatchedHash)
	require.Empty(t, f.everywhere(phone))

	page, err := f.Erasures(t.Context(), f.account, store.Page{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, second.ID, page[0].ID)
	require.Equal(t, second.Erased, page[0].Erased)
	page, err = f.Erasures(t.Context(), f.account, store.Page{Before: second.ID, Limit: 10})
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, first.ID, page[0].ID)
}
