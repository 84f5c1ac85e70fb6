package api

import (
	"net/http"

	"github.com/durahook/durahook/webhook"
)

// metrics returns the handler for the metrics of this process. Tenants may reach this port, so they are for the
// admin only. The account is not looked up: they have to come also when the database doesn't.
func (a *API) metrics() http.HandlerFunc {
	serve := a.service.Metrics().Handler(a.log)
	return func(w http.ResponseWriter, r *http.Request) {
		principal, err := a.authenticate(r)
		if err == nil {
			err = principal.Check(webhook.ScopeAdmin)
		}
		if err != nil {
			a.writeProblem(w, r, err)
			return
		}
		serve.ServeHTTP(w, r)
	}
}
