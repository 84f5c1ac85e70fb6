package main

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/durahook/durahook/workflows"
)

var record = flag.Bool("record", false, "write the histories that workflows/replay_test.go replays")

const histories = "../workflows/testdata/histories/next"

// TestRecordHistories drives a delivery down each path that its workflow knows, and with -record writes
// down the histories of those that are not there yet: one that is there was recorded by the code of its
// time and is not to be replaced.
func TestRecordHistories(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		codes    []int
		byWorker bool // a process without one starts it
		answered bool // the endpoint has answered before
		ahead    int  // requests that the endpoint keeps waiting until it gets the delivery's
		limited  bool // another delivery goes first
		drive    func(a api, deliveryID string)
		disable  bool // the webhook, once the delivery waits
		status   string
		attempts int
	}{
		"delivered_fast_lane":      {codes: []int{200}, status: "delivered", attempts: 1},
		"delivered_queued_lane":    {codes: []int{200}, ahead: 4, status: "delivered", attempts: 1},
		"worker_chose_fast_lane":   {codes: []int{200}, byWorker: true, status: "delivered", attempts: 1},
		"worker_chose_queued_lane": {codes: []int{200}, byWorker: true, answered: true, ahead: 64, status: "delivered", attempts: 1},
		"worker_chose_slow_lane":   {codes: []int{200}, byWorker: true, ahead: 4, status: "delivered", attempts: 1},
		"delivered_after_timer":    {codes: []int{500, 200}, status: "delivered", attempts: 2},
		"delivered_after_retry": {codes: []int{500, 500, 200}, status: "delivered", attempts: 3, drive: func(a api, id string) {
			a.eventually(id, "waiting", 2)
			a.do(http.MethodPost, "/v1/deliveries/"+id+"/retry", nil, http.StatusAccepted, nil)
		}},
		"retry_of_exhausted": {codes: []int{500}, byWorker: true, status: "exhausted", attempts: 3, drive: func(a api, id string) {
			a.eventually(id, "exhausted", 2)
			a.do(http.MethodPost, "/v1/deliveries/"+id+"/retry", nil, http.StatusAccepted, nil)
		}},
		"delivered_in_turn":   {codes: []int{200}, limited: true, status: "delivered", attempts: 1},
		"exhausted":           {codes: []int{500}, byWorker: true, status: "exhausted", attempts: 2},
		"discarded":           {codes: []int{410}, status: "discarded", attempts: 1},
		"discarded_by_signal": {codes: []int{500}, disable: true, status: "discarded", attempts: 2},
		"cancelled": {codes: []int{500}, status: "cancelled", attempts: 2, drive: func(a api, id string) {
			a.eventually(id, "waiting", 2)
			a.do(http.MethodPost, "/v1/deliveries/"+id+"/cancel", nil, http.StatusAccepted, nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := newAccount(t)
			before := 0
			if story.answered {
				before = 1
			}
			endpoint := newEndpoint(t, keepingAhead(before, story.ahead, answering(story.codes...)))
			created := a.createWebhook(endpoint.URL)
			if story.answered {
				_, first := a.publish()
				a.eventually(first, "delivered", 1)
			}
			if story.ahead > 0 {
				a.publishMany(story.ahead)
				endpoint.eventually(t, before+story.ahead)
			}
			if story.byWorker {
				a.url = w.api
			}
			if story.limited {
				a.limit(created.ID, 1)
				a.publishMany(3)
			}
			_, deliveryID := a.publish()
			if story.disable {
				a.eventually(deliveryID, "waiting", 2)
				a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/disable", nil, http.StatusOK, nil)
			}
			if story.drive != nil {
				story.drive(a, deliveryID)
			}
			a.eventually(deliveryID, story.status, story.attempts)
			w.keepHistory(t, name, deliveryID)
		})
	}
}

// keepingAhead answers like another function, but keeps so many requests waiting after the first ones, until another comes.
func keepingAhead(first, kept int, answer func(int, http.ResponseWriter)) func(int, http.ResponseWriter) {
	var once sync.Once
	another := make(chan struct{})
	return func(number int, w http.ResponseWriter) {
		switch {
		case number > first+kept:
			once.Do(func() { close(another) })
		case number > first:
			<-another
		}
		answer(number, w)
	}
}

// TestRecordHistoriesOfRecoveries does the same with recoveries.
func TestRecordHistoriesOfRecoveries(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]struct {
		deliveries int
		drive      func(a api, r recovery)
		status     string
	}{
		"recovered": {deliveries: 130, status: "completed"}, // two batches
		"recovery_cancelled": {deliveries: 1000, status: "cancelled", drive: func(a api, r recovery) {
			a.do(http.MethodPost, "/v1/recoveries/"+r.ID+"/cancel", nil, http.StatusAccepted, nil)
		}},
		"recovery_failed": {deliveries: 1000, status: "failed", drive: func(a api, r recovery) {
			a.do(http.MethodPost, "/v1/webhooks/"+r.WebhookID+"/disable", nil, http.StatusOK, nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, a := newAccount(t)
			created := a.createWebhook(newEndpoint(t, answering(200)).URL)
			w.missed(t, a, story.deliveries)
			r := a.recover(created.ID, "exhausted")
			if story.drive != nil {
				story.drive(a, a.recovering(r.ID, 1))
			}
			a.recovered(r.ID, story.status)
			w.keepHistory(t, name, r.ID)
		})
	}
}

// TestRecordHistoryOfReconciliation does the same with a run of the reconciler.
func TestRecordHistoryOfReconciliation(t *testing.T) {
	t.Parallel()
	w, _ := newAccount(t)
	run, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: workflows.DeliveryTaskQueue}, workflows.Reconcile)
	require.NoError(t, err)
	w.keepHistory(t, "reconciled", run.GetID())
}

// keepHistory makes sure that there is a history with this name, and writes that of a workflow if it may.
func (w *world) keepHistory(t *testing.T, name, workflowID string) {
	t.Helper()
	_ = w.temporal.GetWorkflow(t.Context(), workflowID, "").Get(t.Context(), nil) // until it is closed
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(&history.History{Events: w.history(t, workflowID)})
	require.NoError(t, err)
	path := filepath.Join(histories, name+".json")
	if _, err := os.Stat(path); *record && os.IsNotExist(err) {
		text = anonymous(t, text)
		require.NoError(t, os.WriteFile(path, text, 0o600))
	}
	require.FileExists(t, path, "record it: make histories")
}

// anonymous leaves out whose machine it was.
func anonymous(t *testing.T, text []byte) []byte {
	t.Helper()
	host, err := os.Hostname()
	require.NoError(t, err)
	text = regexp.MustCompile(`(?i)("\w*identity": *)"[^"]*"`).ReplaceAll(text, []byte(`$1"durahook"`))
	return bytes.ReplaceAll(text, []byte(host), []byte("durahook"))
}
