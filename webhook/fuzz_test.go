package webhook_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// Whatever is published either is an event that can be stored, delivered and shown, or is refused with an
// error for its sender.
func FuzzParseEvent(f *testing.F) {
	for _, seed := range []string{
		valid, "", "{}", "null", "[]", `{"event":"call.ended"}`, strings.Replace(valid, "{", `{"a":1,`, 1),
		strings.Replace(valid, "Z", "+23:59", 1), strings.Replace(valid, "2025", "0000", 1),
		strings.Replace(valid, "2025", "9999", 1), "\xff", strings.Repeat("[", 20_000), valid + "x",
		`{"event":"call.ended","timestamp":"2025-02-02T14:30:00Z","data":{"a":"\ud800\u0000"},"event":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		event, err := webhook.ParseEvent(body, webhook.BuiltIn)
		if err != nil {
			requireExplained(t, err)
			return
		}
		require.Equal(t, body, event.Payload)
		require.True(t, json.Valid(body))
		_, err = json.Marshal(event.Timestamp)
		require.NoError(t, err)
		var got struct {
			Event     string
			Timestamp time.Time
			Data      map[string]any
		}
		require.NoError(t, json.Unmarshal(body, &got))
		require.Equal(t, event.Event, got.Event)
		require.True(t, event.Timestamp.Equal(got.Timestamp))
		require.NotNil(t, got.Data)
	})
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{
		"0s,1m,5m,30m,2h,12h", "", ",", "1.5h", "-1s", "12h", "12h1ns", " 1s , 2s ", "1h0m0s", "1µs", "1e3s", "0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := webhook.ParseSchedule(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, schedule)
		for _, gap := range schedule {
			require.GreaterOrEqual(t, gap, time.Duration(0))
			require.LessOrEqual(t, gap, webhook.MaxGap)
		}
		again, err := webhook.ParseGaps(schedule.Strings())
		require.NoError(t, err)
		require.Equal(t, schedule, again)
	})
}

// A URL that is accepted can be requested, and only over HTTPS and without credentials.
func FuzzDefineURL(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/webhooks", "http://example.com", "https://user:pw@example.com", "https://[::1]:1/", "https://2130706433",
		"https://example.com:70000", "https://a b", "https://a\r\nb", "//a", "https:a", "https://%31", "https://[fe80::1%25eth0]/",
		"https://b\u00fccher.example", "https://\uff11.1", "HTTPS://EXAMPLE.COM", "https://a/%zz", "https://a?b#c", "https://a:/", "https://a\\@b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		w, err := webhook.Define("acc_1", definition(func(d *webhook.Definition) { d.URL = url }), webhook.BuiltIn, false)
		if err != nil {
			requireExplained(t, err)
			return
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL, nil)
		require.NoError(t, err)
		require.Equal(t, "https", request.URL.Scheme)
		require.Nil(t, request.URL.User)
		require.NotEmpty(t, request.URL.Hostname())
		require.LessOrEqual(t, len(w.URL), webhook.MaxURL)
		require.False(t, strings.ContainsAny(w.URL, " \r\n\t\x00"))
	})
}

// requireExplained makes sure that err is for people: coded, and short enough to be read.
func requireExplained(t *testing.T, err error) {
	t.Helper()
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.NotEmpty(t, domain.Code)
	require.NotEmpty(t, domain.Message)
}
