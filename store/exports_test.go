package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// told is an export that writes down what it is handed.
type told struct {
	lines []string
	fails error
}

func (e *told) Event(event webhook.Event) error {
	e.lines = append(e.lines, event.ID+" "+string(event.Payload))
	return e.fails
}

func (e *told) Delivery(d webhook.Delivery, attempts []webhook.Attempt) error {
	line := d.ID + " of " + d.EventID + " to " + d.WebhookName
	for _, a := range attempts {
		line += fmt.Sprintf(" %s %d %s", a.DeliveryID, a.Number, a.Outcome)
	}
	e.lines = append(e.lines, line)
	return nil
}

func TestExportEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second := f.aged("delivered"), f.aged("exhausted")
	f.exec(`INSERT INTO attempts (id, delivery_id, webhook_id, run_id, sequence, number, trigger, outcome, response_time_ms, started_at, ended_at)
		SELECT 'att_2', id, webhook_id, 'run', 2, 2, 'schedule', 'timeout', 30000, now(), now() FROM deliveries WHERE id = $1`, second.ID)
	// 120 more deliveries of the second: those with an odd number were attempted.
	f.exec(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status)
		SELECT 'dlv_00' || lpad(n::text, 3, '0'), account_id, event_id, webhook_id, event, 'discarded' FROM deliveries, generate_series(1, 120) AS n
		WHERE id = $1`, second.ID)
	f.exec(`INSERT INTO attempts (id, delivery_id, webhook_id, run_id, sequence, number, trigger, outcome, response_time_ms, started_at, ended_at)
		SELECT 'att_of_' || id, id AS delivery_id, webhook_id, 'run', 1, 1, 'schedule', 'blocked', 1, now(), now() FROM deliveries
		WHERE status = 'discarded' AND right(id, 1)::int % 2 = 1`)
	payload := ` {"event":"call.ended"`
	var export told
	require.NoError(t, f.ExportEvents(t.Context(), []string{first.EventID, second.EventID}, &export))
	require.Len(t, export.lines, 2+1+121)
	require.Contains(t, export.lines[0], first.EventID+payload)
	require.Contains(t, export.lines[1], first.ID+" of "+first.EventID+" to ")
	require.Contains(t, export.lines[1], first.ID+" 1 success")
	require.Contains(t, export.lines[2], second.EventID+payload)
	for n := 1; n <= 120; n++ {
		id := fmt.Sprintf("dlv_00%03d", n)
		require.Contains(t, export.lines[2+n], id+" of "+second.EventID)
		if n%2 == 1 {
			require.Contains(t, export.lines[2+n], " "+id+" 1 blocked")
		} else {
			require.NotContains(t, export.lines[2+n], "blocked")
		}
	}
	require.Contains(t, export.lines[123], second.ID+" 1 success "+second.ID+" 2 timeout")

	full := &told{fails: errors.New("the disk is full")}
	require.ErrorIs(t, f.ExportEvents(t.Context(), []string{first.EventID}, full), full.fails)
}

// Whoever exports while somebody else deletes is told, and keeps what the other one has exported.
func TestExportEventsThatAreGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	gone, left := f.aged("delivered"), f.aged("delivered")
	_, err := f.DeleteEvents(t.Context(), store.Expired{IDs: []string{gone.EventID}, AsOf: soon()})
	require.NoError(t, err)
	require.ErrorIs(t, f.ExportEvents(t.Context(), []string{gone.EventID, left.EventID}, new(told)), store.ErrExpiredGone)
}
