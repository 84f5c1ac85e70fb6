package temporalserver

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/persistence"
)

// slowStore answers once it is told to.
type slowStore struct {
	persistence.ExecutionStore
	answer chan struct{}
	mu     sync.Mutex
	asked  int
}

func (s *slowStore) GetWorkflowExecution(
	context.Context, *persistence.GetWorkflowExecutionRequest,
) (*persistence.InternalGetWorkflowExecutionResponse, error) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	<-s.answer
	return &persistence.InternalGetWorkflowExecutionResponse{}, nil
}

func (s *slowStore) reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// However much the queues want to look up, whoever calls finds the database free.
func TestQueuesLeaveRoomForCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &slowStore{answer: make(chan struct{})}
		store := newExecutionStore(slow)
		read := func(ctx context.Context) error {
			_, err := store.GetWorkflowExecution(ctx, &persistence.GetWorkflowExecutionRequest{})
			return err
		}
		queue := headers.SetCallerInfo(t.Context(), headers.SystemBackgroundHighCallerInfo)
		var reading sync.WaitGroup
		const many = 100
		for range many {
			reading.Go(func() { require.NoError(t, read(queue)) })
		}
		synctest.Wait()
		require.Equal(t, backgroundReads, slow.reads())

		reading.Go(func() { require.NoError(t, read(t.Context())) })
		synctest.Wait()
		require.Equal(t, backgroundReads+1, slow.reads())

		late, cancel := context.WithCancel(queue)
		cancel()
		require.ErrorIs(t, read(late), context.Canceled)
		close(slow.answer)
		reading.Wait()
		require.Equal(t, many+1, slow.reads())
	})
}
