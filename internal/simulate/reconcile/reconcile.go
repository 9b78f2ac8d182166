// Package reconcile compares what a simulated Workspace published with what
// is in the database and with what its Chat API received.
//
// It promises a verdict, never a guess: call [Check] only after [Drain] has
// succeeded, because nothing can be said of a run that hasn't ended.
//
//	lost        published, but not recorded
//	unexpected  recorded, but never published
//	doubled     recorded or sent more often than once
package reconcile

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Row compares one kind of thing.
type Row struct {
	What       string
	Wanted     int // published, or joined
	Got        int // recorded, or sent
	Lost       int
	Unexpected int
	Doubled    int
}

// Exact reports whether nothing differs.
func (r Row) Exact() bool { return r.Lost == 0 && r.Unexpected == 0 && r.Doubled == 0 }

// Report is the result of a [Check].
type Report []Row

// Exact reports whether nothing differs.
func (r Report) Exact() bool {
	return !slices.ContainsFunc(r, func(row Row) bool { return !row.Exact() })
}

// Write prints the report as a table.
func (r Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "WHAT\tWANTED\tGOT\tLOST\tUNEXPECTED\tDOUBLED\t")
	for _, row := range r {
		verdict := "exact"
		if !row.Exact() {
			verdict = "DIFFERS"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", row.What, row.Wanted, row.Got, row.Lost, row.Unexpected, row.Doubled, verdict)
	}
	return t.Flush()
}

// Check compares the truth with the database. It looks for messages that were
// published to topic ("projects/P/topics/T") among those received at since or
// later, because a kept database also holds messages of earlier Workspaces. It
// wants events without a subscription, too: a backfill fetches them, except for
// members who have left since. members returns who is in a space now: somebody
// who has left may have been greeted or not.
func Check(
	ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, topic string, since time.Time, members func(space string) []string,
) (Report, error) {
	events, items, err := checkEvents(ctx, db, truth, topic, since)
	if err != nil {
		return nil, fmt.Errorf("compare events: %w", err)
	}
	garbage, err := checkGarbage(ctx, db, truth, topic, since)
	if err != nil {
		return nil, fmt.Errorf("compare the quarantine: %w", err)
	}
	return Report{events, items, garbage, checkWelcomes(truth, members)}, nil
}

// checkEvents compares events by ce-id, and their items by number.
func checkEvents(
	ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, topic string, since time.Time,
) (events, items Row, err error) {
	events.What, items.What = "events", "items of events"
	want := map[string]int{}
	for _, e := range truth.Events {
		if e.Topic == topic {
			want[e.ID] = e.Items
		}
	}
	unnamed, err := keptUnnamed(ctx, db, since)
	if err != nil {
		return events, items, err
	}
	missed := map[string]bool{}
	for _, e := range truth.Undelivered {
		if listable(e.Type) && !unnamed[e.ID] {
			want[e.ID], missed[e.ID] = e.Items, true
		}
	}
	type recorded struct {
		CeID     string
		Rows     int
		Ordinals int
	}
	got, err := collect(ctx, db, pgx.RowToStructByName[recorded], `
		SELECT ce_id, count(*)::int AS rows, count(DISTINCT ordinal)::int AS ordinals
		FROM event_log
		WHERE ce_id LIKE 'spaces/%'
		  AND received_at >= $1
		GROUP BY ce_id`, since)
	if err != nil {
		return events, items, err
	}
	events.Wanted, events.Got = len(want), len(got)
	for _, n := range want {
		items.Wanted += n
	}
	for _, r := range got {
		items.Got += r.Rows
		n, ok := want[r.CeID]
		delete(want, r.CeID)
		if !ok {
			events.Unexpected++
			items.Unexpected += r.Rows
			continue
		}
		if r.Rows > r.Ordinals {
			events.Doubled++
			items.Doubled += r.Rows - r.Ordinals
		}
		if missed[r.CeID] && r.Ordinals < n {
			// Members of a batch who have left since are listed without a name.
			items.Wanted -= n - r.Ordinals
			n = r.Ordinals
		}
		items.Lost += max(n-r.Ordinals, 0)
		items.Unexpected += max(r.Ordinals-n, 0)
	}
	events.Lost = len(want)
	for _, n := range want {
		items.Lost += n
	}
	return events, items, nil
}

func collect[T any](ctx context.Context, db *pgxpool.Pool, scan pgx.RowToFunc[T], query string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// keptUnnamed returns the events that a backfill found without a name, and
// quarantined: those of members who have left since.
func keptUnnamed(ctx context.Context, db *pgxpool.Pool, since time.Time) (map[string]bool, error) {
	ids, err := collect(ctx, db, pgx.RowTo[string], `
		SELECT attributes->>'ce-id'
		FROM quarantine
		WHERE message_id = '' AND reason = 'missing_name' AND received_at >= $1`, since)
	kept := map[string]bool{}
	for _, id := range ids {
		kept[id] = true
	}
	return kept, err
}

// listable reports whether a backfill can bring events of a type.
func listable(eventType string) bool {
	t, _ := events.TypeOf(eventType)
	return t.Listable
}

func checkGarbage(ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, topic string, since time.Time) (Row, error) {
	row := Row{What: "malformed messages"}
	want := map[string]bool{}
	for _, g := range truth.Garbage {
		if g.Topic == topic {
			want[g.MessageID] = true
		}
	}
	ids, err := collect(ctx, db, pgx.RowTo[string], `
		SELECT message_id
		FROM quarantine
		WHERE message_id <> '' AND received_at >= $1`, since)
	if err != nil {
		return row, err
	}
	row.Wanted, row.Got = len(want), len(ids)
	seen := map[string]bool{}
	for _, id := range ids {
		switch {
		case seen[id]:
			row.Doubled++
		case !want[id]:
			row.Unexpected++
		}
		seen[id] = true
		delete(want, id)
	}
	row.Lost = len(want)
	return row, nil
}

// checkWelcomes wants exactly one private message from the app for every
// person who joined a space and is still there, however often they joined. Who
// came back when no subscription was there to tell of it may have left before the
// welcome: nobody is greeted for what is fetched later.
func checkWelcomes(truth simulate.Truth, members func(space string) []string) Row {
	row := Row{What: "welcomes"}
	type greeting struct{ space, user string }
	joined, seen := map[greeting]bool{}, map[greeting]bool{} // seen: the last time, too
	spaces := map[string]map[string]bool{}
	for _, j := range truth.Joins {
		if j.Bot {
			continue
		}
		g := greeting{j.Space, j.User}
		if seen[g] = j.Published; !j.Published {
			continue
		}
		joined[g] = true
		if spaces[j.Space] == nil {
			spaces[j.Space] = map[string]bool{}
			for _, m := range members(j.Space) {
				spaces[j.Space][m] = true
			}
		}
	}
	sent := map[greeting]int{}
	for _, m := range truth.AppMessages {
		if m.Viewer != "" {
			sent[greeting{m.Space, m.Viewer}]++
			row.Got++
		}
	}
	for g, n := range sent {
		if !joined[g] {
			row.Unexpected += n
		} else {
			row.Doubled += n - 1
		}
	}
	for g := range joined {
		stays := seen[g] && spaces[g.space][g.user]
		if stays || sent[g] > 0 {
			row.Wanted++
		}
		if stays && sent[g] == 0 {
			row.Lost++
		}
	}
	return row
}
