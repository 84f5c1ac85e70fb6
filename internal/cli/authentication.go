package cli

import "errors"

// authenticationFlags say how a webhook's requests are authenticated, member by member or as a whole.
type authenticationFlags struct {
	Auth           authenticationMembers `embed:"" prefix:"auth-" group:"authentication"`
	Authentication *string               `help:"All of it as JSON, such as {\"type\":\"bearer\",\"token\":\"…\"}; @FILE and - read it." placeholder:"JSON" group:"authentication"`
}

type authenticationMembers struct {
	Type         *string  `help:"none, api_key, basic, bearer or hmac." placeholder:"TYPE" values:"none,api_key,basic,bearer,hmac"`
	Header       *string  `help:"Header of api_key or hmac." placeholder:"NAME"`
	Value        *string  `help:"Value of the api_key header; @FILE and - read it, as with all secrets here." placeholder:"SECRET"`
	Username     *string  `help:"User of basic." placeholder:"NAME"`
	Password     *string  `help:"Password of basic." placeholder:"SECRET"`
	Token        *string  `help:"Token of bearer." placeholder:"SECRET"`
	TokenURL     *string  `name:"token-url" help:"Where bearer gets tokens by OAuth 2.0 client credentials." placeholder:"URL"`
	ClientID     *string  `name:"client-id" help:"OAuth 2.0 client." placeholder:"ID"`
	ClientSecret *string  `name:"client-secret" help:"Its secret." placeholder:"SECRET"`
	Scopes       []string `help:"OAuth 2.0 scopes." placeholder:"SCOPE"`
	Secret       *string  `help:"Secret of hmac." placeholder:"SECRET"`
	Algorithm    *string  `help:"sha256 or sha512, of hmac." placeholder:"NAME" values:"sha256,sha512"`
}

// add puts into a webhook's body what the flags say, if they say anything.
func (f *authenticationFlags) add(env *Env, b body) error {
	members, err := f.Auth.body(env)
	switch {
	case err != nil:
		return err
	case len(members) > 0 && f.Authentication != nil:
		return errors.New("--authentication and --auth-… can't be used together")
	case len(members) > 0:
		b["authentication"] = members
		return nil
	}
	return b.setJSON(env, "authentication", f.Authentication)
}

func (m *authenticationMembers) body(env *Env) (body, error) {
	b := body{}
	set(b, "type", m.Type)
	set(b, "header", m.Header)
	set(b, "username", m.Username)
	set(b, "token_url", m.TokenURL)
	set(b, "client_id", m.ClientID)
	set(b, "algorithm", m.Algorithm)
	if m.Scopes != nil {
		b["scopes"] = m.Scopes
	}
	return b, errors.Join(
		b.setContents(env, "value", "auth-value", m.Value),
		b.setContents(env, "password", "auth-password", m.Password),
		b.setContents(env, "token", "auth-token", m.Token),
		b.setContents(env, "client_secret", "auth-client-secret", m.ClientSecret),
		b.setContents(env, "secret", "auth-secret", m.Secret),
	)
}
