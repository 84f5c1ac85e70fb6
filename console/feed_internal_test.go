package console

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shelf is where a look finds a part, and how often it was looked up.
type shelf struct {
	took  time.Duration
	mu    sync.Mutex
	text  string
	err   error
	looks int
}

func (s *shelf) lookUp(context.Context) (part, error) {
	<-time.After(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	text := s.text
	return part{text, func() ([]byte, error) { return []byte("<p>" + text), nil }}, s.err
}

func (s *shelf) put(text string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.err = text, err
}

func (s *shelf) looked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

// watching returns how many parts are watched, and how many watch.
func watching(f *feeds) [2]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return [2]int{len(f.byKey), f.watches}
}

func TestAPartIsLookedUpOnceForAllWhoWatchIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, found := newFeeds(), &shelf{text: "one"}
		var leaves []func()
		var watched []*feed
		for i := range 5 {
			feed, leave, err := f.watch(t.Context(), "list", fmt.Sprint("session ", i%2), found.lookUp)
			require.NoError(t, err)
			watched, leaves = append(watched, feed), append(leaves, leave)
		}
		shown, err := f.first(t.Context(), watched[0])
		require.NoError(t, err)
		assert.Equal(t, "<p>one", string(shown.html))
		<-time.After(10*lookEvery + lookEvery/2)
		assert.Equal(t, 11, found.looked())
		synctest.Wait()
		select {
		case <-shown.changed:
			t.Error("nothing has changed")
		default:
		}

		found.put("two", nil)
		<-shown.changed
		for _, feed := range watched {
			assert.Equal(t, "two", f.see(feed).etag)
			assert.Equal(t, "<p>two", string(f.see(feed).html))
		}

		for i, leave := range leaves {
			leave()
			leave() // is the same as once
			assert.Equal(t, [2]int{min(len(leaves)-1-i, 1), len(leaves) - 1 - i}, watching(f))
		}
		looked := found.looked()
		<-time.After(time.Minute)
		assert.Equal(t, looked, found.looked(), "what nobody watches isn't looked up")
		assert.Empty(t, f.bySession)
	})
}

// A database that is slow is not made slower.
func TestSlowLooksAreRare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, found := newFeeds(), &shelf{text: "one", took: time.Second}
		_, leave, err := f.watch(t.Context(), "list", "session", found.lookUp)
		require.NoError(t, err)
		<-time.After(99 * time.Second)
		assert.Equal(t, 10, found.looked())
		leave()
	})
}

func TestWhoWatchesWhatCannotBeLookedUpIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, found := newFeeds(), &shelf{text: "one"}
		watched, leave, err := f.watch(t.Context(), "list", "session", found.lookUp)
		require.NoError(t, err)
		shown, err := f.first(t.Context(), watched)
		require.NoError(t, err)
		down := errors.New("the database is down")
		found.put("", down)
		<-shown.changed
		require.ErrorIs(t, f.see(watched).err, down)
		looked := found.looked()
		<-time.After(time.Minute)
		assert.Equal(t, looked, found.looked())

		found.put("one", nil)
		again, leaveAgain, err := f.watch(t.Context(), "list", "session", found.lookUp)
		require.NoError(t, err)
		_, err = f.first(t.Context(), again)
		require.NoError(t, err, "who comes back begins anew")
		leave()
		assert.Equal(t, [2]int{1, 1}, watching(f), "that somebody else left changes nothing")
		leaveAgain()
		assert.Equal(t, [2]int{}, watching(f))
	})
}

func TestWatchesAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, found := newFeeds(), &shelf{text: "one"}
		var leaves []func()
		for i := range watchesOfProcess {
			_, leave, err := f.watch(t.Context(), "list", fmt.Sprint("session ", i/watchesOfSession), found.lookUp)
			require.NoError(t, err)
			leaves = append(leaves, leave)
		}
		refused := func(session string) {
			t.Helper()
			_, _, err := f.watch(t.Context(), "list", session, found.lookUp)
			require.ErrorContains(t, err, "Too many windows")
		}
		refused("another session")
		leaves[0]()
		refused("session 1")
		_, leave, err := f.watch(t.Context(), "list", "session 0", found.lookUp)
		require.NoError(t, err)
		leaves[0] = leave

		f.end()
		f.end() // is the same as once
		_, _, err = f.watch(t.Context(), "list", "session 0", found.lookUp)
		require.ErrorContains(t, err, "being stopped")
		for _, leave := range leaves {
			leave()
		}
		assert.Equal(t, [2]int{}, watching(f))
	})
}

func TestWhoWaitsForAPartDoesNotHoldTheServerUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFeeds()
		watched, leave, err := f.watch(t.Context(), "list", "session", func(ctx context.Context) (part, error) {
			<-ctx.Done()
			return part{}, ctx.Err()
		})
		require.NoError(t, err)
		time.AfterFunc(time.Second, f.end)
		_, err = f.first(t.Context(), watched)
		require.ErrorContains(t, err, "being stopped")
		leave()
	})
}
