package activities_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	verify "github.com/durahook/durahook/docs/receivers/go"
	"github.com/durahook/durahook/target"
	"github.com/durahook/durahook/webhook"
)

// receivers are the examples of docs/receivers.md.
const receivers = "../docs/receivers"

// arrival is a request that came to a receiver.
type arrival struct {
	Key     string            `json:"key"` // what the receiver verifies with
	Body    []byte            `json:"body"`
	Headers map[string]string `json:"headers"`
}

// outcome is what became of it: an event, or an error.
type outcome struct {
	Event *struct {
		Event string `json:"event"`
	} `json:"event"`
	Error string `json:"error"`
}

func newArrival(key string, request received) arrival {
	headers := map[string]string{}
	for name := range request.header {
		headers[strings.ToLower(name)] = request.header.Get(name)
	}
	return arrival{key, request.body, headers}
}

// with returns the arrival with another header; an empty one is taken away.
func (a arrival) with(name, value string) arrival {
	headers := map[string]string{}
	for n, v := range a.Headers {
		headers[n] = v
	}
	headers[name] = value
	if value == "" {
		delete(headers, name)
	}
	return arrival{a.Key, a.Body, headers}
}

// sentWhileRotating is a request as the sender makes it while one secret replaces another.
func sentWhileRotating(t *testing.T, old, secret webhook.SigningSecret) received {
	t.Helper()
	e := newEndpoint(t, status(http.StatusOK))
	s := newFakeStore(t, e.URL, webhook.Authentication{})
	s.prepared.Webhook.SigningSecret = old
	require.NoError(t, s.prepared.Webhook.Rotate(secret, time.Now()))
	_, _ = send(t, s, target.InsecureLoopback, time.Minute)
	return e.received()[0]
}

// signedAt is a request that the secret signed at another time than now.
func signedAt(t *testing.T, secret webhook.SigningSecret, at time.Time) arrival {
	t.Helper()
	signature, err := secret.Sign("evt_1", at, []byte(payload))
	require.NoError(t, err)
	return arrival{secret.VerificationKey(), []byte(payload), map[string]string{
		"webhook-id": "evt_1", "webhook-timestamp": strconv.FormatInt(at.Unix(), 10), "webhook-signature": signature,
	}}
}

// arrivals are requests that every receiver has to judge alike, and whether they are good.
func arrivals(t *testing.T) (all []arrival, good []bool) {
	t.Helper()
	add := func(isGood bool, more ...arrival) {
		for _, one := range more {
			all, good = append(all, one), append(good, isGood)
		}
	}
	algorithms := []webhook.SigningAlgorithm{webhook.SigningHMACSHA256, webhook.SigningEd25519}
	for _, from := range algorithms {
		old := from.NewSecret()
		for _, to := range algorithms {
			secret := to.NewSecret()
			request := sentWhileRotating(t, old, secret)
			add(true, newArrival(old.VerificationKey(), request), newArrival(secret.VerificationKey(), request))
			for _, stranger := range algorithms {
				add(false, newArrival(stranger.NewSecret().VerificationKey(), request))
			}
		}
		add(true, signedAt(t, old, time.Now().Add(-4*time.Minute)), signedAt(t, old, time.Now().Add(4*time.Minute)))
		add(false, signedAt(t, old, time.Now().Add(-6*time.Minute)), signedAt(t, old, time.Now().Add(6*time.Minute)))

		fine := signedAt(t, old, time.Now())
		changed := fine
		changed.Body = []byte(strings.Replace(payload, "+1555", "+1556", 1))
		signature := fine.Headers["webhook-signature"]
		version, text, _ := strings.Cut(signature, ",")
		add(true, fine, fine.with("webhook-signature", "v2,AAAA "+signature+" v1,"), fine.with("x-other", "1"))
		add(false, changed, fine.with("webhook-id", "evt_2"), fine.with("webhook-timestamp", strconv.FormatInt(time.Now().Unix()+1, 10)),
			fine.with("webhook-timestamp", "noon"), fine.with("webhook-timestamp", ""), fine.with("webhook-id", ""),
			fine.with("webhook-signature", ""), fine.with("webhook-signature", "v2,"+text), fine.with("webhook-signature", text),
			fine.with("webhook-signature", version+","), fine.with("webhook-signature", version+",AAAA"), fine.with("webhook-signature", version))
	}
	return all, good
}

// requireJudged makes sure that each request was judged as it should be.
func requireJudged(t *testing.T, all []arrival, good []bool, outcomes []outcome) {
	t.Helper()
	require.Len(t, outcomes, len(all))
	for i, got := range outcomes {
		about := []any{"request %d with key %s: %v", i, all[i].Key[:5], all[i].Headers}
		require.Equal(t, good[i], got.Event != nil, about...)
		require.Equal(t, good[i], got.Error == "", about...)
		if got.Event != nil {
			require.Equal(t, "call.ended", got.Event.Event)
		}
	}
}

