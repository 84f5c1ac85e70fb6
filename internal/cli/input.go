package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// contents returns what a flag's value stands for: with @file what is in the file, with - what comes on
// standard input, without the line break at the end; and any other value itself. Secrets can so be kept out
// of the list of processes and the shell's history.
func (e *Env) contents(flag, value string) (string, error) {
	path, isFile := strings.CutPrefix(value, "@")
	var content []byte
	var err error
	switch {
	case value == "-" || value == "@-":
		content, err = io.ReadAll(e.Stdin)
	case isFile:
		content, err = os.ReadFile(path)
	default:
		return value, nil
	}
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), nil
}

// jsonContents is contents for a flag whose value is JSON.
func (e *Env) jsonContents(flag, value string) (json.RawMessage, error) {
	content, err := e.contents(flag, value)
	if err != nil {
		return nil, err
	}
	var raw json.RawMessage
	if err := json.Unmarshal([]byte(content), &raw); err != nil {
		return nil, fmt.Errorf("--%s: is not JSON: %w", flag, err)
	}
	return raw, nil
}

// confirm asks whether something is to be done that cannot be undone. Where there is nobody to ask, --yes
// has to say so.
func (s *session) confirm(yes bool, question string, args ...any) error {
	if yes {
		return nil
	}
	if !s.env.Interactive {
		return errors.New("there is nobody to ask whether you are sure; say so with --yes")
	}
	fmt.Fprintf(s.env.Stderr, question+" [y/N] ", args...)
	line, err := bufio.NewReader(s.env.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was done")
}

// body is the body of a request: the members that were given, and no others.
type body map[string]any

// set adds a member, unless there is no value.
func set[T any](b body, name string, value *T) {
	if value != nil {
		b[name] = *value
	}
}

// setContents adds a member whose value may stand elsewhere, unless there is none; see [Env.contents].
func (b body) setContents(e *Env, name, flag string, value *string) error {
	if value == nil {
		return nil
	}
	content, err := e.contents(flag, *value)
	b[name] = content
	return err
}

// setJSON adds a member whose value is JSON and may stand elsewhere, unless there is none.
func (b body) setJSON(e *Env, name string, value *string) error {
	if value == nil {
		return nil
	}
	raw, err := e.jsonContents(name, *value)
	b[name] = raw
	return err
}

// reader returns the body as it is sent.
func (b body) reader() io.Reader {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(b); err != nil {
		return failingReader{err}
	}
	return &text
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// jsonType is the media type of every body that is sent.
const jsonType = "application/json"

// Past is a time as a flag says it: an RFC 3339 time, or how long ago.
type Past struct{ time.Time }

// UnmarshalText reads a time such as 2026-11-24T14:30:00Z, 90m, 24h or 7d.
func (p *Past) UnmarshalText(text []byte) (err error) {
	p.Time, err = parseTime(string(text), time.Now().UTC(), -1)
	return err
}

// Future is a time as a flag says it: an RFC 3339 time, or in how long.
type Future struct{ time.Time }

// UnmarshalText reads a time such as 2026-11-24T14:30:00Z, 90m, 24h or 7d.
func (f *Future) UnmarshalText(text []byte) (err error) {
	f.Time, err = parseTime(string(text), time.Now().UTC(), 1)
	return err
}

// parseTime reads a time, or a duration that lies before now (sign -1) or after it (1). Times are in UTC.
func parseTime(text string, now time.Time, sign int) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	if count, ok := strings.CutSuffix(text, "d"); ok {
		const most = 36500
		if days, err := strconv.Atoi(count); err == nil && days >= 0 && days <= most {
			return now.AddDate(0, 0, sign*days), nil
		}
	}
	if duration, err := time.ParseDuration(text); err == nil && duration >= 0 {
		if sign < 0 {
			duration = -duration
		}
		return now.Add(duration), nil
	}
	return time.Time{}, fmt.Errorf("%q is neither a time such as 2026-11-24T14:30:00Z nor a duration such as 90m, 24h or 7d", text)
}

// moment returns the time that a flag gave; nothing when it wasn't given.
func (p *Past) moment() *time.Time {
	if p == nil {
		return nil
	}
	return &p.Time
}

// nothingToChange is what an update without a flag gets.
func nothingToChange() error {
	return errors.New("nothing is to be changed: there is no flag that says what; see --help")
}
