package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/config"
)

func TestNewLog(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := NewLog(&text, config.Config{Level: slog.LevelWarn})
	log.Info("not this")
	log.Warn("this", "delivery", "dlv_1")
	require.NotContains(t, text.String(), "not this")
	require.Regexp(t, `^time=\S+ level=WARN msg=this delivery=dlv_1\n$`, text.String())

	var line bytes.Buffer
	NewLog(&line, config.Config{Level: slog.LevelInfo, JSON: true}).Info("this", "delivery", "dlv_1")
	var fields map[string]string
	require.NoError(t, json.Unmarshal(line.Bytes(), &fields))
	delete(fields, "time")
	require.Equal(t, map[string]string{"level": "INFO", "msg": "this", "delivery": "dlv_1"}, fields)
}

// What the SDK says of its own workings is passed on only when everything is wanted.
func TestQuieted(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level][]string{
		slog.LevelDebug: {"debug", "info", "warn", "error"}, slog.LevelInfo: {"warn", "error"}, slog.LevelError: {"error"},
	} {
		var text bytes.Buffer
		handler := slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level})
		log := slog.New(quieted(handler, level)).With("worker", "1").WithGroup("sdk")
		log.Debug("debug", "n", 1)
		log.Info("info", "n", 1)
		log.Warn("warn", "n", 1)
		log.Error("error", "n", 1)
		for _, message := range []string{"debug", "info", "warn", "error"} {
			line := "msg=" + message + " worker=1 sdk.n=1"
			if slices.Contains(want, message) {
				require.Contains(t, text.String(), line)
			} else {
				require.NotContains(t, text.String(), line)
			}
		}
	}
}
