package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"

	"github.com/durahook/durahook/internal/terminal"
)

// Text writes figures for people: labels and values, and plots.
type Text struct {
	w     io.Writer
	paint terminal.Paint
	width int
}

// NewText writes to w.
func NewText(w io.Writer) *Text {
	const usual, widest = 80, 120
	width := terminal.Width(w)
	if width == 0 {
		width = usual
	}
	return &Text{w: w, paint: terminal.Paint(terminal.WantsColor(w)), width: min(width, widest)}
}

// Heading writes what the figures are of.
func (t *Text) Heading(name string) { fmt.Fprintf(t.w, "\n%s\n", t.paint.Bold("durahook bench "+name)) }

// Section begins a group of figures.
func (t *Text) Section(name string) { fmt.Fprintf(t.w, "\n%s\n", t.paint.Bold(name)) }

const labelWidth = 18

// Field writes a figure.
func (t *Text) Field(label, format string, args ...any) {
	t.line(label, fmt.Sprintf(format, args...))
}

// Warn writes a figure that calls for a look, if it does.
func (t *Text) Warn(calls bool, label, format string, args ...any) {
	if calls {
		t.line(label, t.paint.Red(fmt.Sprintf(format, args...)))
	}
}

func (t *Text) line(label, value string) {
	pad := strings.Repeat(" ", max(labelWidth-utf8.RuneCountInString(label), 1))
	fmt.Fprintf(t.w, "  %s%s%s\n", t.paint.Dim(label), pad, value)
}

// Plot draws values over time, one after the other, from 0 on.
func (t *Text) Plot(caption string, values []float64) {
	const height, axis, least = 8, 14, 3
	if len(values) < least {
		return
	}
	fmt.Fprintf(t.w, "\n%s\n", asciigraph.Plot(values, asciigraph.Height(height), asciigraph.Width(min(t.width-axis, max(len(values), t.width/2))),
		asciigraph.LowerBound(0), asciigraph.Precision(0), asciigraph.Caption(caption)))
}

// Distribution draws the milliseconds at each percentile from 0 to 100.
func (t *Text) Distribution(caption string, values []float64) {
	t.Plot(caption+": ms at each percentile, 0 to 100", values)
}

// Bars draws values side by side, each with its label.
func (t *Text) Bars(caption, unit string, labels []string, values []float64) {
	const rest = 20
	most, widest := slices.Max(append(values, 0)), 0
	for _, label := range labels {
		widest = max(widest, utf8.RuneCountInString(label))
	}
	fmt.Fprintf(t.w, "\n  %s\n", t.paint.Dim(caption))
	for i, value := range values {
		length := 0
		if most > 0 {
			length = int(value / most * float64(max(t.width-widest-rest, rest)))
		}
		pad := strings.Repeat(" ", widest-utf8.RuneCountInString(labels[i]))
		fmt.Fprintf(t.w, "  %s%s %s %.1f %s\n", labels[i], pad, strings.Repeat("█", length)+"▏", value, unit)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
