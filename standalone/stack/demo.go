package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/receiver"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// demo is a receiver on a port of its own, and the webhook "Demo" that points to it.
type demo struct {
	listener net.Listener
	handler  http.Handler
}

// demoState is what the data directory remembers of the demo.
type demoState struct {
	WebhookID string `json:"webhook_id"`
	Port      int    `json:"port"`
}

const demoFile = "demo.json"

// startDemo makes the webhook at the first start and keeps it pointing to the receiver at later ones. There
// is no demo, and no error, where loopback targets are not allowed or the webhook was deleted.
func startDemo(ctx context.Context, c config.Config, dir DataDir, log *slog.Logger) (_ *demo, err error) {
	if c.Insecure == target.InsecureNone {
		return nil, nil
	}
	var state demoState
	existed, err := dir.read(demoFile, &state)
	if err != nil {
		return nil, err
	}
	listener, err := listenNear(state.Port)
	if err != nil {
		return nil, fmt.Errorf("listen for the demo receiver: %w", err)
	}
	db, err := store.Open(ctx, c.DatabaseURL, c.Keys()...)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	port := listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's address is one
	w, err := demoWebhook(ctx, db, state, existed, fmt.Sprintf("http://127.0.0.1:%d/", port))
	var domain *webhook.Error
	if errors.As(err, &domain) && domain.Code == webhook.CodeNotFound {
		log.Info("the webhook Demo was deleted; there is no demo receiver")
		return nil, listener.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up the webhook Demo: %w", err), listener.Close())
	}
	handler, err := receiver.New(receiver.Options{Secret: w.SigningSecret.VerificationKey(), Output: io.Discard})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up the demo receiver: %w", err), listener.Close())
	}
	return &demo{listener: listener, handler: handler}, dir.write(demoFile, demoState{WebhookID: w.ID, Port: port})
}

func demoWebhook(ctx context.Context, db *store.Store, state demoState, existed bool, url string) (webhook.Webhook, error) {
	accountID, err := db.EnsureDefaultAccount(ctx)
	if err != nil {
		return webhook.Webhook{}, err
	}
	if existed {
		if err := db.SetWebhookURL(ctx, accountID, state.WebhookID, url); err != nil {
			return webhook.Webhook{}, err
		}
		return db.Webhook(ctx, accountID, state.WebhookID)
	}
	definition := webhook.Definition{Name: "Demo", URL: url, Events: []string{webhook.AllEvents}}
	w, err := webhook.Define(accountID, definition, webhook.BuiltIn, true)
	if err != nil {
		return webhook.Webhook{}, err
	}
	return w, db.CreateWebhook(ctx, &w)
}

// listenNear listens on the port of the time before, so that what waits for delivery finds the receiver,
// or on a free one when it is taken.
func listenNear(port int) (net.Listener, error) {
	if listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
		return listener, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// run receives until ctx is done.
func (d *demo) run(ctx context.Context) error {
	server := &http.Server{Handler: d.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(d.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the demo receiver: %w", err)
	case <-ctx.Done():
		return server.Close()
	}
}
