package metrics

import (
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// serving is what is counted of HTTP requests.
type serving struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// The labels of requests that no route is for, and of methods that nobody has heard of: a client can make up as
// many as it likes.
const (
	noRoute     = "none"
	otherMethod = "other"
)

func newServing(factory promauto.Factory) serving {
	return serving{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "durahook_http_requests_total", Help: "HTTP requests that were answered, by method, route and class of the status.",
		}, []string{"method", "route", "status"}),
		duration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "durahook_http_request_duration_seconds", Help: "Time that it took to answer an HTTP request, by route.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}, []string{"route"}),
	}
}

// Watch returns a handler that answers as the router does and counts the requests, each under the template of
// its route.
func (m *Metrics) Watch(router *mux.Router) http.Handler {
	if m == nil {
		return router
	}
	router.Use(noteRoute)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &observed{ResponseWriter: w, route: noRoute}
		defer func() { m.serving.count(seen, r.Method, time.Since(began)) }() // also when the handler panics
		router.ServeHTTP(seen, r)
		seen.whole = true
	})
}

func (s serving) count(seen *observed, method string, took time.Duration) {
	s.requests.WithLabelValues(knownMethod(method), seen.route, seen.class()).Inc()
	if seen.Header().Get("Content-Type") == "text/event-stream" {
		return // it took as long as the client cared to listen
	}
	s.duration.WithLabelValues(seen.route).Observe(took.Seconds())
}

func knownMethod(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, method) {
		return method
	}
	return otherMethod
}

// noteRoute tells the handler around the router which route was taken: only in here that is known.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen, ok := w.(*observed); ok {
			if template, err := mux.CurrentRoute(r).GetPathTemplate(); err == nil {
				seen.route = template
			}
		}
		next.ServeHTTP(w, r)
	})
}

// observed is an answer of which route and status are noted.
type observed struct {
	http.ResponseWriter
	route  string
	status int  // 0 until it is written
	whole  bool // the handler came to its end
}

func (o *observed) WriteHeader(status int) {
	if o.status == 0 && status >= http.StatusOK {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(body []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(body)
}

// Unwrap is for http.ResponseController.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// class returns the class of the status, such as "2xx".
func (o *observed) class() string {
	switch {
	case o.status == 0 && o.whole:
		return "2xx" // what net/http writes if the handler writes nothing
	case o.status == 0:
		return "5xx"
	case o.status > 599:
		return "other"
	default:
		return classes()[o.status/100]
	}
}

func classes() [6]string { return [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"} }
