package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var pictures = flag.String("pictures", "", "the directory to write pictures of the console to")

// TestPictures takes the pictures that README and docs show: make pictures.
func TestPictures(t *testing.T) {
	t.Parallel()
	if *pictures == "" {
		t.Skip("pictures are only taken when asked for: make pictures")
	}
	w, a := newAccount(t)
	pages := a.samples(newEndpoint(t, answering(200)).URL, newEndpoint(t, answering(503)).URL)
	b := openBrowser(t, w.serve)
	b.signIn(a.keyFor("manage", "publish", "read"))
	b.do(chromedp.EmulateViewport(1440, 900)) // where the lists are tables
	for i, name := range []string{"webhooks", "webhook", "console", "delivery-page"} {
		for suffix, scheme := range map[string]string{"": "light", "-dark": "dark"} {
			b.paints(scheme)
			b.open(pages[i])
			if i > 0 {
				b.sees("Live")
			}
			picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(*pictures, name+suffix+".png"), picture, 0o600))
		}
	}
}
