package bench

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// post sends an event to an endpoint of a receiver.
func post(ctx context.Context, url, id string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(event(1, time.Now())))
	if err != nil {
		return nil, err
	}
	request.Header.Set("webhook-id", id)
	return newHTTPClient().Do(request)
}

func status(t *testing.T, url, id string) int {
	t.Helper()
	response, err := post(t.Context(), url, id)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func newTestReceiver(t *testing.T) *receiver {
	t.Helper()
	r, err := newReceiver(t.Context())
	require.NoError(t, err)
	return r
}

func TestEndpointsOfAReceiver(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t)
	one, two := newArrivals(), newArrivals()
	require.Equal(t, http.StatusOK, status(t, r.add(one), "evt_1"))
	require.Equal(t, http.StatusOK, status(t, r.add(two), "evt_1"))
	require.Equal(t, http.StatusNotFound, status(t, r.url+"/another", "evt_1"))
	require.Equal(t, []int{1, 1}, []int{one.count(), two.count()})
	require.NoError(t, r.close())
}

func TestBadEndpoints(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t)
	require.Equal(t, http.StatusInternalServerError, status(t, r.add(newBadEndpoint(t.Context(), fails)), "evt_1"))

	trickling := newBadEndpoint(t.Context(), trickles)
	response, err := post(t.Context(), r.add(trickling), "evt_1")
	require.NoError(t, err, "the head comes at once")
	first := make([]byte, 1)
	_, err = io.ReadFull(response.Body, first)
	require.NoError(t, err)
	trickling.release()
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err, "released, it ends")
	require.NoError(t, response.Body.Close())

	silent := newBadEndpoint(t.Context(), neverAnswers)
	url, ended := r.add(silent), make(chan struct{})
	go func() {
		defer close(ended)
		response, err := post(context.WithoutCancel(t.Context()), url, "evt_1")
		if err == nil {
			_ = response.Body.Close()
		}
	}()
	require.Eventually(t, func() bool { return silent.count() == 1 }, 10*time.Second, time.Millisecond)
	select {
	case <-ended:
		require.Fail(t, "it answers")
	default:
	}
	require.NoError(t, r.close(), "that one never answers doesn't matter")
	<-ended
}

func TestOutageTellsWhatItRefusedFromWhatIsNew(t *testing.T) {
	t.Parallel()
	r := newTestReceiver(t)
	o := newOutage()
	url := r.add(o)
	require.Equal(t, http.StatusServiceUnavailable, status(t, url, "evt_old"))
	require.Equal(t, http.StatusServiceUnavailable, status(t, url, "evt_old"))
	require.Equal(t, 1, o.count())
	o.bringUp()
	require.Equal(t, http.StatusOK, status(t, url, "evt_new"))
	require.Equal(t, []int{0, 1}, []int{o.missed.count(), o.fresh.count()})
	require.Equal(t, http.StatusOK, status(t, url, "evt_old"))
	require.Equal(t, []int{1, 1}, []int{o.missed.count(), o.fresh.count()})
	require.NoError(t, r.close())
}
