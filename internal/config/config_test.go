package config_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/encryption"
	"github.com/durahook/durahook/internal/config"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// flags are those of serve.
type flags struct {
	shared config.Shared
	api    config.API
	worker config.Worker
	drain  config.Drain
}

func (f flags) resolve() (config.Config, error) {
	return config.Resolve(f.shared, f.api, f.worker, f.drain)
}

// newFlags returns flags with which all is well.
func newFlags() flags {
	return flags{
		shared: config.Shared{
			Database:             config.Database{DatabaseURL: "postgres://user:password@127.0.0.1:5432/durahook"},
			Log:                  config.Log{LogLevel: "info", LogFormat: "text"},
			Encryption:           config.Encryption{EncryptionKey: encryption.NewKeyText()},
			Temporal:             config.Temporal{TemporalAddress: "127.0.0.1:7233", TemporalNamespace: "default"},
			AllowInsecureTargets: "none",
			Metrics:              config.Metrics{MetricsListen: "127.0.0.1:9464"},
			Alerts:               config.Alerts{PublicURL: "https://durahook.example.com/", AlertWindow: "1m", AlertQuiet: "15m"},
		},
		api: config.API{
			Listen: "127.0.0.1:8080", AdminKey: "0123456789abcdef", TemporalUIURL: "http://127.0.0.1:8233/",
			RetrySchedule: "0s,1m,5m,30m,2h,12h", PublishRate: 1000,
		},
		worker: config.Worker{AttemptTimeout: "30s", DisableAfter: "5d", Retention: "30d"},
		drain:  config.Drain{DrainDelay: "5s"},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	got, err := newFlags().resolve()
	require.NoError(t, err)
	require.NotNil(t, got.EncryptionKey)
	got.EncryptionKey = nil
	require.Equal(t, config.Config{
		DatabaseURL: "postgres://user:password@127.0.0.1:5432/durahook", Level: slog.LevelInfo,
		TemporalAddress: "127.0.0.1:7233", TemporalNamespace: "default", Insecure: target.InsecureNone,
		Listen: "127.0.0.1:8080", AdminKey: "0123456789abcdef", TemporalUIURL: "http://127.0.0.1:8233", MetricsListen: "127.0.0.1:9464",
		Schedule: webhook.DefaultSchedule(), PublishRate: 1000, AttemptTimeout: 30 * time.Second, DisableAfter: 5 * 24 * time.Hour,
		DrainDelay: 5 * time.Second, Retention: 30 * 24 * time.Hour,
		PublicURL: "https://durahook.example.com", AlertWindow: time.Minute, AlertQuiet: 15 * time.Minute,
	}, got)
}

// A process is asked only for what it needs.
func TestResolveParts(t *testing.T) {
	t.Parallel()
	f := newFlags()
	for _, parts := range [][]config.Part{{f.shared.Database}, {f.shared, f.api}, {f.shared, f.worker}, {f.shared.Log}} {
		_, err := config.Resolve(parts...)
		require.NoError(t, err)
	}
}

func TestResolveTellsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := flags{}.resolve()
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	for _, name := range []string{
		"database-url", "log-level", "log-format", "encryption-key", "temporal-address", "temporal-namespace",
		"allow-insecure-targets", "listen", "admin-key", "retry-schedule", "publish-rate", "attempt-timeout",
		"disable-after", "retention", "drain-delay", "alert-window", "alert-quiet",
	} {
		variable := "DURAHOOK_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		require.Equal(t, 1, strings.Count(err.Error(), "\n  --"+name+" ("+variable+"): "), err)
	}
	require.Len(t, problems, 17)
	require.Equal(t, 17, strings.Count(err.Error(), "\n"), "a line each")
}

