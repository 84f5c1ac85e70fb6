package store

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/durahook/durahook/webhook"
)

// MostTogether is how many hours of webhooks AccountStats adds up, such as 25 hours of 200 of them: more take longer than
// a page may.
const MostTogether = 5000

// AccountStats returns the figures of all webhooks of an account together, in a span of whole hours: how its attempts
// ended, but not how long they took, which is much more to read. Of the deliveries of each status, it counts at most
// atMost; all with 0. What a webhook did that was deleted before the span is not in it. There are no attempts, and no
// hours, where the webhooks have more than [MostTogether] hours in it.
func (s *Store) AccountStats(ctx context.Context, accountID string, since, until time.Time, atMost int) (webhook.Stats, error) {
	since, until = since.UTC(), until.UTC()
	stats := webhook.Stats{Since: since, Until: until}
	var err error
	if stats.Deliveries, err = s.countDeliveries(ctx, equal{accountColumn, accountID}, since, until, atMost); err != nil {
		return webhook.Stats{}, err
	}
	most := MostTogether / int(max(until.Sub(since)/time.Hour, 1))
	var ids []string
	err = s.db.SelectContext(ctx, &ids, `
		SELECT id FROM webhooks WHERE account_id = $1 AND (deleted_at IS NULL OR deleted_at >= $2) LIMIT $3`, accountID, since, most+1)
	if err != nil {
		return webhook.Stats{}, fmt.Errorf("find webhooks of account: %w", err)
	}
	if len(ids) > most {
		return stats, nil
	}
	hours, err := s.hoursTogether(ctx, ids, since, until)
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

// togetherStatement returns how many attempts to some webhooks ended how in each hour that was added up before, and,
// without an outcome, the hours that were not. Each webhook's are found by the index: a join would be planned for many
// more of them.
const togetherStatement = `
	WITH known AS MATERIALIZED (
		SELECT id, hour, version, figures IS NULL AS missing, figures -> 'outcomes' AS outcomes
		FROM unnest($1::text[]) AS w (id) CROSS JOIN LATERAL (
			SELECT hour, version, figures FROM webhook_hours WHERE webhook_id = w.id AND hour >= $2 AND hour < $3 OFFSET 0
		) AS of_webhook
	)
	SELECT '' AS webhook_id, hour, 0 AS version, key AS outcome, sum(value::int) AS attempts
	FROM known CROSS JOIN LATERAL jsonb_each_text(outcomes) GROUP BY hour, key
	UNION ALL
	SELECT w.id, span.hour, COALESCE(version, 0), '', 0
	FROM unnest($1::text[]) AS w (id)
	CROSS JOIN generate_series($2::timestamptz, $3::timestamptz - interval '1 hour', interval '1 hour') AS span (hour)
	LEFT JOIN known ON known.id = w.id AND known.hour = span.hour WHERE COALESCE(missing, true)`

// hoursTogether adds up the attempts to some webhooks by hour; those of hours that nobody asked for before are read as
// those of single webhooks are.
func (s *Store) hoursTogether(ctx context.Context, webhookIDs []string, since, until time.Time) (map[time.Time]webhook.Figures, error) {
	var rows []struct {
		WebhookID string          `db:"webhook_id"`
		Hour      time.Time       `db:"hour"`
		Version   int             `db:"version"`
		Outcome   webhook.Outcome `db:"outcome"`
		Attempts  int             `db:"attempts"`
	}
	if err := s.db.SelectContext(ctx, &rows, togetherStatement, pq.StringArray(webhookIDs), since, until); err != nil {
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
