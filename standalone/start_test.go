package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first five minutes: start, paste the curl, see the delivery go green in the console, stop.
func TestFirstFiveMinutes(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p, a := startAll(t, dir)
	curl := regexp.MustCompile(`(?s)curl .*?\}'`).FindString(p.output.String())
	require.NotEmpty(t, curl)
	answer, err := exec.CommandContext(t.Context(), "bash", "-c", curl).Output()
	require.NoError(t, err)
	deliveryID := regexp.MustCompile(`dlv_\w+`).FindString(string(answer))
	d := a.eventually(deliveryID, "delivered", 1)
	require.Equal(t, 200, *d.Attempts[0].StatusCode, "the demo receiver verified the signature")

	require.Contains(t, consolePage(t, a), deliveryID)
	status, _ := api{t: t, url: regexp.MustCompile(`Web UI +(http://[^/\s]+)`).FindStringSubmatch(p.output.String())[1]}.
		try(http.MethodGet, "/api/v1/namespaces/default", nil)
	require.Equal(t, http.StatusOK, status)

	rotateToEd25519(a)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.Wait(), "a stop that was asked for is no failure")
	keys, err := os.Stat(filepath.Join(dir, "keys.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), keys.Mode().Perm())

	_, again := startAll(t, dir)
	require.Equal(t, a.key, again.key, "the keys are kept")
	_, deliveryID = again.publish()
	d = again.eventually(deliveryID, "delivered", 1)
	require.Equal(t, 200, *d.Attempts[0].StatusCode, "the demo receiver verified it with the public key")
}

// rotateToEd25519 changes the secret of the webhook Demo; its receiver goes on until the old one has run out.
func rotateToEd25519(a api) {
	a.t.Helper()
	var webhooks struct{ Data []createdWebhook }
	a.do(http.MethodGet, "/v1/webhooks", nil, http.StatusOK, &webhooks)
	require.Len(a.t, webhooks.Data, 1)
	var rotated createdWebhook
	a.do(http.MethodPost, "/v1/webhooks/"+webhooks.Data[0].ID+"/rotate-secret", map[string]string{"signing_algorithm": "ed25519"},
		http.StatusOK, &rotated)
	require.Regexp(a.t, "^whsk_", rotated.SigningSecret)
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "delivered", 1)
}

// consolePage signs in as a browser would and returns Recent Deliveries.
func consolePage(t *testing.T, a api) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	response, err := browser.PostForm(a.url+"/console/sign-in", url.Values{"key": {a.key}, "next": {"/console/deliveries"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var page strings.Builder
	_, err = io.Copy(&page, response.Body)
	require.NoError(t, err)
	return page.String()
}

// What an operator gets wrong is told in readable lines, all at once, before anything is started.
func TestStartRefuses(t *testing.T) {
	t.Parallel()
	busy := newEndpoint(t, answering(200))
	busyAddress := strings.TrimPrefix(busy.URL, "http://")
	newer := dataDir(t)
	require.NoError(t, os.WriteFile(filepath.Join(newer, "format"), []byte("99\n"), 0o600))
	for name, test := range map[string]struct {
		flags []string
		says  []string
	}{
		"busy ports": {
			flags: []string{"--data-dir", dataDir(t), "--listen", busyAddress, "--ui-listen", busyAddress, "--temporal-listen", "127.0.0.1:0"},
			says: []string{
				"--listen: cannot listen on " + busyAddress + ": ", "--ui-listen: cannot listen on " + busyAddress,
				"address already in use",
			},
		},
		"data of a newer version": {
			flags: []string{"--data-dir", newer},
			says:  []string{"was made by a newer durahook (format 99; this one knows up to 1)"},
		},
		"mistakes in the configuration": {
			flags: []string{"--data-dir", dataDir(t), "--retry-schedule", "soon", "--attempt-timeout", "1h", "--log-level", "loud"},
			says:  []string{"--retry-schedule", `"soon" is not a duration`, "--attempt-timeout", "--log-level", `not "loud"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, test.flags...)
			require.Error(t, p.Wait())
			require.Equal(t, 1, p.ProcessState.ExitCode())
			for _, text := range test.says {
				require.Contains(t, p.output.String(), text)
			}
			require.NotContains(t, p.output.String(), "goroutine", "no panic")
		})
	}
}
