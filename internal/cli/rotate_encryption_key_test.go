package cli_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/testdb"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// withKey returns arguments with another --encryption-key, and those that are previous ones.
func withKey(args []string, key string, previous ...string) []string {
	args = append([]string(nil), args...)
	for i := range args {
		if i > 0 && args[i-1] == "--encryption-key" {
			args[i] = key
		}
	}
	if len(previous) > 0 {
		args = append(args, "--previous-encryption-keys", strings.Join(previous, ", "))
	}
	return args
}

// seal makes a webhook whose secrets a key seals, and returns its ID.
func seal(t *testing.T, database, key string) string {
	t.Helper()
	parsed, err := encryption.ParseKey(key)
	require.NoError(t, err)
	s, err := store.Open(t.Context(), database, parsed)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	account, err := s.EnsureDefaultAccount(t.Context())
	require.NoError(t, err)
	w, err := webhook.Define(account, webhook.Definition{Name: "Sync", URL: "https://example.com/", Events: []string{"*"}}, webhook.BuiltIn, false)
	require.NoError(t, err)
	require.NoError(t, s.CreateWebhook(t.Context(), &w))
	return w.ID
}

// runsWith reports whether durahook starts with these arguments, and what it says when not.
func runsWith(t *testing.T, args []string) (bool, string) {
	t.Helper()
	p, stop := start(t, args...)
	defer stop()
	select {
	case address := <-p.ready:
		status, _ := request(t, http.MethodGet, "http://"+address+"/v1/webhooks", "")
		require.Equal(t, http.StatusOK, status)
		stop()
		require.Equal(t, 0, <-p.status, p.text())
		return true, ""
	case status := <-p.status:
		require.Equal(t, 1, status)
		return false, p.text()
	}
}

// The whole change of a key, as docs/security.md tells it.
func TestRotateEncryptionKey(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	before, after := encryption.NewKeyText(), encryption.NewKeyText()
	seal(t, database, before)
	serve := serving("serve", database)
	rotate := []string{"rotate-encryption-key", "--database-url", database, "--encryption-key", ""}
	const refused = "durahook: the database holds secrets that were encrypted with another --encryption-key"
	requireRuns := func(want bool, key string, previous ...string) {
		t.Helper()
		runs, text := runsWith(t, withKey(serve, key, previous...))
		require.Equal(t, want, runs, text)
		if !want {
			require.True(t, strings.HasPrefix(text, refused), text)
			require.Equal(t, 1, strings.Count(text, "\n"), text)
			require.NotContains(t, text, key)
		}
	}
	requireRuns(true, before, after)
	requireRuns(true, after, before)
	requireRuns(false, after)

	status, stdout, stderr := run(t, withKey(rotate, after, before)...)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "Encrypted with --encryption-key: 2 secrets of 1 webhooks and 0 alert channels.\nNo secret needs a key of --previous-encryption-keys any more.\n", stdout)
	require.Equal(t, "Encrypted anew so far: 2 secrets of 1 webhooks.\n", stderr)
	requireRuns(true, after)
	requireRuns(false, before)

	status, stdout, stderr = run(t, withKey(rotate, after)...)
	require.Equal(t, 0, status, stderr)
	require.Contains(t, stdout, ": 0 secrets of 0 webhooks and 0 alert channels.\n")
	require.Empty(t, stderr)
}

// A worker and an API of its own refuse to start, too.
func TestEveryProcessChecksItsKey(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	id := seal(t, database, encryption.NewKeyText())
	for _, command := range []string{"serve", "api", "worker"} {
		status, stdout, stderr := run(t, serving(command, database)...)
		require.Equal(t, 1, status)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "such as those of webhook "+id+"; give that key")
	}
}

func TestRotateEncryptionKeyFails(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	key := encryption.NewKeyText()
	id := seal(t, database, encryption.NewKeyText())
	args := []string{"rotate-encryption-key", "--database-url", database, "--encryption-key", key}
	status, stdout, stderr := run(t, args...)
	require.Equal(t, 1, status)
	require.Equal(t, "Encrypted with --encryption-key: 0 secrets of 0 webhooks and 0 alert channels.\n", stdout)
	require.Contains(t, stderr, "durahook: none of the keys opens the secrets of "+id+"; they were left as they are: ")
	require.NotContains(t, stderr, key)
	for range 25 {
		seal(t, database, encryption.NewKeyText())
	}
	_, _, stderr = run(t, args...)
	require.Contains(t, stderr, " and 6 more; they")

	status, _, stderr = run(t, "rotate-encryption-key", "--database-url", testdb.New(t), "--encryption-key", key)
	require.Equal(t, 1, status)
	require.Equal(t, "durahook: the database has pending migrations; run: durahook migrate\n", stderr)
	status, _, stderr = run(t, withKey(args, key, "short")...)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "--previous-encryption-keys (DURAHOOK_PREVIOUS_ENCRYPTION_KEYS): key 1 is not 32 bytes in base64")
	require.Equal(t, 2, cli.Main(t.Context(), "durahook", "", new(cli.Commands), append(args, "--admin-key=x"), io.Discard, io.Discard))
}

// Networks that are none are told at the start, like every other mistake.
func TestWrongNetworks(t *testing.T) {
	t.Parallel()
	status, _, stderr := run(t, serving("worker", "postgres://127.0.0.1/d", "--allow-networks", "10.0.0.0/8,intranet", "--deny-networks", "1.2.3.4/8")...)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, `--allow-networks (DURAHOOK_ALLOW_NETWORKS): "intranet" is not a network; use the form 10.0.0.0/8, fd00::/8 or 10.1.2.3`)
	require.Contains(t, stderr, `--deny-networks (DURAHOOK_DENY_NETWORKS): "1.2.3.4/8" has an address inside of the network; did you mean 1.0.0.0/8?`)
}

// What the flags say of networks reaches the guard.
func TestNetworksCount(t *testing.T) {
	t.Parallel()
	p, stop := start(t, serving("serve", migrated(t), "--allow-networks", "10.0.0.0/8", "--deny-networks", "10.9.0.0/16, 8.8.8.8")...)
	defer stop()
	var address string
	select {
	case address = <-p.ready:
	case <-p.status:
		require.Fail(t, p.text())
	}
	for host, want := range map[string]int{"10.1.2.3": 201, "10.9.2.3": 422, "8.8.8.8": 422, "8.8.4.4": 201, "192.168.1.1": 422} {
		status, text := request(t, http.MethodPost, "http://"+address+"/v1/webhooks", `{"name":"Sync","url":"https://`+host+`/","events":["*"]}`)
		require.Equal(t, want, status, text)
	}
	require.Contains(t, p.text(), "allow_networks=[10.0.0.0/8]")
}
