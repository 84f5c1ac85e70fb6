package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func (f *fixture) defineEventType(account, name string) webhook.EventType {
	f.t.Helper()
	t, err := webhook.DefineEventType(account, webhook.EventTypeDefinition{
		Name: name, Description: "Something", Schema: []byte(`{"type":"object"}`),
	}, time.Now())
	require.NoError(f.t, err)
	return t
}

func (f *fixture) newEventType(account, name string) webhook.EventType {
	f.t.Helper()
	t := f.defineEventType(account, name)
	require.NoError(f.t, f.CreateEventType(f.t.Context(), &t))
	return t
}

func (f *fixture) eventTypeNames(account string, page store.Page) (names []string) {
	f.t.Helper()
	types, err := f.EventTypes(f.t.Context(), account, page)
	require.NoError(f.t, err)
	for _, t := range types {
		require.Equal(f.t, account, t.AccountID)
		require.NotEmpty(f.t, t.Example)
		names = append(names, t.Name)
	}
	return names
}

func requireConflict(t *testing.T, err error, words string) {
	t.Helper()
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeConflict, domain.Code)
	require.Contains(t, domain.Message, words)
}

func TestEventTypesOfAnAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made, rival := f.newEventType(f.account, "invoice.paid"), f.newAccount("rival")
	require.WithinDuration(t, time.Now(), *made.CreatedAt, near)
	got, err := f.EventType(t.Context(), f.account, "invoice.paid")
	require.NoError(t, err)
	require.Equal(t, "Something", got.Description)
	require.JSONEq(t, `{"type":"object"}`, string(got.Schema.Text()))
	require.Equal(t, made.Example, got.Example)
	require.False(t, got.BuiltIn)

	_, err = f.EventType(t.Context(), rival, "invoice.paid")
	requireNotFound(t, "invoice.paid", err)
	_, err = f.UpdateEventType(t.Context(), rival, "invoice.paid", func(*webhook.EventType) error { return nil })
	requireNotFound(t, "invoice.paid", err)
	requireNotFound(t, "invoice.paid", f.DeleteEventType(t.Context(), rival, "invoice.paid"))
	for _, name := range []string{"invoice.sent", "", "\x00", "'", "\xff"} {
		_, err = f.EventType(t.Context(), f.account, name)
		requireNotFound(t, name, err)
	}

	again := f.defineEventType(f.account, "invoice.paid")
	requireConflict(t, f.CreateEventType(t.Context(), &again), "There is an event type invoice.paid already.")
	builtIn := f.defineEventType(f.account, "call.ended")
	requireConflict(t, f.CreateEventType(t.Context(), &builtIn), "There is an event type call.ended already.")
	f.newEventType(rival, "invoice.paid")
	require.NoError(t, f.DeleteEventType(t.Context(), f.account, "invoice.paid"))
	_, err = f.EventType(t.Context(), f.account, "invoice.paid")
	requireNotFound(t, "invoice.paid", err)
	_, err = f.EventType(t.Context(), rival, "invoice.paid")
	require.NoError(t, err, "the other account's is another")
}

