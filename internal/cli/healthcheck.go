package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// HealthcheckCommand asks a running durahook whether it is ready, for places without curl such as a
// distroless container.
type HealthcheckCommand struct {
	URL string `help:"Address to ask." default:"http://127.0.0.1:8080/readyz"`
}

// Run fails, with one readable error, unless the answer is 200.
func (c *HealthcheckCommand) Run(env *Env) error {
	const timeout = 3 * time.Second
	ctx, cancel := context.WithTimeout(env.Ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
	if err != nil {
		return fmt.Errorf("--url: %q is not a URL", c.URL)
	}
	client := &http.Client{
		// A proxy would be asked for its own health, and another page is not the one that was asked for.
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not healthy: %s does not answer: %w", c.URL, withoutURL(err))
	}
	defer response.Body.Close() //nolint:errcheck // only read from, and the process ends
	if response.StatusCode == http.StatusOK {
		return nil
	}
	const longest = 200
	body, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err != nil {
		return fmt.Errorf("not healthy: %s answers %s and then breaks off: %w", c.URL, response.Status, err)
	}
	return fmt.Errorf("not healthy: %s answers %s: %s", c.URL, response.Status, oneLine(body))
}

// oneLine returns a text without line breaks and whatever else does not print.
func oneLine(text []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.Join(strings.Fields(string(text)), " "))
}

// withoutURL leaves out of an HTTP client's error what the message says already.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
