package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/lib/pq"
)

const (
	// A free port may be taken by another process before Postgres takes it.
	portTries = 3
	// After a crash, parts of the old server may live on for a moment, and Postgres refuses to start
	// beside them.
	recoverFor = 10 * time.Second
)

// launch starts postgres on the data and waits until it accepts connections, choosing another free
// port when somebody else took the first.
func (s *Server) launch(ctx context.Context, b binaries, a *account) error {
	crashed, err := exists(filepath.Join(s.files.data, "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("look for a running Postgres: %w", err)
	}
	giveUp := time.Now().Add(recoverFor)
	for taken := 0; ; {
		if err := s.choosePort(); err != nil {
			return err
		}
		err := s.launchOnce(ctx, b, a)
		var ended *endedError
		if !errors.As(err, &ended) {
			return err
		}
		if portTaken(s.Addr()) {
			if taken++; s.opts.Port != 0 || taken == portTries {
				return s.portError()
			}
			continue
		}
		if !crashed || time.Now().After(giveUp) {
			return err
		}
		s.opts.Logger.Debug("Postgres did not come up beside the remains of a crash; trying again", "error", err)
		if err := pause(ctx, 10*pollInterval); err != nil {
			return err
		}
	}
}

// endedError says that postgres ended instead of accepting connections.
type endedError struct {
	cause error
	log   string
}

func (e *endedError) Error() string {
	return fmt.Sprintf("the Postgres server did not start: %v%s", e.cause, e.log)
}
func (e *endedError) Unwrap() error { return e.cause }

func (s *Server) launchOnce(ctx context.Context, b binaries, a *account) error {
	log, err := openLog(s.files.log)
	if err != nil {
		return err
	}
	// The server outlives ctx, which is about starting only.
	cmd := b.command(context.WithoutCancel(ctx), "postgres", s.files.data, a, s.arguments()...)
	cmd.Stdout, cmd.Stderr = log.file, log.file
	p, err := startProcess(cmd)
	if err != nil {
		log.close()
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	if err := s.awaitReady(ctx, p, log); err != nil {
		p.discard(ctx)
		log.close()
		return err
	}
	s.process, s.log = p, log
	go log.keepSmall(p.done, s.opts.Logger)
	return nil
}

// awaitReady returns nil when the server lets us in.
func (s *Server) awaitReady(ctx context.Context, p *process, log *serverLog) error {
	connector, err := pq.NewConnector(s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }() // nothing was written
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		var answer *pq.Error
		if errors.As(err, &answer) && answer.Code.Class() == "28" {
			return fmt.Errorf("the Postgres server does not accept the password in %s: %w", s.files.password, err)
		}
		select {
		case <-p.done:
			return &endedError{cause: p.exitError(), log: log.excerpt()}
		case <-ctx.Done():
			return fmt.Errorf("the Postgres server did not accept connections in time: %w%s", ctx.Err(), log.excerpt())
		case <-poll.C:
		}
	}
}

// arguments are those of the postgres program.
func (s *Server) arguments() []string {
	settings := map[string]string{
		"listen_addresses":        s.opts.Host,
		"port":                    strconv.Itoa(s.port),
		"unix_socket_directories": "", // their paths are too short-lived and too short to rely on
		"max_connections":         "200",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_checkpoints":         "off",
		"logging_collector":       "off", // the log is ours to keep
		"log_destination":         "stderr",
	}
	maps.Copy(settings, s.opts.Settings)
	args := []string{"-D", s.files.data}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// choosePort sets the port, a free one or the one that was asked for.
func (s *Server) choosePort() error {
	if s.opts.Port == 0 {
		port, err := freePort(s.opts.Host)
		if err != nil {
			return err
		}
		s.port = port
		return nil
	}
	s.port = s.opts.Port
	if portTaken(s.Addr()) {
		return s.portError()
	}
	return nil
}

func (s *Server) portError() error {
	return fmt.Errorf("the Postgres server cannot listen on %s because port %d is in use; choose another one, or 0 for any",
		s.Addr(), s.port)
}

func freePort(host string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:forcetypeassert // a TCP listener's address is one
}

func portTaken(addr string) bool {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return true
	}
	_ = l.Close() // nothing was sent through it
	return false
}

// pause waits unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
