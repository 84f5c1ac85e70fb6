// Package temporalserver runs a whole Temporal server in this process (frontend, history, matching
// and worker service), with the Temporal Web UI if wanted, on databases in Postgres. It makes and
// upgrades the schemas, the namespace and its search attributes; it knows nothing of what runs there.
//
// It is the only package that imports the Temporal server. It is for one process on one machine: the
// services talk to each other on the loopback interface, without TLS or authentication.
package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"google.golang.org/grpc"
)

// Options says what to run. Everything without a note must be given.
type Options struct {
	// PostgresAddr is the host:port of Postgres. User may create tables and extensions.
	PostgresAddr   string
	User, Password string
	// Database and VisibilityDatabase are two existing databases, empty or made by an earlier Start.
	Database, VisibilityDatabase string

	// Listen is the IP:port for clients, such as 127.0.0.1:7233. Port 0 means a free one, which may
	// be another one at every start.
	Listen string
	// UIListen is the IP:port of the Web UI, with port 0 as above; empty means no Web UI.
	UIListen string

	// Namespace is registered when missing.
	Namespace string
	// Retention is how long closed workflows are kept, at least an hour. It may change between starts.
	Retention time.Duration
	// SearchAttributes are the namespace's own, by name. Further ones may come, but one that is there
	// keeps its type and is not removed. There may be none.
	SearchAttributes map[string]enums.IndexedValueType

	// DynamicConfig are settings of the Temporal server, such as "matching.autoEnableV2": true, on
	// top of the package's own. There may be none.
	DynamicConfig map[string]any
	// Logger receives what Temporal logs at level warn or higher; nil means nothing is logged.
	Logger *slog.Logger
	// Progress, if set, is told in a few words what takes long while starting.
	Progress func(string)
}

// Server is a running Temporal server.
type Server struct {
	addr, uiAddr string
	core         *core
	ui           *webUI
	logger       *logger
	stop         sync.Once
	stopped      chan struct{}
	stopErr      error
}

// Start brings the databases up to date and runs the server and the Web UI. It returns when
// workflows can be started in the namespace, or when ctx ends. Stop must be called in the end.
//
// Errors are written for the person at the terminal: an address in use, databases of a newer
// version, a search attribute that is there with another type. After an error nothing is left
// running.
func Start(ctx context.Context, opts Options) (_ *Server, err error) {
	plan, err := opts.plan()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			plan.releaseAll()
		}
	}()
	if err := prepareDatabases(ctx, plan); err != nil {
		return nil, err
	}
	s := &Server{
		addr:    plan.frontend.String(),
		logger:  plan.logger,
		stopped: make(chan struct{}),
	}
	defer func() {
		if err == nil {
			return
		}
		if !errors.Is(err, context.Canceled) { // nobody asks why a start failed that was called off
			s.logger.tell()
		}
		err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}()
	plan.progress("starting Temporal")
	if s.core, err = startCore(ctx, plan); err != nil {
		return nil, err
	}
	if err := awaitReady(ctx, plan); err != nil {
		return nil, err
	}
	if opts.UIListen != "" {
		s.uiAddr = plan.ui.String()
		if s.ui, err = startUI(ctx, plan); err != nil {
			return nil, err
		}
	}
	s.logger.enter(running)
	return s, nil
}

// Addr is the host:port for clients.
func (s *Server) Addr() string { return s.addr }

// DialOptions have a client in this process reach the server without the network, for the calls where that counts.
// They are for a connection to Addr.
func (s *Server) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{s.core.services.frontend.dialOption()}
}

// UIAddr is the host:port of the Web UI, or "" when there is none.
func (s *Server) UIAddr() string { return s.uiAddr }

// Done is closed when Temporal says that it cannot go on. The server must be stopped then.
func (s *Server) Done() <-chan struct{} { return s.logger.failed }

// Err says why Temporal cannot go on, or nil.
func (s *Server) Err() error { return s.logger.failure() }

// Stop ends the Web UI and the server. When ctx ends first, it returns an error while the server
// goes on stopping. Calling it again waits for the first call.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		s.logger.enter(stopping)
		go func() {
			defer close(s.stopped)
			s.ui.stop()
			s.stopErr = s.core.stop()
		}()
	})
	select {
	case <-s.stopped:
		return s.stopErr
	case <-ctx.Done():
		return fmt.Errorf("the Temporal server did not stop in time: %w", context.Cause(ctx))
	}
}

// plan is what Options come down to.
type plan struct {
	Options
	frontend, history, matching, worker, ui *net.TCPAddr
	reserved                                map[*net.TCPAddr]net.Listener // until the server takes them
	logger                                  *logger
	progress                                func(string)
}

func (o Options) plan() (_ *plan, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p := &plan{
		Options:  o,
		reserved: map[*net.TCPAddr]net.Listener{},
		logger:   newLogger(o.Logger),
		progress: o.Progress,
	}
	if p.progress == nil {
		p.progress = func(string) {}
	}
	defer func() {
		if err != nil {
			p.releaseAll()
		}
	}()
	if p.frontend, err = p.reserve("the Temporal server", o.Listen); err != nil {
		return nil, err
	}
	if o.UIListen != "" {
		if p.ui, err = p.reserve("the Temporal Web UI", o.UIListen); err != nil {
			return nil, err
		}
	}
	for _, service := range []**net.TCPAddr{&p.history, &p.matching, &p.worker} {
		if *service, err = p.reserve("the Temporal server", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (o Options) check() error {
	for name, value := range map[string]string{
		"Postgres address": o.PostgresAddr, "user": o.User, "database": o.Database,
		"visibility database": o.VisibilityDatabase, "address to listen on": o.Listen, "namespace": o.Namespace,
	} {
		if value == "" {
			return fmt.Errorf("start Temporal: no %s given", name)
		}
	}
	if o.Database == o.VisibilityDatabase {
		return fmt.Errorf("start Temporal: it needs two databases, not %s twice", o.Database)
	}
	if o.Retention < time.Hour {
		return fmt.Errorf("start Temporal: it keeps closed workflows for an hour or longer, and %v is less", o.Retention)
	}
	return nil
}
