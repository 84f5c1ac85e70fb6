package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/durahook/durahook/bench"
	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/standalone/stack"
)

// launched is a durahook that was started for a benchmark: Postgres and Temporal in one process, durahook in another,
// so that the cost of each can be told apart.
type launched struct {
	dir           string
	parts         []*part // in the order in which they were started
	profile       string
	adminKey      string
	encryptionKey string
	address       string
}

// launch is a [bench.Launch]. Everything is in a directory that is removed in the end.
func launch(ctx context.Context, setup bench.Setup) (system bench.System, stop func() error, err error) {
	if setup.Apart {
		return launchApart(ctx, setup)
	}
	l, err := newLaunched(setup.Profile)
	if err != nil {
		return system, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.stop())
		}
	}()
	i, err := l.startInfrastructure(ctx)
	if err != nil {
		return system, nil, err
	}
	if err := l.startServe(ctx, i, setup); err != nil {
		return system, nil, err
	}
	return bench.System{
		Server: "http://" + l.address, AdminKey: l.adminKey, TemporalAddress: i.TemporalAddress, TemporalNamespace: stack.Namespace,
		DatabaseURL: i.DatabaseURL, Own: true,
		Processes: []bench.Process{
			{Name: bench.Durahook, PID: l.parts[1].pid()},
			{Name: "Temporal", PID: int32(i.TemporalPID)}, //nolint:gosec // no system has larger ones
			{Name: "Postgres", PID: int32(i.PostgresPID)}, //nolint:gosec // no system has larger ones
		},
	}, l.stop, nil
}

// newLaunched returns one that has its keys and its directories, and nothing started yet.
func newLaunched(profile string) (l launched, err error) {
	l = launched{profile: profile, adminKey: rand.Text(), encryptionKey: encryption.NewKeyText()}
	if l.dir, err = os.MkdirTemp("", "durahook-bench-"); err != nil {
		return l, fmt.Errorf("make a directory for the benchmark's data: %w", err)
	}
	if err := l.prepare(); err != nil {
		return l, errors.Join(err, os.RemoveAll(l.dir))
	}
	return l, nil
}

// prepare opens the directories: Postgres may run as another user and has to get through.
func (l *launched) prepare() error {
	if err := os.Chmod(l.dir, 0o755); err != nil { //nolint:gosec // the secrets inside have their own modes
		return fmt.Errorf("open the directory for the benchmark's data: %w", err)
	}
	if l.profile == "" {
		return nil
	}
	if err := os.MkdirAll(l.profile, 0o755); err != nil { //nolint:gosec // profiles are no secrets
		return fmt.Errorf("--profile: %w", err)
	}
	return nil
}

func (l *launched) startInfrastructure(ctx context.Context) (i infrastructure, err error) {
	reader, writer := io.Pipe()
	defer reader.Close() //nolint:errcheck // never fails
	p, err := startPart(l.dir, "infrastructure", l.profile, writer, nil,
		"__infrastructure", "--data-dir", filepath.Join(l.dir, "data"), "--log-level", "warn")
	if err != nil {
		return i, err
	}
	l.parts = append(l.parts, p)
	read := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(reader).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &i)
		}
		read <- err
	}()
	select {
	case err := <-read:
		return i, err
	case <-p.ended:
		return i, p.failure()
	case <-ctx.Done():
		return i, ctx.Err()
	}
}

func (l *launched) startServe(ctx context.Context, i infrastructure, setup bench.Setup) (err error) {
	key, err := encryption.ParseKey(l.encryptionKey)
	if err != nil {
		return err
	}
	if err := stack.Migrate(ctx, config.Config{DatabaseURL: i.DatabaseURL, EncryptionKey: key}); err != nil {
		return err
	}
	if l.address, err = freeAddress(ctx); err != nil {
		return err
	}
	args := []string{"serve", "--listen", l.address, "--temporal-address", i.TemporalAddress, "--temporal-namespace", stack.Namespace,
		"--allow-insecure-targets", "loopback", "--publish-rate", "1000000", "--log-level", "warn"}
	if setup.RetrySchedule != "" {
		args = append(args, "--retry-schedule", setup.RetrySchedule)
	}
	p, err := startPart(l.dir, "serve", l.profile, io.Discard, []string{ // where others don't see them
		"DURAHOOK_DATABASE_URL=" + i.DatabaseURL, "DURAHOOK_ADMIN_KEY=" + l.adminKey, "DURAHOOK_ENCRYPTION_KEY=" + l.encryptionKey,
	}, args...)
	if err != nil {
		return err
	}
	l.parts = append(l.parts, p)
	return l.awaitReady(ctx, p)
}

// freeAddress returns an address of the loopback interface that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// awaitReady waits until durahook says that it is ready.
func (l *launched) awaitReady(ctx context.Context, p *part) error {
	const interval, patience = 50 * time.Millisecond, time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("durahook was not ready within %s", patience))
	defer cancel()
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if l.ready(ctx, client) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ended:
			return p.failure()
		case <-ticker.C:
		}
	}
}

func (l *launched) ready(ctx context.Context, client *http.Client) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.address+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop ends everything, the last first, and removes the directory.
func (l *launched) stop() error {
	var errs []error
	for _, p := range slices.Backward(l.parts) {
		errs = append(errs, p.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}
