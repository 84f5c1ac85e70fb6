package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// crowd is a million deliveries, one of each event. Account one has nearly all: those of webhook busy were
// delivered, those of webhook dead, a tenth, were exhausted with 503. The very oldest are the only ones of
// their kind, so that whoever has no index for them looks through everything. The rest are account two's.
type crowd struct {
	*fixture
	one, two         string
	busy, dead, rare webhook.Webhook
	began            time.Time // the deliveries are a hundred milliseconds apart from here on
}

const million = 1_000_000

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	began := time.Now()
	f := newFixture(t)
	c := &crowd{fixture: f, one: f.account, two: f.newAccount("two"), began: time.Now().UTC().Add(-30 * time.Hour).Truncate(time.Second)}
	c.busy, c.dead, c.rare = f.newWebhook(c.one, "*"), f.newWebhook(c.one, "*"), f.newWebhook(c.two, "*")
	require.NoError(t, c.fill())
	t.Log("filled after", time.Since(began))
	f.exec(`VACUUM ANALYZE`)
	return c
}

// fill writes the rows, much faster than an application could: the indexes are made after them.
func (c *crowd) fill() error {
	tx, err := c.DB().BeginTxx(c.t.Context(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect once it is committed
	var indexes []struct{ Name, Definition string }
	if err := tx.Select(&indexes, `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
		WHERE tablename IN ('events', 'event_payloads', 'deliveries') AND indexname NOT LIKE '%pkey'`); err != nil {
		return err
	}
	statements := []string{`SET LOCAL session_replication_role = replica`, `SET LOCAL maintenance_work_mem = '256MB'`} // no foreign keys
	for _, index := range indexes {
		statements = append(statements, `DROP INDEX `+index.Name)
	}
	statements = append(statements, c.rows()...)
	for _, index := range indexes {
		statements = append(statements, index.Definition)
	}
	return execAll(c.t, tx, statements)
}

func execAll(t *testing.T, tx *sqlx.Tx, statements []string) error {
	t.Helper()
	for _, statement := range statements {
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return tx.Commit()
}

func (c *crowd) rows() []string {
	// The suffix of a TypeID: ten digits for the millisecond, and sixteen that count here.
	var digits []string
	for shift := 45; shift >= 0; shift -= 5 {
		digits = append(digits, fmt.Sprintf(`substr('0123456789abcdefghjkmnpqrstvwxyz', ((ms >> %d) & 31)::int + 1, 1)`, shift))
	}
	return []string{
		fmt.Sprintf(`CREATE TEMP TABLE crowd ON COMMIT DROP AS
			SELECT n, %s || lpad(n::text, 16, '0') AS suffix, to_timestamp(ms / 1000.0) AS at,
				CASE WHEN n %% 1000 = 0 THEN '%s' ELSE '%s' END AS account,
				CASE WHEN n = 7 THEN 'campaign.completed' WHEN n %% 2 = 0 THEN 'call.ended' ELSE 'call.started' END AS event
			FROM (SELECT n, %d + n * 100 AS ms FROM generate_series(1, %d) AS n) AS moments`,
			strings.Join(digits, " || "), c.two, c.one, c.began.UnixMilli(), million),
		`INSERT INTO events (id, account_id, event, timestamp, created_at) SELECT 'evt_' || suffix, account, event, at, at FROM crowd`,
		`INSERT INTO event_payloads (event_id, payload, search) SELECT 'evt_' || suffix, '{}', (
			SELECT array_agg(('x' || substr(encode(sha256((account || '\000')::bytea || value::bytea), 'hex'), 1, 16))::bit(64)::bigint)
			FROM unnest(ARRAY['call_' || n, '+1555' || n / 10, 'campaign_' || n % 200, 'completed']) AS value) FROM crowd`,
		fmt.Sprintf(`INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, attempt_count, outcome, status_code, sweep_at, created_at)
			SELECT 'dlv_' || suffix, account, 'evt_' || suffix,
				CASE WHEN n %% 1000 = 0 THEN '%s' WHEN n = 7 OR n %% 10 = 9 THEN '%s' ELSE '%s' END, event,
				CASE n WHEN 1 THEN 'cancelled' WHEN 2 THEN 'discarded' WHEN 3 THEN 'waiting' WHEN 4 THEN 'pending' WHEN 6 THEN 'exhausted'
					ELSE CASE WHEN n %% 10 = 9 THEN 'exhausted' ELSE 'delivered' END END,
				1, 'success', CASE n WHEN 1 THEN NULL WHEN 3 THEN 429 WHEN 5 THEN 204 WHEN 6 THEN 500
					ELSE CASE WHEN n %% 10 = 9 THEN 503 ELSE 200 END END, NULL, at
			FROM crowd`, c.rare.ID, c.dead.ID, c.busy.ID),
	}
}

// plan is what Postgres did for a query.
type plan struct {
	Node     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Plans    []plan
}

func (c *crowd) explain(query store.Query) (plan, string) {
	c.t.Helper()
	return c.explainIn(c.DB(), query)
}

func (c *crowd) explainIn(db sqlx.QueryerContext, query store.Query) (plan, string) {
	c.t.Helper()
	var text string
	require.NoError(c.t, sqlx.GetContext(c.t.Context(), db, &text, `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) `+query.Text, query.Args...))
	var plans []struct{ Plan plan }
	require.NoError(c.t, json.Unmarshal([]byte(text), &plans))
	return plans[0].Plan, text
}

// check fails for a part of a plan that looks through a table or sorts much.
func (p plan) check(t *testing.T, text string) {
	t.Helper()
	require.False(t, p.Node == "Seq Scan" && p.Relation != "webhooks", text)
	for _, part := range p.Plans {
		if strings.HasSuffix(p.Node, "Sort") {
			require.LessOrEqual(t, part.Rows*part.Loops, float64(mostSorted), text)
		}
		part.check(t, text)
	}
}

const (
	pageSize    = 51 // as the API asks
	mostBuffers = 3000
	mostSorted  = 1000 // rows of all lanes together
)

// requireCheap makes sure that a query reads little by an index.
func (c *crowd) requireCheap(query store.Query) {
	c.t.Helper()
	done, text := c.explain(query)
	done.check(c.t, text)
	require.Contains(c.t, text, `"Index Name"`)
	require.Less(c.t, done.Hit+done.Read, mostBuffers, text)
	c.t.Log(done.Hit+done.Read, "buffers,", done.Rows, "rows")
}

// A million rows; the plans and what they read are checked, not how long it takes.
func TestListsOfAMillion(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("fills a large database")
	}
	c := newCrowd(t)
	for name, part := range map[string]func(*testing.T){
		"deliveries": c.testDeliveries, "events": c.testEvents, "search": c.testSearch, "stats": c.testStats,
		"open deliveries": c.testOpen, "retention": c.testRetention,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t)
		})
	}
}

