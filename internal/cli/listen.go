package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/durahook/durahook/internal/terminal"
	"github.com/durahook/durahook/receiver"
)

// ListenCommand receives webhooks, for development: it verifies each delivery and prints it.
type ListenCommand struct {
	Listen string        `help:"Address to receive on." default:"127.0.0.1:9000"`
	Secret string        `help:"Signing secret (whsec_…) or public key (whpk_…) to verify with; several with commas between them while one replaces the other." placeholder:"SECRET"`
	Fail   int           `help:"Answer with this status code (200 to 599) instead of 200; 0 is off." default:"0"`
	Slow   time.Duration `help:"Wait this long before answering." default:"0s"`
}

// Run receives until the process is asked to stop. It fails with one readable error when the flags are
// wrong or the port is taken.
func (c *ListenCommand) Run(env *Env) error {
	handler, err := receiver.New(receiver.Options{
		Secret: c.Secret, FailWith: c.Fail, Slow: c.Slow,
		Output: env.Stdout, Color: terminal.WantsColor(env.Stdout),
	})
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(env.Ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: cannot listen on %s: %w", c.Listen, reason(err))
	}
	if err := c.greet(env, listener.Addr(), handler.Verifies()); err != nil {
		return errors.Join(err, listener.Close())
	}
	return c.serve(env.Ctx, listener, handler)
}

// reason leaves out of a network error what the message says already.
func reason(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Err
	}
	return err
}

// greet says where deliveries are received and how to have some sent there.
func (c *ListenCommand) greet(env *Env, address net.Addr, verifies bool) error {
	url := receivingURL(address)
	signatures := "Signatures are verified."
	if !verifies {
		signatures = "Signatures are not verified: start again with --secret and the webhook's signing_secret, or its public_key if it has one, for that."
	}
	_, err := fmt.Fprintf(env.Stdout, `Receiving webhooks at %[1]s until Ctrl-C. %[2]s

To have all events delivered here, by a durahook that has --allow-insecure-targets loopback:

  curl http://127.0.0.1:8080/v1/webhooks \
    -H "Authorization: Bearer $DURAHOOK_ADMIN_KEY" \
    --json '{"name":"Listen","url":"%[1]s","events":["*"]}'

`, url, signatures)
	if err != nil {
		return fmt.Errorf("print where webhooks are received: %w", err)
	}
	return nil
}

// receivingURL returns the URL of the receiver as this machine can reach it.
func receivingURL(address net.Addr) string {
	at, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return "http://" + address.String() + "/"
	}
	host := at.Addr().Unmap()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "http://" + netip.AddrPortFrom(host, at.Port()).String() + "/"
}

// serve receives until ctx is done, and then lets requests under way end. Those that wait for --slow to pass
// are cut short.
func (c *ListenCommand) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	const (
		longestRead  = 30 * time.Second
		drainTimeout = 5 * time.Second
	)
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       longestRead,
		WriteTimeout:      longestRead + c.Slow, // counts from the end of the request's headers
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("receive webhooks: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("let deliveries under way end: %w", err), server.Close())
	}
	return nil
}
