package target_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

func TestParseInsecure(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"none", "loopback", "all"} {
		value, err := target.ParseInsecure(text)
		require.NoError(t, err)
		require.Equal(t, target.Insecure(text), value)
	}
	for _, text := range []string{"", "None", "loopback,all", "true"} {
		_, err := target.ParseInsecure(text)
		require.EqualError(t, err, "must be none, loopback or all")
	}
}

func TestAllowsHTTP(t *testing.T) {
	t.Parallel()
	require.False(t, target.NewGuard(target.InsecureNone).AllowsHTTP())
	require.True(t, target.NewGuard(target.InsecureLoopback).AllowsHTTP())
	require.True(t, target.NewGuard(target.InsecureAll).AllowsHTTP())
}

// refusal is what the guard must say of an address, empty when it must admit it.
func refusal(insecure target.Insecure, scheme string, address kind) string {
	switch {
	case insecure == target.InsecureAll, scheme == "https" && address == public,
		insecure == target.InsecureLoopback && address == loopback:
		return ""
	case insecure == target.InsecureLoopback && scheme == "http":
		return "must start with https://, except for loopback addresses"
	case insecure == target.InsecureLoopback:
		return "must have a public address or a loopback one"
	default:
		return "must have a public address; this one is private, loopback, link-local or reserved"
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, insecure := range []target.Insecure{target.InsecureNone, target.InsecureLoopback, target.InsecureAll} {
		for _, scheme := range []string{"https", "http"} {
			for host, address := range addresses {
				t.Run(string(insecure)+" "+scheme+" "+host, func(t *testing.T) {
					t.Parallel()
					guard := target.NewGuard(insecure)
					for _, url := range []string{scheme + "://" + host, scheme + "://" + host + ":8443/path?q#f"} {
						requireRefusal(t, refusal(insecure, scheme, address), guard.CheckURL(t.Context(), "/url", url))
					}
				})
			}
		}
	}
}

// The name is in every machine's hosts file.
func TestCheckURLResolvesNames(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://localhost/", "https://LOCALHOST:8443"} {
		requireRefusal(t, refusal(target.InsecureNone, "https", loopback), target.NewGuard(target.InsecureNone).CheckURL(t.Context(), "/url", url))
		require.NoError(t, target.NewGuard(target.InsecureLoopback).CheckURL(t.Context(), "/url", url))
		require.NoError(t, target.NewGuard(target.InsecureAll).CheckURL(t.Context(), "/url", url))
	}
}

// Names are not looked up for somebody who has gone, and an unresolvable one is admitted: each connection
// is checked again.
func TestCheckURLAdmitsWhatCannotBeResolved(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, target.NewGuard(target.InsecureNone).CheckURL(ctx, "/url", "https://endpoint.test/"))
	require.NoError(t, target.NewGuard(target.InsecureLoopback).CheckURL(ctx, "/url", "https://endpoint.test/"))
	require.NoError(t, target.NewGuard(target.InsecureAll).CheckURL(ctx, "/url", "http://endpoint.test/"))
	requireRefusal(t, "must start with https://, except for loopback addresses",
		target.NewGuard(target.InsecureLoopback).CheckURL(ctx, "/url", "http://endpoint.test/"))
}

func TestCheckURLFailsForNoURL(t *testing.T) {
	t.Parallel()
	require.Error(t, target.NewGuard(target.InsecureAll).CheckURL(t.Context(), "/url", "https://[::1"))
}

func requireRefusal(t *testing.T, detail string, err error) {
	t.Helper()
	if detail == "" {
		require.NoError(t, err)
		return
	}
	var domain *webhook.Error
	require.ErrorAs(t, err, &domain)
	require.Equal(t, webhook.CodeInvalid, domain.Code)
	require.Equal(t, []webhook.FieldError{{Pointer: "/url", Detail: detail}}, domain.Fields)
}
