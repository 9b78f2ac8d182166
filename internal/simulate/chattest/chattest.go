// Package chattest starts what a test of an action in Google Chat needs: a
// simulated Workspace, a client whose every request is checked against Google's
// discovery documents, and faults on demand.
//
// # What it promises
//
// The Workspace's clock advances by a second each time it is read, so that no
// quota is reached. A test of quotas starts a Workspace of its own.
//
// # What happens on failure
//
// The test fails. Everything ends with it.
package chattest

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
)

// Canary is part of every text that no error may quote.
const Canary = "canary-in-the-text"

// Env is a Workspace of one space, and a client of its Chat API.
type Env struct {
	*simulate.Workspace
	Client *gchat.Client
	Space  string // "spaces/S"
	Member string // "users/U" in it, who isn't the caller

	mu       sync.Mutex
	faults   []fault
	requests []string
}

type fault struct {
	method string // "" for the next write
	fault  simulate.ChatFault
}

// New starts a Workspace that the client calls as the app.
func New(t testing.TB) *Env {
	t.Helper()
	return open(t, simulate.AuthApp, config.AuthApp)
}

// NewAsUser starts a Workspace that the client calls as a person.
func NewAsUser(t testing.TB) *Env {
	t.Helper()
	return open(t, simulate.AuthUser, config.AuthUser)
}

func open(t testing.TB, auth simulate.Auth, mode string) *Env {
	t.Helper()
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var looks atomic.Int64
	ws, err := simulate.Start(t.Context(), simulate.Options{
		Seed: 1, Spaces: 1, Publisher: simulatetest.Deaf{}, Auth: auth,
		Now: func() time.Time { return begin.Add(time.Duration(looks.Add(1)) * time.Second) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := gchat.New(t.Context(), gchat.Options{
		Endpoint: conformancetest.Proxy(t, ws.ChatEndpoint()), Auth: config.Auth{Mode: mode},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s := &Env{Workspace: ws, Client: client, Space: ws.Spaces()[0].Name}
	for _, m := range ws.Members(s.Space) {
		if m != ws.App() && m != ws.Authority() {
			s.Member = m
		}
	}
	ws.SetChatFaults(s.next)
	return s
}

// Run returns the context with which an action of this label prepares a run for
// the member.
func (s *Env) Run(label string) reactors.PrepareContext {
	run := reactors.Run{
		Reactor: "rule", Subject: s.Space + "|" + s.Member, Trigger: reactors.MemberJoined,
		Space: s.Space, Member: s.Member, EventTime: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
	facts := reactors.Facts{
		Trigger: run.Trigger,
		Space:   reactors.SpaceFacts{Name: s.Space, DisplayName: Canary},
		Member:  reactors.MemberFacts{Name: s.Member, Type: "HUMAN", DisplayName: Canary},
	}
	return reactors.PrepareContext{Run: run, Facts: facts, Label: label, IDs: reactors.IDsOf(run)}
}

// WrittenSpaces lists the spaces of the app's messages, once each.
func (s *Env) WrittenSpaces() (spaces []string) {
	for _, m := range s.Truth().AppMessages {
		if !slices.Contains(spaces, m.Space) {
			spaces = append(spaces, m.Space)
		}
	}
	return spaces
}

// Requests lists the request id of each attempt to create a message.
func (s *Env) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Faults queues faults for the next calls of the method, such as
// "spaces.messages.create": one fault a call.
func (s *Env) Faults(method string, faults ...simulate.ChatFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, fault{method, f})
	}
}

// Fail replaces all faults by this one. It hits the next write; a fault that
// hangs hits the next call of any kind.
func (s *Env) Fail(f reactorstest.Fault) {
	known := map[reactorstest.Fault]simulate.ChatFault{
		reactorstest.DropReply:   {DropReply: true},
		reactorstest.Unavailable: {Status: 503},
		reactorstest.Refused:     {Status: 403},
		reactorstest.Hang:        {Latency: time.Hour},
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	if f != reactorstest.None {
		s.faults = []fault{{"", known[f]}}
	}
}

func (s *Env) next(c simulate.ChatCall) simulate.ChatFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.RequestID != "" {
		s.requests = append(s.requests, c.RequestID)
	}
	for i, f := range s.faults {
		if f.method == c.Method || f.method == "" && (c.Writes() || f.fault.Latency > 0) {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			return f.fault
		}
	}
	return simulate.ChatFault{}
}
