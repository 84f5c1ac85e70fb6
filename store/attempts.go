package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/durahook/durahook/webhook"
)

const attemptColumns = `
	id, delivery_id, run_id, sequence, number, trigger, outcome, status_code, response_time_ms, error,
	response_body, started_at, ended_at, lane, lane_reason`

// Attempts returns all attempts of a delivery of the account, in the order in which they were made.
func (s *Store) Attempts(ctx context.Context, accountID, deliveryID string) ([]webhook.Attempt, error) {
	return s.attempts(ctx, `delivery_id = (SELECT id FROM deliveries WHERE account_id = $1 AND id = $2) ORDER BY number`, accountID, deliveryID)
}

// attempts returns those that a condition finds, in its order.
func (s *Store) attempts(ctx context.Context, where string, args ...any) ([]webhook.Attempt, error) {
	rows := []struct {
		webhook.Attempt
		Headers        []byte `db:"response_headers"`
		RequestHeaders []byte `db:"request_headers"`
		Timing         []byte `db:"timing"`
	}{}
	err := s.db.SelectContext(ctx, &rows, `SELECT `+attemptColumns+`, response_headers, request_headers, timing FROM attempts WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", err)
	}
	attempts := make([]webhook.Attempt, len(rows))
	for i, row := range rows {
		attempts[i] = row.Attempt
		for _, detail := range []struct {
			text []byte
			into any
		}{
			{row.Headers, &attempts[i].ResponseHeaders}, {row.RequestHeaders, &attempts[i].RequestHeaders}, {row.Timing, &attempts[i].Timing},
		} {
			if err := json.Unmarshal(detail.text, detail.into); detail.text != nil && err != nil {
				return nil, fmt.Errorf("decode details of %s: %w", row.ID, err)
			}
		}
	}
	return attempts, nil
}
