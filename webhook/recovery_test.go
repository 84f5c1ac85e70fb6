package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func recoveryNow() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC) }

func defineRecovery(t *testing.T, body string) (webhook.Recovery, error) {
	t.Helper()
	var d webhook.RecoveryDefinition
	require.NoError(t, webhook.DecodeJSON([]byte(body), &d))
	return webhook.DefineRecovery("acc_1", "whk_1", d, recoveryNow())
}

func TestDefineRecovery(t *testing.T) {
	t.Parallel()
	r, err := defineRecovery(t, `{"since":"2026-02-28T12:00:00.1234567+01:00"}`)
	require.NoError(t, err)
	require.NoError(t, webhook.CheckID(webhook.RecoveryPrefix, r.ID))
	require.Equal(t, webhook.Recovery{
		ID: r.ID, AccountID: "acc_1", WebhookID: "whk_1", Since: time.Date(2026, 2, 28, 11, 0, 0, 123_456_000, time.UTC),
		Until: recoveryNow().Truncate(time.Microsecond), Statuses: []webhook.Status{webhook.StatusExhausted}, Status: webhook.RecoveryRunning,
	}, r)

	r, err = defineRecovery(t, `{"since":"0001-01-01T00:00:00Z","until":"2026-03-01T12:00:00Z","status":["waiting","discarded","exhausted","cancelled"]}`)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), r.Until)
	require.ElementsMatch(t, webhook.RecoverableStatuses(), r.Statuses)
}

func TestDefineRecoveryRefuses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]map[string]string{
		`{}`:                                       {"/since": "is missing"},
		`{"since":""}`:                             {"/since": "is missing"},
		`{"since":null,"until":null}`:              {"/since": "is missing"},
		`{"since":1740826800}`:                     {"/since": "must be a string"},
		`{"since":"yesterday"}`:                    {"/since": "is not a time"},
		`{"since":"0000-01-01T00:00:00Z"}`:         {"/since": "from 1 on"},
		`{"since":"2026-03-01T12:00:00.2Z"}`:       {"/since": "is in the future"},
		`{"since":"2026-03-01T12:00:00.1234567Z"}`: {"/since": "before until"}, // the same microsecond
		`{"since":"2026-02-01T12:00:00Z","until":"2026-02-01T12:00:00Z"}`:                                       {"/since": "before until"},
		`{"since":"2026-02-02T12:00:00Z","until":"2026-02-01T12:00:00Z"}`:                                       {"/since": "before until"},
		`{"since":"2026-02-01T12:00:00Z","until":"2026-03-01T12:00:01Z"}`:                                       {"/until": "is in the future"},
		`{"since":"2026-02-01T12:00:00Z","status":[]}`:                                                          {"/status": "is empty"},
		`{"since":"2026-02-01T12:00:00Z","status":["delivered"]}`:                                               {"/status/0": "use some of exhausted, cancelled, discarded, waiting"},
		`{"since":"2026-02-01T12:00:00Z","status":["exhausted","exhausted"]}`:                                   {"/status/1": "is there twice"},
		`{"since":"2026-02-01T12:00:00Z","status":"exhausted"}`:                                                 {"/status": "must be an array"},
		`{"since":"2026-02-01T12:00:00Z","statuses":[]}`:                                                        {"/statuses": "known are since, until, status"},
		`{"since":"x","until":"y","status":["pending","nothing"],"webhook_id":1}`:                               {"/since": "not a time", "/until": "not a time", "/status/0": "not a status", "/status/1": "not a status", "/webhook_id": "not a known field"},
		`{"since":"2026-02-01T12:00:00Z","status":["exhausted","cancelled","discarded","waiting","exhausted"]}`: {"/status": "more than 4"},
	} {
		_, err := defineRecovery(t, body)
		fields := requireCode(t, webhook.CodeInvalid, err).Fields
		require.Len(t, fields, len(want), body)
		for _, field := range fields {
			require.Contains(t, want, field.Pointer, body)
			require.Contains(t, field.Detail, want[field.Pointer], body)
		}
	}
}

func FuzzDefineRecovery(f *testing.F) {
	f.Add("2026-02-01T12:00:00Z", "2026-02-02T12:00:00+14:00", "exhausted")
	f.Add("0001-01-01T00:00:00+01:00", "", "waiting")
	f.Fuzz(func(t *testing.T, since, until, status string) {
		d := webhook.RecoveryDefinition{Since: since, Until: until, Status: []webhook.Status{webhook.Status(status)}}
		r, err := webhook.DefineRecovery("acc_1", "whk_1", d, recoveryNow())
		if err != nil {
			require.NotEmpty(t, requireCode(t, webhook.CodeInvalid, err).Fields)
			return
		}
		require.True(t, r.Since.Before(r.Until))
		require.False(t, r.Until.After(recoveryNow()))
		require.Contains(t, webhook.RecoverableStatuses(), webhook.Status(status))
	})
}
