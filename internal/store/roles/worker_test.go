package roles_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/mend"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/pruning"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Whatever is recorded, mended, rebuilt and pruned, the role of the worker is
// enough, and it makes partitions that it doesn't own.
func TestWorkerRecords(t *testing.T) {
	t.Parallel()
	env := made(t)
	worker := storetest.Open(t, storetest.WithRole(env.DSN, roles.Worker), storetest.Options{Now: storetest.Clock, Planner: storetest.Greeter{}})
	must(t, privileges.Check(t.Context(), worker.Store))
	later := storetest.Epoch.AddDate(3, 0, 0) // a month that isn't there
	message := events.Item{Kind: events.KindMessage, Verb: events.VerbCreated, Resource: "spaces/S/messages/N.N", Space: "spaces/S"}
	told := storetest.Message(events.VerbCreated, "spaces/S/messages/N.N", "users/ben", "told", storetest.At(5), storetest.At(5))
	edited := storetest.Message(events.VerbUpdated, "spaces/S/messages/M.M", "users/ann", "second", later, later.Add(time.Minute))
	storetest.Record(t, worker,
		storetest.Backfilled(storetest.Join("E1", 1)),
		storetest.Live("E2", later, storetest.Message(events.VerbCreated, "spaces/S/messages/M.M", "users/ann", "first", later, later)),
		storetest.Live("E3", later.Add(time.Minute), edited),
		storetest.Live("E4", storetest.At(5), message),
		storetest.Live("E5", storetest.At(6), storetest.Reaction(events.VerbCreated, "spaces/S/messages/N.N", "users/ann", "🎉")),
		storetest.Interaction("E6", storetest.At(7), "users/ben", "Ben", "spaces/S", "Team"),
		storetest.Live("E7", storetest.At(8), storetest.Message(events.VerbDeleted, "spaces/S/messages/N.N", "users/ben", "", storetest.At(5), storetest.At(8))),
	)
	storetest.Record(t, worker, storetest.Join("E1", 1), storetest.Live("E4", storetest.At(5), told))
	want := []string{"E1 l", "E2 l", "E3 l", "E4 l", "E5 l", " l", "E7 l"}
	if got := storetest.Column(t, env, `SELECT concat_ws(' ', replace(ce_id, '/', ''), origin) FROM events ORDER BY split_part(message_id, '-', 2)`); !cmp.Equal(want, got) {
		t.Errorf("the log holds %q, want %q", got, want)
	}
	if n := storetest.Value[int](t, env, `SELECT count(*) FROM pg_class WHERE relname IN ('events_2029_11', 'stored_messages_2029_11') AND relowner = 'spacekeeper_owner'::regrole`); n != 2 {
		t.Errorf("%d of the partitions are there and the owner's", n)
	}
	before := storetest.Column(t, env, `SELECT m::text FROM messages AS m UNION ALL SELECT h::text FROM message_history AS h ORDER BY 1`)
	_, err := mend.New(worker.Store, worker.Log).Rebuild(t.Context(), "")
	must(t, err)
	if diff := cmp.Diff(before, storetest.Column(t, env, `SELECT m::text FROM messages AS m UNION ALL SELECT h::text FROM message_history AS h ORDER BY 1`)); diff != "" || len(before) < 4 {
		t.Errorf("rebuilt from %q (-before +after):\n%s", before, diff)
	}
	exec(t, env, `INSERT INTO silence_checks (space, event_time, checked_at) VALUES ('spaces/S', now(), now() - interval '1 year')`)
	more, err := analytics.New(worker.Store).Pass(t.Context())
	must(t, err)
	if n := storetest.Value[int](t, env, `SELECT count(*) FROM analytics.agg_activity_daily`); !more || n == 0 {
		t.Errorf("the rollups have %d rows", n)
	}
	dropped, err := pruning.Prune(t.Context(), worker.Store)
	must(t, err)
	if dropped["silence_checks"] != 1 {
		t.Errorf("dropped %v", dropped)
	}
	for _, sql := range []string{
		"DELETE FROM events", "TRUNCATE events", "UPDATE events SET ce_id = ''", "UPDATE events SET event_time = now()", "UPDATE events SET resource = ''",
		"DELETE FROM events_2026_11", "UPDATE events_2026_11 SET payload = NULL", "DROP TABLE events_2026_11", "ALTER TABLE events DETACH PARTITION events_2026_11",
		"CREATE TABLE mine ()", "CREATE TEMPORARY TABLE mine ()", "ALTER TABLE events DISABLE TRIGGER ALL", "DELETE FROM names", "DELETE FROM spaces", "DELETE FROM reactor_records",
		"UPDATE trail SET operator = 'x'", "DELETE FROM trail", "INSERT INTO trail DEFAULT VALUES",
		"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)", "INSERT INTO reader_groups (role_name, space) VALUES ('x', 'y')",
		"CREATE OR REPLACE FUNCTION keep_name() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
	} {
		if _, err := worker.Pool().Exec(t.Context(), sql); !refused(err) {
			t.Errorf("%s: %v, want that it is not allowed", sql, err)
		}
	}
}
