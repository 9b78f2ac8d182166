package chaos

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Row P1: while the database is away the worker holds what it has. It neither
// nacks nor ends, although five nacks would put a message into the dead-letter
// topic, and it catches up by itself.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	env, pg := newEnvironmentToBreak(t, simulate.Options{Seed: 1, Spaces: 5, Users: 50})
	rules := scaled(welcome, "") // nobody is welcomed after ten minutes
	p := env.startWorker(t, rulesSetting(t, rules), withHealth)
	ready := p.readiness(t)
	outage := scaled(8*time.Second, 10*time.Minute)
	wait := env.startActivity(t, simulate.Activity{Seed: 1, Rate: 50, Steps: int((outage + 4*time.Second).Seconds()) * 50})
	eventually(t, 30*time.Second, "events are recorded", func() bool { return env.stats(t).Acked > 20 })
	if err := pg.Kill(); err != nil {
		t.Fatal(err)
	}
	acked, began := env.stats(t).Acked, time.Now()
	eventually(t, outage, "the worker says that the database is away", func() bool { return ready() != nil })
	t.Logf("said after %s", time.Since(began))
	after(t, outage-time.Since(began))
	if s := env.stats(t); s.Acked > acked+50 {
		t.Errorf("%d messages were acked while there was no database", s.Acked-acked)
	}
	if err := pg.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	acked, began = env.stats(t).Acked, time.Now()
	eventually(t, time.Minute, "events are recorded again", func() bool { return env.stats(t).Acked > acked && ready() == nil })
	t.Logf("recorded again %s after it was back", time.Since(began))
	wait()
	if rules == "" {
		env.wantEventsExact(t, 5*time.Minute)
	} else {
		env.wantAllExact(t, 5*time.Minute)
	}
	if s := env.stats(t); s.Nacked != 0 || s.DeadLettered != 0 || s.Expired != 0 {
		t.Errorf("nacked %d, dead-lettered %d, expired %d, want none", s.Nacked, s.DeadLettered, s.Expired)
	}
	if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
}

// Rows D4 and D5: a database that hangs holds nobody longer than the
// deadlines, and connections don't pile up when it comes back.
func TestDatabaseFrozen(t *testing.T) {
	t.Parallel()
	const maxConns = 10
	env, pg := newEnvironmentToBreak(t, simulate.Options{Seed: 2, Spaces: 5, Users: 50})
	p := env.startWorker(t)
	wait := env.startActivity(t, simulate.Activity{Seed: 2, Rate: 50, Steps: scaled(700, 20_000)})
	for range scaled(1, 10) {
		recorded := env.query(t, `SELECT count(*) FROM events`)
		eventually(t, 60*time.Second, "events are recorded", func() bool { return env.query(t, `SELECT count(*) FROM events`) > recorded+20 })
		if err := pg.Pause(); err != nil {
			t.Fatal(err)
		}
		after(t, scaled(16*time.Second, 5*time.Minute))
		if err := pg.Resume(); err != nil {
			t.Fatal(err)
		}
		// The worker's connections, River's included; ours are 2 more.
		if n := env.query(t, `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'`); n > maxConns+2+2 {
			t.Errorf("%d connections after the freeze, want at most %d", n, maxConns+2+2)
		}
	}
	wait()
	env.wantAllExact(t, 3*time.Minute)
	if s := env.stats(t); s.Nacked != 0 {
		t.Errorf("nacked %d, want 0", s.Nacked)
	}
	if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
}

// Row P11: a commit that takes longer than the lease, and acks that are lost,
// lead to second deliveries, and those to nothing. The worker says who has
// locked the table.
func TestSlowCommitAndLostAcks(t *testing.T) {
	t.Parallel()
	env := newEnvironment(t, simulate.Options{Seed: 3, Spaces: 5, Users: 50})
	p := env.startWorker(t, withHealth)
	if err := env.Broker().DropAcks(env.subscription, 100); err != nil {
		t.Fatal(err)
	}
	lock, err := env.db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `LOCK TABLE events IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	wait := env.startActivity(t, simulate.Activity{Seed: 3, Rate: 100, Steps: 500})
	ready := p.readiness(t)
	after(t, scaled(12*time.Second, 90*time.Second))
	if err := ready(); err == nil || !strings.Contains(err.Error(), "AccessExclusiveLock on events") {
		t.Errorf("the worker doesn't say that its table is locked: %v", err)
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait()
	env.wantAllExact(t, 3*time.Minute)
	if s := env.stats(t); s.RedeliveredAfterAck == 0 {
		t.Error("nothing was delivered again: the test has shown nothing")
	}
	if err := p.stop(t, syscall.SIGTERM, 25*time.Second); err != nil {
		t.Errorf("the worker ended with %v", err)
	}
}
