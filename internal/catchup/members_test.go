package catchup_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/spacekeeper/spacekeeper/internal/catchup"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// tell records that somebody joined or left.
func (e *env) tell(t *testing.T, verb events.Verb, user string, typ events.UserType, state events.MembershipState) {
	t.Helper()
	e.told++
	name := e.space + "/members/" + strings.TrimPrefix(user, "users/")
	id, at := fmt.Sprintf("%s/spaceEvents/%d", e.space, e.told), e.now()
	if _, err := e.db.Record(t.Context(), []events.Delivery{{
		MessageID: id, ReceivedAt: at, Data: []byte("{}"), Origin: events.OriginLive,
		Event: &events.Event{
			ID: id, Source: "//workspaceevents.googleapis.com/subscriptions/s", Time: at,
			Type: "google.workspace.chat.membership.v1." + string(verb),
			Items: []events.Item{{
				Kind: events.KindMembership, Verb: verb, Resource: name, Space: e.space, Actor: user,
				Membership: &events.Membership{Name: name, State: state, Role: "ROLE_MEMBER", Member: events.User{Name: user, Type: typ}},
			}},
		},
	}}); err != nil {
		t.Fatal(err)
	}
}

func (e *env) reconcile(t *testing.T) catchup.MembersReport {
	t.Helper()
	r, err := e.reader.ReconcileMembers(t.Context(), e.space)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (e *env) in(t *testing.T) map[string]bool {
	t.Helper()
	rows, err := e.db.Pool().Query(t.Context(), `SELECT member FROM memberships WHERE state = 'JOINED' AND space = $1`, e.space)
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

func (e *env) runs(t *testing.T) (n int) {
	t.Helper()
	if err := e.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM reactor_runs`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Row R6: who was there before becomes known, and nobody is greeted for it.
func TestReconcileMembers(t *testing.T) {
	t.Parallel()
	e := newTicking(t, simulate.Options{Users: 40})
	if got, want := e.reconcile(t), len(e.people); got.Listed != want || got.Changed != want || got.Left != 0 {
		t.Errorf("got %+v, want %d people", got, want)
	}
	if diff := cmp.Diff(setOf(e.people...), e.in(t)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if n := e.runs(t); n != 0 {
		t.Errorf("got %d reactor runs of a list, want none", n)
	}
	if got := e.reconcile(t); got.Changed != 0 || got.Left != 0 {
		t.Errorf("the same again changed something: %+v", got)
	}
}

// Whoever left or came unseen is found out; the app, which no list shows,
// stays where it is, even if nobody told that it is one.
func TestReconcileMendsWhatWasMissed(t *testing.T) {
	t.Parallel()
	e := newTicking(t, simulate.Options{})
	e.tell(t, events.VerbCreated, e.App(), "", events.MembershipJoined)
	e.reconcile(t)
	newcomer, passing := e.AddUser(false), e.AddUser(false)
	if err := e.AddMembers(e.space, newcomer); err != nil {
		t.Fatal(err)
	}
	if err := e.RemoveMember(e.space, e.people[0]); err != nil {
		t.Fatal(err)
	}
	// Their joining was told, their leaving wasn't.
	e.tell(t, events.VerbCreated, passing, events.UserHuman, events.MembershipJoined)
	before := e.runs(t)
	e.now() // the list's time has no fractions of a second
	if got := e.reconcile(t); got.Changed != 1 || got.Left != 2 || got.Unsure != 0 {
		t.Errorf("got %+v, want that 1 came and 2 left", got)
	}
	if diff := cmp.Diff(setOf(append(e.people[1:], newcomer, e.App())...), e.in(t)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if after := e.runs(t); after != before {
		t.Errorf("%d reactor runs came of a list", after-before)
	}
	// Who comes back is greeted as ever.
	e.tell(t, events.VerbCreated, e.people[0], events.UserHuman, events.MembershipJoined)
	if after := e.runs(t); after != before+1 {
		t.Errorf("got %d reactor runs of a join, want 1", after-before)
	}
}

// A run that breaks off leaves nothing, and the next is complete.
func TestReconcileIsAllOrNothing(t *testing.T) {
	t.Parallel()
	e := newTicking(t, simulate.Options{Users: 2500})
	for fail := 1; ; fail++ {
		calls := 0
		e.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
			if calls++; calls == fail {
				return simulate.ChatFault{Status: http.StatusServiceUnavailable}
			}
			return simulate.ChatFault{}
		})
		_, err := e.reader.ReconcileMembers(t.Context(), e.space)
		if err == nil {
			break
		}
		if n := len(e.in(t)); n != 0 {
			t.Errorf("after call %d failed, %d members are known, want none", fail, n)
		}
	}
	if got, want := len(e.in(t)), len(e.people); got != want {
		t.Errorf("got %d members, want %d", got, want)
	}
}

func TestReconcileAsUserKnowsGroupsAndInvitations(t *testing.T) {
	t.Parallel()
	e := newTicking(t, simulate.Options{Auth: simulate.AuthUser})
	invited, throughGroup := e.AddUser(false), e.AddUser(false)
	if err := e.Invite(e.space, invited); err != nil {
		t.Fatal(err)
	}
	group, err := e.AddGroup(e.space, throughGroup)
	if err != nil {
		t.Fatal(err)
	}
	e.reconcile(t)
	if diff := cmp.Diff(setOf(append(e.people, e.App(), group)...), e.in(t)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	var state string
	if err := e.db.Pool().QueryRow(t.Context(), `SELECT state FROM memberships WHERE member = $1`, invited).Scan(&state); err != nil || state != "INVITED" {
		t.Errorf("got state %q of the invited, %v", state, err)
	}
}

func TestMembersJob(t *testing.T) {
	t.Parallel()
	e := newTicking(t, simulate.Options{})
	workers := river.NewWorkers()
	if err := e.reader.AddWorkers(workers); err != nil {
		t.Fatal(err)
	}
	work := func(space string) error {
		return catchup.WorkOnMembers(e.reader, t.Context(), &river.Job[jobs.Members]{JobRow: &rivertype.JobRow{}, Args: jobs.Members{Space: space}})
	}
	e.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault {
		return simulate.ChatFault{Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second}
	})
	var snooze *rivertype.JobSnoozeError
	if err := work(e.space); !errors.As(err, &snooze) || snooze.Duration != 7*time.Second {
		t.Errorf("after 429: got %v, want a snooze of 7s", err)
	}
	e.SetChatFaults(nil)
	if err := work("spaces/none"); err != nil {
		t.Errorf("a space that isn't there: got %v, want that the job is done", err)
	}
	if err := work(e.space); err != nil {
		t.Error(err)
	}
	if n := len(e.in(t)); n != len(e.people) {
		t.Errorf("got %d members, want %d", n, len(e.people))
	}
}
