package activities_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/exports"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

func openBucket(t *testing.T, directory string) *exports.Bucket {
	t.Helper()
	location, err := exports.ParseLocation("file://" + directory)
	require.NoError(t, err)
	bucket, err := exports.Open(t.Context(), location)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	return bucket
}

func exported(t *testing.T, directory string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(directory, "*", "*"))
	require.NoError(t, err)
	return paths
}

// Each batch is in the bucket before it is deleted.
func TestExpiredAreExportedFirst(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	at := time.Now().Add(-48 * time.Hour)
	s := &fakeRetention{pages: []store.Expired{
		{IDs: []string{"evt_1", "evt_2"}, Changed: at, Last: "evt_3"}, {Kept: 4, Last: "evt_7"}, {IDs: []string{"evt_8"}},
	}}
	s.onDelete = func(expired store.Expired) {
		if len(expired.IDs) > 0 {
			require.FileExists(t, filepath.Join(directory, exports.Name(expired.IDs, expired.Changed)))
		}
	}
	report, m, err := exportExpired(t, s, openBucket(t, directory), time.Hour, webhook.RetentionRequest{Keep: "2h"})
	require.NoError(t, err)
	require.Equal(t, 3, report.Exported)
	require.Equal(t, 3, report.Events)
	require.InDelta(t, 3, count(t, m, "durahook_exported_events_total"), 0)
	require.Len(t, exported(t, directory), 2)
}

func TestNothingIsDeletedThatIsNotExported(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "exports")
	bucket := openBucket(t, directory)
	require.NoError(t, os.RemoveAll(directory))
	require.NoError(t, os.WriteFile(directory, nil, 0o600), "the bucket is broken")
	s := &fakeRetention{rest: 1, pages: []store.Expired{{IDs: []string{"evt_1"}}}}
	s.onDelete = func(store.Expired) { t.Error("an event is deleted") }

	_, m, err := exportExpired(t, s, bucket, time.Hour, webhook.RetentionRequest{Keep: "1h"})
	require.ErrorContains(t, err, "export events before they are deleted")
	require.InDelta(t, 1, count(t, m, "durahook_export_failures_total"), 0)
	require.Zero(t, count(t, m, "durahook_exported_events_total"))
	require.Equal(t, 1, s.rest, "nor anything else")

	// A worker that was started without a place for them leaves them to others.
	_, m, err = deleteExpired(t, s, time.Hour, webhook.RetentionRequest{Keep: "1h", Export: true})
	require.ErrorContains(t, err, "--export-url")
	require.InDelta(t, 1, count(t, m, "durahook_export_failures_total"), 0)
}

// From Postgres to a file, by the real store.
func TestExportOfTheStore(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, "https://example.com/hook")
	status, code := webhook.StatusDelivered, 204
	require.NoError(t, d.RecordAttempt(t.Context(), webhook.Attempt{
		DeliveryID: d.id, RunID: "run", Sequence: 1, Trigger: webhook.TriggerSchedule, Outcome: webhook.OutcomeSuccess, StatusCode: &code,
		RequestHeaders: map[string][]string{"Webhook-Signature": {"v1,••••"}}, StartedAt: time.Now(), EndedAt: time.Now(),
	}, status, nil))
	_, err := d.DB().ExecContext(t.Context(), `UPDATE deliveries SET updated_at = now() - interval '1 hour'`)
	require.NoError(t, err)
	delivery, _ := d.delivery()
	directory := t.TempDir()
	due := make(chan struct{})
	time.AfterFunc(5*time.Millisecond, func() { close(due) })
	<-due // an event of this millisecond is not older than one

	report, _, err := exportExpired(t, d.Store, openBucket(t, directory), time.Millisecond, webhook.RetentionRequest{Keep: "1ms", Export: true})
	require.NoError(t, err)
	require.Equal(t, webhook.RetentionReport{Deleted: webhook.Deleted{Events: 1, Deliveries: 1, Attempts: 1}, Exported: 1}, report)
	paths := exported(t, directory)
	require.Len(t, paths, 1)
	file, err := os.Open(paths[0])
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	text, err := io.ReadAll(unzipped)
	require.NoError(t, err)
	hook, err := d.Webhook(t.Context(), d.account, delivery.WebhookID)
	require.NoError(t, err)
	require.NotContains(t, string(text), string(hook.SigningSecret))
	var line struct {
		ID         string          `json:"id"`
		Payload    json.RawMessage `json:"payload"`
		Deliveries []struct {
			ID       string `json:"id"`
			Status   string `json:"status"`
			Attempts []struct {
				StatusCode     int                 `json:"status_code"`
				RequestHeaders map[string][]string `json:"request_headers"`
			} `json:"attempts"`
		} `json:"deliveries"`
	}
	require.NoError(t, json.Unmarshal(text, &line))
	require.Equal(t, delivery.EventID, line.ID)
	require.JSONEq(t, payload, string(line.Payload))
	require.Equal(t, d.id, line.Deliveries[0].ID)
	require.Equal(t, "delivered", line.Deliveries[0].Status)
	require.Equal(t, code, line.Deliveries[0].Attempts[0].StatusCode)
	require.Equal(t, []string{"v1,••••"}, line.Deliveries[0].Attempts[0].RequestHeaders["Webhook-Signature"])
}
