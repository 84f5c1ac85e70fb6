package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// tab is a tab of a real browser. It fails the test on everything unexpected.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string // of the server

	mu       sync.Mutex
	mistakes []string // what the browser found wrong with the pages: exceptions, violations of their policy
}

// openBrowser starts a browser with one tab. Without Chromium the test is skipped, except in CI, which installs it.
func openBrowser(t *testing.T, url string) *tab {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		require.Empty(t, os.Getenv("CI"), "there is no chromium: .ci/run has to install it")
		t.Skip("not tested, for want of chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(program), chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to use it as root
	}
	allocator, cancel := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, url: url}
	require.NoError(t, chromedp.Listen(ctx, b.listen))
	b.do(chromedp.EmulateViewport(1200, 900))
	return b
}

// listen notes what the browser complains of. That a form with mistakes is answered with 422 is none of it.
func (b *tab) listen(event any) {
	mistake := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		mistake = e.ExceptionDetails.Text
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && e.Entry.Source != cdplog.EntrySourceNetwork {
			mistake = e.Entry.Text
		}
	}
	if mistake != "" {
		b.mu.Lock()
		b.mistakes = append(b.mistakes, mistake)
		b.mu.Unlock()
	}
}

func (b *tab) found() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mistakes)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// open goes to a page of the server.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// signIn opens the console with a key, as the link does that the all-in-one program prints.
func (b *tab) signIn(key string) {
	b.t.Helper()
	b.open("/console/sign-in")
	b.fill("#key", key)
	b.press("button", "Sign in")
	b.sees("Webhooks", "Sign out")
}

// fill empties a field and types into it.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
	_ = evaluate[string](b, fmt.Sprintf(`document.querySelector(%q).value = ""`, selector))
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// press clicks the first visible element of this kind whose text begins so. When that leads to another page, it
// returns once that page is there with its scripts: its words may stand on the page before, too.
func (b *tab) press(kind, text string) {
	b.t.Helper()
	evaluate[any](b, `window.leaves = false; navigation.onnavigate = (e) => { window.leaves ||= !e.destination.sameDocument }; null`)
	b.do(chromedp.Click(fmt.Sprintf(`//%s[starts-with(normalize-space(), %q)]`, kind, text), chromedp.NodeVisible))
	b.settle()
	require.True(b.t, eventually(patience, func() bool {
		stays, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`window.leaves === false || window.leaves === undefined && document.readyState === "complete"`))
		return err == nil && stays // no error means that no page is just being exchanged for another
	}), "the page that %q leads to doesn't come", text)
}

// settle lets the page do what a click has left it to do: a form that is sent leaves the page in a task of its own. The
// time is the page's, which a busy machine may hold up. That the page has gone meanwhile is fine.
func (b *tab) settle() {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	script := fmt.Sprintf(`new Promise((settled) => setTimeout(() => settled(null), %d))`, (2 * pollInterval).Milliseconds())
	_, _ = chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](script, chromedp.EvalAwaitPromise))
}

// text returns what can be read on the page, and the empty text while it is being loaded.
func (b *tab) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
	if err != nil {
		return ""
	}
	return text
}

// sees waits until all of this stands on the page.
func (b *tab) sees(words ...string) {
	b.t.Helper()
	missing := func() []string {
		text := b.text()
		return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return strings.Contains(text, word) })
	}
	if !eventually(patience, func() bool { return len(missing()) == 0 }) {
		require.Empty(b.t, missing(), "is not on the page:\n%s", b.text())
	}
}

// says waits until JavaScript in the page says this.
func (b *tab) says(want, script string) {
	b.t.Helper()
	if !eventually(patience, func() bool { return evaluate[string](b, script) == want }) {
		require.Equal(b.t, want, evaluate[string](b, script), script)
	}
}

// lacks makes sure that nothing of this stands in the page's source.
func (b *tab) lacks(words ...string) {
	b.t.Helper()
	source := evaluate[string](b, `document.documentElement.outerHTML`)
	for _, word := range words {
		require.NotContains(b.t, source, word)
	}
}

// evaluate returns what JavaScript in the page says, promises awaited.
func evaluate[T any](b *tab, script string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](script, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
	var result T
	require.NoError(b.t, json.Unmarshal(value, &result))
	return result
}

// paints has the page shown light or dark, and nothing move.
func (b *tab) paints(scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	require.NoError(b.t, err)
}

// eventually asks until the answer is yes, and reports whether it ever was.
func eventually(within time.Duration, is func() bool) bool {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); <-tick.C {
		if is() {
			return true
		}
	}
	return false
}
