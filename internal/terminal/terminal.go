// Package terminal writes for people in front of a terminal: in colours where they are wanted, and so that
// nothing that strangers wrote can play tricks with it.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// WantsColor reports whether what is written to output may have colours: it is a terminal, and the person
// in front of it didn't ask for none with the environment variable NO_COLOR (https://no-color.org).
func WantsColor(output io.Writer) bool {
	file, ok := output.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

// Width returns how many columns the terminal has that is written to; 0 when output is no terminal.
func Width(output io.Writer) int {
	file, ok := output.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Is reports whether a file is a terminal.
func Is(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

// Paint colours text with ANSI sequences, or leaves it as it is when false.
type Paint bool

// Bold returns text that shows bold.
func (p Paint) Bold(text string) string { return p.with("1", text) }

// Dim returns text that shows faint.
func (p Paint) Dim(text string) string { return p.with("2", text) }

// Red returns text that shows red.
func (p Paint) Red(text string) string { return p.with("31", text) }

// Green returns text that shows green.
func (p Paint) Green(text string) string { return p.with("32", text) }

// Yellow returns text that shows yellow.
func (p Paint) Yellow(text string) string { return p.with("33", text) }

func (p Paint) with(code, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Visible returns text of one line as it may reach a terminal: all that doesn't print – control characters,
// escape sequences, invisible and direction-changing characters, broken UTF-8 – is written as in Go's
// string literals, such as \x1b.
func Visible(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		text = text[size:]
	}
	return out.String()
}
