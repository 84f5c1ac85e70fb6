package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

// maxDeliveries is the most deliveries that one request can make: each is a row, and a workflow soon after.
const maxDeliveries = 100_000

// Publication is what a request to publish brought about.
type Publication struct {
	Published []webhook.Published // one for each event, in the request's order
	Replayed  bool                // the same request, with the same key, was answered before
	RateLimit *webhook.RateLimit  // what is left of the API key's; nil when there is none
}

// Publish checks the published body and stores the event with its deliveries. When it returns without an
// error, everything is committed and will be delivered whatever happens next. A request that is repeated with
// its key publishes nothing and gets the first one's answer. TooManyRequests: the principal's API key has used
// up its rate.
func (s *Service) Publish(ctx context.Context, by webhook.Principal, accountID string, body []byte, key *webhook.IdempotencyKey) (Publication, error) {
	return s.publish(ctx, by, accountID, key, func(catalogue webhook.Catalogue) ([]webhook.Event, error) {
		event, err := webhook.ParseEvent(body, catalogue)
		return []webhook.Event{event}, err
	})
}

// PublishBatch publishes several events at once, as [Service.Publish] does one: all of them, or none.
func (s *Service) PublishBatch(ctx context.Context, by webhook.Principal, accountID string, body []byte, key *webhook.IdempotencyKey) (Publication, error) {
	return s.publish(ctx, by, accountID, key, func(catalogue webhook.Catalogue) ([]webhook.Event, error) {
		return webhook.ParseBatch(body, catalogue)
	})
}

// publish publishes the events that parse returns, and counts them, or that nothing came of it.
func (s *Service) publish(ctx context.Context, by webhook.Principal, accountID string, key *webhook.IdempotencyKey, parse func(webhook.Catalogue) ([]webhook.Event, error)) (Publication, error) {
	ctx, span := s.traces.Publish(ctx, accountID)
	publication, err := s.publishUncounted(ctx, by, accountID, key, parse)
	switch {
	case err != nil:
		s.metrics.PublishRejected(rejection(err))
	case !publication.Replayed:
		s.metrics.Published(len(publication.Published), publication.deliveries())
		span.Published(len(publication.Published), publication.deliveries())
	}
	span.End(err)
	return publication, err
}

// rejection returns the code that stands for an error in the metrics.
func rejection(err error) webhook.Code {
	var domain *webhook.Error
	switch {
	case errors.As(err, &domain):
		return domain.Code
	case store.IsOutage(err):
		return webhook.CodeUnavailable
	default:
		return webhook.CodeInternal
	}
}

func (p Publication) deliveries() (n int) {
	for _, published := range p.Published {
		n += len(published.Deliveries)
	}
	return n
}

func (s *Service) publishUncounted(ctx context.Context, by webhook.Principal, accountID string, key *webhook.IdempotencyKey, parse func(webhook.Catalogue) ([]webhook.Event, error)) (Publication, error) {
	limit, err := s.limits.take(by, 1)
	if err != nil {
		return Publication{}, err
	}
	for {
		if key != nil {
			before, err := s.store.PublishedBefore(ctx, accountID, key)
			if err != nil || before != nil {
				return Publication{Published: before, Replayed: true, RateLimit: limit}, err
			}
		}
		var events []webhook.Event
		err := s.withCatalogue(ctx, accountID, func(catalogue webhook.Catalogue) (err error) {
			events, err = parse(catalogue)
			return err
		})
		if err != nil {
			return Publication{}, err
		}
		if len(events) > 1 {
			if limit, err = s.limits.take(by, len(events)-1); err != nil {
				return Publication{}, err
			}
		}
		published, fresh, err := s.publishEvents(ctx, accountID, events, key)
		if err != nil || fresh {
			return Publication{Published: published, RateLimit: limit}, err
		}
		// The same request came in at the same moment and was quicker.
	}
}

// publishEvents stores the events with their deliveries and has these started, unless the key was used before.
func (s *Service) publishEvents(ctx context.Context, accountID string, events []webhook.Event, key *webhook.IdempotencyKey) ([]webhook.Published, bool, error) {
	const tries = 3
	for try := 1; ; try++ {
		published, version, err := s.match(ctx, accountID, events)
		if err != nil {
			return nil, false, err
		}
		publication := store.Publication{AccountID: accountID, Published: published, Key: key, Version: &version}
		if try == tries {
			publication.Version = nil // who changes webhooks all the time doesn't keep events from being published
		}
		fresh, err := s.store.Publish(ctx, publication)
		if errors.Is(err, store.ErrStale) {
			continue
		}
		if err != nil || !fresh {
			return nil, false, err
		}
		for _, one := range published {
			s.starter.Enqueue(one.Deliveries)
		}
		return published, true, nil
	}
}