func TestCatalogueIsListedByName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.newAccount("rival")
	f.newEventType(rival, "call.rival")
	for _, name := range []string{"zeta.last", "call.a", "call.f_x", "alpha.first"} {
		f.newEventType(f.account, name)
	}
	deprecate := func(eventType *webhook.EventType) error {
		now := time.Now()
		eventType.DeprecatedAt = &now
		return nil
	}
	for _, name := range []string{"contact.updated", "call.ended"} { // rows of built-in types come once
		_, err := f.UpdateEventType(t.Context(), f.account, name, deprecate)
		require.NoError(t, err)
	}
	want := []string{
		"alpha.first", "call.a", "call.answered", "call.ended", "call.f_x", "call.failed", "call.started",
		"campaign.completed", "campaign.started", "contact.created", "contact.updated", "delivery.exhausted",
		"webhook.disabled", "webhook.enabled", "webhook.failing", "zeta.last",
	}
	require.Equal(t, want, f.eventTypeNames(f.account, store.Page{Limit: 100}))
	for limit := 1; limit <= len(want); limit++ {
		var got []string
		for page := (store.Page{Limit: limit}); ; page.Before = got[len(got)-1] {
			names := f.eventTypeNames(f.account, page)
			got = append(got, names...)
			if len(names) < limit || len(got) == len(want) {
				break
			}
		}
		require.Equal(t, want, got)
	}
	_, err := f.UpdateEventType(t.Context(), f.account, "call.failed", func(eventType *webhook.EventType) error {
		eventType.Description = "The Line was busy"
		return nil
	})
	require.NoError(t, err)
	for text, want := range map[string][]string{
		"CALL.F": {"call.f_x", "call.failed"}, "line": {"call.failed"}, "when call fails": nil, "picked up": {"call.answered"},
		"contact": {"contact.created", "contact.updated"}, "zeta": {"zeta.last"}, "%": nil,
	} {
		for limit := 1; limit <= 3; limit++ {
			types, err := f.SearchEventTypes(t.Context(), f.account, text, store.Page{Limit: limit})
			require.NoError(t, err)
			var names []string
			for _, found := range types {
				names = append(names, found.Name)
			}
			require.Equal(t, want[:min(limit, len(want))], names, text)
		}
	}
	require.Len(t, f.eventTypeNames(rival, store.Page{Limit: 100}), 13)
	names, err := f.EventTypeNames(t.Context(), f.account)
	require.NoError(t, err)
	require.ElementsMatch(t, want, names)
}

// What an account changes about a built-in type is its own business, and what it leaves stays built in.
func TestBuiltInEventTypesCanBeChanged(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before, err := f.EventType(t.Context(), f.account, "call.ended")
	require.NoError(t, err)
	require.Nil(t, before.CreatedAt)
	require.Nil(t, before.UpdatedAt)
	changed, err := f.UpdateEventType(t.Context(), f.account, "call.ended", func(eventType *webhook.EventType) error {
		eventType.Description = "Hung up"
		eventType.Schema = webhook.NewSchema([]byte(`{}`))
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "Hung up", changed.Description)
	require.Equal(t, before.Example, changed.Example)
	require.True(t, changed.BuiltIn)
	require.NotNil(t, changed.CreatedAt)
	require.NotNil(t, changed.UpdatedAt)
	require.Equal(t, 1, f.count(`SELECT count(*) FROM event_types WHERE example IS NULL AND description = 'Hung up' AND schema = '{}'`))
	theirs, err := f.EventType(t.Context(), f.newAccount("rival"), "call.ended")
	require.NoError(t, err)
	require.Equal(t, "When call completes", theirs.Description)
	require.Nil(t, theirs.Schema)
	requireConflict(t, f.DeleteEventType(t.Context(), f.account, "call.ended"), "deprecate it instead")
}

func TestChangesOfAnEventTypeAtTheSameMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"call.ended", f.newEventType(f.account, "invoice.paid").Name} {
		_, err := f.UpdateEventType(t.Context(), f.account, name, func(eventType *webhook.EventType) error {
			eventType.Description = ""
			return nil
		})
		require.NoError(t, err)
		const changes = 10
		var group errgroup.Group
		for range changes {
			group.Go(func() error {
				_, err := f.UpdateEventType(t.Context(), f.account, name, func(eventType *webhook.EventType) error {
					eventType.Description += "x"
					return nil
				})
				return err
			})
		}
		require.NoError(t, group.Wait())
		got, err := f.EventType(t.Context(), f.account, name)
		require.NoError(t, err)
		require.Equal(t, "xxxxxxxxxx", got.Description, "none is lost")
	}
}

func TestEventTypesOfAnAccountAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const free = 2
	f.exec(`INSERT INTO event_types (account_id, name, description, example)
		SELECT $1, 'x.n' || n, '', '{}' FROM generate_series(1, $2) AS n`, f.account, webhook.MaxEventTypes-free)
	_, err := f.UpdateEventType(t.Context(), f.account, "call.ended", func(*webhook.EventType) error { return nil })
	require.NoError(t, err, "built-in types don't count")
	results := make(chan error, 3*free)
	var group errgroup.Group
	for i := range cap(results) {
		group.Go(func() error {
			eventType := f.defineEventType(f.account, fmt.Sprintf("y.n%d", i))
			results <- f.CreateEventType(t.Context(), &eventType)
			return nil
		})
	}
	require.NoError(t, group.Wait())
	close(results)
	refused := 0
	for err := range results {
		if err != nil {
			requireConflict(t, err, "1000 event types of its own already")
			refused++
		}
	}
	require.Equal(t, 2*free, refused)
	f.newEventType(f.newAccount("other"), "x.y")
}

func TestEventTypeThatAWebhookNamesStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rival := f.newAccount("rival")
	f.newEventType(f.account, "invoice.paid")
	f.newEventType(rival, "invoice.paid")
	named := f.newWebhook(f.account, "call.ended", "call.failed")
	naming := func(events ...string) error {
		_, err := f.UpdateWebhook(t.Context(), f.account, named.ID, func(w *webhook.Webhook) error {
			w.Events = events
			return nil
		})
		return err
	}
	require.NoError(t, naming("call.ended", "invoice.paid"))
	requireConflict(t, f.DeleteEventType(t.Context(), f.account, "invoice.paid"), "The webhook "+named.ID+" names")
	require.NoError(t, f.DeleteEventType(t.Context(), rival, "invoice.paid"), "their webhooks don't")
	require.NoError(t, naming("invoice.*"))
	require.NoError(t, f.DeleteEventType(t.Context(), f.account, "invoice.paid"), "a pattern needs no match")

	err := naming("call.ended", "invoice.paid")
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, "/events/1", domain.Fields[0].Pointer)
	w := named
	w.ID, w.Events = webhook.NewID(webhook.WebhookPrefix), []string{"invoice.paid"}
	require.ErrorAs(t, f.CreateWebhook(t.Context(), &w), &domain)
	require.Equal(t, "/events/0", domain.Fields[0].Pointer)

	f.newEventType(f.account, "invoice.paid")
	require.NoError(t, naming("invoice.paid"))
	require.NoError(t, f.DeleteWebhook(t.Context(), f.account, named.ID))
	require.NoError(t, f.DeleteEventType(t.Context(), f.account, "invoice.paid"), "deleted webhooks don't count")
}

// However a webhook that names an event type and its deletion meet, no webhook names one that is gone.
func TestDeletionOfAnEventTypeAndAWebhookAtTheSameMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i := range 20 {
		name := fmt.Sprintf("invoice.n%d", i)
		f.newEventType(f.account, name)
		w, err := webhook.Define(f.account, webhook.Definition{Name: "W", URL: "https://example.com/", Events: []string{name}},
			func(string) (webhook.EventType, bool) { return webhook.EventType{}, true }, false)
		require.NoError(t, err)
		var group errgroup.Group
		var created, deleted error
		group.Go(func() error { created = f.CreateWebhook(t.Context(), &w); return nil })
		group.Go(func() error { deleted = f.DeleteEventType(t.Context(), f.account, name); return nil })
		require.NoError(t, group.Wait())
		require.NotEqual(t, created == nil, deleted == nil, "%v, %v", created, deleted)
	}
	require.Equal(t, 0, f.count(`SELECT count(*) FROM webhooks WHERE NOT EXISTS (SELECT FROM event_types WHERE name = events[1])`))
}

// Postgres finds the webhooks that the domain says subscribe.
func TestPatternsGetTheEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	subscribed := map[string]bool{}
	for _, events := range [][]string{{"*"}, {"call.*"}, {"call.ended"}, {"call.failed", "contact.*"}, {"calls.*"}, {"call.ended.*"}} {
		w := f.newWebhook(f.account, events...)
		if webhook.Subscribes(events, "call.ended") {
			subscribed[w.ID] = true
		}
	}
	require.Len(t, subscribed, 3)
	got := map[string]bool{}
	for _, d := range f.publish(f.account) {
		got[d.WebhookID] = true
	}
	require.Equal(t, subscribed, got)
}
