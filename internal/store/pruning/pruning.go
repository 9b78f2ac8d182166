// Package pruning drops rows that nothing needs any more, so that what comes
// and goes doesn't grow for ever. What must stay isn't its business: the log,
// what people wrote, and the runs that once_per rests on.
//
// It promises that whatever [Rules] list is gone once [Prune] has returned, by
// statements that each drop a bounded number of rows and leave out what others
// hold: so nobody waits for it, and any number of replicas may prune at once.
// What failed is dropped the next time; the caller calls it every hour or so.
package pruning

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
	"github.com/spacekeeper/spacekeeper/internal/store/proofs"
)

// Rule says which rows of a table go.
type Rule struct {
	Table string
	After time.Duration // 0: with the last month of events that they are about
	where string        // $1 is the time before which they are old
}

const day = 24 * time.Hour

// Rules lists all. An event is recorded up to 40 days after it happened, and
// Google lists those of the last 28: what matters to new events only may go
// after 60.
func Rules() []Rule {
	return []Rule{
		{"backfills", 60 * day, `GREATEST(to_time, finished_at, started_at) < $1`},
		{"coverage", 0, `to_time < $1`},
		{"followed_spaces", 60 * day, `changed_at < $1 AND NOT present`},
		{"member_lists", 60 * day, `GREATEST(requested_at, listed_at) < $1`},
		{"own_messages", 400 * day, `made_at < $1`},
		{"quarantine", 180 * day, `received_at < $1`},
		{"reactor_daily_counts", 400 * day, `day < $1`},
		{"reactor_evaluations", 14 * day, `at < $1`},
		{"reactor_runs", 60 * day, `finished_at < $1
			AND outcome IN ('condition_false', 'left', 'stopped', 'quiet', 'rate_limited', 'loop', 'too_old', 'cancelled')`},
		{"reactor_schedules", 60 * day, `seen_until < $1`},
		{"silence_checks", 180 * day, `checked_at < $1`},
		{"unapplied_events", 0, `event_time < $1`},
		{"unfetched", 0, `event_time < $1`},
		{"write_slots", 7 * day, `next_at < $1`},
	}
}

// atOnce bounds what one statement drops.
const atOnce = 10_000

// Prune drops what is old by the store's clock and returns how many rows of
// each table it dropped, also if there is an error: that names the tables that
// failed, and why the first did.
func Prune(ctx context.Context, db *store.Store) (dropped map[string]int, err error) {
	month, err := partitions.New(db.Pool()).Oldest(ctx)
	if err != nil {
		return nil, err
	}
	dropped = map[string]int{}
	var failed []string
	if dropped[hourly], err = rollUp(ctx, db); err != nil {
		failed = append(failed, hourly)
	}
	for _, r := range Rules() {
		before := month
		if r.After > 0 {
			before = db.Now().UTC().Add(-r.After)
		}
		n, why := r.prune(ctx, db, before)
		if why != nil {
			failed, err = append(failed, r.Table), cmp.Or(err, why)
		}
		dropped[r.Table] = n
	}
	maps.DeleteFunc(dropped, func(_ string, n int) bool { return n == 0 })
	if err != nil {
		err = fmt.Errorf("drop old rows of %s: %w", strings.Join(failed, ", "), err)
	}
	return dropped, err
}

func (r Rule) prune(ctx context.Context, db *store.Store, before time.Time) (dropped int, err error) {
	if before.IsZero() {
		return 0, nil
	}
	for {
		n, err := r.step(ctx, db, before)
		dropped += n
		if err != nil || n < atOnce {
			return dropped, err
		}
	}
}

func (r Rule) step(ctx context.Context, db *store.Store, before time.Time) (int, error) {
	if r.Table == "quarantine" { // of whose rows the transparency log knows
		return proofs.ReleaseBy(ctx, db, r.Statement()+" RETURNING quarantine_key, received_at", before, atOnce)
	}
	tag, err := db.Exec(ctx, r.Statement(), before, atOnce)
	return int(tag.RowsAffected()), err
}

// Statement drops at most $2 rows that were old at $1.
func (r Rule) Statement() string {
	return fmt.Sprintf(`
		DELETE FROM %[1]s
		WHERE ctid = ANY (ARRAY(
			SELECT ctid
			FROM %[1]s
			WHERE %[2]s
			LIMIT $2
			FOR UPDATE SKIP LOCKED
		))`, r.Table, r.where)
}
