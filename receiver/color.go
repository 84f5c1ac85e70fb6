package receiver

import (
	"io"
	"os"

	"golang.org/x/term"
)

// WantsColor reports whether what is written to output may have colours: it is a terminal, and the person
// in front of it didn't ask for none with the environment variable NO_COLOR (https://no-color.org).
func WantsColor(output io.Writer) bool {
	file, ok := output.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// paint colours text with ANSI sequences, or leaves it as it is when false.
type paint bool

func (p paint) bold(text string) string   { return p.with("1", text) }
func (p paint) dim(text string) string    { return p.with("2", text) }
func (p paint) red(text string) string    { return p.with("31", text) }
func (p paint) green(text string) string  { return p.with("32", text) }
func (p paint) yellow(text string) string { return p.with("33", text) }

func (p paint) with(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
