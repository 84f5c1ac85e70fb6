package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/durahook/durahook/webhook"
)

const (
	// backlogAge is how old the figures from the database may be: however often and from how many sides the
	// metrics are read, the database is asked this rarely.
	backlogAge = 15 * time.Second
	// backlogTimeout bounds one look at the database, so that the metrics come also when it is busy or gone.
	backlogTimeout = 3 * time.Second
)

// backlog shows what is still to be delivered, as the database has it. Every process shows the same.
type backlog struct {
	ctx  context.Context // done when the process is asked to stop
	read func(context.Context) (webhook.Backlog, error)

	open, oldest, unstarted, failing, up *prometheus.Desc

	mu   sync.Mutex
	at   time.Time // when the database was last asked
	last webhook.Backlog
	err  error
}

// WatchBacklog has what is still to be delivered shown, until ctx is done.
func (m *Metrics) WatchBacklog(ctx context.Context, read func(context.Context) (webhook.Backlog, error)) {
	if m == nil {
		return
	}
	status := []string{"status"}
	m.registry.MustRegister(&backlog{
		ctx: ctx, read: read,
		open: prometheus.NewDesc("durahook_deliveries_open",
			"Deliveries that have not ended, in the whole database; counted up to a million for each account.", status, nil),
		oldest: prometheus.NewDesc("durahook_oldest_undelivered_seconds",
			"Age of the oldest delivery that has not ended, in the whole database; 0 without one.", status, nil),
		unstarted: prometheus.NewDesc("durahook_oldest_unstarted_seconds",
			"Age of the oldest delivery whose workflow is not known to be started, of those that the sweep takes next; 0 without one.", nil, nil),
		failing: prometheus.NewDesc("durahook_webhooks_failing",
			"Enabled webhooks of which no attempt has succeeded for some time, in the whole database.", nil, nil),
		up: prometheus.NewDesc("durahook_database_up",
			"Whether the database could say what is open: 1 or 0. With 0, the figures from it are missing.", nil, nil),
	})
}

// Describe is a prometheus.Collector's.
func (b *backlog) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{b.open, b.oldest, b.unstarted, b.failing, b.up} {
		descs <- desc
	}
}

// Collect is a prometheus.Collector's.
func (b *backlog) Collect(collected chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		collected <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	now, err := b.look()
	if err != nil {
		gauge(b.up, 0)
		return
	}
	gauge(b.up, 1)
	gauge(b.failing, float64(now.FailingWebhooks))
	gauge(b.unstarted, now.OldestUnstarted.Seconds())
	for status, part := range map[webhook.Status]webhook.OpenDeliveries{webhook.StatusPending: now.Pending, webhook.StatusWaiting: now.Waiting} {
		gauge(b.open, float64(part.Count), string(status))
		gauge(b.oldest, part.Oldest.Seconds(), string(status))
	}
}

// look returns the backlog, or what was wrong when the database was last asked.
func (b *backlog) look() (webhook.Backlog, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at.IsZero() || time.Since(b.at) >= backlogAge {
		ctx, cancel := context.WithTimeout(b.ctx, backlogTimeout)
		defer cancel()
		b.last, b.err = b.read(ctx)
		b.at = time.Now()
	}
	return b.last, b.err
}
