package cli_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBenchSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--server is missing: say which durahook to measure":                        {"throughput"},
		`--server: "https://hooks.example.com" is not of the form http://127.0.0.1`: {"latency", "--server", "https://hooks.example.com", "--admin-key", "secret-word"},
		`--server: "http://10.0.0.1:8080" is not of the form`:                       {"latency", "--server", "http://10.0.0.1:8080", "--admin-key", "secret-word"},
		"--admin-key (DURAHOOK_ADMIN_KEY) is missing":                               {"floor", "--server", "http://127.0.0.1:1"},
		"--profile: processes that run already":                                     {"floor", "--server", "http://127.0.0.1:1", "--admin-key", "secret-word", "--profile", "x"},
		"--publishers: 0 is not between 1 and 1024":                                 {"throughput", "--publishers", "0"},
		"reach Postgres to read its statistics":                                     {"latency", "--server", "http://127.0.0.1:1", "--admin-key", "secret-word", "--database-url", "postgres://a:secret-word@127.0.0.1:1/x"},
		"reach Temporal at 127.0.0.1:1 (--temporal-address)":                        {"floor", "--server", "http://127.0.0.1:1", "--admin-key", "secret-word", "--temporal-address", "127.0.0.1:1"},
		"make an account for the benchmark":                                         {"latency", "--server", "http://127.0.0.1:1", "--admin-key", "secret-word"},
	} {
		status, stdout, stderr := run(t, append([]string{"bench"}, args...)...)
		require.Equal(t, 1, status, args)
		require.Empty(t, stdout)
		require.Contains(t, stderr, want)
		require.NotContains(t, stderr, "secret-word")
	}
}

// What runs on a machine is not put under load because of a variable that was set for another command.
func TestBenchTakesNoServerFromTheEnvironment(t *testing.T) {
	t.Setenv("DURAHOOK_SERVER", "http://127.0.0.1:1")
	status, _, stderr := run(t, "bench", "throughput")
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "--server is missing")
}
