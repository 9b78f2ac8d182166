package runs_test

import (
	"context"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Recording claims runs in the order of their subjects. Whatever else changes
// several runs locks them in that order, too: while it waits for the first, it
// holds none of the others, so that no two wait for each other.
func TestRunsAreLockedInOneOrder(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(context.Context, *storetest.Env, reactors.Run, reactors.Run) error{
		"one speaks for the other": func(ctx context.Context, s *storetest.Env, second, first reactors.Run) error {
			return s.PrepareRun(ctx, second, runs.Prepared{Collapses: []int64{first.ID}})
		},
		"the speaker ends": func(ctx context.Context, s *storetest.Env, second, _ reactors.Run) error {
			return s.FinishRun(ctx, second, reactors.Left, "left")
		},
		"both are resumed": func(ctx context.Context, s *storetest.Env, _, _ reactors.Run) error {
			_, err := s.Resume(ctx, "welcome")
			return err
		},
		"old ones are dropped": func(ctx context.Context, s *storetest.Env, _, _ reactors.Run) error {
			_, err := pruning.Prune(ctx, s.Store)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.NewGreeting(t)
			// The run that comes first by its number comes second by its subject.
			for i, user := range []string{"users/b", "users/a"} {
				record(t, s, live(user, at(i), membership(events.VerbCreated, space, user, events.MembershipJoined)))
			}
			var pair []reactors.Run
			for id := range int64(2) {
				run, _, err := s.BeginAttempt(t.Context(), id+1)
				if err != nil {
					t.Fatal(err)
				}
				pair = append(pair, run)
			}
			second, first := pair[0], pair[1]
			if second.Subject < first.Subject {
				t.Fatalf("run %d is about %q, run %d about %q", second.ID, second.Subject, first.ID, first.Subject)
			}
			var prepare string
			switch name {
			case "the speaker ends":
				prepare = `UPDATE reactor_runs SET outcome = 'collapsed', finished_at = now(), speaker = 1 WHERE id = 2`
			case "both are resumed":
				prepare = `UPDATE reactor_runs SET held = true`
			case "old ones are dropped":
				prepare = `UPDATE reactor_runs SET outcome = 'left', finished_at = event_time - interval '1 year'`
			}
			if _, err := s.Pool().Exec(t.Context(), prepare); err != nil {
				t.Fatal(err)
			}
			claim, err := s.Pool().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer claim.Rollback(context.WithoutCancel(t.Context()))
			lock := func(run reactors.Run, nowait string) {
				t.Helper()
				if _, err := claim.Exec(t.Context(), `SELECT FROM reactor_runs WHERE id = $1 FOR UPDATE `+nowait, run.ID); err != nil {
					t.Fatalf("lock the run of %s: %v", run.Subject, err)
				}
			}
			lock(first, "")
			done := make(chan error, 1)
			go func() { done <- change(t.Context(), s, second, first) }()
			if name == "old ones are dropped" { // it leaves out what others hold
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			} else {
				storetest.WaitForLocks(t, s, 1)
				lock(second, "NOWAIT")
			}
			if err := claim.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}
			if name != "old ones are dropped" {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