func (c *crowd) in(t *testing.T) *crowd {
	t.Helper()
	inner, f := *c, *c.fixture
	f.t = t
	inner.fixture = &f
	return &inner
}

func (c *crowd) testDeliveries(t *testing.T) {
	t.Helper()
	type filter = store.DeliveryFilter
	early, late := c.began.Add(time.Minute), c.began.Add(27*time.Hour)
	code := func(from, to int) store.StatusCodes { return store.StatusCodes{From: from, To: to} }
	const page, few, none = pageSize, -1, 0
	for name, scenario := range map[string]struct {
		filter filter
		want   int // rows; few: some, but fewer than a page
	}{
		"none":                         {filter{}, page},
		"pending":                      {filter{Status: "pending"}, 1},
		"waiting":                      {filter{Status: "waiting"}, 1},
		"cancelled":                    {filter{Status: "cancelled"}, 1},
		"discarded":                    {filter{Status: "discarded"}, 1},
		"delivered":                    {filter{Status: "delivered"}, page},
		"exhausted":                    {filter{Status: "exhausted"}, page},
		"webhook":                      {filter{WebhookID: c.busy.ID}, page},
		"another's webhook":            {filter{WebhookID: c.rare.ID, Status: "exhausted"}, none},
		"unknown webhook":              {filter{WebhookID: webhook.NewID("whk")}, none},
		"webhook, delivered":           {filter{WebhookID: c.dead.ID, Status: "delivered"}, 1},
		"webhook, exhausted":           {filter{WebhookID: c.busy.ID, Status: "exhausted"}, 1},
		"webhook, pending":             {filter{WebhookID: c.dead.ID, Status: "pending"}, none},
		"webhook, code":                {filter{WebhookID: c.busy.ID, StatusCodes: code(204, 204)}, 1},
		"webhook, class":               {filter{WebhookID: c.busy.ID, StatusCodes: code(500, 599)}, 1},
		"webhook, status, class":       {filter{WebhookID: c.busy.ID, Status: "exhausted", StatusCodes: code(400, 499)}, none},
		"webhook, status, event":       {filter{WebhookID: c.busy.ID, Status: "exhausted", Event: "call.ended"}, 1},
		"event":                        {filter{Event: "campaign.completed"}, 1},
		"unknown event":                {filter{Event: "campaign.never"}, none},
		"frequent event":               {filter{Event: "call.ended"}, page},
		"event, status":                {filter{Event: "call.ended", Status: "exhausted"}, 1},
		"event, status, nothing":       {filter{Event: "campaign.completed", Status: "exhausted"}, none},
		"code":                         {filter{StatusCodes: code(500, 500)}, 1},
		"rare good code":               {filter{StatusCodes: code(204, 204)}, 1},
		"frequent code":                {filter{StatusCodes: code(200, 200)}, page},
		"unknown code":                 {filter{StatusCodes: code(418, 418)}, none},
		"2xx":                          {filter{StatusCodes: code(200, 299)}, page},
		"3xx":                          {filter{StatusCodes: code(300, 399)}, none},
		"4xx":                          {filter{StatusCodes: code(400, 499)}, 1},
		"5xx":                          {filter{StatusCodes: code(500, 599)}, page},
		"5xx, waiting":                 {filter{StatusCodes: code(400, 499), Status: "waiting"}, 1},
		"event ID":                     {filter{EventID: c.id("evt", 500)}, 1},
		"event ID, status":             {filter{EventID: c.id("evt", 500), Status: "exhausted"}, none},
		"another's event":              {filter{EventID: c.id("evt", 1000)}, none},
		"since":                        {filter{Since: late}, page},
		"since, nothing":               {filter{Since: late.Add(100 * time.Hour)}, none},
		"until":                        {filter{Until: early}, page},
		"until, nothing":               {filter{Until: c.began}, none},
		"since, until":                 {filter{Since: early, Until: early.Add(time.Second)}, 10},
		"since, until, status":         {filter{Since: early, Until: late, Status: "cancelled"}, none},
		"until, status":                {filter{Until: early, Status: "exhausted"}, page},
		"until, code":                  {filter{Until: early, StatusCodes: code(500, 500)}, 1},
		"until, class":                 {filter{Until: early, StatusCodes: code(500, 599)}, page},
		"until, webhook, code":         {filter{Until: early, WebhookID: c.dead.ID, StatusCodes: code(503, 503)}, page},
		"until, webhook, status":       {filter{Until: early, WebhookID: c.busy.ID, Status: "exhausted"}, 1},
		"since, event":                 {filter{Since: early, Event: "campaign.completed"}, none},
		"until, event, status":         {filter{Until: early, Event: "call.ended", Status: "delivered"}, page},
		"search":                       {filter{Query: "call_500"}, 1},
		"search, nothing":              {filter{Query: "call_0"}, none},
		"search, some":                 {filter{Query: "+155550"}, few},
		"search, another's":            {filter{Query: "call_1000"}, none},
		"search, webhook, status":      {filter{Query: "+155550", WebhookID: c.dead.ID, Status: "exhausted"}, 1},
		"search, since":                {filter{Query: "+155550", Since: early}, none},
		"search, code, event, until":   {filter{Query: "+155550", StatusCodes: code(200, 299), Event: "call.ended", Until: late}, few},
		"search event's ID":            {filter{Query: c.id("evt", 500)}, 1},
		"search delivery's ID":         {filter{Query: c.id("dlv", 500)}, 1},
		"search delivery's ID, status": {filter{Query: c.id("dlv", 500), Status: "exhausted"}, none},
		"search another's":             {filter{Query: c.id("dlv", 1000)}, none},
		"search webhook's ID":          {filter{Query: c.dead.ID}, page},
		"search webhook's ID, status":  {filter{Query: c.dead.ID, Status: "delivered"}, 1},
		"search another webhook's ID":  {filter{Query: c.dead.ID, WebhookID: c.busy.ID}, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c.in(t)
			first := store.Page{Limit: pageSize}
			deliveries, err := c.Deliveries(t.Context(), c.one, scenario.filter, first)
			require.NoError(t, err)
			if scenario.want == few {
				require.NotEmpty(t, deliveries)
				require.Less(t, len(deliveries), pageSize)
			} else {
				require.Len(t, deliveries, scenario.want)
			}
			for _, d := range deliveries {
				require.Equal(t, c.one, d.AccountID)
			}
			pages := []store.Page{first, {Before: c.id("dlv", million/2), Limit: pageSize}}
			if len(deliveries) == pageSize {
				pages = append(pages, store.Page{Before: deliveries[pageSize-2].ID, Limit: pageSize})
			}
			for _, page := range pages {
				query, err := c.DeliveriesQuery(t.Context(), c.one, scenario.filter, page)
				require.NoError(t, err)
				if query.Text != "" {
					c.requireCheap(query)
				}
			}
		})
	}
}

