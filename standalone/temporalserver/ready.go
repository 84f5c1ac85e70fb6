package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/common"
)

const (
	// askAgain is how long to wait before asking once more whether the server is ready.
	askAgain = 50 * time.Millisecond
	// askTimeout bounds one question, since a server that is starting may leave it unanswered.
	askTimeout = 5 * time.Second
)

// awaitReady returns when a workflow can be started, searched for and found, or when ctx ends.
func awaitReady(ctx context.Context, p *plan) (err error) {
	sdk, err := client.NewLazyClient(client.Options{
		HostPort:  reachable(p.frontend),
		Namespace: p.Namespace,
		Logger:    sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), // it would log each failed attempt
	})
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	defer sdk.Close()
	checks := []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := sdk.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		},
		func(ctx context.Context) error { return checkSearch(ctx, sdk, p) },
		func(ctx context.Context) error { return checkShards(ctx, sdk, p) },
	}
	for _, check := range checks {
		if err := untilNil(ctx, p.logger, check); err != nil {
			return fmt.Errorf("the Temporal server did not become ready: %w", err)
		}
	}
	return nil
}

// untilNil asks again and again. It gives up when ctx ends, with the last answer, or when Temporal
// cannot go on.
func untilNil(ctx context.Context, logger *logger, ask func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, askTimeout)
		err := ask(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-logger.failed:
			return logger.failure()
		case <-time.After(askAgain):
		}
	}
}

// checkSearch asks for workflows by all search attributes at once. The workflow ID, which nobody
// has, keeps it from reading through all workflows.
func checkSearch(ctx context.Context, sdk client.Client, p *plan) error {
	query := []string{"WorkflowId = 'no such workflow'"}
	for _, name := range slices.Sorted(maps.Keys(p.SearchAttributes)) {
		query = append(query, "`"+name+"` IS NULL")
	}
	_, err := sdk.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: p.Namespace,
		PageSize:  1,
		Query:     strings.Join(query, " AND "),
	})
	return err
}

// checkShards asks every history shard for a workflow that does not exist. A shard that the history
// service has not taken over yet does not answer that; one that says "not found" is at work.
func checkShards(ctx context.Context, sdk client.Client, p *plan) error {
	namespace, err := sdk.WorkflowService().DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: p.Namespace})
	if err != nil {
		return err
	}
	id := namespace.GetNamespaceInfo().GetId()
	asked := map[int32]bool{}
	for n := 0; len(asked) < historyShards; n++ {
		workflow := fmt.Sprintf("no such workflow %d", n)
		shard := common.WorkflowIDToHistoryShard(id, workflow, historyShards)
		if asked[shard] {
			continue
		}
		_, err := sdk.WorkflowService().DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: p.Namespace,
			Execution: &commonpb.WorkflowExecution{WorkflowId: workflow},
		})
		var notFound *serviceerror.NotFound
		if err != nil && !errors.As(err, &notFound) {
			return err
		}
		asked[shard] = true
	}
	return nil
}
