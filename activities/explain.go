package activities

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// explain turns the error of a POST into an outcome and its reason in plain words, without the URL or
// address, which may be secret and don't belong in Temporal's history.
func explain(ctx context.Context, err error, timeout time.Duration) (webhook.Outcome, string) {
	var dns *net.DNSError
	var timeoutErr net.Error
	var token *tokenError
	switch {
	case errors.As(err, &token):
		return token.outcome, token.words
	case errors.Is(err, target.ErrBlocked):
		return webhook.OutcomeBlocked, target.ErrBlocked.Error()
	case context.Cause(ctx) == errAnswerTimeout: //nolint:errorlint // compared by identity on purpose: the cause is ours
		return webhook.OutcomeTimeout, fmt.Sprintf("no full answer within %s", webhook.FormatGap(timeout))
	case errors.As(err, &dns) && dns.IsNotFound:
		return webhook.OutcomeConnectionError, "the host name does not exist (DNS)"
	case errors.As(err, &dns):
		return webhook.OutcomeConnectionError, "the host name could not be resolved (DNS)"
	case errors.As(err, &timeoutErr) && timeoutErr.Timeout():
		return webhook.OutcomeConnectionError, "no connection in time (TCP or TLS)"
	default:
		return webhook.OutcomeConnectionError, explainConnection(err)
	}
}

func explainConnection(err error) string {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var operation *net.OpError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused: nothing listens there"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the endpoint closed the connection in the middle (reset)"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no network route to the endpoint"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the endpoint closed the connection before a full answer"
	case errors.As(err, &authority):
		return "the TLS certificate is signed by an unknown authority"
	case errors.As(err, &hostname):
		return "the TLS certificate is for another host name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the TLS certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "the TLS certificate is not valid"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the endpoint does not speak TLS"
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"): // crypto/tls's
		return "the TLS handshake failed"
	default:
		return "the connection failed"
	}
}
