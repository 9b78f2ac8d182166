package runs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Jobs that were put off begin at once, in the order that is asked for; those of others
// stay as they are, and one that is under way is told of.
func TestWakeRuns(t *testing.T) {
	t.Parallel()
	s := storetest.NewGreeting(t)
	crowd(t, s, 6)
	for _, sql := range []string{
		`UPDATE river_job SET state = 'scheduled', scheduled_at = now() + interval '1 hour'`,
		`UPDATE river_job SET state = 'available', scheduled_at = now() + interval '3 seconds' WHERE args->>'run_id' = '2'`, // put off for a moment
		`UPDATE river_job SET state = 'running' WHERE args->>'run_id' = '4'`,
		`DELETE FROM river_job WHERE args->>'run_id' = '5'`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	busy, err := s.WakeRuns(t.Context(), []int64{6, 2, 4, 1, 5})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int64]bool{4: true}, busy); diff != "" {
		t.Errorf("under way (-want +got):\n%s", diff)
	}
	due := column(t, s, `SELECT args->>'run_id' FROM river_job WHERE state = 'available' AND scheduled_at <= now() ORDER BY scheduled_at, id`)
	if diff := cmp.Diff([]string{"6", "2", "1"}, due); diff != "" {
		t.Errorf("jobs that begin (-want +got):\n%s", diff)
	}
}
