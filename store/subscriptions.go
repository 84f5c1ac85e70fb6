package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// ErrStale is that the webhooks of an account have changed since its subscriptions were looked up.
var ErrStale = errors.New("the webhooks of the account have changed meanwhile")

// Subscribed is who gets the events of a type.
type Subscribed struct {
	Subscriptions []webhook.Subscription // of enabled webhooks, the oldest first
	// Version goes up with every change of the account's webhooks. A publication that was matched with an older one
	// is refused, see [Publication].
	Version int64
}

// Subscriptions returns the enabled webhooks of the account that subscribe to an event type. They may be remembered
// from before: whether they still are what they were is seen when the publication is written.
func (s *Store) Subscriptions(ctx context.Context, accountID, eventType string) (Subscribed, error) {
	if known, ok := s.subscriptions.get(accountID, eventType); ok {
		return known, nil
	}
	var rows []struct {
		Version int64          `db:"version"`
		ID      *string        `db:"id"`
		Name    *string        `db:"name"`
		Events  pq.StringArray `db:"events"`
		Filter  *string        `db:"filter"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT coalesce((SELECT version FROM subscription_versions WHERE account_id = $1), 0) AS version, w.*
		FROM (VALUES (0)) one LEFT JOIN (
			SELECT id, name, events, filter FROM webhooks
			WHERE account_id = $1 AND enabled AND deleted_at IS NULL AND events && $2
		) w ON true ORDER BY id`, accountID, pq.StringArray(webhook.Patterns(eventType)))
	if err != nil {
		return Subscribed{}, fmt.Errorf("find subscribed webhooks: %w", err)
	}
	found := Subscribed{Version: rows[0].Version}
	for _, row := range rows {
		if row.ID != nil {
			found.Subscriptions = append(found.Subscriptions, webhook.Subscription{
				WebhookID: *row.ID, WebhookName: *row.Name, Events: row.Events, Filter: *row.Filter,
			})
		}
	}
	s.subscriptions.put(accountID, eventType, found)
	return found, nil
}

// ForgetSubscriptions has the subscriptions of an account looked up again when they are next asked for.
func (s *Store) ForgetSubscriptions(accountID string) { s.subscriptions.forget(accountID) }

// mostSubscriptions is how many subscriptions of all accounts are remembered: some 200 bytes each.
const mostSubscriptions = 100_000

// subscriptions remembers who gets which events, by account and event type. It is safe for concurrent use, and the
// zero value is ready for it.
type subscriptions struct {
	mu       sync.Mutex
	accounts map[string]map[string]Subscribed
	size     int
}

func (s *subscriptions) get(accountID, eventType string) (Subscribed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.accounts[accountID][eventType]
	return known, ok
}

func (s *subscriptions) put(accountID, eventType string, found Subscribed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(accountID, eventType)
	size := sizeOf(found)
	for other := range s.accounts { // when there is no room, any account goes
		if s.size+size <= mostSubscriptions {
			break
		}
		s.dropAccount(other)
	}
	if s.accounts == nil {
		s.accounts = make(map[string]map[string]Subscribed)
	}
	if s.accounts[accountID] == nil {
		s.accounts[accountID] = make(map[string]Subscribed)
	}
	s.accounts[accountID][eventType] = found
	s.size += size
}

// forget has the subscriptions of an account looked up again.
func (s *subscriptions) forget(accountID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropAccount(accountID)
}

func (s *subscriptions) dropAccount(accountID string) {
	for eventType := range s.accounts[accountID] {
		s.drop(accountID, eventType)
	}
	delete(s.accounts, accountID)
}

func (s *subscriptions) drop(accountID, eventType string) {
	if known, ok := s.accounts[accountID][eventType]; ok {
		s.size -= sizeOf(known)
		delete(s.accounts[accountID], eventType)
	}
}

// sizeOf counts an event type that nobody subscribes to as well.
func sizeOf(s Subscribed) int { return 1 + len(s.Subscriptions) }
