package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// An apply tells the worker what there is to do, and tells it once.
func TestApplyTellsTheWorker(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 3})
	x.config("workspace: {spaces: [$A, $B]}")
	x.run(cli.OK, "apply", "--backfill", "28d")
	spaces := x.ws.Spaces()
	jobs := func(want ...string) {
		t.Helper()
		rows, err := x.store.Pool().Query(t.Context(), `SELECT kind || ' ' || args FROM river_job WHERE kind <> 'keep'`)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			got = append(got, line)
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("jobs (-want +got):\n%s", diff)
		}
	}
	members := func(i int) string { return fmt.Sprintf(`members {"space": %q}`, spaces[i].Name) }
	first := []string{`backfill {"gap": 1}`, `backfill {"gap": 2}`, members(0), members(1)}
	jobs(first...)
	var passes int
	if err := x.store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'keep'`).Scan(&passes); err != nil || passes == 0 {
		t.Errorf("nobody asked for a pass of the keeper (%v)", err)
	}
	x.run(cli.OK, "apply", "--backfill", "28d") // it is asked for already
	jobs(first...)
	x.keep()
	x.run(cli.OK, "status")
	x.clock.Advance(time.Hour)
	x.config("backfill: {auto: false}\nworkspace: {spaces: [$A, $B, $C]}")
	x.run(cli.OK, "apply", "--backfill", "12h")
	jobs(`backfill {"gap": 1}`, `backfill {"gap": 2}`, `backfill {"gap": 5}`, members(0), members(1), members(2))
	x.run(cli.Misused, "apply", "--backfill", "29d")
	x.run(cli.Misused, "apply", "--backfill", "a week")
	delete(x.env, "SPACEKEEPER_DATABASE_DSN")
	x.run(cli.Failed, "apply", "--backfill", "1d")
	x.compare("backfill")
}

// A database that is away doesn't keep subscriptions from being made.
func TestApplyWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 1})
	x.env["SPACEKEEPER_DATABASE_DSN"] = "postgres://user@127.0.0.1:1/absent"
	x.run(cli.Failed, "apply")
	if text := x.transcript.String(); !strings.Contains(text, "[1/1] created") || !strings.Contains(text, "the worker wasn't told") {
		t.Errorf("it says\n%s", text)
	}
	x.run(cli.OK, "plan", "--detailed-exitcode")
}
