package api

import (
	"net/http"

	"github.com/durahook/durahook/api/types"
)

// health says that the process runs.
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	a.writeJSON(w, http.StatusOK, "application/json", types.Health{Status: types.HealthStatusOk})
}

// ready says whether events can be published here: 503 without Postgres, and once the process is about to stop.
// While Temporal is down they can; they are delivered once it is back.
func (a *API) ready(w http.ResponseWriter, r *http.Request) {
	postgres, temporal := a.service.Ready(r.Context())
	status, text := http.StatusOK, types.ReadinessStatusReady
	if postgres != nil || a.service.Draining() {
		status, text = http.StatusServiceUnavailable, types.ReadinessStatusNotReady
	}
	a.writeJSON(w, status, "application/json", types.Readiness{
		Status: text, Postgres: reachable(postgres), Temporal: reachable(temporal),
	})
}

func reachable(err error) types.Reachability {
	if err != nil {
		return types.ReachabilityUnreachable
	}
	return types.ReachabilityOk
}
