// Package postgres runs a private Postgres server as a child of this process: the database of the
// all-in-one program, and the throw-away database of the tests. It owns a directory with the
// server's data, password and log, and nothing else; it knows nothing of what is stored there and
// imports nothing of ours.
//
// The server listens on the loopback interface only, asks for a password, and dies with this
// process, even when this process is killed.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// superuser is the one database user there is; initdb makes it.
const superuser = "durahook"

// Options says which server to run and where.
type Options struct {
	// DataDir is the directory of this server, made when missing. It may hold other files too.
	// When this process is root, Postgres runs as another user, who must be able to enter DataDir
	// and the directories above it.
	DataDir string
	// Host is a loopback IP address to listen on; empty means 127.0.0.1.
	Host string
	// Port to listen on; 0 means a free one, which may be another one at every start.
	Port int
	// Settings are Postgres settings (as in postgresql.conf) on top of the package's own.
	Settings map[string]string
	// BinariesURL is the Maven repository to download Postgres from where the machine has none;
	// empty means Maven Central.
	BinariesURL string
	// Logger receives what an operator should know; nil means none.
	Logger *slog.Logger
	// Progress, if set, is told in a few words what takes long while starting.
	Progress func(string)
}

// Server is a running Postgres.
type Server struct {
	opts     Options
	files    files
	password string
	binaries binaries
	account  *account
	port     int
	process  *process
	lock     *os.File
	log      *serverLog
}

// Start runs Postgres on the data in opts.DataDir, making them first when there are none, and
// returns when it accepts connections. Stop must be called in the end.
//
// Errors are written for the person at the terminal: no Postgres on the machine and none to be had,
// a port in use, a directory that another process uses or that Postgres may not enter, data of
// another version; where Postgres itself gave up, the last lines of its log are part of the error.
// After an error nothing is left running.
func Start(ctx context.Context, opts Options) (*Server, error) {
	return startWith(ctx, opts, newFinder(opts))
}

func startWith(ctx context.Context, opts Options, find finder) (_ *Server, err error) {
	opts, err = opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: opts, files: filesIn(opts.DataDir)}
	if s.account, err = accountFor(s.files); err != nil {
		return nil, err
	}
	if err := makeDataDir(opts.DataDir, s.account); err != nil {
		return nil, err
	}
	if s.lock, err = lockFile(s.files.lock); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := stopLeftover(ctx, s.files.data, opts.Logger); err != nil {
		return nil, err
	}
	if err := removeUnfinished(ctx, s.files); err != nil {
		return nil, err
	}
	if s.binaries, err = find.find(ctx, s.files, s.account); err != nil {
		return nil, err
	}
	if s.password, err = ensureData(ctx, s.files, s.binaries, s.account, opts.Progress); err != nil {
		return nil, err
	}
	if err := s.launch(ctx, s.binaries, s.account); err != nil {
		return nil, err
	}
	return s, nil
}

// Restart starts the server again that has ended by itself, where it listened before, and returns when it accepts
// connections. It is not to be called while another method is.
func (s *Server) Restart(ctx context.Context) error {
	s.log.close()
	s.opts.Port = s.port
	return s.launch(ctx, s.binaries, s.account)
}

func (o Options) withDefaults() (Options, error) {
	if o.DataDir == "" {
		return o, errors.New("postgres: no data directory given")
	}
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return o, fmt.Errorf("find the data directory %s: %w", o.DataDir, err)
	}
	o.DataDir = dir
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if ip := net.ParseIP(o.Host); ip == nil || !ip.IsLoopback() {
		return o, fmt.Errorf("postgres listens on a loopback address only, and %s is none", o.Host)
	}
	if o.Port < 0 || o.Port > 65535 {
		return o, fmt.Errorf("%d is not a port for Postgres", o.Port)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o, nil
}

// Addr is the host:port that the server listens on.
func (s *Server) Addr() string { return net.JoinHostPort(s.opts.Host, strconv.Itoa(s.port)) }

// PID is the ID of the server's first process; its others are children of that.
func (s *Server) PID() int { return s.process.cmd.Process.Pid }

// User is the name of the database superuser.
func (s *Server) User() string { return superuser }

// Password is the superuser's password.
func (s *Server) Password() string { return s.password }

// URL is what lib/pq and pgx need to connect to the named database; it holds the password.
func (s *Server) URL(database string) string {
	return connectionURL(s.password, s.Addr(), database)
}

// Done is closed when the server process has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Err says why the server ended by itself, with the last lines of its log. It is nil while the
// server runs and after a Stop.
func (s *Server) Err() error {
	select {
	case <-s.process.done:
	default:
		return nil
	}
	if s.process.stopping.Load() {
		return nil
	}
	return fmt.Errorf("the Postgres server ended by itself: %w%s", s.process.exitError(), s.log.excerpt())
}

// Stop ends the server: connections are cut, data are flushed. When ctx ends first, the server is
// stopped at once, which loses no committed data but makes the next start recover them; Stop then
// returns an error that wraps ctx's. Calling it again is harmless.
func (s *Server) Stop(ctx context.Context) error {
	err := s.process.stop(ctx)
	s.release()
	return err
}

// release gives up what Start took besides the process.
func (s *Server) release() {
	s.log.close()
	if s.lock != nil {
		unlockFile(s.lock)
	}
}
