package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/durahook/durahook/internal/terminal"
)

// write prints text in one piece.
func (s *session) write(text string) error {
	if _, err := io.WriteString(s.env.Stdout, text); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

// note tells the person in front of the screen something that is no part of the output.
func (s *session) note(format string, args ...any) {
	fmt.Fprintf(s.env.Stderr, format+"\n", args...)
}

// raw prints JSON as it came, on a line of its own.
func (s *session) raw(body []byte) error {
	return s.write(string(bytes.TrimRight(body, "\n")) + "\n")
}

// read decodes what the API answered.
func read[T any](body []byte) (value T, err error) {
	if err := json.Unmarshal(body, &value); err != nil {
		return value, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return value, nil
}

// show prints an answer: as JSON as it is, as a table what view makes of it.
func show[T any](s *session, a answer, view func(T) string) error {
	if s.json {
		return s.raw(a.body)
	}
	value, err := read[T](a.body)
	if err != nil {
		return err
	}
	return s.write(view(value))
}

// ask makes a request and shows what is answered.
func ask[T any](s *session, view func(T) string) func(answer, error) error {
	return func(a answer, err error) error {
		if err != nil {
			return err
		}
		return show(s, a, view)
	}
}

// fields are labels and values, one pair a line.
type fields struct {
	paint terminal.Paint
	table [][2]string
}

func (s *session) fields() *fields { return &fields{paint: s.paint} }

// add appends a line, unless there is no value.
func (f *fields) add(label, value string) *fields {
	if value != "" {
		f.table = append(f.table, [2]string{label, terminal.Visible(value)})
	}
	return f
}

// addWord appends a line with a status or outcome in its colour.
func (f *fields) addWord(label, word string) *fields {
	if word != "" {
		f.table = append(f.table, [2]string{label, paintWord(f.paint, terminal.Visible(word))})
	}
	return f
}

func (f *fields) String() string {
	widest := 0
	for _, row := range f.table {
		widest = max(widest, len(row[0]))
	}
	var text strings.Builder
	for _, row := range f.table {
		fmt.Fprintf(&text, "%s  %s\n", f.paint.Dim(fmt.Sprintf("%-*s", widest, row[0])), row[1])
	}
	return text.String()
}

// column is one column of a table.
type column[T any] struct {
	title string
	value func(T) string
	word  bool // whether it has statuses or outcomes, which have colours
}

// table writes rows below one another. It remembers how wide its columns have become, so that rows that are
// written later stand below those written before.
type table[T any] struct {
	columns []column[T]
	paint   terminal.Paint
	width   int // of the terminal; 0 for no limit
	widths  []int
}

func newTable[T any](s *session, columns []column[T]) *table[T] {
	t := &table[T]{columns: columns, paint: s.paint, width: terminal.Width(s.env.Stdout), widths: make([]int, len(columns))}
	for i, c := range columns {
		t.widths[i] = len(c.title)
	}
	return t
}

// head returns the line of titles. Call it after [table.rows], which finds the widths.
func (t *table[T]) head() string {
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	return t.line(titles, func(_ int, text string) string { return t.paint.Dim(text) })
}

// rows returns one line for each value.
func (t *table[T]) rows(values []T) string {
	lines := make([][]string, len(values))
	for i, value := range values {
		for j, c := range t.columns {
			cell := terminal.Visible(c.value(value))
			lines[i] = append(lines[i], cell)
			t.widths[j] = max(t.widths[j], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for _, cells := range lines {
		text.WriteString(t.line(cells, func(column int, text string) string {
			if t.columns[column].word {
				return paintWord(t.paint, text)
			}
			return text
		}))
	}
	return text.String()
}

// line aligns cells. What would not fit the terminal is cut from the last one.
func (t *table[T]) line(cells []string, paint func(column int, text string) string) string {
	var text strings.Builder
	at := 0
	for i, cell := range cells {
		if i == len(cells)-1 {
			text.WriteString(paint(i, cut(cell, t.width, at)))
			break
		}
		const gap = 2
		pad := t.widths[i] - utf8.RuneCountInString(cell) + gap
		text.WriteString(paint(i, cell) + strings.Repeat(" ", pad))
		at += t.widths[i] + gap
	}
	return strings.TrimRight(text.String(), " ") + "\n"
}

// cut shortens a cell that begins in column at of a terminal of a width, unless there would be next to
// nothing left.
func cut(cell string, width, at int) string {
	const least = 8
	room := width - at
	if room < least || utf8.RuneCountInString(cell) <= room {
		return cell
	}
	return string([]rune(cell)[:room-1]) + "…"
}

// paintWord gives a status or an outcome its colour; the word may be followed by more.
func paintWord(paint terminal.Paint, text string) string {
	word, _, _ := strings.Cut(text, " ")
	switch word {
	case "delivered", "success", "completed", "enabled", "active":
		return paint.Green(text)
	case "pending", "waiting", "running", "deprecated":
		return paint.Yellow(text)
	case "exhausted", "failed", "client_error", "server_error", "timeout", "connection_error", "blocked", "disabled", "failing",
		"revoked", "expired":
		return paint.Red(text)
	case "cancelled", "discarded":
		return paint.Dim(text)
	}
	return text
}

// clock returns a time as people read it here; nothing for none.
func clock(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// at is clock for a time that is always there.
func at(t time.Time) string { return clock(&t) }

// text returns what a value that may be missing says; nothing when it is.
func text[T ~string](value *T) string {
	if value == nil {
		return ""
	}
	return string(*value)
}

// number is text for numbers.
func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

// milliseconds returns how long something took; nothing when it isn't known.
func milliseconds(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n) + " ms"
}

// yesNo returns a truth in words.
func yesNo(truth bool) string {
	if truth {
		return "yes"
	}
	return "no"
}

// percent returns a share of 1 in percent; nothing when there is none.
func percent(share *float64) string {
	if share == nil {
		return ""
	}
	const hundred = 100
	return strconv.FormatFloat(*share*hundred, 'f', 1, 64) + " %"
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
