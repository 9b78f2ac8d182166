package pruning_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// oldAndYoung insert a row that is as old as $1; its key says which it is ($2).
var oldAndYoung = map[string]string{
	"backfills": `INSERT INTO backfills (space, from_time, to_time, cursor_time, started_at)
		VALUES ($2, $1::timestamptz - interval '1 day', $1, $1, $1)`,
	"coverage":        `INSERT INTO coverage (scope, source, from_time, to_time) VALUES ($2, 'live', $1::timestamptz - interval '1 day', $1)`,
	"followed_spaces": `INSERT INTO followed_spaces (space, present, changed_at) VALUES ($2, false, $1)`,
	"member_lists":    `INSERT INTO member_lists (space, listed_at) VALUES ($2, $1)`,
	"own_messages":    `INSERT INTO own_messages (client_id, space, run_id, made_at) VALUES ($2, '', 1, $1)`,
	"quarantine": `INSERT INTO quarantine (quarantine_key, received_at, message_id, ordering_key, reason, detail, attributes, data)
		VALUES (gen_random_uuid(), $1, $2, '', 'test', '', '{}', '')`,
	"reactor_daily_counts": `INSERT INTO reactor_daily_counts (day, count, shadow, reactor, outcome) VALUES ($1, 1, false, $2, 'sent')`,
	"reactor_evaluations": `INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member)
		VALUES ($1, $1, false, $2, '', 'condition_false', '', '', '')`,
	"reactor_runs": `INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, trigger, space, member, hash)
		VALUES ($1, $1, $1, 'left', $2, '', 'member.joined', '', '', '')`,
	"reactor_schedules": `INSERT INTO reactor_schedules (reactor, seen_until) VALUES ($2, $1)`,
	"silence_checks":    `INSERT INTO silence_checks (space, event_time, checked_at) VALUES ($2, $1, $1)`,
	"unapplied_events":  `INSERT INTO unapplied_events (event_time, event_key, space, detail) VALUES ($1, gen_random_uuid(), $2, '')`,
	"unfetched": `INSERT INTO unfetched (event_time, event_key, ordinal, kind, resource, space, reason)
		VALUES ($1, gen_random_uuid(), 0, 'message', $2, '', 'gone')`,
	"write_slots": `INSERT INTO write_slots (space, next_at) VALUES ($2, $1)`,
}

// What is too old goes, what isn't stays, and so does what must stay however
// old it is.
func TestPrune(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	record(t, s, join("1", 0)) // makes partitions from September on
	oldest := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	want := map[string]int{}
	for _, r := range pruning.Rules() {
		before := oldest
		if r.After > 0 {
			before = clock().Add(-r.After)
		}
		insert := oldAndYoung[r.Table]
		if insert == "" {
			t.Fatalf("no rows for %s", r.Table)
		}
		exec(insert, before.Add(-time.Second), "old")
		exec(insert, before.Add(time.Second), "young")
		want[r.Table] = 1
	}
	ago := clock().AddDate(-10, 0, 0)
	exec(`INSERT INTO coverage (scope, source, from_time) VALUES ('open', 'live', $1)`, ago)
	exec(`INSERT INTO followed_spaces (space, present, changed_at) VALUES ('present', true, $1)`, ago)
	exec(`INSERT INTO reactor_runs (event_time, due_at, finished_at, outcome, reactor, subject, trigger, space, member, hash)
		SELECT $1, $1, CASE WHEN outcome <> 'pending' THEN $1::timestamptz END, outcome, outcome, '', '', '', '', ''
		FROM unnest('{pending,sent,shadow,collapsed,failed}'::text[]) AS outcome`, ago)
	before := map[string]int{}
	for _, r := range pruning.Rules() {
		before[r.Table] = storetest.Value[int](t, s, `SELECT count(*) FROM `+r.Table)
	}

	dropped, err := pruning.Prune(t.Context(), s.Store)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, dropped); diff != "" {
		t.Errorf("dropped rows (-want +got):\n%s", diff)
	}
	for _, r := range pruning.Rules() {
		if left := storetest.Value[int](t, s, `SELECT count(*) FROM `+r.Table+` t WHERE to_jsonb(t)::text NOT LIKE '%"old"%'`); left != before[r.Table]-1 {
			t.Errorf("%s: %d rows are left that aren't old, want %d", r.Table, left, before[r.Table]-1)
		}
	}
}

// What is pruned of the quarantine isn't missing from the transparency log.
func TestPrunedQuarantineIsProven(t *testing.T) {
	t.Parallel()
	now := clock()
	s := storetest.New(t, storetest.Options{Now: func() time.Time { return now }})
	d := storetest.Live("bad", now, events.Item{})
	d.Event, d.Malformed, d.Data = nil, &events.Malformed{Reason: "bad_json", Detail: "it is none"}, []byte("{bad")
	record(t, s, d)
	now = now.AddDate(1, 0, 0)
	if dropped, err := pruning.Prune(t.Context(), s.Store); err != nil || dropped["quarantine"] != 1 {
		t.Fatalf("dropped %v, %v", dropped, err)
	}
	r, err := proofs.New(s.Store).Verify(t.Context(), nil, func(uint64, uint64) {})
	if err != nil || !r.Sound() || r.Unsealed != 2 {
		t.Errorf("got %+v, %v", r, err)
	}
}