func TestResolveRefuses(t *testing.T) {
	t.Parallel()
	const secret = "secret-word"
	for name, scenario := range map[string]struct {
		change func(*flags)
		want   string
	}{
		"no database":         {func(f *flags) { f.shared.DatabaseURL = "" }, "--database-url (DURAHOOK_DATABASE_URL): is missing; use the form postgres://"},
		"another database":    {func(f *flags) { f.shared.DatabaseURL = "mysql://u:" + secret + "@127.0.0.1/d" }, "--database-url (DURAHOOK_DATABASE_URL): is not of the form postgres://"},
		"keywords":            {func(f *flags) { f.shared.DatabaseURL = "host=localhost password=" + secret }, "--database-url (DURAHOOK_DATABASE_URL): is not of the form postgres://"},
		"broken database":     {func(f *flags) { f.shared.DatabaseURL = "postgres://u:" + secret + "@127.0.0.1:port/d" }, "--database-url (DURAHOOK_DATABASE_URL): is not of the form postgres://"},
		"no encryption key":   {func(f *flags) { f.shared.EncryptionKey = "" }, "--encryption-key (DURAHOOK_ENCRYPTION_KEY): is missing; make one with: openssl rand -base64 32"},
		"short one":           {func(f *flags) { f.shared.EncryptionKey = secret }, "--encryption-key (DURAHOOK_ENCRYPTION_KEY): is not 32 bytes in base64"},
		"public URL's query":  {func(f *flags) { f.shared.PublicURL = "https://example.com/?a=" + secret }, "--public-url (DURAHOOK_PUBLIC_URL): is not an http or https URL"},
		"no admin key":        {func(f *flags) { f.api.AdminKey = "" }, "--admin-key (DURAHOOK_ADMIN_KEY): is missing; make one with: openssl rand -hex 32"},
		"short admin key":     {func(f *flags) { f.api.AdminKey = secret }, "--admin-key (DURAHOOK_ADMIN_KEY): is shorter than 16 characters"},
		"previous keys":       {func(f *flags) { f.shared.PreviousEncryptionKeys = encryption.NewKeyText() + ", " + secret }, "--previous-encryption-keys (DURAHOOK_PREVIOUS_ENCRYPTION_KEYS): key 2 is not 32 bytes in base64"},
		"no previous key":     {func(f *flags) { f.shared.PreviousEncryptionKeys = encryption.NewKeyText() + "," }, "--previous-encryption-keys (DURAHOOK_PREVIOUS_ENCRYPTION_KEYS): key 2 is not 32 bytes in base64"},
		"allowed networks":    {func(f *flags) { f.shared.AllowNetworks = "10.0.0.0/8,10.0.0.0/33" }, `--allow-networks (DURAHOOK_ALLOW_NETWORKS): "10.0.0.0/33" is not a network`},
		"denied networks":     {func(f *flags) { f.shared.DenyNetworks = "10.0.0.1/8" }, `--deny-networks (DURAHOOK_DENY_NETWORKS): "10.0.0.1/8" has an address inside of the network; did you mean 10.0.0.0/8?`},
		"Temporal address":    {func(f *flags) { f.shared.TemporalAddress = "localhost" }, `--temporal-address (DURAHOOK_TEMPORAL_ADDRESS): "localhost" is not of the form HOST:PORT`},
		"Temporal namespace":  {func(f *flags) { f.shared.TemporalNamespace = "" }, "--temporal-namespace (DURAHOOK_TEMPORAL_NAMESPACE): is missing"},
		"its key missing":     {func(f *flags) { f.shared.TemporalTLSCert = "/none.pem" }, "--temporal-tls-key (DURAHOOK_TEMPORAL_TLS_KEY): is missing; it belongs to --temporal-tls-cert"},
		"certificate missing": {func(f *flags) { f.shared.TemporalTLSKey = "/none.pem" }, "--temporal-tls-cert (DURAHOOK_TEMPORAL_TLS_CERT): is missing; it belongs to --temporal-tls-key"},
		"no certificate":      {func(f *flags) { f.shared.TemporalTLSCert, f.shared.TemporalTLSKey = "/none.pem", "/none.key" }, "--temporal-tls-cert (DURAHOOK_TEMPORAL_TLS_CERT): cannot be used with its key"},
		"no authority":        {func(f *flags) { f.shared.TemporalTLSCA = "/none.pem" }, "--temporal-tls-ca (DURAHOOK_TEMPORAL_TLS_CA): cannot be read"},
		"Temporal Web UI":     {func(f *flags) { f.api.TemporalUIURL = "127.0.0.1:8233" }, "--temporal-ui-url (DURAHOOK_TEMPORAL_UI_URL): is not an http or https URL"},
		"its scheme":          {func(f *flags) { f.api.TemporalUIURL = "javascript:alert(1)" }, "--temporal-ui-url (DURAHOOK_TEMPORAL_UI_URL): is not an http or https URL"},
		"its password":        {func(f *flags) { f.api.TemporalUIURL = "ftp://u:" + secret + "@127.0.0.1" }, "--temporal-ui-url (DURAHOOK_TEMPORAL_UI_URL): is not an http or https URL"},
		"insecure targets":    {func(f *flags) { f.shared.AllowInsecureTargets = "yes" }, `--allow-insecure-targets (DURAHOOK_ALLOW_INSECURE_TARGETS): must be none, loopback or all, not "yes"`},
		"log level":           {func(f *flags) { f.shared.LogLevel = "INFO" }, `--log-level (DURAHOOK_LOG_LEVEL): must be debug, info, warn or error, not "INFO"`},
		"log format":          {func(f *flags) { f.shared.LogFormat = "xml" }, `--log-format (DURAHOOK_LOG_FORMAT): must be text or json, not "xml"`},
		"metrics listen":      {func(f *flags) { f.shared.MetricsListen = "9464" }, `--metrics-listen (DURAHOOK_METRICS_LISTEN): "9464" is not of the form HOST:PORT`},
		"listen":              {func(f *flags) { f.api.Listen = "8080" }, `--listen (DURAHOOK_LISTEN): "8080" is not of the form HOST:PORT`},
		"retry schedule":      {func(f *flags) { f.api.RetrySchedule = "0s,soon" }, `--retry-schedule (DURAHOOK_RETRY_SCHEDULE): "soon" is not a duration`},
		"too long a gap":      {func(f *flags) { f.api.RetrySchedule = "0s,13h" }, "--retry-schedule (DURAHOOK_RETRY_SCHEDULE): 13h is not between 0s and 12h"},
		"attempt timeout":     {func(f *flags) { f.worker.AttemptTimeout = "30" }, `--attempt-timeout (DURAHOOK_ATTEMPT_TIMEOUT): "30" is not a duration; use the form 30s`},
		"too short":           {func(f *flags) { f.worker.AttemptTimeout = "999ms" }, "--attempt-timeout (DURAHOOK_ATTEMPT_TIMEOUT): 999ms is not between 1s and 5m"},
		"too long":            {func(f *flags) { f.worker.AttemptTimeout = "5m1s" }, "--attempt-timeout (DURAHOOK_ATTEMPT_TIMEOUT): 5m1s is not between 1s and 5m"},
		"disable after":       {func(f *flags) { f.worker.DisableAfter = "5 days" }, `--disable-after (DURAHOOK_DISABLE_AFTER): "5 days" is not a duration; use the form 5d or 36h, or 0 for never`},
		"disabled at once":    {func(f *flags) { f.worker.DisableAfter = "10ms" }, "--disable-after (DURAHOOK_DISABLE_AFTER): 10ms is not between 1s and 365d; 0 is for never"},
		"disabled too late":   {func(f *flags) { f.worker.DisableAfter = "366d" }, "--disable-after (DURAHOOK_DISABLE_AFTER): 366d is not between 1s and 365d"},
		"retention":           {func(f *flags) { f.worker.Retention = "a month" }, `--retention (DURAHOOK_RETENTION): "a month" is not a duration; use the form 30d or 36h, or forever`},
		"deleted at once":     {func(f *flags) { f.worker.Retention = "59s" }, "--retention (DURAHOOK_RETENTION): 59s is not between 1m and 3650d; forever and 0 are for ever"},
		"deleted too late":    {func(f *flags) { f.worker.Retention = "3651d" }, "--retention (DURAHOOK_RETENTION): 3651d is not between 1m and 3650d"},
		"export":              {func(f *flags) { f.worker.ExportURL = "gs://bucket" }, "--export-url (DURAHOOK_EXPORT_URL): is not of the form file:///directory or s3://bucket/prefix?region=REGION"},
		"negative retention":  {func(f *flags) { f.worker.Retention = "-1h" }, "--retention (DURAHOOK_RETENTION): -1h is not between 1m and 3650d"},
		"negative":            {func(f *flags) { f.worker.AttemptTimeout = "-30s" }, "--attempt-timeout (DURAHOOK_ATTEMPT_TIMEOUT): -30s is not between 1s and 5m"},
		"mail without TLS": {func(f *flags) {
			f.shared.SMTPURL, f.shared.SMTPFrom = "http://u:"+secret+"@example.com", "a@example.com"
		}, "--smtp-url (DURAHOOK_SMTP_URL): is not of the form smtp://user:password@host:587"},
		"mail from nobody": {func(f *flags) { f.shared.SMTPURL = "smtps://u:" + secret + "@example.com" }, "--smtp-url (DURAHOOK_SMTP_URL): needs --smtp-from"},
		"mail by nobody":   {func(f *flags) { f.shared.SMTPFrom = "a@example.com" }, "--smtp-url (DURAHOOK_SMTP_URL): is missing; it belongs to --smtp-from"},
		"public URL":       {func(f *flags) { f.shared.PublicURL = "durahook.example.com" }, "--public-url (DURAHOOK_PUBLIC_URL): is not an http or https URL"},
		"alert window":     {func(f *flags) { f.shared.AlertWindow = "2h" }, "--alert-window (DURAHOOK_ALERT_WINDOW): 2h is not between 1s and 1h"},
		"alert quiet":      {func(f *flags) { f.shared.AlertQuiet = "a while" }, `--alert-quiet (DURAHOOK_ALERT_QUIET): "a while" is not a duration; use the form 15m`},
		"drain delay":      {func(f *flags) { f.drain.DrainDelay = "-1s" }, `--drain-delay (DURAHOOK_DRAIN_DELAY): -1s is not between 0s and 5m`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlags()
			scenario.change(&f)
			got, err := f.resolve()
			require.ErrorContains(t, err, scenario.want)
			require.Equal(t, 1, strings.Count(err.Error(), "\n"), "nothing else is wrong: %s", err)
			require.Empty(t, got)
			for _, value := range []string{secret, f.shared.EncryptionKey, f.shared.DatabaseURL, f.api.AdminKey} {
				if value != "" {
					require.NotContains(t, err.Error(), value)
				}
			}
		})
	}
}

