package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// CompletionCommand prints what makes a shell complete durahook's command lines.
type CompletionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script.
func (c *CompletionCommand) Run(env *Env) error {
	script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell]
	_, err := io.WriteString(env.Stdout, strings.ReplaceAll(script, "PROGRAM", filepath.Base(os.Args[0])))
	return err
}

// The scripts ask the program itself, as it was called, what may stand where the cursor is: see
// [CompleteCommand]. Where it knows nothing, the shell offers files.
const (
	bashCompletion = `# Completion of PROGRAM for bash. Add to ~/.bashrc: source <(PROGRAM completion bash)
_PROGRAM() {
  local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}"
  [ "$word" = "=" ] && word=""
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1)" -- "$word"))
}
complete -o default -F _PROGRAM PROGRAM
`
	zshCompletion = `#compdef PROGRAM
# Completion of PROGRAM for zsh. Add to ~/.zshrc, after compinit: source <(PROGRAM completion zsh)
_PROGRAM() {
  local line
  local -a found
  for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && found+=("${line%%$'\t'*}:${line#*$'\t'}")
  done
  if (( ${#found} )); then
    _describe PROGRAM found
  else
    _files
  fi
}
compdef _PROGRAM PROGRAM
`
	fishCompletion = `# Completion of PROGRAM for fish. Put into ~/.config/fish/completions/PROGRAM.fish
function __PROGRAM_complete
  set -l words (commandline -opc)
  set -l found ($words[1] __complete -- $words[2..] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
    return
  end
  __fish_complete_path (commandline -ct)
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`
)

// CompleteCommand says what may stand at the end of a command line; the shells' scripts ask it.
type CompleteCommand struct {
	Words []string `arg:"" optional:"" help:"Words of the command line after the program's name, up to the one under the cursor."`
}

// Run prints each word that may stand there, a tab and what it means, one a line.
func (c *CompleteCommand) Run(env *Env, parsed *kong.Context) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	var text strings.Builder
	for _, candidate := range complete(parsed.Model.Node, words) {
		fmt.Fprintf(&text, "%s\t%s\n", candidate.word, candidate.help)
	}
	_, err := io.WriteString(env.Stdout, text.String())
	return err
}

type candidate struct{ word, help string }

// complete returns what may stand in the place of the last of words.
func complete(root *kong.Node, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	node := root
	var flag *kong.Flag // whose value comes next
	for _, word := range words[:len(words)-1] {
		switch {
		case word == "=": // bash takes --flag=value for three words
		case flag != nil:
			flag = nil
		case strings.HasPrefix(word, "-"):
			flag = findFlag(node, word)
		default:
			node = findCommand(node, word)
		}
	}
	var all []candidate
	name, _, inside := strings.Cut(last, "=")
	switch {
	case inside && name != "":
		for _, value := range values(findFlag(node, name)) {
			all = append(all, candidate{name + "=" + value.word, value.help})
		}
	case flag != nil && last == "=":
		return values(flag)
	case flag != nil:
		all = values(flag)
	case strings.HasPrefix(last, "-"):
		all = flagsOf(node)
	default:
		all = commandsOf(node)
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, last) })
}

// findFlag returns the flag that a word names if its value is still to come.
func findFlag(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if !flag.IsBool() && (word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short)) {
				return flag
			}
		}
	}
	return nil
}

// findCommand returns the command below a node that a word names, else the node itself.
func findCommand(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return node
}

// values returns the values that a flag may have, as far as its tags say.
func values(flag *kong.Flag) []candidate {
	if flag == nil {
		return nil
	}
	return split(flag.Enum + "," + flag.Tag.Get("values"))
}

func split(words string) (all []candidate) {
	for _, word := range strings.Split(words, ",") {
		if word != "" {
			all = append(all, candidate{word: word})
		}
	}
	return all
}

func flagsOf(node *kong.Node) (all []candidate) {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			all = append(all, candidate{"--" + flag.Name, flag.Help})
		}
	}
	return all
}

// commandsOf returns the commands below a node, or the words that its argument may be.
func commandsOf(node *kong.Node) (all []candidate) {
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, candidate{child.Name, child.Help})
		}
	}
	for _, argument := range node.Positional {
		all = append(all, split(argument.Enum)...)
	}
	return all
}
