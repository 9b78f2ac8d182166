package member_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

// removal is the request of a run that was due at a time.
func removal(t *testing.T, s *chattest.Env, due time.Time) json.RawMessage {
	t.Helper()
	c := s.Run("0.0")
	c.Run.Due = due
	return prepare(t, member.NewRemove(s.Client), &member.RemoveParams{}, c)
}

// rejoin lets the member leave, if they are in, and join; it returns when they
// joined.
func rejoin(t *testing.T, s *chattest.Env) time.Time {
	t.Helper()
	if isIn(s) {
		if err := s.RemoveMember(s.Space, s.Member); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddMembers(s.Space, s.Member); err != nil {
		t.Fatal(err)
	}
	joins := s.Truth().Joins
	return joins[len(joins)-1].Time
}

func isIn(s *chattest.Env) bool {
	for _, m := range s.Members(s.Space) {
		if m == s.Member {
			return true
		}
	}
	return false
}

// A manager adds the person again before the worker, which has lost what came
// of the removal, comes back to it.
func TestARepetitionLeavesWhoHasJoinedAgain(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*testing.T, *chattest.Env, reactors.Action, json.RawMessage){
		"the worker has crashed": func(t *testing.T, _ *chattest.Env, a reactors.Action, request json.RawMessage) {
			act(t, a, request)
		},
		"the answer is lost": func(t *testing.T, s *chattest.Env, a reactors.Action, request json.RawMessage) {
			var removed, looked atomic.Bool
			s.SetChatFaults(func(c simulate.ChatCall) simulate.ChatFault {
				switch {
				case c.Method == "spaces.members.delete" && removed.CompareAndSwap(false, true):
					return simulate.ChatFault{DropReply: true}
				case c.Method == "spaces.members.get" && removed.Load() && looked.CompareAndSwap(false, true):
					return simulate.ChatFault{Status: http.StatusServiceUnavailable}
				}
				return simulate.ChatFault{}
			})
			if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) {
				t.Errorf("without an answer: got %v, want an error that a retry mends", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := chattest.New(t)
			a := member.NewRemove(s.Client)
			due := rejoin(t, s)
			request := removal(t, s, due)
			lose(t, s, a, request)
			if isIn(s) {
				t.Fatal("the first attempt has not removed the member")
			}
			for rejoin(t, s).Sub(due) <= time.Minute {
				// The clock goes on.
			}
			for range 2 {
				if got := act(t, a, request); !strings.Contains(got.Note, "only after this was asked for") {
					t.Errorf("got note %q, want why nothing was done", got.Note)
				}
			}
			if n := len(s.Truth().Memberships); n != 1 || !isIn(s) {
				t.Errorf("got %d removals, in the space: %t; want 1, true", n, isIn(s))
			}
		})
	}
}

func TestWhomARemovalIsFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration // how long after the run was due they joined
		stays bool
	}{
		"joined just then":         {0, false},
		"joined long before":       {-time.Hour, false},
		"the event is a bit early": {4 * time.Second, false},
		"joined a bit later":       {6 * time.Second, true},
		"joined much later":        {time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := chattest.New(t)
			got := act(t, member.NewRemove(s.Client), removal(t, s, rejoin(t, s).Add(-c.after)))
			if isIn(s) != c.stays || (got.Note != "") != c.stays {
				t.Errorf("in the space: %t, note %q; want %t and a note if so", isIn(s), got.Note, c.stays)
			}
		})
	}
}

// A run's due time isn't known for requests of older versions, nor for steps after
// the first: the one before may have been late, and have added the person.
func TestWithoutATurnEverybodyIsRemoved(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := member.NewRemove(s.Client)
	act(t, a, json.RawMessage(fmt.Sprintf(`{"space":%q,"user":%q,"label":"0.0"}`, s.Space, s.Member)))
	if isIn(s) {
		t.Error("an old request: they are still in the space")
	}
	c := s.Run("1.0")
	c.Run.Step, c.Run.Due = 1, rejoin(t, s).Add(-time.Hour)
	act(t, a, prepare(t, a, &member.RemoveParams{}, c))
	if isIn(s) {
		t.Error("a later step: they are still in the space")
	}
}

func TestAnInvitationIsTakenBack(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	due := rejoin(t, s).Add(-time.Hour)
	if err := s.RemoveMember(s.Space, s.Member); err != nil {
		t.Fatal(err)
	}
	if err := s.Invite(s.Space, s.Member); err != nil {
		t.Fatal(err)
	}
	act(t, member.NewRemove(s.Client), removal(t, s, due))
	if l := s.Truth().Memberships; len(l) != 1 || l[0].User != s.Member {
		t.Errorf("got %+v, want that the invitation was taken back", l)
	}
}

func TestNothingIsRemovedUnseen(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := member.NewRemove(s.Client)
	request := removal(t, s, rejoin(t, s))
	for status, c := range map[int]struct{ permanent, throttled bool }{
		http.StatusTooManyRequests:    {false, true},
		http.StatusServiceUnavailable: {false, false},
		http.StatusForbidden:          {true, false},
	} {
		s.Faults("spaces.members.get", simulate.ChatFault{Status: status})
		_, err := a.Act(t.Context(), request)
		if err == nil || reactors.IsPermanent(err) != c.permanent || reactors.IsThrottled(err) != c.throttled {
			t.Errorf("%d: got %v, want an error, permanent: %t, throttled: %t", status, err, c.permanent, c.throttled)
		}
	}
	s.Faults("spaces.members.get", simulate.ChatFault{Status: http.StatusServiceUnavailable, RetryAfter: time.Minute})
	_, err := a.Act(t.Context(), request)
	if wait, asked := reactors.RetryDelay(err); !asked || wait != time.Minute {
		t.Errorf("got %v, want Google's wait", err)
	}
	if l := s.Truth().Memberships; len(l) != 0 || !isIn(s) {
		t.Errorf("got %+v, want that nobody was removed", l)
	}
	act(t, a, request)
	if isIn(s) {
		t.Error("they are still in the space after the retry")
	}
}

// Google doesn't promise that createTime is the time of the joining: its own
// samples show the epoch.
func TestWhatGoogleMayTellOfAMembership(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		membership string
		removed    bool
	}{
		"no time":      {`{"state":"JOINED"}`, true},
		"the epoch":    {`{"state":"JOINED","createTime":"1970-01-01T00:00:00Z"}`, true},
		"no real time": {`{"state":"JOINED","createTime":"lately"}`, true},
		"no state":     {`{}`, true},
		"later":        {`{"state":"JOINED","createTime":"2026-11-22T12:00:00.5Z"}`, false},
		"not a member": {`{"state":"NOT_A_MEMBER"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var removed atomic.Bool
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if r.Method == http.MethodDelete {
					removed.Store(true)
				}
				fmt.Fprint(w, c.membership)
			}))
			t.Cleanup(server.Close)
			client, err := gchat.New(t.Context(), gchat.Options{Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			a := member.NewRemove(client)
			request := prepare(t, a, &member.RemoveParams{}, reactors.PrepareContext{Label: "0.0", Run: reactors.Run{
				Space: "spaces/A", Member: "users/1", Due: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
			}})
			act(t, a, request)
			if removed.Load() != c.removed {
				t.Errorf("removed: %t, want %t", removed.Load(), c.removed)
			}
		})
	}
}
