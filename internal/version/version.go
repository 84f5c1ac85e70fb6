// Package version knows which version of durahook is running. It imports no other package of durahook.
package version

import (
	"runtime/debug"
	"strings"
)

const (
	module = "github.com/durahook/durahook"
	// unknown is the version of a build that nobody named, such as a test.
	unknown = "dev"
)

// stamped is the version that the build was given with
// -ldflags "-X github.com/durahook/durahook/internal/version.stamped=v1.2.3". It is a variable because the
// linker can set nothing else; nothing in the program changes it.
var stamped string //nolint:gochecknoglobals // see above

// Version returns the version that the build was given, else the one that the go command wrote into the
// program, else "dev".
func Version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return fromBuild(info)
}

// fromBuild finds durahook's version in what the go command says of a program: durahook's own (either
// module of it) or one that uses it as a library.
func fromBuild(info *debug.BuildInfo) string {
	found := ""
	if info.Main.Path == module || strings.HasPrefix(info.Main.Path, module+"/") {
		found = info.Main.Version
	} else {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				found = dependency.Version
			}
		}
	}
	if found == "" || found == "(devel)" {
		return unknown
	}
	return found
}
