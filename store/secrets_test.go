package store_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/webhook"
)

// dump is the text of every row of every table.
func (f *fixture) dump() string {
	f.t.Helper()
	var tables []string
	require.NoError(f.t, f.DB().SelectContext(f.t.Context(), &tables,
		`SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`))
	require.Contains(f.t, tables, "webhooks")
	var text strings.Builder
	for _, table := range tables {
		var rows []string
		require.NoError(f.t, f.DB().SelectContext(f.t.Context(), &rows, `SELECT row::text FROM `+table+` AS row`))
		text.WriteString(strings.Join(rows, "\n"))
	}
	return text.String()
}

// spellings are the forms in which a text can stand in a dump: bytea is shown in hexadecimal.
func spellings(text string) []string {
	in64 := base64.StdEncoding.EncodeToString([]byte(text))
	return []string{text, hex.EncodeToString([]byte(text)), in64, hex.EncodeToString([]byte(in64))}
}

func TestSecretsAreNeverReadableInTheDatabase(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	secrets := []string{"value-of-the-api-key", "password-of-basic", "token-of-bearer", "secret-of-hmac", "secret-of-client"}
	for _, authentication := range []webhook.Authentication{
		{Type: "api_key", Header: "X-Api-Key", Value: secrets[0]}, {Type: "basic", Username: "aladdin", Password: secrets[1]},
		{Type: "bearer", Token: secrets[2]}, {Type: "hmac", Secret: secrets[3]},
		{Type: "bearer", TokenURL: "https://id.example.com/", ClientID: "client", ClientSecret: secrets[4], Scopes: []string{"scope"}},
	} {
		w, err := webhook.Define(f.account, webhook.Definition{
			Name: "Webhook", URL: "https://example.com/", Events: []string{"*"}, Authentication: authentication,
		}, webhook.BuiltIn, false)
		require.NoError(t, err)
		require.NoError(t, f.CreateWebhook(t.Context(), &w))
		require.NoError(t, f.SetWebhookURL(t.Context(), f.account, w.ID, "https://other.example/"))
		key := strings.TrimPrefix(string(w.SigningSecret), "whsec_")
		raw, err := base64.StdEncoding.DecodeString(key)
		require.NoError(t, err)
		secrets = append(secrets, key, string(raw))
	}
	for _, d := range f.publish(f.account) {
		require.NoError(t, f.RecordAttempt(t.Context(), attempt(d, "run", 1, 500), webhook.StatusWaiting, nil))
	}

	dump := f.dump()
	require.Contains(t, dump, "https://other.example/", "the dump holds what is no secret")
	require.Contains(t, dump, hex.EncodeToString([]byte("+15551234567")), "and finds it in binary columns too")
	for _, secret := range secrets {
		for _, spelling := range spellings(secret) {
			require.NotContains(t, dump, spelling)
		}
	}
}
