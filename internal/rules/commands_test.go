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
	"github.com/durahook/durahook/workflows"
)

// commandsIn returns the command lines of a program in a Markdown text: in blocks of code, with or without a prompt, and
// between backticks.
func commandsIn(text, program string) (lines []string) {
	text = strings.ReplaceAll(text, "\\\n", " ")
	for i, part := range strings.Split(text, "```") {
		pattern := "`(" + program + " [^`]+)`"
		if i%2 == 1 {
			pattern = `(?m)^\s*(?:\$ )?(` + program + ` .+)$`
		}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(part, -1) {
			line, _, _ := strings.Cut(match[1], " #")
			line, _, _ = strings.Cut(line, " | ")
			lines = append(lines, line)
		}
	}
	return lines
}

// documents returns what people are to read, by its name.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	texts := map[string]string{}
	for _, path := range append(paths, filepath.Join(root, "README.md"), filepath.Join(root, "CHANGELOG.md")) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		texts[filepath.Base(path)] = string(text)
	}
	return texts
}

// What the documents say to type is there: each command, and each of its flags.
func TestCommandsInTheDocuments(t *testing.T) {
	t.Parallel()
	checked := 0
	for name, text := range documents(t) {
		for _, line := range commandsIn(text, "durahook") {
			words := strings.Fields(line)[1:]
			command := 0
			for command < len(words) && command < 2 && regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(words[command]) {
				command++
			}
			var help, stderr bytes.Buffer
			status := cli.Main(t.Context(), "durahook", "", new(cli.Commands), append(words[:command:command], "--help"), &help, &stderr)
			assert.Zero(t, status, "%s: %q: %s", name, line, stderr.String())
			for _, flag := range regexp.MustCompile(`(?:^| )(--[a-z-]+)`).FindAllStringSubmatch(strings.Join(words[command:], " "), -1) {
				assert.Regexp(t, flag[1]+`\b`, help.String(), "%s: %q", name, line)
			}
			checked++
		}
	}
	require.Greater(t, checked, 30)
}

// temporalCommands are those of Temporal's command line that the documents use, with their flags. Each was run against a
// durahook with version 1.9 of it, and did what the documents say: do so with what you add. Running them here would take a
// Temporal server for a misspelt flag.
var temporalCommands = map[string][]string{
	"batch describe":              {"--job-id"},
	"operator cluster health":     nil,
	"operator namespace create":   {"--namespace", "--retention"},
	"operator namespace describe": {"--namespace"},
	"operator namespace update":   {"--namespace", "--retention"},
	"schedule toggle":             {"--schedule-id", "--pause", "--reason"},
	"schedule trigger":            {"--schedule-id"},
	"task-queue describe":         {"--task-queue"},
	"workflow cancel":             {"--workflow-id"},
	"workflow count":              {"--query"},
	"workflow describe":           {"--workflow-id"},
	"workflow list":               {"--query"},
	"workflow metadata":           {"--workflow-id"},
	"workflow reset":              {"--workflow-id", "--type", "--reason"},
	"workflow signal":             {"--workflow-id", "--query", "--name", "--reason"},
}

// What the documents and compose say to type at Temporal's command line is known to work, and what it names is durahook's.
func TestTemporalCommandsInTheDocuments(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	texts["docker-compose.yml"] = "```\n" + string(compose) + "```"
	ours := map[string][]string{
		"--schedule-id": {workflows.HealthID, workflows.ReconcileID, workflows.RetentionID},
		"--name":        {workflows.RetrySignal},
	}
	var attributes []string
	for _, attribute := range workflows.SearchAttributes() {
		attributes = append(attributes, attribute.GetName())
	}
	used := map[string]bool{}
	for name, text := range texts {
		for _, line := range commandsIn(text, "temporal") {
			line, _, _ = strings.Cut(line, " >")
			line, _, _ = strings.Cut(line, " &&")
			line = strings.Join(strings.Fields(line), " ")
			command, _, _ := strings.Cut(strings.TrimPrefix(line, "temporal "), " --")
			flags, known := temporalCommands[command]
			assert.True(t, known, "%s: %q: run it, then note it here", name, line)
			used[command] = true
			for _, flag := range regexp.MustCompile(` (--[a-z-]+)(?: ([a-z-]+))?`).FindAllStringSubmatch(line, -1) {
				assert.Contains(t, flags, flag[1], "%s: %q: run it, then note it here", name, line)
				if values, named := ours[flag[1]]; named {
					assert.Contains(t, values, flag[2], "%s: %q", name, line)
				}
			}
			for _, attribute := range regexp.MustCompile(`Durahook\w+`).FindAllString(line, -1) {
				assert.Contains(t, attributes, attribute, "%s: %q", name, line)
			}
		}
	}
	for command := range temporalCommands {
		assert.True(t, used[command], "no document says: temporal %s", command)
	}
	queues := regexp.MustCompile(`for queue in (.+); do`).FindStringSubmatch(texts["operating.md"])
	require.NotEmpty(t, queues)
	want := []string{workflows.DeliveryTaskQueue, workflows.AttemptTaskQueue, workflows.SlowAttemptTaskQueue}
	require.ElementsMatch(t, want, strings.Fields(queues[1]), "the runbook has every queue looked at")
}