// id is that of the event or delivery with a number.
func (c *crowd) id(prefix string, n int) string {
	first := webhook.FirstID(prefix, c.began.Add(time.Duration(n)*100*time.Millisecond))
	return first[:len(first)-16] + fmt.Sprintf("%016d", n)
}

func (c *crowd) testEvents(t *testing.T) {
	t.Helper()
	type filter = store.EventFilter
	early := c.began.Add(time.Minute)
	for name, scenario := range map[string]struct {
		account string
		filter  filter
		want    int
	}{
		"none":                   {c.one, filter{}, pageSize},
		"another account":        {c.two, filter{}, pageSize},
		"no such account":        {"acc_x", filter{}, 0},
		"rare":                   {c.one, filter{Event: "campaign.completed"}, 1},
		"rare, of others":        {c.two, filter{Event: "campaign.completed"}, 0},
		"frequent":               {c.one, filter{Event: "call.ended"}, pageSize},
		"unknown":                {c.one, filter{Event: "call.never"}, 0},
		"since, until":           {c.one, filter{Since: early, Until: early.Add(time.Second)}, 10},
		"since, nothing":         {c.one, filter{Since: c.began.Add(100 * time.Hour)}, 0},
		"until":                  {c.one, filter{Until: early, Event: "call.ended"}, pageSize},
		"until, rare":            {c.one, filter{Until: early, Event: "campaign.completed"}, 1},
		"search":                 {c.one, filter{Query: "call_500"}, 1},
		"search, event":          {c.one, filter{Query: "call_500", Event: "call.started"}, 0},
		"search, nothing":        {c.one, filter{Query: "call_0"}, 0},
		"search, some":           {c.one, filter{Query: "+155550"}, 10},
		"search, some of others": {c.two, filter{Query: "+155550"}, 0},
		"search event's ID":      {c.one, filter{Query: c.id("evt", 500)}, 1},
		"search delivery's ID":   {c.one, filter{Query: c.id("dlv", 500)}, 1},
		"search another's ID":    {c.two, filter{Query: c.id("evt", 500)}, 0},
		"search another's":       {c.two, filter{Query: c.id("dlv", 500)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := c.in(t)
			events, err := c.Events(t.Context(), scenario.account, scenario.filter, store.Page{Limit: pageSize})
			require.NoError(t, err)
			require.Len(t, events, scenario.want)
			for _, event := range events {
				require.Equal(t, scenario.account, event.AccountID)
			}
			for _, before := range []string{"", c.id("evt", million/2)} {
				query, err := c.EventsQuery(t.Context(), scenario.account, scenario.filter, store.Page{Before: before, Limit: pageSize})
				require.NoError(t, err)
				if query.Text != "" {
					c.requireCheap(query)
				}
			}
		})
	}
}

