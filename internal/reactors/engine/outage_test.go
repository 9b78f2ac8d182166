package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
)

var errAway = errors.New("503")

// Row R8: for an hour nothing is answered but 503 while 1,000 runs of 50 spaces
// are pending, of events of the hour before. An attempt is two calls: one that
// sends, and one that looks whether it did. The backlog is drained within
// minutes after that, in every space in its order but for a few.
func TestBreakersInAnOutageOfAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const (
			n, spaces, mostCalls = 1000, 50, 200
			latency              = 100 * time.Millisecond // of a call
			projectPace          = 20 * time.Millisecond  // 3,000 a minute
			spacePace            = 2 * time.Second
		)
		begin := time.Now()
		end := begin.Add(time.Hour)
		b := engine.NewBreakers()
		workers := make(chan struct{}, engine.MaxWorkers)
		var mu sync.Mutex
		turns := &turns{space: map[int]time.Time{}, held: map[int]time.Time{}}
		calls, attempts := 0, 0
		sent := map[int][]int{} // by space
		var last time.Time
		attempt := func(i, try int) (wait time.Duration, done bool) {
			workers <- struct{}{}
			defer func() { <-workers }()
			ask := engine.Ask{
				Run: int64(i), Event: begin.Add(-time.Hour + time.Duration(i)*time.Hour/n), Tries: try, To: fmt.Sprint("spaces/", i%spaces),
			}
			tell, unused, wait := b.Allow(ask)
			mu.Lock()
			attempts++
			mu.Unlock()
			if wait > 0 {
				return wait, false
			}
			mu.Lock()
			wait = turns.take(i, i%spaces, spacePace, projectPace)
			mu.Unlock()
			if wait > engine.ShortWait {
				unused()
				return wait, false
			}
			time.Sleep(wait)
			mu.Lock()
			defer mu.Unlock()
			delete(turns.held, i)
			if time.Now().Before(end) {
				calls += 2
				mu.Unlock()
				time.Sleep(2 * latency)
				tell(errAway)
				mu.Lock()
				ask.Tries++
				return cmp.Or(b.Refused(ask), engine.RetryPause(try)), false
			}
			sent[i%spaces] = append(sent[i%spaces], i)
			last = time.Now()
			tell(nil)
			return 0, true
		}
		var wg sync.WaitGroup
		wakes := make([]chan struct{}, n)
		for i := range n {
			wakes[i] = make(chan struct{}, 1)
			wg.Go(func() {
				for try := 1; ; try++ {
					wait, done := attempt(i, try)
					if done {
						return
					}
					select {
					case <-wakes[i]:
					case <-time.After(wait):
					}
				}
			})
		}
		all := make(chan struct{})
		waker := keepWaking(b, wakes, all)
		wg.Wait()
		close(all)
		<-waker
		if calls > mostCalls {
			t.Errorf("%d calls in an hour of outage, want at most %d", calls, mostCalls)
		}
		took := last.Sub(end)
		if took > 5*time.Minute {
			t.Errorf("all was sent %s after the outage, want at most 5 minutes", took)
		}
		moved := 0
		for _, list := range sent {
			for place, i := range list {
				moved += max(place-i/spaces, i/spaces-place)
			}
		}
		if most := 20 * n; attempts > most {
			t.Errorf("runs woke %d times, want at most %d", attempts, most)
		}
		t.Logf("%d calls; all sent after %s, %.2f places from its own on average", calls, took, float64(moved)/n)
		if moved > n { // one place; more than six if there were no order
			t.Errorf("runs were sent %.2f places from their own on average", float64(moved)/n)
		}
	})
}

// keepWaking wakes the runs that are called, until there is nobody left.
func keepWaking(b engine.Breakers, wakes []chan struct{}, all <-chan struct{}) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			runs, next := b.Call()
			for _, run := range runs {
				select {
				case wakes[run] <- struct{}{}:
				default:
				}
				<-time.After(time.Millisecond) // jobs begin in their order
			}
			select {
			case <-b.Changed():
			case <-time.After(next):
			case <-all:
				return
			}
		}
	}()
	return done
}

// turns are given as the store gives them.
type turns struct {
	space   map[int]time.Time // next
	held    map[int]time.Time // by run
	project time.Time         // next
}

func (s *turns) take(run, space int, spacePace, projectPace time.Duration) (wait time.Duration) {
	now := time.Now()
	at, ok := s.held[run]
	if !ok || at.Before(now.Add(-spacePace/2)) {
		at = s.space[space]
		if at.Before(now) {
			at = now
		}
		s.space[space], s.held[run] = at.Add(spacePace), at
	}
	if wait = at.Sub(now); wait > engine.ShortWait {
		return wait
	}
	project := s.project
	if project.Before(now) {
		project = now
	}
	if project.Sub(now) > engine.ShortWait {
		return project.Sub(now)
	}
	s.project = project.Add(projectPace)
	return max(wait, project.Sub(now), 0)
}

