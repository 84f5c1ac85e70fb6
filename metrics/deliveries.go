package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/durahook/durahook/lanes"
	"github.com/durahook/durahook/webhook"
)

// publishing is what is counted when events are published.
type publishing struct {
	events     prometheus.Counter
	deliveries prometheus.Counter
	rejected   *prometheus.CounterVec
}

func newPublishing(factory promauto.Factory) publishing {
	p := publishing{
		events: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_events_published_total", Help: "Events that were published and stored.",
		}),
		deliveries: factory.NewCounter(prometheus.CounterOpts{
			Name: "durahook_deliveries_created_total", Help: "Deliveries that were made, of published events and by republishing.",
		}),
		rejected: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "durahook_publish_rejected_total", Help: "Requests to publish that were refused or failed, by the code of the problem.",
		}, []string{"code"}),
	}
	for _, code := range []webhook.Code{
		webhook.CodeMalformed, webhook.CodeInvalid, webhook.CodeTooLarge, webhook.CodeTooManyRequests, webhook.CodeUnavailable,
		webhook.CodeInternal,
	} {
		p.rejected.WithLabelValues(string(code)) // a rate needs a first value of 0
	}
	return p
}

// Published counts events that were stored with this many deliveries.
func (m *Metrics) Published(events, deliveries int) {
	if m == nil {
		return
	}
	m.publishing.events.Add(float64(events))
	m.publishing.deliveries.Add(float64(deliveries))
}

// PublishRejected counts a request to publish that came to nothing.
func (m *Metrics) PublishRejected(code webhook.Code) {
	if m != nil {
		m.publishing.rejected.WithLabelValues(string(code)).Inc()
	}
}

// attempting is what is counted of attempts. All label values are looked up beforehand.
type attempting struct {
	made     map[Attempt]prometheus.Counter
	duration prometheus.Histogram
	latency  prometheus.Histogram
	inFlight prometheus.Gauge
	ended    map[webhook.Status]prometheus.Counter
	fetched  map[bool]prometheus.Counter // of tokens, by whether it went well
}

// Attempt is what tells attempts apart.
type Attempt struct {
	Outcome webhook.Outcome
	Trigger webhook.Trigger
	Lane    lanes.Lane
}

// responseBuckets go up to how long an endpoint has to answer by default.
func responseBuckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30}
}

// latencyBuckets go from what the fast lane takes up to an outage of an hour.
func latencyBuckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600}
}

func newAttempting(factory promauto.Factory) attempting {
	a := attempting{
		made:  make(map[Attempt]prometheus.Counter),
		ended: make(map[webhook.Status]prometheus.Counter),
		duration: factory.NewHistogram(prometheus.HistogramOpts{
			Name: "durahook_attempt_duration_seconds", Help: "Time from the beginning of an attempt to the end of the answer.",
			Buckets: responseBuckets(),
		}),
		latency: factory.NewHistogram(prometheus.HistogramOpts{
			Name: "durahook_publish_to_attempt_seconds", Help: "Time from the making of a delivery, when its event is stored, to its first attempt.",
			Buckets: latencyBuckets(),
		}),
		inFlight: factory.NewGauge(prometheus.GaugeOpts{
			Name: "durahook_attempts_in_flight", Help: "Attempts that this process makes at the moment.",
		}),
	}
	made := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_attempts_total", Help: "Attempts that were made, by how they ended, what made them happen and where they ran.",
	}, []string{"outcome", "trigger", "lane"})
	for _, outcome := range []webhook.Outcome{
		webhook.OutcomeSuccess, webhook.OutcomeClientError, webhook.OutcomeServerError,
		webhook.OutcomeTimeout, webhook.OutcomeConnectionError, webhook.OutcomeBlocked,
	} {
		for _, trigger := range []webhook.Trigger{webhook.TriggerSchedule, webhook.TriggerManual} {
			for _, lane := range []lanes.Lane{lanes.Fast, lanes.Queued} {
				a.made[Attempt{outcome, trigger, lane}] = made.WithLabelValues(string(outcome), string(trigger), string(lane))
			}
		}
	}
	ended := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_deliveries_ended_total", Help: "Deliveries that ended, by how; one that is retried afterwards ends again.",
	}, []string{"status"})
	for _, status := range webhook.Statuses() {
		if !status.Open() {
			a.ended[status] = ended.WithLabelValues(string(status))
		}
	}
	fetched := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "durahook_token_fetches_total", Help: "OAuth 2.0 access tokens that were asked for, by whether they came.",
	}, []string{"result"})
	a.fetched = map[bool]prometheus.Counter{true: fetched.WithLabelValues("success"), false: fetched.WithLabelValues("failure")}
	return a
}

// AttemptBegins notes that an attempt is in flight, until [Metrics.AttemptEnds].
func (m *Metrics) AttemptBegins() {
	if m != nil {
		m.attempting.inFlight.Inc()
	}
}

// AttemptEnds notes that an attempt is in flight no more.
func (m *Metrics) AttemptEnds() {
	if m != nil {
		m.attempting.inFlight.Dec()
	}
}

// AttemptMade counts an attempt that took this long.
func (m *Metrics) AttemptMade(a Attempt, took time.Duration) {
	if m == nil {
		return
	}
	if counter, ok := m.attempting.made[a]; ok {
		counter.Inc()
	}
	m.attempting.duration.Observe(took.Seconds())
}

// FirstAttempt notes how long after its publication a delivery was first attempted. The clocks of two machines
// may differ a little: less than nothing is nothing.
func (m *Metrics) FirstAttempt(after time.Duration) {
	if m != nil {
		m.attempting.latency.Observe(max(after, 0).Seconds())
	}
}

// DeliveryEnded counts a delivery if this status ends it.
func (m *Metrics) DeliveryEnded(status webhook.Status) {
	if m == nil {
		return
	}
	if counter, ok := m.attempting.ended[status]; ok {
		counter.Inc()
	}
}

// TokenFetched counts an access token that was asked for.
func (m *Metrics) TokenFetched(ok bool) {
	if m != nil {
		m.attempting.fetched[ok].Inc()
	}
}
