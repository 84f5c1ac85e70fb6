package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/client"
)

// newServer stands in for durahook and answers what the API would.
func newServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer dhk_example" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{
			"id": "evt_01m86z2vxpfjjr6peedm1rz0m8", "event": "call.ended", "timestamp": "2025-02-02T14:30:00Z",
			"deliveries": [{"id": "dlv_01m86z2vy8fjjtj9xqkt1n3cs8", "webhook_id": "whk_01m86z2vy0fjjsrm33h03z2jmn"}]}`)
	}))
}

// Publish an event, safe to repeat.
func ExampleClientWithResponses_PublishEventWithResponse() {
	server := newServer() // yours has an address such as http://127.0.0.1:8080
	defer server.Close()

	durahook, err := client.NewClientWithResponses(server.URL, client.WithRequestEditorFn(
		func(_ context.Context, request *http.Request) error {
			request.Header.Set("Authorization", "Bearer dhk_example")
			return nil
		}))
	if err != nil {
		fmt.Println(err)
		return
	}
	key := "call_abc123 has ended"
	answer, err := durahook.PublishEventWithResponse(context.Background(), &types.PublishEventParams{IdempotencyKey: &key},
		types.Payload{
			Event:     "call.ended",
			Timestamp: time.Date(2025, 2, 2, 14, 30, 0, 0, time.UTC),
			Data:      json.RawMessage(`{"call_id":"call_abc123","duration":127}`),
		})
	switch {
	case err != nil:
		fmt.Println(err) // it may be sent again: the key is the same
	case answer.JSON202 == nil:
		fmt.Println("refused:", answer.Status())
	default:
		fmt.Println(answer.JSON202.ID, "goes to", len(answer.JSON202.Deliveries), "webhook")
	}
	// Output: evt_01m86z2vxpfjjr6peedm1rz0m8 goes to 1 webhook
}
