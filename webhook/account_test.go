package webhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestDefineAccount(t *testing.T) {
	t.Parallel()
	account, err := webhook.DefineAccount(webhook.AccountDefinition{Name: " Acme Inc. "})
	require.NoError(t, err)
	require.Equal(t, "Acme Inc.", account.Name)
	require.NoError(t, webhook.CheckID(webhook.AccountPrefix, account.ID))
	for name, words := range map[string]string{
		"": `"Acme Inc."`, "\t": "is missing", strings.Repeat("ä", webhook.MaxName+1): "longer than 100 characters", "a\x00": "control characters",
	} {
		_, err := webhook.DefineAccount(webhook.AccountDefinition{Name: name})
		requireFields(t, err, map[string]string{"/name": words})
	}
}
