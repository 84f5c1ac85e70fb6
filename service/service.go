// Package service is what durahook does for its clients, whoever asks: the API and the console call the
// same functions. It imports webhook, store, filter, target, lanes, metrics, traces, workflows and internal/ratelimit, and
// starts and signals workflows but runs none.
package service

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/traces"
	"github.com/durahook/durahook/webhook"
)

// Service does what clients ask for. It is safe for concurrent use.
type Service struct {
	store     *store.Store
	temporal  client.Client
	guard     *target.Guard
	starter   *Starter
	namespace string
	uiURL     string
	metrics   *metrics.Metrics
	traces    *traces.Traces
	log       *slog.Logger

	defaultAccount atomic.Pointer[string] // its ID, once it is known
	limits         *publishLimits
	eventTypes     eventTypes
	filters        *filters
	testTimeout    time.Duration
	noting         chan struct{} // one for each use of an API key that is being written down
	draining       atomic.Bool

	mail        bool // there is a mail server for alerts
	alertTests  *alertTests
	alertWindow time.Duration
	alertQuiet  time.Duration
}

// Options are the parts of a service.
type Options struct {
	Store     *store.Store
	Temporal  client.Client
	Guard     *target.Guard
	Starter   *Starter
	Namespace string           // of Temporal
	UIURL     string           // of the Temporal Web UI; empty when there is none
	Metrics   *metrics.Metrics // what is done is counted in; nil for none
	Traces    *traces.Traces   // spans are made by; nil for none
	Log       *slog.Logger     // nil for none

	TestTimeout time.Duration // how long the answer of Test Webhook is waited for; 0 for [DefaultTestTimeout]
	PublishRate int           // events a second for each API key; 0 for [DefaultPublishRate]

	Mail        bool          // workers have a mail server for alerts
	AlertWindow time.Duration // how long what happens is gathered before people are alerted; 0 for [DefaultAlertWindow]
	AlertQuiet  time.Duration // how long of the same webhook no other alert is made; 0 for [DefaultAlertQuiet]
}

// New returns a service made of its parts.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PublishRate == 0 {
		o.PublishRate = DefaultPublishRate
	}
	if o.TestTimeout == 0 {
		o.TestTimeout = DefaultTestTimeout
	}
	if o.AlertWindow == 0 {
		o.AlertWindow = DefaultAlertWindow
	}
	if o.AlertQuiet == 0 {
		o.AlertQuiet = DefaultAlertQuiet
	}
	return &Service{
		mail: o.Mail, alertTests: newAlertTests(), alertWindow: o.AlertWindow, alertQuiet: o.AlertQuiet,
		store: o.Store, temporal: o.Temporal, guard: o.Guard, starter: o.Starter,
		namespace: o.Namespace, uiURL: o.UIURL, metrics: o.Metrics, traces: o.Traces, log: o.Log, noting: make(chan struct{}, useNotes),
		limits: newPublishLimits(o.PublishRate), filters: newFilters(o.Log), testTimeout: min(o.TestTimeout, maxTestTimeout),
	}
}

// Account returns the account to act for: the one with this ID, or the account "default" when id is empty.
func (s *Service) Account(ctx context.Context, id string) (string, error) {
	if id == "" {
		return s.ensureDefaultAccount(ctx)
	}
	if err := webhook.CheckID(webhook.AccountPrefix, id); err != nil {
		return "", err
	}
	return id, s.store.CheckAccount(ctx, id)
}

func (s *Service) ensureDefaultAccount(ctx context.Context) (string, error) {
	if known := s.defaultAccount.Load(); known != nil {
		return *known, nil
	}
	id, err := s.store.EnsureDefaultAccount(ctx)
	if err == nil {
		s.defaultAccount.Store(&id)
	}
	return id, err
}

// Ready reports which parts answer: nil for each that does. Without Postgres nothing can be promised;
// without Temporal publishing still works, and what was published is delivered later.
func (s *Service) Ready(ctx context.Context) (postgres, temporal error) {
	// Well below the patience of those who ask.
	const longest = time.Second
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	var asking sync.WaitGroup
	asking.Go(func() { postgres = s.store.Ping(ctx) })
	asking.Go(func() { _, temporal = s.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}) })
	asking.Wait()
	return postgres, temporal
}

// Drain notes that this process is about to stop: nothing more is to be sent to it, although it still does its work.
func (s *Service) Drain() { s.draining.Store(true) }

// Draining reports whether this process is about to stop.
func (s *Service) Draining() bool { return s.draining.Load() }

// Metrics returns the metrics of this process.
func (s *Service) Metrics() *metrics.Metrics { return s.metrics }

// WorkflowURL returns the address of a delivery's workflow in the Temporal Web UI, empty without one.
func (s *Service) WorkflowURL(deliveryID string) string {
	if s.uiURL == "" {
		return ""
	}
	return s.uiURL + "/namespaces/" + url.PathEscape(s.namespace) + "/workflows/" + url.PathEscape(deliveryID)
}
