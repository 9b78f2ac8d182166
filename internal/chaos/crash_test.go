package chaos

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Rows P4, R1 and R2: two workers are killed at random moments, sixty times a
// minute and more, while the Chat API drops the reply of 30 % of what it has
// accepted. Nothing is lost, nothing is recorded twice, and everybody is welcomed
// exactly once.
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
	eventually(t, time.Minute, "everything is sealed", func() bool {
		return env.query(t, `SELECT count(*) FROM proof_pending`) == 0
	})
	env.wantSoundLog(t.Context(), t)
	if s := env.stats(t); s.Nacked > 0 || s.DeadLettered > 0 {
		t.Errorf("nacked %d, dead-lettered %d, want 0 and 0", s.Nacked, s.DeadLettered)
	}
}

// Rows P3 and P5 for the whole process, in a rolling restart: under load each of
// three workers is sent SIGTERM and replaced in turn. Each ends in time and with
// status 0, without a transaction that saw its context end, and what it had
// committed it had acked.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	const grace = 25 * time.Second // as shutdown_grace by default
	env := newEnvironment(t, simulate.Options{Seed: 5, Spaces: 10, Users: 100})
	rounds := scaled(3, 51)
	wait := env.startActivity(t, simulate.Activity{Seed: 5, Rate: 200, Steps: rounds * 500})
	workers := []*process{env.startWorker(t), env.startWorker(t), env.startWorker(t)}
	stop := func(p *process) {
		t.Helper()
		began := time.Now()
		if err := p.stop(t, syscall.SIGTERM, grace); err != nil {
			t.Errorf("the worker ended with %v:\n%s", err, p.tail(2000))
		}
		t.Logf("ended %s after SIGTERM", time.Since(began))
		if log := p.log.String(); strings.Contains(log, "context canceled") {
			t.Errorf("a context ended under a transaction: %s", count(log, "context canceled"))
		}
	}
	for i := range rounds {
		p := workers[i%len(workers)]
		eventually(t, 30*time.Second, "the workers record", func() bool {
			return strings.Contains(p.log.String(), "worker started") && env.stats(t).Acked > 0
		})
		after(t, time.Second)
		stop(p)
		workers[i%len(workers)] = env.startWorker(t)
	}
	wait()
	env.wantAllExact(t, 3*time.Minute)
	if s := env.stats(t); s.RedeliveredAfterAck*1000 > s.Acked || s.DeadLettered > 0 {
		t.Errorf("%d of %d acked messages came again, want at most 0.1 %%; %d dead-lettered, want 0", s.RedeliveredAfterAck, s.Acked, s.DeadLettered)
	}
	for _, p := range workers {
		stop(p)
	}
}