// judge has a program judge the requests: it gets them as JSON and answers with the outcomes.
func judge(t *testing.T, dir string, all []arrival, program string, args ...string) []outcome {
	t.Helper()
	input, err := json.Marshal(all)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, args...)
	var stderr bytes.Buffer
	command.Dir, command.Stdin, command.Stderr = dir, bytes.NewReader(input), &stderr
	output, err := command.Output()
	require.NoError(t, err, stderr.String())
	var outcomes []outcome
	require.NoError(t, json.Unmarshal(output, &outcomes), "%s", output)
	return outcomes
}

// lacking skips a test for which this machine lacks something, except in CI, which installs it.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		require.FailNow(t, "missing: "+what, ".ci/run has to install it")
	}
	t.Skip("not tested, for want of " + what)
}

func TestReceiverInGo(t *testing.T) {
	t.Parallel()
	all, good := arrivals(t)
	var outcomes []outcome
	for _, one := range all {
		header := http.Header{}
		for name, value := range one.Headers {
			header.Set(name, value)
		}
		var got outcome
		if err := verify.Verify(one.Key, one.Body, header); err != nil {
			got.Error = err.Error()
		} else {
			require.NoError(t, json.Unmarshal(one.Body, &got.Event))
		}
		outcomes = append(outcomes, got)
	}
	requireJudged(t, all, good, outcomes)
	for _, key := range []string{"", "whsec_", "whsec_!", "whpk_", "whpk_AAAA"} {
		require.Error(t, verify.Verify(key, nil, http.Header{}), key)
	}
}

// The published library for JavaScript verifies what was really sent, and Node.js what is signed with ed25519.
func TestReceiverInJavaScript(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			lacking(t, program)
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(receivers, "javascript"))))
	install := exec.CommandContext(t.Context(), "npm", "ci", "--silent", "--ignore-scripts", "--prefer-offline")
	install.Dir = dir
	require.NoError(t, install.Run(), "npm ci failed; docs/receivers/javascript is where to try it")
	all, good := arrivals(t)
	requireJudged(t, all, good, judge(t, dir, all, "node", "--input-type=module", "--eval", `
		import { readFileSync } from "node:fs";
		import { verify } from "./verify.mjs";
		const judged = JSON.parse(readFileSync(0)).map(({ key, body, headers }) => {
			try {
				return { event: verify(key, Buffer.from(body, "base64"), headers) };
			} catch (error) {
				if (error.name !== "WebhookVerificationError") throw error;
				return { error: error.message };
			}
		});
		console.log(JSON.stringify(judged));`))
}

func TestReceiverInPython(t *testing.T) {
	t.Parallel()
	python := findPython(t)
	if python == "" {
		lacking(t, "python3 with the package cryptography")
	}
	all, good := arrivals(t)
	requireJudged(t, all, good, judge(t, filepath.Join(receivers, "python"), all, python, "-B", "-c", `
import base64, json, sys
from verify import NotVerified, verify

def judged(key, body, headers):
    try:
        return {"event": verify(key, base64.b64decode(body), headers)}
    except NotVerified as error:
        return {"error": str(error)}

print(json.dumps([judged(**one) for one in json.load(sys.stdin)]))`))
}

// findPython returns a Python that has the package cryptography, for ed25519. The first one on the PATH need
// not be the system's.
func findPython(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import cryptography").Run() == nil {
			return python
		}
	}
	return ""
}

// The whole receiver: it answers what makes the sender be done with an event, or send it again.
func TestHandlerInGo(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]struct {
		keeps error
		key   string // "" is the right one
		want  webhook.Outcome
		code  int
	}{
		"kept":        {nil, "", webhook.OutcomeSuccess, 204},
		"not kept":    {errors.New("the queue is full"), "", webhook.OutcomeServerError, 500},
		"another key": {nil, webhook.SigningEd25519.NewSecret().PublicKey(), webhook.OutcomeClientError, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFakeStore(t, "http://127.0.0.1/", webhook.Authentication{})
			w := &s.prepared.Webhook
			w.SigningSecret = webhook.SigningEd25519.NewSecret()
			if scenario.key == "" {
				scenario.key = w.SigningSecret.PublicKey()
			}
			kept := map[string]string{}
			server := httptest.NewServer(verify.Handler(scenario.key, func(id string, event []byte) error {
				kept[id] = string(event)
				return scenario.keeps
			}))
			defer server.Close()
			w.URL = server.URL
			result, _ := send(t, s, target.InsecureLoopback, time.Minute)
			require.Equal(t, scenario.want, result.Outcome)
			require.Equal(t, scenario.code, *result.StatusCode)
			if scenario.code != 401 {
				require.Equal(t, map[string]string{s.prepared.Delivery.EventID: payload}, kept)
			} else {
				require.Empty(t, kept)
			}
		})
	}
}
