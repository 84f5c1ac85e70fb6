// Package alerts tells people what happened: it puts alerts into words and sends them by e-mail and to Slack,
// Microsoft Teams, Discord and PagerDuty. Whether and when, and what becomes of one that does not arrive, is for others
// to decide. It imports only package webhook.
//
// Errors of this package never hold addresses, keys or what a service answered: they end up in logs and in Temporal's
// history.
package alerts

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/durahook/durahook/webhook"
)

// Timeout is how long sending an alert may take.
const Timeout = 30 * time.Second

// Refused is the error of an alert that was answered, but not taken.
type Refused struct {
	words      string
	Permanent  bool          // sending it again is no use
	RetryAfter time.Duration // what the service asks to wait; 0 when it says nothing
}

// Error says in plain words what was answered.
func (r *Refused) Error() string { return r.words }

// Sender sends alerts. It is safe for concurrent use.
type Sender struct {
	client *http.Client
	mail   *Mail
}

// NewSender returns a sender that makes its requests through a transport, which decides what may be connected to, and
// sends mail through the operator's server; nil for none.
func NewSender(transport http.RoundTripper, mail *Mail) *Sender {
	return &Sender{mail: mail, client: &http.Client{
		Transport: transport, Timeout: Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send sends a message to a channel. What was answered but not taken is a [*Refused]; any other error is one of the
// connection.
func (s *Sender) Send(ctx context.Context, c webhook.AlertChannel, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	switch c.Type {
	case webhook.AlertEmail:
		if s.mail == nil {
			return &Refused{words: "e-mail is not set up on this worker: --smtp-url is not given", Permanent: true}
		}
		return s.mail.send(ctx, c.Address.To, m)
	case webhook.AlertSlack:
		return s.post(ctx, c.Address.URL, slack(m))
	case webhook.AlertTeams:
		return s.post(ctx, c.Address.URL, teams(m))
	case webhook.AlertDiscord:
		return s.post(ctx, c.Address.URL, discord(m))
	case webhook.AlertPagerDuty:
		// An incident for each; what was sent before is the same incident again.
		for _, event := range pagerDuty(c.Address.RoutingKey, m) {
			if err := s.post(ctx, pagerDutyURL(c.Address.Region), event); err != nil {
				return err
			}
		}
		return nil
	default:
		return &Refused{words: fmt.Sprintf("alert channels of type %s are not known to this worker", c.Type), Permanent: true}
	}
}
