package app

import (
	"context"
	"io"
	"log/slog"

	"github.com/durahook/durahook/internal/config"
)

// NewLog returns the process's log as configured.
func NewLog(w io.Writer, c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// quieted passes on warnings and errors only, unless everything is wanted: what the Temporal SDK has to
// say beside them is of use to its developers.
func quieted(handler slog.Handler, level slog.Level) slog.Handler {
	if level <= slog.LevelDebug {
		return handler
	}
	return quietHandler{handler}
}

type quietHandler struct{ slog.Handler }

func (h quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs)}
}

func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}
