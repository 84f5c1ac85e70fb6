package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"w":                                   "worker webhooks",
		"webhooks re":                         "recover",
		"webhooks --server x l":               "list",
		"webhooks list --ou":                  "--output",
		"webhooks list --output ":             "table json",
		"webhooks list --output = j":          "json",
		"webhooks list --output =":            "table json",
		"webhooks list --output=t":            "--output=table",
		"webhooks list -o j":                  "json",
		"webhooks list --all --cu":            "--cursor",
		"webhooks list --server web":          "",
		"webhooks update whk_1 --auth-type b": "basic bearer",
		"deliveries list --status e":          "exhausted",
		"deliveries get --out":                "--output",
		"events publish x":                    "",
		"completion ":                         "bash zsh fish",
		"serve --listen":                      "--listen",
		"nothing such":                        "",
		"__":                                  "",
	} {
		status, stdout, stderr := run(t, append([]string{"__complete", "--"}, strings.Split(line, " ")...)...)
		require.Equal(t, 0, status, stderr)
		var words []string
		for candidate := range strings.Lines(stdout) {
			word, _, _ := strings.Cut(candidate, "\t")
			words = append(words, word)
		}
		require.Equal(t, want, strings.Join(words, " "), line)
	}
}

// A shell that has read the script completes.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	program, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(program, filepath.Join(directory, "durahook")))
	for shell, script := range map[string]string{
		"bash": `source <(durahook completion bash)
			complete -p durahook
			COMP_WORDS=(durahook webhooks re); COMP_CWORD=2; _durahook; echo "${COMPREPLY[@]}"
			COMP_WORDS=(durahook deliveries list --output = j); COMP_CWORD=5; _durahook; echo "${COMPREPLY[@]}"
			COMP_WORDS=(durahook deliveries list --output =); COMP_CWORD=4; _durahook; echo "${COMPREPLY[@]}"`,
		"zsh": `compdef() { echo "complete -o default -F $1 $2"; }
			_describe() { local -a words; words=("${(@P)2}"); echo "${(@)words%%:*}"; }
			source <(durahook completion zsh)
			words=(durahook webhooks re); CURRENT=3; _durahook
			words=(durahook deliveries list --output j); CURRENT=5; _durahook
			words=(durahook deliveries list --output ""); CURRENT=5; _durahook`,
		"fish": `durahook completion fish | source
			echo complete -o default -F _durahook durahook
			complete -C 'durahook webhooks re' | cut -f 1
			complete -C 'durahook deliveries list --output j'
			string join ' ' (complete -C 'durahook deliveries list --output ' | sort -r)`,
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skip(shell + " is not installed")
			}
			command := exec.CommandContext(t.Context(), path, "-c", script)
			command.Env = append(os.Environ(), mainEnv+"=1", "PATH="+directory+string(os.PathListSeparator)+os.Getenv("PATH"))
			output, err := command.CombinedOutput()
			require.NoError(t, err, string(output))
			require.Equal(t, lines("complete -o default -F _durahook durahook", "recover", "json", "table json"), string(output))
		})
	}
	status, _, stderr := run(t, "completion", "tcsh")
	require.Equal(t, 2, status)
	require.Contains(t, stderr, `must be one of "bash","zsh","fish"`)
}
