package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/durahook/durahook/webhook"
)

// accountHeader names the account that the admin acts for.
const accountHeader = "X-Account"

// authorize returns who the request comes from and the account that it acts for, if whoever it is may do
// what needs this scope.
func (a *API) authorize(r *http.Request, scope webhook.Scope) (webhook.Principal, string, error) {
	principal, err := a.authenticate(r)
	if err != nil {
		return webhook.Principal{}, "", err
	}
	if err := principal.Check(scope); err != nil {
		return webhook.Principal{}, "", err
	}
	named := r.Header.Get(accountHeader)
	if principal.Admin {
		accountID, err := a.service.Account(r.Context(), named)
		return principal, accountID, err
	}
	if named != "" && named != principal.AccountID {
		return webhook.Principal{}, "", &webhook.Error{
			Code: webhook.CodeForbidden, Message: "This API key is of another account than the header " + accountHeader + " names; leave the header out.",
		}
	}
	return principal, principal.AccountID, nil
}

// authenticate finds out whose key the request carries. The admin key is compared in constant time; API
// keys are looked up by their hash.
func (a *API) authenticate(r *http.Request) (webhook.Principal, error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return webhook.Principal{}, &webhook.Error{Code: webhook.CodeUnauthorized, Message: "An API key is needed: send the header Authorization: Bearer <key>."}
	}
	if a.adminKeyMatches(key) {
		return webhook.Principal{Admin: true}, nil
	}
	return a.service.Authenticate(r.Context(), key)
}

type principalKey struct{}

func withPrincipal(r *http.Request, principal webhook.Principal) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), principalKey{}, principal))
}

// principalOf returns who an authorized request comes from: nobody, who may do nothing, for any other.
func principalOf(r *http.Request) webhook.Principal {
	principal, _ := r.Context().Value(principalKey{}).(webhook.Principal)
	return principal
}
