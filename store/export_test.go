package store

import (
	"context"
	"fmt"
	"time"

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

// KeepHours writes down figures of a webhook that were read at a version.
func KeepHours(ctx context.Context, s *Store, webhookID string, figures map[time.Time]webhook.Figures, versions map[time.Time]int) error {
	return s.keepHours(ctx, ofWebhook(webhookID, figures), ofWebhook(webhookID, versions))
}

func ofWebhook[Value any](webhookID string, byHour map[time.Time]Value) map[webhookHour]Value {
	of := make(map[webhookHour]Value)
	for hour, value := range byHour {
		of[webhookHour{webhookID, hour}] = value
	}
	return of
}

// CountQuery is what WebhookStats asks of a webhook's deliveries.
func CountQuery(webhookID, low, high string) Query {
	return Query{fmt.Sprintf(countStatement, "webhook_id"), []any{webhookID, low, high, statusTexts(), 0}}
}

// OverdueQuery is what Overdue asks for its first page.
func OverdueQuery(limit int) Query {
	return Query{overdueStatement, []any{time.Time{}, "", limit, overdueAfter.Seconds()}}
}

// ExpiredQuery is what Expired asks.
func ExpiredQuery(after string, before time.Time, limit int) Query {
	return Query{expiredStatement, []any{after, webhook.FirstID(webhook.EventPrefix, before), limit, settledAfter.Seconds()}}
}
