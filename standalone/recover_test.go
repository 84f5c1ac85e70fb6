package main

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/durahook/durahook/webhook"
)

type recovery struct {
	ID          string `json:"id"`
	WebhookID   string `json:"webhook_id"`
	Status      string `json:"status"`
	Reason      string `json:"reason"`
	Matched     int    `json:"matched"`
	Retried     int    `json:"retried"`
	Skipped     int    `json:"skipped"`
	WorkflowURL string `json:"workflow_url"`
}

// recover asks for a recovery of the last hour.
func (a api) recover(webhookID string, statuses ...string) (r recovery) {
	a.t.Helper()
	body := map[string]any{"since": time.Now().Add(-time.Hour).Format(time.RFC3339)}
	if len(statuses) > 0 {
		body["status"] = statuses
	}
	a.do(http.MethodPost, "/v1/webhooks/"+webhookID+"/recover", body, http.StatusAccepted, &r)
	return r
}

func (a api) recoveryUntil(id string, reached func(r recovery) bool) (r recovery) {
	a.t.Helper()
	require.Eventually(a.t, func() bool {
		a.do(http.MethodGet, "/v1/recoveries/"+id, nil, http.StatusOK, &r)
		return reached(r)
	}, patience, pollInterval, "last seen: %+v", &r)
	return r
}

// recovering waits until so many deliveries have been retried.
func (a api) recovering(id string, retried int) recovery {
	a.t.Helper()
	return a.recoveryUntil(id, func(r recovery) bool { return r.Retried >= retried })
}

// recovered waits until the recovery has ended in this way.
func (a api) recovered(id, status string) recovery {
	a.t.Helper()
	return a.recoveryUntil(id, func(r recovery) bool { return r.Status == status })
}

// missed has the account's only webhook have missed n deliveries, one of them published in earnest.
func (w *world) missed(t *testing.T, a api, n int) {
	t.Helper()
	_, deliveryID := a.publish()
	a.eventually(deliveryID, "delivered", 1)
	for range n {
		_, err := w.db.Exec(`
			INSERT INTO deliveries (id, account_id, event_id, webhook_id, event, status, attempt_count)
			SELECT $2, account_id, event_id, webhook_id, event, 'exhausted', 0 FROM deliveries WHERE id = $1`,
			deliveryID, webhook.NewID(webhook.DeliveryPrefix))
		require.NoError(t, err)
	}
}

// failing returns an endpoint that is down until the returned function is called.
func failing(t *testing.T) (*endpoint, func()) {
	t.Helper()
	var up atomic.Bool
	e := newEndpoint(t, func(_ int, w http.ResponseWriter) {
		if !up.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, "answer")
	})
	return e, func() { up.Store(true) }
}

func TestRecoverWhatAnEndpointMissed(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	exhausting := a
	exhausting.url = w.api // two attempts
	endpoint, mend := failing(t)
	created := a.createWebhook(endpoint.URL)
	const missed, waiting = 5, 2
	var deliveries, later []string
	for range missed {
		_, id := exhausting.publish()
		deliveries = append(deliveries, id)
	}
	for range waiting {
		_, id := a.publish()
		later = append(later, id)
	}
	for _, id := range deliveries {
		a.eventually(id, "exhausted", 2)
	}
	for _, id := range later {
		a.eventually(id, "waiting", 2)
	}
	mend()

	r := a.recover(created.ID)
	got := a.recovered(r.ID, "completed")
	require.Equal(t, recovery{ID: r.ID, WebhookID: created.ID, Status: "completed", Matched: missed, Retried: missed, WorkflowURL: r.WorkflowURL}, got)
	for _, id := range deliveries {
		a.eventually(id, "delivered", 3)
	}
	require.Len(t, endpoint.received(), 3*missed+2*waiting)
	var result webhook.RecoveryProgress
	require.NoError(t, w.temporal.GetWorkflow(t.Context(), r.ID, "").Get(t.Context(), &result))
	require.Equal(t, webhook.RecoveryProgress{Status: webhook.RecoveryCompleted, Matched: missed, Retried: missed}, result)

	// Those that wait need not wait any longer, and of the others nothing is left.
	r = a.recover(created.ID, "waiting", "exhausted")
	require.Equal(t, waiting, a.recovered(r.ID, "completed").Retried)
	for _, id := range later {
		a.eventually(id, "delivered", 3)
	}
	require.Len(t, endpoint.received(), 3*(missed+waiting))
}

func TestRecoverIsCancelled(t *testing.T) {
	t.Parallel()
	w, a := newAccount(t)
	created := a.createWebhook(newEndpoint(t, answering(200)).URL)
	w.missed(t, a, 1000)
	r := a.recover(created.ID, "exhausted")
	a.do(http.MethodPost, "/v1/webhooks/"+created.ID+"/recover", map[string]any{"since": "2025-02-02T14:30:00Z"}, http.StatusConflict, nil)
	a.recovering(r.ID, 1)
	a.do(http.MethodPost, "/v1/recoveries/"+r.ID+"/cancel", nil, http.StatusAccepted, nil)
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, w.temporal.GetWorkflow(t.Context(), r.ID, "").Get(t.Context(), nil), &cancelled)
	got := a.recovered(r.ID, "cancelled")
	require.Equal(t, 1000, got.Matched)
	require.Less(t, got.Retried, 1000)
	var delivered int
	require.Eventually(t, func() bool {
		err := w.db.QueryRow(`SELECT count(*) FROM deliveries WHERE webhook_id = $1 AND status = 'delivered'`, created.ID).Scan(&delivered)
		require.NoError(t, err)
		return delivered == 1+got.Retried
	}, patience, pollInterval, "what was counted as retried is delivered")
}

// A recovery goes on where it stood, and what it has retried is not retried again.
func TestRecoverWhateverDies(t *testing.T) {
	t.Parallel()
	infrastructure := newInfrastructure(t)
	endpoint, mend := failing(t)
	serve, a := startServe(t, infrastructure, "0s")
	created := a.createWebhook(endpoint.URL)
	const missed = 60
	var deliveries []string
	for range missed {
		_, id := a.publish()
		deliveries = append(deliveries, id)
	}
	for _, id := range deliveries {
		a.eventually(id, "exhausted", 1)
	}
	mend()
	require.NoError(t, infrastructure.StopTemporal(t.Context()))
	r := a.recover(created.ID)
	serve.kill()
	require.NoError(t, infrastructure.StartTemporal(t.Context()))

	serve, a = startServe(t, infrastructure, "0s")
	require.Less(t, a.recovering(r.ID, 5).Retried, missed)
	serve.kill()

	_, a = startServe(t, infrastructure, "0s")
	got := a.recovered(r.ID, "completed")
	require.Equal(t, recovery{ID: r.ID, WebhookID: created.ID, Status: "completed", Matched: missed, Retried: missed}, got)
	for _, id := range deliveries {
		a.eventually(id, "delivered", 2)
	}
}
