package store

import (
	"context"

	"github.com/durahook/durahook/webhook"
)

// Query is SQL with its arguments, for tests of plans.
type Query struct {
	Text string
	Args []any
}

func query(s *statement, err error) (Query, error) {
	if err != nil || s == nil {
		return Query{}, err
	}
	return Query{s.text.String(), s.args}, nil
}

// DeliveriesQuery is what Deliveries asks.
func (s *Store) DeliveriesQuery(ctx context.Context, accountID string, filter DeliveryFilter, page Page) (Query, error) {
	return query(s.deliveriesStatement(ctx, accountID, filter, page))
}

// EventsQuery is what Events asks.
func (s *Store) EventsQuery(ctx context.Context, accountID string, filter EventFilter, page Page) (Query, error) {
	return query(s.eventsStatement(ctx, accountID, filter, page))
}

// SearchQuery is what a search asks first.
func SearchQuery(accountID, value string) Query {
	return Query{searchStatement, []any{webhook.SearchTerm(accountID, value), mostFound + 1}}
}
