package service

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/webhook"
)

// away is a Temporal that cannot be reached.
type away struct{ client.Client }

func (away) ExecuteWorkflow(context.Context, client.StartWorkflowOptions, any, ...any) (client.WorkflowRun, error) {
	return nil, errors.New("connection refused")
}

// What an outage leaves in the queue is the sweep's: what is published after it would be started behind it.
func TestQueueIsLeftToTheSweepWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	s := NewStarter(nil, away{}, webhook.DefaultSchedule(), nil, slog.New(slog.DiscardHandler))
	s.Enqueue([]webhook.Delivery{{ID: "dlv_1"}, {ID: "dlv_2"}, {ID: "dlv_3"}})
	require.Equal(t, 3, s.Queued())
	taken := s.next(t.Context())[0]
	s.Enqueue([]webhook.Delivery{{ID: "dlv_4"}})
	go func() {
		defer close(s.starting)
		s.starting <- taken
	}()
	s.startQueued(t.Context())
	require.Zero(t, s.Queued())
	for _, id := range []string{taken.ID, "dlv_4"} {
		require.False(t, s.inHand.has(id), id)
	}
}
