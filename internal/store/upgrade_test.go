package store_test

import (
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/migrations"
)

// What the welcome of before rules has done stays done: nobody is greeted again
// by the rule of that name, and whoever went without may be.
func TestUpgradeOfRuns(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", storetest.EmptyDSN(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	steps, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := steps.UpTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"pending", "sent", "parked", "expired", "skipped"} {
		if _, err := db.ExecContext(t.Context(), `
			INSERT INTO reactor_runs (event_time, finished_at, state, reactor, subject, space, member, request)
			VALUES (now(), CASE WHEN $1 <> 'pending' THEN now() END, $1, 'welcome', 'spaces/S users/' || $1, 'spaces/S', 'users/' || $1, '{}')`, state); err != nil {
			t.Fatal(err)
		}
	}
	read := func(column string) map[string]string {
		rows, err := db.QueryContext(t.Context(), `SELECT member, `+column+` FROM reactor_runs`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		got := map[string]string{}
		for rows.Next() {
			var member, value string
			if err := rows.Scan(&member, &value); err != nil {
				t.Fatal(err)
			}
			got[member] = value
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if _, err := steps.UpTo(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"users/pending": "cancelled", "users/sent": "sent", "users/parked": "failed", "users/expired": "too_old", "users/skipped": "left",
	}
	if diff := cmp.Diff(want, read("outcome")); diff != "" {
		t.Errorf("after going up (-want +got):\n%s", diff)
	}
	if _, err := steps.DownTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"users/sent": "sent", "users/parked": "parked", "users/expired": "expired", "users/skipped": "skipped"}
	if diff := cmp.Diff(want, read("state")); diff != "" {
		t.Errorf("after going down again (-want +got):\n%s", diff)
	}
}
