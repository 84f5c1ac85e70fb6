package receiver_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/durahook/durahook/receiver"
	"github.com/durahook/durahook/webhook"
)

func TestReceive(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, scenario := range map[string]struct {
		options receiver.Options
		request *http.Request
		status  int
		shows   []string
		hides   []string
	}{
		"good signature": {
			receiver.Options{Secret: string(secret)}, sign(t, secret, now, payload), 200,
			[]string{
				"call.ended  attempt 2\n", "evt_01h455vb4pex5vsknk084sn02q", "signature   ok", "answered    200 OK",
				"      {\n        \"event\": \"call.ended\",\n", "          \"call_id\": \"call_abc123\"\n",
			},
			[]string{"\x1b", "duplicate", "after"},
		},
		"no secret": {
			receiver.Options{}, sign(t, secret, now, payload), 200,
			[]string{"not verified"}, []string{"signature   ok"},
		},
		"second of two secrets": {
			receiver.Options{Secret: string(other) + ", " + string(secret)}, sign(t, secret, now, payload), 200,
			[]string{"signature   ok"}, nil,
		},
		"another secret": {
			receiver.Options{Secret: string(other)}, sign(t, secret, now, payload), 401,
			[]string{"bad: webhook-signature does not match", "call_abc123", "answered    401 Unauthorized"},
			[]string{"signature   ok"},
		},
		"public key": {
			receiver.Options{Secret: public}, sign(t, private, now, payload), 200,
			[]string{"signature   ok"}, nil,
		},
		"secret while the key replaces it": {
			receiver.Options{Secret: string(secret)}, signBoth(t, private, secret, now), 200, []string{"signature   ok"}, nil,
		},
		"public key while the secret replaces it": {
			receiver.Options{Secret: public}, signBoth(t, secret, private, now), 200, []string{"signature   ok"}, nil,
		},
		"secret and public key": {
			receiver.Options{Secret: string(other) + "," + public}, sign(t, private, now, payload), 200,
			[]string{"signature   ok"}, nil,
		},
		"another public key": {
			receiver.Options{Secret: webhook.SigningEd25519.NewSecret().PublicKey()}, sign(t, private, now, payload), 401,
			[]string{"bad: webhook-signature does not match"}, []string{"signature   ok"},
		},
		"public key, changed body": {
			receiver.Options{Secret: public},
			edit(sign(t, private, now, payload), func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }),
			401, []string{"the body was changed"}, nil,
		},
		"public key, another version": {
			receiver.Options{Secret: public},
			edit(sign(t, private, now, payload), func(r *http.Request) {
				r.Header.Set(webhook.HeaderSignature, strings.Replace(r.Header.Get(webhook.HeaderSignature), "v1a,", "v1,", 1))
			}),
			401, []string{"bad: webhook-signature does not match"}, nil,
		},
		"public key, no signature": {
			receiver.Options{Secret: public},
			edit(sign(t, private, now, payload), func(r *http.Request) { r.Header.Del(webhook.HeaderSignature) }),
			401, []string{"bad: no webhook-signature header"}, nil,
		},
		"public key, old timestamp": {
			receiver.Options{Secret: public}, sign(t, private, now.Add(-time.Hour), payload), 401,
			[]string{"ago, and at most 5 minutes are accepted", "1h0m"}, nil,
		},
		"public key, timestamp ahead": {
			receiver.Options{Secret: public}, sign(t, private, now.Add(time.Hour), payload), 401,
			[]string{"ahead, and at most 5 minutes are accepted"}, nil,
		},
		"public key, broken timestamp": {
			receiver.Options{Secret: public},
			edit(sign(t, private, now, payload), func(r *http.Request) { r.Header.Set(webhook.HeaderTimestamp, "noon") }),
			401, []string{"webhook-timestamp is not a number of seconds"}, nil,
		},
		"changed body": {
			receiver.Options{Secret: string(secret)},
			edit(sign(t, secret, now, payload), func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }),
			401, []string{"the body was changed"}, nil,
		},
		"no signature": {
			receiver.Options{Secret: string(secret)},
			edit(sign(t, secret, now, payload), func(r *http.Request) {
				r.Header.Del(webhook.HeaderSignature)
				r.Header.Del(webhook.HeaderID)
			}),
			401, []string{"bad: no webhook-id, no webhook-signature header", "webhook-id  none"}, nil,
		},
		"old timestamp": {
			receiver.Options{Secret: string(secret)}, sign(t, secret, now.Add(-time.Hour), payload), 401,
			[]string{"ago, and at most 5 minutes are accepted", "1h0m"}, nil,
		},
		"timestamp ahead": {
			receiver.Options{Secret: string(secret)}, sign(t, secret, now.Add(time.Hour), payload), 401,
			[]string{"ahead, and at most 5 minutes are accepted"}, nil,
		},
		"broken timestamp": {
			receiver.Options{Secret: string(secret)},
			edit(sign(t, secret, now, payload), func(r *http.Request) { r.Header.Set(webhook.HeaderTimestamp, "noon") }),
			401, []string{"webhook-timestamp is not a number of seconds"}, nil,
		},
		"fails on purpose": {
			receiver.Options{Secret: string(secret), FailWith: 503}, sign(t, secret, now, payload), 503,
			[]string{"signature   ok", "answered    503 Service Unavailable: on purpose, with --fail 503"}, nil,
		},
		"an answer without a body": {
			receiver.Options{FailWith: 204}, sign(t, secret, now, payload), 204, []string{"answered    204"}, nil,
		},
		"slow": {
			receiver.Options{Slow: 5 * time.Millisecond}, sign(t, secret, now, payload), 200,
			[]string{"answered    200 OK after "}, nil,
		},
		"body too large": {
			receiver.Options{}, sign(t, secret, now, strings.Repeat("x", 1<<20+1)), 413,
			[]string{"413", "larger than 1 MiB"}, []string{"xxxx", "empty"},
		},
		"largest body": {
			receiver.Options{Secret: string(secret)}, sign(t, secret, now, strings.Repeat("x", 1<<20)), 200,
			[]string{"1048576 bytes", "… and 1032192 bytes more"}, nil,
		},
		"broken off": {
			receiver.Options{}, edit(sign(t, secret, now, payload), func(r *http.Request) {
				r.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), brokenReader{}))
			}),
			400, []string{"did not arrive in full"}, nil,
		},
		"empty body": {
			receiver.Options{}, sign(t, secret, now, ""), 200, []string{"body        empty"}, nil,
		},
		"not a delivery": {
			receiver.Options{}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/favicon.ico", nil), 405,
			[]string{"GET /favicon.ico", "405"}, []string{"signature"},
		},
		"colour": {
			receiver.Options{Color: true, Secret: string(secret)}, sign(t, secret, now, payload), 200,
			[]string{"\x1b[32mok\x1b[0m"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var output bytes.Buffer
			scenario.options.Output = &output
			handler, err := receiver.New(scenario.options)
			require.NoError(t, err)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, scenario.request)
			assert.Equal(t, scenario.status, recorder.Code)
			for _, text := range scenario.shows {
				assert.Contains(t, output.String(), text)
			}
			for _, text := range scenario.hides {
				assert.NotContains(t, output.String(), text)
			}
		})
	}
}

