package console_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/gorilla/mux"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/console"
	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// pageSize is how many entries a page of a list has.
const pageSize = 25

const adminKey = "an-admin-key-of-the-tests"

// fakeService answers from memory and notes what it was asked. What it does not know of panics: pages with that are
// tested over a real one.
type fakeService struct {
	console.Service

	mu         sync.Mutex
	deliveries []webhook.Delivery // newest first
	webhooks   []webhook.Webhook
	hours      []webhook.Hour   // of every webhook
	changed    *webhook.Webhook // what UpdateWebhook, and its like, made of it
	saveErr    error            // of creating and changing webhooks
	test       service.TestResult
	accounts   []webhook.Account // that the admin has; acc_test need not be among them
	keys       map[string]*fakeKey
	uiURL      string
	err        error // of every call
	retryErr   error
	retryFails func(id string) bool // which retries end with retryErr; nil for all

	inspection service.Inspection // of its delivery's ID, in acc_test
	cancelErr  error

	accountID    string               // that was asked for last
	filter       store.DeliveryFilter // of the last list
	page         store.Page
	retried      []string
	cancels      []string
	stats        webhook.Stats
	statsSince   time.Time // of the last stats
	recoveries   []webhook.Recovery
	recoverErr   error
	recoverable  int // how many deliveries match
	recovered    []webhook.RecoveryDefinition
	cancelledRec []string
}

func (f *fakeService) Account(ctx context.Context, id string) (string, error) {
	if f.err != nil || id == "" {
		return "acc_test", f.err
	}
	account, err := f.AccountByID(ctx, id)
	return account.ID, err
}

func (f *fakeService) AccountByID(_ context.Context, id string) (webhook.Account, error) {
	for _, account := range f.accounts {
		if account.ID == id {
			return account, f.err
		}
	}
	return webhook.Account{}, webhook.NotFound(webhook.AccountPrefix, id)
}

func (f *fakeService) Accounts(_ context.Context, page store.Page) ([]webhook.Account, error) {
	return slices.Clone(f.accounts[:min(len(f.accounts), page.Limit)]), f.err
}

func (f *fakeService) Authenticate(ctx context.Context, text string) (webhook.Principal, error) {
	for id, key := range f.keys {
		if text == key.text {
			return f.PrincipalOfAPIKey(ctx, id)
		}
	}
	return webhook.Principal{}, &webhook.Error{Code: webhook.CodeUnauthorized, Message: "This API key is not valid."}
}

func (f *fakeService) PrincipalOfAPIKey(_ context.Context, id string) (webhook.Principal, error) {
	key, ok := f.keys[id]
	if !ok || key.revoked {
		return webhook.Principal{}, &webhook.Error{Code: webhook.CodeUnauthorized, Message: "This API key was revoked or has expired."}
	}
	return webhook.Principal{AccountID: key.accountID, KeyID: id, KeyName: key.name, Scopes: key.scopes}, nil
}

// fakeKey is an API key of the fake service.
type fakeKey struct {
	text, name, accountID string
	scopes                []webhook.Scope
	revoked               bool
}

// signedInWith returns a visitor who is, with an API key of these scopes in the account acc_test.
func signedInWith(t *testing.T, s *fakeService, scopes ...webhook.Scope) *visitor {
	t.Helper()
	if s.keys == nil {
		s.keys = map[string]*fakeKey{}
	}
	s.keys["key_test"] = &fakeKey{text: "dhk_test", name: "Billing service", accountID: "acc_test", scopes: scopes}
	v := visit(t, s, adminKey)
	require.Equal(t, http.StatusSeeOther, v.signIn("dhk_test").status)
	return v
}

func (f *fakeService) Deliveries(_ context.Context, accountID string, filter store.DeliveryFilter, page store.Page) ([]webhook.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accountID, f.filter, f.page = accountID, filter, page
	return f.deliveries[:min(len(f.deliveries), page.Limit)], f.err
}

func (f *fakeService) SearchAccounts(ctx context.Context, _ string, page store.Page) ([]webhook.Account, error) {
	return f.Accounts(ctx, page)
}

func (f *fakeService) AccountsWith(ctx context.Context, _ string, most int) ([]webhook.Account, error) {
	return f.Accounts(ctx, store.Page{Limit: most})
}

func (f *fakeService) setDeliveries(deliveries ...webhook.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deliveries = deliveries
}

func (f *fakeService) Webhooks(_ context.Context, _ string, page store.Page) ([]webhook.Webhook, error) {
	return f.webhooks[:min(len(f.webhooks), page.Limit)], f.err
}

func (f *fakeService) Webhook(_ context.Context, accountID, id string) (webhook.Webhook, error) {
	for _, w := range f.webhooks {
		if w.ID == id && accountID == "acc_test" {
			return w, f.err
		}
	}
	return webhook.Webhook{}, webhook.NotFound(webhook.WebhookPrefix, id)
}

func (f *fakeService) WebhookStats(_ context.Context, _, _ string, since, _ time.Time, _ int) (webhook.Stats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statsSince = since
	return f.stats, f.err
}

