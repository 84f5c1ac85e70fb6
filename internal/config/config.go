// Package config is durahook's one configuration: the flags of its commands, which are environment
// variables too, and what they mean once they have been checked.
package config

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/durahook/durahook/alerts"
	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/exports"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// Shared are the flags of every process that works on deliveries.
type Shared struct {
	Database             `embed:""`
	Log                  `embed:""`
	Encryption           `embed:""`
	Networks             `embed:""`
	Metrics              `embed:""`
	Temporal             `embed:""`
	Alerts               `embed:""`
	AllowInsecureTargets string `help:"For development: also deliver to http:// and non-public addresses: none, loopback or all." default:"none" placeholder:"WHICH"`
}

// Database says where Postgres is.
type Database struct {
	DatabaseURL string `name:"database-url" help:"Postgres database (postgres://user:password@host:5432/durahook)." placeholder:"URL"`
}

// Encryption says what the secrets of webhooks are encrypted with.
type Encryption struct {
	EncryptionKey          string `help:"Key that the secrets of webhooks are encrypted with: 32 bytes in base64 (openssl rand -base64 32)." placeholder:"KEY"`
	PreviousEncryptionKeys string `help:"Keys that secrets may still be encrypted with, separated by commas (see rotate-encryption-key)." placeholder:"KEYS"`
}

// Networks says what an operator admits and refuses beyond the rule that targets are public addresses.
type Networks struct {
	AllowNetworks string `help:"Non-public networks to deliver to over HTTPS, separated by commas (10.1.0.0/16,fd12::1)." placeholder:"NETWORKS"`
	DenyNetworks  string `help:"Networks never to deliver to, separated by commas; these win over everything that is allowed." placeholder:"NETWORKS"`
}

// Log says what is logged how.
type Log struct {
	LogLevel  string `help:"Least level that is logged: debug, info, warn or error." default:"info" placeholder:"LEVEL"`
	LogFormat string `help:"Format of the log: text or json." default:"text" placeholder:"FORMAT"`
}

// Metrics says where else the metrics are served.
type Metrics struct {
	MetricsListen string `help:"Address to serve /metrics on without a key, for Prometheus; none when empty." placeholder:"HOST:PORT"`
}

