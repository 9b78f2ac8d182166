package chaos

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Rows P4, R1 and R2: two workers are killed at random moments while the Chat
// API drops the reply of 30 % of what it has accepted. Nothing is lost, nothing
// is recorded twice, and everybody is welcomed exactly once.
func TestKilledWorkersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	kills, steps := scaled(8, 500), scaled(1_000, 100_000)
	env := newEnvironment(t, simulate.Options{Seed: 4, Spaces: scaled(12, 100), Users: scaled(120, 5_000)})
	env.SetFaults(simulate.Faults{Duplicate: 0.2, Reorder: 0.1, Garbage: 0.01})
	env.SetChatFaults(simulate.DropReplies(0.3, 4))
	wait := env.startActivity(t, simulate.Activity{Seed: 4, Rate: scaled(150.0, 500.0), Steps: steps})

	rng := rand.New(rand.NewPCG(4, 4))
	workers := []*process{env.startWorker(t), env.startWorker(t)}
	for range kills {
		after(t, 300*time.Millisecond+time.Duration(rng.IntN(700))*time.Millisecond)
		i := rng.IntN(len(workers))
		if err := workers[i].stop(t, syscall.SIGKILL, 10*time.Second); err == nil {
			t.Error("a killed worker ended by itself")
		}
		workers[i] = env.startWorker(t)
	}
	wait()
	// The leases of the dead run for half a minute, and their jobs a minute
	// until they are rescued.
	env.wantAllExact(t, 5*time.Minute)
	if s := env.stats(t); s.Nacked > 0 || s.DeadLettered > 0 {
		t.Errorf("nacked %d, dead-lettered %d, want 0 and 0", s.Nacked, s.DeadLettered)
	}
}

// Rows P3 and P5 for the whole process: a SIGTERM under load ends it in time
// and with status 0, without a transaction that saw its context end, and what
// it had committed it had acked.
func TestTermUnderLoad(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, simulate.Options{Seed: 5, Spaces: 10, Users: 100})
	rounds := scaled(2, 50)
	wait := env.startActivity(t, simulate.Activity{Seed: 5, Rate: 300, Steps: rounds * 600})
	for range rounds {
		p := env.startWorker(t)
		eventually(t, 30*time.Second, "the worker records", func() bool { return env.stats(t).Outstanding > 0 })
		after(t, time.Second)
		if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
			t.Errorf("the worker ended with %v:\n%s", err, p.log.tail(2000))
		}
		if log := p.log.String(); strings.Contains(log, "context canceled") {
			t.Errorf("a context ended under a transaction: %s", count(log, "context canceled"))
		}
	}
	p := env.startWorker(t)
	wait()
	env.wantAllExact(t, 3*time.Minute)
	if s := env.stats(t); s.RedeliveredAfterAck*1000 > s.Acked {
		t.Errorf("%d of %d acked messages came again, want at most 0.1 %%", s.RedeliveredAfterAck, s.Acked)
	}
	if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
		t.Error(err)
	}
}
