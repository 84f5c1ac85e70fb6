package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/durahook/durahook/internal/batch"
	"github.com/durahook/durahook/webhook"
)

const (
	// turnSoon is how far ahead a delivery that was not kept waiting may take its turn: it waits for it where it is.
	turnSoon = 100 * time.Millisecond
	// turnsAhead is how far ahead turns are given to those that were kept waiting, which have a way to go yet.
	turnsAhead = 500 * time.Millisecond
	// turnLate is how long a turn that was given may be away: the limit may have been lowered since, or others were
	// faster. One that would be further away waits anew, in its place.
	turnLate = 2 * time.Second
	// turnKept is how long a turn is kept for who doesn't take it, and then given again.
	turnKept = 15 * time.Second
)

// Turn says whether an attempt may be made under the rate limit of its webhook.
type Turn struct {
	Taken bool          // if not, the delivery is kept waiting, and told when its turn is: see [Store.GiveTurns]
	In    time.Duration // how long until then
}

// turnAsked is a delivery that asks for its turn.
type turnAsked struct{ deliveryID, webhookID string }

// TakeTurn takes the next turn for an attempt to a webhook with a rate limit, or keeps its delivery waiting behind the
// others. Turns are taken by the clock of the database under a lock of the webhook's row, so that the limit holds for
// all processes together.
func (s *Store) TakeTurn(ctx context.Context, deliveryID, webhookID string) (Turn, error) {
	turn, err := s.turns.Do(ctx, turnAsked{deliveryID, webhookID})
	if err != nil {
		return Turn{}, fmt.Errorf("take a turn: %w", err)
	}
	return turn, nil
}

func (s *Store) batchTurns() *batch.Batcher[turnAsked, Turn] {
	return batch.New(batch.Options[turnAsked]{
		Most: 200, Key: func(a turnAsked) string { return a.webhookID }, Timeout: batchTimeout, Single: isSingle,
	}, s.takeTurns)
}

// pace is how a webhook's turns stand.
type pace struct {
	webhook.Pace `db:"-"`
	ID           string     `db:"id"`
	RateLimit    *int       `db:"rate_limit"`
	NextTurnAt   *time.Time `db:"next_turn_at"`
	Now          time.Time  `db:"now"`
	Given        int        `db:"given"` // turns that are given and not taken yet
	taken        bool
}

// take takes the next turn and returns how long it is until then. Nobody waits for a webhook that is gone, nor for one
// that has no limit any more.
func (p *pace) take() time.Duration {
	if p == nil || p.PerSecond == 0 {
		return 0
	}
	p.taken = true
	return p.Take(p.Now)
}

// mayTake reports whether the next turn is so soon that it can be taken now.
func (p *pace) mayTake(given, crowded bool) bool {
	switch {
	case p == nil || p.PerSecond == 0:
		return true
	case given:
		return p.Due(p.Now, turnLate) > 0
	default:
		return !crowded && p.Due(p.Now, turnSoon) > 0
	}
}

// lockPaces locks the rows of webhooks and returns their paces.
func lockPaces(ctx context.Context, tx *sqlx.Tx, webhookIDs []string, skipLocked bool) (map[string]*pace, error) {
	statement := `
		SELECT id, rate_limit, next_turn_at, clock_timestamp() AS now,
			(SELECT count(*) FROM turns t WHERE t.webhook_id = w.id AND t.given_at IS NOT NULL) AS given
		FROM webhooks w WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE OF w`
	if skipLocked {
		statement += ` SKIP LOCKED`
	}
	var rows []*pace
	if err := tx.SelectContext(ctx, &rows, statement, pq.StringArray(webhookIDs)); err != nil {
		return nil, fmt.Errorf("lock webhooks: %w", err)
	}
	paces := make(map[string]*pace)
	for _, p := range rows {
		if p.RateLimit != nil {
			p.PerSecond = *p.RateLimit
		}
		if p.NextTurnAt != nil {
			p.Next = *p.NextTurnAt
		}
		paces[p.ID] = p
	}
	return paces, nil
}

func (s *Store) takeTurns(ctx context.Context, asked []turnAsked) ([]Turn, error) {
	turns := make([]Turn, len(asked))
	err := s.inTx(ctx, func(tx *sqlx.Tx) error {
		var deliveryIDs, webhookIDs []string
		for _, a := range asked {
			deliveryIDs, webhookIDs = append(deliveryIDs, a.deliveryID), append(webhookIDs, a.webhookID)
		}
		paces, err := lockPaces(ctx, tx, webhookIDs, false)
		if err != nil {
			return err
		}
		given, crowded, err := lookAtTurns(ctx, tx, deliveryIDs, webhookIDs)
		if err != nil {
			return err
		}
		var taken, waiting column
		var waitFor []string
		for i, a := range asked {
			p := paces[a.webhookID]
			if !p.mayTake(given[a.deliveryID], crowded[a.webhookID]) {
				waiting.string(a.deliveryID)
				waitFor = append(waitFor, a.webhookID)
				crowded[a.webhookID] = true
				continue
			}
			taken.string(a.deliveryID)
			turns[i] = Turn{Taken: true, In: p.take()}
		}
		return keepTurns(ctx, tx, paces, taken, waiting, waitFor)
	})
	return turns, err
}

