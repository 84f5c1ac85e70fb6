package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// WebhookStats returns the figures of a webhook in a span of whole hours. Whose it is, the caller has checked.
func (s *Store) WebhookStats(ctx context.Context, webhookID string, since, until time.Time) (webhook.Stats, error) {
	since, until = since.UTC(), until.UTC()
	stats := webhook.Stats{WebhookID: webhookID, Since: since, Until: until}
	var err error
	if stats.Deliveries, err = s.countDeliveries(ctx, webhookID, since, until); err != nil {
		return webhook.Stats{}, err
	}
	figures, err := s.hours(ctx, webhookID, since, until)
	if err != nil {
		return webhook.Stats{}, err
	}
	for hour := since; hour.Before(until); hour = hour.Add(time.Hour) {
		stats.Hours = append(stats.Hours, webhook.Hour{Start: hour, Figures: figures[hour]})
		stats.Attempts.Add(figures[hour])
	}
	return stats, nil
}

const countStatement = `
	SELECT status, (
		SELECT count(*) FROM deliveries d WHERE d.webhook_id = $1 AND d.status = lane.status AND d.id >= $2 AND d.id < $3
	) AS deliveries
	FROM unnest($4::text[]) AS lane (status)`

// countDeliveries counts those that were made from since to until, by the time in their IDs: like that, the
// index alone has everything.
func (s *Store) countDeliveries(ctx context.Context, webhookID string, since, until time.Time) (map[webhook.Status]int, error) {
	var rows []struct {
		Status     webhook.Status `db:"status"`
		Deliveries int            `db:"deliveries"`
	}
	err := s.db.SelectContext(ctx, &rows, countStatement,
		webhookID, webhook.FirstID(webhook.DeliveryPrefix, since), webhook.FirstID(webhook.DeliveryPrefix, until), statusTexts())
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	counts := make(map[webhook.Status]int)
	for _, row := range rows {
		counts[row.Status] = row.Deliveries
	}
	return counts, nil
}

// hourRow is an hour as it lies in the table; without figures when a late attempt took them away.
type hourRow struct {
	Hour    time.Time `db:"hour"`
	Version int       `db:"version"`
	Figures []byte    `db:"figures"`
}

// hours returns the figures of the hours in which there was an attempt. Attempts are read only of hours that
// were not added up before; those that are over are then added up for good.
func (s *Store) hours(ctx context.Context, webhookID string, since, until time.Time) (map[time.Time]webhook.Figures, error) {
	var rows []hourRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT hour, version, figures FROM webhook_hours WHERE webhook_id = $1 AND hour >= $2 AND hour < $3`,
		webhookID, since, until)
	if err != nil {
		return nil, fmt.Errorf("find hours: %w", err)
	}
	figures, versions := make(map[time.Time]webhook.Figures), make(map[time.Time]int)
	for _, row := range rows {
		hour := row.Hour.UTC()
		versions[hour] = row.Version
		if row.Figures == nil {
			continue
		}
		var of webhook.Figures
		if err := json.Unmarshal(row.Figures, &of); err != nil {
			return nil, fmt.Errorf("decode figures of %s: %w", webhookID, err)
		}
		figures[hour] = of
	}
	var missing []time.Time
	for hour := since; hour.Before(until); hour = hour.Add(time.Hour) {
		if _, known := figures[hour]; !known {
			missing = append(missing, hour)
		}
	}
	added, err := s.addUp(ctx, webhookID, missing)
	if err != nil {
		return nil, err
	}
	for hour, of := range added {
		figures[hour] = of
	}
	return figures, s.keepHours(ctx, webhookID, added, versions)
}

// addUp reads the attempts of some hours.
func (s *Store) addUp(ctx context.Context, webhookID string, hours []time.Time) (map[time.Time]webhook.Figures, error) {
	var rows []struct {
		Hour     time.Time       `db:"hour"`
		Outcome  webhook.Outcome `db:"outcome"`
		Step     *int            `db:"step"`
		Attempts int             `db:"attempts"`
		Slowest  int             `db:"slowest"`
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT hour, outcome, count(*) AS attempts, max(response_time_ms) AS slowest,
			CASE WHEN status_code IS NOT NULL THEN floor(ln(greatest(response_time_ms, 1)) / ln($3::float8))::int END AS step
		FROM unnest($2::timestamptz[]) AS hours (hour) JOIN attempts
			ON webhook_id = $1 AND started_at >= hour AND started_at < hour + interval '1 hour'
		GROUP BY hour, outcome, step`, webhookID, pq.Array(hours), webhook.TimesBase)
	if err != nil {
		return nil, fmt.Errorf("add up attempts: %w", err)
	}
	figures := make(map[time.Time]webhook.Figures)
	for _, hour := range hours {
		figures[hour] = webhook.Figures{}
	}
	for _, row := range rows {
		of := figures[row.Hour.UTC()]
		of.Count(row.Attempts, row.Outcome, row.Step, row.Slowest)
		figures[row.Hour.UTC()] = of
	}
	return figures, nil
}

// hourSettled is how long after its end an hour is added up for good: attempts begun in it are recorded by
// then, nearly all. Those that aren't are late, see lateAfter.
const hourSettled = 10 * time.Minute

// lateAfter is how long after the end of its hour an attempt counts as recorded late. The difference to
// hourSettled is more than recording takes, so that no attempt is neither in the figures nor late.
const lateAfter = 5 * time.Minute

// keepHours writes down the figures of the hours that are over, unless an attempt was recorded late meanwhile:
// the version is no longer the one that was read before the attempts.
func (s *Store) keepHours(ctx context.Context, webhookID string, figures map[time.Time]webhook.Figures, versions map[time.Time]int) error {
	var hours []time.Time
	var texts []string
	var known []int64
	for hour, of := range figures {
		text, err := json.Marshal(of)
		if err != nil {
			return fmt.Errorf("encode figures: %w", err)
		}
		hours, texts, known = append(hours, hour), append(texts, string(text)), append(known, int64(versions[hour]))
	}
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO webhook_hours (webhook_id, hour, version, figures)
		SELECT $1, hour, version, figures::jsonb FROM unnest($2::timestamptz[], $3::int[], $4::text[]) AS new (hour, version, figures)
		WHERE hour + interval '1 hour' <= now() - make_interval(secs => $5)
		ORDER BY hour
		ON CONFLICT (webhook_id, hour) DO UPDATE SET figures = excluded.figures
		WHERE webhook_hours.version = excluded.version AND webhook_hours.figures IS NULL`,
		webhookID, pq.Array(hours), pq.Array(known), pq.Array(texts), hourSettled.Seconds())
	if err != nil {
		return fmt.Errorf("keep hours: %w", err)
	}
	return nil
}
