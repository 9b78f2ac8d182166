package main

// The receiver itself is in docs/reactors/webhooks.md.

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/webhook"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	other  = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// env is a receiver and what it took.
type env struct {
	taken  []Event
	refuse error
	act    func(t *testing.T, secret string) error
}

func newEnv(t *testing.T) *env {
	t.Helper()
	w := &env{}
	r, err := NewReceiver(secret, func(e Event) error {
		if w.refuse == nil {
			w.taken = append(w.taken, e)
		}
		return w.refuse
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(r)
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	a := webhook.New(webhook.Options{AllowLoopback: true, RootCAs: pool})
	t.Cleanup(a.Close)
	w.act = func(t *testing.T, secret string) error {
		t.Helper()
		_, err := a.Act(t.Context(), prepare(t, a, server.URL, secret))
		return err
	}
	return w
}

func prepare(t *testing.T, a *webhook.Action, url, secret string) json.RawMessage {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := reactors.Run{
		Reactor: "audit", Subject: "e#0", Trigger: reactors.MemberJoined, Space: "spaces/A", Member: "users/1",
		EventTime: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	}
	raw, err := a.Prepare(&webhook.Params{URL: url, SecretFile: file}, reactors.PrepareContext{
		Run: run, Facts: reactors.Facts{Member: reactors.MemberFacts{Name: "users/1"}}, Label: "0.0", IDs: reactors.IDsOf(run),
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw.Body
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.refuse = errors.New("the disk is full")
	if err := w.act(t, secret); err == nil || reactors.IsPermanent(err) {
		t.Errorf("while the receiver can't take it: error %v, want one that can be retried", err)
	}
	w.refuse = nil
	for range 2 {
		if err := w.act(t, secret); err != nil {
			t.Error(err)
		}
	}
	if len(w.taken) != 1 {
		t.Fatalf("took %d events, want 1", len(w.taken))
	}
	e := w.taken[0]
	if e.ID == "" || e.Type != "spacekeeper.reactor.member.joined" || e.Subject != "spaces/A" || e.Data.Rule != "audit" || e.Data.Member.Name != "users/1" {
		t.Errorf("took %+v", e)
	}
}

// What is signed rightly is taken as it was signed, or not at all.
func TestChanged(t *testing.T) {
	t.Parallel()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	const id, body = "msg_1", `{"id":"1","type":"spacekeeper.reactor.member.joined","data":{"member":{"name":"users/1"}}}`
	now := time.Now()
	header := func(id string, at time.Time) http.Header {
		signature, err := signer.Sign("msg_1", now, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set(standardwebhooks.HeaderWebhookID, id)
		h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
		h.Set(standardwebhooks.HeaderWebhookSignature, signature)
		return h
	}
	unsigned := header(id, now)
	unsigned.Del(standardwebhooks.HeaderWebhookSignature)
	for name, c := range map[string]struct {
		header http.Header
		body   string
		want   int
	}{
		"as it was signed":  {header(id, now), body, http.StatusNoContent},
		"another body":      {header(id, now), strings.Replace(body, "users/1", "users/2", 1), http.StatusUnauthorized},
		"more of a body":    {header(id, now), body + " ", http.StatusUnauthorized},
		"less of a body":    {header(id, now), body[:len(body)-1], http.StatusUnauthorized},
		"no body":           {header(id, now), "", http.StatusUnauthorized},
		"another id":        {header("msg_2", now), body, http.StatusUnauthorized},
		"another time":      {header(id, now.Add(time.Minute)), body, http.StatusUnauthorized},
		"without signature": {unsigned, body, http.StatusUnauthorized},
	} {
		var taken []Event
		r, err := NewReceiver(secret, func(e Event) error {
			taken = append(taken, e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		answer, req := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
		req.Header = c.header
		r.ServeHTTP(answer, req)
		if wants := c.want == http.StatusNoContent; answer.Code != c.want || len(taken) > 0 != wants {
			t.Errorf("%s: answer %d, took %+v, want %d", name, answer.Code, taken, c.want)
		}
	}
}

func TestForged(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	if err := w.act(t, other); !reactors.IsPermanent(err) {
		t.Errorf("signed with another secret: error %v, want a permanent one", err)
	}
	if len(w.taken) != 0 {
		t.Errorf("took %d forged events", len(w.taken))
	}
}
