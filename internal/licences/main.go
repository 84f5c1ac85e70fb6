// Command licences fails if the program in a directory has code in it under a licence that durahook cannot be given away
// with, or one that nobody can tell: go run ./internal/licences DIRECTORY PACKAGE.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 2 {
		return errors.New("usage: licences DIRECTORY PACKAGE")
	}
	modules, err := list(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	var wrong []error
	counts := map[string]int{}
	for _, m := range modules {
		found, err := licencesOf(m.Dir)
		if reason := lookedAt()[m.Path]; reason != "" && err != nil {
			fmt.Fprintf(out, "      %s: %s\n", m.Path, reason)
			continue
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", m.Path, err))
			continue
		}
		for _, id := range found {
			counts[id]++
			if !slices.Contains(allowed(), id) {
				wrong = append(wrong, fmt.Errorf("%s: %s is not among those that we may give away", m.Path, id))
			}
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	for _, id := range allowed() {
		if counts[id] > 0 {
			fmt.Fprintf(out, "%4d  %s\n", counts[id], id)
		}
	}
	return nil
}

// allowed are the licences, by their SPDX identifiers, under which code may be in our programs: they ask for their text
// to be kept, or for changes to their own files to be given away, and nothing of ours.
func allowed() []string {
	return []string{"Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "BSD-2-Clause-Views", "ISC", "MPL-2.0", "Unlicense", "CC0-1.0"}
}

// lookedAt are modules that have no file with a licence that can be told, and what people found when they looked.
func lookedAt() map[string]string {
	return map[string]string{
		"github.com/cactus/go-statsd-client/statsd":    "MIT: it says so in each file",
		"github.com/nexus-rpc/nexus-proto-annotations": "no text; it comes with Temporal's SDK, which is MIT, from the same people",
		"github.com/xi2/xz":                            "public domain",
	}
}

type module struct {
	Path string `json:"Path"`
	Dir  string `json:"Dir"`
}

// list returns the modules of others whose code is in a program.
func list(ctx context.Context, dir, pattern string) ([]module, error) {
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", pattern) //nolint:gosec // whoever runs it may list anything
	command.Dir, command.Stderr = dir, &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("list what %s is made of: %w: %s", pattern, err, stderr.Bytes())
	}
	seen := map[string]module{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p struct {
			Module *struct {
				module

				Main    bool    `json:"Main"`
				Replace *module `json:"Replace"`
			} `json:"Module"`
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what %s is made of: %w", pattern, err)
		}
		// The standard library is in none, and ours are under our own licence.
		if p.Module != nil && !p.Module.Main && p.Module.Replace == nil {
			seen[p.Module.Path] = p.Module.module
		}
	}
	modules := make([]module, 0, len(seen))
	for _, m := range seen {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return modules, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(LICEN[SC]E|COPYING|UNLICENSE)(\.(md|txt|rst))?$`)

// licencesOf returns the licences of a module, which its files say. One that lies next to a file says it for all.
func licencesOf(dir string) ([]string, error) {
	const enough = 75 // percent of a text that must be a known licence's; the rest is names and years
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		coverage := licensecheck.Scan(text)
		if coverage.Percent < enough {
			return nil, fmt.Errorf("%s is no licence that is known (%.0f %% of it is)", entry.Name(), coverage.Percent)
		}
		for _, match := range coverage.Match {
			if !slices.Contains(ids, match.ID) {
				ids = append(ids, match.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("there is no file with a licence")
	}
	return ids, nil
}
