package api_test

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

const (
	// specSeed decides on every request of the fuzz test. Change it to have others.
	specSeed = 3
	// specRequests is how many requests each operation gets.
	specRequests = 120
	// specSlowRequests is how many, where the answer may be that Temporal is down: each takes a while to find that out.
	specSlowRequests = 40
)

// specFuzz sends requests to one operation, from one account while another looks on.
type specFuzz struct {
	*keysFixture
	*specValues
	method, path string
	item         *openapi3.PathItem
	operation    *openapi3.Operation
	key, keyID   string
	pool         map[string][]string // IDs of what the account has, by their prefix
	alienRows    []string
	secrets      []string        // what another account has and no request names
	named        map[string]bool // what another account has and a request has named
	stored       string          // the fingerprint of everything after the last request
}

// Requests are generated from the OpenAPI document, good ones and spoiled ones, and sent to the API while Temporal is
// down. None is answered with 500, each is answered as documented, none that is refused leaves anything behind, and
// none reaches another account.
func TestSpecFuzz(t *testing.T) {
	t.Parallel()
	document := parseDocument(t)
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			t.Run(operation.OperationID, func(t *testing.T) {
				t.Parallel()
				newSpecFuzz(t, method, path, item, operation).run()
			})
		}
	}
}

func newSpecFuzz(t *testing.T, method, path string, item *openapi3.PathItem, operation *openapi3.Operation) *specFuzz {
	t.Helper()
	hash := fnv.New64a()
	_, err := hash.Write([]byte(operation.OperationID))
	require.NoError(t, err)
	t.Logf("seed %d, %d", specSeed, hash.Sum64())
	f := &specFuzz{keysFixture: newKeysFixture(t), method: method, path: path, item: item, operation: operation, pool: map[string][]string{}, named: map[string]bool{}}
	key := f.newKey(f.account, webhook.Scopes()...)
	f.key, f.keyID = key.Key, key.ID
	alien := f.things(f.rival)
	alien[byName] = "rival.secret"
	f.secrets = []string{"Rival's sync", "Rival's description", "https://9.9.9.9/rival", "Rival's payload"}
	f.exec(`UPDATE webhooks SET name = $1, url = $2 WHERE account_id = $3`, f.secrets[0], f.secrets[2], f.rival)
	f.exec(`UPDATE event_types SET name = $1, description = $2 WHERE account_id = $3`, alien[byName], f.secrets[1], f.rival)
	published := strings.Replace(keysEvent, "{}", `{"text":"`+f.secrets[3]+`"}`, 1)
	require.Equal(t, 202, f.do(keysAdminKey, http.MethodPost, "/v1/events", published, "X-Account", f.rival).status)
	f.specValues = &specValues{random: rand.New(rand.NewPCG(specSeed, hash.Sum64())), ids: f.known}
	for _, prefix := range slices.Sorted(maps.Keys(alien)) {
		f.alien = append(f.alien, alien[prefix])
	}
	own := f.things(f.account)
	for prefix, id := range own {
		f.pool[prefix] = append(f.pool[prefix], id)
	}
	f.alienRows = f.rowsOf(f.rival)
	require.NotEmpty(t, f.alienRows)
	f.stored = f.fingerprint()
	return f
}

// known returns an ID of what the account has; one of nothing when it has no such thing any more.
func (f *specFuzz) known(prefix string) string {
	if ids := f.pool[prefix]; len(ids) > 0 {
		return pick(f.specValues, ids)
	}
	return webhook.NewID(prefix)
}

