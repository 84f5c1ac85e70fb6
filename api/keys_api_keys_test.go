package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

func TestKeysAccounts(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	var account accountAnswer
	f.do(keysAdminKey, http.MethodGet, "/v1/accounts/"+f.account, "").as(200, &account)
	require.Equal(t, f.account, account.ID)
	require.Equal(t, "Acme Inc.", account.Name)
	created, err := time.Parse(time.RFC3339, account.CreatedAt)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), created, time.Minute)

	var page pageAnswer[accountAnswer]
	f.do(keysAdminKey, http.MethodGet, "/v1/accounts?limit=1", "").as(200, &page)
	require.Equal(t, f.rival, page.Data[0].ID)
	f.do(keysAdminKey, http.MethodGet, "/v1/accounts?limit=1&cursor="+*page.NextCursor, "").as(200, &page)
	require.Equal(t, account, page.Data[0])

	f.do(keysAdminKey, http.MethodPost, "/v1/accounts", `{"name":" Acme Inc. "}`).refused(409, "conflict", "/name")
	f.do(keysAdminKey, http.MethodPost, "/v1/accounts", `{"name":"","id":"acc_1"}`).refused(422, "invalid", "/id", "/name")
	f.do(keysAdminKey, http.MethodPost, "/v1/accounts", `{}`).refused(422, "invalid", "/name")
	f.do(keysAdminKey, http.MethodPost, "/v1/accounts", ``).refused(400, "malformed")
	f.do(keysAdminKey, http.MethodGet, "/v1/accounts/acc_1", "").refused(404, "not_found")
	f.do(keysAdminKey, http.MethodGet, "/v1/accounts?cursor=acc_1", "").refused(422, "invalid", "/cursor")
}

func TestKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	manager := f.newKey(f.account, webhook.ScopeManage, webhook.ScopeRead)
	require.Nil(t, manager.ExpiresAt)
	var key apiKeyAnswer
	f.do(manager.Key, http.MethodPost, "/v1/api-keys", `{"name":" Reports ","scopes":["read"],"expires_at":"2999-01-01T01:00:00+01:00"}`).as(201, &key)
	require.Equal(t, "Reports", key.Name)
	require.Equal(t, []string{"read"}, key.Scopes)
	require.Equal(t, "2999-01-01T00:00:00Z", *key.ExpiresAt)
	require.True(t, strings.HasPrefix(key.Key, key.Prefix))
	require.Equal(t, 200, f.do(key.Key, http.MethodGet, "/v1/webhooks", "").status)

	require.Equal(t, 204, f.do(manager.Key, http.MethodDelete, "/v1/api-keys/"+key.ID, "").status)
	again := f.do(manager.Key, http.MethodDelete, "/v1/api-keys/"+key.ID, "")
	require.Equal(t, 204, again.status)
	require.Empty(t, again.text)
	f.do(key.Key, http.MethodGet, "/v1/webhooks", "").refused(401, "unauthorized")

	listed := f.do(manager.Key, http.MethodGet, "/v1/api-keys", "")
	var page pageAnswer[apiKeyAnswer]
	listed.as(200, &page)
	require.Len(t, page.Data, 2)
	require.Equal(t, key.ID, page.Data[0].ID)
	require.Equal(t, key.Prefix, page.Data[0].Prefix)
	require.NotNil(t, page.Data[0].RevokedAt)
	require.Nil(t, page.Data[1].RevokedAt)

	everything := listed.text + f.dump() + f.log.String()
	require.Contains(t, everything, key.Prefix)
	for _, secret := range []apiKeyAnswer{key, manager} {
		require.NotContains(t, everything, secret.Key)
		require.NotContains(t, everything, strings.TrimPrefix(secret.Key, secret.Prefix))
	}
	require.NotContains(t, listed.text, "hash")
}

func TestKeysCannotBeCreated(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	manager := f.newKey(f.account, webhook.ScopeManage).Key
	for name, scenario := range map[string]struct {
		body     string
		status   int
		code     string
		pointers []string
	}{
		"nothing said":       {`{}`, 422, "invalid", []string{"/name", "/scopes"}},
		"all wrong":          {`{"name":"\u0000","scopes":["write"],"expires_at":"2020-01-01T00:00:00Z"}`, 422, "invalid", []string{"/name", "/scopes/0", "/expires_at"}},
		"the admin's scope":  {`{"name":"x","scopes":["admin"]}`, 422, "invalid", []string{"/scopes/0"}},
		"wrong types":        {`{"name":1,"scopes":"read","expires_at":5,"key":"mine"}`, 422, "invalid", []string{"/name", "/scopes", "/expires_at", "/key"}},
		"a scope it has not": {`{"name":"x","scopes":["manage","publish"]}`, 403, "forbidden", nil},
		"not JSON":           {`name`, 400, "malformed", nil},
		"a body without end": {`{"name":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too_large", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := f.in(t)
			f.do(manager, http.MethodPost, "/v1/api-keys", scenario.body).refused(scenario.status, scenario.code, scenario.pointers...)
			require.Equal(t, 1, f.count(`SELECT count(*) FROM api_keys`))
		})
	}
}

func TestKeysOfAnAccountAreLimited(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	manager := f.newKey(f.account, webhook.ScopeManage).Key
	f.do(manager, http.MethodDelete, "/v1/api-keys/key_1", "").refused(404, "not_found")
	f.exec(`INSERT INTO api_keys (id, account_id, name, hash, prefix, scopes)
		SELECT 'key_' || n, $1, '', sha256(n::text::bytea), '', '{}' FROM generate_series(2, $2) AS n`, f.account, webhook.MaxAPIKeys)
	f.do(manager, http.MethodPost, "/v1/api-keys", keysKey).refused(409, "conflict")
}

// The note of a key's last use is made beside the request: it neither waits for a row that is locked nor
// fails with it.
func TestKeysLastUse(t *testing.T) {
	t.Parallel()
	f := newKeysFixture(t)
	key := f.newKey(f.account, webhook.ScopeRead)
	lock, err := f.store.DB().BeginTxx(t.Context(), nil)
	require.NoError(t, err)
	_, err = lock.ExecContext(t.Context(), `SELECT FROM api_keys WHERE id = $1 FOR UPDATE`, key.ID)
	require.NoError(t, err)
	for range 10 {
		require.Equal(t, 200, f.do(key.Key, http.MethodGet, "/v1/webhooks", "").status)
	}
	require.Equal(t, 0, f.count(`SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL`))
	require.NoError(t, lock.Rollback())
	require.Eventually(t, func() bool {
		return f.count(`SELECT count(*) FROM api_keys WHERE last_used_at > now() - interval '1 minute' AND id = $1`, key.ID) == 1
	}, time.Minute, 10*time.Millisecond)
}