// However much has piled up, what is too old is gone after a pruning, in steps.
func TestPruneLeavesNothingOld(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	if _, err := s.Pool().Exec(t.Context(), `
		CREATE TABLE steps (dropped bigint);
		CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			INSERT INTO steps SELECT count(*) FROM gone;
			RETURN NULL;
		END $$;
		CREATE TRIGGER step AFTER DELETE ON write_slots REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION step();
		INSERT INTO write_slots (space, next_at)
		SELECT n::text, '2025-01-01' FROM generate_series(1, 25000) AS n`); err != nil {
		t.Fatal(err)
	}
	dropped, err := pruning.Prune(t.Context(), s.Store)
	if err != nil || dropped["write_slots"] != 25_000 {
		t.Errorf("dropped %v, %v, want 25000", dropped, err)
	}
	if got := column(t, s, `SELECT dropped::text FROM steps`); !slices.Equal(got, []string{"10000", "10000", "5000"}) {
		t.Errorf("steps of %v rows", got)
	}
}

// The page about the database says of every table how it grows and what prunes it.
func TestGrowthIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/database.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^\| (`+"`"+`.*)$`).FindAllStringSubmatch(string(page), -1) {
		names, rest, _ := strings.Cut(line[1], "|")
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(names, -1) {
			documented[name[1]] = rest
		}
	}
	s := storetest.New(t, storetest.Options{})
	tables := column(t, s, `
		SELECT relname
		FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname !~ '^river_'
		ORDER BY 1`)
	for _, table := range append(tables, "river_job") {
		if documented[table] == "" {
			t.Errorf("docs/database.md has no row for %s", table)
		}
	}
	prunes := map[string]bool{"river_job": true} // River does
	for _, r := range append(pruning.Rules(), pruning.Rule{Table: "reactor_counts", After: pruning.HoursFor}) {
		prunes[r.Table] = true
		want := fmt.Sprintf("%d days", r.After/(24*time.Hour))
		if r.After == 0 {
			want = "oldest month"
		}
		if !strings.Contains(documented[r.Table], want) {
			t.Errorf("docs/database.md says of %s %q, want %q in it", r.Table, documented[r.Table], want)
		}
	}
	for table, says := range documented {
		if !prunes[table] && regexp.MustCompile(`\d days|oldest month`).MatchString(says) {
			t.Errorf("docs/database.md says of %s %q, and nothing prunes it", table, says)
		}
	}
}

// Where several tables refuse, one line names them and the first reason; what can
// be dropped is dropped all the same.
func TestPruneNamesWhatFailed(t *testing.T) {
	t.Parallel()
	role := storetest.NewRole(t)
	s := storetest.New(t, storetest.Options{Now: clock})
	if _, err := s.Pool().Exec(t.Context(), fmt.Sprintf(`
		GRANT ALL ON ALL TABLES IN SCHEMA public TO %[1]s;
		REVOKE DELETE ON quarantine, silence_checks, write_slots FROM %[1]s;
		INSERT INTO own_messages (run_id, space, client_id, made_at) VALUES (1, 'spaces/S', 'client-1', '2024-01-01')`, role)); err != nil {
		t.Fatal(err)
	}
	guest := storetest.Open(t, storetest.WithRole(s.DSN, role), storetest.Options{Now: clock})
	dropped, err := pruning.Prune(t.Context(), guest.Store)
	const want = "drop old rows of quarantine, silence_checks, write_slots: ERROR: permission denied for table quarantine (SQLSTATE 42501)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if diff := cmp.Diff(map[string]int{"own_messages": 1}, dropped); diff != "" {
		t.Errorf("dropped (-want +got):\n%s", diff)
	}
}

// The hours of old days become days, in which nothing is lost and nothing is
// counted twice, however often and by however many they are rolled up.
func TestHoursBecomeDays(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	if _, err := s.Pool().Exec(t.Context(), `
		INSERT INTO reactor_counts (hour, shard, count, shadow, reactor, outcome)
		SELECT date_trunc('hour', $1::timestamptz, 'UTC') - make_interval(hours => h), h % 4, 1 + h % 3, h % 2 = 0, 'r' || r, 'sent'
		FROM generate_series(0, 20 * 24) AS h, generate_series(1, 60) AS r`, clock()); err != nil {
		t.Fatal(err)
	}
	sum := func() []string {
		return column(t, s, `
			SELECT format('%s %s %s', reactor, shadow, sum(count))
			FROM reactor_outcomes
			GROUP BY reactor, shadow
			ORDER BY 1`)
	}
	before := sum()
	for range 3 {
		var group errgroup.Group
		for range 2 {
			group.Go(func() error {
				_, err := pruning.Prune(t.Context(), s.Store)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, sum()); diff != "" {
			t.Errorf("counts (-before +after):\n%s", diff)
		}
	}
	oldest := storetest.Value[time.Time](t, s, `SELECT min(hour) FROM reactor_counts`)
	if want := clock().Add(-pruning.HoursFor).Truncate(24 * time.Hour); !oldest.Equal(want) {
		t.Errorf("hours since %s are left, want those since %s: whole days", oldest, want)
	}
	if n := storetest.Value[int](t, s, `SELECT count(DISTINCT day) FROM reactor_daily_counts`); n < 5 || n > 7 {
		t.Errorf("%d days, want 6 or so", n)
	}
}
