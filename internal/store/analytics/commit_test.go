package analytics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

// Row D7: transactions that note their changes early and commit late, in any order,
// are all counted, and once: those that commit after a pass are in the next.
func TestNoOrderOfCommitsSkips(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: storetest.Clock})
	storetest.Record(t, env, storetest.Live("first", storetest.At(0), // makes the space and the sender
		storetest.Message(events.VerbCreated, "spaces/S/messages/0", "users/u", "text", storetest.At(0), time.Time{})))
	r := analytics.New(env.Store)
	pass := func(want int) {
		t.Helper()
		if _, err := r.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := storetest.Value[int](t, env, `SELECT messages FROM rollup_summary WHERE space_id = 0`); got != want {
			t.Fatalf("%d messages are in the rollups, want %d", got, want)
		}
	}
	pass(1)
	const writers = 10
	var open []pgx.Tx
	for i := range writers {
		conn, err := pgx.Connect(t.Context(), env.DSN)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `
			INSERT INTO stored_messages (create_time, version_time, event_time, version_key, space_id, sender_id, verb_order, name)
			SELECT create_time, version_time, event_time, version_key, space_id, sender_id, verb_order, $1
			FROM stored_messages
			WHERE name = '/0'`, fmt.Sprint("/", i+1)); err != nil {
			t.Fatal(err)
		}
		open = append(open, tx)
	}
	pass(1)
	for i := range writers { // the last to begin is the first to commit
		if err := open[writers-1-i].Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		pass(2 + i)
	}
	// Nothing is left of a day of which nothing is, in a space that nobody watches.
	if _, err := env.Pool().Exec(t.Context(), `DELETE FROM stored_messages`); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"rollup_activity", "rollup_members", "rollup_hours", "rollup_summary"} {
		if n := storetest.Value[int](t, env, `SELECT count(*) FROM `+table); n > 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

// A pass that finds nothing writes nothing, and what is computed anew and is the
// same isn't written either.
func TestIdlePassWritesNothing(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{Now: storetest.Clock})
	m := storetest.NewMix(1)
	storetest.Record(t, env, m.Batch(300)...)
	r := analytics.New(env.Store)
	pass := func(want bool) {
		t.Helper()
		worked, err := r.Pass(t.Context())
		if err != nil || worked != want {
			t.Fatalf("Pass = %t, %v; want %t", worked, err, want)
		}
	}
	pass(true)
	rows := func() []string {
		return storetest.Column(t, env, `
			SELECT ctid::text || xmin FROM rollup_summary
			UNION ALL SELECT ctid::text || xmin FROM rollup_emoji
			UNION ALL SELECT ctid::text || xmin FROM rollup_responses
			UNION ALL SELECT ctid::text || xmin FROM rollup_stays
			UNION ALL SELECT ctid::text || xmin FROM rollup_members
			ORDER BY 1`)
	}
	before := rows()
	pass(false)
	if err := r.Rebuild(t.Context(), storetest.Clock().AddDate(0, 0, 1), nil); err == nil || !strings.Contains(err.Error(), "is a day to come") {
		t.Errorf("a rebuild since tomorrow: %v", err)
	}
	if err := r.Rebuild(t.Context(), time.Time{}, func(int) {}); err != nil {
		t.Fatal(err)
	}
	pass(false)
	if extra := without(rows(), before); len(before) == 0 || len(extra) > 0 {
		t.Errorf("%d of %d rows were written again though they are the same", len(extra), len(before))
	}
}
