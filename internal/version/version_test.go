package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersionIsNeverEmpty(t *testing.T) {
	t.Parallel()
	assert.NotEmpty(t, Version())
}

func TestFromBuild(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"installed": {
			debug.BuildInfo{Main: debug.Module{Path: module, Version: "v1.2.3"}},
			"v1.2.3",
		},
		"standalone installed": {
			debug.BuildInfo{Main: debug.Module{Path: module + "/standalone", Version: "v1.2.3"}},
			"v1.2.3",
		},
		"built in a checkout without version control": {
			debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}},
			"dev",
		},
		"a test": {
			debug.BuildInfo{Main: debug.Module{Path: module}},
			"dev",
		},
		"used as a library": {
			debug.BuildInfo{
				Main: debug.Module{Path: "example.com/platform", Version: "v9.9.9"},
				Deps: []*debug.Module{{Path: "example.com/other", Version: "v8.8.8"}, {Path: module, Version: "v1.2.3"}},
			},
			"v1.2.3",
		},
		"a module of a similar name": {
			debug.BuildInfo{Main: debug.Module{Path: module + "er", Version: "v9.9.9"}},
			"dev",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, scenario.want, fromBuild(&scenario.info))
		})
	}
}
