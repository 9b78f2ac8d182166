package store_test

import (
	"testing"
	"time"
)

// However much has piled up, what is too old is gone after a pruning.
func TestPruneLeavesNothingOld(t *testing.T) {
	t.Parallel()
	s := newRunsEnv(t)
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member)
		SELECT $1, $1, false, 'r', 'message.created', 'condition_false', n::text, 'spaces/S', ''
		FROM generate_series(1, 25000) AS n`, clock().Add(-15*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, trigger, space, member, hash)
		SELECT $1, $1, $1, 'left', 'r', n::text, 'member.joined', 'spaces/S', '', ''
		FROM generate_series(1, 25000) AS n`, clock().Add(-61*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.PruneRuns(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := value[int](t, s, `SELECT (SELECT count(*) FROM reactor_evaluations) + (SELECT count(*) FROM reactor_runs)`); n != 0 {
		t.Errorf("%d old rows are left", n)
	}
}
