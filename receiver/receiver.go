// Package receiver is a receiver of webhooks for development: it verifies each delivery with the published
// Standard Webhooks library (and ed25519, which that doesn't know, itself), shows it to a person and answers as it
// was told to. "durahook listen" and the demo of standalone use it.
//
// It is what a platform's customer would write, so of durahook it imports only package webhook, for the
// names of headers and the masking of secrets, and what writes to terminals.
package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/durahook/durahook/internal/terminal"
	"github.com/durahook/durahook/webhook"
)

const (
	// maxBody is the most bytes of a body that are read.
	maxBody = 1 << 20
	// remembered is how many webhook-ids are kept to tell duplicates by.
	remembered = 10_000
)

// Options say how a receiver behaves. Output is required; the zero value of everything else is a receiver
// that verifies nothing and answers 200 at once.
type Options struct {
	Secret   string        // what to verify with: a signing secret or public key, or several with commas between them
	FailWith int           // status code to answer with instead of 200: 200 to 599; 0 is off
	Slow     time.Duration // how long to wait before answering
	Output   io.Writer     // where deliveries are shown, each with one Write
	Color    bool          // whether Output understands ANSI colours, see terminal.WantsColor
}

// Receiver is an [http.Handler] that receives deliveries on every path. It is safe for concurrent use.
type Receiver struct {
	verifier verifier
	failWith int
	slow     time.Duration
	paint    terminal.Paint
	seen     *seen

	mu     sync.Mutex // holds the lines of a delivery together
	output io.Writer
}

// New returns a receiver. The error joins everything that is wrong with the options, each with the flag of
// "durahook listen" that it came from; it never holds a secret.
func New(o Options) (*Receiver, error) {
	verifier, err := newVerifier(o.Secret)
	if err != nil {
		err = fmt.Errorf("--secret: %w", err)
	}
	if o.FailWith != 0 && (o.FailWith < 200 || o.FailWith > 599) {
		err = errors.Join(err, fmt.Errorf("--fail: %d is not a status code from 200 to 599; 0 is off", o.FailWith))
	}
	if o.Slow < 0 {
		err = errors.Join(err, fmt.Errorf("--slow: %s is less than nothing", o.Slow))
	}
	if err != nil {
		return nil, err
	}
	return &Receiver{
		verifier: verifier, failWith: o.FailWith, slow: o.Slow, paint: terminal.Paint(o.Color),
		seen: newSeen(remembered), output: o.Output,
	}, nil
}

// Verifies reports whether the receiver has a secret to check signatures with.
func (r *Receiver) Verifies() bool { return len(r.verifier) > 0 }

// delivery is one request and what became of it.
type delivery struct {
	at        time.Time
	request   *http.Request
	body      []byte // nil when it could not be read
	signature verdict
	firstSeen time.Time // zero unless it is a duplicate
	slept     time.Duration
	status    int    // what was answered
	reason    string // why it was not 200, in plain words
}

// ServeHTTP receives one delivery: shows it, then answers it. A delivery that cannot be shown is answered
// 500, because nobody got it.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	d := &delivery{at: time.Now(), request: request}
	r.receive(w, d)
	if err := r.show(d); err != nil {
		d.status, d.reason = http.StatusInternalServerError, "the delivery could not be shown"
	}
	answer(w, d)
}

// receive reads and judges the request and decides what to answer.
func (r *Receiver) receive(w http.ResponseWriter, d *delivery) {
	if d.request.Method != http.MethodPost {
		d.status, d.reason = http.StatusMethodNotAllowed, "webhooks are delivered with POST"
		return
	}
	if !readBody(w, d) {
		return
	}
	d.signature = r.verifier.verify(d.body, d.request.Header)
	if d.signature.state == signatureBad {
		d.status, d.reason = http.StatusUnauthorized, d.signature.reason
		return
	}
	if id := d.request.Header.Get(webhook.HeaderID); id != "" {
		d.firstSeen = r.seen.mark(id, d.at)
	}
	if !r.sleep(d) {
		d.status, d.reason = http.StatusServiceUnavailable, "cut short: the sender hung up or the receiver is stopping"
	} else if r.failWith != 0 {
		d.status, d.reason = r.failWith, fmt.Sprintf("on purpose, with --fail %d", r.failWith)
	} else {
		d.status = http.StatusOK
	}
}

// readBody reports whether the body could be read in full; if not, d says why.
func readBody(w http.ResponseWriter, d *delivery) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, d.request.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		d.body = body
		return true
	case errors.As(err, &tooLarge):
		d.status, d.reason = http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB"
	default:
		d.status, d.reason = http.StatusBadRequest, "the body did not arrive in full"
	}
	return false
}

// sleep waits as long as the receiver was told to and reports whether it did so to the end.
func (r *Receiver) sleep(d *delivery) bool {
	if r.slow == 0 {
		return true
	}
	start := time.Now()
	defer func() { d.slept = time.Since(start) }()
	timer := time.NewTimer(r.slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-d.request.Context().Done():
		return false
	}
}

func answer(w http.ResponseWriter, d *delivery) {
	w.Header().Set("Content-Type", "application/json")
	if d.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	w.WriteHeader(d.status)
	err := json.NewEncoder(w).Encode(struct {
		Received bool   `json:"received"`
		Error    string `json:"error,omitempty"`
	}{d.status == http.StatusOK, d.reason})
	if err != nil {
		// The sender is gone, or the answer may have no body, such as a 204. The delivery has been shown, and
		// there is nobody left to tell.
		return
	}
}
