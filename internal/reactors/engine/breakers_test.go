package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
)

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
		_, unused, wait := b.Allow(engine.Ask{Run: 4, To: "spaces/4"})
		if wait > 0 {
			t.Fatal("nobody may find out whether the other side is back")
		}
		if reaches(b, 5, "spaces/5") {
			t.Error("two may find out at once")
		}
		unused()
		done, _, wait := b.Allow(engine.Ask{Run: 5, To: "spaces/5"})
		if wait > 0 {
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

// A run that always fails opens no breaker, however often, and however quiet it is
// otherwise; nor do two, nor a few among many.
func TestPoisonedRunOpensNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ poisoned, others int64 }{{1, 0}, {2, 0}, {2, 1}, {4, 10}} {
		synctest.Test(t, func(t *testing.T) {
			b := engine.NewBreakers()
			for round := range int64(100) {
				for i := range c.others {
					done, _, wait := b.Allow(engine.Ask{Run: 10 + round*100 + i, To: fmt.Sprint("spaces/healthy", i)})
					if wait > 0 {
						t.Fatalf("%+v: others may not write after %d rounds", c, round)
					}
					done(nil)
				}
				for poisoned := range c.poisoned {
					fail(t, b, poisoned, fmt.Sprint("spaces/", poisoned))
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
		if diff := cmp.Diff([]int64{3, 4, 0, 1, 2, 3, 4, 0, 1, 2}, woken); diff != "" {
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
		if diff := cmp.Diff([]int64{0, 1, 2, 4}, rest); diff != "" {
			t.Errorf("woken when it works again (-want +got):\n%s", diff)
		}
	})
}

// Who is called to find out whether the other side is back, and has ended or is paused,
// leaves that to the next at once.
func TestCalledRunThatHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const host = "siem.example.com"
		b := engine.NewBreakers()
		fail(t, b, 1, host, host, host)
		for run := range int64(3) {
			b.Refused(engine.Ask{Run: run + 4, Event: time.Unix(run, 0), To: host})
		}
		_, next := b.Call()
		time.Sleep(next)
		for want := int64(4); want <= 6; want++ {
			if runs, _ := b.Call(); len(runs) != 1 || runs[0] != want {
				t.Fatalf("%v are called, want %d", runs, want)
			}
			if runs, _ := b.Call(); len(runs) != 0 {
				t.Fatalf("%v are called as well", runs)
			}
			b.Forget(want)
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
