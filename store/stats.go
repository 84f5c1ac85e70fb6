package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// WebhookStats returns the figures of a webhook in a span of whole hours. Of the deliveries of each status, it counts
// at most atMost; all with 0. Whose the webhook is, the caller has checked.
func (s *Store) WebhookStats(ctx context.Context, webhookID string, since, until time.Time, atMost int) (webhook.Stats, error) {
	since, until = since.UTC(), until.UTC()
	stats := webhook.Stats{WebhookID: webhookID, Since: since, Until: until}
	var err error
	if stats.Deliveries, err = s.countDeliveries(ctx, equal{"webhook_id", webhookID}, since, until, atMost); err != nil {
		return webhook.Stats{}, err
	}
	hours, err := s.WebhooksHours(ctx, []string{webhookID}, since, until)
	if err != nil {
		return webhook.Stats{}, err
	}
	stats.Hours = hours[webhookID]
	for _, hour := range stats.Hours {
		stats.Attempts.Add(hour.Figures)
	}
	return stats, nil
}

// WebhooksHours returns, for each of some webhooks, the figures of every hour of a span of whole hours, the earliest
// first. Whose they are, the caller has checked.
func (s *Store) WebhooksHours(ctx context.Context, webhookIDs []string, since, until time.Time) (map[string][]webhook.Hour, error) {
	since, until = since.UTC(), until.UTC()
	figures, err := s.hours(ctx, webhookIDs, since, until)
	if err != nil {
		return nil, err
	}
	hours := make(map[string][]webhook.Hour, len(webhookIDs))
	for _, id := range webhookIDs {
		for hour := since; hour.Before(until); hour = hour.Add(time.Hour) {
			hours[id] = append(hours[id], webhook.Hour{Start: hour, Figures: figures[webhookHour{id, hour}]})
		}
	}
	return hours, nil
}

// countStatement counts the deliveries of a webhook or an account, as the column says.
const countStatement = `
	SELECT status, (
		SELECT count(*) FROM (
			SELECT 1 FROM deliveries d
			WHERE d.%s = $1 AND d.status = lane.status AND d.id >= $2 AND d.id < $3
			LIMIT NULLIF($5::int, 0)
		) AS counted
	) AS deliveries
	FROM unnest($4::text[]) AS lane (status)`

// countDeliveries counts those of an owner that were made from since to until, by the time in their IDs: like that, the
// index alone has everything.
func (s *Store) countDeliveries(ctx context.Context, owner equal, since, until time.Time, atMost int) (map[webhook.Status]int, error) {
	var rows []struct {
		Status     webhook.Status `db:"status"`
		Deliveries int            `db:"deliveries"`
	}
	err := s.db.SelectContext(ctx, &rows, fmt.Sprintf(countStatement, owner.column),
		owner.value, webhook.FirstID(webhook.DeliveryPrefix, since), webhook.FirstID(webhook.DeliveryPrefix, until), statusTexts(), atMost)
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	counts := make(map[webhook.Status]int)
	for _, row := range rows {
		counts[row.Status] = row.Deliveries
	}
	return counts, nil
}

// webhookHour is an hour of a webhook.
type webhookHour struct {
	webhookID string
	hour      time.Time
}

// columnsOf returns some hours as two columns.
func columnsOf(some []webhookHour) (webhookIDs []string, hours []time.Time) {
	for _, one := range some {
		webhookIDs, hours = append(webhookIDs, one.webhookID), append(hours, one.hour)
	}
	return webhookIDs, hours
}

// hourRow is an hour as it lies in the table; without figures when a late attempt took them away.
type hourRow struct {
	WebhookID string    `db:"webhook_id"`
	Hour      time.Time `db:"hour"`
	Version   int       `db:"version"`
	Figures   []byte    `db:"figures"`
}

