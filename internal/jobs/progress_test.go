package jobs_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Jobs that are late stand still if nobody leads, or if nothing goes on here.
func TestStandstill(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	for i, c := range []struct {
		state, queue string
		late         time.Duration
		idle, busy   bool
		want         string
	}{
		{"available", "keeper", 2 * time.Minute, true, false, "a job of the queue keeper has been due for 2m0s, and isn't taken"},
		{"available", "keeper", 2 * time.Minute, false, false, ""},
		{"available", "keeper", 2 * time.Minute, true, true, ""},
		{"available", "keeper", 50 * time.Second, true, false, ""},
		{"available", "another", time.Hour, true, false, ""},
		{"running", "keeper", time.Hour, true, false, ""},
		{"scheduled", "keeper", time.Hour, false, true, "a job of the queue keeper has been due for 1h0m0s, and no worker leads"},
		{"retryable", "members", 2 * time.Minute, false, false, "a job of the queue members has been due for 2m0s, and no worker leads"},
		{"scheduled", "keeper", -time.Hour, true, false, ""},
	} {
		if _, err := env.Pool().Exec(t.Context(), fmt.Sprintf(`
			DELETE FROM river_job;
			INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at)
			VALUES ('{}', 'keep', 3, '%s', '%s', now() - interval '%d seconds')`, c.queue, c.state, int(c.late.Seconds()))); err != nil {
			t.Fatal(err)
		}
		p := jobs.NewProgress(map[string]int{jobs.QueueKeeper: 1, jobs.QueueMembers: 1})
		if c.idle {
			p.Since(time.Now().Add(-time.Hour))
		}
		look := func(ctx context.Context) {
			got, err := p.Standstill(ctx, env.Pool())
			if all := strings.Join(got, "; "); err != nil || all != c.want {
				t.Errorf("%d: got %q, %v; want %q", i, all, err, c.want)
			}
		}
		if !c.busy {
			look(t.Context())
		} else if err := p.Attempt(t.Context(), jobs.QueueKeeper, func(ctx context.Context) error {
			p.Since(time.Now().Add(-time.Hour)) // it has been running for long
			look(ctx)
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// Looking for jobs that are late waits for nobody.
func TestStandstillDoesNotWait(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	if err := pgx.BeginFunc(t.Context(), env.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `LOCK TABLE river_job`); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		late, err := jobs.NewProgress(map[string]int{jobs.QueueKeeper: 1}).Standstill(ctx, env.Pool())
		if err != nil || len(late) > 0 {
			t.Errorf("got %q, %v", late, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
