package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Waiting for a leftover server is asking again and again, since it is not our child.
const (
	pollInterval  = 20 * time.Millisecond
	leftoverGrace = 20 * time.Second // for a fast shutdown, before the immediate one
)

// stopLeftover ends a server that still runs on the data although we hold the lock: its owner was
// killed, and it is either on its way out or was left behind. It returns when it is gone.
//
// A pid file whose process is gone is no concern of ours: Postgres deals with it.
func stopLeftover(ctx context.Context, data string, logger *slog.Logger) error {
	pid, err := leftoverPID(data)
	if err != nil || pid == 0 {
		return err
	}
	logger.Info("stopping the Postgres of an earlier run that was killed", "pid", pid)
	grace := time.NewTimer(leftoverGrace)
	defer grace.Stop()
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	err = signalPID(pid, fastShutdown)
	for err == nil && alive(pid) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the Postgres of an earlier run (process %d) to end: %w", pid, ctx.Err())
		case <-grace.C:
			err = signalPID(pid, immediateShutdown)
		case <-poll.C:
		}
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the Postgres of an earlier run (process %d): %w", pid, err)
	}
	return nil
}

// leftoverPID returns the process that runs on the data, or 0.
func leftoverPID(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for a running Postgres: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid <= 1 || !alive(pid) {
		return 0, nil //nolint:nilerr // half written or stale; Postgres deals with it
	}
	// The number may belong to quite another process by now.
	ours, err := isPostmaster(pid, data)
	if err != nil || !ours {
		return 0, err
	}
	return pid, nil
}
