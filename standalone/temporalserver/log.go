package temporalserver

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// phase is what the server is about, on which it depends what of its log is worth reading.
type phase int32

const (
	starting phase = iota // errors are held back: services complain of each other's absence
	running               // warnings and errors pass
	stopping              // nothing passes: all that was under way is cut off, and says so as an error
)

// maxHeld bounds the errors that are held back; the last ones count.
const maxHeld = 20

// logger hands what Temporal logs to slog.
type logger struct {
	*logState
	slog *slog.Logger
	tags []tag.Tag // added to all it logs; they are written out only then, for loggers are made with each task and seldom log
}

// logState is shared by a logger and those made from it.
type logState struct {
	phase  atomic.Int32
	failed chan struct{} // closed by the first fatal message
	once   sync.Once
	err    error

	mu   sync.Mutex
	held []func() // what was logged while starting
}

var (
	_ log.Logger      = (*logger)(nil)
	_ log.WithLogger  = (*logger)(nil)
	_ log.SLogWrapper = (*logger)(nil)
)

func newLogger(to *slog.Logger) *logger {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return &logger{logState: &logState{failed: make(chan struct{})}, slog: to.With("component", "temporal")}
}

// enter begins a phase. What was held back while starting is dropped.
func (s *logState) enter(p phase) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase.Store(int32(p))
	s.held = nil
}

// tell hands on what was held back, because the start failed and it may say why.
func (s *logState) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, log := range s.held {
		log()
	}
	s.held = nil
}

// failure is the fatal message, if there was one.
func (l *logger) failure() error {
	select {
	case <-l.failed:
		return l.err
	default:
		return nil
	}
}

// With returns a logger that adds tags to all it logs.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	return &logger{logState: l.logState, slog: l.slog, tags: slices.Concat(l.tags, tags)}
}

// SLog is for the parts of Temporal that use slog themselves.
func (l *logger) SLog() *slog.Logger {
	return slog.New(&handler{Handler: l.slog.Handler().WithAttrs(attributes(l.tags)), state: l.logState})
}

// The levels of Temporal.

func (l *logger) Debug(msg string, tags ...tag.Tag)  { l.log(slog.LevelDebug, msg, tags) }
func (l *logger) Info(msg string, tags ...tag.Tag)   { l.log(slog.LevelInfo, msg, tags) }
func (l *logger) Warn(msg string, tags ...tag.Tag)   { l.log(slog.LevelWarn, msg, tags) }
func (l *logger) Error(msg string, tags ...tag.Tag)  { l.log(slog.LevelError, msg, tags) }
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.log(slog.LevelError, msg, tags) }

// Panic logs and panics.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	panic(msg)
}

// Fatal makes the message the server's failure and ends the goroutine. Temporal counts on Fatal not
// returning and would end the process, which is not its own here.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.log(slog.LevelError, msg, tags)
	l.once.Do(func() {
		l.err = fmt.Errorf("the Temporal server cannot go on: %s", msg)
		for _, t := range tags {
			if t.Key() == "error" { // a tag holds the error's text only
				l.err = fmt.Errorf("the Temporal server cannot go on: %s: %v", msg, t.Value())
			}
		}
		close(l.failed)
	})
	runtime.Goexit()
}

// webUINoise is warned of whenever somebody looks at a workflow: the Web UI asks for longer pages of
// history than there are. Nobody can do anything about it.
const webUINoise = "GetHistory page size is larger than threshold"

func (l *logger) log(level slog.Level, msg string, tags []tag.Tag) {
	if msg == webUINoise {
		return
	}
	l.pass(level, func() { l.slog.LogAttrs(context.Background(), level, msg, attributes(slices.Concat(l.tags, tags))...) }) //nolint:forbidigo,sloglint // Temporal's message, and it hands no context on
}

// pass logs now, later or not at all.
func (s *logState) pass(level slog.Level, log func()) {
	switch s.now() {
	case starting:
		if level < slog.LevelError {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.now() == starting {
			s.held = append(s.held, log)
			s.held = s.held[max(0, len(s.held)-maxHeld):]
		}
	case running:
		if level >= slog.LevelWarn {
			log()
		}
	case stopping:
	}
}

func (s *logState) now() phase { return phase(s.phase.Load()) }

func attributes(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, len(tags))
	for i, t := range tags {
		attrs[i] = slog.Any(t.Key(), t.Value())
	}
	return attrs
}

// handler applies the same rule to slog records.
type handler struct {
	slog.Handler
	state *logState
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) (err error) {
	ctx = context.WithoutCancel(ctx) // it may be held back for longer than ctx lasts
	h.state.pass(r.Level, func() { err = h.Handler.Handle(ctx, r) })
	return err
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{Handler: h.Handler.WithAttrs(attrs), state: h.state}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{Handler: h.Handler.WithGroup(name), state: h.state}
}
