package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
)

// remote asks one durahook.
type remote struct {
	t      *testing.T
	server string
}

// newRemote starts the API over a real database, while Temporal is down.
func newRemote(t *testing.T) remote {
	t.Helper()
	p, _ := start(t, serving("api", migrated(t))...)
	select {
	case address := <-p.ready:
		return remote{t, "http://" + address}
	case status := <-p.status:
		require.Fail(t, "it ended", "status %d: %s", status, p.text())
		return remote{}
	}
}

// run runs a command of two words with the admin key, and further arguments.
func (r remote) run(args ...string) (status int, stdout, stderr string) {
	r.t.Helper()
	return run(r.t, append(args, "--server", r.server, "--api-key", adminKey)...)
}

// ok runs a command that must succeed and returns what it prints.
func (r remote) ok(args ...string) string {
	r.t.Helper()
	status, stdout, stderr := r.run(args...)
	require.Equal(r.t, 0, status, stderr)
	require.NotContains(r.t, stdout, "\x1b", "not a terminal")
	return stdout
}

// json is ok with --output json.
func (r remote) json(args ...string) (value map[string]any) {
	r.t.Helper()
	stdout := r.ok(append(args, "--output", "json")...)
	require.NoError(r.t, json.Unmarshal([]byte(stdout), &value), stdout)
	return value
}

// fails runs a command that must fail and returns what it says.
func (r remote) fails(args ...string) string {
	r.t.Helper()
	status, stdout, stderr := r.run(args...)
	require.Equal(r.t, 1, status, stderr)
	require.Empty(r.t, stdout)
	return stderr
}

