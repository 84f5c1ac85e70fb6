package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestRootLeadsToTheDeliveries(t *testing.T) {
	t.Parallel()
	v := visit(t, &fakeService{}, adminKey)
	for _, path := range []string{"/", "/console", "/console/"} {
		got := v.get(path)
		assert.Equal(t, http.StatusSeeOther, got.status, path)
		assert.Equal(t, "/console/webhooks", got.header.Get("Location"), path)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	v := signedIn(t, &fakeService{})
	for _, path := range []string{"/console/sign-in", "/console/deliveries", "/console/nothing"} {
		got := v.get(path)
		assert.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "+
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'", got.header.Get("Content-Security-Policy"), path)
		assert.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", got.header.Get("Referrer-Policy"), path)
		assert.Equal(t, "no-store", got.header.Get("Cache-Control"), path)
		assert.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"), path)
		assert.Empty(t, got.page.Find("style, [style], script:not([src]), [onclick], [onload]").Nodes, path)
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	v := signedIn(t, &fakeService{deliveries: []webhook.Delivery{delivery(nil)}})
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	seen := map[string]bool{}
	for _, path := range []string{"/console/sign-in", "/console/deliveries"} {
		v.get(path).page.Find("link[href], script[src], img[src]").Each(func(_ int, found *goquery.Selection) {
			address := found.AttrOr("href", found.AttrOr("src", ""))
			asset := v.get(address)
			require.Equal(t, http.StatusOK, asset.status, address)
			extension := address[strings.LastIndexByte(address, '.'):]
			assert.Equal(t, types[extension], asset.header.Get("Content-Type"))
			assert.Contains(t, asset.header.Get("Cache-Control"), "immutable")
			assert.NotEmpty(t, asset.body)
			seen[extension] = true
		})
	}
	assert.Len(t, seen, 3)
	got := v.get("/console/assets/console.000000000000.css")
	assert.Equal(t, http.StatusNotFound, got.status)
	assert.Equal(t, "no-store", got.header.Get("Cache-Control"))
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	stranger := visit(t, &fakeService{}, adminKey)
	got := stranger.get("/console/nothing/here")
	assert.Equal(t, http.StatusNotFound, got.status)
	assert.Equal(t, "Not found", got.text("h1"))
	assert.Empty(t, got.page.Find("header form, footer").Nodes)

	v := signedIn(t, &fakeService{})
	assert.NotEmpty(t, v.get("/console/nothing").page.Find("header form").Nodes)
	got = v.get("/console/deliveries/dlv_x/retry")
	assert.Equal(t, http.StatusMethodNotAllowed, got.status)
	assert.Contains(t, got.text("main"), "does not answer GET requests")
}

func TestCausesStayInTheLog(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	v := signedIn(t, s)
	s.err = errors.New("pq: password authentication failed for user durahook")
	for _, path := range []string{"/console/deliveries", "/console/deliveries/live"} {
		got := v.get(path)
		assert.Equal(t, http.StatusInternalServerError, got.status)
		assert.Equal(t, "Something went wrong", got.text("h1"))
		assert.NotContains(t, got.body, "pq:")
	}
	assert.Contains(t, v.log.String(), "password authentication failed")
}

func TestVisitorsWhoLeaveAreNoErrors(t *testing.T) {
	t.Parallel()
	s := &fakeService{}
	v := signedIn(t, s)
	s.err = context.Canceled
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v.do(httptest.NewRequestWithContext(ctx, http.MethodGet, "/console/deliveries", nil))
	assert.NotContains(t, v.log.String(), "level=ERROR")
}

func TestHead(t *testing.T) {
	t.Parallel()
	v := signedIn(t, &fakeService{})
	assert.Equal(t, http.StatusOK, v.do(httptest.NewRequest(http.MethodHead, "/console/deliveries", nil)).status)
}
