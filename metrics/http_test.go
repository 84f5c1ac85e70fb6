package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/metrics"
)

// newWatched returns a handler with routes as the API and the console have them.
func newWatched(m *metrics.Metrics) http.Handler {
	router := mux.NewRouter()
	router.HandleFunc("/v1/things/{id}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "thing") }).Methods(http.MethodGet)
	router.HandleFunc("/v1/things/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusConflict)
	}).Methods(http.MethodPatch)
	router.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) {})
	router.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	router.HandleFunc("/flush", func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	pages := router.PathPrefix("/console/").Subrouter()
	pages.HandleFunc("/pages/{name}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusSeeOther) })
	pages.NotFoundHandler = http.NotFoundHandler()
	return m.Watch(router)
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.2.3")
	handler := newWatched(m)
	for _, request := range []struct{ method, path string }{
		{"GET", "/v1/things/1"}, {"GET", "/v1/things/2?secret=word"}, {"PATCH", "/v1/things/3"}, {"DELETE", "/v1/things/4"},
		{"GET", "/console/pages/+15551234567"}, {"GET", "/console/nothing"}, {"GET", "/made/up"}, {"MADEUP", "/made/up/too"},
		{"GET", "/silent"}, {"GET", "/panic"}, {"GET", "/flush"},
	} {
		func() {
			defer func() { _ = recover() }()
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), request.method, request.path, http.NoBody))
		}()
	}
	var requests []string
	for _, line := range text(t, m) {
		if metric, _, _ := cut(line); metric == "durahook_http_requests_total" {
			requests = append(requests, line)
		}
	}
	require.ElementsMatch(t, []string{
		`durahook_http_requests_total{method="GET",route="/v1/things/{id}",status="2xx"} 2`,
		`durahook_http_requests_total{method="PATCH",route="/v1/things/{id}",status="4xx"} 1`,
		`durahook_http_requests_total{method="DELETE",route="none",status="4xx"} 1`,
		`durahook_http_requests_total{method="GET",route="/console/pages/{name}",status="3xx"} 1`,
		`durahook_http_requests_total{method="GET",route="none",status="4xx"} 2`,
		`durahook_http_requests_total{method="other",route="none",status="4xx"} 1`,
		`durahook_http_requests_total{method="GET",route="/silent",status="2xx"} 1`,
		`durahook_http_requests_total{method="GET",route="/panic",status="5xx"} 1`,
		`durahook_http_requests_total{method="GET",route="/flush",status="2xx"} 1`,
	}, requests)
	require.Contains(t, text(t, m), `durahook_http_request_duration_seconds_count{route="/v1/things/{id}"} 3`)
}
