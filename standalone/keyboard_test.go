package main

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// Why call.ended never came, and sending it again, without a pointer: by the keys Tab, Enter, space and Escape alone.
func TestConsoleByKeyboard(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	a.createWebhook(newEndpoint(t, answering(500, 500, 200)).URL)
	_, id := a.publish()
	a.eventually(id, "waiting", 2)
	b := openBrowser(t, w.serve)
	_, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	require.NoError(t, err) // nobody looks at the window, which else would have no focus
	b.open("/console/deliveries")
	b.do(chromedp.WaitVisible(chromedp.CSS("#key:focus")), chromedp.KeyEvent(a.keyFor("manage", "read")), chromedp.KeyEvent(kb.Enter))
	b.sees("Recent Deliveries", "Live")

	b.do(chromedp.KeyEvent(kb.Tab))
	require.Equal(t, "Skip to the content", b.focused())
	require.GreaterOrEqual(t, evaluate[float64](b, `document.activeElement.getBoundingClientRect().top`), 0.0, "it comes into sight")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.tabTo("call.ended")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("Attempt 2", "What to do", "answer 2", "Live")

	b.tabTo("Cancel…")
	b.do(chromedp.KeyEvent(" "), chromedp.WaitVisible(chromedp.CSS("dialog[open]")))
	require.Equal(t, "Go back", b.focused(), "the focus moves in, to what does no harm")
	b.do(chromedp.KeyEvent(kb.Tab))
	require.Equal(t, "Cancel this delivery", b.focused())
	for range 3 {
		b.do(chromedp.KeyEvent(kb.Tab))
		require.True(t, evaluate[bool](b, `document.activeElement === document.body || document.activeElement.closest("dialog") !== null`), "it stays there")
	}
	b.do(chromedp.KeyEvent(kb.Escape), chromedp.WaitNotVisible(chromedp.CSS("dialog")))
	require.Equal(t, "Cancel…", b.focused(), "and is given back")
	b.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(8))) // with shift
	require.Equal(t, "Retry", b.focused())
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("Attempt 3", "answer 3", "Delivered")
	require.Equal(t, "Retry", b.focused(), "nothing takes the focus away")
	require.Empty(t, b.found())
}

// focused returns the text of what has the focus, and makes sure that it is seen to have it.
func (b *tab) focused() string {
	b.t.Helper()
	const seen = `(() => {
		const style = getComputedStyle(document.activeElement);
		return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
	})()`
	text := strings.Join(strings.Fields(evaluate[string](b, `document.activeElement.textContent`)), " ")
	require.True(b.t, evaluate[bool](b, seen), "the focus on %q is seen", text)
	return text
}

// tabTo presses the tab key until something with this text has the focus.
func (b *tab) tabTo(text string) {
	b.t.Helper()
	const most = 60
	for range most {
		b.do(chromedp.KeyEvent(kb.Tab))
		if b.focused() == text {
			return
		}
	}
	require.Fail(b.t, "cannot be reached by keyboard", text)
}
