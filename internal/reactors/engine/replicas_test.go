package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const plain = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    do: [say: { text: "Welcome, {{ member.mention }}!" }]
`

// Row P12 for effects: two replicas get the same run, because one was taken for
// dead. Whoever comes first, the other side is asked for one effect.
func TestTwoReplicasOneEffect(t *testing.T) {
	t.Parallel()
	rounds := 30
	if storetest.Full() {
		rounds = 1_000
	}
	s := newEnv(t, plain)
	for i := range rounds {
		s.join(fmt.Sprint("users/", i))
		run := s.runs()[i].ID
		var wg sync.WaitGroup
		for range 2 {
			d := s.newDispatcher()
			wg.Go(func() {
				_, err := d.Attempt(context.WithoutCancel(t.Context()), run)
				if err != nil && !errors.Is(err, runs.ErrRunChanged) {
					t.Errorf("attempt run %d: %v", run, err)
				}
			})
		}
		wg.Wait()
		s.attempt(run)
		if got := len(s.action.texts()); got != i+1 {
			t.Fatalf("round %d: %d effects, want %d", i, got, i+1)
		}
	}
	if got := s.count()[reactors.Sent]; got != rounds {
		t.Errorf("%d runs are sent, want %d", got, rounds)
	}
}

// A replica that was stopped in mid-decision wakes up when all is over and the
// person has come back: what it had decided doesn't count any more.
func TestLateReplicaEndsNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]func(s *env, run int64){
		"the run was ended, and opened again": func(s *env, run int64) {
			s.attempt(run)
			s.wait(time.Second)
			s.join("users/1")
		},
		"the run was asked for again": func(s *env, _ int64) {
			s.wait(time.Second)
			s.join("users/1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, plain)
			s.join("users/1")
			s.wait(time.Second)
			s.leave("users/1")
			run := s.runs()[0].ID
			late, _, err := s.store.BeginAttempt(t.Context(), run)
			if err != nil {
				t.Fatal(err)
			}
			tt(s, run)
			if _, _, err := s.store.BeginAttempt(t.Context(), run); err != nil { // another replica
				t.Fatal(err)
			}
			err = s.store.PrepareRun(t.Context(), late, runs.Prepared{Requests: []reactors.Request{{Action: "say", Label: "x", Body: []byte(`{}`)}}})
			if !errors.Is(err, runs.ErrRunChanged) {
				t.Errorf("PrepareRun = %v, want ErrRunChanged", err)
			}
			if err := s.store.FinishRun(t.Context(), late, reactors.Left, "left"); !errors.Is(err, runs.ErrRunChanged) {
				t.Errorf("FinishRun = %v, want ErrRunChanged", err)
			}
			s.attemptAll()
			wantOutcomes(t, s, reactors.Sent)
		})
	}
}

// A job whose run isn't there any more has nothing to do.
func TestRunThatIsGone(t *testing.T) {
	t.Parallel()
	s := newEnv(t, plain)
	if wait, err := s.Attempt(t.Context(), 4711); wait != 0 || err != nil {
		t.Errorf("Attempt = %s, %v, want 0 and no error", wait, err)
	}
}

// However holding a run and resuming its rule meet, it is carried on: it isn't
// held, or it has a job. The two are kept at their critical points by a row
// lock.
func TestHoldingMeetsResuming(t *testing.T) {
	t.Parallel()
	rounds := 40
	if storetest.Full() {
		rounds = 2_000
	}
	s := newEnv(t, plain)
	s.join("users/1")
	run := s.runs()[0]
	for i := range rounds {
		if err := s.store.Pause(t.Context(), "welcome", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Pool().Exec(t.Context(), `DELETE FROM river_job`); err != nil {
			t.Fatal(err)
		}
		lock, err := s.store.Pool().BeginTx(t.Context(), pgx.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lock.Rollback(context.Background()) })
		if _, err := lock.Exec(t.Context(), `SELECT reactor FROM reactor_switches FOR UPDATE`); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 2)
		held := false
		ctx := context.WithoutCancel(t.Context())
		hold := func() {
			var err error
			held, err = s.store.HoldRun(ctx, run)
			done <- err
		}
		resume := func() {
			_, err := s.store.Resume(ctx, "welcome")
			done <- err
		}
		first, second := hold, resume
		if i%2 == 1 {
			first, second = resume, hold
		}
		go first()
		s.waitForLocks(1)
		go second()
		s.waitForLocks(2)
		if err := lock.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		stuck := value[bool](t, s.store, `SELECT held FROM reactor_runs`)
		jobs := value[int](t, s.store, `SELECT count(*) FROM river_job`)
		if stuck || held && jobs != 1 {
			t.Fatalf("round %d: HoldRun says %t; held %t with %d jobs: the run is lost", i, held, stuck, jobs)
		}
	}
}

// waitForLocks waits until n statements wait for a lock.
func (s *env) waitForLocks(n int) {
	s.t.Helper()
	waiting := 0
	for deadline := time.Now().Add(30 * time.Second); waiting < n; {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d statements wait for a lock, want %d", waiting, n)
		}
		waiting = value[int](s.t, s.store, `
			SELECT count(*)
			FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	}
}

func TestPauseHoldsAndResumeGoesOn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"welcome", runs.AllReactors} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, plain)
			s.join("users/1")
			if err := s.store.Pause(t.Context(), name, "a test"); err != nil {
				t.Fatal(err)
			}
			s.attemptAll()
			wantOutcomes(t, s, reactors.Pending)
			wantTexts(t, s)
			if n, err := s.store.Resume(t.Context(), name); n != 1 || err != nil {
				t.Errorf("Resume = %d, %v, want 1", n, err)
			}
			s.attemptAll()
			wantOutcomes(t, s, reactors.Sent)
		})
	}
}