// child runs durahook as a process of its own, for what it reads of its environment and standard input.
func (r remote) child(stdin string, environment []string, args ...string) (status int, stdout, stderr string) {
	r.t.Helper()
	command := exec.CommandContext(r.t.Context(), os.Args[0], args...)
	command.Env = append(append(os.Environ(), mainEnv+"=1", "DURAHOOK_SERVER="+r.server), environment...)
	command.Stdin = strings.NewReader(stdin)
	var out, errs strings.Builder
	command.Stdout, command.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := command.Run(); err != nil {
		require.ErrorAs(r.t, err, &exit)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// masked returns output with everything that differs from run to run replaced, and the spaces before it.
func masked(output string) string {
	for _, rule := range [][2]string{
		{`\b(acc|whk|evt|dlv|key|att|rec|alc)_[0-9a-z]{26}\b`, "${1}_…"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`, "<time>"},
		{`whsec_\S+`, "whsec_…"},
		{`whpk_\S+`, "whpk_…"},
		{`dhk_[a-z0-9]+`, "dhk_"},
		{`••••\S{4}`, "••••"},
	} {
		output = regexp.MustCompile(rule[0]).ReplaceAllString(output, rule[1])
	}
	return output
}

// lines joins the lines of a text.
func lines(all ...string) string { return strings.Join(all, "\n") + "\n" }

// requests are what a server was asked.
type requests struct {
	mu   sync.Mutex
	list []*http.Request
}

func (r *requests) add(request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, request)
}

func (r *requests) all() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list
}

func (r *requests) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = nil
}

// answering is a remote that gives one answer to everything, and what it was asked.
func answering(t *testing.T, status int, header http.Header, body string) (remote, *requests) {
	t.Helper()
	asked := new(requests)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		r.Body = io.NopCloser(strings.NewReader(string(text)))
		asked.add(r)
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, err = io.WriteString(w, body)
		assert.NoError(t, err)
	}))
	t.Cleanup(server.Close)
	return remote{t, server.URL}, asked
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

func TestRequestsSayWhoAsks(t *testing.T) {
	t.Parallel()
	r, asked := answering(t, 200, jsonHeader(), `{"data":[],"next_cursor":null}`)
	status, stdout, stderr := r.run("webhooks", "list", "--account", "acc_1")
	require.Equal(t, 0, status)
	require.Empty(t, stdout)
	require.Equal(t, "There are no webhooks.\n", stderr)
	require.Len(t, asked.all(), 1)
	header := asked.all()[0].Header
	require.Equal(t, "Bearer "+adminKey, header.Get("Authorization"))
	require.Equal(t, "acc_1", header.Get("X-Account"))
	require.Regexp(t, `^durahook/\S+$`, header.Get("User-Agent"))
	require.Equal(t, "/v1/webhooks?limit=50", asked.all()[0].RequestURI)
}

// What is answered by something else, or by nothing, is told in words.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	html := http.Header{"Content-Type": {"text/html; charset=utf-8"}}
	elsewhere := http.Header{"Location": {"https://example.com/"}}
	for name, scenario := range map[string]struct {
		status int
		header http.Header
		body   string
		want   string
	}{
		"a page":       {200, html, "<p>\x1b[31mhello</p>", "SERVER answers 200 OK, which is not what durahook says; is --server right?\n  <p>[31mhello</p>\n"},
		"a proxy":      {502, html, "", "SERVER answers 502 Bad Gateway, which is not what durahook says; is --server right?\n"},
		"a redirect":   {308, elsewhere, "", "SERVER answers 308 Permanent Redirect to https://example.com/, which is not what durahook says; is --server right?\n"},
		"other JSON":   {404, jsonHeader(), `{"error":"no"}`, "SERVER answers 404 Not Found, which is not what durahook says; is --server right?\n  {\"error\":\"no\"}\n"},
		"broken JSON":  {200, jsonHeader(), `{"data":`, "the answer cannot be read: unexpected end of JSON input\n"},
		"other shapes": {200, jsonHeader(), `{"data":{}}`, "the answer cannot be read: json: cannot unmarshal object"},
		"too many": {
			429, http.Header{"Content-Type": {"application/problem+json"}, "Retry-After": {"90"}},
			`{"status":429,"code":"too_many_requests","detail":"Too many."}`, "Too many.\n  Try again in 1m30s.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _ := answering(t, scenario.status, scenario.header, scenario.body)
			stderr := r.fails("webhooks", "list")
			require.True(t, strings.HasPrefix(stderr, "durahook: "+strings.ReplaceAll(scenario.want, "SERVER", r.server)), stderr)
		})
	}
}

func TestServersThatAreNotAsked(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		args []string
		want string
	}{
		"not there":   {[]string{"--server", "http://" + closedPort, "--api-key=k"}, "cannot reach durahook at http://" + closedPort + ": connection refused\n  Does it run? --server (DURAHOOK_SERVER) says where it is.\n"},
		"no key":      {nil, "there is no API key; set DURAHOOK_API_KEY\n"},
		"in clear":    {[]string{"--server=http://192.0.2.1:8080", "--api-key=k"}, "--server: http://192.0.2.1:8080 would get the key in clear, for everybody on the way to read; use https://, or --insecure if the way is safe\n"},
		"a name":      {[]string{"--server=http://localhost.example.com", "--api-key=k"}, "--server: http://localhost.example.com would get the key in clear"},
		"no URL":      {[]string{"--server=localhost:8080", "--api-key=k"}, `--server: "localhost:8080" is not of the form https://host`},
		"a user":      {[]string{"--server=https://u:p@example.com", "--api-key=k"}, `--server: `},
		"a file":      {[]string{"--server=file:///etc/passwd", "--api-key=k"}, `--server: "file:///etc/passwd" is not of the form https://host`},
		"other words": {[]string{"--server=http://" + closedPort, "--api-key=k", "--limit=0"}, "cannot reach durahook"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := run(t, append([]string{"webhooks", "list"}, scenario.args...)...)
			require.Equal(t, 1, status)
			require.Empty(t, stdout)
			require.True(t, strings.HasPrefix(stderr, "durahook: "+scenario.want), stderr)
		})
	}
}

func TestInsecureServersAreAskedIfOneInsists(t *testing.T) {
	t.Parallel()
	// .invalid resolves nowhere: the error shows that it was tried.
	status, _, stderr := run(t, "webhooks", "list", "--server=http://durahook.invalid", "--api-key=k", "--insecure")
	require.Equal(t, 1, status)
	require.True(t, strings.HasPrefix(stderr, "durahook: cannot reach durahook at http://durahook.invalid: "), stderr)
}

// The environment names server, key, account and output; what is said with a single request it does not.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	r, asked := answering(t, 200, jsonHeader(), `{"id":"whk_1"}`)
	status, stdout, stderr := r.child("", []string{
		"DURAHOOK_ADMIN_KEY=admin-key", "DURAHOOK_ACCOUNT=acc_1", "DURAHOOK_OUTPUT=json", "DURAHOOK_SECRET=whsec_x", "DURAHOOK_URL=http://x",
	}, "webhooks", "rotate-secret", "whk_1")
	require.Equal(t, 0, status, stderr)
	require.JSONEq(t, `{"id":"whk_1"}`, stdout)
	status, _, _ = r.child("", []string{"DURAHOOK_ADMIN_KEY=admin-key", "DURAHOOK_API_KEY=api-key", "DURAHOOK_URL=http://x"}, "webhooks", "update", "whk_1", "--name=x")
	require.Equal(t, 0, status)
	require.Len(t, asked.all(), 2)
	require.Equal(t, "Bearer admin-key", asked.all()[0].Header.Get("Authorization"))
	require.Equal(t, "acc_1", asked.all()[0].Header.Get("X-Account"))
	require.Equal(t, "{}\n", bodyOf(t, asked.all()[0]), "DURAHOOK_SECRET is for listen")
	require.Equal(t, "Bearer api-key", asked.all()[1].Header.Get("Authorization"))
	require.JSONEq(t, `{"name":"x"}`, bodyOf(t, asked.all()[1]))
}

func bodyOf(t *testing.T, request *http.Request) string {
	t.Helper()
	text, err := io.ReadAll(request.Body)
	require.NoError(t, err)
	return string(text)
}

// Values may stand in files and come on standard input.
func TestSecretsStayOffTheCommandLine(t *testing.T) {
	t.Parallel()
	r, asked := answering(t, 200, jsonHeader(), `{}`)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("from the <file>\r\n"), 0o600))
	for _, scenario := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"--auth-type=api_key", "--auth-header=X-Key", "--auth-value=@" + file}, `{"authentication":{"header":"X-Key","type":"api_key","value":"from the <file>"}}`},
		{"from stdin\n", []string{"--auth-type=bearer", "--auth-token=-"}, `{"authentication":{"token":"from stdin","type":"bearer"}}`},
		{`{"type":"none"}` + "\n", []string{"--authentication=-"}, `{"authentication":{"type":"none"}}`},
		{"", []string{"--authentication=null", "--filter="}, `{"authentication":null,"filter":null}`},
		{"", []string{"--rate-limit=20"}, `{"rate_limit":20}`},
		{"", []string{"--rate-limit=0"}, `{"rate_limit":null}`},
		{"", []string{"--events=a.b,c.d", "--events=e.*"}, `{"events":["a.b","c.d","e.*"]}`},
	} {
		asked.clear()
		status, _, stderr := r.child(scenario.stdin, []string{"DURAHOOK_API_KEY=k"}, append([]string{"webhooks", "update", "whk_1"}, scenario.args...)...)
		require.Equal(t, 0, status, stderr)
		require.Len(t, asked.all(), 1)
		require.Equal(t, scenario.want+"\n", bodyOf(t, asked.all()[0]))
	}
	for args, want := range map[string]string{
		"--auth-token=@/nowhere/at/all":         "durahook: --auth-token: open /nowhere/at/all: no such file or directory\n",
		"--authentication={":                    "durahook: --authentication: is not JSON: unexpected end of JSON input\n",
		"--authentication={} --auth-type=basic": "durahook: --authentication and --auth-… can't be used together\n",
		"":                                      "durahook: nothing is to be changed: there is no flag that says what; see --help\n",
	} {
		require.Equal(t, want, r.fails(append([]string{"webhooks", "update", "whk_1"}, strings.Fields(args)...)...))
	}
}

