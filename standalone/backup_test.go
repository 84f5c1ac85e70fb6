package main

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runs starts the program with these arguments until it ends, and returns whether that went well and what it said.
func runs(t *testing.T, args ...string) (bool, string) {
	t.Helper()
	p := start(t, args...)
	err := p.Wait()
	return err == nil, p.output.String()
}

// publishing publishes without a break, and returns a function that ends that and returns the deliveries of all events
// that got their 202.
func (a api) publishing(t *testing.T) (stop func() []string) {
	t.Helper()
	done := make(chan struct{})
	var publishers sync.WaitGroup
	var mu sync.Mutex
	var accepted []string
	for range 2 {
		publishers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, id := a.publish()
				mu.Lock()
				accepted = append(accepted, id)
				mu.Unlock()
			}
		})
	}
	return func() []string {
		close(done)
		publishers.Wait()
		return accepted
	}
}

// A backup that was made under load, restored into a new directory: everything that had its 202 before is there and
// arrives, and what waited goes on.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	dir, restored, kept := dataDir(t), filepath.Join(dataDir(t), "new"), t.TempDir()
	endpoint := newEndpoint(t, answering(200))
	var mended atomic.Bool
	waits := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		if !mended.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	p, a := startAll(t, dir, "--no-demo", "--retry-schedule", "0s,12h")
	failing := a.createWebhook(waits.URL)
	_, waiting := a.publish()
	before := a.eventually(waiting, "waiting", 1)
	a.do(http.MethodPatch, "/v1/webhooks/"+failing.ID, map[string]any{"events": []string{"call.failed"}}, http.StatusOK, nil)
	created := a.createWebhook(endpoint.URL)

	stop := a.publishing(t)
	endpoint.eventually(t, 20)
	early := make([]string, 0, 1000)
	for range 5 {
		_, id := a.publish()
		early = append(early, id)
	}
	file := filepath.Join(kept, "backup.tar.gz")
	ok, said := runs(t, "backup", file, "--data-dir", dir)
	require.True(t, ok, said)
	require.Contains(t, said, "The keys are not in it. Keep "+filepath.Join(dir, "keys.json"))
	later := stop()
	require.NotEmpty(t, later)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	ok, said = runs(t, "backup", file, "--data-dir", dir)
	require.False(t, ok)
	require.Contains(t, said, "is there already; a backup never overwrites anything")
	p.kill()

	ok, said = runs(t, "restore", file, "--data-dir", dir, "--no-keys")
	require.False(t, ok)
	require.Contains(t, said, "is not empty; a restore never overwrites anything")
	ok, said = runs(t, "restore", file, "--data-dir", restored)
	require.False(t, ok)
	require.Contains(t, said, "the backup does not hold the keys")
	require.NoDirExists(t, restored)
	ok, said = runs(t, "restore", file, "--data-dir", restored, "--keys", filepath.Join(dir, "keys.json"))
	require.True(t, ok, said)
	require.Contains(t, said, "Deliveries that went out after the backup may go out once more, with the same webhook-id.")

	mended.Store(true)
	_, again := startAll(t, restored, "--no-demo")
	require.Equal(t, a.key, again.key)
	for _, id := range early {
		again.eventually(id, "delivered", 1)
	}
	after := again.delivery(waiting)
	require.Equal(t, "waiting", after.Status)
	require.WithinDuration(t, *before.NextAttemptAt, *after.NextAttemptAt, time.Millisecond)
	require.Eventually(t, func() bool { // Temporal has just started, and may not answer in time yet
		status, _ := again.try(http.MethodPost, "/v1/deliveries/"+waiting+"/retry", nil)
		return status == http.StatusAccepted
	}, patience, pollInterval)
	again.eventually(waiting, "delivered", 2)

	// What came in while the backup was made is there or isn't; what is there arrives.
	found := 0
	for _, id := range later {
		if status, _ := again.try(http.MethodGet, "/v1/deliveries/"+id, nil); status == http.StatusOK {
			again.eventually(id, "delivered", 1)
			found++
		}
	}
	require.Positive(t, found)
	t.Logf("%d deliveries from before the backup, %d of %d from meanwhile", len(early)+1, found, len(later))
	_, id := again.publish()
	again.eventually(id, "delivered", 1)
	requests := endpoint.received()
	verify(t, created.SigningSecret, requests[len(requests)-1])
}
