package webhook_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

var prefixes = []string{
	webhook.AccountPrefix, webhook.EventPrefix, webhook.WebhookPrefix, webhook.DeliveryPrefix, webhook.AttemptPrefix,
	webhook.APIKeyPrefix,
}

func TestNewIDsAreOfTheirKindOnly(t *testing.T) {
	t.Parallel()
	for _, prefix := range prefixes {
		id := webhook.NewID(prefix)
		require.Regexp(t, "^"+prefix+"_[0-9a-z]{26}$", id)
		for _, other := range prefixes {
			err := webhook.CheckID(other, id)
			if other == prefix {
				require.NoError(t, err)
				continue
			}
			require.Contains(t, requireCode(t, webhook.CodeNotFound, err).Message, id)
		}
	}
}

// The first ten characters after the prefix are the millisecond.
func TestNewIDsSortByTime(t *testing.T) {
	t.Parallel()
	const millisecond = len("dlv_") + 10
	var times []string
	seen := make(map[string]bool)
	for len(slices.Compact(slices.Clone(times))) < 5 {
		id := webhook.NewID(webhook.DeliveryPrefix)
		require.False(t, seen[id])
		seen[id] = true
		times = append(times, id[:millisecond])
	}
	require.True(t, slices.IsSorted(times))
}

func TestFirstID(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 2, 2, 14, 30, 0, 123_999_999, time.UTC)
	first := webhook.FirstID(webhook.DeliveryPrefix, at)
	require.NoError(t, webhook.CheckID(webhook.DeliveryPrefix, first))
	require.Equal(t, first, webhook.FirstID(webhook.DeliveryPrefix, at.Truncate(time.Millisecond)))
	require.Less(t, first, webhook.FirstID(webhook.DeliveryPrefix, at.Add(1)), "the next millisecond")
	require.Regexp(t, "0{16}$", first, "nothing of that millisecond is smaller")

	before := time.Now()
	id := webhook.NewID(webhook.EventPrefix)
	require.GreaterOrEqual(t, id, webhook.FirstID(webhook.EventPrefix, before))
	require.Less(t, id, webhook.FirstID(webhook.EventPrefix, time.Now().Add(time.Millisecond)))

	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	require.Greater(t, webhook.FirstID(webhook.EventPrefix, last), id)
	require.Equal(t, webhook.FirstID(webhook.EventPrefix, time.Unix(0, 0)), webhook.FirstID(webhook.EventPrefix, time.Time{}))
	require.Greater(t, webhook.FirstID(webhook.EventPrefix, time.Unix(1<<40, 0)), webhook.FirstID(webhook.EventPrefix, last))
}

func TestIDTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 2, 2, 14, 30, 0, 123_999_999, time.UTC)
	require.Equal(t, at.Truncate(time.Millisecond), webhook.IDTime(webhook.FirstID(webhook.EventPrefix, at)))
	require.Zero(t, webhook.IDTime("evt_1"))
}

func TestCheckIDRefuses(t *testing.T) {
	t.Parallel()
	id := webhook.NewID(webhook.WebhookPrefix)
	for _, wrong := range []string{
		"", "whk", "whk_", "whk_1", id[:len(id)-1], id + "0", strings.ToUpper(id), " " + id, id + "\x00", id + "'--",
		"whk_" + strings.Repeat("z", 26), "whk_01kax0000000000000000000iu", "../" + id, "_" + id[4:], id[4:],
	} {
		err := webhook.CheckID(webhook.WebhookPrefix, wrong)
		require.Equal(t, webhook.NotFound(webhook.WebhookPrefix, wrong), err)
	}
}

func TestNotFoundNamesTheThing(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		webhook.AccountPrefix: "There is no account x.", webhook.EventPrefix: "There is no event x in this account.",
		webhook.WebhookPrefix: "There is no webhook x in this account.", webhook.DeliveryPrefix: "There is no delivery x in this account.",
		webhook.APIKeyPrefix: "There is no API key x in this account.",
	} {
		require.EqualError(t, webhook.NotFound(prefix, "x"), want)
	}
	long := webhook.NotFound(webhook.EventPrefix, strings.Repeat("x", 63)+"é"+strings.Repeat("x", 1000)).Error()
	require.Equal(t, "There is no event "+strings.Repeat("x", 63)+"… in this account.", long)
}
