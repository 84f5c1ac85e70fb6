// Package console is durahook's pages for people: server-rendered HTML over the same service as the API,
// made livelier by a little JavaScript of its own and whole without it. It imports service, store, webhook,
// docs/receivers, internal/ratelimit and internal/version, and never api.
//
// One signs in with an API key and sees the account of it, or with the admin key and chooses an account. Every page
// is rendered to a buffer before the first byte is sent, and every text on it is escaped by html/template.
package console

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// Service is what the console asks of package service.
type Service interface {
	Account(ctx context.Context, id string) (string, error)
	AccountByID(ctx context.Context, id string) (webhook.Account, error)
	Accounts(ctx context.Context, page store.Page) ([]webhook.Account, error)
	SearchAccounts(ctx context.Context, text string, page store.Page) ([]webhook.Account, error)
	AccountsWith(ctx context.Context, text string, most int) ([]webhook.Account, error)
	Authenticate(ctx context.Context, text string) (webhook.Principal, error)
	PrincipalOfAPIKey(ctx context.Context, id string) (webhook.Principal, error)
	Deliveries(ctx context.Context, accountID string, filter store.DeliveryFilter, page store.Page) ([]webhook.Delivery, error)
	Event(ctx context.Context, accountID, id string) (webhook.Published, error)
	Events(ctx context.Context, accountID string, filter store.EventFilter, page store.Page) ([]webhook.Event, error)
	Publish(ctx context.Context, by webhook.Principal, accountID string, body []byte, key *webhook.IdempotencyKey) (service.Publication, error)
	Republish(ctx context.Context, accountID, id string, r webhook.Republication) (webhook.Delivery, error)
	EventType(ctx context.Context, accountID, name string) (webhook.EventType, error)
	EventTypes(ctx context.Context, accountID string, page store.Page) ([]webhook.EventType, error)
	SearchEventTypes(ctx context.Context, accountID, text string, page store.Page) ([]webhook.EventType, error)
	CreateEventType(ctx context.Context, accountID string, d webhook.EventTypeDefinition) (webhook.EventType, error)
	UpdateEventType(ctx context.Context, accountID, name string, patch webhook.EventTypePatch) (webhook.EventType, error)
	DeleteEventType(ctx context.Context, accountID, name string) error
	APIKeys(ctx context.Context, accountID string, page store.Page) ([]webhook.APIKey, error)
	CreateAPIKey(ctx context.Context, by webhook.Principal, accountID string, d webhook.APIKeyDefinition) (webhook.APIKey, string, error)
	RevokeAPIKey(ctx context.Context, accountID, id string) error
	AlertChannel(ctx context.Context, accountID, id string) (webhook.AlertChannel, error)
	AlertChannels(ctx context.Context, accountID string, page store.Page) ([]webhook.AlertChannel, error)
	CreateAlertChannel(ctx context.Context, accountID string, d webhook.AlertChannelDefinition) (webhook.AlertChannel, error)
	UpdateAlertChannel(ctx context.Context, accountID, id string, patch webhook.AlertChannelPatch) (webhook.AlertChannel, error)
	DeleteAlertChannel(ctx context.Context, accountID, id string) error
	TestAlertChannel(ctx context.Context, accountID, id string) (failure string, err error)
	SendsMail() bool
	CreateAccount(ctx context.Context, d webhook.AccountDefinition) (webhook.Account, error)
	Inspect(ctx context.Context, accountID, id string) (service.Inspection, error)
	CancelRecovery(ctx context.Context, accountID, id string) (webhook.Recovery, error)
	Recover(ctx context.Context, accountID, webhookID string, d webhook.RecoveryDefinition) (webhook.Recovery, error)
	Recoverable(ctx context.Context, accountID, webhookID string, d webhook.RecoveryDefinition, atMost int) (webhook.Recovery, int, error)
	Recoveries(ctx context.Context, accountID, webhookID string, page store.Page) ([]webhook.Recovery, error)
	Webhook(ctx context.Context, accountID, id string) (webhook.Webhook, error)
	AccountStats(ctx context.Context, accountID string, since, until time.Time, atMost int) (webhook.Stats, error)
	WebhookStats(ctx context.Context, accountID, id string, since, until time.Time, atMost int) (webhook.Stats, error)
	Webhooks(ctx context.Context, accountID string, page store.Page) ([]webhook.Webhook, error)
	WebhooksWithHours(ctx context.Context, accountID, text string, page store.Page) ([]service.WebhookHours, error)
	CreateWebhook(ctx context.Context, accountID string, d webhook.Definition) (webhook.Webhook, error)
	UpdateWebhook(ctx context.Context, accountID, id string, patch webhook.Patch) (webhook.Webhook, error)
	DeleteWebhook(ctx context.Context, accountID, id string) error
	EnableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error)
	DisableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error)
	RotateSecret(ctx context.Context, accountID, id string, rotation webhook.Rotation) (webhook.Webhook, error)
	TestWebhook(ctx context.Context, accountID, id string, request webhook.TestRequest) (service.TestResult, error)
	Cancel(ctx context.Context, accountID, id string) (webhook.Delivery, error)
	Retry(ctx context.Context, accountID, id string) (webhook.Delivery, error)
	WorkflowURL(deliveryID string) string
	SearchLinks(accountID, webhookID string) []service.SearchLink
}

