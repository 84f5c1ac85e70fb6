package config

import (
	"time"

	"github.com/durahook/durahook/exports"
)

// Worker are the flags of a process that makes attempts.
type Worker struct {
	AttemptTimeout string `help:"Time that an endpoint has to answer in full." default:"30s" placeholder:"DURATION"`
	DisableAfter   string `help:"Time after which a webhook is disabled of which every attempt fails, such as 5d or 36h; 0 for never." default:"5d" placeholder:"DURATION"`
	Retention      string `help:"Time for which events and their deliveries are kept, such as 30d or 36h; forever to keep them." default:"30d" placeholder:"DURATION"`
	ExportURL      string `name:"export-url" help:"Where events are exported to before they are deleted: file:///directory or s3://bucket/prefix?region=REGION; nowhere when empty." placeholder:"URL"`
}

func (w Worker) resolve(c *Config, p *Problems) {
	const longest = 5 * time.Minute
	timeout, err := time.ParseDuration(w.AttemptTimeout)
	switch {
	case err != nil:
		p.add("attempt-timeout", "%q is not a duration; use the form 30s", w.AttemptTimeout)
	case timeout < time.Second || timeout > longest:
		p.add("attempt-timeout", "%s is not between 1s and 5m", w.AttemptTimeout)
	}
	c.AttemptTimeout = timeout
	c.DisableAfter = w.disableAfter(p)
	c.Retention = w.retention(p)
	if w.ExportURL == "" {
		return
	}
	if c.Export, err = exports.ParseLocation(w.ExportURL); err != nil {
		p.add("export-url", "%s", err)
	}
}

func (w Worker) retention(p *Problems) time.Duration {
	const longest = 10 * 365 * 24 * time.Hour
	if w.Retention == "forever" {
		return 0
	}
	keep, err := parseDays(w.Retention)
	switch {
	case err != nil:
		p.add("retention", "%q is not a duration; use the form 30d or 36h, or forever", w.Retention)
	case keep != 0 && keep < time.Minute || keep > longest:
		p.add("retention", "%s is not between 1m and 3650d; forever and 0 are for ever", w.Retention)
	}
	return keep
}

func (w Worker) disableAfter(p *Problems) time.Duration {
	const longest = 365 * 24 * time.Hour
	after, err := parseDays(w.DisableAfter)
	switch {
	case err != nil:
		p.add("disable-after", "%q is not a duration; use the form 5d or 36h, or 0 for never", w.DisableAfter)
	case after != 0 && after < time.Second || after > longest:
		p.add("disable-after", "%s is not between 1s and 365d; 0 is for never", w.DisableAfter)
	}
	return after
}
