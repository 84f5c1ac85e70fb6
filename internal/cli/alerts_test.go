package cli_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAlertChannels(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	const secret = "s4VxJ8o5aTTo2GkkAZ9CQw3z"
	status, created, stderr := r.child("https://hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/"+secret+"\n", []string{"DURAHOOK_API_KEY=" + adminKey},
		"alerts", "create", "--type=slack", "--name=On call", "--url=-", "--events=webhook.disabled")
	require.Equal(t, 0, status, stderr)
	require.Equal(t, lines(
		"ID       alc_…",
		"Name     On call",
		"Type     slack",
		"Where    https://hooks.slack.com/••••",
		"Events   webhook.disabled",
		"Created  <time>",
		"Changed  <time>",
	), masked(created))
	id := field(t, created, "ID")
	pager := r.ok("alerts", "create", "--type=pagerduty", "--name=Pager", "--routing-key=0d4c1d2f3b5a69788796a5b4c3d2e1f0", "--region=eu")
	require.Regexp(t, `^••••\w{4} \(eu\)$`, field(t, pager, "Where"))

	updated := r.ok("alerts", "update", id, "--events=webhook.failing,webhook.disabled", "--name=Others")
	require.Equal(t, "webhook.failing, webhook.disabled", field(t, updated, "Events"))
	require.Equal(t, "Others", r.json("alerts", "get", id)["name"])
	require.Contains(t, r.fails("alerts", "update", id), "nothing is to be changed")
	listed := r.ok("alerts", "list")
	require.Regexp(t, `ID +TYPE +NAME +WHERE +LAST SENT +LAST ERROR\nalc_\w+ +pagerduty +Pager +••••\w+ \(eu\)\n`+id+` +slack +Others +https://hooks.slack.com/••••`, listed)
	require.NotContains(t, listed+created+updated, secret)

	require.Contains(t, r.fails("alerts", "create", "--type=email", "--to=nobody"), "--name: ")
	require.Contains(t, r.fails("alerts", "delete", id), "say so with --yes")
	require.Equal(t, "Deleted "+id+".\n", r.ok("alerts", "delete", id, "--yes"))
	require.Equal(t, "durahook: There is no alert channel "+id+" in this account.\n", r.fails("alerts", "get", id))
	r.ok("alerts", "delete", field(t, pager, "ID"), "-y")
	_, stdout, stderr := r.run("alerts", "list")
	require.Contains(t, stdout+stderr, "There are no alert channels: nobody is alerted.")
}

func TestAlertChannelTests(t *testing.T) {
	t.Parallel()
	r, asked := answering(t, 200, jsonHeader(), `{"sent":true,"error":null}`)
	require.Equal(t, "Sent a test to alc_1.\n", r.ok("alerts", "test", "alc_1"))
	require.Equal(t, "/v1/alert-channels/alc_1/test", asked.all()[0].RequestURI)
	require.Equal(t, true, r.json("alerts", "test", "alc_1")["sent"])

	r, _ = answering(t, 200, jsonHeader(), `{"sent":false,"error":"the service answered 404"}`)
	require.Equal(t, "durahook: the test was not taken: the service answered 404\n", r.fails("alerts", "test", "alc_1"))
	status, stdout, _ := r.run("alerts", "test", "alc_1", "-o", "json")
	require.Equal(t, 1, status)
	require.JSONEq(t, `{"sent":false,"error":"the service answered 404"}`, stdout)
}
