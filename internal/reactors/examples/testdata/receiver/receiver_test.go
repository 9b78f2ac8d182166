package main

// The receiver itself is in docs/reactors/webhooks.md.

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

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
