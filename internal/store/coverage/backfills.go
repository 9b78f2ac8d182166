package coverage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
)

// Backfill is a fetch of a space's past events.
type Backfill struct {
	ID       int64
	Cursor   time.Time // events up to here are recorded
	Seen     int       // events that Google listed
	Recorded int       // those of them that were new
	Done     bool      // it is complete
}

// BeginBackfill starts a fetch, or takes up one of the same range that was
// interrupted. gap is the gap that it repairs, 0 for none; of a space that was
// fetched for this gap before it says that it is done. Without a gap it takes
// up any that began as early: then what is new since is fetched as well.
func (s *Coverage) BeginBackfill(ctx context.Context, space string, from, to time.Time, gap int64) (Backfill, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var b Backfill
	err := s.pool.QueryRow(ctx, `
		WITH resumed AS (
			UPDATE backfills
			SET to_time = GREATEST(to_time, $3)
			WHERE id = (
				SELECT id
				FROM backfills
				WHERE $4::bigint IS NULL AND gap_id IS NULL AND space = $1 AND from_time <= $2 AND finished_at IS NULL
				ORDER BY cursor_time DESC
				LIMIT 1
			)
			RETURNING id, cursor_time, seen, recorded
		), done AS (
			SELECT id, cursor_time, seen, recorded
			FROM backfills
			WHERE gap_id = $4 AND space = $1 AND from_time = $2 AND to_time = $3 AND finished_at IS NOT NULL AND error IS NULL
			LIMIT 1
		), begun AS (
			INSERT INTO backfills (space, from_time, to_time, cursor_time, gap_id)
			SELECT $1, $2, $3, $2, $4
			WHERE NOT EXISTS (SELECT FROM done) AND NOT EXISTS (SELECT FROM resumed)
			ON CONFLICT (space, from_time, to_time) WHERE finished_at IS NULL DO UPDATE SET
				gap_id = COALESCE(excluded.gap_id, backfills.gap_id)
			RETURNING id, cursor_time, seen, recorded
		)
		SELECT id, cursor_time, seen, recorded, true
		FROM done
		UNION ALL
		SELECT id, cursor_time, seen, recorded, false
		FROM (SELECT id, cursor_time, seen, recorded FROM resumed UNION ALL SELECT id, cursor_time, seen, recorded FROM begun) b`,
		space, from, to, pgtype.Int8{Int64: gap, Valid: gap != 0}).Scan(&b.ID, &b.Cursor, &b.Seen, &b.Recorded, &b.Done)
	if err != nil {
		return Backfill{}, fmt.Errorf("begin the backfill of %s: %w", space, err)
	}
	b.Cursor = b.Cursor.UTC()
	return b, nil
}

// AdvanceBackfill says that events up to cursor are recorded.
func (s *Coverage) AdvanceBackfill(ctx context.Context, b Backfill) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `
		UPDATE backfills
		SET cursor_time = GREATEST(cursor_time, $2), seen = $3, recorded = $4
		WHERE id = $1`, b.ID, b.Cursor, b.Seen, b.Recorded); err != nil {
		return fmt.Errorf("advance backfill %d: %w", b.ID, err)
	}
	return nil
}

// EndBackfill ends it; why is "" for a complete one.
func (s *Coverage) EndBackfill(ctx context.Context, id int64, why string) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `
		UPDATE backfills
		SET finished_at = now(), error = NULLIF($2, '')
		WHERE id = $1`, id, why); err != nil {
		return fmt.Errorf("end backfill %d: %w", id, err)
	}
	return nil
}

// Backfilled says that all that Google lists of a scope's events in [from, to)
// is recorded, without anybody having asked for a gap's repair: gaps within it
// are closed, and time before the scope was watched counts as backfilled. A gap
// that reaches beyond it is left to its own repair, and one that goes on stays.
func (s *Coverage) Backfilled(ctx context.Context, scope string, from, to time.Time) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, keeperLock); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE coverage
			SET source = 'backfill', repair = NULL, detail = NULL, repaired_at = now()
			WHERE scope = $1 AND source = 'gap' AND from_time >= $2 AND to_time <= $3`, scope, from, to); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repaired_at)
			SELECT $1, lower(part), upper(part), 'backfill', $4, now()
			FROM unnest(tstzmultirange(tstzrange($2, $3)) - COALESCE((
				SELECT range_agg(tstzrange(c.from_time, c.to_time))
				FROM coverage c
				WHERE c.scope = $1
			), '{}')) AS part
			-- Without an interval that goes on the keeper hasn't looked yet: it
			-- will say since when the scope is watched.
			WHERE EXISTS (
				SELECT FROM coverage
				WHERE scope = $1 AND to_time IS NULL
			)`, scope, from, to, CauseMissing)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep that %s is backfilled from %s to %s: %w", scope, from.Format(time.RFC3339), to.Format(time.RFC3339), err)
	}
	return nil
}

// shortestPast is worth a backfill of its own.
const shortestPast = time.Minute

// AskForPast asks for the events of each scope from a time on up to its own,
// at which it began to be watched. What is covered, or a gap already, isn't
// asked for again, nor are moments: who asks twice may be off by a second in
// between. It returns the scopes that have something to fetch.
func (s *Coverage) AskForPast(ctx context.Context, from time.Time, until map[string]time.Time) (scopes []string, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var names []string
	var ends []time.Time
	for scope, end := range until {
		names, ends = append(names, scope), append(ends, end)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, keeperLock); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			WITH wanted AS (
				SELECT scope, until
				FROM unnest($2::text[], $3::timestamptz[]) AS w (scope, until)
				WHERE until > $1
			)
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repair)
			SELECT w.scope, lower(part), upper(part), 'gap', $4, 'pending'
			FROM wanted w
			CROSS JOIN unnest(tstzmultirange(tstzrange($1, w.until)) - COALESCE((
				SELECT range_agg(tstzrange(c.from_time, c.to_time))
				FROM coverage c
				WHERE c.scope = w.scope
			), '{}')) AS part
			WHERE upper(part) - lower(part) >= $5
			ORDER BY w.scope, part
			RETURNING id, scope`, from, names, ends, CauseMissing, shortestPast)
		if err != nil {
			return err
		}
		var id int64
		var scope string
		var ids []int64
		asked := map[string]bool{}
		if _, err := pgx.ForEachRow(rows, []any{&id, &scope}, func() error {
			ids, asked[scope] = append(ids, id), true
			return nil
		}); err != nil {
			return err
		}
		scopes = slices.Sorted(maps.Keys(asked))
		return s.askForRepair(ctx, tx, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("ask for the events of %d scopes since %s: %w", len(until), from.Format(time.RFC3339), err)
	}
	return scopes, nil
}

// AskForMembers asks for the members of each space to be listed.
func (s *Coverage) AskForMembers(ctx context.Context, spaces []string) error {
	if len(spaces) == 0 {
		return nil
	}
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	params := make([]river.InsertManyParams, len(spaces))
	for i, space := range spaces {
		params[i] = river.InsertManyParams{
			Args: jobs.Members{Space: space}, InsertOpts: &river.InsertOpts{Queue: jobs.QueueMembers},
		}
	}
	if _, err := s.db.Jobs().InsertManyFast(ctx, params); err != nil {
		return fmt.Errorf("ask for the members of %d spaces: %w", len(spaces), err)
	}
	return nil
}

// AskForPass asks for a pass of the keeper in a few seconds, with whoever else
// asks until then.
func (s *Coverage) AskForPass(ctx context.Context) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return jobs.InsertKeep(ctx, s.db.Jobs(), tx, s.db.Now()) })
}