// A search reads what has the value, which may be much, and no more.
func (c *crowd) testSearch(t *testing.T) {
	t.Helper()
	for value, most := range map[string]int{
		"call_500": 100, "call_0": 100, "+155550": 100, "campaign_7": 40_000, "completed": 40_000,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			c := c.in(t)
			tx, err := c.DB().BeginTxx(t.Context(), nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Rollback()) }()
			_, err = tx.ExecContext(t.Context(), `SET LOCAL enable_seqscan = off`)
			require.NoError(t, err)
			query := store.SearchQuery(c.one, value)
			done, text := c.explainIn(tx, query)
			done.check(t, text)
			require.Contains(t, text, `"event_payloads_search"`)
			require.Less(t, done.Hit+done.Read, most, text)
			t.Log(done.Hit+done.Read, "buffers,", done.Rows, "rows")
		})
	}
	t.Run("too much", func(t *testing.T) {
		t.Parallel()
		for _, search := range []func() error{
			func() error {
				_, err := c.Events(t.Context(), c.one, store.EventFilter{Query: "completed"}, store.Page{Limit: 1})
				return err
			},
			func() error {
				_, err := c.Deliveries(t.Context(), c.one, store.DeliveryFilter{Query: "completed"}, store.Page{Limit: 1})
				return err
			},
		} {
			var domain *webhook.Error
			require.ErrorAs(t, search(), &domain)
			require.Equal(t, "/q", domain.Fields[0].Pointer)
			require.Contains(t, domain.Fields[0].Detail, "more than 10000 events")
		}
	})
	t.Run("much", func(t *testing.T) {
		t.Parallel()
		c := c.in(t)
		query, err := c.DeliveriesQuery(t.Context(), c.one, store.DeliveryFilter{Query: "campaign_7"}, store.Page{Limit: pageSize})
		require.NoError(t, err)
		done, text := c.explain(query)
		require.InDelta(t, pageSize, done.Rows, 0)
		require.NotContains(t, text, "Seq Scan on deliveries")
		t.Log(done.Hit+done.Read, "buffers,", done.Rows, "rows")
	})
}

