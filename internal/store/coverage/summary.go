package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Covered says how much of a span of time was covered in a scope. Time in which
// it was not watched is in none of the three.
type Covered struct {
	Live       time.Duration // a subscription was ACTIVE
	Backfilled time.Duration // fetched later
	Missing    time.Duration // a gap, repaired or not yet
}

// Share is the part that was covered; false if the scope was not watched.
func (c Covered) Share() (float64, bool) {
	seen, all := c.Live+c.Backfilled, c.Live+c.Backfilled+c.Missing
	if all == 0 {
		return 0, false
	}
	return float64(seen) / float64(all), true
}

// Summary sums up the coverage of each scope between two times. A live interval
// counts up to the time when it was last confirmed.
func (s *Coverage) Summary(ctx context.Context, from, to time.Time) (map[string]Covered, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		SELECT scope, source, sum(EXTRACT(epoch FROM LEAST(to_time, $2) - GREATEST(from_time, $1)))::float8
		FROM coverage_intervals
		WHERE from_time < $2 AND to_time > $1
		GROUP BY scope, source`, from, to)
	summary := map[string]Covered{}
	var scope, source string
	var seconds float64
	err := store.Each(rows, []any{&scope, &source, &seconds}, func() {
		c, length := summary[scope], time.Duration(seconds*float64(time.Second))
		switch source {
		case SourceLive:
			c.Live = length
		case SourceBackfill:
			c.Backfilled = length
		case SourceGap:
			c.Missing = length
		}
		summary[scope] = c
	})
	if err != nil {
		return nil, fmt.Errorf("sum up the coverage: %w", err)
	}
	return summary, nil
}

// Activity says when and how much has been recorded of a space.
type Activity struct {
	Last   time.Time // of the newest event
	Events int       // in the span that was asked for
}

// LastEvents returns the activity of every space that has events; it counts those
// from since on.
func (s *Coverage) LastEvents(ctx context.Context, since time.Time) (map[string]Activity, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		SELECT s.space, l.last, n.events
		FROM spaces s
		CROSS JOIN LATERAL (
			SELECT max(event_time) AS last
			FROM events
			WHERE space_id = s.id
		) l
		CROSS JOIN LATERAL (
			SELECT count(*) AS events
			FROM events
			WHERE space_id = s.id AND event_time >= $1 AND payload IS NOT NULL -- an event may be about several things
		) n
		WHERE l.last IS NOT NULL`, since)
	activity := map[string]Activity{}
	var space string
	var a Activity
	if err := store.Each(rows, []any{&space, &a.Last, &a.Events}, func() { activity[space] = a }); err != nil {
		return nil, fmt.Errorf("count the events of each space: %w", err)
	}
	return activity, nil
}

// lagSample bounds how many events [Coverage.Lag] looks at.
const lagSample = 10_000

// Lag is the 95th percentile of how late live events since then came in; false if
// there were none.
func (s *Coverage) Lag(ctx context.Context, since time.Time) (time.Duration, bool, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var seconds pgtype.Float8
	err := s.pool.QueryRow(ctx, `
		SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY EXTRACT(epoch FROM received_at - event_time)::float8)
		FROM (
			SELECT received_at, event_time
			FROM events
			WHERE origin = 'l' AND event_time >= $1
			LIMIT $2
		) recent`, since, lagSample).Scan(&seconds)
	if err != nil {
		return 0, false, fmt.Errorf("measure how late events come in: %w", err)
	}
	return time.Duration(seconds.Float64 * float64(time.Second)), seconds.Valid, nil
}
