package reactors_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// greeter is a reactor that does as it is told.
type greeter struct {
	maxAge  time.Duration
	member  bool // runs name their member
	answers []error
	acts    int
	settled bool
}

func (*greeter) Name() string            { return "greeter" }
func (g *greeter) MaxAge() time.Duration { return g.maxAge }

func (g *greeter) Plan(c reactors.Change) ([]reactors.Run, error) {
	if !c.Joined {
		return nil, nil
	}
	run := reactors.Run{
		Subject: c.Item.Space + " " + c.Item.Actor, Space: c.Item.Space, EventTime: c.Event.Time, Request: []byte(`{}`),
	}
	if g.member {
		run.Member = c.Item.Actor
	}
	return []reactors.Run{run}, nil
}

func (g *greeter) Act(context.Context, reactors.Run) error {
	g.acts++
	if len(g.answers) == 0 {
		return nil
	}
	err := g.answers[0]
	g.answers = g.answers[1:]
	return err
}

func (g *greeter) Settled(context.Context, reactors.Run) (bool, error) { return g.settled, nil }

// fixture is a dispatcher on a real ledger, with a clock that the test sets.
type fixture struct {
	*reactors.Dispatcher
	env   *storetest.Env
	now   time.Time
	ended []string // what Observe was told
	n     int
}

func newFixture(t *testing.T, g *greeter, interval time.Duration, registered ...reactors.Reactor) *fixture {
	t.Helper()
	f := &fixture{now: time.Now().UTC().Truncate(time.Microsecond)}
	f.env = storetest.New(t, store.Options{Reactors: []reactors.Reactor{g}})
	if registered == nil {
		registered = []reactors.Reactor{g}
	}
	f.Dispatcher = reactors.NewDispatcher(registered, f.env.Store, zap.NewNop(), reactors.DispatcherOptions{
		WriteInterval: interval,
		Now:           func() time.Time { return f.now },
		Observe:       func(_ reactors.Run, s reactors.RunState, _ string) { f.ended = append(f.ended, string(s)) },
	})
	return f
}

// change records that the user's membership of spaces/S has changed now.
func (f *fixture) change(t *testing.T, verb events.Verb, user string, state events.MembershipState) {
	t.Helper()
	f.n++
	id := fmt.Sprintf("spaces/S/spaceEvents/%d", f.n)
	name := "spaces/S/members/" + strings.TrimPrefix(user, "users/")
	at := f.now.Add(time.Duration(f.n) * time.Millisecond)
	out, err := f.env.Store.Record(t.Context(), []events.Delivery{{
		MessageID: id, ReceivedAt: at, Data: []byte(`{}`), Origin: events.OriginLive,
		Event: &events.Event{
			ID: id, Source: "//workspaceevents.googleapis.com/subscriptions/s", Time: at,
			Type: "google.workspace.chat.membership.v1." + string(verb),
			Items: []events.Item{{
				Kind: events.KindMembership, Verb: verb, Resource: name, Space: "spaces/S", Actor: user,
				Membership: &events.Membership{Name: name, State: state, Member: events.User{Name: user, Type: events.UserHuman}},
			}},
		},
	}})
	if err != nil || out[0] != events.Recorded {
		t.Fatalf("record: %v, %v", out, err)
	}
}

func (f *fixture) join(t *testing.T, user string) {
	t.Helper()
	f.change(t, events.VerbCreated, user, events.MembershipJoined)
}

// attempt works the run's job once.
func (f *fixture) attempt(t *testing.T, run int64) error {
	t.Helper()
	return f.Work(t.Context(), &river.Job[reactors.RunArgs]{JobRow: &rivertype.JobRow{}, Args: reactors.RunArgs{RunID: run}})
}

// want checks how the first run stands.
func (f *fixture) want(t *testing.T, state reactors.RunState, reason string) {
	t.Helper()
	var gotState, gotReason string
	if err := f.env.Store.Pool().QueryRow(t.Context(), `
		SELECT state, COALESCE(reason, '')
		FROM reactor_runs
		WHERE id = 1`).Scan(&gotState, &gotReason); err != nil {
		t.Fatal(err)
	}
	if gotState != string(state) || !strings.Contains(gotReason, reason) {
		t.Errorf("the run is %s (%q), want %s (%q)", gotState, gotReason, state, reason)
	}
}

// snoozed returns how long the attempt's answer puts the job back.
func snoozed(t *testing.T, err error) time.Duration {
	t.Helper()
	var s *rivertype.JobSnoozeError
	if !errors.As(err, &s) {
		t.Fatalf("attempt = %v, want a snooze", err)
	}
	return s.Duration
}

func TestAttemptSucceedsOnce(t *testing.T) {
	t.Parallel()
	g := &greeter{maxAge: time.Minute}
	f := newFixture(t, g, 0)
	f.join(t, "users/1")
	for range 2 { // River may give a job out twice
		if err := f.attempt(t, 1); err != nil {
			t.Fatal(err)
		}
	}
	f.want(t, reactors.RunSent, "")
	if g.acts != 1 || len(f.ended) != 1 {
		t.Errorf("acted %d times, told of %v, want once", g.acts, f.ended)
	}
}

func TestOutcomesOfAnAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		state  reactors.RunState
		reason string
		least  time.Duration // of the snooze; 0 for none
		most   time.Duration
	}{
		"permanent":          {reactors.Permanent(errors.New("not a member")), reactors.RunParked, "not a member", 0, 0},
		"wrapped permanent":  {fmt.Errorf("send: %w", reactors.Permanent(errors.New("gone"))), reactors.RunParked, "send: gone", 0, 0},
		"retry after":        {reactors.RetryAfter(42*time.Second, errors.New("quota")), reactors.RunPending, "", 42 * time.Second, 42 * time.Second},
		"any other":          {errors.New("cut"), reactors.RunPending, "", time.Second, 2 * time.Second},
		"end of the attempt": {context.DeadlineExceeded, reactors.RunPending, "", time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, &greeter{answers: []error{tt.err}}, 0)
			f.join(t, "users/1")
			err := f.attempt(t, 1)
			if tt.least > 0 {
				if d := snoozed(t, err); d < tt.least || d > tt.most {
					t.Errorf("put back by %s, want %s to %s", d, tt.least, tt.most)
				}
			} else if err != nil {
				t.Errorf("attempt = %v, want nil", err)
			}
			f.want(t, tt.state, tt.reason)
		})
	}
}

func TestRetriesAreSpacedOut(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	f := newFixture(t, &greeter{answers: []error{cut, cut, cut, cut, cut, cut, cut, cut, cut, cut}}, 0)
	f.join(t, "users/1")
	for n, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 64, 64} {
		want *= time.Second
		if d := snoozed(t, f.attempt(t, 1)); d < want || d > want+time.Second {
			t.Errorf("pause after attempt %d = %s, want %s and up to a second more", n+1, d, want)
		}
	}
}

// Row R5: age is measured when the run's turn comes.
func TestOldRunExpires(t *testing.T) {
	t.Parallel()
	g := &greeter{maxAge: time.Minute}
	f := newFixture(t, g, 0)
	f.join(t, "users/1")
	f.now = f.now.Add(2 * time.Minute)
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	f.want(t, reactors.RunExpired, "more than 1m0s old")
	if g.acts != 0 {
		t.Errorf("acted %d times on an expired run", g.acts)
	}
}

// A run whose first attempt went through although its answer was lost isn't
// called expired.
func TestLostAnswerIsSettledBeforeExpiry(t *testing.T) {
	t.Parallel()
	for _, settled := range []bool{true, false} {
		g := &greeter{maxAge: time.Minute, answers: []error{errors.New("cut")}, settled: settled}
		f := newFixture(t, g, 0)
		f.join(t, "users/1")
		snoozed(t, f.attempt(t, 1))
		f.now = f.now.Add(2 * time.Minute)
		if err := f.attempt(t, 1); err != nil {
			t.Fatal(err)
		}
		want := reactors.RunExpired
		if settled {
			want = reactors.RunSent
		}
		f.want(t, want, "")
	}
}

func TestMemberWhoLeftIsSkippedAndReturns(t *testing.T) {
	t.Parallel()
	g := &greeter{member: true}
	f := newFixture(t, g, 0)
	f.join(t, "users/1")
	f.change(t, events.VerbDeleted, "users/1", events.MembershipNotAMember)
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	f.want(t, reactors.RunSkipped, "left")
	f.join(t, "users/1")
	f.want(t, reactors.RunPending, "")
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	f.want(t, reactors.RunSent, "")
	if g.acts != 1 {
		t.Errorf("acted %d times, want once", g.acts)
	}
}

func TestParkedRunIsReopenedByARejoin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, &greeter{member: true, answers: []error{reactors.Permanent(errors.New("no such viewer"))}}, 0)
	f.join(t, "users/1")
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	f.want(t, reactors.RunParked, "no such viewer")
	f.change(t, events.VerbDeleted, "users/1", events.MembershipNotAMember)
	f.join(t, "users/1")
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	f.want(t, reactors.RunSent, "")
}

// One space's runs take turns; a job whose turn is far away gives its place up.
func TestTurnsOfASpace(t *testing.T) {
	t.Parallel()
	g := &greeter{}
	f := newFixture(t, g, time.Hour)
	f.join(t, "users/1")
	f.join(t, "users/2")
	f.join(t, "users/3")
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	for run, want := range map[int64]time.Duration{2: time.Hour, 3: 2 * time.Hour} {
		first, again := snoozed(t, f.attempt(t, run)), snoozed(t, f.attempt(t, run))
		if run == 2 && (first < want-time.Minute || first > 2*want) {
			t.Errorf("run %d waits %s, want its turn in an hour or two", run, first)
		}
		if again > first {
			t.Errorf("run %d was pushed back from %s to %s by asking again", run, first, again)
		}
	}
	if g.acts != 1 {
		t.Errorf("acted %d times, want once: the others' turns have not come", g.acts)
	}
}

func TestUnknownReactorParksTheRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t, &greeter{}, 0, &other{})
	f.join(t, "users/1")
	if err := f.attempt(t, 1); err != nil {
		t.Fatal(err)
	}
	f.want(t, reactors.RunParked, `no reactor "greeter"`)
}

type other struct{ greeter }

func (*other) Name() string { return "other" }
