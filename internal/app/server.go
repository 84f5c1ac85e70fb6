package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/api"
	"github.com/durahook/durahook/console"
	"github.com/durahook/durahook/service"
)

// server is the process's HTTP server on a port that is bound from the start.
type server struct {
	listener net.Listener
}

// listen binds the port that a flag names.
func listen(flag, address string) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--%s: cannot listen on %s: %w", flag, address, errors.Unwrap(err))
	}
	return &server{listener: listener}, nil
}

func (s *server) address() string { return s.listener.Addr().String() }

func (s *server) close() error {
	if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// newHTTPServer returns a server that no client can keep busy by being slow.
func newHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// requestDrain is what requests under way get to end.
const requestDrain = 10 * time.Second

// run serves until ctx is done, and for as long as delay says after that, but on no connection for a further request:
// those who send them are to turn elsewhere. Then it lets requests under way end, after it has called stopping.
func (s *server) run(ctx context.Context, handler http.Handler, delay time.Duration, stopping ...func()) error {
	h := newHTTPServer(handler)
	for _, f := range stopping {
		h.RegisterOnShutdown(f)
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	h.SetKeepAlivesEnabled(false)
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-time.After(delay):
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestDrain)
	defer cancel()
	if err := h.Shutdown(stop); err != nil {
		return errors.Join(fmt.Errorf("let requests end: %w", err), h.Close())
	}
	return nil
}

// handler returns the API and the console, and what ends those answers of theirs that go on by themselves.
func (a *App) handler(s *service.Service) (handler http.Handler, stopping func()) {
	router := mux.NewRouter()
	v1 := api.New(s, a.config.AdminKey, a.log)
	v1.Register(router)
	pages := console.New(s, a.config.AdminKey, a.log)
	pages.Register(router)
	return a.metrics.Watch(router), pages.EndWatching
}

// scrapes returns the handler of --metrics-listen.
func (a *App) scrapes() http.Handler {
	router := mux.NewRouter()
	router.Handle("/metrics", a.metrics.Handler(a.log)).Methods(http.MethodGet)
	return router
}
