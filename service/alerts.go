package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

const (
	// DefaultAlertWindow is how long what happens is gathered before people are alerted.
	DefaultAlertWindow = time.Minute
	// DefaultAlertQuiet is how long of the same webhook no other alert of the kind is made.
	DefaultAlertQuiet = 15 * time.Minute

	// alertInterval is how often it is looked for what people are to be alerted of: nearly always, there is nothing.
	alertInterval = 2 * time.Second
	// alertBatch is how many alerts are started at a time, and alertLease after how long they come up again if that
	// process dies.
	alertBatch = 100
	alertLease = 30 * time.Second
)

// RunAlerts makes alerts for people of what happens, and starts the workflows that send them, until ctx is done. What
// happened, and what is to be sent, is kept in the database: none is lost if a process dies.
func (s *Service) RunAlerts(ctx context.Context) error {
	ticker := time.NewTicker(min(alertInterval, s.alertWindow))
	defer ticker.Stop()
	for {
		more, err := s.alert(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("alert people", "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// alert makes the alerts that are due and starts a batch of workflows. It reports whether there is more to do at once.
func (s *Service) alert(ctx context.Context) (more bool, err error) {
	if due, err := s.store.AlertsDue(ctx, s.alertWindow, s.alertQuiet); err != nil || !due {
		return false, err
	}
	_, more, err = s.store.GatherAlerts(ctx, s.alertWindow, s.alertQuiet)
	if err != nil {
		return false, err
	}
	claimed, err := s.store.ClaimAlerts(ctx, alertBatch, alertLease)
	if err != nil {
		return false, err
	}
	for _, alert := range claimed {
		if err := s.startAlert(ctx, alert); err != nil {
			return false, err
		}
	}
	return more || len(claimed) == alertBatch, nil
}

// startAlert starts the workflow that sends an alert; that it was started before is fine.
func (s *Service) startAlert(ctx context.Context, alert webhook.Alert) error {
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	request := webhook.AlertRequest{ChannelID: alert.Channel.ID, AlertID: alert.ID}
	_, err := s.temporal.ExecuteWorkflow(starting, alertOptions(alert), workflows.SendAlert, request)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if err != nil && !errors.As(err, &already) {
		return fmt.Errorf("start workflow %s: %w", alert.ID, err)
	}
	return s.store.AlertStarted(ctx, alert.ID)
}

// alertOptions are how the workflow of an alert is started. Its summary tells the type and the ID of the channel only:
// names are for people.
func alertOptions(alert webhook.Alert) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       alert.ID,
		TaskQueue:                                workflows.DeliveryTaskQueue,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("alert by %s", alert.Channel.Type),
		StaticDetails:                            fmt.Sprintf("Sends an alert to the alert channel `%s` of account `%s`.", alert.Channel.ID, alert.Channel.AccountID),
		TypedSearchAttributes:                    temporal.NewSearchAttributes(workflows.AccountAttribute.ValueSet(alert.Channel.AccountID)),
		Priority:                                 temporal.Priority{FairnessKey: alert.Channel.ID},
	}
}
