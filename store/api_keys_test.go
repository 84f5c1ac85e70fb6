package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// newAPIKey stores a key with all scopes and returns it with its text.
func (f *fixture) newAPIKey(account string) (webhook.APIKey, string) {
	f.t.Helper()
	key, text, err := webhook.DefineAPIKey(account, webhook.APIKeyDefinition{
		Name: "Billing service", Scopes: webhook.Scopes(), ExpiresAt: "2999-01-01T00:00:00Z",
	}, time.Now())
	require.NoError(f.t, err)
	require.NoError(f.t, f.CreateAPIKey(f.t.Context(), &key))
	return key, text
}

func (f *fixture) byHash(key webhook.APIKey) (webhook.APIKey, bool) {
	f.t.Helper()
	found, ok, err := f.APIKeyByHash(f.t.Context(), key.Hash)
	require.NoError(f.t, err)
	return found, ok
}

func TestAPIKeyIsFoundWhileInForce(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		change string
		found  bool
	}{
		"as it is":       {`name = name`, true},
		"without expiry": {`expires_at = NULL`, true},
		"expired":        {`expires_at = now()`, false},
		"revoked":        {`revoked_at = now()`, false},
		"another hash":   {`hash = sha256('other')`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			key, _ := f.newAPIKey(f.account)
			f.newAPIKey(f.account)
			f.exec(`UPDATE api_keys SET `+scenario.change+` WHERE id = $1`, key.ID)
			found, ok := f.byHash(key)
			require.Equal(t, scenario.found, ok)
			if ok {
				require.Equal(t, key.ID, found.ID)
				require.Equal(t, f.account, found.AccountID)
				require.Equal(t, webhook.Scopes(), found.Scopes)
				require.Zero(t, found.Hash, "nobody needs to see it")
			}
		})
	}
}

func TestAPIKeysAreListedByAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.newAccount("other")
	first, _ := f.newAPIKey(f.account)
	second, _ := f.newAPIKey(f.account)
	f.newAPIKey(other)
	require.NoError(t, f.RevokeAPIKey(t.Context(), f.account, first.ID))

	keys, err := f.APIKeys(t.Context(), f.account, store.Page{Limit: 10})
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Equal(t, second.ID, keys[0].ID)
	require.Nil(t, keys[0].RevokedAt)
	require.True(t, second.ExpiresAt.Equal(*keys[0].ExpiresAt))
	require.Equal(t, first.ID, keys[1].ID)
	require.NotNil(t, keys[1].RevokedAt)
	keys, err = f.APIKeys(t.Context(), f.account, store.Page{Before: second.ID, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, first.ID, keys[0].ID)
}

func TestRevokeAPIKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, _ := f.newAPIKey(f.account)
	requireNotFound(t, key.ID, f.RevokeAPIKey(t.Context(), f.newAccount("other"), key.ID))
	_, ok := f.byHash(key)
	require.True(t, ok, "another account cannot revoke it")

	require.NoError(t, f.RevokeAPIKey(t.Context(), f.account, key.ID))
	_, ok = f.byHash(key)
	require.False(t, ok, "it is not remembered")
	f.exec(`UPDATE api_keys SET revoked_at = '2026-01-01Z'`)
	require.NoError(t, f.RevokeAPIKey(t.Context(), f.account, key.ID))
	require.Equal(t, 1, f.count(`SELECT count(*) FROM api_keys WHERE revoked_at = '2026-01-01Z'`), "the first time stays")
}

// Who publishes again and again is not looked up again and again; what another process revokes counts soon all the same.
func TestAPIKeysAreRememberedForAMoment(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, _ := f.newAPIKey(f.account)
	other, _ := f.newAPIKey(f.account)
	before := time.Now()
	for _, k := range []webhook.APIKey{key, other} {
		_, ok := f.byHash(k)
		require.True(t, ok)
	}
	f.exec(`UPDATE api_keys SET revoked_at = now()`)
	_, ok := f.byHash(key)
	require.True(t, ok || time.Since(before) >= time.Second, "it was looked up again")
	require.Eventually(t, func() bool {
		_, ok := f.byHash(key)
		return !ok
	}, time.Minute, 50*time.Millisecond)

	f.exec(`UPDATE api_keys SET revoked_at = NULL`)
	_, ok = f.byHash(other)
	require.True(t, ok)
	require.NoError(t, f.NoteUseOfAPIKey(t.Context(), other.ID, time.Minute))
	found, ok := f.byHash(other)
	require.True(t, ok)
	require.NotNil(t, found.LastUsedAt, "or its use would be noted with each request")
}

func TestAPIKeysOfAnAccountAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const free = 3
	f.exec(`INSERT INTO api_keys (id, account_id, name, hash, prefix, scopes)
		SELECT 'key_' || n, $1, '', sha256(n::text::bytea), '', '{}' FROM generate_series(1, $2) AS n`,
		f.account, webhook.MaxAPIKeys-free)
	results := make(chan error, 3*free)
	var group errgroup.Group
	for range cap(results) {
		group.Go(func() error {
			key, _, err := webhook.DefineAPIKey(f.account, webhook.APIKeyDefinition{Name: "x", Scopes: webhook.Scopes()}, time.Now())
			results <- f.CreateAPIKey(t.Context(), &key)
			return err
		})
	}
	require.NoError(t, group.Wait())
	close(results)
	refused := 0
	for err := range results {
		if err != nil {
			var domain *webhook.Error
			require.ErrorAs(t, err, &domain)
			require.Equal(t, webhook.CodeConflict, domain.Code)
			refused++
		}
	}
	require.Equal(t, 2*free, refused)
	require.Equal(t, webhook.MaxAPIKeys, f.count(`SELECT count(*) FROM api_keys`))

	f.exec(`UPDATE api_keys SET revoked_at = now() WHERE id = 'key_1'`)
	f.newAPIKey(f.account)
	f.exec(`UPDATE api_keys SET expires_at = now() WHERE id = 'key_2'`)
	f.newAPIKey(f.account)
	f.newAPIKey(f.newAccount("other"))
}

func TestUseOfAnAPIKeyIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, _ := f.newAPIKey(f.account)
	other, _ := f.newAPIKey(f.account)
	for ago, noted := range map[string]bool{"NULL": true, "now() - interval '59 seconds'": false, "now() - interval '60 seconds'": true} {
		f.exec(fmt.Sprintf(`UPDATE api_keys SET last_used_at = %s WHERE id = $1`, ago), key.ID)
		require.NoError(t, f.NoteUseOfAPIKey(t.Context(), key.ID, time.Minute))
		changed := f.count(`SELECT count(*) FROM api_keys WHERE id = $1 AND last_used_at > now() - interval '30 seconds'`, key.ID)
		require.Equal(t, noted, changed == 1, ago)
	}
	found, ok := f.byHash(other)
	require.True(t, ok)
	require.Nil(t, found.LastUsedAt)
}

// The prefix that is shown is there; neither the key nor what the prefix leaves out of it is.
func TestAPIKeysAreNeverReadableInTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	key, text := f.newAPIKey(f.account)
	require.NoError(t, f.NoteUseOfAPIKey(t.Context(), key.ID, time.Minute))
	dump := f.dump()
	require.Contains(t, dump, key.Prefix)
	for _, secret := range []string{text, strings.TrimPrefix(text, key.Prefix), strings.ToUpper(text)} {
		for _, spelling := range spellings(secret) {
			require.NotContains(t, dump, spelling)
		}
	}
}
