package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// CreateEventType makes an event type of the account's own. Conflict: there is one with this name, or the
// account has as many as it can have.
func (s *Service) CreateEventType(ctx context.Context, accountID string, d webhook.EventTypeDefinition) (webhook.EventType, error) {
	t, err := webhook.DefineEventType(accountID, d, time.Now())
	if err != nil {
		return webhook.EventType{}, err
	}
	defer s.eventTypes.forget(accountID, t.Name)
	return t, s.store.CreateEventType(ctx, &t)
}

// EventType returns one event type of the account's catalogue.
func (s *Service) EventType(ctx context.Context, accountID, name string) (webhook.EventType, error) {
	return s.store.EventType(ctx, accountID, name)
}

// EventTypes returns a page of the account's catalogue, by name. Page.Before is the last name of the page
// before.
func (s *Service) EventTypes(ctx context.Context, accountID string, page store.Page) ([]webhook.EventType, error) {
	return s.store.EventTypes(ctx, accountID, page)
}

// SearchEventTypes is EventTypes of those that have a text in their name or description (see
// [store.Store.SearchEventTypes]).
func (s *Service) SearchEventTypes(ctx context.Context, accountID, text string, page store.Page) ([]webhook.EventType, error) {
	return s.store.SearchEventTypes(ctx, accountID, text, page)
}

// UpdateEventType changes an event type of the account's catalogue as a patch says and returns it as it is
// then. A built-in one is changed for this account only.
func (s *Service) UpdateEventType(ctx context.Context, accountID, name string, patch webhook.EventTypePatch) (webhook.EventType, error) {
	if webhook.IsOperational(name) {
		return webhook.EventType{}, &webhook.Error{Code: webhook.CodeConflict, Message: "The event type " + name +
			" is operational: durahook itself publishes its events, and it cannot be changed."}
	}
	defer s.eventTypes.forget(accountID, name)
	return s.store.UpdateEventType(ctx, accountID, name, func(t *webhook.EventType) error {
		return patch.Apply(t, time.Now())
	})
}

// DeleteEventType takes an event type of its own away from the account. Conflict: it is a built-in one, or a
// webhook of the account names it.
func (s *Service) DeleteEventType(ctx context.Context, accountID, name string) error {
	defer s.eventTypes.forget(accountID, name)
	return s.store.DeleteEventType(ctx, accountID, name)
}

// withCatalogue has do use the account's catalogue. When the catalogue cannot be read, that is the error,
// whatever do makes of it.
func (s *Service) withCatalogue(ctx context.Context, accountID string, do func(webhook.Catalogue) error) error {
	var failed error
	misses := map[string]webhook.EventType{} // a batch may have the same wrong name often
	err := do(func(name string) (webhook.EventType, bool) {
		if t, missed := misses[name]; missed || failed != nil {
			return t, false
		}
		t, known, err := s.findEventType(ctx, accountID, name)
		if failed = err; !known {
			misses[name] = t
		}
		return t, known
	})
	if failed != nil {
		return failed
	}
	return err
}

// findEventType is a [webhook.Catalogue] that may fail. The event type comes without description and example.
func (s *Service) findEventType(ctx context.Context, accountID, name string) (webhook.EventType, bool, error) {
	if t, ok := s.eventTypes.get(accountID, name, time.Now()); ok {
		return t, true, nil
	}
	now, version := time.Now(), s.eventTypes.version()
	t, err := s.store.EventType(ctx, accountID, name)
	if err == nil {
		return s.eventTypes.put(t, now, version), true, nil
	}
	var domain *webhook.Error
	if !errors.As(err, &domain) || domain.Code != webhook.CodeNotFound {
		return webhook.EventType{}, false, err
	}
	names, err := s.store.EventTypeNames(ctx, accountID)
	return webhook.EventType{Name: webhook.ClosestName(name, names)}, false, err
}

const (
	// eventTypeAge is how long an event type is taken for what it was: after that, it is known what another
	// process changed about it. That there is none is never taken for granted.
	eventTypeAge = 4 * time.Second
	// The most event types of all accounts that are remembered, and the most bytes that their schemas have.
	// Compiled, a schema is some twenty times as large.
	mostEventTypes   = 10_000
	mostSchemasBytes = 4 << 20
)

// eventTypes remembers, for some seconds, the event types that were published for. It is safe for concurrent
// use, and the zero value is ready for it.
type eventTypes struct {
	mu      sync.Mutex
	known   map[eventTypeKey]knownEventType
	schemas int // bytes of the schemas of all that is known
	changes int // how often something was forgotten because it changed
}

type eventTypeKey struct{ accountID, name string }

type knownEventType struct {
	webhook.EventType
	at time.Time
}

// get returns an event type that was read not long ago.
func (e *eventTypes) get(accountID, name string, now time.Time) (webhook.EventType, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.known[eventTypeKey{accountID, name}]
	return known.EventType, ok && now.Sub(known.at) < eventTypeAge
}

// version is to be asked for before an event type is read that is put here then.
func (e *eventTypes) version() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes
}

// put remembers an event type as it was read at a time, unless something has changed since the version, and
// returns what is to be used of it: with the schema that was compiled before, if it is the same.
func (e *eventTypes) put(t webhook.EventType, at time.Time, version int) webhook.EventType {
	t.Description, t.Example = "", nil // they are not looked up here, and may be large
	e.mu.Lock()
	defer e.mu.Unlock()
	key := eventTypeKey{t.AccountID, t.Name}
	if before, ok := e.known[key]; ok && string(before.Schema.Text()) == string(t.Schema.Text()) {
		t.Schema = before.Schema
	}
	if version != e.changes {
		return t
	}
	e.drop(key)
	size := len(t.Schema.Text())
	for other := range e.known {
		if len(e.known) < mostEventTypes && e.schemas+size <= mostSchemasBytes {
			break
		}
		e.drop(other)
	}
	if e.known == nil {
		e.known = map[eventTypeKey]knownEventType{}
	}
	e.known[key] = knownEventType{EventType: t, at: at}
	e.schemas += size
	return t
}

// forget has an event type read again when it is next needed: it was changed, or perhaps was.
func (e *eventTypes) forget(accountID, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changes++
	e.drop(eventTypeKey{accountID, name})
}

func (e *eventTypes) drop(key eventTypeKey) {
	e.schemas -= len(e.known[key].Schema.Text())
	delete(e.known, key)
}
