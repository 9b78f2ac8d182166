package chaos

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Rows R1 and R2: people come, alone or several at once, and some leave and
// come back, while every event is delivered at least five times to three
// workers and the Chat API drops the reply of 30 % of what it has accepted.
// Everybody who stays is welcomed once, and in time. At full size workers are
// killed as well; otherwise that is left to
// TestKilledWorkersLoseAndDoubleNothing, as the jobs of a killed one wait for a
// minute.
func TestEverybodyIsWelcomedOnce(t *testing.T) {
	t.Parallel()
	const maxAge = 10 * time.Minute // as the rule says
	joins, kills := scaled(80, 5_000), scaled(0, 300)
	env := newEnvironment(t, simulate.Options{Seed: 12, Spaces: scaled(20, 250), Users: 10})
	// Four copies of each event, and a fifth delivery of as many as there are
	// events, once their leases are over.
	env.SetFaults(simulate.Faults{Duplicate: 1})
	if err := env.Broker().Duplicate(env.topic, math.MaxInt32); err != nil {
		t.Fatal(err)
	}
	if err := env.Broker().DropAcks(env.subscription, joins); err != nil {
		t.Fatal(err)
	}
	env.SetChatFaults(simulate.DropReplies(0.3, 12))
	workers := []*process{env.startWorker(t), env.startWorker(t), env.startWorker(t)}
	wait := env.comeAndGo(t, 12, joins, scaled(30.0, 25.0))
	rng := rand.New(rand.NewPCG(12, 1))
	for range kills {
		after(t, 300*time.Millisecond+time.Duration(rng.IntN(600))*time.Millisecond)
		i := rng.IntN(len(workers))
		if err := workers[i].stop(t, syscall.SIGKILL, 10*time.Second); err == nil {
			t.Error("a killed worker ended by itself")
		}
		workers[i] = env.startWorker(t)
	}
	wait()
	env.wantAllExact(t, maxAge)

	if got := env.query(t, `SELECT count(*) FROM reactor_runs WHERE outcome NOT IN ('sent', 'left', 'failed')`); got != 0 {
		t.Errorf("%d runs ended in another way than being sent or leaving", got)
	}
	if late := latestWelcome(env.Truth()); late > maxAge {
		t.Errorf("a welcome came %s after its join, want at most %s", late, maxAge)
	} else {
		t.Logf("the latest welcome came %s after its join", late)
	}
	if s := env.stats(t); s.Acked < int64(4*joins) || s.RedeliveredAfterAck == 0 {
		t.Errorf("acked %d, of which %d came again: the test has shown nothing", s.Acked, s.RedeliveredAfterAck)
	}
}

// latestWelcome is the longest time from a person's newest joining to their
// welcome.
func latestWelcome(l simulate.Truth) (latest time.Duration) {
	type greeting struct{ space, user string }
	joined := map[greeting][]time.Time{}
	for _, j := range l.Joins {
		k := greeting{j.Space, j.User}
		joined[k] = append(joined[k], j.Time)
	}
	for _, m := range l.AppMessages {
		var newest time.Time
		for _, at := range joined[greeting{m.Space, m.Viewer}] {
			if !at.After(m.Time) && at.After(newest) {
				newest = at
			}
		}
		if !newest.IsZero() {
			latest = max(latest, m.Time.Sub(newest))
		}
	}
	return latest
}

// comeAndGo lets so many people join in the background, a third of them in
// groups of up to six; one in six leaves again, and half of those return.
func (env *environment) comeAndGo(t *testing.T, seed uint64, joins int, rate float64) (wait func()) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	done := make(chan error, 1)
	spaces := env.Spaces()
	go func() {
		type member struct{ space, user string }
		var there, gone []member
		tick := time.NewTicker(time.Duration(float64(time.Second) / rate))
		defer tick.Stop()
		for left := joins; left > 0; {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				done <- nil
				return
			}
			var err error
			switch chance := rng.IntN(12); {
			case chance < 2 && len(there) > 0:
				i := rng.IntN(len(there))
				m := there[i]
				there[i], there = there[len(there)-1], there[:len(there)-1]
				gone = append(gone, m)
				err = env.RemoveMember(m.space, m.user)
			case chance < 3 && len(gone) > 0:
				m := gone[0]
				gone = gone[1:]
				err = env.AddMembers(m.space, m.user)
			default:
				n := 1
				if chance == 3 {
					n = min(2+rng.IntN(5), left)
				}
				left -= n
				space, users := spaces[rng.IntN(len(spaces))].Name, env.addUsers(n)
				for _, u := range users {
					there = append(there, member{space, u})
				}
				err = env.AddMembers(space, users...)
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() {
		t.Helper()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}
