package webhook_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

var noon = time.Date(2026, 2, 2, 12, 0, 0, 0, time.UTC)

func apiKeyDefinition(change func(*webhook.APIKeyDefinition)) webhook.APIKeyDefinition {
	d := webhook.APIKeyDefinition{Name: " Billing service ", Scopes: []webhook.Scope{webhook.ScopePublish}}
	if change != nil {
		change(&d)
	}
	return d
}

func TestDefineAPIKey(t *testing.T) {
	t.Parallel()
	key, text, err := webhook.DefineAPIKey("acc_1", apiKeyDefinition(func(d *webhook.APIKeyDefinition) {
		d.ExpiresAt = "2026-02-02T14:00:00.123456789+01:00"
	}), noon)
	require.NoError(t, err)
	expires := noon.Add(time.Hour + 123456*time.Microsecond)
	require.NoError(t, webhook.CheckID(webhook.APIKeyPrefix, key.ID))
	require.Equal(t, webhook.APIKey{
		ID: key.ID, AccountID: "acc_1", Name: "Billing service", Hash: sha256.Sum256([]byte(text)), Prefix: text[:10],
		Scopes: []webhook.Scope{webhook.ScopePublish}, ExpiresAt: &expires,
	}, key)
	require.NotContains(t, string(key.Hash[:]), text)

	hash, ok := webhook.HashAPIKey(text)
	require.True(t, ok)
	require.Equal(t, key.Hash, hash)
}

// Base32 has 5 bits in a character: 52 of them are 260.
func TestAPIKeysAreLongAndRandom(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		key, text, err := webhook.DefineAPIKey("acc_1", apiKeyDefinition(nil), noon)
		require.NoError(t, err)
		require.Nil(t, key.ExpiresAt)
		require.Regexp(t, "^dhk_[a-z2-7]{52}$", text)
		require.NotEqual(t, text[4:30], text[30:])
		for _, part := range []string{text[4:30], text[30:]} {
			require.False(t, seen[part])
			seen[part] = true
		}
	}
}

func TestDefineAPIKeyRefuses(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		change func(*webhook.APIKeyDefinition)
		want   map[string]string
	}{
		"everything at once": {func(d *webhook.APIKeyDefinition) { *d = webhook.APIKeyDefinition{ExpiresAt: "tomorrow"} }, map[string]string{
			"/name": `"Billing service"`, "/scopes": "name at least one of publish, manage, read", "/expires_at": "use RFC 3339",
		}},
		"a long name":       {func(d *webhook.APIKeyDefinition) { d.Name = strings.Repeat("x", 101) }, map[string]string{"/name": "longer than 100"}},
		"wrong scopes":      {func(d *webhook.APIKeyDefinition) { d.Scopes = []webhook.Scope{"read", "write", "read"} }, map[string]string{"/scopes/1": "is not a scope", "/scopes/2": "twice"}},
		"the admin's scope": {func(d *webhook.APIKeyDefinition) { d.Scopes = []webhook.Scope{webhook.ScopeAdmin} }, map[string]string{"/scopes/0": "use some of publish, manage, read"}},
		"an empty scope":    {func(d *webhook.APIKeyDefinition) { d.Scopes = []webhook.Scope{""} }, map[string]string{"/scopes/0": "is not a scope"}},
		"endless scopes":    {func(d *webhook.APIKeyDefinition) { d.Scopes = make([]webhook.Scope, 10_000) }, map[string]string{"/scopes": "more than 3", "/scopes/0": "", "/scopes/1": "", "/scopes/2": ""}},
		"now":               {func(d *webhook.APIKeyDefinition) { d.ExpiresAt = "2026-02-02T12:00:00Z" }, map[string]string{"/expires_at": "is not in the future"}},
		"the year 10000":    {func(d *webhook.APIKeyDefinition) { d.ExpiresAt = "9999-12-31T23:59:59-01:00" }, map[string]string{"/expires_at": "up to 9999"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, text, err := webhook.DefineAPIKey("acc_1", apiKeyDefinition(scenario.change), noon)
			requireFields(t, err, scenario.want)
			require.Empty(t, text)
		})
	}
}

func TestHashAPIKeyOnlyOfWhatLooksLikeOne(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "dhk_", "dhk_" + strings.Repeat("a", 51), "dhk_" + strings.Repeat("a", 53), "key_" + strings.Repeat("a", 52)} {
		_, ok := webhook.HashAPIKey(text)
		require.False(t, ok, text)
	}
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	publish, manage, read := webhook.ScopePublish, webhook.ScopeManage, webhook.ScopeRead
	reader := webhook.Principal{Scopes: []webhook.Scope{read, manage}}
	require.NoError(t, reader.Check(read))
	require.NoError(t, reader.CheckGrant([]webhook.Scope{manage, read}))
	for want, err := range map[string]error{
		"This needs an API key with the scope publish; this one has read, manage.":        reader.Check(publish),
		"Only the admin key may do this: it needs the scope admin, which no API key has.": reader.Check(webhook.ScopeAdmin),
		"This key cannot grant publish: it only has read, manage itself.":                 reader.CheckGrant([]webhook.Scope{read, publish}),
		"This needs an API key with the scope read; this one has publish.":                webhook.Principal{Scopes: []webhook.Scope{publish}}.Check(read),
		"This needs an API key with the scope read; this one has manage.":                 webhook.Principal{Scopes: []webhook.Scope{manage}}.Check(read),
	} {
		require.Equal(t, want, requireCode(t, webhook.CodeForbidden, err).Message)
	}
	admin := webhook.Principal{Admin: true}
	require.NoError(t, admin.CheckGrant(webhook.Scopes()))
	for _, scope := range append(webhook.Scopes(), webhook.ScopeAdmin) {
		require.NoError(t, admin.Check(scope))
		require.Error(t, webhook.Principal{}.Check(scope), "nobody may do anything")
	}
}
