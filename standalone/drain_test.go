package main

import (
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// gate is what requests to an endpoint wait at while it is shut.
type gate struct {
	mu      sync.Mutex
	shut    chan struct{} // closed once it is open
	waiting atomic.Int32
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
}

func (g *gate) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	<-shut
}

// balancer publishes through any of the processes that say that they are ready, as one behind a load balancer does.
type balancer struct {
	mu    sync.Mutex
	ready []api
}

func (b *balancer) use(apis ...api) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = apis
}

// publish publishes an event and returns its ID. It is sent again, with the same key, if that went wrong.
func (b *balancer) publish(key string, n int) string {
	for ; ; n++ {
		b.mu.Lock()
		a := b.ready[n%len(b.ready)]
		b.mu.Unlock()
		status, text := a.withKey(key).try(http.MethodPost, "/v1/events", callEnded)
		if status == http.StatusAccepted {
			return regexp.MustCompile(`evt_\w+`).FindString(string(text))
		}
	}
}

// A rolling restart under load: each of two processes is asked to stop while it has POSTs in flight, and another one
// takes its place. Every event arrives, and none is sent twice.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	const publishers, inFlight, most, rounds = 4, 8, 64, 2
	infrastructure := newInfrastructure(t)
	at := new(gate)
	at.close()
	underWay := make(chan struct{}, most) // events that are published and have not arrived
	endpoint := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		at.pass()
		select {
		case <-underWay:
		default: // it was sent twice, which is told below
		}
		w.WriteHeader(http.StatusOK)
	})
	var processes []*program
	var apis []api
	for range 2 {
		p, a := startServe(t, infrastructure, "0s,12h", "--drain-delay", "1s")
		processes, apis = append(processes, p), append(apis, a)
	}
	apis[0].createWebhook(endpoint.URL)
	lb := new(balancer)
	lb.use(apis...)

	var publishing sync.WaitGroup
	var accepted sync.Map
	stop := make(chan struct{})
	for publisher := range publishers {
		publishing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case underWay <- struct{}{}:
				}
				accepted.Store(lb.publish(fmt.Sprintf("%d-%d", publisher, n), n), true)
			}
		})
	}
	for range rounds {
		for i, leaving := range processes {
			require.Eventually(t, func() bool { return at.waiting.Load() >= inFlight }, patience, pollInterval)
			lb.use(apis[1-i])
			require.NoError(t, leaving.Process.Signal(syscall.SIGTERM))
			require.Eventually(t, func() bool {
				status, _ := apis[i].try(http.MethodGet, "/readyz", nil)
				return status != http.StatusOK
			}, patience, pollInterval)
			at.open()
			require.NoError(t, leaving.Wait(), "it ends well")
			at.close()
			processes[i], apis[i] = startServe(t, infrastructure, "0s,12h", "--drain-delay", "1s")
			lb.use(apis...)
		}
	}
	close(stop)
	publishing.Wait()
	at.open()
	requireEachOnce(t, endpoint, &accepted)
}

// requireEachOnce waits until all accepted events have arrived, and makes sure that none came twice.
func requireEachOnce(t *testing.T, e *endpoint, accepted *sync.Map) {
	t.Helper()
	var arrived map[string]int
	require.Eventually(t, func() bool {
		arrived = map[string]int{}
		for _, request := range e.received() {
			arrived[request.header.Get("webhook-id")]++
		}
		all := true
		accepted.Range(func(id, _ any) bool {
			all = arrived[id.(string)] > 0
			return all
		})
		return all
	}, 2*patience, pollInterval, "every event arrives")
	t.Logf("%d events arrived", len(arrived))
	for id, times := range arrived {
		require.Equal(t, 1, times, "%s was sent again", id)
	}
}
