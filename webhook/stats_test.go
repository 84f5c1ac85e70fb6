package webhook_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// step is that of a response time.
func step(ms int) *int {
	step := int(math.Floor(math.Log(float64(max(ms, 1))) / math.Log(webhook.TimesBase)))
	return &step
}

func TestFiguresOfNothing(t *testing.T) {
	t.Parallel()
	var f webhook.Figures
	require.Zero(t, f.Total())
	require.Nil(t, f.SuccessRate())
	require.Nil(t, f.Percentile(0.5))
	require.Nil(t, f.Max())
	f.Count(3, webhook.OutcomeConnectionError, nil, 5000)
	require.Zero(t, *f.SuccessRate())
	require.Nil(t, f.Percentile(0.5), "nothing was answered")
	require.Nil(t, f.Max())
}

func TestFigures(t *testing.T) {
	t.Parallel()
	var f, other webhook.Figures
	for ms := 1; ms <= 1000; ms++ {
		f.Count(1, webhook.OutcomeSuccess, step(ms), ms)
	}
	other.Count(1000, webhook.OutcomeServerError, step(30_000), 30_000)
	other.Count(2000, webhook.OutcomeTimeout, nil, 60_000)
	require.Equal(t, 1000, *f.Max())
	f.Add(other)
	require.Equal(t, 4000, f.Total())
	require.Equal(t, 1000, f.Succeeded())
	require.InDelta(t, 0.25, *f.SuccessRate(), 0)
	for share, want := range map[float64]float64{0.0005: 1, 0.05: 100, 0.25: 500, 0.5: 1000, 0.51: 30_000, 1: 30_000} {
		require.InEpsilon(t, want, *f.Percentile(share), 0.05, share)
	}
	require.Equal(t, 30_000, *f.Max())

	text, err := json.Marshal(f)
	require.NoError(t, err)
	var again webhook.Figures
	require.NoError(t, json.Unmarshal(text, &again))
	require.Equal(t, f, again)
}

func TestFiguresOfOneAnswer(t *testing.T) {
	t.Parallel()
	for ms := range 40_000 {
		var f webhook.Figures
		f.Count(1, webhook.OutcomeSuccess, step(ms), ms)
		for _, share := range []float64{0.01, 0.5, 1} {
			got := *f.Percentile(share)
			require.LessOrEqual(t, got, ms)
			require.GreaterOrEqual(t, float64(got)+1, float64(ms)*0.95)
		}
	}
}

func TestStatsSpan(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return at
	}
	now, none := at("2026-03-10T12:34:56Z"), time.Time{}
	for name, scenario := range map[string]struct {
		since, until time.Time
		from, to     string
	}{
		"neither":     {none, none, "2026-03-09T12:00:00Z", "2026-03-10T13:00:00Z"},
		"since":       {at("2026-03-10T11:59:59Z"), none, "2026-03-10T11:00:00Z", "2026-03-10T13:00:00Z"},
		"until":       {none, at("2026-03-01T00:00:00Z"), "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
		"both":        {at("2026-03-01T00:30:00+02:00"), at("2026-03-01T01:30:01+02:00"), "2026-02-28T22:00:00Z", "2026-03-01T00:00:00Z"},
		"31 days":     {at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z"), "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		"less than 1": {at("2026-03-01T00:00:00Z"), at("2026-03-01T00:00:01Z"), "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"},
	} {
		from, to, err := webhook.StatsSpan(scenario.since, scenario.until, now)
		require.NoError(t, err, name)
		require.Equal(t, at(scenario.from), from, name)
		require.Equal(t, at(scenario.to), to, name)
	}
	for pointer, span := range map[string][2]time.Time{
		"/since": {at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:01Z")}, "/until": {now, now},
	} {
		_, _, err := webhook.StatsSpan(span[0], span[1], now)
		require.Equal(t, pointer, requireCode(t, webhook.CodeInvalid, err).Fields[0].Pointer)
	}
	_, _, err := webhook.StatsSpan(now.Add(time.Second), none, now)
	require.Equal(t, "/until", requireCode(t, webhook.CodeInvalid, err).Fields[0].Pointer)
	_, _, err = webhook.StatsSpan(now.AddDate(0, -2, 0), none, now)
	require.Equal(t, "/since", requireCode(t, webhook.CodeInvalid, err).Fields[0].Pointer)
}
