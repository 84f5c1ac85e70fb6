package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	config    = `{"config":{"protocol_version":"v1.0.0"}}`
	inModule  = `{"finding":{"osv":"GO-1","fixed_version":"v2.0.1","trace":[{"module":"example.com/a","version":"v2.0.0","package":"a","function":"F"}]}}`
	unused    = `{"finding":{"osv":"GO-2","trace":[{"module":"example.com/b","version":"v1.0.0"}]}}`
	inLibrary = `{"finding":{"osv":"GO-3","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","package":"net/http","function":"Get"}]}}`
)

func TestRun(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		accepted, input, says, fails string
	}{
		"nothing":               {input: config},
		"not called":            {input: config + unused},
		"in the library":        {input: config + inLibrary, says: "GO-3  in the standard library of this Go, mended in v1.26.9"},
		"in a module":           {input: config + inModule, fails: "GO-1 in example.com/a v2.0.0, mended in v2.0.1"},
		"accepted":              {accepted: "# why\nGO-1 We never call F.\n", input: config + inModule, says: "accepted: We never call F."},
		"accepted, but gone":    {accepted: "GO-1 We never call F.", input: config, fails: "GO-1 is accepted, but it is gone"},
		"without a reason":      {accepted: "GO-1", input: config, fails: "without a reason"},
		"no scan":               {fails: "said nothing"},
		"cut off in the middle": {input: config + inModule[:30], fails: "read what govulncheck says"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "accepted")
			require.NoError(t, os.WriteFile(file, []byte(scenario.accepted), 0o600))
			var out bytes.Buffer
			err := run([]string{file}, strings.NewReader(scenario.input), &out)
			require.Contains(t, out.String(), scenario.says)
			if scenario.fails == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, scenario.fails)
			}
		})
	}
}
