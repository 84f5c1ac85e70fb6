package metrics_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

// The database is asked seldom, however often the metrics are read, and never for long.
func TestBacklogIsReadSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, broken := 0, false
		m := metrics.New("1.2.3")
		m.WatchBacklog(t.Context(), func(ctx context.Context) (webhook.Backlog, error) {
			asked++
			if broken {
				<-ctx.Done()
				return webhook.Backlog{}, errDown
			}
			return webhook.Backlog{Pending: webhook.OpenDeliveries{Count: asked}}, nil
		})
		for range 3 {
			require.Contains(t, text(t, m), `durahook_deliveries_open{status="pending"} 1`)
		}
		time.Sleep(14 * time.Second) //nolint:forbidigo // the bubble's clock jumps
		require.Contains(t, text(t, m), `durahook_deliveries_open{status="pending"} 1`)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock jumps
		require.Contains(t, text(t, m), `durahook_deliveries_open{status="pending"} 2`)

		broken = true
		time.Sleep(15 * time.Second) //nolint:forbidigo // the bubble's clock jumps
		for range 3 {
			before := time.Now()
			got := text(t, m)
			require.Contains(t, got, "durahook_database_up 0")
			require.NotContains(t, got, `durahook_deliveries_open{status="pending"} 2`, "old figures would be taken for new ones")
			require.LessOrEqual(t, time.Since(before), 3*time.Second)
		}
		require.Equal(t, 3, asked)
	})
}
