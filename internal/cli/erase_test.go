package cli_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErase(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.newWebhook()
	account, ok := r.json("accounts", "create", "--name=Other")["id"].(string)
	require.True(t, ok)
	publish := func(args ...string) {
		r.ok(append([]string{"events", "publish", "--event=call.ended", `--data={"phone_number":"+15551234567"}`}, args...)...)
	}
	publish()
	publish("--account", account)

	status, stdout, stderr := r.run("erase", "--match=+15551234567", "--dry-run")
	require.Equal(t, 0, status, stderr)
	require.Empty(t, stdout)
	require.Equal(t, "1 event with 1 delivery and 0 attempts match; open, and to be discarded: 1.\n", stderr)
	status, _, stderr = r.run("erase", "--match=+15551234567")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "say so with --yes")

	status, stdout, stderr = r.run("erase", "--match=+15551234567", "--all-accounts", "--yes")
	require.Equal(t, 0, status, stderr)
	require.Contains(t, stderr, "Account "+account+": 1 event with 0 deliveries and 0 attempts match; open, and to be discarded: 0.\n")
	require.Equal(t, "finds 0 events", field(t, stdout, "Second search"))
	require.Equal(t, "admin", field(t, stdout, "By"))
	require.Regexp(t, "^[0-9a-f]{64}$", field(t, stdout, "Matched hash"))
	require.NotContains(t, stdout+stderr, "+1555")

	status, stdout, stderr = r.run("erase", "--match=+15551234567", "--all-accounts", "--yes")
	require.Equal(t, 0, status, stderr)
	require.Empty(t, stdout)
	require.Equal(t, "Nothing matches.\n", stderr)
	listed := r.ok("erasures", "list", "--account", account)
	require.Contains(t, listed, "MATCHED HASH")
	require.Contains(t, listed, "era_")
	status, _, stderr = r.run("erase", "--match=")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "--match: is missing")
}
