package api

import (
	"net/http"
)

// health says that the process runs.
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	a.writeJSON(w, http.StatusOK, "application/json", map[string]string{"status": "ok"})
}

// ready says whether events can be published: 503 without Postgres. While Temporal is down they can; they
// are delivered once it is back.
func (a *API) ready(w http.ResponseWriter, r *http.Request) {
	postgres, temporal := a.service.Ready(r.Context())
	status, text := http.StatusOK, "ready"
	if postgres != nil {
		status, text = http.StatusServiceUnavailable, "not ready"
	}
	a.writeJSON(w, status, "application/json", map[string]string{
		"status": text, "postgres": reachable(postgres), "temporal": reachable(temporal),
	})
}

func reachable(err error) string {
	if err != nil {
		return "unreachable"
	}
	return "ok"
}
