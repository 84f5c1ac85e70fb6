package cli_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
	"github.com/durahook/durahook/internal/testdb"
)

// mainEnv makes this test program run durahook itself, with the arguments it was given.
const mainEnv = "TEST_RUNS_DURAHOOK"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		os.Exit(cli.Main(context.Background(), "durahook", cli.Description, new(cli.Commands), os.Args[1:], os.Stdout, os.Stderr))
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "DURAHOOK_") {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	testdb.Main(m)
}

// run runs durahook to its end.
func run(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = cli.Main(t.Context(), "durahook", cli.Description, new(cli.Commands), args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"-h"}} {
		status, stdout, stderr := run(t, args...)
		require.Equal(t, 0, status)
		require.Empty(t, stderr)
		require.Contains(t, strings.Join(strings.Fields(stdout), " "), cli.Description)
		for _, command := range []string{"serve", "api", "worker", "migrate", "rotate-encryption-key", "listen", "healthcheck", "version"} {
			require.Regexp(t, `(?m)^  `+command+` `, stdout)
		}
	}
	status, stdout, stderr := run(t, "serve", "--help")
	require.Equal(t, 0, status)
	require.Empty(t, stderr)
	for _, flag := range []string{
		"--listen", "--database-url", "--temporal-address", "--temporal-namespace", "--temporal-ui-url", "--admin-key",
		"--encryption-key", "--retry-schedule", "--attempt-timeout", "--allow-insecure-targets", "--log-level", "--log-format",
		"--previous-encryption-keys", "--allow-networks", "--deny-networks",
	} {
		require.Contains(t, stdout, flag+"=")
		require.Contains(t, stdout, "DURAHOOK_"+strings.ToUpper(strings.ReplaceAll(flag[2:], "-", "_")), "every flag is a variable too")
	}
}

func TestWrongCommandLine(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		args []string
		want string
	}{
		"nothing":          {nil, `durahook: expected one of "serve"`},
		"unknown command":  {[]string{"explode"}, "durahook: unexpected argument explode"},
		"unknown flag":     {[]string{"serve", "--explode"}, "durahook: unknown flag --explode"},
		"flag of another":  {[]string{"migrate", "--admin-key=x"}, "durahook: unknown flag --admin-key"},
		"without value":    {[]string{"serve", "--listen"}, "durahook: --listen: expected string value"},
		"further argument": {[]string{"version", "1"}, "durahook: unexpected argument 1"},
		"no number":        {[]string{"listen", "--fail=x"}, "durahook: --fail: expected a valid 64 bit int"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := run(t, scenario.args...)
			require.Equal(t, 2, status)
			require.Empty(t, stdout)
			require.Contains(t, stderr, scenario.want)
			require.Contains(t, stderr, "Run \"durahook --help\" to see what there is.\n")
			require.Equal(t, 2, strings.Count(stderr, "\n"), stderr)
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	status, stdout, stderr := run(t, "version")
	require.Equal(t, 0, status)
	require.Regexp(t, `^durahook \S+\n$`, stdout)
	require.Empty(t, stderr)
}

func TestFlags(t *testing.T) {
	t.Parallel()
	flags, err := cli.Flags()
	require.NoError(t, err)
	require.IsIncreasing(t, flags, "each once")
	for _, name := range []string{"admin-key", "attempt-timeout", "database-url", "fail", "listen", "temporal-ui-url", "url"} {
		require.Contains(t, flags, name)
	}
}

// Everything that is missing is told at once, each with its flag and its variable.
func TestMissingConfiguration(t *testing.T) {
	t.Parallel()
	const database, encryption, admin = "--database-url (DURAHOOK_DATABASE_URL): is missing", "--encryption-key (DURAHOOK_ENCRYPTION_KEY): is missing",
		"--admin-key (DURAHOOK_ADMIN_KEY): is missing"
	for command, want := range map[string][]string{
		"serve": {database, encryption, admin}, "api": {database, encryption, admin}, "worker": {database, encryption}, "migrate": {database},
		"rotate-encryption-key": {database, encryption},
	} {
		status, stdout, stderr := run(t, command)
		require.Equal(t, 1, status, command)
		require.Empty(t, stdout)
		require.True(t, strings.HasPrefix(stderr, "durahook: the configuration is not right:\n"), stderr)
		for _, line := range want {
			require.Equal(t, 1, strings.Count(stderr, "\n  "+line), stderr)
		}
		require.Equal(t, 1+len(want), strings.Count(stderr, "\n"), stderr)
	}
}

// The environment counts, and flags count more.
func TestConfigurationFromTheEnvironment(t *testing.T) {
	t.Setenv("DURAHOOK_DATABASE_URL", "mysql://user:secret-word@127.0.0.1/durahook")
	t.Setenv("DURAHOOK_ENCRYPTION_KEY", "secret-word")
	t.Setenv("DURAHOOK_ADMIN_KEY", "secret-word")
	t.Setenv("DURAHOOK_LOG_LEVEL", "loud")
	status, _, stderr := run(t, "serve", "--log-level", "quiet")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "--database-url (DURAHOOK_DATABASE_URL): is not of the form")
	require.Contains(t, stderr, "--encryption-key (DURAHOOK_ENCRYPTION_KEY): is not 32 bytes in base64")
	require.Contains(t, stderr, "--admin-key (DURAHOOK_ADMIN_KEY): is shorter than 16 characters")
	require.Contains(t, stderr, `not "quiet"`)
	require.NotContains(t, stderr, "loud")
	require.NotContains(t, stderr, "secret-word")
}

// Both signals that ask a process to stop end it in good order.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, sign := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		child := exec.CommandContext(t.Context(), os.Args[0], "listen", "--listen", "127.0.0.1:0")
		child.Env = append(os.Environ(), mainEnv+"=1")
		stdout, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		_, err = stdout.Read(make([]byte, 1)) // it greets once it listens
		require.NoError(t, err)
		require.NoError(t, child.Process.Signal(sign))
		require.NoError(t, child.Wait(), "%v", sign)
	}
}
