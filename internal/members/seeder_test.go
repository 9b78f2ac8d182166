package members_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap/zaptest"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/members"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// scene is a Workspace whose events are lost unless told, and what seeds from
// its lists.
type scene struct {
	*simulate.Workspace
	db     *store.Store
	chat   *gchat.Client
	seeder *members.Seeder
	space  string
	people []string

	mu sync.Mutex
	at time.Time
	n  int
}

// now goes on by a second with each look, as quotas do not matter here.
func (s *scene) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = s.at.Add(time.Second)
	return s.at
}

func newScene(t *testing.T, opts simulate.Options) *scene {
	t.Helper()
	s := &scene{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	opts.Seed, opts.Spaces, opts.Publisher, opts.Now = 1, 1, simulatetest.Deaf{}, s.now
	var err error
	if s.Workspace, err = simulate.Start(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.chat, err = gchat.New(t.Context(), gchat.Options{Endpoint: conformancetest.Proxy(t, s.ChatEndpoint())}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.chat.Close)
	s.db = storetest.New(t, store.Options{
		Now: s.now, Planner: storetest.Greeter{},
	}).Store
	s.seeder = members.New(s.chat, s.db, members.Options{AsUser: s.Authority() != "", Log: zaptest.NewLogger(t)})
	s.space = s.Spaces()[0].Name
	for _, u := range s.Members(s.space) {
		if u != s.App() {
			s.people = append(s.people, u)
		}
	}
	return s
}

// tell records that somebody joined or left.
func (s *scene) tell(t *testing.T, verb events.Verb, user string, typ events.UserType, state events.MembershipState) {
	t.Helper()
	s.n++
	name := s.space + "/members/" + strings.TrimPrefix(user, "users/")
	id, at := fmt.Sprintf("%s/spaceEvents/%d", s.space, s.n), s.now()
	if _, err := s.db.Record(t.Context(), []events.Delivery{{
		MessageID: id, ReceivedAt: at, Data: []byte("{}"), Origin: events.OriginLive,
		Event: &events.Event{
			ID: id, Source: "//workspaceevents.googleapis.com/subscriptions/s", Time: at,
			Type: "google.workspace.chat.membership.v1." + string(verb),
			Items: []events.Item{{
				Kind: events.KindMembership, Verb: verb, Resource: name, Space: s.space, Actor: user,
				Membership: &events.Membership{Name: name, State: state, Role: "ROLE_MEMBER", Member: events.User{Name: user, Type: typ}},
			}},
		},
	}}); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) seed(t *testing.T) members.Result {
	t.Helper()
	r, err := s.seeder.Seed(t.Context(), s.space)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *scene) in(t *testing.T) map[string]bool {
	t.Helper()
	rows, err := s.db.Pool().Query(t.Context(), `SELECT member FROM memberships WHERE state = 'JOINED' AND space = $1`, s.space)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	in := map[string]bool{}
	for rows.Next() {
		var member string
		if err := rows.Scan(&member); err != nil {
			t.Fatal(err)
		}
		in[member] = true
	}
	return in
}

func setOf(users ...string) map[string]bool {
	set := map[string]bool{}
	for _, u := range users {
		set[u] = true
	}
	return set
}

func (s *scene) runs(t *testing.T) (n int) {
	t.Helper()
	if err := s.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM reactor_runs`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Row R6: who was there before becomes known, and nobody is greeted for it.
func TestSeed(t *testing.T) {
	t.Parallel()
	s := newScene(t, simulate.Options{Users: 40})
	if got, want := s.seed(t), len(s.people); got.Listed != want || got.Changed != want || got.Left != 0 {
		t.Errorf("got %+v, want %d people", got, want)
	}
	if diff := cmp.Diff(setOf(s.people...), s.in(t)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if n := s.runs(t); n != 0 {
		t.Errorf("got %d reactor runs of a list, want none", n)
	}
	if got := s.seed(t); got.Changed != 0 || got.Left != 0 {
		t.Errorf("the same again changed something: %+v", got)
	}
}

// Whoever left or came unseen is found out; the app, which no list shows,
// stays where it is, even if nobody told that it is one.
func TestSeedMendsWhatWasMissed(t *testing.T) {
	t.Parallel()
	s := newScene(t, simulate.Options{})
	s.tell(t, events.VerbCreated, s.App(), "", events.MembershipJoined)
	s.seed(t)
	newcomer, passing := s.AddUser(false), s.AddUser(false)
	if err := s.AddMembers(s.space, newcomer); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveMember(s.space, s.people[0]); err != nil {
		t.Fatal(err)
	}
	// Their joining was told, their leaving wasn't.
	s.tell(t, events.VerbCreated, passing, events.UserHuman, events.MembershipJoined)
	before := s.runs(t)
	s.now() // the list's time has no fractions of a second
	if got := s.seed(t); got.Changed != 1 || got.Left != 2 || got.Unsure != 0 {
		t.Errorf("got %+v, want that 1 came and 2 left", got)
	}
	if diff := cmp.Diff(setOf(append(s.people[1:], newcomer, s.App())...), s.in(t)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if after := s.runs(t); after != before {
		t.Errorf("%d reactor runs came of a list", after-before)
	}
	// Who comes back is greeted as ever.
	s.tell(t, events.VerbCreated, s.people[0], events.UserHuman, events.MembershipJoined)
	if after := s.runs(t); after != before+1 {
		t.Errorf("got %d reactor runs of a join, want 1", after-before)
	}
}

// A run that breaks off leaves nothing, and the next is complete.
func TestSeedIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, simulate.Options{Users: 2500})
	for fail := 1; ; fail++ {
		calls := 0
		s.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
			if calls++; calls == fail {
				return simulate.ChatFault{Status: http.StatusServiceUnavailable}
			}
			return simulate.ChatFault{}
		})
		_, err := s.seeder.Seed(t.Context(), s.space)
		if err == nil {
			break
		}
		if n := len(s.in(t)); n != 0 {
			t.Errorf("after call %d failed, %d members are known, want none", fail, n)
		}
	}
	if got, want := len(s.in(t)), len(s.people); got != want {
		t.Errorf("got %d members, want %d", got, want)
	}
}

func TestSeedAsUserKnowsGroupsAndInvitations(t *testing.T) {
	t.Parallel()
	s := newScene(t, simulate.Options{Auth: simulate.AuthUser})
	invited, throughGroup := s.AddUser(false), s.AddUser(false)
	if err := s.Invite(s.space, invited); err != nil {
		t.Fatal(err)
	}
	group, err := s.AddGroup(s.space, throughGroup)
	if err != nil {
		t.Fatal(err)
	}
	s.seed(t)
	if diff := cmp.Diff(setOf(append(s.people, s.App(), group)...), s.in(t)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	var state string
	if err := s.db.Pool().QueryRow(t.Context(), `SELECT state FROM memberships WHERE member = $1`, invited).Scan(&state); err != nil || state != "INVITED" {
		t.Errorf("got state %q of the invited, %v", state, err)
	}
}

func TestWorker(t *testing.T) {
	t.Parallel()
	s := newScene(t, simulate.Options{})
	workers := river.NewWorkers()
	if err := s.seeder.AddWorkers(workers); err != nil {
		t.Fatal(err)
	}
	w := members.NewWorker(s.seeder)
	work := func(space string) error {
		return w.Work(t.Context(), &river.Job[jobs.Members]{JobRow: &rivertype.JobRow{}, Args: jobs.Members{Space: space}})
	}
	s.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
		return simulate.ChatFault{Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second}
	})
	var snooze *rivertype.JobSnoozeError
	if err := work(s.space); !errors.As(err, &snooze) || snooze.Duration != 7*time.Second {
		t.Errorf("after 429: got %v, want a snooze of 7s", err)
	}
	s.SetChatFaults(nil)
	if err := work("spaces/none"); err != nil {
		t.Errorf("a space that isn't there: got %v, want that the job is done", err)
	}
	if err := work(s.space); err != nil {
		t.Error(err)
	}
	if n := len(s.in(t)); n != len(s.people) {
		t.Errorf("got %d members, want %d", n, len(s.people))
	}
}
