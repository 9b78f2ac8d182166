package runs_test

import (
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// touched is what the database looked at: pages of tables and indexes, and rows
// in the order of a table.
type touched struct{ pages, scanned int }

// touching runs what uses the only connection of a store.
func touching(t *testing.T, s *storetest.Env, do func()) touched {
	t.Helper()
	counters := func() (c touched) {
		storetest.Value[any](t, s, `SELECT pg_stat_force_next_flush()::text`)
		if err := s.Pool().QueryRow(t.Context(), `
			SELECT sum(heap_blks_read + heap_blks_hit + COALESCE(idx_blks_read + idx_blks_hit, 0)), sum(seq_tup_read)
			FROM pg_statio_user_tables
			JOIN pg_stat_user_tables USING (relid)`).Scan(&c.pages, &c.scanned); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := counters()
	do()
	after := counters()
	return touched{after.pages - before.pages, after.scanned - before.scanned}
}

// With a year of runs and two weeks of a hundred busy rules, what the commands and the
// hourly upkeep ask about them reads what it needs and no more.
func TestRunsAreReadByIndex(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock, MaxConns: 1})
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO reactor_counts (hour, shard, count, shadow, reactor, outcome)
		SELECT date_trunc('hour', $1::timestamptz, 'UTC') - make_interval(hours => h), 0, 1, false, 'rule-' || r, outcome
		FROM generate_series(0, 14 * 24 - 1) AS h, generate_series(1, 100) AS r, unnest('{sent,condition_false}'::text[]) AS outcome`, clock()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member)
		SELECT $1::timestamptz - n * interval '10 s', $1, false, CASE WHEN n = 39000 THEN 'rare' ELSE 'rule-' || n % 100 END, 'message.created',
			CASE WHEN n = 38000 THEN 'failed' ELSE 'condition_false' END,
			'', CASE WHEN n = 37000 THEN 'spaces/RARE' ELSE 'spaces/' || n % 50 END, CASE WHEN n = 36000 THEN 'users/1' ELSE 'users/' || n % 1000 + 2 END
		FROM generate_series(1, 40000) AS n`, clock()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, trigger, space, member, hash)
		SELECT e.event_time, e.event_time, e.event_time, CASE WHEN n = 3000 THEN 'failed' WHEN n % 3 = 0 THEN 'left' ELSE 'sent' END,
			CASE WHEN n = 1000 THEN 'rare' ELSE 'rule-' || n % 100 END, n::text, 'member.joined',
			CASE WHEN n = 2000 THEN 'spaces/RARE' ELSE 'spaces/' || n % 50 END, CASE WHEN n = 4000 THEN 'users/1' ELSE 'users/' || n % 1000 + 2 END, ''
		FROM generate_series(1, 40000) AS n, LATERAL (SELECT $1::timestamptz - (40000 - n) * interval '100 s' AS event_time) AS e`, clock()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pool().Exec(t.Context(), `VACUUM (ANALYZE) reactor_counts, reactor_evaluations, reactor_runs`); err != nil {
		t.Fatal(err)
	}
	list := func(f runs.Filter, want int) func() {
		return func() {
			led, err := s.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			others, err := s.Evaluations(t.Context(), f)
			if err != nil || len(led)+len(others) != want {
				t.Errorf("%+v: %d runs and %d evaluations, %v, want %d in all", f, len(led), len(others), err, want)
			}
		}
	}
	for _, c := range []struct {
		name  string
		do    func()
		pages int
	}{
		{"reactors list", func() {
			counts, err := s.OutcomeCounts(t.Context(), clock().Add(-24*time.Hour))
			if err != nil || len(counts) != 200 || counts[0].Count != 25 {
				t.Errorf("%d counts, %v", len(counts), err)
			}
		}, 250}, // a day of 14
		{"reactors runs", list(runs.Filter{}, 100), 40},
		{"of a rule", list(runs.Filter{Reactor: "rule-7"}, 100), 250},
		{"of a rule that seldom runs", list(runs.Filter{Reactor: "rare"}, 2), 20},
		{"of a rule there isn't", list(runs.Filter{Reactor: "none"}, 0), 20},
		{"in a space", list(runs.Filter{Space: "spaces/7"}, 100), 250},
		{"in a space where little happens", list(runs.Filter{Space: "spaces/RARE"}, 2), 20},
		{"about a person", list(runs.Filter{Member: "users/7"}, 80), 250},
		{"about a person who did little", list(runs.Filter{Member: "users/1"}, 2), 20},
		{"that failed", list(runs.Filter{Outcome: "failed"}, 2), 20},
		{"upkeep with nothing to do", func() {
			if _, err := pruning.Prune(t.Context(), s.Store); err != nil {
				t.Fatal(err)
			}
		}, 120}, // of all tables that are pruned
	} {
		if got := touching(t, s, c.do); got.pages > c.pages || got.scanned > 100 {
			t.Errorf("%s: %d pages, %d rows by scans; want at most %d and 100", c.name, got.pages, got.scanned, c.pages)
		}
	}
}
