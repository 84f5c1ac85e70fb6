package store

import (
	"context"
	"fmt"

	"github.com/durahook/durahook/webhook"
)

// Event returns one event of the account.
func (s *Store) Event(ctx context.Context, accountID, id string) (webhook.Event, error) {
	var event webhook.Event
	err := s.db.GetContext(ctx, &event, `
		SELECT e.id, e.account_id, e.event, e.timestamp, e.test, e.created_at, p.payload, p.erased_at,
			coalesce(p.traceparent, '') AS traceparent
		FROM events e JOIN event_payloads p ON p.event_id = e.id
		WHERE e.account_id = $1 AND e.id = $2`, accountID, id)
	if err != nil {
		return webhook.Event{}, fmt.Errorf("find event: %w", notFound(err, webhook.EventPrefix, id))
	}
	return event, nil
}
