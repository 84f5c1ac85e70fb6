package exports_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/exports"
	"github.com/durahook/durahook/webhook"
)

const name = "2026-10-27/evt_1.jsonl.gz"

func open(t *testing.T, address string) *exports.Bucket {
	t.Helper()
	location, err := exports.ParseLocation(address)
	require.NoError(t, err)
	bucket, err := exports.Open(t.Context(), location)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	return bucket
}

// two writes an event with two deliveries, and one that nobody has subscribed to.
func two(lines *exports.Lines) error {
	at := time.Date(2026, 10, 27, 14, 30, 0, 0, time.FixedZone("", 3600))
	code := 200
	reason := "connection refused"
	return errors.Join(
		lines.Event(webhook.Event{ID: "evt_1", AccountID: "acc_1", Event: "call.ended", Timestamp: at, CreatedAt: at, Payload: []byte("{\n \"data\": {\"note\": \"<a> & b\"}\n}")}),
		lines.Delivery(webhook.Delivery{ID: "dlv_1", AccountID: "acc_1", EventID: "evt_1", Status: webhook.StatusDelivered, StatusCode: &code, AttemptCount: 2}, []webhook.Attempt{
			{ID: "att_1", Number: 1, Outcome: webhook.OutcomeConnectionError, Error: &reason, StartedAt: at},
			{ID: "att_2", Number: 2, Outcome: webhook.OutcomeSuccess, ResponseBody: []byte("ok\xff"), StartedAt: at},
		}),
		lines.Delivery(webhook.Delivery{ID: "dlv_2", EventID: "evt_1", Status: webhook.StatusDiscarded}, nil),
		lines.Event(webhook.Event{ID: "evt_2", AccountID: "acc_1", Event: "call.started", ErasedAt: &at, Payload: []byte(`{"erased":true}`)}),
	)
}

// requireTwo checks an object with what two has written.
func requireTwo(t *testing.T, object io.Reader) {
	t.Helper()
	unzipped, err := gzip.NewReader(object)
	require.NoError(t, err)
	text, err := io.ReadAll(unzipped)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], `"payload":{"data":{"note":"<a> & b"}},"deliveries":[{"id":"dlv_1","event_id":"evt_1"`)
	var event struct {
		ID         string `json:"id"`
		AccountID  string `json:"account_id"`
		Timestamp  string `json:"timestamp"`
		Deliveries []struct {
			ID         string `json:"id"`
			StatusCode *int   `json:"status_code"`
			Attempts   []struct {
				Number       int     `json:"number"`
				Error        *string `json:"error"`
				ResponseBody string  `json:"response_body"`
			} `json:"attempts"`
		} `json:"deliveries"`
	}
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &event))
	require.Equal(t, "acc_1", event.AccountID)
	require.Equal(t, "2026-10-27T13:30:00Z", event.Timestamp)
	require.Len(t, event.Deliveries, 2)
	require.Equal(t, 200, *event.Deliveries[0].StatusCode)
	require.Equal(t, "connection refused", *event.Deliveries[0].Attempts[0].Error)
	require.Equal(t, "ok\uFFFD", event.Deliveries[0].Attempts[1].ResponseBody)
	require.Contains(t, lines[0], `"attempts":[]}]}`, "of the second")
	require.Contains(t, lines[1], `"erased_at":"2026-10-27T13:30:00Z","payload":{"erased":true},"deliveries":[]}`)
}

// files returns what lies below a directory.
func files(t *testing.T, directory string) (paths []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(directory, path)
			paths = append(paths, relative)
		}
		return err
	}))
	return paths
}

func TestFiles(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "new", "exports")
	bucket := open(t, "file://"+directory)
	require.NoError(t, bucket.Write(t.Context(), name, two))
	first, err := os.ReadFile(filepath.Join(directory, name))
	require.NoError(t, err)

	require.NoError(t, bucket.Write(t.Context(), name, two), "once more, as a retried activity does")
	second, err := os.Open(filepath.Join(directory, name))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Close()) })
	requireTwo(t, second)
	again, err := os.ReadFile(filepath.Join(directory, name))
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, []string{name}, files(t, directory))
	info, err := second.Stat()
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

// What would keep events from being exported is found before there are any.
func TestCheck(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "exports")
	bucket := open(t, "file://"+directory)
	require.NoError(t, bucket.Check(t.Context()))
	require.NoError(t, bucket.Check(t.Context()))
	require.Equal(t, []string{"README.txt"}, files(t, directory))
	require.NoError(t, os.RemoveAll(directory))
	require.NoError(t, os.WriteFile(directory, nil, 0o600))
	require.ErrorContains(t, bucket.Check(t.Context()), "write README.txt: ")
}

// What fails halfway leaves nothing behind, and what was there before as it was.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	bucket := open(t, "file://"+directory)
	half := func(lines *exports.Lines) error {
		return errors.Join(two(lines), errors.New("the database is down"))
	}
	require.ErrorContains(t, bucket.Write(t.Context(), name, half), "write "+name+": the database is down")
	require.Empty(t, files(t, directory))

	require.NoError(t, bucket.Write(t.Context(), name, two))
	before, err := os.ReadFile(filepath.Join(directory, name))
	require.NoError(t, err)
	require.Error(t, bucket.Write(t.Context(), name, half))
	after, err := os.ReadFile(filepath.Join(directory, name))
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, []string{name}, files(t, directory))

	invalid := func(lines *exports.Lines) error { return lines.Event(webhook.Event{ID: "evt_3", Payload: []byte("{")}) }
	require.ErrorContains(t, bucket.Write(t.Context(), name, invalid), "encode evt_3")
	occupied := filepath.Join(directory, "file")
	require.NoError(t, os.WriteFile(occupied, nil, 0o600))
	location, err := exports.ParseLocation("file://" + occupied)
	require.NoError(t, err)
	_, err = exports.Open(t.Context(), location)
	require.ErrorContains(t, err, "open file://"+occupied)
}

func TestName(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 27, 14, 30, 0, 0, time.UTC)
	first, second := webhook.FirstID(webhook.EventPrefix, at), webhook.NewID(webhook.EventPrefix)
	named := exports.Name([]string{first, second}, at)
	require.Regexp(t, `^2026-10-27/`+first+`-[0-9a-f]{16}\.jsonl\.gz$`, named)
	require.Equal(t, named, exports.Name([]string{first, second}, at.In(time.FixedZone("", 3600))))
	require.NotEqual(t, named, exports.Name([]string{first}, at))
	require.NotEqual(t, named, exports.Name([]string{first, second}, at.Add(time.Microsecond)))
}
