package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/migrations"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func newKey(t *testing.T) *encryption.Key {
	t.Helper()
	key, err := encryption.ParseKey(encryption.NewKeyText())
	require.NoError(t, err)
	return key
}

func open(t *testing.T, url string, keys ...*encryption.Key) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, keys...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// fixture is a store over a migrated database with one account.
type fixture struct {
	*store.Store
	t       *testing.T
	account string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	s := open(t, testdb.New(t), newKey(t))
	_, err := migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	return &fixture{Store: s, t: t, account: account}
}

func (f *fixture) exec(query string, args ...any) {
	f.t.Helper()
	_, err := f.DB().ExecContext(f.t.Context(), query, args...)
	require.NoError(f.t, err)
}

// count returns the number that a query finds.
func (f *fixture) count(query string, args ...any) (n int) {
	f.t.Helper()
	require.NoError(f.t, f.DB().GetContext(f.t.Context(), &n, query, args...))
	return n
}

func (f *fixture) newAccount(name string) string {
	f.t.Helper()
	id := webhook.NewID(webhook.AccountPrefix)
	f.exec(`INSERT INTO accounts (id, name) VALUES ($1, $2)`, id, name)
	return id
}

func (f *fixture) newWebhook(account string, events ...string) webhook.Webhook {
	f.t.Helper()
	w, err := webhook.Define(account, webhook.Definition{Name: "Salesforce Sync", URL: "https://example.com/", Events: events}, webhook.BuiltIn, false)
	require.NoError(f.t, err)
	require.NoError(f.t, f.CreateWebhook(f.t.Context(), &w))
	return w
}

func (f *fixture) newEvent(account string) *webhook.Event {
	f.t.Helper()
	event, err := webhook.ParseEvent([]byte(`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"phone_number":"+15551234567"}}`), webhook.BuiltIn)
	require.NoError(f.t, err)
	event.AccountID = account
	return &event
}

func (f *fixture) publish(account string) []webhook.Delivery {
	f.t.Helper()
	deliveries, err := f.publishEvent(f.newEvent(account))
	require.NoError(f.t, err)
	return deliveries
}

// publishEvent publishes an event to all webhooks of its account that subscribe to it.
func (f *fixture) publishEvent(event *webhook.Event) ([]webhook.Delivery, error) {
	f.t.Helper()
	published, version := f.matchVersion(*event)
	fresh, err := f.Publish(f.t.Context(), store.Publication{AccountID: event.AccountID, Published: published, Version: &version})
	if errors.Is(err, store.ErrStale) {
		return f.publishEvent(event)
	}
	if err != nil {
		return nil, err
	}
	require.True(f.t, fresh)
	*event = published[0].Event
	return published[0].Deliveries, nil
}

// match returns an event with a new delivery for each webhook of its account that subscribes to it.
func (f *fixture) match(event webhook.Event) webhook.Published {
	f.t.Helper()
	published, _ := f.matchVersion(event)
	return published[0]
}

func (f *fixture) matchVersion(event webhook.Event) ([]webhook.Published, int64) {
	f.t.Helper()
	subscribed, err := f.Subscriptions(f.t.Context(), event.AccountID, event.Event)
	require.NoError(f.t, err)
	published := webhook.Published{Event: event}
	for _, s := range subscribed.Subscriptions {
		require.True(f.t, s.Wants(event.Event))
		published.Deliveries = append(published.Deliveries, webhook.NewDelivery(event, s.WebhookID, s.WebhookName))
	}
	return []webhook.Published{published}, subscribed.Version
}

// newDelivery returns a pending delivery to a webhook of its own.
func (f *fixture) newDelivery() webhook.Delivery {
	f.t.Helper()
	w := f.newWebhook(f.account, "call.ended")
	deliveries := f.publish(f.account)
	require.Len(f.t, deliveries, 1)
	f.exec(`UPDATE webhooks SET events = '{call.failed}' WHERE id = $1`, w.ID) // not to get the next one's
	return deliveries[0]
}

// delivery returns a delivery as it stands.
func (f *fixture) delivery(id string) webhook.Delivery {
	f.t.Helper()
	d, err := f.Delivery(f.t.Context(), f.account, id)
	require.NoError(f.t, err)
	return d
}

func requireNotFound(t *testing.T, id string, err error) {
	t.Helper()
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeNotFound, domain.Code)
	require.Contains(t, domain.Message, id)
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	const secret = "secret-word"
	for name, scenario := range map[string]struct{ url, message string }{
		"nobody listens": {"postgres://user:" + secret + "@127.0.0.1:1/durahook?sslmode=disable", "reach the database: "},
		"not a URL":      {"postgres://user:" + secret + "@127.0.0.1:port/durahook", "the database URL cannot be read; use the form postgres://"},
		"no such socket": {"postgres:///durahook?host=/nowhere&password=" + secret + "&user=durahook", "reach the database: "},
		"wrong password": {"postgres://user:" + secret + "@" + strings.SplitN(testdb.New(t), "@", 2)[1], "reach the database: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(t.Context(), scenario.url, newKey(t))
			require.ErrorContains(t, err, scenario.message)
			require.Nil(t, s)
			require.NotContains(t, err.Error(), secret)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testdb.New(t), newKey(t))
	require.NoError(t, err)
	require.NoError(t, s.Ping(t.Context()))
	require.NoError(t, s.Close())
	require.ErrorContains(t, s.Ping(t.Context()), "reach the database: ")
}

// near is how far apart times may be that this process and the database looked up one after the other.
const near = time.Minute
