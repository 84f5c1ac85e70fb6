// Package api is durahook's HTTP API under /v1: it checks keys, reads requests, asks package service and
// words the answers, and it serves the metrics. It imports service, store and webhook.
package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/webhook"
)

// API serves the HTTP API.
type API struct {
	service  *service.Service
	adminKey [sha256.Size]byte
	log      *slog.Logger
}

// New returns the API over a service. Whoever presents adminKey may do everything.
func New(s *service.Service, adminKey string, log *slog.Logger) *API {
	return &API{service: s, adminKey: sha256.Sum256([]byte(adminKey)), log: log}
}

// Register adds the API's routes to a router, and answers what no route of the router does.
func (a *API) Register(router *mux.Router) {
	router.HandleFunc("/healthz", a.health).Methods(http.MethodGet, http.MethodHead)
	router.HandleFunc("/readyz", a.ready).Methods(http.MethodGet, http.MethodHead)
	router.HandleFunc("/v1/openapi.yaml", serveFile("application/yaml", openAPI)).Methods(http.MethodGet, http.MethodHead)
	router.HandleFunc("/docs", serveDocs()).Methods(http.MethodGet, http.MethodHead)

	router.HandleFunc("/metrics", a.metrics()).Methods(http.MethodGet)

	// No subrouter for /v1: in mux 1.8.1, it would answer 404 to a wrong method.
	for _, route := range []struct {
		method, path string
		scope        webhook.Scope // that the key needs
		handler      handler
	}{
		{http.MethodPost, "/events", webhook.ScopePublish, a.publishEvent},
		{http.MethodPost, "/events/batch", webhook.ScopePublish, a.publishEvents},
		{http.MethodGet, "/events", webhook.ScopeRead, a.listEvents},
		{http.MethodGet, "/events/{id}", webhook.ScopeRead, a.getEvent},
		{http.MethodPost, "/events/{id}/republish", webhook.ScopeManage, a.republishEvent},
		{http.MethodGet, "/webhooks", webhook.ScopeRead, a.listWebhooks},
		{http.MethodPost, "/webhooks", webhook.ScopeManage, a.createWebhook},
		{http.MethodGet, "/webhooks/{id}", webhook.ScopeRead, a.getWebhook},
		{http.MethodPatch, "/webhooks/{id}", webhook.ScopeManage, a.updateWebhook},
		{http.MethodDelete, "/webhooks/{id}", webhook.ScopeManage, a.deleteWebhook},
		{http.MethodPost, "/webhooks/{id}/enable", webhook.ScopeManage, a.enableWebhook},
		{http.MethodPost, "/webhooks/{id}/disable", webhook.ScopeManage, a.disableWebhook},
		{http.MethodPost, "/webhooks/{id}/rotate-secret", webhook.ScopeManage, a.rotateSecret},
		{http.MethodGet, "/webhooks/{id}/stats", webhook.ScopeRead, a.getWebhookStats},
		{http.MethodPost, "/webhooks/{id}/test", webhook.ScopeManage, a.testWebhook},
		{http.MethodPost, "/webhooks/{id}/recover", webhook.ScopeManage, a.recoverWebhook},
		{http.MethodGet, "/webhooks/{id}/recoveries", webhook.ScopeRead, a.listRecoveries},
		{http.MethodGet, "/recoveries/{id}", webhook.ScopeRead, a.getRecovery},
		{http.MethodPost, "/recoveries/{id}/cancel", webhook.ScopeManage, a.cancelRecovery},
		{http.MethodGet, "/erasures", webhook.ScopeRead, a.listErasures},
		{http.MethodPost, "/erasures", webhook.ScopeManage, a.erase},
		{http.MethodGet, "/deliveries", webhook.ScopeRead, a.listDeliveries},
		{http.MethodGet, "/deliveries/{id}", webhook.ScopeRead, a.getDelivery},
		{http.MethodPost, "/deliveries/{id}/retry", webhook.ScopeManage, a.retryDelivery},
		{http.MethodPost, "/deliveries/{id}/cancel", webhook.ScopeManage, a.cancelDelivery},
		{http.MethodGet, "/event-types", webhook.ScopeRead, a.listEventTypes},
		{http.MethodPost, "/event-types", webhook.ScopeManage, a.createEventType},
		{http.MethodGet, "/event-types/{name}", webhook.ScopeRead, a.getEventType},
		{http.MethodPatch, "/event-types/{name}", webhook.ScopeManage, a.updateEventType},
		{http.MethodDelete, "/event-types/{name}", webhook.ScopeManage, a.deleteEventType},
		{http.MethodGet, "/api-keys", webhook.ScopeManage, a.listAPIKeys},
		{http.MethodPost, "/api-keys", webhook.ScopeManage, a.createAPIKey},
		{http.MethodDelete, "/api-keys/{id}", webhook.ScopeManage, a.revokeAPIKey},
		{http.MethodGet, "/alert-channels", webhook.ScopeManage, a.listAlertChannels},
		{http.MethodPost, "/alert-channels", webhook.ScopeManage, a.createAlertChannel},
		{http.MethodGet, "/alert-channels/{id}", webhook.ScopeManage, a.getAlertChannel},
		{http.MethodPatch, "/alert-channels/{id}", webhook.ScopeManage, a.updateAlertChannel},
		{http.MethodDelete, "/alert-channels/{id}", webhook.ScopeManage, a.deleteAlertChannel},
		{http.MethodPost, "/alert-channels/{id}/test", webhook.ScopeManage, a.testAlertChannel},
		{http.MethodGet, "/accounts", webhook.ScopeAdmin, a.listAccounts},
		{http.MethodPost, "/accounts", webhook.ScopeAdmin, a.createAccount},
		{http.MethodGet, "/accounts/{id}", webhook.ScopeAdmin, a.getAccount},
	} {
		router.HandleFunc("/v1"+route.path, a.handle(route.scope, route.handler)).Methods(route.method)
	}
	router.NotFoundHandler = http.HandlerFunc(a.noRoute)
	router.MethodNotAllowedHandler = a.noMethod(router)
}

// adminKeyMatches compares a key with the admin key in constant time.
func (a *API) adminKeyMatches(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(sum[:], a.adminKey[:]) == 1
}
