package webhook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestDefaultSchedule(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"0s", "1m", "5m", "30m", "2h", "12h"}, webhook.DefaultSchedule().Strings())
	parsed, err := webhook.ParseSchedule("0s,1m,5m,30m,2h,12h")
	require.NoError(t, err)
	require.Equal(t, webhook.DefaultSchedule(), parsed)
}

func TestParseSchedule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]webhook.Schedule{
		"0s":                             {0},
		"0":                              {0},
		"12h":                            {12 * time.Hour},
		" 1m , 90s,1h30m ":               {time.Minute, 90 * time.Second, 90 * time.Minute},
		"1.5h,250ms,0.000001s":           {90 * time.Minute, 250 * time.Millisecond, time.Microsecond},
		strings.Repeat("1s,", 49) + "1s": webhook.Schedule(repeat(time.Second, 50)),
	} {
		got, err := webhook.ParseSchedule(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
}

func repeat(gap time.Duration, times int) []time.Duration {
	gaps := make([]time.Duration, times)
	for i := range gaps {
		gaps[i] = gap
	}
	return gaps
}

func TestParseScheduleRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               `"" is not a duration; use the form 0s,1m,5m,30m,2h,12h`,
		"1m,":                            `"" is not a duration`,
		"1m,,5m":                         `"" is not a duration`,
		"soon":                           `"soon" is not a duration`,
		"1m;5m":                          `"1m;5m" is not a duration`,
		"1":                              `"1" is not a duration`,
		"1d":                             `"1d" is not a duration`,
		"NaNs":                           `"NaNs" is not a duration`,
		"0s,-1s":                         "-1s is not between 0s and 12h",
		"0s,12h1ns":                      "12h1ns is not between 0s and 12h",
		"9999999h":                       `is not a duration`,
		strings.Repeat("1s,", 50) + "1s": "51 steps are too many; at most 50",
	} {
		got, err := webhook.ParseSchedule(text)
		require.ErrorContains(t, err, want, "%q", text)
		require.Nil(t, got)
	}
}

func TestFormatGap(t *testing.T) {
	t.Parallel()
	for gap, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h", 10 * time.Hour: "10h",
		10*time.Hour + 10*time.Minute: "10h10m", time.Hour + time.Second: "1h0m1s", 100 * time.Second: "1m40s",
		90 * time.Minute: "1h30m", 1500 * time.Millisecond: "1.5s", time.Nanosecond: "1ns", 30 * time.Second: "30s",
	} {
		require.Equal(t, want, webhook.FormatGap(gap))
		parsed, err := webhook.ParseGaps([]string{want})
		require.NoError(t, err)
		require.Equal(t, webhook.Schedule{gap}, parsed)
	}
}
