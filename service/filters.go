package service

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/durahook/durahook/filter"
	"github.com/durahook/durahook/webhook"
)

const (
	// maxFilters is how many compiled filters are kept.
	maxFilters = 1000
	// filterTimeout bounds what the filters of one publication may take together.
	filterTimeout = 10 * time.Second
)

// filters decides which events pass the filters of webhooks. It keeps what it has compiled.
type filters struct {
	log *slog.Logger

	mu       sync.Mutex
	compiled map[string]*filter.Filter // by expression
}

func newFilters(log *slog.Logger) *filters {
	return &filters{log: log, compiled: make(map[string]*filter.Filter)}
}

// checkFilter returns what is wrong with a filter that somebody wants a webhook to have.
func checkFilter(expression string) error {
	if strings.TrimSpace(expression) == "" {
		return nil
	}
	_, err := filter.Compile(expression)
	return err
}

// wanted returns the subscriptions to which an event is to be delivered. It fails only when there is no time
// left: then nothing is decided.
func (f *filters) wanted(ctx context.Context, event webhook.Event, subscriptions []webhook.Subscription) (wanted []webhook.Subscription, err error) {
	var read *filter.Event
	for _, subscription := range subscriptions {
		if !subscription.Wants(event.Event) {
			continue
		}
		if subscription.Filter == "" {
			wanted = append(wanted, subscription)
			continue
		}
		if ctx.Err() != nil {
			return nil, &webhook.Error{Code: webhook.CodeUnavailable, Message: "The filters of the webhooks take too long at the moment; try again, or publish fewer events at once."}
		}
		if read == nil {
			e, err := filter.Read(event.Event, event.Timestamp, event.Payload)
			if err != nil {
				return nil, err
			}
			read = &e
		}
		if f.passes(ctx, subscription.WebhookID, subscription.Filter, *read) {
			wanted = append(wanted, subscription)
		}
	}
	return wanted, nil
}

// passes reports whether an event passes the filter of a webhook. All pass an empty one; none passes one that
// cannot be used any more.
func (f *filters) passes(ctx context.Context, webhookID, expression string, event filter.Event) bool {
	if expression == "" {
		return true
	}
	compiled, err := f.get(expression)
	if err != nil {
		f.log.Error("a filter that was right once cannot be used; its webhook gets no events", "webhook", webhookID, "error", err)
		return false
	}
	return compiled.Passes(ctx, event)
}

func (f *filters) get(expression string) (*filter.Filter, error) {
	f.mu.Lock()
	known := f.compiled[expression]
	f.mu.Unlock()
	if known != nil {
		return known, nil
	}
	compiled, err := filter.Compile(expression)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for other := range f.compiled { // when there is no room, any one goes
		if len(f.compiled) < maxFilters {
			break
		}
		delete(f.compiled, other)
	}
	f.compiled[expression] = compiled
	return compiled, nil
}