func (f *specFuzz) run() {
	f.t.Helper()
	requests, succeeded := specRequests, 0
	if slices.Contains([]string{"testWebhook", "testAlertChannel", "retryDelivery"}, f.operation.OperationID) {
		requests = specSlowRequests
	}
	for range requests {
		request, text := f.request()
		recorder := httptest.NewRecorder()
		f.handler.ServeHTTP(recorder, request)
		f.check(request, text, recorder)
		if recorder.Code < http.StatusBadRequest {
			succeeded++
		}
		if f.t.Failed() {
			f.t.Fatalf("after the request %s %s %q\n%.3000q\n\nanswer %d: %.2000s", request.Method, request.URL, request.Header, text, recorder.Code, recorder.Body)
		}
	}
	require.Equal(f.t, f.alienRows, f.rowsOf(f.rival), "the other account has what it had")
	f.t.Logf("%d of %d requests succeeded", succeeded, requests)
}

// request returns the next request and its body.
func (f *specFuzz) request() (request *http.Request, body string) {
	f.t.Helper()
	kind := f.random.IntN(8) // 0 and 1 spoil nothing, the others mostly one part
	target := f.pathOf(kind == 2) + f.query(kind == 3)
	body = f.body(kind >= 5)
	request, err := http.NewRequestWithContext(f.t.Context(), f.method, target, strings.NewReader(body))
	require.NoError(f.t, err, target)
	request.Header.Set("Authorization", "Bearer "+f.key)
	if f.isAdmins() || f.random.IntN(6) == 0 {
		request.Header.Set("Authorization", "Bearer "+keysAdminKey)
		request.Header.Set("X-Account", f.account)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if kind == 4 {
		f.spoilHeader(request)
	}
	return request, body
}

// isAdmins tells whether the operation is for the admin only, who sees all accounts.
func (f *specFuzz) isAdmins() bool {
	for _, requirement := range *f.operation.Security {
		if slices.Equal(requirement["key"], []string{string(webhook.ScopeAdmin)}) {
			return len(*f.operation.Security) == 1
		}
	}
	return false
}

func (f *specFuzz) pathOf(spoiled bool) string {
	segments := strings.Split(f.path, "/")
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		for _, parameter := range f.item.Parameters {
			if "{"+parameter.Value.Name+"}" != segment {
				continue
			}
			id := f.known(byName)
			if isID(parameter.Value.Schema.Value) {
				id = f.known(parameter.Value.Schema.Value.Pattern[1:4])
			}
			if spoiled {
				id = pick(f.specValues, append(odd(), f.alien...))
			}
			segments[i] = url.PathEscape(id)
		}
	}
	return strings.Join(segments, "/")
}

func (f *specFuzz) query(spoiled bool) string {
	var pairs []string
	for _, parameter := range f.operation.Parameters {
		if p := parameter.Value; p.In == openapi3.ParameterInQuery && f.random.IntN(3) == 0 {
			var value string
			switch {
			case spoiled:
				value = pick(f.specValues, append(odd(), f.alien...))
			case p.Name == "cursor":
				continue
			case isID(p.Schema.Value):
				value = f.known(p.Schema.Value.Pattern[1:4])
			default:
				value = strings.Trim(encode(f.value(p.Schema.Value)), `"`)
			}
			pairs = append(pairs, p.Name+"="+url.QueryEscape(value))
		}
	}
	if spoiled {
		pairs = append(pairs, pick(f.specValues, []string{
			"", "", "", "unknown=1", "limit=1&limit=2", "limit=%zz", "limit=1;x=2", "%00=%00", "=", "&", "q=%ff", "limit[]=1", "event=call.ended&event=x", "limit=",
			"since=&until=", "a%2Fb=1", url.QueryEscape(odd()[0]) + "=1", "q=" + strings.Repeat("x", 5000),
		}))
	}
	if len(pairs) == 0 {
		return ""
	}
	return "?" + strings.Join(pairs, "&")
}

