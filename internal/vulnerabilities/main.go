// Command vulnerabilities reads what govulncheck -format json says of programs on its standard input, and fails if they
// have a vulnerability in them that the file named as its argument doesn't accept, or if that accepts one that is gone.
// What is wrong with the standard library is told only: the Go that a release is built with is chosen then.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vulnerabilities:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: govulncheck -format json … | vulnerabilities FILE")
	}
	accepted, err := readAccepted(args[0])
	if err != nil {
		return err
	}
	found, err := readFindings(in)
	if err != nil {
		return err
	}
	var wrong []error
	for _, id := range slices.Sorted(maps.Keys(found)) {
		f := found[id]
		reason, ok := accepted[id]
		switch {
		case f.module == "stdlib":
			fmt.Fprintf(out, "%s  in the standard library of this Go, mended in %s\n", id, f.fixed)
		case ok:
			fmt.Fprintf(out, "%s  in %s, accepted: %s\n", id, f.module, reason)
		default:
			wrong = append(wrong, fmt.Errorf("%s in %s %s, mended in %s: https://pkg.go.dev/vuln/%s", id, f.module, f.version, f.fixed, id))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(accepted)) {
		if _, ok := found[id]; !ok {
			wrong = append(wrong, fmt.Errorf("%s is accepted, but it is gone: take it out of %s", id, args[0]))
		}
	}
	return errors.Join(wrong...)
}

// readAccepted reads a file with an ID and a reason in each line.
func readAccepted(path string) (map[string]string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // which whoever runs it names
	if err != nil {
		return nil, err
	}
	accepted := map[string]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, _ := strings.Cut(line, " ")
		if strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s: %s is accepted without a reason", path, id)
		}
		accepted[id] = strings.TrimSpace(reason)
	}
	return accepted, nil
}

type finding struct{ module, version, fixed string }

// readFindings returns the vulnerabilities whose code is in the programs, by ID. Those of modules alone are left out:
// the code at fault may not be in there.
func readFindings(in io.Reader) (map[string]finding, error) {
	found := map[string]finding{}
	scanned := false
	for decoder := json.NewDecoder(in); ; {
		var message struct {
			Config  *struct{} `json:"config"`
			Finding *struct {
				OSV   string `json:"osv"`
				Fixed string `json:"fixed_version"`
				Trace []struct {
					Module   string `json:"module"`
					Version  string `json:"version"`
					Function string `json:"function"`
				} `json:"trace"`
			} `json:"finding"`
		}
		err := decoder.Decode(&message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read what govulncheck says: %w", err)
		}
		scanned = scanned || message.Config != nil
		f := message.Finding
		if f == nil || len(f.Trace) == 0 || f.Trace[0].Function == "" {
			continue
		}
		one := finding{f.Trace[0].Module, f.Trace[0].Version, f.Fixed}
		if one.fixed == "" {
			one.fixed = "no version yet"
		}
		if before, ok := found[f.OSV]; !ok || before.module == "stdlib" { // a module is ours to change
			found[f.OSV] = one
		}
	}
	if !scanned {
		return nil, errors.New("govulncheck said nothing")
	}
	return found, nil
}
