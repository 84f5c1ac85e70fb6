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
	webhook.APIKeyPrefix, webhook.RecoveryPrefix,
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

// Whatever is made in a millisecond lies between its first ID and that of the next.
func TestFirstID(t *testing.T) {
	t.Parallel()
	for _, prefix := range prefixes {
		before := time.Now()
		id := webhook.NewID(prefix)
		after := time.Now()
		require.LessOrEqual(t, webhook.FirstID(prefix, before), id)
		require.Greater(t, webhook.FirstID(prefix, after.Add(time.Millisecond)), id)
		require.NoError(t, webhook.CheckID(prefix, webhook.FirstID(prefix, before)))
	}
	at := time.Date(2025, 2, 2, 14, 30, 0, 7_999_999, time.UTC)
	require.Equal(t, "dlv_01jk3h2zj7", webhook.FirstID("dlv", at)[:14])
	require.Equal(t, webhook.FirstID("dlv", at.Truncate(time.Millisecond)), webhook.FirstID("dlv", at))
	require.Less(t, webhook.FirstID("dlv", at), webhook.FirstID("dlv", at.Add(time.Nanosecond)))
	require.Equal(t, webhook.FirstID("dlv", time.Unix(0, 0)), webhook.FirstID("dlv", time.Time{}), "nothing was made before 1970")
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