func (f *fakeService) AccountStats(_ context.Context, accountID string, since, _ time.Time, _ int) (webhook.Stats, error) {
	f.accountID, f.statsSince = accountID, since
	stats := f.stats
	stats.WebhookID = ""
	return stats, f.err
}

func (f *fakeService) Recoveries(context.Context, string, string, store.Page) ([]webhook.Recovery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recoveries, f.err
}

func (f *fakeService) Recoverable(_ context.Context, accountID, webhookID string, d webhook.RecoveryDefinition, _ int) (webhook.Recovery, int, error) {
	recovery, err := webhook.DefineRecovery(accountID, webhookID, d, time.Now())
	if err == nil {
		err = f.recoverErr
	}
	return recovery, f.recoverable, err
}

func (f *fakeService) Recover(_ context.Context, _, _ string, d webhook.RecoveryDefinition) (webhook.Recovery, error) {
	f.recovered = append(f.recovered, d)
	since, _ := webhook.ParseTime(d.Since)
	return webhook.Recovery{Since: since}, f.recoverErr
}

func (f *fakeService) CancelRecovery(_ context.Context, _, id string) (webhook.Recovery, error) {
	f.cancelledRec = append(f.cancelledRec, id)
	return webhook.Recovery{ID: id, Matched: 312, Retried: 120}, f.recoverErr
}

func (f *fakeService) WebhooksWithHours(ctx context.Context, accountID, text string, page store.Page) (found []service.WebhookHours, err error) {
	f.accountID, f.page, f.filter.Query = accountID, page, text
	webhooks, err := f.Webhooks(ctx, accountID, page)
	for _, w := range webhooks {
		found = append(found, service.WebhookHours{Webhook: w, Hours: f.hours})
	}
	return found, err
}

func (f *fakeService) CreateWebhook(_ context.Context, accountID string, d webhook.Definition) (webhook.Webhook, error) {
	if f.saveErr != nil {
		return webhook.Webhook{}, f.saveErr
	}
	w, err := webhook.Define(accountID, d, webhook.BuiltIn, false)
	if err == nil {
		f.changed = &w
	}
	return w, err
}

func (f *fakeService) change(ctx context.Context, accountID, id string, change func(*webhook.Webhook) error) (webhook.Webhook, error) {
	w, err := f.Webhook(ctx, accountID, id)
	if err != nil {
		return w, err
	}
	if err := change(&w); err != nil {
		return w, err
	}
	f.changed = &w
	return w, nil
}

func (f *fakeService) UpdateWebhook(ctx context.Context, accountID, id string, patch webhook.Patch) (webhook.Webhook, error) {
	return f.change(ctx, accountID, id, func(w *webhook.Webhook) error { return patch.Apply(w, webhook.BuiltIn, false) })
}

func (f *fakeService) EnableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	return f.change(ctx, accountID, id, func(w *webhook.Webhook) error { w.Enable(); return nil })
}

func (f *fakeService) DisableWebhook(ctx context.Context, accountID, id string) (webhook.Webhook, error) {
	return f.change(ctx, accountID, id, func(w *webhook.Webhook) error { w.Disable(webhook.DisabledByOwner); return nil })
}

func (f *fakeService) RotateSecret(ctx context.Context, accountID, id string, rotation webhook.Rotation) (webhook.Webhook, error) {
	return f.change(ctx, accountID, id, func(w *webhook.Webhook) error {
		secret, err := rotation.NewSecret(w.SigningSecret.Algorithm())
		if err != nil {
			return err
		}
		return w.Rotate(secret, time.Now())
	})
}

func (f *fakeService) DeleteWebhook(ctx context.Context, accountID, id string) error {
	_, err := f.Webhook(ctx, accountID, id)
	f.webhooks = slices.DeleteFunc(f.webhooks, func(w webhook.Webhook) bool { return err == nil && w.ID == id })
	return err
}

func (f *fakeService) TestWebhook(ctx context.Context, accountID, id string, request webhook.TestRequest) (service.TestResult, error) {
	w, err := f.Webhook(ctx, accountID, id)
	if err != nil {
		return service.TestResult{}, err
	}
	if _, err := request.EventType(w, []string{"call.ended", "call.started"}); err != nil {
		return service.TestResult{}, err
	}
	return f.test, nil
}

func (f *fakeService) EventTypes(context.Context, string, store.Page) ([]webhook.EventType, error) {
	return []webhook.EventType{{Name: "call.ended"}, {Name: "call.started"}}, f.err
}

func (f *fakeService) SearchEventTypes(ctx context.Context, accountID, _ string, page store.Page) ([]webhook.EventType, error) {
	return f.EventTypes(ctx, accountID, page)
}

func (f *fakeService) Inspect(_ context.Context, accountID, id string) (service.Inspection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil && (id != f.inspection.Delivery.ID || accountID != "acc_test") {
		return service.Inspection{}, webhook.NotFound(webhook.DeliveryPrefix, id)
	}
	return f.inspection, f.err
}

