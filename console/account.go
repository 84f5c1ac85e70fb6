package console

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// accountParameter names, in addresses, the account that the admin acts for. It is in the address rather than in a
// cookie, so that a link shows a colleague what it showed to whom it is from, and two tabs of a browser may be of
// two accounts. Without it, a page is of the account "default", or of the API key's own.
const accountParameter = "account"

// accountOf returns the account that a request is about.
func (c *Console) accountOf(r *http.Request, principal webhook.Principal) (string, error) {
	named := r.URL.Query().Get(accountParameter)
	if principal.Admin {
		return c.service.Account(r.Context(), named)
	}
	if named != "" && named != principal.AccountID {
		return "", &webhook.Error{Code: webhook.CodeForbidden, Message: "This page is of another account than your API key. " +
			"Sign out, and in again with a key of that account."}
	}
	return principal.AccountID, nil
}

// accountSwitch is what the header shows to the admin when there is more than one account.
type accountSwitch struct {
	Current string // its name
	Others  []accountLink
	More    bool // there are more than are listed
}

// accountLink leads to another account.
type accountLink struct{ Name, URL string }

// accountSwitch returns the accounts that the admin can go to, by name; nil for others, and when there is but one.
func (c *Console) accountSwitch(r *http.Request, s session) (*accountSwitch, error) {
	if !s.Admin {
		return nil, nil
	}
	const few = 10
	accounts, err := c.service.Accounts(r.Context(), store.Page{Limit: few + 1})
	if err != nil || len(accounts) < 2 {
		return nil, err
	}
	current, err := c.service.AccountByID(r.Context(), s.AccountID)
	if err != nil {
		return nil, err
	}
	shown := &accountSwitch{Current: current.Name, More: len(accounts) > few}
	accounts = slices.DeleteFunc(accounts[:min(len(accounts), few)], func(a webhook.Account) bool { return a.ID == s.AccountID })
	slices.SortFunc(accounts, func(a, b webhook.Account) int { return strings.Compare(a.Name, b.Name) })
	for _, account := range accounts {
		shown.Others = append(shown.Others, accountLink{account.Name, addAccount(account.ID, sectionOf(r.URL.Path))})
	}
	return shown, nil
}

// withAccount returns an address of the console as a page of this request's account has to link to it.
func withAccount(r *http.Request, address string) string {
	return addAccount(r.URL.Query().Get(accountParameter), address)
}

func addAccount(accountID, address string) string {
	return addParameter(accountParameter, accountID, address)
}

// addParameter returns an address with one more parameter, unless it has that already or the value is empty.
func addParameter(name, value, address string) string {
	target, err := url.Parse(address)
	if err != nil || value == "" || target.Query().Has(name) {
		return address
	}
	if target.RawQuery != "" {
		target.RawQuery += "&"
	}
	target.RawQuery += name + "=" + url.QueryEscape(value)
	return target.String()
}

// ownAddress finds the attributes by which a page of ours leads to the console, and the forms whose fields become
// the query of an address. In a text that somebody wrote, html/template leaves no quotation mark as it is.
func ownAddress() *regexp.Regexp {
	return regexp.MustCompile(`(<form [^>]*method="get"[^>]*>)|( (?:href|action|formaction|data-url)=")(` + root + `(?:[/?][^"]*)?)"`)
}

// carryAccount has everything on a rendered page that leads to the console lead to the same account. Doing it here,
// once, is what no link on any page can forget.
func (c *Console) carryAccount(r *http.Request, content []byte) []byte {
	accountID := r.URL.Query().Get(accountParameter)
	if accountID == "" {
		return content
	}
	return c.ownAddress.ReplaceAllFunc(content, func(found []byte) []byte {
		parts := c.ownAddress.FindSubmatch(found)
		if len(parts[1]) > 0 {
			field := `<input type="hidden" name="` + accountParameter + `" value="` + html.EscapeString(accountID) + `">`
			return append(slices.Clone(found), field...)
		}
		address := html.UnescapeString(string(parts[3]))
		if strings.HasPrefix(address, assetsPath) {
			return found
		}
		return []byte(string(parts[2]) + html.EscapeString(addAccount(accountID, address)) + `"`)
	})
}
