package storetest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// NewGreeting is New with a [Greeter].
func NewGreeting(t testing.TB) *Env {
	t.Helper()
	return New(t, Options{Now: Clock, Planner: Greeter{}})
}

// Record records the deliveries.
func Record(t testing.TB, s *Env, deliveries ...events.Delivery) []events.Outcome {
	t.Helper()
	outcomes, err := s.Record(t.Context(), deliveries)
	if err != nil {
		t.Fatalf("Record: %v", err)
	}
	return outcomes
}

// Value reads a single value.
func Value[T any](t testing.TB, s *Env, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := s.Pool().QueryRow(context.WithoutCancel(t.Context()), sql, args...).Scan(&v); err != nil {
		t.Fatalf("query %s: %v", sql, err)
	}
	return v
}

// Column reads a list of single values.
func Column(t testing.TB, s *Env, sql string, args ...any) []string {
	t.Helper()
	rows, err := s.Pool().Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("query %s: %v", sql, err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("query %s: %v", sql, err)
	}
	return list
}

// WaitForLocks returns when n statements wait for a lock.
func WaitForLocks(t testing.TB, s *Env, n int) {
	t.Helper()
	for Value[int](t, s, `
		SELECT count(*)
		FROM pg_stat_activity, pg_sleep(0.005)
		WHERE datname = current_database() AND wait_event_type = 'Lock'`) < n {
	}
}

// Logged is how many bytes of write-ahead log the server writes while something is
// done: leave it alone meanwhile.
func Logged(t testing.TB, s *Env, do func()) int {
	t.Helper()
	before := Value[string](t, s, `SELECT pg_current_wal_insert_lsn()::text`)
	do()
	return Value[int](t, s, `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn)::bigint`, before)
}