func TestCredentialsAreMasked(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	handler, err := receiver.New(receiver.Options{Output: &output})
	require.NoError(t, err)
	request := sign(t, secret, time.Now(), payload)
	request.Header.Set("Authorization", "Bearer your_secret_token_1234")
	request.Header.Set("X-Api-Key", "short")
	request.Header.Set("X-Webhook-Signature", "sha256=0123456789abcdef")
	request.Header.Set("User-Agent", "durahook/dev")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	assert.Contains(t, output.String(), "  headers     Authorization: Bearer ••••1234\n"+
		"              X-Api-Key: ••••\n"+
		"              X-Webhook-Signature: ••••cdef\n")
	for _, hidden := range []string{"your_secret", "short", "sha256=", "durahook/dev"} {
		assert.NotContains(t, output.String(), hidden)
	}
}

func TestNothingThatStrangersSendReachesTheTerminalRaw(t *testing.T) {
	t.Parallel()
	const attack = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m\xff\r\x00"
	body := `{"event":"` + "\x1b[31m" + `","data":"` + attack + "\"}\n"
	var output bytes.Buffer
	handler, err := receiver.New(receiver.Options{Output: &output})
	require.NoError(t, err)
	request := sign(t, secret, time.Now(), body)
	for _, name := range []string{webhook.HeaderID, webhook.HeaderEvent, webhook.HeaderAttempt, "Authorization", "X-Key"} {
		request.Header.Set(name, attack+" "+strings.Repeat(attack, 3))
	}
	handler.ServeHTTP(httptest.NewRecorder(), request)
	for _, raw := range []string{"\x1b", "\x07", "\u202e", "\u009b", "\xff", "\r", "\x00"} {
		assert.NotContains(t, output.String(), raw)
	}
	assert.Contains(t, output.String(), `\x1b]0;owned\a\x1b[2J\u202e\u009b31m\xff\r\x00`)
}

