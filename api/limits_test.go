package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestPublishRate(t *testing.T) {
	t.Parallel()
	f := newFixtureWithRate(t, 1)
	newKey := func() string {
		body := `{"name":"Platform","scopes":["publish"]}`
		return decode[struct{ Key string }](f.call(http.MethodPost, "/v1/api-keys", body), 201).Key
	}
	publish := func(key string, events int) answer {
		body := batch(strings.Split(strings.Repeat(event+"\n", events-1)+event, "\n")...)
		return f.send(http.MethodPost, "/v1/events/batch", body, "Authorization", "Bearer "+key)
	}
	key := newKey()
	// A whole batch goes through at once, however low the rate.
	first := publish(key, webhook.MaxBatch)
	require.Equal(t, 202, first.status, first.text)
	require.Equal(t, `"publish";q=1000;w=1000`, first.header.Get("RateLimit-Policy"))
	require.Contains(t, first.header.Get("RateLimit"), `"publish";r=0;t=`)

	stored := f.rows()
	refused := publish(key, 500)
	p := requireProblem(refused, 429, "too_many_requests", nil)
	require.Equal(t, "This API key may publish 1 events a second; wait as long as Retry-After says.", p.Detail)
	wait, err := strconv.Atoi(refused.header.Get("Retry-After"))
	require.NoError(t, err)
	require.True(t, wait > 0 && wait <= 500, wait)
	require.Contains(t, refused.header.Get("RateLimit"), `"publish";r=`)
	require.Equal(t, stored, f.rows(), "nothing is stored")

	require.Equal(t, 202, publish(newKey(), 500).status, "another key has a rate of its own")
	require.Equal(t, 202, publish(adminKey, webhook.MaxBatch).status)
	unlimited := publish(adminKey, webhook.MaxBatch)
	require.Equal(t, 202, unlimited.status, "the admin key has none")
	require.Empty(t, unlimited.header.Get("RateLimit"))
}

func TestCompressedBodiesAreNotRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.rows()
	for _, encoding := range []string{"gzip", "br", "deflate, gzip"} {
		a := f.call(http.MethodPost, "/v1/events", event, "Content-Encoding", encoding)
		requireProblem(a, 415, "unsupported_media_type", nil)
	}
	require.Equal(t, before, f.rows())
	require.Equal(t, 202, f.call(http.MethodPost, "/v1/events", event, "Content-Encoding", "identity").status)
}

func TestBodiesAreJSON(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.rows()
	for _, contentType := range []string{"multipart/form-data; boundary=x", "text/plain", "text/json", "application/jsonp", "json", "\xff", ";"} {
		a := f.call(http.MethodPost, "/v1/events", event, "Content-Type", contentType)
		requireProblem(a, 415, "unsupported_media_type", nil)
	}
	require.Equal(t, before, f.rows())
	for _, contentType := range []string{"", "application/json", "Application/JSON; charset=utf-8", "application/json;", "application/x-www-form-urlencoded"} {
		require.Equal(t, 202, f.call(http.MethodPost, "/v1/events", event, "Content-Type", contentType).status, contentType)
	}
}

func TestWebhooksOfAnAccountAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.newWebhook(f.account)
	f.exec(`INSERT INTO webhooks (id, account_id, name, url, events, authentication, signing_secret)
		SELECT 'whk_' || n, account_id, name, url, events, authentication, signing_secret
		FROM webhooks, generate_series(2, $1) AS n`, webhook.MaxWebhooks)
	body, err := json.Marshal(map[string]any{"name": "One more", "url": endpoint, "events": []string{"*"}})
	require.NoError(t, err)
	p := requireProblem(f.call(http.MethodPost, "/v1/webhooks", string(body)), 409, "conflict", nil)
	require.Contains(t, p.Detail, fmt.Sprintf("has %d webhooks already", webhook.MaxWebhooks))
	require.Equal(t, 201, f.call(http.MethodPost, "/v1/webhooks", string(body), "X-Account", f.newAccount()).status)
	require.Equal(t, 204, f.call(http.MethodDelete, "/v1/webhooks/"+w.ID, "").status)
	require.Equal(t, 201, f.call(http.MethodPost, "/v1/webhooks", string(body)).status)
}
