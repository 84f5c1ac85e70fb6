package service

import (
	"fmt"
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

var readAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func paid(account string) webhook.EventType {
	return webhook.EventType{
		AccountID: account, Name: "invoice.paid", Description: "An invoice is paid", Example: []byte(`{}`), Schema: webhook.NewSchema([]byte(`{"maxProperties":1}`)),
	}
}

func TestEventTypesAreRememberedForSeconds(t *testing.T) {
	t.Parallel()
	var e eventTypes
	_, ok := e.get("acc_1", "invoice.paid", readAt)
	require.False(t, ok)
	e.put(paid("acc_1"), readAt, e.version())
	for after, want := range map[time.Duration]bool{0: true, eventTypeAge - 1: true, eventTypeAge: false} {
		got, ok := e.get("acc_1", "invoice.paid", readAt.Add(after))
		require.Equal(t, want, ok, after)
		require.Empty(t, got.Example, "large, and not looked up")
	}
	_, ok = e.get("acc_2", "invoice.paid", readAt)
	require.False(t, ok, "that of another account")
	e.forget("acc_2", "invoice.paid")
	_, ok = e.get("acc_1", "invoice.paid", readAt)
	require.True(t, ok)
	e.forget("acc_1", "invoice.paid")
	_, ok = e.get("acc_1", "invoice.paid", readAt)
	require.False(t, ok)
	require.Zero(t, e.schemas)
}

// What was read before a change may be put here after it.
func TestEventTypesThatWereReadBeforeAChangeAreNotRemembered(t *testing.T) {
	t.Parallel()
	var e eventTypes
	version := e.version()
	e.forget("acc_1", "invoice.paid")
	e.put(paid("acc_1"), readAt, version)
	_, ok := e.get("acc_1", "invoice.paid", readAt)
	require.False(t, ok)
}

func TestCompiledSchemasAreKept(t *testing.T) {
	t.Parallel()
	var e eventTypes
	first := e.put(paid("acc_1"), readAt, e.version())
	again := e.put(paid("acc_1"), readAt.Add(time.Hour), e.version())
	require.Same(t, first.Schema, again.Schema)
	changed := paid("acc_1")
	changed.Schema = webhook.NewSchema([]byte(`{"maxProperties":2}`))
	require.Same(t, changed.Schema, e.put(changed, readAt, e.version()).Schema)
	theirs := paid("acc_2")
	require.Same(t, theirs.Schema, e.put(theirs, readAt, e.version()).Schema)
}

func TestRememberedEventTypesAreBounded(t *testing.T) {
	t.Parallel()
	var e eventTypes
	large := webhook.NewSchema([]byte(`{"title":"` + strings.Repeat("x", webhook.MaxSchema/2) + `"}`))
	for i := range 2 * mostEventTypes {
		eventType := paid(fmt.Sprintf("acc_%d", i))
		if i%2 == 0 {
			eventType.Schema = large
		}
		e.put(eventType, readAt, e.version())
		_, ok := e.get(eventType.AccountID, eventType.Name, readAt)
		require.True(t, ok, "the newest is there")
		require.LessOrEqual(t, e.schemas, mostSchemasBytes)
		require.LessOrEqual(t, len(e.known), mostEventTypes)
	}
	total := 0
	for key, known := range e.known {
		total += len(known.Schema.Text())
		e.forget(key.accountID, key.name)
	}
	require.Positive(t, total)
	require.Zero(t, e.schemas)
}

func newService(t *testing.T) (*Service, string) {
	t.Helper()
	key, err := encryption.ParseKey(encryption.NewKeyText())
	require.NoError(t, err)
	s, err := store.Open(t.Context(), testdb.New(t), key)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, err = migrations.Up(t.Context(), s.DB().DB)
	require.NoError(t, err)
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	return New(Options{Store: s}), account
}

// Another process makes an event type: it is found at the first look. From then on, none is needed.
func TestFindEventType(t *testing.T) {
	t.Parallel()
	s, account := newService(t)
	none, known, err := s.findEventType(t.Context(), account, "invoice.pait")
	require.NoError(t, err)
	require.False(t, known)
	require.Empty(t, none.Name)
	another := New(Options{Store: s.store})
	_, err = another.CreateEventType(t.Context(), account, webhook.EventTypeDefinition{Name: "invoice.paid"})
	require.NoError(t, err)
	closest, known, err := s.findEventType(t.Context(), account, "invoice.pait")
	require.NoError(t, err)
	require.False(t, known)
	require.Equal(t, "invoice.paid", closest.Name)
	for _, name := range []string{"invoice.paid", "call.ended"} {
		_, known, err = s.findEventType(t.Context(), account, name)
		require.NoError(t, err)
		require.True(t, known)
	}

	for key, known := range s.eventTypes.known { // however slow this test is
		known.at = time.Now().Add(time.Hour)
		s.eventTypes.known[key] = known
	}
	_, err = s.store.DB().ExecContext(t.Context(), `ALTER TABLE event_types RENAME TO hidden`)
	require.NoError(t, err)
	for _, name := range []string{"invoice.paid", "call.ended"} {
		got, known, err := s.findEventType(t.Context(), account, name)
		require.NoError(t, err, "no query is needed")
		require.True(t, known)
		require.Equal(t, name, got.Name)
	}
	err = s.withCatalogue(t.Context(), account, func(catalogue webhook.Catalogue) error {
		_, known := catalogue("invoice.sent")
		require.False(t, known)
		return nil
	})
	require.ErrorContains(t, err, "find event type", "an outage is not the client's mistake")
}
