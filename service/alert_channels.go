package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/temporal"
	"golang.org/x/time/rate"

	"github.com/durahook/durahook/internal/ratelimit"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

// An account may test its alert channels alertTestBurst times at once, and once more every alertTestEvery: tests of
// durahook are not to fill anybody's mailbox.
const (
	alertTestBurst = 10
	alertTestEvery = time.Minute
	// testingAccounts is how many accounts are remembered.
	testingAccounts = 1000
)

// CreateAlertChannel makes an alert channel of the account. Conflict: the account has as many as it can have. Invalid
// is also one for e-mail where the installation has no mail server.
func (s *Service) CreateAlertChannel(ctx context.Context, accountID string, d webhook.AlertChannelDefinition) (webhook.AlertChannel, error) {
	c, err := webhook.DefineAlertChannel(accountID, d, s.guard.AllowsHTTP())
	if d.Type == webhook.AlertEmail && !s.mail {
		var fields webhook.Fields
		fields.Add("/type", "cannot be email: this installation has no mail server; its operator gives one with --smtp-url")
		err = alsoWrong(err, fields.Err())
	}
	if err := s.checkTargets(ctx, d.Targets(), err); err != nil {
		return webhook.AlertChannel{}, err
	}
	return c, s.store.CreateAlertChannel(ctx, &c)
}

// SendsMail reports whether alert channels for e-mail can be made.
func (s *Service) SendsMail() bool { return s.mail }

// AlertChannel returns one alert channel of the account.
func (s *Service) AlertChannel(ctx context.Context, accountID, id string) (webhook.AlertChannel, error) {
	if err := webhook.CheckID(webhook.AlertChannelPrefix, id); err != nil {
		return webhook.AlertChannel{}, err
	}
	return s.store.AlertChannel(ctx, accountID, id)
}

// AlertChannels returns a page of the account's alert channels, newest first.
func (s *Service) AlertChannels(ctx context.Context, accountID string, page store.Page) ([]webhook.AlertChannel, error) {
	return s.store.AlertChannels(ctx, accountID, page)
}

// UpdateAlertChannel changes an alert channel of the account as a patch says and returns it as it is then.
func (s *Service) UpdateAlertChannel(ctx context.Context, accountID, id string, patch webhook.AlertChannelPatch) (webhook.AlertChannel, error) {
	if err := webhook.CheckID(webhook.AlertChannelPrefix, id); err != nil {
		return webhook.AlertChannel{}, err
	}
	return s.store.UpdateAlertChannel(ctx, accountID, id, func(c *webhook.AlertChannel) error {
		return s.checkTargets(ctx, patch.Targets(), patch.Apply(c, s.guard.AllowsHTTP()))
	})
}

// DeleteAlertChannel takes an alert channel away from the account.
func (s *Service) DeleteAlertChannel(ctx context.Context, accountID, id string) error {
	if err := webhook.CheckID(webhook.AlertChannelPrefix, id); err != nil {
		return err
	}
	return s.store.DeleteAlertChannel(ctx, accountID, id)
}

// TestAlertChannel sends a test to an alert channel of the account, once, by the same workflow as alerts, and waits
// for its end. It returns why the test did not arrive, in plain words; empty when it did. Unavailable: Temporal cannot
// be reached, or no worker sent it in time; then it is not sent later either.
func (s *Service) TestAlertChannel(ctx context.Context, accountID, id string) (failure string, err error) {
	c, err := s.AlertChannel(ctx, accountID, id)
	if err != nil {
		return "", err
	}
	if err := s.alertTests.take(accountID); err != nil {
		return "", err
	}
	// Should the client hang up, the test goes on: how it ended is recorded.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.testTimeout)
	defer cancel()
	options := alertOptions(webhook.Alert{ID: webhook.NewID(webhook.AlertPrefix), Channel: c})
	options.StaticSummary = "test: " + options.StaticSummary
	options.WorkflowExecutionTimeout = s.testTimeout
	starting, stop := context.WithTimeout(ctx, temporalTimeout)
	defer stop()
	run, err := s.temporal.ExecuteWorkflow(starting, options, workflows.SendAlert, webhook.AlertRequest{ChannelID: c.ID})
	if err != nil {
		return "", unavailable("test "+c.ID, err)
	}
	err = run.Get(ctx, nil)
	var failed *temporal.ApplicationError
	var late *temporal.TimeoutError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &failed) && failed.Type() == webhook.AlertFailed:
		err := failed.Details(&failure)
		return failure, err
	case ctx.Err() != nil, errors.As(err, &late):
		message := "The test has not ended in time, so it was given up; see whether a worker runs, and try again."
		return "", fmt.Errorf("test %s: %w", c.ID, &webhook.Error{Code: webhook.CodeUnavailable, Message: message})
	default:
		return "", unavailable("test "+c.ID, err)
	}
}

// alertTests bounds how often each account tests its alert channels through this process.
type alertTests struct {
	mu       sync.Mutex
	accounts ratelimit.Keyed
}

func newAlertTests() *alertTests {
	return &alertTests{accounts: ratelimit.Keyed{Limit: rate.Every(alertTestEvery), Burst: alertTestBurst, Most: testingAccounts}}
}

// take counts a test, or fails when there were too many.
func (t *alertTests) take(accountID string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.accounts.Of(accountID, now).AllowN(now, 1) {
		return nil
	}
	return &webhook.Error{Code: webhook.CodeTooManyRequests, Message: fmt.Sprintf(
		"Alert channels were tested %d times; wait a minute before the next test.", alertTestBurst)}
}
