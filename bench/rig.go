package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/durahook/durahook/client"
)

// Rig is what a benchmark works with: a connection to every part of the system, a receiver, and everything that
// has to be put away in the end.
type Rig struct {
	System   System
	Progress *Progress

	Settle time.Duration // what Postgres is given to write down its statistics; 0 leaves transactions out

	http     *http.Client
	admin    *client.Client
	db       *sql.DB          // nil without a database to ask
	temporal sdkclient.Client // nil without a Temporal to ask
	rpcs     *rpcCounter      // of temporal
	receiver *receiver

	mu       sync.Mutex
	cleanUps []func(context.Context) error
}

// NewRig connects to the system. Close must be called in the end.
func NewRig(ctx context.Context, system System, progress *Progress, settle time.Duration) (_ *Rig, err error) {
	r := &Rig{System: system, Progress: progress, Settle: settle, http: newHTTPClient()}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close(ctx))
		}
	}()
	if r.admin, err = r.client(system.AdminKey, ""); err != nil {
		return nil, err
	}
	if err := r.openDatabase(ctx); err != nil {
		return nil, err
	}
	if err := r.openTemporal(ctx); err != nil {
		return nil, err
	}
	r.receiver, err = newReceiver(ctx)
	return r, err
}

// newHTTPClient returns a client that keeps a connection for each of many publishers.
func newHTTPClient() *http.Client {
	const connections, longest = 2048, time.Minute
	return &http.Client{
		Timeout:   longest,
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: longest},
	}
}

// client returns a client of the API with a key. With the admin key, account says whom it acts for.
func (r *Rig) client(key, account string) (*client.Client, error) {
	api, err := client.NewClient(r.System.Server, client.WithHTTPClient(r.http),
		client.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer "+key)
			if account != "" {
				request.Header.Set("X-Account", account)
			}
			return nil
		}))
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	return api, nil
}

func (r *Rig) openDatabase(ctx context.Context) error {
	if r.System.DatabaseURL == "" {
		return nil
	}
	connector, err := pq.NewConnector(r.System.DatabaseURL)
	if err != nil {
		return errors.New("--database-url cannot be read; use the form postgres://user:password@host:5432/durahook")
	}
	r.db = sql.OpenDB(connector)
	if err := r.db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach Postgres to read its statistics: %w", err)
	}
	return nil
}

func (r *Rig) openTemporal(ctx context.Context) (err error) {
	if r.System.TemporalAddress == "" {
		return nil
	}
	r.rpcs = new(rpcCounter)
	r.temporal, err = sdkclient.DialContext(ctx, sdkclient.Options{
		HostPort: r.System.TemporalAddress, Namespace: r.System.TemporalNamespace,
		Logger: quiet{}, ConnectionOptions: sdkclient.ConnectionOptions{DialOptions: r.rpcs.dialOptions()},
	})
	if err != nil {
		return fmt.Errorf("reach Temporal at %s (--temporal-address): %w", r.System.TemporalAddress, err)
	}
	return nil
}

// onClose has something of durahook's put away in the end, before what was there earlier. A system that was started
// for the benchmark is put away as a whole.
func (r *Rig) onClose(cleanUp func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.System.Own {
		r.cleanUps = append(r.cleanUps, cleanUp)
	}
}

// Close puts everything away, also when ctx is done: webhooks are deleted, connections closed.
func (r *Rig) Close(ctx context.Context) error {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var errs []error
	for i := len(r.cleanUps) - 1; i >= 0; i-- {
		errs = append(errs, r.cleanUps[i](ctx))
	}
	r.cleanUps = nil
	if r.receiver != nil {
		errs = append(errs, r.receiver.close())
	}
	if r.temporal != nil {
		r.temporal.Close()
	}
	if r.db != nil {
		errs = append(errs, r.db.Close())
	}
	return errors.Join(errs...)
}

// newName returns a name that nothing has yet.
func newName(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:10]) }

// quiet is a logger for the Temporal SDK that says nothing: what goes wrong comes back as errors.
type quiet struct{}

// Debug says nothing.
func (quiet) Debug(string, ...any) {}

// Info says nothing.
func (quiet) Info(string, ...any) {}

// Warn says nothing.
func (quiet) Warn(string, ...any) {}

// Error says nothing.
func (quiet) Error(string, ...any) {}