// match makes a delivery for each event and each webhook of the account that wants it. The version is that of the
// subscriptions which it goes by.
func (s *Service) match(ctx context.Context, accountID string, events []webhook.Event) (_ []webhook.Published, version int64, err error) {
	subscribed := map[string]store.Subscribed{}
	for _, event := range events {
		if _, ok := subscribed[event.Event]; ok {
			continue
		}
		found, err := s.store.Subscriptions(ctx, accountID, event.Event)
		if err != nil {
			return nil, 0, err
		}
		if len(subscribed) == 0 {
			version = found.Version
		}
		subscribed[event.Event] = found
		version = min(version, found.Version) // if one is stale, all count as stale
	}
	published, deliveries := make([]webhook.Published, len(events)), 0
	ctx, cancel := context.WithTimeout(ctx, filterTimeout)
	defer cancel()
	for i, event := range events {
		event.AccountID, event.Traceparent = accountID, traces.Traceparent(ctx)
		published[i].Event = event
		wanted, err := s.filters.wanted(ctx, event, subscribed[event.Event].Subscriptions)
		if err != nil {
			return nil, 0, err
		}
		for _, subscription := range wanted {
			published[i].Deliveries = append(published[i].Deliveries, webhook.NewDelivery(event, subscription.WebhookID, subscription.WebhookName))
		}
		if deliveries += len(published[i].Deliveries); deliveries > maxDeliveries {
			return nil, 0, &webhook.Error{Code: webhook.CodeTooLarge, Message: fmt.Sprintf("The batch would make more than %d deliveries; send fewer events at once.", maxDeliveries)}
		}
	}
	return published, version, nil
}

// Event returns one event of the account with its deliveries, the oldest first.
func (s *Service) Event(ctx context.Context, accountID, id string) (webhook.Published, error) {
	if err := webhook.CheckID(webhook.EventPrefix, id); err != nil {
		return webhook.Published{}, err
	}
	event, err := s.store.Event(ctx, accountID, id)
	if err != nil {
		return webhook.Published{}, err
	}
	deliveries, err := s.store.DeliveriesOf(ctx, accountID, id)
	return webhook.Published{Event: event, Deliveries: deliveries}, err
}

// Republish delivers an event of the account once more, to one of its webhooks, whether or not that subscribes
// to it. It returns the new delivery. Conflict: the webhook is disabled, the event
// was that of a test, or its data were erased.
func (s *Service) Republish(ctx context.Context, accountID, id string, r webhook.Republication) (webhook.Delivery, error) {
	if err := webhook.CheckID(webhook.EventPrefix, id); err != nil {
		return webhook.Delivery{}, err
	}
	event, err := s.store.Event(ctx, accountID, id)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if err := r.Check(); err != nil {
		return webhook.Delivery{}, err
	}
	if event.Test {
		return webhook.Delivery{}, &webhook.Error{Code: webhook.CodeConflict, Message: "This event is an example that a test sent; test the other webhook instead."}
	}
	if event.ErasedAt != nil {
		return webhook.Delivery{}, webhook.ErasedConflict(*event.ErasedAt)
	}
	w, err := s.store.Webhook(ctx, accountID, r.WebhookID)
	if err != nil {
		return webhook.Delivery{}, r.Unknown(err)
	}
	if err := needsEnabled(w); err != nil {
		return webhook.Delivery{}, err
	}
	d := webhook.NewDelivery(event, w.ID, w.Name)
	if err := s.store.CreateDelivery(ctx, &d); err != nil {
		return webhook.Delivery{}, err
	}
	s.metrics.Published(0, 1)
	s.starter.Enqueue([]webhook.Delivery{d})
	return d, nil
}

// Events returns a page of the account's events without their payloads, newest first.
func (s *Service) Events(ctx context.Context, accountID string, filter store.EventFilter, page store.Page) ([]webhook.Event, error) {
	return s.store.Events(ctx, accountID, filter, page)
}
