package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/exports"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// fakeRetention is a store with pages of events.
type fakeRetention struct {
	pages  []store.Expired
	before []time.Time
	rest   int // how often there is more
	fails  error
	// onDelete is called with what is to be deleted, before it is.
	onDelete func(store.Expired)
}

// ExportEvents hands over events that nobody has subscribed to.
func (s *fakeRetention) ExportEvents(_ context.Context, ids []string, into store.Export) error {
	for _, id := range ids {
		if err := into.Event(webhook.Event{ID: id, Payload: []byte("{}")}); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeRetention) Expired(_ context.Context, after string, before time.Time, _ int) (store.Expired, error) {
	s.before = append(s.before, before)
	for i, page := range s.pages {
		if after == "" || i > 0 && s.pages[i-1].Last == after {
			return page, nil
		}
	}
	return store.Expired{}, nil
}

func (s *fakeRetention) DeleteEvents(_ context.Context, expired store.Expired) (webhook.Deleted, error) {
	if s.onDelete != nil {
		s.onDelete(expired)
	}
	n := len(expired.IDs)
	return webhook.Deleted{Events: n, Deliveries: 2 * n, Attempts: 3 * n}, s.fails
}

func (s *fakeRetention) DeleteRest(context.Context, time.Time, int) (bool, error) {
	s.rest--
	return s.rest >= 0, nil
}

func deleteExpired(t *testing.T, s *fakeRetention, keep time.Duration, request webhook.RetentionRequest) (webhook.RetentionReport, *metrics.Metrics, error) {
	t.Helper()
	return exportExpired(t, s, nil, keep, request)
}

// exportExpired is deleteExpired with a bucket.
func exportExpired(t *testing.T, s activities.RetentionStore, bucket *exports.Bucket, keep time.Duration, request webhook.RetentionRequest) (report webhook.RetentionReport, m *metrics.Metrics, err error) {
	t.Helper()
	m = metrics.New("1.2.3")
	retention := activities.NewRetention(s, keep, bucket, m, slog.New(slog.DiscardHandler))
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(retention)
	value, err := env.ExecuteActivity(retention.DeleteExpired, request)
	if err == nil {
		require.NoError(t, value.Get(&report))
	}
	return report, m, err
}

func count(t *testing.T, m *metrics.Metrics, name string) (total float64) {
	t.Helper()
	families, err := m.Registry().Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name {
				total += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return total
}

func TestDeleteExpired(t *testing.T) {
	t.Parallel()
	s := &fakeRetention{rest: 2, pages: []store.Expired{
		{IDs: []string{"evt_1", "evt_2"}, Kept: 1, Last: "evt_3"}, {Kept: 4, Last: "evt_7"}, {IDs: []string{"evt_8"}},
	}}
	report, m, err := deleteExpired(t, s, time.Hour, webhook.RetentionRequest{Keep: "2h"})
	require.NoError(t, err)
	require.Equal(t, webhook.RetentionReport{Deleted: webhook.Deleted{Events: 3, Deliveries: 6, Attempts: 9}, Kept: 5}, report)
	require.Len(t, s.before, 3)
	require.WithinDuration(t, time.Now().Add(-2*time.Hour), s.before[0], time.Minute)
	require.Negative(t, s.rest, "it went on until there was nothing left")
	require.InDelta(t, 18, count(t, m, "durahook_retention_deleted_total"), 0)
	require.Zero(t, count(t, m, "durahook_retention_behind_seconds"))

	report, _, err = deleteExpired(t, s, time.Hour, webhook.RetentionRequest{Keep: "2h", After: "evt_7"})
	require.NoError(t, err)
	require.Equal(t, 1, report.Events)
}

// What a process was told to keep is kept, whatever the schedule says.
func TestDeleteExpiredKeepsForTheLongerTime(t *testing.T) {
	t.Parallel()
	s := new(fakeRetention)
	_, _, err := deleteExpired(t, s, 48*time.Hour, webhook.RetentionRequest{Keep: "2h"})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(-48*time.Hour), s.before[0], time.Minute)

	s = &fakeRetention{pages: []store.Expired{{IDs: []string{"evt_1"}}}}
	for keep, request := range map[time.Duration]string{0: "2h", time.Hour: "0s"} {
		report, _, err := deleteExpired(t, s, keep, webhook.RetentionRequest{Keep: request})
		require.NoError(t, err)
		require.Zero(t, report, "for ever")
	}
	require.Empty(t, s.before)
	_, _, err = deleteExpired(t, s, time.Hour, webhook.RetentionRequest{Keep: "a month"})
	require.ErrorContains(t, err, "how long events are kept")
}

// A step is bounded: the workflow shows how far it has come, and goes on from there.
func TestDeleteExpiredStepByStep(t *testing.T) {
	t.Parallel()
	s := new(fakeRetention)
	for n := range 100 {
		s.pages = append(s.pages, store.Expired{IDs: []string{"evt"}, Last: webhook.FirstID(webhook.EventPrefix, time.Unix(int64(n), 0))})
	}
	report, m, err := deleteExpired(t, s, time.Hour, webhook.RetentionRequest{Keep: "1h"})
	require.NoError(t, err)
	require.Equal(t, 40, report.Events)
	require.Equal(t, s.pages[39].Last, report.After)
	require.InDelta(t, time.Since(time.Unix(39, 0)).Seconds()-3600, count(t, m, "durahook_retention_behind_seconds"), 60)
}

func TestDeleteExpiredFails(t *testing.T) {
	t.Parallel()
	s := &fakeRetention{fails: errors.New("the database is down"), pages: []store.Expired{{IDs: []string{"evt_1"}}}}
	_, m, err := deleteExpired(t, s, time.Hour, webhook.RetentionRequest{Keep: "1h"})
	require.ErrorContains(t, err, "delete events that were kept for long enough: the database is down")
	require.InDelta(t, 1, count(t, m, "durahook_retention_failures_total"), 0)
	require.Zero(t, count(t, m, "durahook_retention_deleted_total"))
}