func TestConfirmation(t *testing.T) {
	t.Parallel()
	r, asked := answering(t, 204, nil, "")
	require.Equal(t, "durahook: there is nobody to ask whether you are sure; say so with --yes\n", r.fails("webhooks", "delete", "whk_1"))
	require.Empty(t, asked.all())
	require.Equal(t, "Deleted whk_1.\n", r.ok("webhooks", "delete", "whk_1", "--yes"))
	require.Equal(t, "Revoked key_1.\n", r.ok("keys", "revoke", "key_1", "-y"))
	require.Empty(t, r.ok("event-types", "delete", "a.b", "-y", "-o", "json"))
	require.Len(t, asked.all(), 3)
	for said, want := range map[string]string{"y\n": "", "YES": "", "\n": "nothing was done", "n\n": "nothing was done", "": "nothing was done"} {
		var stdout, stderr strings.Builder
		command := &cli.WebhooksDelete{}
		command.Server, command.APIKey, command.ID = r.server, "k", "whk_1"
		err := command.Run(&cli.Env{Ctx: t.Context(), Stdin: strings.NewReader(said), Stdout: &stdout, Stderr: &stderr, Interactive: true})
		require.Equal(t, "Delete the webhook whk_1 and discard what waits for it? [y/N] ", stderr.String())
		if want == "" {
			require.NoError(t, err)
			require.Equal(t, "Deleted whk_1.\n", stdout.String())
		} else {
			require.EqualError(t, err, want)
		}
	}
	require.Len(t, asked.all(), 5)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	r, asked := answering(t, 200, jsonHeader(), `{"data":[],"next_cursor":null}`)
	for flag, want := range map[string]string{
		"--since=2026-11-24T15:30:00+01:00": `^2026-11-24T14:30:00Z$`,
		"--since=24h":                       `^\d{4}-\d\d-\d\dT.*Z$`,
		"--since=7d":                        `^\d{4}-\d\d-\d\dT.*Z$`,
	} {
		asked.clear()
		r.ok("events", "list", flag, "-o", "json")
		require.Regexp(t, want, asked.all()[0].URL.Query().Get("since"), flag)
	}
	for _, flag := range []string{"--since=yesterday", "--since=-1h", "--since=-1d", "--since=99999999d", "--since="} {
		status, _, stderr := r.run("events", "list", flag)
		require.Equal(t, 2, status, flag)
		require.Contains(t, stderr, "durahook: --since: ", flag)
	}
}