func TestResolveAccepts(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		change func(*flags)
		check  func(*testing.T, config.Config)
	}{
		"postgresql://": {func(f *flags) { f.shared.DatabaseURL = "postgresql:///durahook?host=/run/postgresql" }, func(t *testing.T, c config.Config) {
			require.Equal(t, "postgresql:///durahook?host=/run/postgresql", c.DatabaseURL)
		}},
		"port 0":    {func(f *flags) { f.api.Listen = ":0" }, func(t *testing.T, c config.Config) { require.Equal(t, ":0", c.Listen) }},
		"IPv6":      {func(f *flags) { f.api.Listen = "[::1]:8080" }, func(t *testing.T, c config.Config) { require.Equal(t, "[::1]:8080", c.Listen) }},
		"no Web UI": {func(f *flags) { f.api.TemporalUIURL = "" }, func(t *testing.T, c config.Config) { require.Empty(t, c.TemporalUIURL) }},
		"Web UI under a path": {func(f *flags) { f.api.TemporalUIURL = "https://example.com/temporal/" }, func(t *testing.T, c config.Config) {
			require.Equal(t, "https://example.com/temporal", c.TemporalUIURL)
		}},
		"no TLS with Temporal": {func(*flags) {}, func(t *testing.T, c config.Config) { require.Nil(t, c.TemporalTLS) }},
		"TLS with Temporal":    {func(f *flags) { f.shared.TemporalTLS = true }, func(t *testing.T, c config.Config) { require.NotNil(t, c.TemporalTLS) }},
		"API key for Temporal": {func(f *flags) { f.shared.TemporalAPIKey = "key" }, func(t *testing.T, c config.Config) {
			require.Equal(t, "key", c.TemporalAPIKey)
			require.NotNil(t, c.TemporalTLS, "a key is never sent in clear")
		}},
		"log": {func(f *flags) { f.shared.LogLevel, f.shared.LogFormat = "debug", "json" }, func(t *testing.T, c config.Config) {
			require.Equal(t, slog.LevelDebug, c.Level)
			require.True(t, c.JSON)
		}},
		"one attempt": {func(f *flags) { f.api.RetrySchedule = "0s" }, func(t *testing.T, c config.Config) {
			require.Equal(t, webhook.Schedule{0}, c.Schedule)
		}},
		"loopback": {func(f *flags) { f.shared.AllowInsecureTargets = "loopback" }, func(t *testing.T, c config.Config) {
			require.Equal(t, target.InsecureLoopback, c.Insecure)
		}},
		"networks": {func(f *flags) { f.shared.AllowNetworks, f.shared.DenyNetworks = "10.0.0.0/8, fd00::/8", "10.1.2.3" }, func(t *testing.T, c config.Config) {
			require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}, c.AllowNetworks)
			require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")}, c.DenyNetworks)
		}},
		"previous keys": {func(f *flags) {
			f.shared.PreviousEncryptionKeys = encryption.NewKeyText() + ", " + encryption.NewKeyText()
		}, func(t *testing.T, c config.Config) {
			require.Len(t, c.Keys(), 3)
			require.Same(t, c.EncryptionKey, c.Keys()[0])
		}},
		"mail": {func(f *flags) {
			f.shared.SMTPURL, f.shared.SMTPFrom = "smtp://user:password@example.com", "durahook <alerts@example.com>"
		}, func(t *testing.T, c config.Config) { require.NotNil(t, c.Mail) }},
		"never disabled": {func(f *flags) { f.worker.DisableAfter = "0" }, func(t *testing.T, c config.Config) {
			require.Zero(t, c.DisableAfter)
		}},
		"disabled after hours": {func(f *flags) { f.worker.DisableAfter = "36h" }, func(t *testing.T, c config.Config) {
			require.Equal(t, 36*time.Hour, c.DisableAfter)
		}},
		"kept forever": {func(f *flags) { f.worker.Retention = "forever" }, func(t *testing.T, c config.Config) {
			require.Zero(t, c.Retention)
		}},
		"kept for 0": {func(f *flags) { f.worker.Retention = "0" }, func(t *testing.T, c config.Config) {
			require.Zero(t, c.Retention)
		}},
		"kept for hours": {func(f *flags) { f.worker.Retention = "36h" }, func(t *testing.T, c config.Config) {
			require.Equal(t, 36*time.Hour, c.Retention)
		}},
		"bounds of the timeout": {func(f *flags) { f.worker.AttemptTimeout = "5m" }, func(t *testing.T, c config.Config) {
			require.Equal(t, 5*time.Minute, c.AttemptTimeout)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFlags()
			scenario.change(&f)
			got, err := f.resolve()
			require.NoError(t, err)
			scenario.check(t, got)
		})
	}
}