// What waits for a webhook is found among everything that it got.
func (c *crowd) testOpen(t *testing.T) {
	t.Helper()
	ids, err := c.OpenDeliveries(t.Context(), c.busy.ID, time.Now(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{c.id("dlv", 3), c.id("dlv", 4)}, ids)
	ids, err = c.OpenDeliveries(t.Context(), c.busy.ID, time.Now(), ids[0], 10)
	require.NoError(t, err)
	require.Equal(t, []string{c.id("dlv", 4)}, ids)
}

// What was kept for long enough is found by the keys of events, however many there are, at the beginning and in the middle.
// Nothing is deleted here: others look at the rows. What the deletion reads is then known by their keys.
func (c *crowd) testRetention(t *testing.T) {
	t.Helper()
	c = c.in(t)
	for _, after := range []string{"", c.id("evt", million/2)} {
		c.requireCheap(store.ExpiredQuery(after, time.Now(), 250))
	}
	expired, err := c.Expired(t.Context(), "", c.began.Add(time.Second+time.Millisecond), 250)
	require.NoError(t, err)
	require.Equal(t, 10, len(expired.IDs)+expired.Kept)
	for _, open := range []int{3, 4} { // the others have settled by now if the machine is slow, and else not yet
		require.NotContains(t, expired.IDs, c.id("evt", open))
	}
	require.GreaterOrEqual(t, expired.Kept, 2)
	require.Empty(t, expired.Last)
}

// Counting reads the index alone, and of it what is in the span. (How much of the table it looks at depends on
// how far VACUUM got, and the primary key may do for a span that is very short.)
func (c *crowd) testStats(t *testing.T) {
	t.Helper()
	c = c.in(t)
	all := store.CountQuery(c.rare.ID, c.id("dlv", 1), c.id("dlv", million))
	_, text := c.explain(all)
	require.Contains(t, text, `"Index Only Scan"`)
	require.Contains(t, text, `"deliveries_of_webhook"`)
	c.requireCheap(all)
	c.requireCheap(store.CountQuery(c.busy.ID, c.id("dlv", 1000), c.id("dlv", 2000)))
	c.requireCheap(store.CountQuery(c.busy.ID, c.id("dlv", million), c.id("dlv", million+1)))
}
