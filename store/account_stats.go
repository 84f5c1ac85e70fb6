package store

import (
	"context"
	"fmt"
	"time"

	"github.com/durahook/durahook/webhook"
)

// AccountStats returns the figures of all webhooks of an account together, in a span of whole hours: how its attempts
// ended, but not how long they took, which is much more to read. Of the deliveries of each status, it counts at most
// atMost; all with 0. What a webhook did that was deleted before the span is not in it.
func (s *Store) AccountStats(ctx context.Context, accountID string, since, until time.Time, atMost int) (webhook.Stats, error) {
	since, until = since.UTC(), until.UTC()
	stats := webhook.Stats{Since: since, Until: until}
	var err error
	if stats.Deliveries, err = s.countDeliveries(ctx, equal{accountColumn, accountID}, since, until, atMost); err != nil {
		return webhook.Stats{}, err
	}
	hours, err := s.accountHours(ctx, accountID, since, until)
	if err != nil {
		return webhook.Stats{}, err
	}
	for hour := since; hour.Before(until); hour = hour.Add(time.Hour) {
		of := webhook.Hour{Start: hour, Figures: hours[hour]}
		stats.Hours = append(stats.Hours, of)
		stats.Attempts.Add(of.Figures)
	}
	return stats, nil
}

// accountHoursStatement returns how many attempts ended how in each hour that was added up before, and, without an
// outcome, the hours of webhooks that were not. Each webhook's are found by the index: a join would be planned for many
// more of them.
const accountHoursStatement = `
	WITH theirs AS MATERIALIZED (
		SELECT id FROM webhooks WHERE account_id = $1 AND (deleted_at IS NULL OR deleted_at >= $2)
	), known AS MATERIALIZED (
		SELECT theirs.id, hour, version, figures FROM theirs CROSS JOIN LATERAL (
			SELECT hour, version, figures FROM webhook_hours WHERE webhook_id = theirs.id AND hour >= $2 AND hour < $3 OFFSET 0
		) AS of_webhook
	)
	SELECT '' AS webhook_id, hour, 0 AS version, key AS outcome, sum(value::int) AS attempts
	FROM known CROSS JOIN LATERAL jsonb_each_text(figures -> 'outcomes') GROUP BY hour, key
	UNION ALL
	SELECT theirs.id, span.hour, COALESCE(version, 0), '', 0
	FROM theirs CROSS JOIN generate_series($2::timestamptz, $3::timestamptz - interval '1 hour', interval '1 hour') AS span (hour)
	LEFT JOIN known ON known.id = theirs.id AND known.hour = span.hour WHERE figures IS NULL`

// accountHours adds up the attempts of an account by hour; those of hours that nobody asked for before are read as
// those of single webhooks are.
func (s *Store) accountHours(ctx context.Context, accountID string, since, until time.Time) (map[time.Time]webhook.Figures, error) {
	var rows []struct {
		WebhookID string          `db:"webhook_id"`
		Hour      time.Time       `db:"hour"`
		Version   int             `db:"version"`
		Outcome   webhook.Outcome `db:"outcome"`
		Attempts  int             `db:"attempts"`
	}
	if err := s.db.SelectContext(ctx, &rows, accountHoursStatement, accountID, since, until); err != nil {
		return nil, fmt.Errorf("find hours of account: %w", err)
	}
	var missing []webhookHour
	versions := make(map[webhookHour]int)
	figures := make(map[time.Time]webhook.Figures)
	add := func(hour time.Time, outcomes map[webhook.Outcome]int) {
		of := figures[hour]
		of.Add(webhook.Figures{Outcomes: outcomes})
		figures[hour] = of
	}
	for _, row := range rows {
		hour := row.Hour.UTC()
		if row.Outcome != "" {
			add(hour, map[webhook.Outcome]int{row.Outcome: row.Attempts})
			continue
		}
		key := webhookHour{row.WebhookID, hour}
		missing = append(missing, key)
		versions[key] = row.Version
	}
	added, err := s.addUpAndKeep(ctx, missing, versions)
	if err != nil {
		return nil, err
	}
	for key, of := range added {
		add(key.hour, of.Outcomes)
	}
	return figures, nil
}