func (f *fakeService) Cancel(_ context.Context, _, id string) (webhook.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancelErr != nil {
		return webhook.Delivery{}, f.cancelErr
	}
	f.cancels = append(f.cancels, id)
	return webhook.Delivery{ID: id, Event: "call.ended", WebhookName: "Salesforce Sync", Status: webhook.StatusCancelled}, nil
}

func (f *fakeService) Retry(_ context.Context, accountID, id string) (webhook.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.retryErr != nil && (f.retryFails == nil || f.retryFails(id)) {
		return webhook.Delivery{}, f.retryErr
	}
	f.accountID, f.retried = accountID, append(f.retried, id)
	return webhook.Delivery{ID: id, Event: "call.ended", WebhookName: "Salesforce Sync"}, nil
}

func (f *fakeService) WorkflowURL(id string) string {
	if f.uiURL == "" {
		return ""
	}
	return f.uiURL + "/namespaces/default/workflows/" + id
}

func (f *fakeService) SearchLinks(accountID, webhookID string) []service.SearchLink {
	return service.New(service.Options{Namespace: "default", UIURL: f.uiURL}).SearchLinks(accountID, webhookID)
}

// visitor is a browser without scripts: it keeps cookies and follows no redirect by itself.
type visitor struct {
	t       *testing.T
	handler http.Handler
	log     *bytes.Buffer
	cookies map[string]*http.Cookie
	header  http.Header // sent with every request
	address string
}

func visit(t *testing.T, s console.Service, key string) *visitor {
	t.Helper()
	return visitConsole(t, s, key, new(*console.Console))
}

// visitConsole is visit and says which console is visited.
func visitConsole(t *testing.T, s console.Service, key string, pages **console.Console) *visitor {
	t.Helper()
	log := new(bytes.Buffer)
	router := mux.NewRouter()
	*pages = console.New(s, key, slog.New(slog.NewTextHandler(log, nil)))
	(*pages).Register(router)
	return &visitor{
		t: t, handler: router, log: log, cookies: map[string]*http.Cookie{},
		header: http.Header{}, address: "192.0.2.7:40000",
	}
}

// signedIn returns a visitor who is.
func signedIn(t *testing.T, s console.Service) *visitor {
	t.Helper()
	v := visit(t, s, adminKey)
	require.Equal(t, http.StatusSeeOther, v.signIn(adminKey).status)
	return v
}

func (v *visitor) signIn(key string) *answer {
	v.t.Helper()
	return v.post("/console/sign-in", url.Values{"key": {key}})
}

func (v *visitor) get(path string) *answer {
	v.t.Helper()
	return v.do(httptest.NewRequest(http.MethodGet, path, nil))
}

func (v *visitor) post(path string, form url.Values) *answer {
	v.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

func (v *visitor) do(r *http.Request) *answer {
	v.t.Helper()
	r.RemoteAddr = v.address
	for name, values := range v.header {
		r.Header[name] = values
	}
	for _, cookie := range v.cookies {
		r.AddCookie(cookie)
	}
	recorder := httptest.NewRecorder()
	v.handler.ServeHTTP(recorder, r)
	response := recorder.Result()
	defer func() { require.NoError(v.t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(v.t, err)
	for _, cookie := range response.Cookies() {
		if cookie.MaxAge < 0 {
			delete(v.cookies, cookie.Name)
		} else {
			v.cookies[cookie.Name] = cookie
		}
	}
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(body))
	require.NoError(v.t, err)
	return &answer{t: v.t, status: response.StatusCode, header: response.Header, cookies: response.Cookies(), body: string(body), page: page}
}

// answer is what a visitor sees.
type answer struct {
	t       *testing.T
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
	page    *goquery.Document
}

// text returns the text of what the selector finds, with single spaces.
func (a *answer) text(selector string) string {
	return strings.Join(strings.Fields(a.page.Find(selector).Text()), " ")
}

// texts returns the text of each element that the selector finds.
func (a *answer) texts(selector string) []string {
	return a.page.Find(selector).Map(func(_ int, found *goquery.Selection) string {
		return strings.Join(strings.Fields(found.Text()), " ")
	})
}

// attr returns an attribute of the first element that the selector finds, which has to have it.
func (a *answer) attr(selector, name string) string {
	a.t.Helper()
	value, ok := a.page.Find(selector).First().Attr(name)
	require.True(a.t, ok, "%s has no %s", selector, name)
	return value
}

func parseInt(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}

// delivery returns a delivered delivery with the changes made to it.
func delivery(change func(*webhook.Delivery)) webhook.Delivery {
	outcome, code, ms := webhook.OutcomeSuccess, 200, 87
	d := webhook.Delivery{
		ID: webhook.NewID(webhook.DeliveryPrefix), WebhookName: "Salesforce Sync", Event: "call.ended",
		Status: webhook.StatusDelivered, AttemptCount: 1, Outcome: &outcome, StatusCode: &code, ResponseTimeMS: &ms,
		CreatedAt: time.Date(2026, 2, 2, 15, 30, 5, 0, time.FixedZone("CET", 3600)),
	}
	if change != nil {
		change(&d)
	}
	return d
}
