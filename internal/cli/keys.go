package cli

import (
	"net/http"
	"strings"
	"time"

	"github.com/durahook/durahook/api/types"
)

// KeysCommand has what can be done with API keys.
type KeysCommand struct {
	Create KeysCreate `cmd:"" help:"Create an API key."`
	List   KeysList   `cmd:"" help:"List API keys."`
	Revoke KeysRevoke `cmd:"" help:"Revoke an API key, for good."`
}

// KeysCreate creates an API key.
type KeysCreate struct {
	Remote  `embed:""`
	Name    *string  `help:"What it is for." placeholder:"NAME"`
	Scopes  []string `help:"What its holder may do: publish, manage, read. May be repeated." placeholder:"SCOPE" values:"publish,manage,read"`
	Expires *Future  `help:"Until when it is valid: a time, or how long from now, such as 90d; for ever when left out." placeholder:"TIME"`
}

// Run creates the key and shows it.
func (c *KeysCreate) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	b := body{}
	set(b, "name", c.Name)
	if c.Scopes != nil {
		b["scopes"] = c.Scopes
	}
	if c.Expires != nil {
		b["expires_at"] = c.Expires.Time
	}
	if err := ask(s, s.key)(s.answer(s.api.CreateAPIKeyWithBody(env.Ctx, jsonType, b.reader()))); err != nil {
		return err
	}
	if !s.json {
		s.note("\nThe key is shown this once. Programs find it in DURAHOOK_API_KEY.")
	}
	return nil
}

func (s *session) key(k types.APIKey) string {
	return s.fields().
		add("ID", k.ID).
		add("Name", k.Name).
		add("Key", text(k.Key)).
		add("Scopes", scopes(k)).
		add("Expires", clock(k.ExpiresAt)).
		add("Created", at(k.CreatedAt)).String()
}

func scopes(k types.APIKey) string {
	words := make([]string, len(k.Scopes))
	for i, scope := range k.Scopes {
		words[i] = string(scope)
	}
	return strings.Join(words, ",")
}

// KeysList lists API keys.
type KeysList struct {
	Remote `embed:""`
	Paging `embed:""`
}

// Run lists the keys, newest first.
func (c *KeysList) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	now := time.Now()
	columns := []column[types.APIKey]{
		{title: "ID", value: func(k types.APIKey) string { return k.ID }},
		{title: "STATUS", value: func(k types.APIKey) string { return keyStatus(k, now) }, word: true},
		{title: "KEY", value: func(k types.APIKey) string { return k.Prefix + "…" }},
		{title: "SCOPES", value: scopes},
		{title: "LAST USED", value: func(k types.APIKey) string { return clock(k.LastUsedAt) }},
		{title: "EXPIRES", value: func(k types.APIKey) string { return clock(k.ExpiresAt) }},
		{title: "NAME", value: func(k types.APIKey) string { return k.Name }},
	}
	return list(s, c.Paging, "There are no API keys.", columns, func(limit *int, cursor *string) (*http.Response, error) {
		return s.api.ListAPIKeys(env.Ctx, &types.ListAPIKeysParams{Limit: limit, Cursor: cursor})
	})
}

func keyStatus(k types.APIKey, now time.Time) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && k.ExpiresAt.Before(now):
		return "expired"
	}
	return "active"
}

// KeysRevoke revokes an API key.
type KeysRevoke struct {
	Remote `embed:""`
	ID     string `arg:"" name:"key" help:"ID of the key (key_…), not the key itself."`
	Yes    bool   `short:"y" help:"Don't ask."`
}

// Run revokes the key, once that was confirmed.
func (c *KeysRevoke) Run(env *Env) error {
	s, err := c.open(env)
	if err != nil {
		return err
	}
	if err := s.confirm(c.Yes, "Revoke the key %s, for good?", c.ID); err != nil {
		return err
	}
	return s.gone("Revoked", c.ID)(s.answer(s.api.RevokeAPIKey(env.Ctx, c.ID)))
}
