package api_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreignTools has the linter and the generator that others wrote, and a client in TypeScript.
const foreignTools = "foreign"

// run runs a program in a directory, with more in its environment, and returns what it printed.
func run(t *testing.T, dir string, environment []string, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir, command.Env = dir, append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", program, args, output)
	return string(output)
}

// installForeignTools returns a directory that has foreignTools, installed. Without Node.js the test is skipped,
// except in CI, which installs it.
func installForeignTools(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			require.Empty(t, os.Getenv("CI"), "there is no %s: .ci/run has to install it", program)
			t.Skip("not tested, for want of " + program)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{".npmrc", "package.json", "package-lock.json", "tsconfig.json", "main.ts"} {
		content, err := os.ReadFile(filepath.Join(foreignTools, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	run(t, dir, nil, "npm", "ci", "--silent", "--ignore-scripts", "--prefer-offline")
	return dir
}

// What the API serves is a document that a linter finds nothing in, and of which a generator that knows nothing of
// durahook makes types for a client that works.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	dir := installForeignTools(t)
	tools := filepath.Join(dir, "node_modules", ".bin")
	f := newFixture(t)
	served := f.send(http.MethodGet, "/v1/openapi.yaml", "")
	require.Equal(t, http.StatusOK, served.status)
	linted := filepath.Join(dir, "linted", "api", "openapi.yaml") // where redocly.yaml looks for it
	require.NoError(t, os.MkdirAll(filepath.Dir(linted), 0o700))
	require.NoError(t, os.WriteFile(linted, []byte(served.text), 0o600))
	config, err := os.ReadFile("../redocly.yaml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "linted", "redocly.yaml"), config, 0o600))

	quiet := []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}
	lint := run(t, filepath.Join(dir, "linted"), quiet, filepath.Join(tools, "redocly"), "lint", "--max-problems=1000")
	require.Contains(t, lint, "Your API description is valid")
	require.NotContains(t, lint, "warning")

	run(t, dir, quiet, filepath.Join(tools, "openapi-typescript"), linted, "--output", "durahook.d.ts")
	run(t, dir, nil, filepath.Join(tools, "tsc"))
	output := run(t, dir, []string{"DURAHOOK_SERVER=" + f.server.URL, "DURAHOOK_API_KEY=" + adminKey}, "node", "built/main.js")
	require.Equal(t, "done\n", output)
	require.Equal(t, 3, f.count(`SELECT count(*) FROM events`))
}
