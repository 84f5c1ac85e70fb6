package config

import (
	"net/url"
	"strings"
	"time"

	"github.com/durahook/durahook/alerts"
)

// Alerts says how people are alerted.
type Alerts struct {
	SMTPURL     string `name:"smtp-url" help:"Mail server for alerts: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465; no e-mail when empty." placeholder:"URL"`
	SMTPFrom    string `name:"smtp-from" help:"Whom alerts by e-mail are from, such as 'durahook <alerts@example.com>'." placeholder:"ADDRESS"`
	PublicURL   string `name:"public-url" help:"Address at which people reach the console, for links to it in alerts and in the Temporal Web UI; no links when empty." placeholder:"URL"`
	AlertWindow string `help:"Time for which what happens is gathered before people are alerted of all of it at once." default:"1m" placeholder:"DURATION"`
	AlertQuiet  string `help:"Time after an alert in which the same of the same webhook makes no other one, but is counted." default:"15m" placeholder:"DURATION"`
}

func (a Alerts) resolve(c *Config, p *Problems) {
	var err error
	switch {
	case a.SMTPURL == "" && a.SMTPFrom != "":
		p.add("smtp-url", "is missing; it belongs to --smtp-from")
	case a.SMTPURL != "":
		if c.Mail, err = alerts.ParseMail(a.SMTPURL, a.SMTPFrom); err != nil {
			p.add("smtp-url", "%s", err)
		}
	}
	if parsed, err := url.Parse(a.PublicURL); a.PublicURL != "" && (err != nil || !isHTTP(parsed) || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil) {
		p.add("public-url", "is not an http or https URL, such as https://durahook.example.com")
	}
	c.PublicURL = strings.TrimSuffix(a.PublicURL, "/")
	const longestWindow, longestQuiet = time.Hour, 24 * time.Hour
	c.AlertWindow = duration("alert-window", a.AlertWindow, "1m", longestWindow, p)
	c.AlertQuiet = duration("alert-quiet", a.AlertQuiet, "15m", longestQuiet, p)
}

// duration reads a flag whose value is from 1 s to longest.
func duration(flag, text, example string, longest time.Duration, p *Problems) time.Duration {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		p.add(flag, "%q is not a duration; use the form %s", text, example)
	case d < time.Second || d > longest:
		p.add(flag, "%s is not between 1s and %s", text, longest)
	}
	return d
}