// fail lets attempts of runs from first on, one for each destination, fail.
func fail(t *testing.T, b engine.Breakers, first int64, to ...string) {
	t.Helper()
	for i, one := range to {
		done, _, wait := b.Allow(engine.Ask{Run: first + int64(i), Event: time.Now(), To: one})
		if wait > 0 {
			t.Fatalf("run %d may not reach %s: a breaker opened too early", first+int64(i), one)
		}
		done(errAway)
	}
}

// reaches reports whether a run may reach a destination, and leaves it as it was.
func reaches(b engine.Breakers, run int64, to string) bool {
	_, unused, wait := b.Allow(engine.Ask{Run: run, Event: time.Now(), To: to})
	if wait == 0 {
		unused()
	}
	return wait == 0
}

// A permit that isn't used leaves the trial to the next, and one that shows that the
// other side works lets all go on.
func TestUnusedPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := engine.NewBreakers()
		fail(t, b, 1, "spaces/1", "spaces/2", "spaces/3")
		if reaches(b, 4, "spaces/4") {
			t.Fatal("the breaker of the whole API is still closed after failures from three spaces")
		}
		_, next := b.Call()
		time.Sleep(next)
		done, unused, wait := b.Allow(engine.Ask{Run: 4, To: "spaces/4"})
		if wait > 0 {
			t.Fatal("nobody may find out whether the other side is back")
		}
		if reaches(b, 5, "spaces/5") {
			t.Error("two may find out at once")
		}
		unused()
		if done, _, wait = b.Allow(engine.Ask{Run: 5, To: "spaces/5"}); wait > 0 {
			t.Fatal("a permit that wasn't used has closed the way for all")
		}
		done(nil)
		if !reaches(b, 4, "spaces/4") {
			t.Error("the breaker is open although the other side works")
		}
	})
}

// Each destination has its own breaker: hosts, and spaces and people of Chat; what
// fails at one of them keeps nobody from another.
func TestBreakersAreOfDestinations(t *testing.T) {
	t.Parallel()
	for dead, healthy := range map[string][]string{
		"siem.example.com": {"crm.example.com", "siem.example.com:8443", "spaces/1"},
		"spaces/1":         {"spaces/2", "users/1", "siem.example.com"},
		"users/1":          {"users/2", "spaces/1"},
	} {
		b := engine.NewBreakers()
		fail(t, b, 1, dead, dead, dead)
		if reaches(b, 4, dead) {
			t.Errorf("%s: three runs have failed, and a fourth may try", dead)
		}
		for _, to := range healthy {
			if !reaches(b, 4, to) {
				t.Errorf("%s fails, and %s isn't reached any more", dead, to)
			}
		}
	}
}

// One run that always fails opens no breaker, however often, and however quiet it is
// otherwise; nor do two, nor a few among many.
func TestPoisonedRunOpensNothing(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]int{"all is quiet": 0, "a few others": 1, "many others": 10} {
		synctest.Test(t, func(t *testing.T) {
			b := engine.NewBreakers()
			for round := range int64(100) {
				for poisoned := range int64(2) {
					fail(t, b, poisoned, fmt.Sprint("spaces/", poisoned))
				}
				for i := range int64(others) {
					done, _, wait := b.Allow(engine.Ask{Run: 10 + round*100 + i, To: fmt.Sprint("spaces/", i)})
					if wait > 0 {
						t.Fatalf("%s: others may not write after %d rounds", name, round)
					}
					done(nil)
				}
				time.Sleep(time.Minute)
			}
		})
	}
}

// While nothing works, the runs that wait take their turns in finding out whether that
// has changed: one at a time is woken, the one that was tried least; all are when it
// has, in the order of their events.
func TestTrialsRotate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const host, n = "siem.example.com", 5
		b := engine.NewBreakers()
		tries := map[int64]int{}
		asks := func(run int64) engine.Ask {
			return engine.Ask{Run: run, Event: time.Unix(run, 0), Tries: tries[run], To: host}
		}
		failed := func(run int64) {
			done, _, wait := b.Allow(asks(run))
			if wait > 0 {
				t.Fatalf("run %d was woken, and may not try", run)
			}
			done(errAway)
			tries[run]++
			b.Refused(asks(run))
		}
		for run := range int64(3) {
			failed(run)
		}
		for run := int64(n - 1); run >= 0; run-- {
			if _, _, wait := b.Allow(asks(run)); wait == 0 {
				t.Fatal("the breaker is closed")
			}
		}
		var woken []int64
		for range 2 * n {
			for {
				runs, next := b.Call()
				if len(runs) > 0 {
					woken = append(woken, runs...)
					break
				}
				time.Sleep(next)
			}
			failed(woken[len(woken)-1])
		}
		// 3 and 4 were not tried before.
		if diff := gocmp.Diff([]int64{3, 4, 0, 1, 2, 3, 4, 0, 1, 2}, woken); diff != "" {
			t.Errorf("woken (-want +got):\n%s", diff)
		}
		time.Sleep(10 * time.Minute)
		runs, _ := b.Call()
		if len(runs) != 1 {
			t.Fatalf("%v are woken to find out, want one", runs)
		}
		done, _, _ := b.Allow(asks(runs[0]))
		done(nil)
		rest, _ := b.Call()
		if diff := gocmp.Diff([]int64{0, 1, 2, 4}, rest); diff != "" {
			t.Errorf("woken when it works again (-want +got):\n%s", diff)
		}
	})
}

