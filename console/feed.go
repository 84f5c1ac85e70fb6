package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/durahook/durahook/webhook"
)

// part is a piece of a page as it is at a moment. The ETag changes when anything that it shows does, but for what
// changes as time passes.
type part struct {
	etag   string
	render func() ([]byte, error)
}

// part returns a part of a page for those who watch it.
func (c *Console) part(r *http.Request, name, template, etag string, data any) part {
	return part{etag, func() ([]byte, error) {
		html, err := c.pages.render(name, template, data)
		return c.carryAccount(r, html), err
	}}
}

// look looks a part of a page up.
type look func(ctx context.Context) (part, error)

// lookEvery is how often a part that somebody watches is looked up: a change is to be seen within a second. Where that
// takes long, it is done less often, so that watching takes at most a tenth of a connection to the database.
const (
	lookEvery = 800 * time.Millisecond
	lookShare = 9 // the pause after a look is at least this many times as long
)

// How many parts may be watched at the same time: with one session, and in all. A browser watches one for each of
// its windows that shows.
const (
	watchesOfSession = 20
	watchesOfProcess = 1000
)

// feeds look up the parts of pages that somebody watches: each once for all who watch it, and none that nobody does.
// What changes a part knows nothing of that: neither the delivery of an event nor its transactions do anything more
// than without, and processes need not tell each other.
type feeds struct {
	mu        sync.Mutex
	byKey     map[string]*feed
	bySession map[string]int
	watches   int
	ended     chan struct{}
}

// feed is a part that is watched. Its fields are guarded by the feeds' mutex.
type feed struct {
	key     string
	watches int
	stop    context.CancelFunc
	etag    string
	html    []byte
	err     error
	changed chan struct{}
}

func newFeeds() *feeds {
	return &feeds{byKey: map[string]*feed{}, bySession: map[string]int{}, ended: make(chan struct{})}
}

// watch returns the feed with this key, until the returned function is called. Who has the same key has to be shown
// the same, which look looks up; ctx has its values and may end before it.
func (f *feeds) watch(ctx context.Context, key, session string, look look) (watched *feed, leave func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.hasEnded():
		return nil, nil, errEnded()
	case f.watches >= watchesOfProcess, f.bySession[session] >= watchesOfSession:
		return nil, nil, &webhook.Error{Code: webhook.CodeTooManyRequests, Message: "Too many windows are open; this one is not kept up to date."}
	}
	watched = f.byKey[key]
	if watched == nil {
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		watched = &feed{key: key, stop: stop, changed: make(chan struct{})}
		f.byKey[key] = watched
		go f.run(ctx, watched, look)
	}
	watched.watches++
	f.bySession[session]++
	f.watches++
	return watched, sync.OnceFunc(func() { f.leave(watched, session) }), nil
}

func (f *feeds) leave(left *feed, session string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watches--
	if f.bySession[session]--; f.bySession[session] == 0 {
		delete(f.bySession, session)
	}
	if left.watches--; left.watches == 0 {
		f.drop(left)
	}
}

// drop ends a feed; who comes next gets another.
func (f *feeds) drop(dropped *feed) {
	dropped.stop()
	if f.byKey[dropped.key] == dropped {
		delete(f.byKey, dropped.key)
	}
}

// run looks a part up until nobody watches it any more, or that fails.
func (f *feeds) run(ctx context.Context, watched *feed, look look) {
	known := ""
	for {
		began := time.Now()
		found, err := look(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil || found.etag != known {
			var html []byte
			if err == nil {
				html, err = found.render()
			}
			f.change(watched, found.etag, html, err)
			known = found.etag
		}
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(lookEvery, lookShare*time.Since(began))):
		}
	}
}

// change tells everybody who watches what was found.
func (f *feeds) change(watched *feed, etag string, html []byte, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	watched.etag, watched.html, watched.err = etag, html, err
	close(watched.changed)
	watched.changed = make(chan struct{})
	if err != nil {
		f.drop(watched)
	}
}

// sight is what a feed shows at a moment.
type sight struct {
	etag    string
	html    []byte          // nil before the part was found
	err     error           // why it could not be looked up; nothing comes any more then
	changed <-chan struct{} // closed when there is another sight
}

// see returns what a feed shows now.
func (f *feeds) see(watched *feed) sight {
	f.mu.Lock()
	defer f.mu.Unlock()
	return sight{watched.etag, watched.html, watched.err, watched.changed}
}

// first returns what a feed shows as soon as it shows anything.
func (f *feeds) first(ctx context.Context, watched *feed) (sight, error) {
	for {
		shown := f.see(watched)
		if shown.html != nil || shown.err != nil {
			return shown, shown.err
		}
		select {
		case <-shown.changed:
		case <-f.ended:
			return sight{}, errEnded()
		case <-ctx.Done():
			return sight{}, ctx.Err()
		}
	}
}

// end has everybody who watches stop, for good.
func (f *feeds) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.hasEnded() {
		close(f.ended)
	}
}

func errEnded() error {
	return &webhook.Error{Code: webhook.CodeUnavailable, Message: "durahook is being stopped."}
}

func (f *feeds) hasEnded() bool {
	select {
	case <-f.ended:
		return true
	default:
		return false
	}
}