var _ Service = (*service.Service)(nil)

// The paths of the console. All of them begin with root, which is also the path of its cookies.
const (
	root           = "/console"
	signInPath     = root + "/sign-in"
	signOutPath    = root + "/sign-out"
	searchPath     = root + "/search"
	deliveriesPath = root + "/deliveries"
	deliveryPath   = deliveriesPath + "/{id}"
	retriesPath    = deliveriesPath + "/retry"
	deedPath       = deliveryPath + "/{deed:retry|cancel}"
	eventsPath     = root + "/events"
	eventPath      = eventsPath + "/{id}"
	eventTypesPath = root + "/event-types"
	eventTypePath  = eventTypesPath + "/{name}"
	alertsPath     = root + "/alerts"
	alertPath      = alertsPath + "/{id}"
	apiKeysPath    = root + "/api-keys"
	accountsPath   = root + "/accounts"

	webhooksPath = root + "/webhooks"
	webhookPath  = webhooksPath + "/{id}"
	recoverPath  = webhookPath + "/recover"
	recoveryPath = root + "/recoveries/{id}/cancel"

	// live, after the path of a page, is where those who watch it are sent what changes.
	live = "/live"
)

// Console serves the pages. It is safe for concurrent use.
type Console struct {
	service  Service
	log      *slog.Logger
	assets   *assets
	pages    *pages
	seals    *sealer
	adminKey adminKey
	attempts *limiter
	feeds    *feeds
	origins  *http.CrossOriginProtection

	ownAddress *regexp.Regexp
}

// New returns the console over a service, for those who have an API key or know adminKey. It panics when an embedded template
// is broken, so that a broken one never gets past the first start.
func New(s Service, adminKey string, log *slog.Logger) *Console {
	if adminKey == "" {
		// Everybody knows the empty key, and could sign in or seal a cookie with it. Nobody knows this one.
		adminKey = rand.Text()
	}
	files := loadAssets()
	c := &Console{
		service: s, log: log, assets: files, pages: parsePages(files),
		seals: newSealer(adminKey), adminKey: newAdminKey(adminKey),
		attempts: newLimiter(), feeds: newFeeds(), origins: http.NewCrossOriginProtection(),
		ownAddress: ownAddress(),
	}
	c.origins.SetDenyHandler(c.public(crossOrigin))
	return c
}

// EndWatching ends the answers that keep pages up to date, and that would otherwise go on until the visitor leaves.
// It is called when the server stops, for it to wait for none of them.
func (c *Console) EndWatching() { c.feeds.end() }

// Register adds the console's routes to a router: "/" and everything under /console.
func (c *Console) Register(router *mux.Router) {
	toHome := http.RedirectHandler(home(), http.StatusSeeOther)
	for _, path := range []string{"/", root, root + "/"} {
		router.Handle(path, toHome).Methods(http.MethodGet, http.MethodHead)
	}

	pages := router.PathPrefix(root + "/").Subrouter()
	pages.NotFoundHandler = c.public(noPage)
	pages.MethodNotAllowedHandler = c.public(noMethod)
	for _, route := range c.routes() {
		methods := []string{route.method}
		if route.method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
		path := strings.TrimPrefix(route.path, root)
		pages.Handle(path, c.origins.Handler(route.handler)).Methods(methods...)
	}
}

// route is what answers requests to a path, which may have variables.
type route struct {
	method, path string
	handler      http.Handler
}