// A host that takes long to answer has a third of the workers at most; the rest that is
// for it waits, the oldest first, and holds none.
func TestSlowHostLeavesWorkersToOthers(t *testing.T) {
	t.Parallel()
	const slow, most = "slow.example.com", engine.MaxWorkers / 3
	b := engine.NewBreakers()
	var leave []func(error)
	for run := int64(99); run >= 0; run-- {
		done, _, wait := b.Allow(engine.Ask{Run: run, Event: time.Unix(run, 0), To: slow})
		if wait == 0 {
			leave = append(leave, done)
		}
	}
	if len(leave) != most {
		t.Fatalf("%d attempts are under way at once, want %d", len(leave), most)
	}
	if !reaches(b, 1000, "other.example.com") || !reaches(b, 1001, space) {
		t.Error("others have to wait, too")
	}
	for i, done := range leave[:3] {
		done([]error{nil, errAway, reactors.Permanent(errAway)}[i]) // whatever it answers
		if runs, _ := b.Call(); len(runs) != 1 || runs[0] != int64(i) {
			t.Errorf("after answer %d %v are woken, want %d", i+1, runs, i)
		}
	}
}

// What refuses, or asks for patience, works: a breaker is for what doesn't.
func TestRefusalsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	b := engine.NewBreakers()
	for _, err := range []error{reactors.Permanent(errAway), reactors.Throttled(errAway)} {
		for run := range int64(10) {
			done, _, wait := b.Allow(engine.Ask{Run: run, To: space})
			if wait > 0 {
				t.Fatalf("%T has opened a breaker", err)
			}
			done(err)
		}
	}
}

// An action that panics ends its run, and what it holds of a breaker.
func TestActionPanics(t *testing.T) {
	t.Parallel()
	s := newEnv(t, plain)
	s.action.before = func(context.Context, said) error { panic("Welcome, Ann!") }
	s.join("users/1")
	s.attemptAll()
	wantOutcomes(t, s, reactors.Failed)
	if reason := s.runs()[0].Reason; reason != `the action "say" has a fault and gave up` {
		t.Errorf("reason %q", reason)
	}
}

// After an outage River brings the backlog back in its order. Neighbours may
// swap: a job starts a little late, or while another finds out whether Chat is
// back. In a random order half of all pairs would be swapped.
func TestBacklogIsDrainedInOrder(t *testing.T) {
	t.Parallel()
	const n = 25
	s := newEnv(t, strings.Replace(plain, "mode: live", "mode: live\n    max_age: 3h", 1))
	var away atomic.Bool
	var tries atomic.Int64
	away.Store(true)
	s.action.before = func(context.Context, said) error {
		tries.Add(1)
		if away.Load() {
			return errAway
		}
		return nil
	}
	now := time.Now()
	for i := range n {
		s.setClock(now.Add(time.Duration(i-n) * 2 * time.Minute))
		s.join(fmt.Sprint("users/", i))
	}
	s.setClock(now)
	s.SetOpenFor(time.Second)
	workers := river.NewWorkers()
	if err := s.AddWorkers(workers); err != nil {
		t.Fatal(err)
	}
	client, err := jobs.NewClient(s.store.Pool(), s.store.Store.Clock(), zap.NewNop(), jobs.Options{
		Queues: map[string]int{reactors.Queue: 1}, Workers: workers, Grace: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var waking sync.WaitGroup
	waking.Go(func() { s.KeepWaking(ctx) })
	defer func() {
		cancel()
		<-client.Stopped()
		waking.Wait()
	}()
	await(t, "all have met the open breaker, and some have tried it", func() bool {
		return value[int](t, s.store, `SELECT count(*) FROM reactor_runs WHERE attempts >= 1`) == n && tries.Load() >= 6
	})
	// Each has met it once; those that have tried it were woken for that.
	if got, most := value[int](t, s.store, `SELECT sum(attempts) FROM reactor_runs`), n+2*int(tries.Load())+n; got > most {
		t.Errorf("%d runs woke %d times while nothing works, want at most %d", n, got, most)
	}
	away.Store(false)
	await(t, "all are sent", func() bool { return len(s.action.texts()) == n })
	var order []int
	for _, text := range s.action.texts() {
		var i int
		if _, err := fmt.Sscanf(text, "Welcome, <users/%d>!", &i); err != nil {
			t.Fatal(err)
		}
		order = append(order, i)
	}
	swapped := 0
	for i, a := range order {
		for _, b := range order[i+1:] {
			if a > b {
				swapped++
			}
		}
	}
	if most := n * (n - 1) / 2 / 10; swapped > most {
		t.Errorf("sent in the order %v: %d pairs are swapped, want at most %d", order, swapped, most)
	}
}

// await waits until ok answers true.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited for a minute in vain until %s", what)
		}
	}
}
