package webhook

import (
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
)

const (
	canary      = "canaryCANARY"
	otherSecret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// receiver is the other side: it takes what is signed rightly, and each id
// once, as a receiver has to.
type receiver struct {
	*httptest.Server
	verifier *standardwebhooks.Webhook

	mu       sync.Mutex
	next     reactorstest.Fault
	taken    map[string]int // requests, by id
	bodies   []string
	headers  []http.Header
	answer   int // instead of 202
	retry    string
	location string
}

func newReceiver(t *testing.T, secret string) *receiver {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{verifier: verifier, taken: map[string]int{}, answer: http.StatusAccepted}
	r.Server = httptest.NewTLSServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	fault, status := r.next, r.answer
	r.next = reactorstest.None
	r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	switch fault {
	case reactorstest.Unavailable:
		status = http.StatusServiceUnavailable
	case reactorstest.Refused:
		status = http.StatusForbidden
	case reactorstest.Hang:
		<-req.Context().Done()
		return
	}
	if r.verifier.Verify(body, req.Header) != nil {
		status = http.StatusUnauthorized
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.retry != "" {
		w.Header().Set("Retry-After", r.retry)
	}
	if r.location != "" {
		w.Header().Set("Location", r.location)
	}
	if status < 300 {
		r.taken[req.Header.Get("webhook-id")]++
		r.bodies, r.headers = append(r.bodies, string(body)), append(r.headers, req.Header.Clone())
	}
	if fault == reactorstest.DropReply {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

// effects counts distinct ids: a receiver takes each once.
func (r *receiver) effects() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}

func (r *receiver) fail(f reactorstest.Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = f
}

// options let an action reach the receiver.
func (r *receiver) options() Options {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	return Options{AllowLoopback: true, RootCAs: pool}
}

// newAction returns an action that is closed at the end.
func newAction(t *testing.T, o Options) *Action {
	t.Helper()
	a := New(o)
	t.Cleanup(a.Close)
	return a
}

// secretFile writes secrets to a file.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func prepareContext() reactors.PrepareContext {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	run := reactors.Run{
		Reactor: "tell siem", Subject: "spaces/AAA|users/1", Trigger: reactors.MessageCreated,
		Space: "spaces/AAA", Member: "users/1", EventTime: at,
	}
	facts := reactors.Facts{
		Trigger: reactors.MessageCreated,
		Event:   reactors.EventFacts{ID: "spaces/AAA/spaceEvents/1", Type: "google.workspace.chat.message.v1.created", Time: at},
		Space:   reactors.SpaceFacts{Name: "spaces/AAA", DisplayName: canary},
		Member:  reactors.MemberFacts{Name: "users/1", Type: "HUMAN", DisplayName: canary},
		Message: reactors.MessageFacts{Name: "spaces/AAA/messages/M", Text: "hello " + canary, Thread: "spaces/AAA/threads/T"},
	}
	return reactors.PrepareContext{Run: run, Facts: facts, Label: "0.0", IDs: reactors.IDsOf(run)}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		secret := canary + otherSecret[:20] // 32 characters of base64
		r := newReceiver(t, secret)
		return reactorstest.Env{
			Action:  newAction(t, r.options()),
			Restart: func() reactors.Action { return newAction(t, r.options()) },
			Params:  &Params{URL: r.URL + "/hook?token=" + canary, SecretFile: secretFile(t, "whsec_"+secret+"\n"), IncludeText: true},
			Context: prepareContext(), Effects: r.effects, Writes: reactorstest.NoWrites, Fail: r.fail, Canary: canary,
		}
	}})
}
