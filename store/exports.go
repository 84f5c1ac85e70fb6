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
	byEvent := make(map[string][]webhook.Delivery)
	for _, d := range deliveries {
		byEvent[d.EventID] = append(byEvent[d.EventID], d)
	}
	for _, event := range events {
		if err := into.Event(event); err != nil {
			return err
		}
		for chunk := range slices.Chunk(byEvent[event.ID], exportedAttempts) {
			if err := s.exportDeliveries(ctx, chunk, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) exportDeliveries(ctx context.Context, deliveries []webhook.Delivery, into Export) error {
	ids := make(pq.StringArray, len(deliveries))
	for i, d := range deliveries {
		ids[i] = d.ID
	}
	attempts, err := s.attempts(ctx, `delivery_id = ANY($1) ORDER BY delivery_id, number`, ids)
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		of := slices.IndexFunc(attempts, func(a webhook.Attempt) bool { return a.DeliveryID != d.ID })
		if of < 0 {
			of = len(attempts)
		}
		if err := into.Delivery(d, attempts[:of]); err != nil {
			return err
		}
		attempts = attempts[of:]
	}
	return nil
}