// With --all a list goes on to its end; as JSON each entry is a line then, and a page is as it came otherwise.
func TestPages(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		page := `{ "data": [{"id":"acc_1","name":"One","created_at":"2026-11-24T14:30:00Z"}], "next_cursor": "acc_1" }`
		if r.URL.Query().Get("cursor") == "acc_1" {
			page = `{"data":[{"id":"acc_22","name":"Two\u001b[31m","created_at":"2026-11-24T14:30:00Z"}],"next_cursor":null}`
		}
		_, err := io.WriteString(w, page)
		assert.NoError(t, err)
	}))
	t.Cleanup(server.Close)
	r := remote{t, server.URL}
	require.JSONEq(t, `{"data":[{"id":"acc_1","name":"One","created_at":"2026-11-24T14:30:00Z"}],"next_cursor":"acc_1"}`, r.ok("accounts", "list", "-o", "json"))
	require.True(t, strings.HasPrefix(r.ok("accounts", "list", "-o", "json"), `{ "data": [`), "as it came")
	require.Equal(t, lines(`{"id":"acc_1","name":"One","created_at":"2026-11-24T14:30:00Z"}`,
		`{"id":"acc_22","name":"Two\u001b[31m","created_at":"2026-11-24T14:30:00Z"}`), r.ok("accounts", "list", "--all", "-o", "json"))
	require.Equal(t, lines("ID      CREATED  NAME", "acc_1   <time>  One", `acc_22  <time>  Two\x1b[31m`),
		strings.Replace(masked(r.ok("accounts", "list", "--all")), "CREATED              NAME", "CREATED  NAME", 1))
	status, stdout, stderr := r.run("accounts", "list")
	require.Equal(t, 0, status)
	require.Equal(t, 2, strings.Count(stdout, "\n"))
	require.Equal(t, "There are more: --all shows them, --cursor acc_1 the next page.\n", stderr)
}
