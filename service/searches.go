package service

import (
	"fmt"
	"net/url"
	"time"

	"github.com/durahook/durahook/workflows"
)

// Search is what operators look for in the Temporal Web UI's list of workflows.
type Search struct {
	Name, Description string
	// condition is the query but for whose deliveries it is about.
	condition func(now time.Time) string
}

// Searches returns all of them, those that are needed most first. docs/operating.md has the same.
func Searches() []Search {
	const deliveries = `WorkflowType = "Delivery" AND `
	return []Search{
		{"Failed today", "No attempt was accepted, and the last one was made today (UTC).", func(now time.Time) string {
			return deliveries + `ExecutionStatus = "Failed" AND CloseTime >= ` + quoteTime(now.UTC().Truncate(24*time.Hour))
		}},
		{"Failed in the last hour", "What an outage costs while it lasts.", func(now time.Time) string {
			return deliveries + `ExecutionStatus = "Failed" AND CloseTime >= ` + quoteTime(now.Add(-time.Hour))
		}},
		{"Waiting for another attempt", "At least one attempt failed, and the schedule is not over.", func(time.Time) string {
			return deliveries + `ExecutionStatus = "Running" AND DurahookStatus = "waiting"`
		}},
		{"Open for longer than 1 h", "Started more than an hour ago, and not delivered yet.", func(now time.Time) string {
			return deliveries + `ExecutionStatus = "Running" AND StartTime < ` + quoteTime(now.Add(-time.Hour))
		}},
		{"Open", "Everything that is under way or waits.", func(time.Time) string {
			return deliveries + `ExecutionStatus = "Running"`
		}},
		{"Delivered, but not at once", "What the schedule has saved: a later attempt was accepted.", func(time.Time) string {
			return deliveries + `ExecutionStatus = "Completed" AND DurahookStatus = "delivered"`
		}},
		{"Given up", "Cancelled by somebody, discarded with its webhook, or terminated in the Web UI.", func(time.Time) string {
			return deliveries + `(ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated" OR DurahookStatus = "discarded")`
		}},
		{"Recoveries", "Retries of all that an endpoint missed.", func(time.Time) string {
			return `WorkflowType = "Recover"`
		}},
	}
}

// Query is the search among the workflows of a webhook or, without one, of an account, as of now: what is
// typed into the Web UI's filter. Temporal knows no relative times.
func (s Search) Query(accountID, webhookID string, now time.Time) string {
	attribute, id := workflows.AccountAttribute.GetName(), accountID
	if webhookID != "" {
		attribute, id = workflows.WebhookAttribute.GetName(), webhookID
	}
	return fmt.Sprintf("%s = %q AND %s", attribute, id, s.condition(now))
}

func quoteTime(t time.Time) string { return `"` + t.UTC().Format(time.RFC3339) + `"` }

// SearchLink leads to a search in the Temporal Web UI.
type SearchLink struct{ Name, Description, URL string }

// SearchLinks returns links to all searches among the workflows of a webhook or, without one, of an account; none
// without a Web UI.
func (s *Service) SearchLinks(accountID, webhookID string) []SearchLink {
	if s.uiURL == "" {
		return nil
	}
	now := time.Now()
	searches := Searches()
	links := make([]SearchLink, len(searches))
	for i, search := range searches {
		links[i] = SearchLink{search.Name, search.Description, s.SearchURL(search.Query(accountID, webhookID, now))}
	}
	return links
}

// SearchURL returns the address of a search in the Temporal Web UI, empty without one.
func (s *Service) SearchURL(query string) string {
	if s.uiURL == "" {
		return ""
	}
	return s.uiURL + "/namespaces/" + url.PathEscape(s.namespace) + "/workflows?query=" + url.QueryEscape(query)
}
