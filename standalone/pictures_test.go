package main

import (
	"flag"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/app"
)

var pictures = flag.String("pictures", "", "the directory to write pictures of the console to")

// TestPictures takes the pictures that README and docs show: make pictures.
func TestPictures(t *testing.T) {
	t.Parallel()
	if *pictures == "" {
		t.Skip("pictures are only taken when asked for: make pictures")
	}
	w, a := newAccount(t)
	var err error
	a.url, err = w.open(app.Roles{API: true}, "0s,1s,5m,30m,2h,12h") // the schedule, but for a wait that is over
	require.NoError(t, err)
	overloaded := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		<-time.After(240 * time.Millisecond) // so that there is something to see of where the time went
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":"overloaded","message":"Come back in some minutes."}`)
	})
	pages := a.samples(newEndpoint(t, answering(200)).URL, overloaded.URL)
	b := openBrowser(t, a.url)
	b.signIn(a.keyFor("manage", "publish", "read"))
	b.do(chromedp.EmulateViewport(1440, 900)) // where the lists are tables
	for i, name := range []string{"webhooks", "webhook", "console", "delivery-page"} {
		for suffix, scheme := range map[string]string{"": "light", "-dark": "dark"} {
			b.paints(scheme)
			b.open(pages[i])
			if i > 0 {
				b.sees("Live")
			}
			b.takePicture(name + suffix)
		}
	}
	takePicturesOfTheWebUI(t, w, path.Base(pages[3]))
}

// takePicturesOfTheWebUI shows what an operator does there with a delivery that waits: read, retry, reset.
func takePicturesOfTheWebUI(t *testing.T, w *world, delivery string) {
	t.Helper()
	b := openBrowser(t, w.infrastructure.UIURL())
	b.do(chromedp.EmulateViewport(1440, 900))
	b.open("/namespaces/default/workflows/" + delivery)
	b.press("a", "User Metadata")
	const told = `[...document.querySelectorAll("iframe")].map((part) => part.contentDocument?.body?.innerText).join()`
	require.True(t, eventually(patience, func() bool { return strings.Contains(evaluate[string](b, told), "attempt 2 of 6 failed") }))
	b.takePicture("temporal-ui")
	for name, steps := range map[string][2]string{
		"temporal-ui-signal": {"signal-button", "signal-select-button"}, "temporal-ui-reset": {"reset-button", "workflow-reset-event-id-select-button"},
	} {
		b.open("/namespaces/default/workflows/" + delivery)
		b.clicks("button", "More Actions")
		for _, step := range steps {
			b.clicks(`[data-testid="`+step+`"]`, "")
		}
		require.True(t, eventually(patience, func() bool {
			return evaluate[bool](b, `[...document.querySelectorAll("dialog[open] li[role=option]")].some((one) => one.checkVisibility())`)
		}))
		b.takePicture(name)
	}
}

// takePicture writes what the browser shows to the directory of the pictures.
func (b *tab) takePicture(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(*pictures, name+".png"), picture, 0o600))
}
