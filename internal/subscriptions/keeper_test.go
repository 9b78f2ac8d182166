package subscriptions_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func newClock() *simulatetest.Clock {
	return simulatetest.NewClock(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC))
}

// memory is a StateStore without a database and without coverage.
type memory struct {
	mu     sync.Mutex
	states map[string]coverage.SubscriptionState
	away   error // what every call answers; nil for none
}

func (m *memory) SubscriptionStates(context.Context) ([]coverage.SubscriptionState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return nil, m.away
	}
	var list []coverage.SubscriptionState
	for _, s := range m.states {
		list = append(list, s)
	}
	return list, nil
}

func (m *memory) Observe(_ context.Context, _ time.Time, states []coverage.SubscriptionState) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil {
		return m.away
	}
	present := map[string]coverage.SubscriptionState{}
	for _, s := range states {
		if old, ok := m.states[s.Target]; ok && !s.ObservedAt.After(old.ObservedAt) {
			s = old
		}
		present[s.Target] = s
	}
	m.states = present
	return nil
}

func (m *memory) state(space string) coverage.SubscriptionState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states[target(space)]
}

func target(space string) string { return "//chat.googleapis.com/" + space }

// env is a Workspace whose clock is made up, and what keepers share.
type env struct {
	*simulate.Workspace
	clock  *simulatetest.Clock
	memory *memory
	keep   subscriptions.StateStore // what keepers use: memory, or a database
	list   []subscriptions.Desired
}

func newEnv(t testing.TB, opts simulate.Options) *env {
	t.Helper()
	s, err := openEnv(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openEnv returns an env that the caller closes.
func openEnv(ctx context.Context, opts simulate.Options) (*env, error) {
	s := &env{clock: newClock(), memory: &memory{}}
	s.keep = s.memory
	opts.Publisher, opts.NoListen, opts.Now = simulatetest.Deaf{Topic: "chat-events"}, true, s.clock.Now
	if opts.Users == 0 {
		opts.Users = -1
	}
	var err error
	if s.Workspace, err = simulate.Start(ctx, opts); err != nil {
		return nil, err
	}
	for _, space := range s.Spaces() {
		s.list = append(s.list, subscriptions.Desired{
			Scope: space.Name, Topic: "projects/" + s.Project() + "/topics/chat-events",
			EventTypes: config.EventTypes(), IncludeResource: true,
		})
	}
	return s, nil
}

// keeper is another replica; its clock is ahead of Google's by skew.
func (s *env) keeper(t testing.TB, skew time.Duration) *subscriptions.Keeper {
	t.Helper()
	k, err := s.replica(t.Context(), conformancetest.Check(t, s.InProcess()), skew)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *env) replica(ctx context.Context, way http.RoundTripper, skew time.Duration) (*subscriptions.Keeper, error) {
	m, err := subscriptions.New(ctx, subscriptions.Options{
		Endpoint: s.WorkspaceEventsEndpoint(), Transport: way, Backoff: time.Second,
		Now: func() time.Time { return s.clock.Now().Add(skew) }, Wait: s.wait,
	})
	if err != nil {
		return nil, err
	}
	return subscriptions.NewKeeper(m, s.keep, subscriptions.KeeperOptions{
		Desired: func(context.Context) ([]subscriptions.Desired, error) { return s.list, nil },
		Topic:   s.list[0].Topic,
	}), nil
}

// wait moves the clock on by a pause whose random part is always the same, so
// that rapid can play a history again and find a shorter one that fails too.
// It has fractions of a second that neither the Date header nor the database
// keeps.
func (s *env) wait(ctx context.Context, d time.Duration) error {
	if d >= time.Second {
		whole := time.Second
		for 2*whole <= d {
			whole *= 2
		}
		d = whole + 47_437_136*time.Nanosecond
	}
	return s.clock.Wait(ctx, d)
}

func pass(t testing.TB, k *subscriptions.Keeper) subscriptions.Report {
	t.Helper()
	r, err := k.Pass(t.Context())
	if err != nil {
		t.Fatalf("pass: %v", err)
	}
	return r
}

// writes counts the calls that change something.
func (s *env) writes() (n int) {
	for method, calls := range s.EventsAPICalls() {
		if !reads(method) {
			n += calls
		}
	}
	return n
}

func reads(method string) bool {
	return method == "subscriptions.list" || method == "subscriptions.get" || method == "operations.get"
}

// name is the subscription of the space, which must have one.
func (s *env) name(t testing.TB, space string) string {
	t.Helper()
	name := s.memory.state(space).Name
	if name == "" {
		t.Fatalf("%s has no subscription", space)
	}
	return name
}

// No lifecycle event ever comes (row L1).
func TestNothingLapses(t *testing.T) {
	t.Parallel()
	const lifetime, interval = 4 * time.Hour, 5 * time.Minute
	spaces, days := 60, 2
	if storetest.Full() {
		spaces, days = 1000, 90
	}
	s := newEnv(t, simulate.Options{Spaces: spaces, Withhold: simulate.LifecycleKinds()})
	k := s.keeper(t, 0)
	for pass(t, k).Actions[subscriptions.Create] > 0 { // the quota takes several passes
		s.clock.Advance(interval)
	}
	busiest := s.meter()
	from := s.clock.Now()
	before, listed, passes := s.writes(), s.EventsAPICalls()["subscriptions.list"], 0
	for end := from.Add(time.Duration(days) * 24 * time.Hour); s.clock.Now().Before(end); passes++ {
		s.clock.Advance(interval*9/10 + rand.N(interval/5))
		if r := pass(t, k); r.Failed > 0 {
			t.Fatalf("%d actions failed", r.Failed)
		}
	}
	to := s.clock.Now()
	for _, space := range s.Spaces() {
		if gap := s.Uncovered(target(space.Name), from, to); gap > 0 {
			t.Fatalf("%s was not covered for %s", space.Name, gap)
		}
	}
	// The least that would do: one write per lifetime, and in each pass one
	// call for each hundred subscriptions.
	writes, lists := s.writes()-before, s.EventsAPICalls()["subscriptions.list"]-listed
	least := spaces*int(to.Sub(from)/lifetime) + passes*((spaces+99)/100)
	t.Logf("%d spaces, %d days, nothing uncovered: %d writes and %d lists, %.2f times the least of %d; at most %d writes in a minute",
		spaces, days, writes, lists, float64(writes+lists)/float64(least), least, *busiest)
	if writes+lists > 2*least {
		t.Errorf("made %d calls, want at most twice %d", writes+lists, least)
	}
	if *busiest > 100 {
		t.Errorf("wrote %d times in a minute, more than Google allows", *busiest)
	}
}

// meter finds the most writes in any minute from now on.
func (s *env) meter() *int {
	most := new(int)
	var recent []time.Time
	s.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if reads(c.Method) {
			return simulate.EventsFault{}
		}
		now := s.clock.Now()
		recent = append(slices.DeleteFunc(recent, func(t time.Time) bool { return now.Sub(t) >= time.Minute }), now)
		*most = max(*most, len(recent))
		return simulate.EventsFault{}
	})
	return most
}

