package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/client"
)

// account is an account of its own for a benchmark, with a key that may do everything in it.
type account struct {
	id  string
	api *client.Client
}

// newAccount makes an account with a key. The key is revoked in the end; accounts cannot be deleted.
func (r *Rig) newAccount(ctx context.Context) (*account, error) {
	made, err := read[types.Account](answer(r.admin.CreateAccount(ctx, types.AccountDefinition{Name: newName("bench")})))
	if err != nil {
		return nil, fmt.Errorf("make an account for the benchmark: %w", err)
	}
	a := &account{id: made.ID}
	asAdmin, err := r.client(r.System.AdminKey, a.id)
	if err != nil {
		return nil, err
	}
	key, err := read[types.APIKey](answer(asAdmin.CreateAPIKey(ctx, types.APIKeyDefinition{
		Name: "bench", Scopes: []types.Scope{types.ScopePublish, types.ScopeManage, types.ScopeRead},
	})))
	if err != nil {
		return nil, fmt.Errorf("make an API key for the benchmark: %w", err)
	}
	r.onClose(func(ctx context.Context) error {
		_, err := answer(asAdmin.RevokeAPIKey(ctx, key.ID))
		return err
	})
	a.api, err = r.client(value(key.Key), "")
	return a, err
}

// newWebhook makes a webhook that gets every event of the account at an endpoint; it is deleted in the end.
func (r *Rig) newWebhook(ctx context.Context, a *account, url string) (id string, err error) {
	made, err := read[types.Webhook](answer(a.api.CreateWebhook(ctx, types.WebhookDefinition{
		Name: "Bench", URL: url, Events: types.Subscriptions{"*"},
	})))
	if err != nil {
		return "", fmt.Errorf("make a webhook for the benchmark (durahook needs --allow-insecure-targets loopback): %w", err)
	}
	r.onClose(func(ctx context.Context) error {
		_, err := answer(a.api.DeleteWebhook(ctx, made.ID))
		var refused *refusal
		if errors.As(err, &refused) && refused.status == http.StatusNotFound { // the benchmark has deleted it
			return nil
		}
		return err
	})
	return made.ID, nil
}

// published is what the API answered to a publication.
type published struct {
	status     int
	deliveryID string // where there is one
	retryAfter string
}

// saysWhen reports whether a refused publication may be repeated, and when.
func (p published) saysWhen() bool {
	_, err := strconv.ParseUint(p.retryAfter, 10, 32)
	return p.status == http.StatusServiceUnavailable && err == nil
}

// publish publishes one event.
func (a *account) publish(ctx context.Context, body []byte) (got published, err error) {
	response, err := a.api.PublishEventWithBody(ctx, nil, "application/json", bytes.NewReader(body))
	if err != nil {
		return got, fmt.Errorf("publish an event: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return got, fmt.Errorf("publish an event: %w", err)
	}
	got.status, got.retryAfter = response.StatusCode, response.Header.Get("Retry-After")
	if response.StatusCode != http.StatusAccepted {
		return got, nil
	}
	var event types.PublishedEvent
	if err := json.Unmarshal(text, &event); err != nil {
		return got, fmt.Errorf("publish an event: %w", err)
	}
	if len(event.Deliveries) > 0 {
		got.deliveryID = event.Deliveries[0].ID
	}
	return got, nil
}

// publishMany publishes so many events, with numbers from first on, in as few requests as can be.
func (a *account) publishMany(ctx context.Context, first, events int) error {
	const batch = 1000
	for from := first; from < first+events; from += batch {
		body := []byte(`{"events":[`)
		for number := from; number < min(from+batch, first+events); number++ {
			if number > from {
				body = append(body, ',')
			}
			body = append(body, event(number, time.Now())...)
		}
		body = append(body, `]}`...)
		if _, err := answer(a.api.PublishEventsWithBody(ctx, nil, "application/json", bytes.NewReader(body))); err != nil {
			return fmt.Errorf("publish a batch of events: %w", err)
		}
	}
	return nil
}

// awaitClosed waits until no delivery of the account is open.
func (a *account) awaitClosed(ctx context.Context, patience time.Duration) error {
	const interval = 200 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for began := time.Now(); ; {
		open, err := a.hasOpen(ctx)
		switch {
		case err != nil || !open:
			return err
		case time.Since(began) > patience:
			return fmt.Errorf("there are still open deliveries after %s", patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// hasOpen reports whether the account has a delivery that is pending or waiting.
func (a *account) hasOpen(ctx context.Context) (bool, error) {
	one := 1
	for _, status := range []types.DeliveryStatus{types.DeliveryStatusPending, types.DeliveryStatusWaiting} {
		list, err := read[types.DeliveryList](answer(a.api.ListDeliveries(ctx, &types.ListDeliveriesParams{Status: &status, Limit: &one})))
		if err != nil || len(list.Data) > 0 {
			return true, err
		}
	}
	return false, nil
}

// answer returns what the API answered to a request that it granted.
func answer(response *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		refused := &refusal{status: response.StatusCode, detail: response.Status}
		var problem types.Problem
		if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
			refused.detail = problem.Detail
		}
		return nil, refused
	}
	return body, nil
}

// refusal is an answer of the API that grants nothing.
type refusal struct {
	status int
	detail string
}

func (r *refusal) Error() string { return fmt.Sprintf("durahook answers %d: %s", r.status, r.detail) }

// read decodes an answer.
func read[T any](body []byte, err error) (value T, _ error) {
	if err == nil {
		err = json.Unmarshal(body, &value)
	}
	return value, err
}

// value is what a pointer points to, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
