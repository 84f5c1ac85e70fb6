package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

// publishedJSON is what is kept of a publication, to answer a repeated request as the first was.
type publishedJSON struct {
	ID           string                   `json:"id"`
	Event        string                   `json:"event"`
	Timestamp    time.Time                `json:"timestamp"`
	DeprecatedAt *time.Time               `json:"deprecated_at,omitempty"`
	Deliveries   []publishedJSONOfWebhook `json:"deliveries"`
}

type publishedJSONOfWebhook struct {
	ID        string `json:"id"`
	WebhookID string `json:"webhook_id"`
}

func encodePublished(published []webhook.Published) ([]byte, error) {
	kept := make([]publishedJSON, len(published))
	for i, one := range published {
		kept[i] = publishedJSON{ID: one.Event.ID, Event: one.Event.Event, Timestamp: one.Event.Timestamp, DeprecatedAt: one.Event.DeprecatedAt}
		for _, d := range one.Deliveries {
			kept[i].Deliveries = append(kept[i].Deliveries, publishedJSONOfWebhook{ID: d.ID, WebhookID: d.WebhookID})
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("encode what was published: %w", err)
	}
	return text, nil
}

// PublishedBefore returns what was published under the key of the account within the last 24 hours, with the
// IDs, event types and timestamps filled in: nil when nothing was. It fails when the key was used for another
// request.
func (s *Store) PublishedBefore(ctx context.Context, accountID string, key *webhook.IdempotencyKey) ([]webhook.Published, error) {
	var row struct {
		Request   []byte `db:"request"`
		Published []byte `db:"published"`
	}
	err := s.db.GetContext(ctx, &row, `
		SELECT request, published FROM idempotency_keys
		WHERE account_id = $1 AND key = $2 AND created_at >= now() - make_interval(secs => $3)`,
		accountID, key.Key[:], webhook.IdempotencyKept.Seconds())
	if errors.Is(err, errNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find idempotency key: %w", err)
	}
	if err := key.Check([32]byte(row.Request)); err != nil {
		return nil, err
	}
	var kept []publishedJSON
	if err := json.Unmarshal(row.Published, &kept); err != nil {
		return nil, fmt.Errorf("decode what was published: %w", err)
	}
	published := make([]webhook.Published, len(kept))
	for i, one := range kept {
		published[i].Event = webhook.Event{ID: one.ID, AccountID: accountID, Event: one.Event, Timestamp: one.Timestamp, DeprecatedAt: one.DeprecatedAt}
		for _, d := range one.Deliveries {
			published[i].Deliveries = append(published[i].Deliveries, webhook.Delivery{ID: d.ID, WebhookID: d.WebhookID})
		}
	}
	return published, nil
}

// DeleteOldIdempotencyKeys deletes up to limit keys that are remembered no more and returns how many.
func (s *Store) DeleteOldIdempotencyKeys(ctx context.Context, limit int) (int64, error) {
	result, err := s.db.ExecContext(ctx, `
		DELETE FROM idempotency_keys WHERE ctid IN (
			SELECT ctid FROM idempotency_keys
			WHERE created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
		webhook.IdempotencyKept.Seconds(), limit)
	if err != nil {
		return 0, fmt.Errorf("delete old idempotency keys: %w", err)
	}
	return result.RowsAffected()
}