// Suspensions of every reason, of which nobody tells (row L2).
func TestSilentSuspensions(t *testing.T) {
	t.Parallel()
	times := 500
	if storetest.RaceDetector {
		times = 100
	}
	s := newEnv(t, simulate.Options{Spaces: 10, Withhold: simulate.LifecycleKinds()})
	k := s.keeper(t, 0)
	pass(t, k)
	reasons := simulate.SuspensionReasons()
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range times {
		space, reason := s.list[rng.IntN(len(s.list))].Scope, reasons[i%len(reasons)]
		name := s.name(t, space)
		if err := s.Suspend(name, reason); err != nil {
			t.Fatal(err)
		}
		gone := reason == "USER_AUTHORIZATION_FAILURE"
		mended := !gone && rng.IntN(2) == 0
		if mended {
			if err := s.Mend(name); err != nil {
				t.Fatal(err)
			}
		}
		s.clock.Advance(5 * time.Minute)
		pass(t, k)
		got := s.memory.state(space)
		if mended {
			if got.State != "ACTIVE" || got.Parked {
				t.Fatalf("%d: suspended for %s and mended: got %+v", i, reason, got)
			}
			continue
		}
		if got.State != "SUSPENDED" || !got.Parked || got.Reason != reason && !gone || got.Remedy == "" {
			t.Fatalf("%d: suspended for %s: got %+v", i, reason, got)
		}
		if gone { // a person deletes it; the keeper makes another
			if err := s.ExpireAfter(name, 0); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Mend(name); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(5 * time.Minute)
		pass(t, k)
		if got := s.memory.state(space); got.State != "ACTIVE" || got.Parked || got.Remedy != "" {
			t.Fatalf("%d: mended %s: got %+v", i, reason, got)
		}
	}
}

// What a person has mended late is noticed within the longest wait, and until
// then few calls are spent on it.
func TestSuspensionsAreTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	s := newEnv(t, simulate.Options{Spaces: 1, Withhold: simulate.LifecycleKinds(), TTL: simulate.TTL{}})
	s.list[0].IncludeResource = false // it lives for a week
	k := s.keeper(t, 0)
	pass(t, k)
	name := s.name(t, s.list[0].Scope)
	if err := s.Suspend(name, "ENDPOINT_PERMISSION_DENIED"); err != nil {
		t.Fatal(err)
	}
	before := s.EventsAPICalls()["subscriptions.reactivate"]
	for range 24 * 12 {
		s.clock.Advance(5 * time.Minute)
		pass(t, k)
	}
	if n := s.EventsAPICalls()["subscriptions.reactivate"] - before; n < 24 || n > 32 {
		t.Errorf("it was tried %d times in a day", n)
	}
	if err := s.Mend(name); err != nil {
		t.Fatal(err)
	}
	for range 13 {
		s.clock.Advance(5 * time.Minute)
		pass(t, k)
	}
	if got := s.memory.state(s.list[0].Scope); got.State != "ACTIVE" {
		t.Errorf("an hour after it was mended: %+v", got)
	}
}

