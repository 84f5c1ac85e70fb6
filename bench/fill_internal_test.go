package bench

import (
	"database/sql"
	"encoding/json"
	"testing"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver of Postgres
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/webhook"
)

// What a filling writes is as durahook itself writes it: foreign keys, which it leaves out, hold, IDs are IDs, events
// can be found by what is in them, and the indexes are there again.
func TestFilling(t *testing.T) {
	t.Parallel()
	db, err := sqlx.Open("postgres", testdb.New(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = migrations.Up(t.Context(), db.DB)
	require.NoError(t, err)
	webhooks := []string{webhook.NewID(webhook.WebhookPrefix), webhook.NewID(webhook.WebhookPrefix)}
	account := webhook.NewID(webhook.AccountPrefix)
	db.MustExec(`INSERT INTO accounts (id, name) VALUES ($1, 'Acme')`, account)
	for _, id := range webhooks {
		db.MustExec(`INSERT INTO webhooks (id, account_id, name, url, events, authentication, signing_secret) VALUES ($1, $2, 'Webhook', 'https://example.com', '{*}', '', '')`, id, account)
	}
	count := func(query string, args ...any) (n int) {
		t.Helper()
		require.NoError(t, db.GetContext(t.Context(), &n, query, args...), query)
		return n
	}
	indexes := count(`SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema()`)

	const deliveries = fillBatch + 500 // more than one statement
	steps := 0
	f := filling{db: db.DB, account: account, webhooks: webhooks, deliveries: deliveries}
	require.NoError(t, f.run(t.Context(), func(done int) { steps = done }))
	require.Equal(t, deliveries, steps)
	require.Equal(t, indexes, count(`SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema()`))
	require.Equal(t, deliveries, count(`SELECT count(*) FROM deliveries d JOIN events USING (account_id, event) JOIN event_payloads p USING (event_id)
		JOIN webhooks w ON w.id = d.webhook_id JOIN attempts a ON a.delivery_id = d.id AND a.webhook_id = d.webhook_id AND a.status_code = d.status_code
		WHERE events.id = d.event_id AND d.attempt_count = 1 AND d.sweep_at IS NULL AND d.created_at < now()`))
	require.Equal(t, deliveries, count(`SELECT count(*) FROM deliveries WHERE status IN ('delivered', 'exhausted')`))
	require.Equal(t, deliveries/50, count(`SELECT count(*) FROM deliveries WHERE status = 'exhausted'`))
	requireFound(t, db, account)
}

// requireFound makes sure that an event is where a search looks for it, and is what a publisher would have sent.
func requireFound(t *testing.T, db *sqlx.DB, account string) {
	t.Helper()
	var found struct {
		ID      string `db:"event_id"`
		Payload []byte `db:"payload"`
	}
	term := webhook.SearchTerm(account, "call_77")
	err := db.GetContext(t.Context(), &found, `SELECT event_id, payload FROM event_payloads WHERE search @> ARRAY[$1::bigint]`, term)
	require.NotErrorIs(t, err, sql.ErrNoRows)
	require.NoError(t, err)
	require.NoError(t, webhook.CheckID(webhook.EventPrefix, found.ID))
	var payload struct {
		Data map[string]string `json:"data"`
	}
	require.NoError(t, json.Unmarshal(found.Payload, &payload), string(found.Payload))
	require.Equal(t, "call_77", payload.Data["call_id"])
}
