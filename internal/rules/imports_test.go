package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/durahook/durahook"
	root   = "../.."
	// anything may be imported by the packages that put the others together.
	anything = "*"
)

// mayImport says, for each package, which of our others it may import (tests may import more). The arrows
// point one way: webhook <- store, activities, workflows <- worker, service <- api, console <- internal/app,
// internal/cli <- cmd.
func mayImport() map[string][]string {
	return map[string][]string{
		"webhook":    {},
		"encryption": {},
		"migrations": {},
		"filter":     {"webhook"},
		"lanes":      {},
		"metrics":    {"webhook", "lanes"},
		"traces":     {"webhook"},
		"target":     {"webhook"},
		"store":      {"webhook", "encryption", "internal/batch"},
		"workflows":  {"webhook"},
		"alerts":     {"webhook"},
		"activities": {"webhook", "store", "target", "lanes", "metrics", "traces", "alerts", "exports", "internal/stack"},
		"worker":     {"workflows", "activities", "webhook", "internal/stack", "internal/version"},
		"service":    {"webhook", "store", "filter", "target", "lanes", "metrics", "traces", "workflows", "internal/ratelimit"},
		"api":        {"api/types", "api/answers", "service", "store", "traces", "webhook", "internal/version"},
		"api/types":  {},
		"exports":    {"webhook", "api/types", "api/answers"},
		"client":     {"api/types"},
		"console":    {"service", "store", "webhook", "docs/receivers", "internal/version", "internal/ratelimit"},
		"receiver":   {"webhook", "internal/terminal"},
		"bench":      {"api/types", "client", "internal/terminal", "internal/version"},

		"api/answers":          {"webhook", "api/types"},
		"cmd/durahook":         {"internal/cli"},
		"docs/receivers":       {},
		"docs/receivers/go":    {},
		"internal/app":         {anything},
		"internal/batch":       {},
		"internal/cli":         {anything},
		"internal/config":      {"webhook", "encryption", "target", "alerts", "exports"},
		"internal/licences":    {},
		"internal/openapigen":  {"internal/reference"},
		"internal/openapitest": {},
		"internal/postgres":    {},
		"internal/ratelimit":   {},
		"internal/reference":   {},
		"internal/rules":       {},
		"internal/stack":       {},
		"internal/terminal":    {},
		"internal/testdb":      {"internal/postgres"},
		"internal/version":     {},

		"internal/vulnerabilities": {},
	}
}

// mayNotImport names packages of others that one of ours must do without.
func mayNotImport() map[string][]string {
	return map[string][]string{
		"webhook":   {"database/sql", "go.temporal.io/sdk", "github.com/jmoiron/sqlx", "github.com/lib/pq"},
		"workflows": {"net", "net/http", "database/sql", "os", "math/rand", "math/rand/v2", "crypto/rand"},
		"store":     {"net/http", "go.temporal.io/sdk"},
		"service":   {"net/http", "database/sql", "github.com/jmoiron/sqlx", "github.com/lib/pq"},
		"api":       {"database/sql", "github.com/jmoiron/sqlx", "github.com/lib/pq", "go.temporal.io/sdk"},
		"console":   {"database/sql", "github.com/jmoiron/sqlx", "github.com/lib/pq", "go.temporal.io/sdk"},
	}
}

type listed struct {
	ImportPath string   `json:"ImportPath"`
	Doc        string   `json:"Doc"`
	Imports    []string `json:"Imports"`
}

// list returns what the go command knows of packages of the root module.
func list(t *testing.T, arguments ...string) []listed {
	t.Helper()
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), "go", append([]string{"list"}, arguments...)...)
	command.Dir = root
	command.Stderr = &stderr
	output, err := command.Output()
	require.NoError(t, err, stderr.String())
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var one listed
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, one)
	}
}

// lies reports whether an import path is a package or lies below it.
func lies(path, below string) bool {
	return path == below || strings.HasPrefix(path, below+"/")
}

func TestImports(t *testing.T) {
	t.Parallel()
	rules, forbidden := mayImport(), mayNotImport()
	for _, p := range list(t, "-json=ImportPath,Imports", "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, ok := rules[name]
		if !assert.True(t, ok, "package %s has no rule: say in mayImport what it may import", name) {
			continue
		}
		delete(rules, name)
		for _, path := range p.Imports {
			if ours, ok := strings.CutPrefix(path, module+"/"); ok {
				assert.True(t, slices.Contains(allowed, ours) || slices.Contains(allowed, anything),
					"package %s must not import %s", name, ours)
			}
			for _, below := range forbidden[name] {
				// The rule for net is not one for net/url.
				assert.False(t, path == below || below != "net" && lies(path, below),
					"package %s must not import %s", name, path)
			}
		}
	}
	assert.Empty(t, rules, "there are rules for packages that are gone")
}

// What uses the main module, and who builds and tests it, must not need the Temporal server: it is large.
func TestTheServerBelongsToStandalone(t *testing.T) {
	t.Parallel()
	all := list(t, "-deps", "-test", "-json=ImportPath", "./...")
	require.Greater(t, len(all), 100, "dependencies and tests are listed too")
	for _, p := range all {
		assert.False(t, lies(p.ImportPath, "go.temporal.io/server"), p.ImportPath)
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "-json=ImportPath,Doc", "./...") {
		assert.NotEmpty(t, p.Doc, "package %s has no doc comment", p.ImportPath)
	}
}
