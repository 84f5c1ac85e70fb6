package activities

import (
	"cmp"
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

// heartbeatShare is the part of the heartbeat timeout after which the next heartbeat is due: well below the whole, yet
// long enough that an attempt which is answered in reasonable time costs none.
const heartbeatShare = 0.6

// unwatched stands in for a heartbeat timeout where there is none.
const unwatched = 5 * time.Second

// heartbeat tells Temporal regularly that the activity is alive, until the returned function is called. In
// the fast lane the SDK does that itself.
func heartbeat(ctx context.Context) (stop func()) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(time.Duration(heartbeatShare * float64(cmp.Or(info.HeartbeatTimeout, unwatched))))
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
