// Package api is durahook's HTTP API under /v1: it checks keys, reads requests, asks package service and
// words the answers. It imports service, store and webhook.
package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/service"
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

	v1 := router.PathPrefix("/v1").Subrouter()
	for _, r := range []*mux.Router{router, v1} {
		r.NotFoundHandler = http.HandlerFunc(a.noRoute)
		r.MethodNotAllowedHandler = a.noMethod(r)
	}
	for _, route := range []struct {
		method, path string
		handler      handler
	}{
		{http.MethodPost, "/events", a.publishEvent},
		{http.MethodGet, "/webhooks", a.listWebhooks},
		{http.MethodPost, "/webhooks", a.createWebhook},
		{http.MethodGet, "/webhooks/{id}", a.getWebhook},
		{http.MethodPatch, "/webhooks/{id}", a.updateWebhook},
		{http.MethodDelete, "/webhooks/{id}", a.deleteWebhook},
		{http.MethodPost, "/webhooks/{id}/enable", a.enableWebhook},
		{http.MethodPost, "/webhooks/{id}/disable", a.disableWebhook},
		{http.MethodPost, "/webhooks/{id}/rotate-secret", a.rotateSecret},
		{http.MethodGet, "/deliveries", a.listDeliveries},
		{http.MethodGet, "/deliveries/{id}", a.getDelivery},
		{http.MethodPost, "/deliveries/{id}/retry", a.retryDelivery},
		{http.MethodPost, "/deliveries/{id}/cancel", a.cancelDelivery},
	} {
		v1.HandleFunc(route.path, a.handle(route.handler)).Methods(route.method)
	}
}

// AdminKeyMatches compares a key with the admin key in constant time.
func (a *API) AdminKeyMatches(key string) bool {
	sum := sha256.Sum256([]byte(key))
	return subtle.ConstantTimeCompare(sum[:], a.adminKey[:]) == 1
}
