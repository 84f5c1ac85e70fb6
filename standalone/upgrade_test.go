package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// lastRelease is a file with the tag, or the commit, of the last release.
const lastRelease = "testdata/last_release"

// buildLastRelease builds durahook as it was released last, from the history of this clone, and returns its path. Where
// there is no history, or a shallow one, the test is skipped.
func buildLastRelease(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(lastRelease)
	require.NoError(t, err)
	revision := strings.TrimSpace(string(text))
	dir := t.TempDir()
	archive := filepath.Join(dir, "source.tar")
	got, err := exec.Command("git", "-C", "..", "archive", "--output", archive, revision).CombinedOutput()
	if err != nil && !hasWholeHistory() {
		t.Skipf("this is no clone with the last release, %s, in it to upgrade from; for the whole history: git fetch --unshallow --tags\n%s", revision, got)
	}
	require.NoError(t, err, "%s names the last release: %s", lastRelease, got)
	run(t, dir, "tar", "-xf", archive)
	path := filepath.Join(dir, "durahook-before")
	run(t, dir, "go", "build", "-buildvcs=false", "-o", path, "./cmd/durahook")
	return path
}

func hasWholeHistory() bool {
	shallow, err := exec.Command("git", "-C", "..", "rev-parse", "--is-shallow-repository").Output()
	return err == nil && strings.TrimSpace(string(shallow)) == "false"
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = dir
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, output)
}

// An upgrade under load, with two processes of the last release: the new version migrates while they work, and takes
// their places one after the other; between that, the old one can still be started. Every event arrives, and none is
// sent twice. What waited under the old version ends under the new one.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	const publishers, enough = 3, 40
	schedule := "0s" + strings.Repeat(",2s", 45) // due again and again, under whichever version runs
	before := buildLastRelease(t)
	infrastructure := newInfrastructure(t)
	endpoint := newEndpoint(t, answering(http.StatusOK))
	var upgraded atomic.Bool
	late := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		if !upgraded.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	flags := []string{"--drain-delay", "500ms"}
	var processes [2]*program
	var apis [2]api
	for i := range processes {
		processes[i], apis[i] = startServeOf(t, before, infrastructure, schedule, flags...)
	}
	waiting := publishWaiting(t, apis[0], late)
	apis[0].createWebhook(endpoint.URL)

	lb, accepted := new(balancer), new(sync.Map)
	lb.use(apis[:]...)
	load := publishAll(publishers, lb, accepted)
	replace := func(i int, start func() (*program, api)) {
		load.await(t, enough)
		lb.use(apis[1-i])
		require.NoError(t, processes[i].Process.Signal(syscall.SIGTERM))
		require.NoError(t, processes[i].Wait(), "it ends well")
		processes[i], apis[i] = start()
		lb.use(apis[:]...)
	}
	startOld := func() (*program, api) { return startServeOf(t, before, infrastructure, schedule, flags...) }
	startNew := func() (*program, api) { return startServe(t, infrastructure, schedule, flags...) }
	replace(0, startNew) // which migrates while the other one works
	replace(1, startOld) // again, with the new schema
	replace(1, startNew)
	load.await(t, enough)
	load.stop()
	upgraded.Store(true)
	for _, id := range waiting {
		require.Eventually(t, func() bool { return apis[0].delivery(id).Status == "delivered" }, patience, pollInterval)
	}
	requireEachOnce(t, endpoint, accepted)
}

// publishWaiting publishes events that wait for an endpoint, and returns their deliveries.
func publishWaiting(t *testing.T, a api, e *endpoint) (deliveries []string) {
	t.Helper()
	const several = 5
	a.do(http.MethodPost, "/v1/webhooks", map[string]any{"name": "Late", "url": e.URL, "events": []string{"call.failed"}}, http.StatusCreated, nil)
	for range several {
		var event publishedEvent
		a.do(http.MethodPost, "/v1/events", strings.Replace(callEnded, "call.ended", "call.failed", 1), http.StatusAccepted, &event)
		deliveries = append(deliveries, event.Deliveries[0].ID)
	}
	for _, id := range deliveries {
		require.Eventually(t, func() bool { return a.delivery(id).Status == "waiting" }, patience, pollInterval)
	}
	return deliveries
}

// load is publishers at work.
type load struct {
	published atomic.Int64
	stopping  chan struct{}
	working   sync.WaitGroup
}

// publishAll has publishers publish until stop, and notes which events were accepted.
func publishAll(publishers int, lb *balancer, accepted *sync.Map) *load {
	l := &load{stopping: make(chan struct{})}
	for publisher := range publishers {
		l.working.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stopping:
					return
				default:
				}
				accepted.Store(lb.publish(fmt.Sprintf("%d-%d", publisher, n), n), true)
				l.published.Add(1)
			}
		})
	}
	return l
}

// await waits until so many more events were accepted.
func (l *load) await(t *testing.T, events int64) {
	t.Helper()
	enough := l.published.Load() + events
	require.Eventually(t, func() bool { return l.published.Load() >= enough }, patience, pollInterval)
}

func (l *load) stop() {
	close(l.stopping)
	l.working.Wait()
}