func (f *specFuzz) body(spoiled bool) string {
	f.t.Helper()
	if f.operation.RequestBody == nil {
		if spoiled {
			return pick(f.specValues, []string{"", "x", "{}", `{"a":1}`})
		}
		return ""
	}
	if !f.operation.RequestBody.Value.Required && f.random.IntN(4) == 0 {
		return ""
	}
	value := f.value(f.operation.RequestBody.Value.Content["application/json"].Schema.Value)
	whole := f.random.IntN(8) == 0
	if spoiled && !whole {
		for range 1 + f.random.IntN(3) {
			value = f.spoil(copyOf(value))
		}
	}
	// An address that needs no look-up, and names that are not taken yet.
	text := strings.NewReplacer("login.example.com", "8.8.4.4", "example.com", "8.8.8.8").Replace(encode(value))
	if f.operation.OperationID == "createEventType" && f.maybe() {
		text = strings.ReplaceAll(text, `"name":"call.ended"`, `"name":"made.up`+strconv.Itoa(f.random.IntN(1000))+`"`)
	}
	if spoiled && whole {
		blank := " "
		if !f.operation.RequestBody.Value.Required {
			blank = "" // as good as left out
		}
		return pick(f.specValues, []string{
			"", blank, "null", "[]", "7", text[:len(text)/2], text + text, "\ufeff" + text, text + "\x00", "[" + text + "]", "\xff" + text, text + "//",
			strings.Repeat(" ", 300<<10) + text, "event=call.ended&data=", `{"a":1}`, "{}", strings.Repeat("[", 100_000), encodeText(text),
		})
	}
	return text
}

// copyOf returns a value that shares nothing with the document's examples.
func copyOf(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any)
		for name, field := range value {
			copied[name] = copyOf(field)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, element := range value {
			copied[i] = copyOf(element)
		}
		return copied
	default:
		return value
	}
}

func (f *specFuzz) spoilHeader(request *http.Request) {
	pair := pick(f.specValues, [][2]string{
		{"Content-Type", "text/plain"}, {"Content-Type", ""}, {"Content-Type", "application/json; charset=latin1"}, {"Content-Type", "application/json;"},
		{"Content-Type", "application/x-www-form-urlencoded"}, {"Content-Type", "multipart/form-data"}, {"Content-Type", "\xff"}, {"Content-Encoding", "gzip"},
		{"Content-Encoding", "identity"}, {"Content-Encoding", "x, y"}, {"X-Account", "nobody"}, {"X-Account", "\xff"}, {"X-Account", f.rival},
		{"Idempotency-Key", "a"}, {"Idempotency-Key", ""}, {"Idempotency-Key", "\xff"}, {"Idempotency-Key", "ü"}, {"Idempotency-Key", strings.Repeat("k", 256)},
		{"Idempotency-Key", "'; DROP TABLE idempotency_keys; --"}, {"Idempotency-Key", "a\tb"}, {"Accept", "text/html"}, {"Accept", "*/*;q=0"},
		{"Range", "bytes=0-9"}, {"Range", "bytes=99999999-"}, {"Range", "bytes=0-1,3-4"}, {"If-Match", `"x"`}, {"If-None-Match", "*"}, {"If-Unmodified-Since", "x"},
		{"X-Http-Method-Override", "DELETE"}, {"X-Forwarded-For", "127.0.0.1"}, {"Host", "evil.example"}, {"Transfer-Encoding", "chunked"}, {"Expect", "100-continue"},
		{"Accept-Encoding", "gzip"}, {"Cookie", strings.Repeat("c=1; ", 1000)}, {"Authorization", "Basic eDp5"}, {"Authorization", "Bearer"}, {"Authorization", "Bearer \xff"},
		{"Authorization", "bearer " + f.key}, {"Authorization", "Bearer " + f.key + " "}, {"Authorization", ""}, {"Authorization", "Bearer dhk_" + strings.Repeat("a", 9000)},
	})
	request.Header.Set(pair[0], pair[1])
	if f.random.IntN(4) == 0 {
		request.Header.Add(pair[0], pair[1])
	}
}

