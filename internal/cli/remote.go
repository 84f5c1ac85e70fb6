package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/durahook/durahook/api/types"
	"github.com/durahook/durahook/client"
	"github.com/durahook/durahook/internal/terminal"
	"github.com/durahook/durahook/internal/version"
)

// Remote are the flags of every command that asks a durahook over its API.
type Remote struct {
	Server   string `help:"Address of durahook." default:"http://127.0.0.1:8080" env:"DURAHOOK_SERVER" placeholder:"URL" group:"server"`
	APIKey   string `name:"api-key" help:"API key, or the admin key. Better in the environment, where others don't see it." env:"DURAHOOK_API_KEY,DURAHOOK_ADMIN_KEY" placeholder:"KEY" group:"server"`
	Account  string `help:"Account to act for; with the admin key only." env:"DURAHOOK_ACCOUNT" placeholder:"ID" group:"server"`
	Insecure bool   `help:"Allow an http:// server that is not this machine. Everybody on the way can read the key." env:"DURAHOOK_INSECURE" group:"server"`
	Output   string `short:"o" help:"table, or json: what the API answers, as it is." enum:"table,json" default:"table" env:"DURAHOOK_OUTPUT" group:"server"`
}

// requestTimeout is how long a request may take from the first byte to the last.
const requestTimeout = time.Minute

// session is a command's conversation with one durahook.
type session struct {
	env   *Env
	ctx   context.Context //nolint:containedctx // a session is as long as its command, and so is the context
	api   *client.Client
	http  *http.Client
	json  bool
	paint terminal.Paint
}

// open returns a session with the server that the flags name.
func (r *Remote) open(env *Env) (*session, error) {
	server, err := url.Parse(r.Server)
	switch {
	case err != nil || server.Scheme != "http" && server.Scheme != "https" || server.Host == "" || server.User != nil:
		return nil, fmt.Errorf("--server: %q is not of the form https://host", r.Server)
	case server.Scheme == "http" && !isLoopback(server.Hostname()) && !r.Insecure:
		return nil, fmt.Errorf("--server: %s would get the key in clear, for everybody on the way to read; use https://, or --insecure if the way is safe", r.Server)
	case r.APIKey == "":
		return nil, errors.New("there is no API key; set DURAHOOK_API_KEY")
	}
	httpClient := &http.Client{
		Timeout: requestTimeout,
		// The key is for this server, and a POST that is redirected may become a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	api, err := client.NewClient(r.Server, client.WithHTTPClient(httpClient), client.WithRequestEditorFn(r.sign))
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	return &session{
		env: env, ctx: env.Ctx, api: api, http: httpClient, json: r.Output == "json",
		paint: terminal.Paint(terminal.WantsColor(env.Stdout)),
	}, nil
}

// sign says in a request who asks.
func (r *Remote) sign(_ context.Context, request *http.Request) error {
	request.Header.Set("Authorization", "Bearer "+r.APIKey)
	request.Header.Set("User-Agent", "durahook/"+version.Version())
	if r.Account != "" {
		request.Header.Set("X-Account", r.Account)
	}
	return nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// answer is what the API said to a request that it granted.
type answer struct {
	header http.Header
	body   []byte
}

// answer reads what came of a request. Its error says in words why there is no answer, or why the API
// refused; see [failure].
func (s *session) answer(response *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, s.unanswered(err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, s.unanswered(err)
	}
	isJSON := strings.HasSuffix(mediaType(response.Header), "json")
	switch {
	case response.StatusCode >= http.StatusBadRequest && isJSON:
		return answer{}, s.refused(response, body)
	case response.StatusCode >= http.StatusMultipleChoices, len(body) > 0 && !isJSON:
		return answer{}, s.foreign(response, body)
	}
	return answer{header: response.Header, body: body}, nil
}

func mediaType(header http.Header) string {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// failure is why a request got no answer.
type failure struct {
	message string
	passing bool          // whether asking again later may help
	after   time.Duration // how long the server wants that to wait
}

func (f *failure) Error() string { return f.message }

// unanswered words what went wrong on the way.
func (s *session) unanswered(err error) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	reason := withoutURL(err)
	var operation *net.OpError
	if errors.As(reason, &operation) {
		reason = operation.Err
	}
	words := reason.Error()
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		words = fmt.Sprintf("no full answer within %s", s.http.Timeout)
	}
	words = strings.TrimPrefix(words, "connect: ")
	return &failure{passing: true, message: fmt.Sprintf(
		"cannot reach durahook at %s: %s\n  Does it run? --server (DURAHOOK_SERVER) says where it is.", s.server(), words)}
}

// server is the address that is asked.
func (s *session) server() string { return strings.TrimSuffix(s.api.Server, "/") }

// refused words a problem document: its detail, and below it each field that is wrong.
func (s *session) refused(response *http.Response, body []byte) error {
	var problem types.Problem
	if err := json.Unmarshal(body, &problem); err != nil || problem.Detail == "" {
		return s.foreign(response, body)
	}
	var text strings.Builder
	text.WriteString(terminal.Visible(problem.Detail))
	for _, field := range problem.Errors {
		fmt.Fprintf(&text, "\n  %s: %s", terminal.Visible(s.field(field.Pointer)), terminal.Visible(field.Detail))
	}
	if response.StatusCode == http.StatusUnauthorized {
		fmt.Fprintf(&text, "\n  Set DURAHOOK_API_KEY to a key of %s.", s.server())
	}
	after := retryAfter(response.Header)
	if after > 0 {
		fmt.Fprintf(&text, "\n  Try again in %s.", after)
	}
	passing := response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError
	return &failure{message: text.String(), passing: passing, after: after}
}

// foreign words an answer that isn't durahook's.
func (s *session) foreign(response *http.Response, body []byte) error {
	const longest = 200
	var text strings.Builder
	fmt.Fprintf(&text, "%s answers %s", s.server(), terminal.Visible(response.Status))
	if location := response.Header.Get("Location"); location != "" {
		fmt.Fprintf(&text, " to %s", terminal.Visible(location))
	}
	fmt.Fprintf(&text, ", which is not what durahook says; is --server right?\n  %s", oneLine(body[:min(len(body), longest)]))
	return &failure{message: strings.TrimRight(text.String(), "\n "), passing: response.StatusCode >= http.StatusInternalServerError}
}

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
