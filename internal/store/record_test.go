package store_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func record(t testing.TB, s *storetest.Env, deliveries ...events.Delivery) []events.Outcome {
	t.Helper()
	outcomes, err := s.Record(t.Context(), deliveries)
	if err != nil {
		t.Fatalf("Record: %v", err)
	}
	return outcomes
}

// value reads a single value.
func value[T any](t testing.TB, s *storetest.Env, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := s.Pool().QueryRow(context.WithoutCancel(t.Context()), sql, args...).Scan(&v); err != nil {
		t.Fatalf("query %s: %v", sql, err)
	}
	return v
}

// column reads a list of single values.
func column(t testing.TB, s *storetest.Env, sql string, args ...any) []string {
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

// Row P2: each event delivered five times in random order is recorded once.
func TestDuplicatesAreRecordedOnce(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: clock})
	n := 2_000
	if storetest.Full() {
		n = 100_000
	}
	m := newMix(1)
	unique := m.batch(n)
	var all []events.Delivery
	for range 5 {
		all = append(all, unique...)
	}
	m.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	counts := map[events.Outcome]int{}
	for len(all) > 0 {
		k := min(len(all), 700)
		for _, o := range record(t, env, all[:k]...) {
			counts[o]++
		}
		all = all[k:]
	}
	want := map[events.Outcome]int{events.Recorded: n, events.Duplicate: 4 * n}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if got := value[int](t, env, `SELECT count(*) FROM events`); got != n {
		t.Errorf("events = %d, want %d", got, n)
	}
	for _, d := range unique[:50] {
		got, err := env.Payload(t.Context(), items.KeyOf(d.Event, d.MessageID))
		if err != nil || !bytes.Equal(got, d.Data) {
			t.Fatalf("Payload(%s) = %q, %v, want %q", d.Event.ID, got, err, d.Data)
		}
	}
}
