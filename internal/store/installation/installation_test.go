package installation_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/store/installation"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// read returns the values as lines; times count from storetest.Epoch.
func read(t *testing.T, s *storetest.Env) string {
	t.Helper()
	values, err := installation.Read(t.Context(), s.Store)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, v := range values {
		switch {
		case v.Metric == "database_bytes" && v.Number > 1<<20:
			continue // which nobody knows beforehand
		case strings.HasSuffix(v.Metric, "timestamp_seconds"):
			v.Number -= float64(storetest.Epoch.Unix())
		}
		line := strings.Fields(fmt.Sprint(v.Metric, " ", v.Label, " ", math.Round(v.Number)))
		lines = append(lines, strings.Join(line, " ")+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// Where nothing has happened there is 0 of what can be counted, and nothing is said of
// what isn't known. Then everything happens once.
func TestRead(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: storetest.Clock})
	month := time.Now().UTC()
	end := time.Date(month.Year(), month.Month()+4, 1, 0, 0, 0, 0, time.UTC).Sub(storetest.Epoch).Seconds()
	nothing := `coverage_gaps acknowledged 0
coverage_gaps impossible 0
coverage_gaps pending 0
jobs available 0
jobs discarded 0
jobs retryable 0
jobs running 0
jobs scheduled 0
jobs_oldest_due_seconds 0
partitions_end_timestamp_seconds ` + fmt.Sprint(end) + `
proof_failing_copies 0
proof_leaves 0
proof_oldest_pending_seconds 0
proof_pending 0
quarantine_messages 0
reactors_oldest_due_seconds 0
reactors_pending_runs 0
reactors_slowed_spaces 0
`
	if diff := cmp.Diff(nothing, read(t, s)); diff != "" {
		t.Errorf("before anything has happened (-want +got):\n%s", diff)
	}
	storetest.Record(t, s, storetest.Join("1", -60)) // in spaces/S
	for _, sql := range []string{
		`INSERT INTO river_queue (name, updated_at) VALUES ('keeper', now()), ('backfill', now() - interval '21 m')`, // which no worker works on: backfill.auto is off
		`INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at) VALUES ('{}', 'backfill', 3, 'backfill', 'scheduled', now() - interval '20 m')`,
		`INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at, attempt, attempted_at, finalized_at)
		SELECT '{}', 'keep', 3, 'keeper', state::river_job_state, now() + at::interval, 0, NULL, CASE state WHEN 'discarded' THEN now() END
		FROM (VALUES ('available', '-100 s'), ('available', '-20 s'), ('running', '-300 s'), ('scheduled', '1 h'), ('discarded', '-1 h')) AS v (state, at)`,
		`INSERT INTO keeper_passes (listed_at, first_expiry, states) VALUES ($1::timestamptz - interval '5 s', $1::timestamptz + interval '1 h', '{"active": 7, "parked": 0}')`,
		`INSERT INTO coverage (scope, from_time, to_time, source, cause, repair, acknowledged_at, acknowledgement)
		SELECT 'spaces/S', $1::timestamptz - since::interval, $1::timestamptz - until::interval, source, cause, repair, known, 'we ' || known
		FROM (VALUES ('9 h', '8 h', 'gap', 'missing', 'impossible', now()), ('7 h', '6 h', 'gap', 'missing', 'impossible', NULL), ('5 h', '4 h', 'gap', 'missing', 'pending', NULL),
			('4 h', NULL, 'live', NULL, NULL, NULL)) AS v (since, until, source, cause, repair, known)`,
		`INSERT INTO quarantine (quarantine_key, received_at, message_id, ordering_key, reason, detail, attributes, data)
		VALUES (gen_random_uuid(), $1, 'm', '', 'bad_json', '', '{}', '')`,
		`UPDATE proof_log SET size = 7`,
		`UPDATE proof_pending SET added_at = now() - interval '50 s'`, // which the join left
		`INSERT INTO proof_checkpoints (signed_at, size, note) VALUES ($1::timestamptz - interval '1 m', 5, ''), ($1, 4, '')`,
		`INSERT INTO proof_copies (tried_at, failing_since, place) VALUES (now(), now(), 'a'), (now() - interval '11 m', now(), 'b'), (now(), NULL, 'c')`,
		`UPDATE rollup_passes SET refreshed_at = $1::timestamptz - interval '30 s'`,
		`INSERT INTO reactor_runs (event_time, due_at, outcome, held, reactor, subject, trigger, space, member, hash, finished_at)
		SELECT $1::timestamptz, $1::timestamptz - late::interval, outcome, held, 'rule', n::text, 'member.joined', 'spaces/S', 'users/1', '', CASE outcome WHEN 'sent' THEN now() END
		FROM (VALUES (1, '1 m', 'pending', false), (2, '1 h', 'pending', true), (3, '2 h', 'sent', false), (4, '3 h', 'unclear', false), (5, '-1 h', 'pending', false))
			AS v (n, late, outcome, held)`,
		`INSERT INTO write_slots (space, next_at, paused_until, refused_at, slowed)
		VALUES ('spaces/S', now(), now() + interval '1 m', now(), 2), ('spaces/T', now(), now() - interval '1 h', now() - interval '1 h', 4), ('spaces/U', now(), NULL, NULL, 1)`,
	} {
		var args []any
		if strings.Contains(sql, "$1") {
			args = append(args, storetest.Epoch)
		}
		if _, err := s.Pool().Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	got := read(t, s)
	told, listed := map[string]bool{"database_bytes": false}, map[string]bool{} // whether it has a label
	for line := range strings.Lines(got) {
		words := strings.Fields(line)
		told[words[0]] = len(words) > 2
	}
	for _, m := range installation.Metrics() {
		listed[m.Name] = m.Label != ""
	}
	if diff := cmp.Diff(listed, told); diff != "" {
		t.Errorf("metrics with a label or without (-listed +read):\n%s", diff)
	}
	for _, want := range []string{
		"jobs available 2", "jobs discarded 1", "jobs running 1", "jobs scheduled 2", "jobs retryable 0", "jobs_oldest_due_seconds 100",
		"subscriptions active 7", "subscriptions parked 0",
		"subscriptions_nearest_expiry_timestamp_seconds 3600", "subscriptions_listed_timestamp_seconds -5",
		"coverage_gaps acknowledged 1", "coverage_gaps impossible 1", "coverage_gaps pending 1", "coverage_gaps open 0",
		"events_last_timestamp_seconds live -60", "quarantine_messages 1",
		"proof_leaves 7", "proof_pending 1", "proof_oldest_pending_seconds 50", "proof_checkpoint_timestamp_seconds -60", "proof_failing_copies 1", "rollups_fresh_timestamp_seconds -30",
		"reactors_pending_runs 4", "reactors_oldest_due_seconds 60", "reactors_slowed_spaces 1",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("there is no %q", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
	for _, c := range []struct{ change, want string }{
		{`UPDATE coverage SET source = 'gap', cause = 'missing' WHERE to_time IS NULL`, "events_last_timestamp_seconds gap -60"},
		{`UPDATE coverage SET to_time = now() + interval '1 year', repair = 'pending' WHERE to_time IS NULL`, "events_last_timestamp_seconds unwatched -60"},
		{`INSERT INTO coverage (scope, from_time, source) VALUES ('customers/C', now(), 'live')`, "events_last_timestamp_seconds live -60"},
		// A month between others: what comes in it can't be recorded.
		{`DROP TABLE stored_messages_2026_12`, "partitions_end_timestamp_seconds 907200"},
	} {
		if _, err := s.Pool().Exec(t.Context(), c.change); err != nil {
			t.Fatal(err)
		}
		if got := read(t, s); !strings.Contains(got, c.want+"\n") {
			t.Errorf("after %s there is no %q:\n%s", c.change, c.want, got)
		}
	}
	// Once nobody keeps subscriptions any more, what the keeper saw last isn't so for good.
	if _, err := s.Pool().Exec(t.Context(), `UPDATE river_queue SET updated_at = now() - interval '21 m'`); err != nil {
		t.Fatal(err)
	}
	got = read(t, s)
	for line, want := range map[string]bool{
		"subscriptions active": false, "subscriptions_nearest_expiry": false, "coverage_gaps open": false, "events_last_timestamp_seconds live": false,
		"events_last_timestamp_seconds unknown -60\n": true, "subscriptions_listed_timestamp_seconds -5\n": true, "coverage_gaps pending": true,
	} {
		if strings.Contains(got, line) != want {
			t.Errorf("nobody keeps subscriptions: %q is told: %v, want %v:\n%s", line, !want, want, got)
		}
	}
}