func TestDeepJSONIsNotIndented(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	handler, err := receiver.New(receiver.Options{Output: &output})
	require.NoError(t, err)
	body := strings.Repeat("[", 5000) + `"a]\"["` + strings.Repeat(",1", 10000) + strings.Repeat("]", 5000)
	handler.ServeHTTP(httptest.NewRecorder(), sign(t, secret, time.Now(), body))
	assert.Contains(t, output.String(), strings.Repeat("[", 5000))
	assert.Less(t, output.Len(), 20_000)
}

func TestDuplicatesAreMarked(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	handler, err := receiver.New(receiver.Options{Output: &output, Secret: string(secret)})
	require.NoError(t, err)
	deliver := func(with webhook.SigningSecret) string {
		output.Reset()
		handler.ServeHTTP(httptest.NewRecorder(), sign(t, with, time.Now(), payload))
		return output.String()
	}
	assert.NotContains(t, deliver(other), "duplicate")
	assert.NotContains(t, deliver(secret), "duplicate", "a forged request uses up no webhook-id")
	assert.Contains(t, deliver(secret), "duplicate   the same webhook-id came at ")
}

func TestSlowIsCutShortWhenTheSenderHangsUp(t *testing.T) {
	t.Parallel()
	output := make(pipe, 1)
	handler, err := receiver.New(receiver.Options{Output: output, Slow: time.Hour})
	require.NoError(t, err)
	ctx, hangUp := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = &signalingBody{ReadCloser: r.Body, atEnd: hangUp}
		handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader(payload))
	require.NoError(t, err)
	_, err = server.Client().Do(request) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, <-output, "503 Service Unavailable after ")
}

func TestDeliveriesAtOnceStayInOnePiece(t *testing.T) {
	t.Parallel()
	const deliveries = 50
	output := make(pipe, deliveries)
	handler, err := receiver.New(receiver.Options{Output: output, Secret: string(secret)})
	require.NoError(t, err)
	var group sync.WaitGroup
	for range deliveries {
		request := sign(t, secret, time.Now(), payload)
		group.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), request) })
	}
	group.Wait()
	duplicates := 0
	for range deliveries {
		text := <-output
		assert.Contains(t, text, "call.ended  attempt 2\n")
		assert.Contains(t, text, "answered    200 OK\n")
		if strings.Contains(text, "duplicate") {
			duplicates++
		}
	}
	assert.Equal(t, deliveries-1, duplicates)
}

func TestWhatCannotBeShownIsNotReceived(t *testing.T) {
	t.Parallel()
	handler, err := receiver.New(receiver.Options{Output: brokenWriter{}})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, sign(t, secret, time.Now(), payload))
	assert.Equal(t, 500, recorder.Code)
}

func TestWrongOptions(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		options receiver.Options
		want    []string
	}{
		"secret":      {receiver.Options{Secret: "whsec_hush!"}, []string{"--secret: the secret is not a signing secret"}},
		"secrets":     {receiver.Options{Secret: string(secret) + ",hush!"}, []string{"--secret: secret 2 of 2 is not"}},
		"comma":       {receiver.Options{Secret: string(secret) + ","}, []string{"--secret: secret 2 of 2 is empty"}},
		"private key": {receiver.Options{Secret: string(private)}, []string{"--secret: the secret is a private key, which stays with the sender"}},
		"short key":   {receiver.Options{Secret: "whpk_hush"}, []string{"--secret: the secret is not a public key"}},
		"all at once": {
			receiver.Options{Secret: "hush!", FailWith: 100, Slow: -time.Second},
			[]string{"--secret: ", "--fail: 100 is not a status code from 200 to 599", "--slow: -1s is less than nothing"},
		},
		"no status": {receiver.Options{FailWith: 600}, []string{"--fail: 600"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := receiver.New(scenario.options)
			for _, text := range scenario.want {
				require.ErrorContains(t, err, text)
			}
			assert.NotContains(t, err.Error(), "hush")
			assert.NotContains(t, err.Error(), string(private)[5:])
		})
	}
}
