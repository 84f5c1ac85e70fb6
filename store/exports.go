package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// Export takes in events, and after each its deliveries with their attempts.
type Export interface {
	Event(event webhook.Event) error
	Delivery(d webhook.Delivery, attempts []webhook.Attempt) error
}

const (
	// exportedEvents and exportedAttempts are of how many events, and of how many deliveries the attempts, are in memory at
	// a time: a payload has up to 256 KiB, and an attempt the 16 KiB that were answered.
	exportedEvents   = 25
	exportedAttempts = 50
)

// ErrExpiredGone is returned by [Store.ExportEvents] when somebody else has deleted one of the events meanwhile.
var ErrExpiredGone = errors.New("an event that is to be exported was deleted meanwhile")

// ExportEvents hands over events with all that belongs to them, in the order of their IDs. When it returns nil, every one
// of them was there in whole: they are deleted in whole, and none was until the end.
func (s *Store) ExportEvents(ctx context.Context, ids []string, into Export) error {
	for chunk := range slices.Chunk(ids, exportedEvents) {
		if err := s.exportEvents(ctx, chunk, into); err != nil {
			return fmt.Errorf("export events: %w", err)
		}
	}
	var left int
	if err := s.db.GetContext(ctx, &left, `SELECT count(*) FROM events WHERE id = ANY($1)`, pq.StringArray(ids)); err != nil {
		return fmt.Errorf("count events that were exported: %w", err)
	}
	if left != len(ids) {
		return ErrExpiredGone
	}
	return nil
}

func (s *Store) exportEvents(ctx context.Context, ids pq.StringArray, into Export) error {
	var events []webhook.Event
	err := s.db.SelectContext(ctx, &events, `
		SELECT e.id, e.account_id, e.event, e.timestamp, e.test, e.created_at, p.payload, p.erased_at
		FROM events e JOIN event_payloads p ON p.event_id = e.id WHERE e.id = ANY($1) ORDER BY e.id`, ids)
	if err != nil {
		return err
	}
	var deliveries []webhook.Delivery
	err = s.db.SelectContext(ctx, &deliveries, `
		SELECT `+deliveryColumns+` FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id
		WHERE d.event_id = ANY($1) ORDER BY d.event_id, d.id`, ids)
	if err != nil {
		return err
	}
	var attempts map[string][]webhook.Attempt // of the deliveries that come next
	next := 0
	for _, event := range events {
		if err := into.Event(event); err != nil {
			return err
		}
		for ; next < len(deliveries) && deliveries[next].EventID == event.ID; next++ {
			if next%exportedAttempts == 0 {
				if attempts, err = s.attemptsOf(ctx, deliveries[next:min(next+exportedAttempts, len(deliveries))]); err != nil {
					return err
				}
			}
			if err := into.Delivery(deliveries[next], attempts[deliveries[next].ID]); err != nil {
				return err
			}
		}
	}
	return nil
}

// attemptsOf returns the attempts of deliveries, by their IDs.
func (s *Store) attemptsOf(ctx context.Context, deliveries []webhook.Delivery) (map[string][]webhook.Attempt, error) {
	ids := make(pq.StringArray, len(deliveries))
	for i, d := range deliveries {
		ids[i] = d.ID
	}
	attempts, err := s.attempts(ctx, `delivery_id = ANY($1) ORDER BY number`, ids)
	if err != nil {
		return nil, err
	}
	byDelivery := make(map[string][]webhook.Attempt, len(ids))
	for _, a := range attempts {
		byDelivery[a.DeliveryID] = append(byDelivery[a.DeliveryID], a)
	}
	return byDelivery, nil
}
