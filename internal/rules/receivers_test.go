package rules_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What docs/receivers.md shows is what the tests of activities run.
func TestReceiversAreShownAsTested(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(root, "docs/receivers.md"))
	require.NoError(t, err)
	for language, file := range map[string]string{"go": "go/verify.go", "js": "javascript/verify.mjs", "python": "python/verify.py"} {
		code, err := os.ReadFile(filepath.Join(root, "docs/receivers", file))
		require.NoError(t, err)
		assert.Contains(t, string(document), "\n```"+language+"\n"+string(code)+"```\n", "docs/receivers.md shows another %s", file)
	}
}

// Whoever installs the JavaScript example gets it from the registry that they use, and nothing but what is
// pinned.
func TestLockFileNamesNoRegistry(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile(filepath.Join(root, "docs/receivers/javascript/package-lock.json"))
	require.NoError(t, err)
	assert.Contains(t, string(lock), `"integrity": "sha512-`)
	assert.NotContains(t, string(lock), `"resolved"`)
	assert.NotContains(t, string(lock), "://")
}