// routes are all pages and forms. One that says what to do with what its path names comes last: mux answers a GET of it
// with 404 where another follows.
func (c *Console) routes() []route {
	return []route{
		{http.MethodGet, assetsPath + "{name}", c.public(c.asset)},
		{http.MethodGet, signInPath, c.public(c.signInForm)},
		{http.MethodPost, signInPath, c.public(c.signIn)},
		{http.MethodPost, signOutPath, c.public(c.signOut)},
		{http.MethodGet, searchPath, c.private(webhook.ScopeRead, c.search)},
		{http.MethodGet, webhooksPath, c.private(webhook.ScopeRead, c.webhooks)},
		{http.MethodPost, webhooksPath, c.private(webhook.ScopeManage, c.createWebhook)},
		{http.MethodGet, webhooksPath + "/new", c.private(webhook.ScopeManage, c.newWebhook)},
		{http.MethodGet, webhookPath + "/edit", c.private(webhook.ScopeManage, c.editWebhook)},
		{http.MethodPost, webhookPath + "/edit", c.private(webhook.ScopeManage, c.updateWebhook)},
		{http.MethodGet, webhookPath + "/test", c.private(webhook.ScopeManage, c.testForm)},
		{http.MethodPost, webhookPath + "/test", c.private(webhook.ScopeManage, c.testWebhook)},
		{http.MethodPost, webhookPath + "/enable", c.private(webhook.ScopeManage, c.enableWebhook)},
		{http.MethodPost, webhookPath + "/disable", c.private(webhook.ScopeManage, c.disableWebhook)},
		{http.MethodPost, webhookPath + "/rotate-secret", c.private(webhook.ScopeManage, c.rotateSecret)},
		{http.MethodPost, webhookPath + "/delete", c.private(webhook.ScopeManage, c.deleteWebhook)},
		{http.MethodGet, deliveriesPath, c.private(webhook.ScopeRead, c.deliveries)},
		{http.MethodGet, deliveriesPath + live, c.private(webhook.ScopeRead, c.liveDeliveries)},
		{http.MethodPost, retriesPath, c.private(webhook.ScopeManage, c.retrySelected)},
		{http.MethodGet, deliveryPath, c.private(webhook.ScopeRead, c.delivery)},
		{http.MethodGet, deliveryPath + live, c.private(webhook.ScopeRead, c.liveDelivery)},
		{http.MethodGet, webhookPath, c.private(webhook.ScopeRead, c.webhook)},
		{http.MethodGet, webhookPath + live, c.private(webhook.ScopeRead, c.liveWebhook)},
		{http.MethodPost, recoverPath, c.private(webhook.ScopeManage, c.recover)},
		{http.MethodPost, recoveryPath, c.private(webhook.ScopeManage, c.cancelRecovery)},
		{http.MethodGet, eventsPath, c.private(webhook.ScopeRead, c.events)},
		{http.MethodPost, eventsPath, c.private(webhook.ScopePublish, c.publish)},
		{http.MethodGet, eventsPath + "/new", c.private(webhook.ScopePublish, c.publishForm)},
		{http.MethodGet, eventPath, c.private(webhook.ScopeRead, c.event)},
		{http.MethodGet, eventPath + "/payload", c.private(webhook.ScopeRead, c.payload)},
		{http.MethodPost, eventPath + "/republish", c.private(webhook.ScopeManage, c.republish)},
		{http.MethodGet, eventTypesPath, c.private(webhook.ScopeRead, c.eventTypes)},
		{http.MethodPost, eventTypesPath, c.private(webhook.ScopeManage, c.createEventType)},
		{http.MethodGet, eventTypesPath + "/new", c.private(webhook.ScopeManage, c.newEventType)},
		{http.MethodGet, eventTypePath, c.private(webhook.ScopeRead, c.eventType)},
		{http.MethodGet, eventTypePath + "/edit", c.private(webhook.ScopeManage, c.editEventType)},
		{http.MethodPost, eventTypePath + "/edit", c.private(webhook.ScopeManage, c.updateEventType)},
		{http.MethodPost, eventTypePath + "/delete", c.private(webhook.ScopeManage, c.deleteEventType)},
		{http.MethodGet, alertsPath, c.private(webhook.ScopeManage, c.alerts)},
		{http.MethodPost, alertsPath, c.private(webhook.ScopeManage, c.createAlertChannel)},
		{http.MethodGet, alertsPath + "/new", c.private(webhook.ScopeManage, c.newAlertChannel)},
		{http.MethodGet, alertPath + "/edit", c.private(webhook.ScopeManage, c.editAlertChannel)},
		{http.MethodPost, alertPath + "/edit", c.private(webhook.ScopeManage, c.updateAlertChannel)},
		{http.MethodPost, alertPath + "/test", c.private(webhook.ScopeManage, c.testAlertChannel)},
		{http.MethodPost, alertPath + "/delete", c.private(webhook.ScopeManage, c.deleteAlertChannel)},
		{http.MethodGet, apiKeysPath, c.private(webhook.ScopeManage, c.apiKeys)},
		{http.MethodPost, apiKeysPath, c.private(webhook.ScopeManage, c.createAPIKey)},
		{http.MethodGet, apiKeysPath + "/new", c.private(webhook.ScopeManage, c.newAPIKey)},
		{http.MethodPost, apiKeysPath + "/{id}/revoke", c.private(webhook.ScopeManage, c.revokeAPIKey)},
		{http.MethodGet, accountsPath, c.private(webhook.ScopeAdmin, c.accounts)},
		{http.MethodGet, accountsPath + "/new", c.private(webhook.ScopeAdmin, c.newAccount)},
		{http.MethodPost, accountsPath, c.private(webhook.ScopeAdmin, c.createAccount)},
		{http.MethodPost, deedPath, c.private(webhook.ScopeManage, c.deed)},
	}
}
