package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// receiver is where deliveries arrive: a server on the loopback interface with any number of endpoints.
type receiver struct {
	server *http.Server
	url    string
	served chan error
	stop   context.CancelFunc // ends the answers of endpoints that would never end by themselves

	mu        sync.RWMutex
	endpoints map[string]http.Handler // by path
}

func newReceiver(ctx context.Context) (*receiver, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for deliveries: %w", err)
	}
	r := &receiver{url: "http://" + listener.Addr().String(), served: make(chan error, 1), endpoints: make(map[string]http.Handler)}
	ctx, r.stop = context.WithCancel(ctx)
	r.server = &http.Server{
		Handler: r, ReadHeaderTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// ServeHTTP hands a request to the endpoint that it is for.
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.RLock()
	endpoint := r.endpoints[request.URL.Path]
	r.mu.RUnlock()
	if endpoint == nil {
		http.NotFound(w, request)
		return
	}
	endpoint.ServeHTTP(w, request)
}

// add returns the URL of a new endpoint that does what handler does.
func (r *receiver) add(handler http.Handler) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := "/" + strconv.Itoa(len(r.endpoints)+1)
	r.endpoints[path] = handler
	return r.url + path
}

// close ends the server and all answers.
func (r *receiver) close() error {
	r.stop()
	err := r.server.Close()
	if served := <-r.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// callID is the prefix of the call that an event of a benchmark is about; its number and the moment it was due
// follow. So the event is as the catalogue has it, no larger and no smaller.
const callID = "bench"

// event returns the event with this number, due at a moment.
func event(number int, due time.Time) []byte {
	return fmt.Appendf(nil, `{"event":"call.ended","timestamp":%q,"data":{"call_id":"%s_%d_%d","campaign_id":"camp_xyz789",`+
		`"contact_id":"cont_def456","phone_number":"+15551234567","status":"answered","duration":127,"recording_url":"https://...",`+
		`"transcript":"...","variables":{"appointment_confirmed":true,"appointment_date":"2025-02-10"}}}`,
		due.UTC().Format(time.RFC3339Nano), callID, number, due.UnixNano())
}

// readEvent returns what event wrote down; ok is false for what another wrote.
func readEvent(body io.Reader) (number int, due time.Time, ok bool) {
	var published struct {
		Data struct {
			CallID string `json:"call_id"`
		} `json:"data"`
	}
	if json.NewDecoder(body).Decode(&published) != nil {
		return 0, time.Time{}, false
	}
	parts := strings.Split(published.Data.CallID, "_")
	if len(parts) != 3 || parts[0] != callID {
		return 0, time.Time{}, false
	}
	number, err := strconv.Atoi(parts[1])
	nanoseconds, err2 := strconv.ParseInt(parts[2], 10, 64)
	return number, time.Unix(0, nanoseconds), err == nil && err2 == nil
}
