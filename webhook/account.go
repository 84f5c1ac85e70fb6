package webhook

import (
	"strings"
	"time"
)

// Account is a tenant: it owns webhooks, events, deliveries and API keys, and sees nobody else's.
type Account struct {
	ID        string    `db:"id"`
	Name      string    `db:"name"` // no two accounts have the same
	CreatedAt time.Time `db:"created_at"`
}

// AccountDefinition is what the operator says of an account when creating one.
type AccountDefinition struct {
	Input
	Name string `json:"name"`
}

// DefineAccount checks a definition and returns a new account with an ID of its own. Everything wrong with
// the definition comes back in one [Error].
func DefineAccount(d AccountDefinition) (Account, error) {
	fields := d.Wrong()
	d.Name = strings.TrimSpace(d.Name)
	checkNameLike(&fields, d.Name, "Acme Inc.")
	if err := fields.Err(); err != nil {
		return Account{}, err
	}
	return Account{ID: NewID(AccountPrefix), Name: d.Name}, nil
}
