package activities

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

const (
	// turnsEvery is how often turns are given while deliveries wait for them.
	turnsEvery = 200 * time.Millisecond
	// turnsLook is how often it is looked whether any wait that a process which died has left behind.
	turnsLook = 10 * time.Second
	// turnSignals is how many signals are sent at the same time, and turnSignalTimeout what one may take.
	turnSignals       = 16
	turnSignalTimeout = 5 * time.Second
)

// takeTurn waits for the turn of an attempt, if it is soon, and reports whether it has come. Without a rate limit that
// is at once. A test is not kept waiting: somebody waits for the answer.
func (a *Activities) takeTurn(ctx context.Context, prepared store.Prepared, request webhook.AttemptRequest) (bool, error) {
	if prepared.Delivery.Test || prepared.Webhook.RateLimit == 0 && !request.Waited {
		return true, nil
	}
	turn, err := a.store.TakeTurn(ctx, request.DeliveryID, prepared.Webhook.ID)
	if err != nil {
		return false, infrastructure(err)
	}
	if !turn.Taken {
		a.turns.Wake()
		return false, nil
	}
	if turn.In == 0 {
		return true, nil
	}
	select {
	case <-time.After(turn.In):
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// TurnStore knows whose turn it is.
type TurnStore interface {
	GiveTurns(ctx context.Context) (given []string, more bool, err error)
	DropTurn(ctx context.Context, deliveryID string) error
}

// Turns tells deliveries that the rate limits of their webhooks keep waiting when it is their turn. One in each
// process with a worker is enough; together they do what one does.
type Turns struct {
	store  TurnStore
	signal func(ctx context.Context, deliveryID string) error
	wake   chan struct{}
	log    *slog.Logger
}

// NewTurns returns what gives turns, over a store and a function that signals a delivery's workflow.
func NewTurns(store TurnStore, signal func(ctx context.Context, deliveryID string) error, log *slog.Logger) *Turns {
	return &Turns{store: store, signal: signal, wake: make(chan struct{}, 1), log: log}
}

// Wake says that a delivery has begun to wait.
func (t *Turns) Wake() {
	if t == nil {
		return
	}
	select {
	case t.wake <- struct{}{}:
	default: // it has been said
	}
}

// Run gives turns until ctx is done. While nothing waits, it hardly looks.
func (t *Turns) Run(ctx context.Context) error {
	for {
		more, err := t.give(ctx)
		if err != nil && ctx.Err() == nil {
			t.log.Warn("give turns under the rate limits", "error", err)
		}
		if !t.pause(ctx, more) {
			return nil
		}
	}
}

// pause waits until turns are to be given again, and reports whether they are: not when ctx is done.
func (t *Turns) pause(ctx context.Context, more bool) bool {
	timer := time.NewTimer(turnsLook)
	wake := t.wake
	if more {
		timer.Reset(turnsEvery)
		wake = nil // it is known that deliveries wait
	}
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-wake:
	}
	return true
}

// give gives the turns that have come, and reports whether there are more to come. A signal that cannot be sent is
// sent again after a while.
func (t *Turns) give(ctx context.Context) (more bool, err error) {
	given, more, err := t.store.GiveTurns(ctx)
	if err != nil {
		return false, err
	}
	group := new(errgroup.Group)
	group.SetLimit(turnSignals)
	for _, id := range given {
		group.Go(func() error { return t.tell(ctx, id) })
	}
	return more, group.Wait()
}

func (t *Turns) tell(ctx context.Context, deliveryID string) error {
	ctx, cancel := context.WithTimeout(ctx, turnSignalTimeout)
	defer cancel()
	err := t.signal(ctx, deliveryID)
	var none *serviceerror.NotFound
	if errors.As(err, &none) { // it was terminated, or has ended in another way
		return t.store.DropTurn(ctx, deliveryID)
	}
	if err != nil {
		return fmt.Errorf("signal %s: %w", deliveryID, err)
	}
	return nil
}
