package console

import (
	"strings"

	"github.com/durahook/durahook/webhook"
)

// section is an entry of the navigation: a page, and all that lie below it.
type section struct {
	Path, Name, Icon string
	Scope            webhook.Scope // that a key needs to be offered it
	Current          bool
}

// sections are all entries of the navigation, in order.
func sections() []section {
	return []section{
		{Path: webhooksPath, Name: "Webhooks", Icon: "webhooks", Scope: webhook.ScopeRead},
		{Path: deliveriesPath, Name: "Recent Deliveries", Icon: "deliveries", Scope: webhook.ScopeRead},
		{Path: eventsPath, Name: "Events", Icon: "events", Scope: webhook.ScopeRead},
		{Path: eventTypesPath, Name: "Event types", Icon: "event-types", Scope: webhook.ScopeRead},
		{Path: alertsPath, Name: "Alerts", Icon: "alerts", Scope: webhook.ScopeManage},
		{Path: apiKeysPath, Name: "API keys", Icon: "api-keys", Scope: webhook.ScopeManage},
		{Path: accountsPath, Name: "Accounts", Icon: "accounts", Scope: webhook.ScopeAdmin},
	}
}

// home is the page that one comes to first.
func home() string { return sections()[0].Path }

// sectionOf returns the path of the section that a path lies in, or home.
func sectionOf(path string) string {
	for _, s := range sections() {
		if path == s.Path || strings.HasPrefix(path, s.Path+"/") {
			return s.Path
		}
	}
	return home()
}

// navigation returns the sections that whoever is signed in may see. The one that the path lies in is current.
func navigation(path string, who session) (shown []section) {
	for _, s := range sections() {
		if who.May(s.Scope) {
			s.Current = path == s.Path || strings.HasPrefix(path, s.Path+"/")
			shown = append(shown, s)
		}
	}
	return shown
}

// crumb is a page above the one that is shown.
type crumb struct{ Name, URL string }

// crumbs returns the way to the page with this path: its section, which is not linked to itself, and the pages
// in between.
func crumbs(path string, between []crumb) []crumb {
	for _, s := range sections() {
		switch {
		case path == s.Path:
			return []crumb{{Name: s.Name}}
		case !strings.HasPrefix(path, s.Path+"/"):
		case len(between) > 0 && between[0].Name == s.Name: // the section, as it was left
			return between
		default:
			return append([]crumb{{s.Name, s.Path}}, between...)
		}
	}
	return between
}
