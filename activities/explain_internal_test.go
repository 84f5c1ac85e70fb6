package activities

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// What cannot be brought about on one machine; outcome_test.go has the rest.
func TestExplain(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, scenario := range map[string]struct {
		err     error
		outcome webhook.Outcome
		words   string
	}{
		"blocked":       {dial(target.ErrBlocked), webhook.OutcomeBlocked, "the address is not a public one"},
		"no such name":  {dial(&net.DNSError{Err: "no such host", Name: "secret", IsNotFound: true}), webhook.OutcomeConnectionError, "the host name does not exist (DNS)"},
		"DNS fails":     {dial(&net.DNSError{Err: "server misbehaving", Name: "secret"}), webhook.OutcomeConnectionError, "the host name could not be resolved (DNS)"},
		"DNS times out": {dial(&net.DNSError{Err: "timeout", Name: "secret", IsTimeout: true}), webhook.OutcomeConnectionError, "the host name could not be resolved (DNS)"},
		// Ten seconds without a connection are not the thirty seconds without an answer.
		"TCP times out":    {dial(os.ErrDeadlineExceeded), webhook.OutcomeConnectionError, "no connection in time (TCP or TLS)"},
		"kernel times out": {dial(syscall.ETIMEDOUT), webhook.OutcomeConnectionError, "no connection in time (TCP or TLS)"},
		"no route":         {dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), webhook.OutcomeConnectionError, "there is no network route to the endpoint"},
		"no network":       {dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), webhook.OutcomeConnectionError, "there is no network route to the endpoint"},
		"reset":            {dial(os.NewSyscallError("read", syscall.ECONNRESET)), webhook.OutcomeConnectionError, "the endpoint closed the connection in the middle (reset)"},
		"broken pipe":      {dial(os.NewSyscallError("write", syscall.EPIPE)), webhook.OutcomeConnectionError, "the endpoint closed the connection in the middle (reset)"},
		"expired":          {x509.CertificateInvalidError{Reason: x509.Expired, Detail: "secret"}, webhook.OutcomeConnectionError, "the TLS certificate has expired or is not valid yet"},
		"not a server's":   {x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, webhook.OutcomeConnectionError, "the TLS certificate is not valid"},
		"anything else":    {errors.New("secret"), webhook.OutcomeConnectionError, "the connection failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := &url.Error{Op: "Post", URL: "https://secret.example/", Err: scenario.err}
			outcome, words := explain(t.Context(), fmt.Errorf("post: %w", err), 30*time.Second)
			require.Equal(t, scenario.outcome, outcome)
			require.Equal(t, scenario.words, words)
		})
	}
}

// However the time limit shows itself, it is a timeout; not so an address that is blocked.
func TestExplainTimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, errAnswerTimeout)
	defer cancel()
	<-ctx.Done()
	for _, err := range []error{context.DeadlineExceeded, os.ErrDeadlineExceeded, errors.New("request canceled")} {
		outcome, words := explain(ctx, err, 90*time.Second)
		require.Equal(t, webhook.OutcomeTimeout, outcome)
		require.Equal(t, "no full answer within 1m30s", words)
	}
	outcome, _ := explain(ctx, target.ErrBlocked, time.Second)
	require.Equal(t, webhook.OutcomeBlocked, outcome)
}