func (f *specFuzz) check(request *http.Request, text string, recorder *httptest.ResponseRecorder) {
	f.t.Helper()
	answer := keysAnswer{t: f.t, status: recorder.Code, header: recorder.Header(), text: recorder.Body.String()}
	needsTemporal := slices.Contains([]string{"testWebhook", "testAlertChannel", "retryDelivery", "getReadiness"}, f.operation.OperationID)
	require.True(f.t, answer.status < 500 || answer.status == 503 && needsTemporal, "not our mistake")
	f.checkAliens(request, text, answer)
	switch {
	case answer.status < 400:
		f.harvest(answer.text)
		f.stored = f.fingerprint()
	case answer.status == 503: // a test that could not be sent stands as cancelled
		f.stored = f.fingerprint()
	default:
		f.checkRefused(request, answer)
	}
}

// checkAliens looks for what the other account has, unless a request named it: the fuzz may have stored it itself.
// The admin sees all accounts.
func (f *specFuzz) checkAliens(request *http.Request, text string, answer keysAnswer) {
	f.t.Helper()
	isAdmin := strings.Contains(request.Header.Get("Authorization"), keysAdminKey)
	if f.isAdmins() || isAdmin && request.Header.Get("X-Account") == f.rival {
		return
	}
	sent := request.URL.Path + request.URL.RawQuery + text + request.Header.Get("X-Account")
	for _, alien := range f.alien {
		f.named[alien] = f.named[alien] || strings.Contains(sent, alien)
		require.True(f.t, f.named[alien] || !strings.Contains(answer.text, alien), "%s is another account's", alien)
	}
	for _, secret := range f.secrets {
		require.NotContains(f.t, answer.text, secret)
	}
}

func (f *specFuzz) checkRefused(request *http.Request, answer keysAnswer) {
	f.t.Helper()
	var refused problem
	answer.as(answer.status, &refused)
	require.Equal(f.t, "application/problem+json", answer.header.Get("Content-Type"))
	require.Equal(f.t, answer.status, refused.Status)
	require.NotEmpty(f.t, refused.Detail)
	switch webhook.Code(refused.Code) {
	case webhook.CodeInvalid:
		require.NotEmpty(f.t, refused.Errors, "fields are told when fields are wrong")
	case webhook.CodeConflict: // of a field that is taken, or of what goes on
	default:
		require.Empty(f.t, refused.Errors)
	}
	for _, field := range refused.Errors {
		require.Regexp(f.t, `^/`, field.Pointer)
		require.NotEmpty(f.t, field.Detail)
	}
	require.Equal(f.t, f.stored, f.fingerprint(), "nothing is stored by what is refused: %s", request.URL)
}

// harvest notes the IDs of what the account has, except that of the key in use, which has to stay valid.
func (f *specFuzz) harvest(text string) {
	if f.isAdmins() {
		return
	}
	for _, id := range regexp.MustCompile(`\b[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}\b`).FindAllString(text, 20) {
		if id != f.keyID && !slices.Contains(f.alien, id) && !slices.Contains(f.pool[id[:3]], id) {
			f.pool[id[:3]] = append(f.pool[id[:3]], id)
		}
	}
}

// fingerprint tells apart any two contents of the database, but for when keys were last used.
func (f *specFuzz) fingerprint() (sum string) {
	f.t.Helper()
	require.NoError(f.t, f.store.DB().GetContext(f.t.Context(), &sum, `
		SELECT string_agg(name || ':' || (xpath('/row/f/text()', query_to_xml(format(
			'SELECT count(*) || ''/'' || coalesce(sum(hashtextextended((to_jsonb(row) - ''last_used_at'')::text, 0)), 0) AS f FROM %I AS row', name),
			false, true, '')))[1]::text, ' ' ORDER BY name)
		FROM (SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public') AS tables`))
	return sum
}

// rowsOf returns everything that is stored of one account only.
func (f *specFuzz) rowsOf(account string) []string {
	f.t.Helper()
	var rows []string
	for _, row := range strings.Split(f.dump(), "\n") {
		if strings.Contains(row, account) && !strings.Contains(row, f.account) {
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return rows
}
