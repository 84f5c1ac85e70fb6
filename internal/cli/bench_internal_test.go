package cli

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandLineWithoutSecrets(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"bench floor --rounds 2":                          "durahook bench floor --rounds 2",
		"bench floor --admin-key secret --rounds 2":       "durahook bench floor --admin-key … --rounds 2",
		"bench floor --database-url=postgres://a:secret@": "durahook bench floor --database-url=…",
	} {
		require.Equal(t, want, commandLine(&Env{Program: "durahook", Args: strings.Split(given, " ")}))
	}
}
