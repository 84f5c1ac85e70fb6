package rules_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
)

// commandsIn returns the command lines of durahook in a Markdown text: in blocks of code, with or without a prompt, and
// between backticks.
func commandsIn(text string) (lines []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for i, part := range strings.Split(text, "```") {
		pattern := "`(durahook [^`]+)`"
		if i%2 == 1 {
			pattern = `(?m)^\s*(?:\$ )?(durahook .+)$`
		}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(part, -1) {
			line, _, _ := strings.Cut(match[1], " #")
			line, _, _ = strings.Cut(line, " | ")
			lines = append(lines, line)
		}
	}
	return lines
}

// What the documents say to type is there: each command, and each of its flags.
func TestCommandsInTheDocuments(t *testing.T) {
	t.Parallel()
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	checked := 0
	for _, path := range append(documents, filepath.Join(root, "README.md"), filepath.Join(root, "CHANGELOG.md")) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, line := range commandsIn(string(text)) {
			words := strings.Fields(line)[1:]
			command := 0
			for command < len(words) && command < 2 && regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(words[command]) {
				command++
			}
			var help, stderr bytes.Buffer
			status := cli.Main(t.Context(), "durahook", "", new(cli.Commands), append(words[:command:command], "--help"), &help, &stderr)
			assert.Zero(t, status, "%s: %q: %s", filepath.Base(path), line, stderr.String())
			for _, flag := range regexp.MustCompile(`(?:^| )(--[a-z-]+)`).FindAllStringSubmatch(strings.Join(words[command:], " "), -1) {
				assert.Regexp(t, flag[1]+`\b`, help.String(), "%s: %q", filepath.Base(path), line)
			}
			checked++
		}
	}
	require.Greater(t, checked, 30)
}