// lookAtTurns returns which of the deliveries have been given their turn, and which of the webhooks have others that
// wait or have been given theirs.
func lookAtTurns(ctx context.Context, tx *sqlx.Tx, deliveryIDs, webhookIDs []string) (given, crowded map[string]bool, err error) {
	var givenIDs, crowdedIDs []string
	err = tx.SelectContext(ctx, &givenIDs, `SELECT delivery_id FROM turns WHERE delivery_id = ANY($1) AND given_at IS NOT NULL`,
		pq.StringArray(deliveryIDs))
	if err != nil {
		return nil, nil, fmt.Errorf("find turns that are given: %w", err)
	}
	err = tx.SelectContext(ctx, &crowdedIDs, `
		SELECT DISTINCT id FROM unnest($1::text[]) AS id WHERE EXISTS (SELECT FROM turns t WHERE t.webhook_id = id)`,
		pq.StringArray(webhookIDs))
	if err != nil {
		return nil, nil, fmt.Errorf("find webhooks that others wait for: %w", err)
	}
	return setOf(givenIDs), setOf(crowdedIDs), nil
}

func setOf(ids []string) map[string]bool {
	set := make(map[string]bool)
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// keepTurns writes down who has taken a turn, who waits, and when the next turns are. The workflows of those that wait
// are at work, so the sweep need not start them.
func keepTurns(ctx context.Context, tx *sqlx.Tx, paces map[string]*pace, taken, waiting column, waitFor []string) error {
	var ids, next column
	for id, p := range paces {
		if p.taken {
			ids.string(id)
			next.time(p.Next)
		}
	}
	_, err := tx.ExecContext(ctx, `
		WITH taken AS (
			DELETE FROM turns WHERE delivery_id = ANY($1)
		), waiting AS (
			INSERT INTO turns (delivery_id, webhook_id) SELECT * FROM unnest($2::text[], $3::text[])
			ON CONFLICT (delivery_id) DO UPDATE SET given_at = NULL
		), started AS (
			UPDATE deliveries SET sweep_at = NULL FROM (
				SELECT id FROM deliveries WHERE id = ANY($2) AND sweep_at IS NOT NULL ORDER BY id FOR UPDATE SKIP LOCKED
			) d WHERE deliveries.id = d.id
		)
		UPDATE webhooks SET next_turn_at = new.next FROM unnest($4::text[], $5::timestamptz[]) AS new (id, next)
		WHERE webhooks.id = new.id`,
		taken, waiting, pq.StringArray(waitFor), ids, next)
	if err != nil {
		return fmt.Errorf("keep turns: %w", err)
	}
	return nil
}

// GiveTurns returns the deliveries that are to be told that it is their turn, which they take then, and whether any are
// kept waiting. Only as many are told as have turns within the next moment, so that few wait beside those of others.
func (s *Store) GiveTurns(ctx context.Context) (given []string, more bool, err error) {
	var webhookIDs []string
	// From one webhook to the next along the index, however many deliveries wait for each.
	err = s.db.SelectContext(ctx, &webhookIDs, `
		WITH RECURSIVE along AS (
			(SELECT webhook_id FROM turns ORDER BY webhook_id LIMIT 1)
			UNION ALL
			SELECT (SELECT webhook_id FROM turns t WHERE t.webhook_id > along.webhook_id ORDER BY webhook_id LIMIT 1)
			FROM along WHERE webhook_id IS NOT NULL
		)
		SELECT webhook_id FROM along WHERE webhook_id IS NOT NULL`)
	if err != nil {
		return nil, false, fmt.Errorf("find webhooks that deliveries wait for: %w", err)
	}
	if len(webhookIDs) == 0 {
		return nil, false, nil
	}
	err = s.inTx(ctx, func(tx *sqlx.Tx) error {
		paces, err := lockPaces(ctx, tx, webhookIDs, true)
		if err != nil {
			return err
		}
		given, err = giveTurns(ctx, tx, paces)
		return err
	})
	return given, true, err
}

func giveTurns(ctx context.Context, tx *sqlx.Tx, paces map[string]*pace) (given []string, err error) {
	var ids, numbers column
	for id, p := range paces {
		due := p.Pace
		if due.PerSecond == 0 { // the limit was taken away
			due.PerSecond = webhook.MaxRateLimit
		}
		ids.string(id)
		numbers.int(int64(max(due.Due(p.Now, turnsAhead)-p.Given, 0)))
	}
	err = tx.SelectContext(ctx, &given, `
		WITH late AS (
			UPDATE turns SET given_at = NULL WHERE webhook_id = ANY($1) AND given_at < clock_timestamp() - make_interval(secs => $3)
		), next AS (
			SELECT waiting.delivery_id FROM unnest($1::text[], $2::int[]) AS w (id, n), LATERAL (
				SELECT delivery_id FROM turns t WHERE t.webhook_id = w.id AND t.given_at IS NULL ORDER BY asked_at LIMIT w.n
			) waiting
		)
		UPDATE turns SET given_at = clock_timestamp() FROM next WHERE turns.delivery_id = next.delivery_id
		RETURNING turns.delivery_id`, ids, numbers, turnKept.Seconds())
	if err != nil {
		return nil, fmt.Errorf("give turns: %w", err)
	}
	return given, nil
}

// DropTurn forgets a delivery that waits no more.
func (s *Store) DropTurn(ctx context.Context, deliveryID string) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM turns WHERE delivery_id = $1`, deliveryID); err != nil {
		return fmt.Errorf("drop a turn: %w", err)
	}
	return nil
}
