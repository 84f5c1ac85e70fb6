package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"

	"github.com/durahook/durahook/webhook"
)

const (
	// discardBatch is how many deliveries are looked up at a time.
	discardBatch = 100
	// discardPace is how long it takes from one signal to the next at least, so that a webhook with very many
	// waiting deliveries doesn't slow down those of others.
	discardPace = 20 * time.Millisecond
)

// DiscardStore knows which deliveries are open.
type DiscardStore interface {
	DisabledAt(ctx context.Context, webhookID string) (time.Time, error)
	OpenDeliveries(ctx context.Context, webhookID string, by time.Time, after string, limit int) ([]string, error)
	DiscardOpen(ctx context.Context, id string) error
	FinishDiscard(ctx context.Context, webhookID string, disabledAt time.Time) error
}

// Discards ends what waits for webhooks that were disabled or deleted; its methods are the activities.
type Discards struct {
	store  DiscardStore
	signal func(ctx context.Context, deliveryID string) error
	log    *slog.Logger
}

// NewDiscards returns the activities over a store and a function that sends a delivery's workflow the signal
// to end as discarded.
func NewDiscards(store DiscardStore, signal func(ctx context.Context, deliveryID string) error, log *slog.Logger) *Discards {
	return &Discards{store: store, signal: signal, log: log}
}

// discardCursor is how far the signalling has come; another worker goes on from there.
type discardCursor struct {
	DisabledAt time.Time `json:"disabled_at"`
	After      string    `json:"after"` // the ID of the last delivery that was seen to
	Signalled  int       `json:"signalled"`
}

var errWorkerStops = errors.New("the worker stops; another goes on from here")

// SignalDiscard signals every delivery of the webhook that was open when it was disabled or deleted, one
// after the other, and returns how many. A delivery without a workflow is ended in the database.
func (d *Discards) SignalDiscard(ctx context.Context, request webhook.DiscardRequest) (int, error) {
	cursor, err := d.begin(ctx, request)
	if err != nil || cursor.DisabledAt.IsZero() {
		return 0, infrastructure(err)
	}
	pace := time.NewTicker(discardPace)
	defer pace.Stop()
	for {
		ids, err := d.store.OpenDeliveries(ctx, request.WebhookID, cursor.DisabledAt, cursor.After, discardBatch)
		if err != nil {
			return 0, infrastructure(err)
		}
		for _, id := range ids {
			if err := d.discard(ctx, id); err != nil {
				return 0, err
			}
			cursor.After = id
			cursor.Signalled++
			activity.RecordHeartbeat(ctx, cursor)
			select {
			case <-pace.C:
			case <-activity.GetWorkerStopChannel(ctx):
				return 0, errWorkerStops
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		if len(ids) < discardBatch {
			break
		}
	}
	d.log.Info("discarded deliveries of a webhook", "webhook", request.WebhookID, "deliveries", cursor.Signalled)
	return cursor.Signalled, infrastructure(d.store.FinishDiscard(ctx, request.WebhookID, cursor.DisabledAt))
}

// begin returns where to go on.
func (d *Discards) begin(ctx context.Context, request webhook.DiscardRequest) (discardCursor, error) {
	var cursor discardCursor
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &cursor) == nil && !cursor.DisabledAt.IsZero() {
		return cursor, nil
	}
	at, err := d.store.DisabledAt(ctx, request.WebhookID)
	return discardCursor{DisabledAt: at}, err
}

func (d *Discards) discard(ctx context.Context, id string) error {
	err := d.signal(ctx, id)
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return infrastructure(d.store.DiscardOpen(ctx, id))
	}
	if err != nil {
		return fmt.Errorf("signal %s: %w", id, err)
	}
	return nil
}
