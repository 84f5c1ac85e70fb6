package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatInterval is well below workflows.HeartbeatTimeout, yet long enough that an attempt which is
// answered in reasonable time costs no heartbeat.
const heartbeatInterval = 3 * time.Second

// heartbeat tells Temporal regularly that the activity is alive, until the returned function is called. In
// the fast lane the SDK does that itself.
func heartbeat(ctx context.Context) (stop func()) {
	if activity.GetInfo(ctx).IsLocalActivity {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(heartbeatInterval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return sync.OnceFunc(func() { close(done) })
}
