package store

import (
	"context"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

// EventFilter narrows a list of events; empty fields don't.
type EventFilter struct {
	Event string
	Since time.Time // created then or later
	Until time.Time // created before
	Query string    // the ID of an event or of a delivery of it, or a value in its data
}

const accountColumn = "account_id"

// Events returns a page of the account's events without their payloads, newest first.
func (s *Store) Events(ctx context.Context, accountID string, filter EventFilter, page Page) ([]webhook.Event, error) {
	events := []webhook.Event{}
	query, err := s.eventsStatement(ctx, accountID, filter, page)
	if err != nil || query == nil {
		return events, err
	}
	if err := s.db.SelectContext(ctx, &events, query.text.String(), query.args...); err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return events, nil
}

const eventRows = `SELECT id, account_id, event, timestamp, test, created_at FROM (%s) e ORDER BY id DESC`

// eventsStatement returns the statement that lists a page; nil when it is known to be empty.
func (s *Store) eventsStatement(ctx context.Context, accountID string, filter EventFilter, page Page) (*statement, error) {
	l := list{
		table: "events", prefix: webhook.EventPrefix, where: []equal{{accountColumn, accountID}},
		span: span{filter.Since, filter.Until}, page: page,
	}
	w := walk{owner: equal{accountColumn, accountID}}
	if filter.Event != "" {
		l.where = append(l.where, equal{"event", filter.Event})
		w.fixed = []equal{{"event", filter.Event}}
	}
	var ids []string
	var err error
	switch q := filter.Query; {
	case q == "":
		return l.along(eventRows, w), nil
	case webhook.CheckID(webhook.EventPrefix, q) == nil:
		ids = []string{q}
	case webhook.CheckID(webhook.DeliveryPrefix, q) == nil:
		err = s.db.SelectContext(ctx, &ids, `SELECT event_id FROM deliveries WHERE account_id = $1 AND id = $2`, accountID, q)
	default:
		ids, err = s.eventsWith(ctx, accountID, q)
	}
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return l.among(eventRows, "id", ids), nil
}