// API are the flags of a process that serves the API and the console.
type API struct {
	Listen        string `help:"Address to serve the API and the console on." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	AdminKey      string `help:"Key that may do everything; at least 16 characters." placeholder:"KEY"`
	TemporalUIURL string `name:"temporal-ui-url" help:"Address of the Temporal Web UI, for links to it." placeholder:"URL"`
	RetrySchedule string `help:"Gap before each attempt, counted from the end of the one before." default:"0s,1m,5m,30m,2h,12h" placeholder:"GAPS"`
	PublishRate   int    `help:"Events a second that each API key may publish through this process, on average." default:"1000" placeholder:"N"`
}

// Drain says how a process that serves the API stops.
type Drain struct {
	DrainDelay string `help:"Time that a process which was asked to stop goes on serving while /readyz says 503, for load balancers to notice." default:"5s" placeholder:"DURATION"`
}

// Config is the checked configuration.
type Config struct {
	DatabaseURL       string
	Level             slog.Level
	JSON              bool // the log's format
	EncryptionKey     *encryption.Key
	TemporalAddress   string
	TemporalNamespace string
	TemporalTLS       *tls.Config // nil for none
	TemporalAPIKey    string      // empty for none
	Insecure          target.Insecure
	Listen            string
	MetricsListen     string // empty for nowhere
	AdminKey          string
	TemporalUIURL     string
	Schedule          webhook.Schedule
	PublishRate       int // events a second for each API key
	AttemptTimeout    time.Duration
	DisableAfter      time.Duration     // 0 for never
	DrainDelay        time.Duration     // none unless a flag says so
	Retention         time.Duration     // 0 for ever
	Export            *exports.Location // where events go before they are deleted; nil for nowhere
	Mail              *alerts.Mail      // nil for none
	PublicURL         string            // where people reach the console; empty when it is not known
	AlertWindow       time.Duration
	AlertQuiet        time.Duration

	PreviousEncryptionKeys []*encryption.Key // open secrets, too
	AllowNetworks          []netip.Prefix
	DenyNetworks           []netip.Prefix
}

// Keys are the key that seals and those that only open, in this order.
func (c Config) Keys() []*encryption.Key {
	return append([]*encryption.Key{c.EncryptionKey}, c.PreviousEncryptionKeys...)
}

// Part is a group of flags.
type Part interface {
	resolve(c *Config, p *Problems)
}

// Resolve checks groups of flags and returns what they mean. The error names everything that is wrong,
// each with its flag.
func Resolve(parts ...Part) (Config, error) {
	var c Config
	var problems Problems
	for _, part := range parts {
		part.resolve(&c, &problems)
	}
	if len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// Problems is everything that is wrong with a configuration.
type Problems []string

func (p Problems) Error() string {
	return "the configuration is not right:\n  " + strings.Join(p, "\n  ")
}

func (p *Problems) add(flag, format string, args ...any) {
	*p = append(*p, fmt.Sprintf("--%s (DURAHOOK_%s): %s", flag,
		strings.ToUpper(strings.ReplaceAll(flag, "-", "_")), fmt.Sprintf(format, args...)))
}

func (s Shared) resolve(c *Config, p *Problems) {
	s.Database.resolve(c, p)
	s.Log.resolve(c, p)
	s.Encryption.resolve(c, p)
	s.Networks.resolve(c, p)
	s.Metrics.resolve(c, p)
	s.Temporal.resolve(c, p)
	s.Alerts.resolve(c, p)
	var err error
	if c.Insecure, err = target.ParseInsecure(s.AllowInsecureTargets); err != nil {
		p.add("allow-insecure-targets", "%s, not %q", err, s.AllowInsecureTargets)
	}
}

func (d Database) resolve(c *Config, p *Problems) {
	c.DatabaseURL = d.DatabaseURL
	parsed, err := url.Parse(d.DatabaseURL)
	switch {
	case d.DatabaseURL == "":
		p.add("database-url", "is missing; use the form postgres://user:password@host:5432/durahook")
	case err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql":
		p.add("database-url", "is not of the form postgres://user:password@host:5432/durahook")
	}
}

func (e Encryption) resolve(c *Config, p *Problems) {
	var err error
	if e.EncryptionKey == "" {
		p.add("encryption-key", "is missing; make one with: openssl rand -base64 32")
	} else if c.EncryptionKey, err = encryption.ParseKey(e.EncryptionKey); err != nil {
		p.add("encryption-key", "%s", err)
	}
	if e.PreviousEncryptionKeys == "" {
		return
	}
	for i, text := range strings.Split(e.PreviousEncryptionKeys, ",") {
		key, err := encryption.ParseKey(strings.TrimSpace(text))
		if err != nil {
			p.add("previous-encryption-keys", "key %d %s", i+1, err)
		}
		c.PreviousEncryptionKeys = append(c.PreviousEncryptionKeys, key)
	}
}

func (n Networks) resolve(c *Config, p *Problems) {
	var err error
	if c.AllowNetworks, err = target.ParseNetworks(n.AllowNetworks); err != nil {
		p.add("allow-networks", "%s", err)
	}
	if c.DenyNetworks, err = target.ParseNetworks(n.DenyNetworks); err != nil {
		p.add("deny-networks", "%s", err)
	}
}

func (l Log) resolve(c *Config, p *Problems) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[l.LogLevel]
	if !ok {
		p.add("log-level", "must be debug, info, warn or error, not %q", l.LogLevel)
	}
	if l.LogFormat != "text" && l.LogFormat != "json" {
		p.add("log-format", "must be text or json, not %q", l.LogFormat)
	}
	c.Level, c.JSON = level, l.LogFormat == "json"
}

func (m Metrics) resolve(c *Config, p *Problems) {
	if _, _, err := net.SplitHostPort(m.MetricsListen); m.MetricsListen != "" && err != nil {
		p.add("metrics-listen", "%q is not of the form HOST:PORT", m.MetricsListen)
	}
	c.MetricsListen = m.MetricsListen
}

func (a API) resolve(c *Config, p *Problems) {
	const shortestKey = 16
	if _, _, err := net.SplitHostPort(a.Listen); err != nil {
		p.add("listen", "%q is not of the form HOST:PORT", a.Listen)
	}
	switch {
	case a.AdminKey == "":
		p.add("admin-key", "is missing; make one with: openssl rand -hex 32")
	case len(a.AdminKey) < shortestKey:
		p.add("admin-key", "is shorter than %d characters; make one with: openssl rand -hex 32", shortestKey)
	}
	if parsed, err := url.Parse(a.TemporalUIURL); a.TemporalUIURL != "" && (err != nil || !isHTTP(parsed)) {
		p.add("temporal-ui-url", "is not an http or https URL")
	}
	schedule, err := webhook.ParseSchedule(a.RetrySchedule)
	if err != nil {
		p.add("retry-schedule", "%s", err)
	}
	const highestRate = 1_000_000
	if a.PublishRate < 1 || a.PublishRate > highestRate {
		p.add("publish-rate", "%d is not between 1 and %d", a.PublishRate, highestRate)
	}
	c.PublishRate = a.PublishRate
	c.Listen, c.AdminKey, c.Schedule = a.Listen, a.AdminKey, schedule
	c.TemporalUIURL = strings.TrimSuffix(a.TemporalUIURL, "/")
}

func (d Drain) resolve(c *Config, p *Problems) {
	const longest = 5 * time.Minute
	delay, err := time.ParseDuration(d.DrainDelay)
	switch {
	case err != nil:
		p.add("drain-delay", "%q is not a duration; use the form 5s", d.DrainDelay)
	case delay < 0 || delay > longest:
		p.add("drain-delay", "%s is not between 0s and 5m", d.DrainDelay)
	}
	c.DrainDelay = delay
}

func isHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// parseDays reads a duration that may also be one of whole days, such as "5d".
func parseDays(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		const day, most = 24 * time.Hour, 16
		n, err := strconv.ParseUint(days, 10, most)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(text)
}