// Google shows the first of several reasons only, and the others when it
// refuses to reactivate; the state holds them all the time that it waits.
func TestHiddenSuspensionReasons(t *testing.T) {
	t.Parallel()
	s := newEnv(t, simulate.Options{Spaces: 1, Withhold: simulate.LifecycleKinds()})
	k := s.keeper(t, 0)
	pass(t, k)
	name := s.name(t, s.list[0].Scope)
	for _, reason := range []string{"ENDPOINT_PERMISSION_DENIED", "APP_AUTHORIZATION_FAILURE", "USER_AUTHORIZATION_FAILURE"} {
		if err := s.Suspend(name, reason); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		s.clock.Advance(5 * time.Minute)
		pass(t, k)
		got := s.memory.state(s.list[0].Scope)
		for _, want := range []string{"add-iam-policy-binding", "add the Chat app", "subscribe-setup delete " + name} {
			if !got.Parked || got.Reason != "ENDPOINT_PERMISSION_DENIED" || !strings.Contains(got.Remedy, want) {
				t.Fatalf("pass %d: got %s (parked: %v), remedy %q, want %q in it", i, got.Reason, got.Parked, got.Remedy, want)
			}
		}
	}
	if err := s.Mend(name, "ENDPOINT_PERMISSION_DENIED"); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(longestWait)
	pass(t, k)
	if got := s.memory.state(s.list[0].Scope); strings.Contains(got.Remedy, "add-iam-policy-binding") {
		t.Errorf("the mended reason is still in the remedy: %q", got.Remedy)
	}
}

// Three replicas work on one Workspace and are stopped anywhere (row L4).
func TestReplicasRace(t *testing.T) {
	t.Parallel()
	rounds := 300
	if storetest.RaceDetector {
		rounds = 60
	}
	s := newEnv(t, simulate.Options{Spaces: 5, Withhold: simulate.LifecycleKinds()})
	rng := rand.New(rand.NewPCG(3, 4))
	expired := 0
	for range rounds {
		if space := s.list[rng.IntN(len(s.list))].Scope; rng.IntN(3) == 0 {
			if name := s.memory.state(space).Name; name != "" && s.ExpireAfter(name, 0) == nil {
				expired++
			}
		}
		var replicas sync.WaitGroup
		for range 3 {
			k := s.keeper(t, 0)
			ctx, cancel := context.WithCancel(t.Context())
			calls := rng.IntN(8)
			s.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
				if calls--; calls == 0 { // the faults are asked one call at a time
					cancel()
				}
				return simulate.EventsFault{}
			})
			replicas.Go(func() {
				defer cancel()
				if _, err := k.Pass(ctx); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("pass: %v", err)
				}
			})
		}
		replicas.Wait()
		s.clock.Advance(5 * time.Minute)
	}
	s.SetEventsFaults(nil)
	for range 3 {
		s.clock.Advance(5 * time.Minute)
		pass(t, s.keeper(t, 0))
	}
	made := 0
	for _, d := range s.list {
		if n := s.MaxLive(target(d.Scope)); n > 1 {
			t.Errorf("%s had %d live subscriptions at once", d.Scope, n)
		}
		if state := s.memory.state(d.Scope); state.State != "ACTIVE" {
			t.Errorf("%s ended as %+v", d.Scope, state)
		}
		made += len(slices.CompactFunc(s.Coverage(target(d.Scope)), func(a, b simulate.Interval) bool { return a.UID == b.UID }))
	}
	if most := len(s.list) + expired; made > most {
		t.Errorf("%d subscriptions were made, want at most %d", made, most)
	}
}

// Our clock is wrong by two hours (row L5).
func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, simulate.Options{Spaces: 3, Withhold: simulate.LifecycleKinds()})
			k := s.keeper(t, skew)
			pass(t, k)
			from := s.clock.Now()
			renewals := 0
			for range 3 * 24 * 12 {
				s.clock.Advance(5 * time.Minute)
				r := pass(t, k)
				renewals += r.Actions[subscriptions.Renew]
			}
			for _, d := range s.list {
				if gap := s.Uncovered(target(d.Scope), from, s.clock.Now()); gap > 0 {
					t.Errorf("%s was not covered for %s", d.Scope, gap)
				}
			}
			// Every two hours, give or take a pass.
			if want := len(s.list) * 36; renewals > want || renewals < want-2*len(s.list) {
				t.Errorf("renewed %d times in three days, want about %d", renewals, want)
			}
		})
	}
}
