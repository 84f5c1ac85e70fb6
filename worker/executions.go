package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/webhook"
	"github.com/durahook/durahook/workflows"
)

var _ activities.Executions = (*Executions)(nil)

// Executions knows the workflows of deliveries as Temporal has them.
type Executions struct {
	client    client.Client
	namespace string
}

// NewExecutions returns the workflows of a namespace.
func NewExecutions(c client.Client, namespace string) *Executions {
	return &Executions{client: c, namespace: namespace}
}

// LastRun returns where the workflow of a delivery stands.
func (e *Executions) LastRun(ctx context.Context, deliveryID string) (webhook.WorkflowRun, error) {
	described, err := e.client.DescribeWorkflowExecution(ctx, deliveryID, "")
	var none *serviceerror.NotFound
	if errors.As(err, &none) {
		return webhook.WorkflowRun{State: webhook.WorkflowMissing}, nil
	}
	if err != nil {
		return webhook.WorkflowRun{}, err
	}
	info := described.GetWorkflowExecutionInfo()
	run := webhook.WorkflowRun{State: webhook.WorkflowOpen, RunID: info.GetExecution().GetRunId(), TaskQueue: info.GetTaskQueue()}
	switch info.GetStatus() {
	case enums.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		run.State = webhook.WorkflowTerminated
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED:
		run.State, run.Status = webhook.WorkflowClosed, webhook.StatusCancelled
	case enums.WORKFLOW_EXECUTION_STATUS_FAILED, enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		run.State, run.Status = webhook.WorkflowClosed, webhook.StatusExhausted
	case enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		var result workflows.DeliveryResult
		if err := e.client.GetWorkflow(ctx, deliveryID, run.RunID).Get(ctx, &result); err != nil {
			return run, fmt.Errorf("read its result: %w", err)
		}
		run.State, run.Status = webhook.WorkflowClosed, result.Status
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		if task := described.GetPendingWorkflowTask(); task.GetState() == enums.PENDING_WORKFLOW_TASK_STATE_SCHEDULED {
			run.TaskSince = task.GetScheduledTime().AsTime()
		}
	default: // paused by an operator
	}
	return run, nil
}

// OldestTask returns how long the first of a queue's workflow tasks has waited for a worker: 0 when none does.
func (e *Executions) OldestTask(ctx context.Context, queue string) (time.Duration, error) {
	described, err := e.client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: e.namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue},
		TaskQueueType: enums.TASK_QUEUE_TYPE_WORKFLOW, ReportStats: true,
	})
	if err != nil {
		return 0, fmt.Errorf("describe task queue %s: %w", queue, err)
	}
	return described.GetStats().GetApproximateBacklogAge().AsDuration(), nil
}

// Delete deletes a run of a delivery's workflow. Temporal has done it a moment later.
func (e *Executions) Delete(ctx context.Context, deliveryID, runID string) error {
	_, err := e.client.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: e.namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: deliveryID, RunId: runID},
	})
	return err
}

// deliveryQuery finds the workflows of deliveries in Temporal's list.
const deliveryQuery = `WorkflowType = 'Delivery' AND `

// Terminated returns a page of the IDs of deliveries whose workflow was terminated since a time.
func (e *Executions) Terminated(ctx context.Context, since time.Time, page []byte, limit int) (ids []string, next []byte, err error) {
	query := deliveryQuery + `ExecutionStatus = 'Terminated' AND CloseTime >= ` + quoteTime(since)
	listed, err := e.list(ctx, query, page, limit)
	for _, info := range listed.GetExecutions() {
		ids = append(ids, info.GetExecution().GetWorkflowId())
	}
	return ids, listed.GetNextPageToken(), err
}

// Running returns a page of the open workflows that were started before a time, the newest first.
func (e *Executions) Running(ctx context.Context, before time.Time, page []byte, limit int) (running []activities.RunningWorkflow, next []byte, err error) {
	query := deliveryQuery + `ExecutionStatus = 'Running'`
	if !before.IsZero() {
		query += ` AND StartTime <= ` + quoteTime(before)
	}
	listed, err := e.list(ctx, query, page, limit)
	for _, info := range listed.GetExecutions() {
		running = append(running, activities.RunningWorkflow{
			DeliveryID: info.GetExecution().GetWorkflowId(), StartedAt: info.GetStartTime().AsTime(),
		})
	}
	return running, listed.GetNextPageToken(), err
}

func (e *Executions) list(ctx context.Context, query string, page []byte, limit int) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return e.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: e.namespace, PageSize: int32(limit), NextPageToken: page, Query: query, //nolint:gosec // limits are small
	})
}

func quoteTime(t time.Time) string { return "'" + t.UTC().Format(time.RFC3339Nano) + "'" }

// End ends the open workflow of a delivery that has this status, or none when it isn't known. Where the workflow
// has a way to end like that, it takes it; else it is terminated, since there is nothing for it to do.
func (e *Executions) End(ctx context.Context, deliveryID, runID string, status webhook.Status) error {
	switch status {
	case webhook.StatusCancelled:
		return e.client.CancelWorkflow(ctx, deliveryID, runID)
	case webhook.StatusDiscarded:
		return e.client.SignalWorkflow(ctx, deliveryID, runID, workflows.DiscardSignal, nil)
	case "":
		return e.client.TerminateWorkflow(ctx, deliveryID, runID, "durahook's reconciler: the database knows no such delivery")
	default:
		return e.client.TerminateWorkflow(ctx, deliveryID, runID, fmt.Sprintf("durahook's reconciler: the delivery is %s already", status))
	}
}
