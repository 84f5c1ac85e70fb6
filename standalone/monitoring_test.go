package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const monitoring = "../deploy/monitoring"

// alertRule is one of deploy/monitoring/alerts.yml.
type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	Annotations map[string]string `yaml:"annotations"`
}

func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(monitoring, "alerts.yml"))
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Rules []alertRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

// panelQueries are those of the Grafana dashboard, with a span in the place of Grafana's variable.
func panelQueries(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(monitoring, "grafana", "dashboards", "durahook.json"))
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m"))
		}
	}
	require.NotEmpty(t, queries)
	return queries
}

// selectors returns what a query takes from our metrics: names with their conditions.
func selectors(query string) []string {
	return regexp.MustCompile(`\b(?:durahook|temporal|go_sql|process)_[a-z_]+(?:\{[^}]*\})?`).FindAllString(query, -1)
}

// Alerts ring when they should, as Prometheus' own tool sees it, and each says where its section in the runbook is.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		command := exec.CommandContext(t.Context(), "promtool", arguments...)
		command.Dir = monitoring
		output, err := command.CombinedOutput()
		require.NoError(t, err, "promtool %s:\n%s", strings.Join(arguments, " "), output)
	}
	runbook, err := os.ReadFile("../docs/operating.md")
	require.NoError(t, err)
	for _, rule := range alertRules(t) {
		assert.Contains(t, string(runbook), "\n### "+rule.Alert+"\n", "the runbook has no section on this alert")
		assert.True(t, strings.HasSuffix(rule.Annotations["runbook_url"], "/docs/operating.md#"+strings.ToLower(rule.Alert)), rule.Alert)
	}
}

// Every query of the alerts and of the dashboard, asked of a Prometheus that has read the real metrics.
func TestMonitoringFitsTheMetrics(t *testing.T) {
	t.Parallel()
	_, a := startAll(t, dataDir(t), "--no-demo")
	delivered := newEndpoint(t, answering(http.StatusOK))
	a.createWebhook(delivered.URL)
	_, id := a.publish()
	a.eventually(id, "delivered", 1)
	a.do(http.MethodPost, "/v1/deliveries/"+id+"/retry", nil, http.StatusAccepted, nil)
	a.eventually(id, "delivered", 2)

	prometheus := startPrometheus(t, a)
	require.Eventually(t, func() bool {
		return prometheus.series(t, `durahook_deliveries_ended_total{status="delivered"} > 0`) > 0
	}, patience, pollInterval)
	queries := panelQueries(t)
	for _, rule := range alertRules(t) {
		queries = append(queries, rule.Expr)
	}
	for _, query := range queries {
		prometheus.series(t, query) // fails the test when Prometheus does not understand it
		for _, selector := range selectors(query) {
			if strings.HasPrefix(selector, "temporal_request_failure_total") {
				continue // there is none before the first failure
			}
			assert.Positive(t, prometheus.series(t, selector), "nothing is found for %s of %s", selector, query)
		}
	}
}

// prometheus is a running Prometheus.
type prometheus struct{ url string }

// startPrometheus runs a Prometheus that reads the metrics on the port of the API and knows the alert rules.
func startPrometheus(t *testing.T, a api) prometheus {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs(filepath.Join(monitoring, "alerts.yml"))
	require.NoError(t, err)
	config := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - job_name: durahook
    authorization: {credentials: %q}
    static_configs: [{targets: [%q]}]
`, rules, a.key, strings.TrimPrefix(a.url, "http://")), 0o600))
	command := exec.CommandContext(t.Context(), "prometheus", "--config.file", config,
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:0")
	output := new(syncBuffer)
	command.Stdout, command.Stderr = output, output
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("output of prometheus:\n%s", output)
		}
	})
	listening := regexp.MustCompile(`msg="Listening on" address=(127\.0\.0\.1:\d+)`)
	require.Eventually(t, func() bool { return listening.MatchString(output.String()) }, patience, pollInterval)
	return prometheus{url: "http://" + listening.FindStringSubmatch(output.String())[1]}
}

// series returns how many series a query finds.
func (p prometheus) series(t *testing.T, query string) int {
	t.Helper()
	status, text := api{t: t, url: p.url}.try(http.MethodGet, "/api/v1/query?"+url.Values{"query": {query}}.Encode(), nil)
	if status == http.StatusServiceUnavailable {
		return 0 // it reads its own log first
	}
	require.Equal(t, http.StatusOK, status, "%s: %s", query, text)
	var answer struct {
		Data struct {
			Result []json.RawMessage `json:"result"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal(text, &answer))
	return len(answer.Data.Result)
}
