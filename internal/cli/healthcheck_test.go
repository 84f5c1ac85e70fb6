package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			w.WriteHeader(http.StatusOK)
		case "/moved":
			http.Redirect(w, r, "/readyz", http.StatusFound)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
			_, err := io.WriteString(w, "{\n\"status\":\x00\"not ready\"}\n")
			assert.NoError(t, err)
		}
	}))
	t.Cleanup(server.Close)
	const gone = "http://127.0.0.1:1" // no user program may listen there
	for name, scenario := range map[string]struct {
		url  string
		want string // empty when it is healthy
	}{
		"ready":     {server.URL + "/readyz", ""},
		"not ready": {server.URL + "/", `not healthy: ` + server.URL + `/ answers 503 Service Unavailable: { "status":"not ready"}`},
		"moved":     {server.URL + "/moved", `not healthy: ` + server.URL + `/moved answers 302 Found: <a href="/readyz">Found</a>.`},
		"gone":      {gone, "not healthy: " + gone + " does not answer: dial tcp 127.0.0.1:1: connect: connection refused"},
		"no URL":    {"::", `--url: "::" is not a URL`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := (&cli.HealthcheckCommand{URL: scenario.url}).Run(&cli.Env{Ctx: t.Context(), Stdout: io.Discard, Stderr: io.Discard})
			if scenario.want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, scenario.want)
			}
		})
	}
}
