package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/internal/cli"
)

// pipe is a writer whose every Write can be received.
type pipe chan string

func (p pipe) Write(text []byte) (int, error) {
	p <- string(text)
	return len(text), nil
}

// listening runs the command until stop is called, after which Run's error can be received.
func listening(t *testing.T, command *cli.ListenCommand) (output pipe, stop func(), ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	output = make(pipe, 10)
	result := make(chan error, 1)
	go func() { result <- command.Run(&cli.Env{Ctx: ctx, Stdout: output, Stderr: io.Discard}) }()
	return output, cancel, result
}

func urlIn(t *testing.T, greeting string) string {
	t.Helper()
	match := regexp.MustCompile(`http://127\.0\.0\.1:[1-9][0-9]*/`).FindString(greeting)
	require.NotEmpty(t, match, greeting)
	return match
}

func TestListen(t *testing.T) {
	t.Parallel()
	output, stop, ended := listening(t, &cli.ListenCommand{Listen: "127.0.0.1:0", Fail: 418})
	greeting := <-output
	url := urlIn(t, greeting)
	assert.Contains(t, greeting, "Signatures are not verified")
	assert.Contains(t, greeting, `-H "Authorization: Bearer $DURAHOOK_ADMIN_KEY"`)
	assert.Contains(t, greeting, `"url":"`+url+`"`)
	assert.NotContains(t, greeting, "\x1b", "not a terminal")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"event":"call.ended"}`))
	require.NoError(t, err)
	response, err := new(http.Client).Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusTeapot, response.StatusCode)
	assert.Contains(t, <-output, "call.ended")

	stop()
	require.NoError(t, <-ended)
}

func TestListenEverywhereSaysWhereThisMachineFindsIt(t *testing.T) {
	t.Parallel()
	output, stop, ended := listening(t, &cli.ListenCommand{Listen: ":0", Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	greeting := <-output
	urlIn(t, greeting)
	assert.Contains(t, greeting, "Signatures are verified.")
	assert.NotContains(t, greeting, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	stop()
	require.NoError(t, <-ended)
}

func TestListenStopsWhileItIsSlow(t *testing.T) {
	t.Parallel()
	output, stop, ended := listening(t, &cli.ListenCommand{Listen: "127.0.0.1:0", Slow: time.Hour})
	url := urlIn(t, <-output)
	// The body is only asked for once the request has reached the receiver, see Expect.
	body := readerFunc(func([]byte) (int, error) {
		stop()
		return 0, io.EOF
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	require.NoError(t, err)
	request.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	assert.Contains(t, <-output, "cut short")
	require.NoError(t, <-ended)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }

func TestListenOnABusyPort(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, listener.Close()) }()
	command := &cli.ListenCommand{Listen: listener.Addr().String()}
	err = command.Run(&cli.Env{Ctx: t.Context(), Stdout: io.Discard, Stderr: io.Discard})
	require.EqualError(t, err, "--listen: cannot listen on "+command.Listen+": bind: address already in use")
}

func TestListenTellsMistakes(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		args   []string
		status int
		want   string
	}{
		"secret":       {[]string{"--secret=whsec_hush!"}, 1, "durahook: --secret: the secret is not a signing secret"},
		"status":       {[]string{"--fail=99"}, 1, "durahook: --fail: 99 is not a status code from 200 to 599; 0 is off\n"},
		"slow":         {[]string{"--slow=-2s"}, 1, "durahook: --slow: -2s is less than nothing\n"},
		"no duration":  {[]string{"--slow=soon"}, 2, "durahook: --slow: "},
		"no address":   {[]string{"--listen=nowhere"}, 1, "durahook: --listen: cannot listen on nowhere: address nowhere: missing port in address\n"},
		"unknown flag": {[]string{"--color"}, 2, "durahook: unknown flag --color"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := cli.Main(t.Context(), "durahook", cli.Description, new(cli.Commands),
				append([]string{"listen"}, scenario.args...), &stdout, &stderr)
			assert.Equal(t, scenario.status, status)
			assert.True(t, strings.HasPrefix(stderr.String(), scenario.want), stderr.String())
			assert.NotContains(t, stderr.String(), "hush")
		})
	}
}

func TestListenFailsWhenItCannotPrint(t *testing.T) {
	t.Parallel()
	command := &cli.ListenCommand{Listen: "127.0.0.1:0"}
	err := command.Run(&cli.Env{Ctx: t.Context(), Stdout: brokenWriter{}, Stderr: io.Discard})
	require.EqualError(t, err, "print where webhooks are received: disk full")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
