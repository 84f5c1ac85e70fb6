package bench

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/durahook/durahook/internal/terminal"
)

// Progress shows how far a benchmark is, to a person in front of a terminal. A nil *Progress shows nothing.
type Progress struct{ w io.Writer }

// NewProgress shows progress on w, or nowhere when that is no terminal.
func NewProgress(w io.Writer) *Progress {
	if file, ok := w.(*os.File); ok && terminal.Is(file) {
		return &Progress{w: w}
	}
	return nil
}

// Phase is a stretch of the way.
type Phase struct{ bar *progressbar.ProgressBar }

// Phase begins a stretch of so many steps.
func (p *Progress) Phase(name string, steps int) *Phase {
	const width, throttle = 30, 100 * time.Millisecond
	if p == nil {
		return nil
	}
	return &Phase{progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(fmt.Sprintf("%-36s", name)),
		progressbar.OptionSetWidth(width), progressbar.OptionThrottle(throttle), progressbar.OptionClearOnFinish(),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true))}
}

// Set shows that so many steps are done. It is safe for concurrent use.
func (p *Phase) Set(steps int) {
	if p != nil {
		_ = p.bar.Set(min(steps, p.bar.GetMax())) // a bar that cannot be shown hinders nothing
	}
}

// Done takes the bar away.
func (p *Phase) Done() {
	if p != nil {
		_ = p.bar.Finish() // as above
	}
}
