package scale

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// until is when the events of the tests end.
var until = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// list reads texts.
func list(t *testing.T, env *storetest.Env, sql string, args ...any) []string {
	t.Helper()
	rows, _ := env.Pool().Query(t.Context(), sql, args...)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return texts
}

// A copy of a space answers what its original does, by its own names and times:
// in every table there is as much of it, and what belongs together is found.
func TestCopies(t *testing.T) {
	t.Parallel()
	dsn := storetest.NewDSN(t)
	const copies = 3
	if err := Seed(t.Context(), dsn, Size{Events: 5000, Base: 1000, Spaces: 5, People: 60, Months: 2, Full: true}, until); err != nil {
		t.Fatal(err)
	}
	env := storetest.Open(t, dsn, storetest.Options{})
	spaces := list(t, env, `SELECT space FROM spaces ORDER BY id`)
	if len(spaces) != 5*(copies+1) {
		t.Fatalf("there are %d spaces", len(spaces))
	}
	reader := facts.New(env.Store)
	for copy := 1; copy <= copies; copy++ {
		earlier := fmt.Sprint(10*copy, "m")
		for i, original := range spaces[:5] {
			other := spaces[5+i*copies+copy-1]
			if other == original || len(other) != len(original) {
				t.Errorf("%s is copied as %s", original, other)
			}
			both := func(what, sql string) (of []string) {
				t.Helper()
				of = list(t, env, sql, original, "0m")
				if diff := cmp.Diff(of, list(t, env, sql, other, earlier)); diff != "" {
					t.Errorf("%s of copy %d of %s (-original +copy):\n%s", what, copy, original, diff)
				}
				return of
			}
			got := both("the intervals", `
				SELECT concat_ws(' ', joined_at + $2::interval, left_at + $2::interval)
				FROM membership_intervals
				WHERE space = $1
				ORDER BY 1`)
			if len(got) == 0 {
				t.Errorf("there are no members of %s", original)
			}
			both("the log", `
				SELECT concat_ws(' ', event_time + $2::interval, kind, verb, origin, actor IS NULL, length(resource), length(ce_id))
				FROM event_log
				WHERE space = $1
				ORDER BY 1`)
			both("the history of messages", `
				SELECT concat_ws(' ', h.version_time + $2::interval, h.text, h.is_current, m.sender IS NULL, length(m.thread), length(m.message))
				FROM messages m
				LEFT JOIN message_history h ON h.message = m.message
				WHERE m.space = $1
				ORDER BY 1`)
			both("the reactions", `
				SELECT concat_ws(' ', r.version_time + $2::interval, r.present, r.emoji, r.user_name IS NULL, m.message IS NULL, length(r.reaction))
				FROM reactions r
				LEFT JOIN messages m ON m.message = r.message
				WHERE r.space = $1
				ORDER BY 1`)
			both("the runs", `
				SELECT concat_ws(' ', r.event_time + $2::interval, r.outcome, m.member IS NULL, o.client_id IS NULL)
				FROM reactor_runs r
				LEFT JOIN memberships m ON m.space = r.space AND m.member = r.member
				LEFT JOIN own_messages o ON o.run_id = r.id AND o.space = r.space
				WHERE r.space = $1
				ORDER BY 1`)
			both("the coverage", `
				SELECT concat_ws(' ', c.from_time + $2::interval, c.source, s.confirmed_at + $2::interval)
				FROM coverage c
				JOIN subscription_states s ON s.scope = c.scope
				WHERE c.scope = $1`)
			all := reactors.NeedSpace | reactors.NeedMember | reactors.NeedPosts | reactors.NeedThread | reactors.NeedSpaceActivity | reactors.NeedWeek
			answer := func(space, earlier string) reactors.Facts {
				t.Helper()
				row := list(t, env, `
					SELECT concat_ws(' ', m.sender, m.message, m.thread, (now() - m.create_time)::text)
					FROM messages m
					WHERE m.space = $1 AND m.deleted_at IS NULL AND m.sender IS NOT NULL AND m.create_time > '-infinity' AND $2 <> ''
					ORDER BY m.create_time
					LIMIT 1`, space, earlier)
				run := reactors.Run{}
				name := strings.Fields(row[0])
				run.Facts.Space.Name, run.Facts.Member.Name, run.Facts.Message.Name, run.Facts.Message.Thread = space, name[0], name[1], name[2]
				back, err := time.ParseDuration(earlier)
				if err != nil {
					t.Fatal(err)
				}
				f, err := reader.FactsAsOf(t.Context(), run, all, until.Add(-back))
				if err != nil {
					t.Fatal(err)
				}
				f.Space.Name, f.Member.Name, f.Message.Name, f.Message.Thread = "", "", "", ""
				f.Member.Mention, f.Message.AuthorMention, f.Message.Permalink = reactors.Mention{}, reactors.Mention{}, reactors.Link{}
				for i := range f.Space.Week.TopMessages {
					f.Space.Week.TopMessages[i].Permalink = reactors.Link{}
				}
				return f
			}
			if diff := cmp.Diff(answer(original, "0m"), answer(other, earlier)); diff != "" {
				t.Errorf("facts of copy %d of %s (-original +copy):\n%s", copy, original, diff)
			}
		}
	}
	var total, of int
	if err := env.Pool().QueryRow(t.Context(), `SELECT count(*), count(DISTINCT (event_time, event_key, ordinal)) FROM events`).Scan(&total, &of); err != nil || total != of {
		t.Errorf("%d events, %d keys: %v", total, of, err)
	}
	// What is recorded afterwards gets numbers of its own.
	if _, err := env.Record(t.Context(), []events.Delivery{storetest.Join("later", 0)}); err != nil {
		t.Error(err)
	}
}
