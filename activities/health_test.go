package activities_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/durahook/durahook/activities"
	"github.com/durahook/durahook/metrics"
	"github.com/durahook/durahook/webhook"
)

// fakeHealth is a store with pages of webhooks, of which some fail.
type fakeHealth struct {
	pages            []string
	noted            []string
	failing          []webhook.Failing
	atLeast          time.Duration
	warned, disabled map[string]time.Time
}

func (s *fakeHealth) NoteHealth(_ context.Context, after string, ago time.Duration) (string, error) {
	s.noted = append(s.noted, after)
	if ago <= webhook.HealthInterval(0) || len(s.noted) > len(s.pages) {
		return "", nil
	}
	return s.pages[len(s.noted)-1], nil
}

func (s *fakeHealth) CountFailing(context.Context) (int, error) { return 7, nil }

func (s *fakeHealth) Failing(_ context.Context, atLeast time.Duration) ([]webhook.Failing, error) {
	s.atLeast = atLeast
	return s.failing, nil
}

func (s *fakeHealth) WarnFailing(_ context.Context, f webhook.Failing, at time.Time) (bool, error) {
	s.warned[f.Webhook.ID] = at
	return true, nil
}

func (s *fakeHealth) DisableFailing(_ context.Context, f webhook.Failing) (bool, error) {
	s.disabled[f.Webhook.ID] = time.Time{}
	return f.Webhook.ID != "whk_mended", nil
}

func checkHealth(t *testing.T, s *fakeHealth, after string) (webhook.HealthReport, *metrics.Metrics) {
	t.Helper()
	s.warned, s.disabled = map[string]time.Time{}, map[string]time.Time{}
	m := metrics.New("1.2.3")
	health := activities.NewHealth(s, m, slog.New(slog.DiscardHandler))
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(health)
	value, err := env.ExecuteActivity(health.CheckHealth, webhook.HealthRequest{DisableAfter: after})
	require.NoError(t, err)
	var report webhook.HealthReport
	require.NoError(t, value.Get(&report))
	return report, m
}

func TestCheckHealth(t *testing.T) {
	t.Parallel()
	since := time.Now().Add(-100 * time.Hour).UTC()
	failing := func(id string, lasted time.Duration, warned bool) webhook.Failing {
		return webhook.Failing{Webhook: webhook.Webhook{ID: id}, Since: since, Last: since.Add(lasted), Warned: warned}
	}
	s := &fakeHealth{pages: []string{"whk_1", "whk_2"}, failing: []webhook.Failing{
		failing("whk_halfway", 5*time.Hour, false), failing("whk_warned", 6*time.Hour, true),
		failing("whk_over", 10*time.Hour, true), failing("whk_mended", 11*time.Hour, true),
	}}
	report, m := checkHealth(t, s, "10h")
	require.Equal(t, webhook.HealthReport{Failing: 7, Warned: 1, Disabled: 1}, report)
	require.Equal(t, []string{"", "whk_1", "whk_2"}, s.noted)
	require.Equal(t, 5*time.Hour, s.atLeast)
	require.Equal(t, map[string]time.Time{"whk_halfway": since.Add(10 * time.Hour)}, s.warned)
	require.Len(t, s.disabled, 2)
	n, err := testutil.GatherAndCount(m.Registry(), "durahook_webhooks_disabled_total")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// With --disable-after 0 it is seen which webhooks fail, and nothing is done about it.
func TestCheckHealthNeverDisables(t *testing.T) {
	t.Parallel()
	s := &fakeHealth{pages: []string{"whk_1"}, failing: []webhook.Failing{{Webhook: webhook.Webhook{ID: "whk_over"}, Last: time.Now()}}}
	report, _ := checkHealth(t, s, "0s")
	require.Equal(t, webhook.HealthReport{Failing: 7}, report)
	require.Empty(t, s.warned)
	require.Empty(t, s.disabled)
	require.Equal(t, []string{"", "whk_1"}, s.noted)
}
