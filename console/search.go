package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/durahook/durahook/service"
	"github.com/durahook/durahook/store"
	"github.com/durahook/durahook/webhook"
)

// How many webhooks and accounts a search shows; their own lists have the others.
const (
	webhooksFound = 5
	accountsFound = 10
)

// finder is the field in the header that leads to the search page from everywhere.
type finder struct{ Query string }

func newFinder(r *http.Request) *finder {
	if r.URL.Path != searchPath {
		return &finder{}
	}
	return &finder{strings.TrimSpace(strings.ToValidUTF8(r.URL.Query().Get("q"), ""))}
}

// searchPage is what the template search shows: whatever a text leads to that somebody was told.
type searchPage struct {
	Query        string
	Webhooks     []webhookRow
	MoreWebhooks string // the address of the list of all that were found; empty when these are all
	Deliveries   table
	Of           string        // whose deliveries these are, where the text is in none of them
	Others       []accountLink // that the text is about too, for the admin
	Admin        bool
}

// Found reports whether the account has anything.
func (p searchPage) Found() bool { return len(p.Webhooks)+len(p.Deliveries.Rows) > 0 }

// search shows what a text leads to: webhooks by name and URL, deliveries by what is in their events, and whatever the
// text is the ID of; to the admin, also in which other accounts there is more. IDs of what has a page lead there.
func (c *Console) search(w http.ResponseWriter, r *http.Request, s session) error {
	values := url.Values{"q": {strings.TrimSpace(r.URL.Query().Get("q"))}}
	sought, mistake := readQuery(values, webhook.DeliveryPrefix)
	view := page{Title: "Search", Session: &s, Notice: c.takeNotice(w, r), Crumbs: []crumb{{Name: "Search"}}}
	if mistake != "" {
		view.Notice = &notice{Text: mistake}
	}
	shown := searchPage{Query: sought.Query, Admin: s.Admin}
	if sought.Query != "" {
		view.Title = "Search: " + sought.Query
		err := c.seek(r, s, sought, &shown)
		if words, ok := tooCommon(err); ok {
			view.Notice, err = &notice{Text: words}, nil
		}
		if err != nil {
			return err
		}
		if page := shown.only(); page != "" {
			c.goTo(w, r, page)
			return nil
		}
	}
	view.Body = shown
	return c.show(w, r, http.StatusOK, "search.html", view)
}

// only returns the address of the page of the one thing that the text is the ID of; empty when there is none.
func (p searchPage) only() string {
	switch {
	case len(p.Deliveries.Rows) == 1 && p.Deliveries.Rows[0].ID == p.Query:
		return deliveriesPath + "/" + p.Query
	case len(p.Webhooks) == 1 && p.Webhooks[0].ID == p.Query:
		return p.Webhooks[0].URL
	default:
		return ""
	}
}

// seek looks for a text everywhere.
func (c *Console) seek(r *http.Request, s session, sought query, shown *searchPage) error {
	found, err := c.service.WebhooksWithHours(r.Context(), s.AccountID, sought.Query, store.Page{Limit: webhooksFound + 1})
	if err != nil {
		return err
	}
	if len(found) > webhooksFound {
		found, shown.MoreWebhooks = found[:webhooksFound], query{DeliveryFilter: sought.DeliveryFilter}.url(webhooksPath)
	}
	for _, one := range found {
		shown.Webhooks = append(shown.Webhooks, newWebhookRow(one))
	}
	var others []webhook.Account
	if s.Admin {
		if others, err = c.service.AccountsWith(r.Context(), sought.Query, accountsFound+1); err != nil {
			return err
		}
	}
	named := "" // the account of the page, if the text is about it
	for _, account := range others {
		switch {
		case account.ID != s.AccountID:
			address := addAccount(account.ID, sought.url(searchPath))
			shown.Others = append(shown.Others, accountLink{account.Name, address})
		case account.ID == sought.Query || strings.Contains(strings.ToLower(account.Name), strings.ToLower(sought.Query)):
			named = account.Name
		}
	}
	return c.seekDeliveries(r, s, sought, found, named, shown)
}

// seekDeliveries looks up the deliveries that a text is in or, where there are none, those of the one webhook that was
// found, or of the account that is named so.
func (c *Console) seekDeliveries(r *http.Request, s session, sought query, found []service.WebhookHours, named string, shown *searchPage) error {
	var err error
	if shown.Deliveries, err = c.liveTable(r, s, sought); err != nil || len(shown.Deliveries.Rows) > 0 {
		return err
	}
	var of query
	switch {
	case len(found) == 1:
		of.WebhookID, shown.Of = found[0].ID, found[0].Name
	case len(found) == 0 && named != "":
		shown.Of = named
	default:
		return nil
	}
	shown.Deliveries, err = c.liveTable(r, s, of)
	return err
}

// tooCommon words that a value is in too many events to look for it; ok is false for any other error.
func tooCommon(err error) (words string, ok bool) {
	var domain *webhook.Error
	if !errors.As(err, &domain) || domain.Code != webhook.CodeInvalid || len(domain.Fields) != 1 || domain.Fields[0].Pointer != "/q" {
		return "", false
	}
	return "That " + domain.Fields[0].Detail + ".", true
}
