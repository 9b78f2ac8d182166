package pruning

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// HoursFor is how long the counts of single hours are kept. From then on those of
// a day are one.
const HoursFor = 14 * day

const hourly = "reactor_counts"

// rollUp adds the hours of old days to the counts of these days, in bounded
// steps, and returns how many it took. What is counted stays counted once: an
// hour's row goes in the statement that adds it.
func rollUp(ctx context.Context, db *store.Store) (taken int, err error) {
	before := db.Now().UTC().Add(-HoursFor).Truncate(day)
	for {
		step, err := store.List(ctx, db, pgx.RowTo[int], `
			WITH taken AS (
				DELETE FROM reactor_counts
				WHERE ctid = ANY (ARRAY(
					SELECT ctid
					FROM reactor_counts
					WHERE hour < $1
					LIMIT $2
					FOR UPDATE SKIP LOCKED
				))
				RETURNING hour, count, reactor, outcome, shadow
			), added AS (
				INSERT INTO reactor_daily_counts AS d (day, count, reactor, outcome, shadow)
				SELECT date_trunc('day', hour, 'UTC') AS day, sum(count), reactor, outcome, shadow
				FROM taken
				GROUP BY day, reactor, outcome, shadow
				ORDER BY day, reactor, outcome, shadow -- two transactions lock in one order
				ON CONFLICT (day, reactor, outcome, shadow) DO UPDATE SET
					count = d.count + excluded.count
			)
			SELECT count(*)
			FROM taken`, before, atOnce)
		if err != nil {
			return taken, err
		}
		taken += step[0]
		if step[0] < atOnce {
			return taken, nil
		}
	}
}
