package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/standalone/stack"
)

// newInfrastructure starts a Temporal and a Postgres for one test that kills what works on them.
func newInfrastructure(t *testing.T) *stack.Infrastructure {
	t.Helper()
	infrastructure, err := stack.StartInfrastructure(t.Context(), stack.InfrastructureOptions{
		DataDir: dataDir(t), TemporalListen: "127.0.0.1:0", UIListen: "127.0.0.1:0",
		Log: slog.New(slog.DiscardHandler), Progress: func(string) {},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, infrastructure.Stop(context.WithoutCancel(t.Context()))) })
	return infrastructure
}

// startServe runs "durahook serve" as a process, with these flags too, and returns a client of its API.
func startServe(t *testing.T, infrastructure *stack.Infrastructure, schedule string, flags ...string) (*program, api) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return startServeOf(t, self, infrastructure, schedule, flags...)
}

// startServeOf is startServe with a program, which may be of another version.
func startServeOf(t *testing.T, path string, infrastructure *stack.Infrastructure, schedule string, flags ...string) (*program, api) {
	t.Helper()
	database := []string{"--database-url", infrastructure.DatabaseURL()}
	migrate := startProgram(t, path, os.TempDir(), append([]string{"migrate"}, database...)...)
	require.NoError(t, migrate.Wait(), migrate.output)
	p := startProgram(t, path, os.TempDir(), slices.Concat([]string{
		"serve", "--listen", "127.0.0.1:0", "--temporal-address", infrastructure.TemporalAddress(),
		"--admin-key", testAdminKey, "--encryption-key", testEncryptionKey,
		"--retry-schedule", schedule, "--allow-insecure-targets", "loopback",
	}, database, flags)...)
	return p, p.api(t, regexp.MustCompile(`address=(\S+)`))
}

// api waits until the program says where it serves.
func (p *program) api(t *testing.T, address *regexp.Regexp) api {
	t.Helper()
	var found []string
	require.Eventually(t, func() bool {
		found = address.FindStringSubmatch(p.output.String())
		return found != nil
	}, 2*patience, pollInterval, "the program should say where it serves")
	return api{t: t, url: "http://" + found[1], key: testAdminKey}
}

func TestWorkerKilledBetweenAttempts(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	endpoint := newEndpoint(t, answering(500, 200))
	serve, a := startServe(t, infrastructure, "0s,5s")
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "waiting", 1)
	limited := newEndpoint(t, answering(200))
	var other struct {
		ID string `json:"id"`
	}
	a.do(http.MethodPost, "/v1/accounts", map[string]any{"name": "Limited"}, http.StatusCreated, &other)
	a.account = other.ID
	a.limit(a.createWebhook(limited.URL).ID, 2)
	kept := a.publishMany(6) // they wait for their turns
	serve.kill()

	_, a = startServe(t, infrastructure, "0s,10m")
	a.eventually(deliveryID, "delivered", 2)
	a.account = other.ID
	for _, id := range kept {
		a.eventually(id, "delivered", 1)
	}
	require.LessOrEqual(t, len(limited.received()), len(kept)+2, "no more than those under way are sent twice")
}

// Nobody can know whether the endpoint got the request of a worker that died: it is made again, as the same
// attempt, and recorded once.
func TestWorkerKilledInTheMiddleOfAPOST(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	hang := make(chan struct{})
	endpoint := newEndpoint(t, func(number int, w http.ResponseWriter) {
		if number == 1 {
			<-hang
		}
		w.WriteHeader(http.StatusOK)
	})
	t.Cleanup(func() { close(hang) }) // before the endpoint closes, which waits for its requests
	serve, a := startServe(t, infrastructure, "0s,10m")
	created := a.createWebhook(endpoint.URL)
	eventID, deliveryID := a.publish()
	endpoint.eventually(t, 1)
	serve.kill()

	_, a = startServe(t, infrastructure, "0s,10m")
	d := a.eventually(deliveryID, "delivered", 1)
	require.Len(t, d.Attempts, 1)
	for _, request := range endpoint.eventually(t, 2) {
		verify(t, created.SigningSecret, request)
		require.Equal(t, eventID, request.header.Get("webhook-id"))
		require.Equal(t, "1", request.header.Get("webhook-attempt"))
	}
}

func TestPublishingWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	endpoint := newEndpoint(t, answering(200))
	_, a := startServe(t, infrastructure, "0s,10m")
	a.createWebhook(endpoint.URL)
	require.NoError(t, infrastructure.StopTemporal(t.Context()))
	var deliveries []string
	for range 5 {
		_, deliveryID := a.publish()
		deliveries = append(deliveries, deliveryID)
	}
	a.do(http.MethodPost, "/v1/deliveries/"+deliveries[0]+"/retry", nil, http.StatusServiceUnavailable, nil)
	a.do(http.MethodPost, "/v1/deliveries/"+deliveries[4]+"/cancel", nil, http.StatusAccepted, nil)
	require.Empty(t, endpoint.received())

	require.NoError(t, infrastructure.StartTemporal(t.Context()))
	for _, deliveryID := range deliveries[:4] {
		a.eventually(deliveryID, "delivered", 1)
	}
	a.eventually(deliveries[4], "cancelled", 0)
	require.Len(t, endpoint.received(), 4)
}

// The process with everything in it is killed while events are published, again and again. What was
// answered with 202 arrives.
func TestEverythingKilledWhilePublishing(t *testing.T) {
	t.Parallel()
	const rounds, most = 3, 40
	dir := dataDir(t)
	endpoint := newEndpoint(t, answering(200))
	var accepted []string
	for round := range rounds {
		p, a := startAll(t, dir, "--no-demo")
		if round == 0 {
			a.createWebhook(endpoint.URL)
		}
		published := make(chan string, most)
		go func() {
			defer close(published)
			for range most {
				status, text := a.try(http.MethodPost, "/v1/events", callEnded)
				if status == 0 {
					return // the process is gone
				}
				if status != http.StatusAccepted {
					t.Errorf("publish: %d %s", status, text)
				}
				published <- regexp.MustCompile(`evt_\w+`).FindString(string(text))
			}
		}()
		for eventID := range published {
			accepted = append(accepted, eventID)
			if len(published) == 0 && len(accepted)%most > most/2 {
				p.kill()
			}
		}
		p.kill()
	}
	startAll(t, dir, "--no-demo")
	require.Eventually(t, func() bool {
		arrived := map[string]bool{}
		for _, request := range endpoint.received() {
			arrived[request.header.Get("webhook-id")] = true
		}
		for _, eventID := range accepted {
			if !arrived[eventID] {
				return false
			}
		}
		return true
	}, 2*patience, pollInterval, "all of %d events", len(accepted))
}

// startAll runs the program as a newcomer does, but on free ports, and returns when it says that it runs.
func startAll(t *testing.T, dir string, flags ...string) (*program, api) {
	t.Helper()
	p := start(t, append([]string{
		"--data-dir", dir, "--listen", "127.0.0.1:0", "--temporal-listen", "127.0.0.1:0", "--ui-listen", "127.0.0.1:0",
	}, flags...)...)
	a := p.api(t, regexp.MustCompile(`Console +http://(\S+)/console`))
	a.key = regexp.MustCompile(`Admin key +(\S+)`).FindStringSubmatch(p.output.String())[1]
	return p, a
}

func TestRestartOfEverythingWithAWaitingDelivery(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	endpoint := newEndpoint(t, answering(500, 500, 200))
	p, a := startAll(t, dir, "--no-demo", "--retry-schedule", "0s,15s,12h")
	a.createWebhook(endpoint.URL)
	_, deliveryID := a.publish()
	before := a.eventually(deliveryID, "waiting", 1)
	p.kill()

	p, a = startAll(t, dir, "--no-demo")
	after := a.eventually(deliveryID, "waiting", 2)
	require.False(t, after.Attempts[1].StartedAt.Before(*before.NextAttemptAt), "the timer went on where it stood")
	a.do(http.MethodPost, fmt.Sprintf("/v1/deliveries/%s/retry", deliveryID), nil, http.StatusAccepted, nil)
	a.eventually(deliveryID, "delivered", 3)

	// Postgres alone is killed: it is started again, and what can't be done meanwhile is answered with 503.
	pid, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	require.NoError(t, err)
	postmaster, err := strconv.Atoi(strings.SplitN(string(pid), "\n", 2)[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(postmaster, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		status, text := a.try(http.MethodPost, "/v1/events", callEnded)
		if status != http.StatusAccepted && status != http.StatusServiceUnavailable {
			t.Errorf("publish: %d %s", status, text)
		}
		return status == http.StatusAccepted && strings.Contains(p.output.String(), "Postgres is there again")
	}, patience, pollInterval)
	endpoint.eventually(t, 4)
}
