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
		Queues: map[string]int{reactors.Queue: 1}, Punctual: reactors.Queue, Workers: workers, Grace: time.Second,
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