// hours returns the figures of the hours of some webhooks. Attempts are read only of hours that were not added up
// before; those that are over are then added up for good.
func (s *Store) hours(ctx context.Context, webhookIDs []string, since, until time.Time) (map[webhookHour]webhook.Figures, error) {
	var rows []hourRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT webhook_id, hour, version, figures FROM webhook_hours WHERE webhook_id = ANY($1) AND hour >= $2 AND hour < $3`,
		pq.StringArray(webhookIDs), since, until)
	if err != nil {
		return nil, fmt.Errorf("find hours: %w", err)
	}
	figures, versions := make(map[webhookHour]webhook.Figures), make(map[webhookHour]int)
	for _, row := range rows {
		key := webhookHour{row.WebhookID, row.Hour.UTC()}
		versions[key] = row.Version
		if row.Figures == nil {
			continue
		}
		var of webhook.Figures
		if err := json.Unmarshal(row.Figures, &of); err != nil {
			return nil, fmt.Errorf("decode figures of %s: %w", row.WebhookID, err)
		}
		figures[key] = of
	}
	var missing []webhookHour
	for _, id := range webhookIDs {
		for hour := since; hour.Before(until); hour = hour.Add(time.Hour) {
			if _, known := figures[webhookHour{id, hour}]; !known {
				missing = append(missing, webhookHour{id, hour})
			}
		}
	}
	added, err := s.addUpAndKeep(ctx, missing, versions)
	if err != nil {
		return nil, err
	}
	maps.Copy(figures, added)
	return figures, nil
}

// addUpAndKeep returns the figures of hours that were not added up before, and keeps those of the hours that are over.
// The versions are those that were read before.
func (s *Store) addUpAndKeep(ctx context.Context, missing []webhookHour, versions map[webhookHour]int) (map[webhookHour]webhook.Figures, error) {
	added, err := s.addUp(ctx, missing)
	if err != nil {
		return nil, err
	}
	return added, s.keepHours(ctx, added, versions)
}

// addUp reads the attempts of some hours, of each by the index: a join would be planned for many more of them, and
// read the whole table.
func (s *Store) addUp(ctx context.Context, missing []webhookHour) (map[webhookHour]webhook.Figures, error) {
	var rows []struct {
		WebhookID string          `db:"webhook_id"`
		Hour      time.Time       `db:"hour"`
		Outcome   webhook.Outcome `db:"outcome"`
		Step      *int            `db:"step"`
		Attempts  int             `db:"attempts"`
		Slowest   int             `db:"slowest"`
	}
	webhookIDs, hours := columnsOf(missing)
	err := s.db.SelectContext(ctx, &rows, `
		SELECT missing.webhook_id, missing.hour, outcome, attempts, slowest, step
		FROM unnest($1::text[], $2::timestamptz[]) AS missing (webhook_id, hour) CROSS JOIN LATERAL (
			SELECT outcome, count(*) AS attempts, max(response_time_ms) AS slowest,
				CASE WHEN status_code IS NOT NULL THEN floor(ln(greatest(response_time_ms, 1)) / ln($3::float8))::int END AS step
			FROM attempts WHERE attempts.webhook_id = missing.webhook_id
				AND started_at >= missing.hour AND started_at < missing.hour + interval '1 hour'
			GROUP BY outcome, step
		) AS of_hour`, pq.StringArray(webhookIDs), pq.Array(hours), webhook.TimesBase)
	if err != nil {
		return nil, fmt.Errorf("add up attempts: %w", err)
	}
	figures := make(map[webhookHour]webhook.Figures)
	for _, one := range missing {
		figures[one] = webhook.Figures{}
	}
	for _, row := range rows {
		key := webhookHour{row.WebhookID, row.Hour.UTC()}
		of := figures[key]
		of.Count(row.Attempts, row.Outcome, row.Step, row.Slowest)
		figures[key] = of
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
func (s *Store) keepHours(ctx context.Context, figures map[webhookHour]webhook.Figures, versions map[webhookHour]int) error {
	var over []webhookHour
	var texts []string
	var known []int64
	for key, of := range figures {
		if time.Since(key.hour) < time.Hour { // by this clock, which need not be exact: the statement has the last word
			continue
		}
		text, err := json.Marshal(of)
		if err != nil {
			return fmt.Errorf("encode figures: %w", err)
		}
		over, texts, known = append(over, key), append(texts, string(text)), append(known, int64(versions[key]))
	}
	if len(over) == 0 {
		return nil
	}
	webhookIDs, hours := columnsOf(over)
	_, err := s.db.ExecContext(ctx, `
		INSERT INTO webhook_hours (webhook_id, hour, version, figures)
		SELECT webhook_id, hour, version, figures::jsonb
		FROM unnest($1::text[], $2::timestamptz[], $3::int[], $4::text[]) AS new (webhook_id, hour, version, figures)
		WHERE hour + interval '1 hour' <= now() - make_interval(secs => $5)
		ORDER BY webhook_id, hour
		ON CONFLICT (webhook_id, hour) DO UPDATE SET figures = excluded.figures
		WHERE webhook_hours.version = excluded.version AND webhook_hours.figures IS NULL`,
		pq.StringArray(webhookIDs), pq.Array(hours), pq.Array(known), pq.Array(texts), hourSettled.Seconds())
	if err != nil {
		return fmt.Errorf("keep hours: %w", err)
	}
	return nil
}
