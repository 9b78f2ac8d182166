package coverage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Backfill is a fetch of a space's past events.
type Backfill struct {
	ID       int64
	Cursor   time.Time // events up to here are recorded
	Seen     int       // events that Google listed
	Recorded int       // those of them that were new
	Done     bool      // it is complete
}

// BeginBackfill begins a fetch, or resumes an interrupted one of the same range.
// gap is the gap that it repairs, 0 for none; the fetch is Done if the space was
// fetched for this gap before. Without a gap it resumes any fetch that began as
// early, and extends it.
func (s *Coverage) BeginBackfill(ctx context.Context, space string, from, to time.Time, gap int64) (Backfill, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var b Backfill
	err := s.pool.QueryRow(ctx, `
		WITH resumed AS (
			UPDATE backfills
			SET to_time = GREATEST(to_time, @to)
			WHERE id = (
				SELECT id
				FROM backfills
				WHERE @gap::bigint IS NULL AND gap_id IS NULL AND space = @space AND from_time <= @from AND finished_at IS NULL
				ORDER BY cursor_time DESC
				LIMIT 1
			)
			RETURNING id, cursor_time, seen, recorded
		), done AS (
			SELECT id, cursor_time, seen, recorded
			FROM backfills
			WHERE gap_id = @gap AND space = @space AND from_time = @from AND to_time = @to AND finished_at IS NOT NULL AND error IS NULL
			LIMIT 1
		), begun AS (
			INSERT INTO backfills (space, from_time, to_time, cursor_time, gap_id)
			SELECT @space, @from, @to, @from, @gap
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
		pgx.NamedArgs{"space": space, "from": from, "to": to, "gap": pgtype.Int8{Int64: gap, Valid: gap != 0}}).
		Scan(&b.ID, &b.Cursor, &b.Seen, &b.Recorded, &b.Done)
	if err != nil {
		return Backfill{}, fmt.Errorf("begin the backfill of %s: %w", space, err)
	}
	return b, nil
}

// AdvanceBackfill saves the progress: events up to the cursor are recorded.
func (s *Coverage) AdvanceBackfill(ctx context.Context, b Backfill) error {
	if _, err := s.db.Exec(ctx, `
		UPDATE backfills
		SET cursor_time = GREATEST(cursor_time, @cursor), seen = @seen, recorded = @recorded
		WHERE id = @id`,
		pgx.NamedArgs{"id": b.ID, "cursor": b.Cursor, "seen": b.Seen, "recorded": b.Recorded}); err != nil {
		return fmt.Errorf("advance backfill %d: %w", b.ID, err)
	}
	return nil
}

// EndBackfill ends a fetch; why is "" if it is complete.
func (s *Coverage) EndBackfill(ctx context.Context, id int64, why string) error {
	if _, err := s.db.Exec(ctx, `
		UPDATE backfills
		SET finished_at = now(), error = NULLIF($2, '')
		WHERE id = $1`, id, why); err != nil {
		return fmt.Errorf("end backfill %d: %w", id, err)
	}
	return nil
}

// Backfilled saves that all events of a scope in [from, to) that Google lists are
// recorded, though nobody asked for the repair of a gap: gaps within it are
// closed, and time before the scope was watched counts as backfilled. Gaps that
// reach beyond it, or are still open, stay.
func (s *Coverage) Backfilled(ctx context.Context, scope string, from, to time.Time) error {
	err := s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			UPDATE coverage
			SET source = 'backfill', repair = NULL, detail = NULL, repaired_at = now()
			WHERE scope = $1 AND source = 'gap' AND from_time >= $2 AND to_time <= $3`, scope, from, to); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repaired_at)
			SELECT @scope, lower(part), upper(part), 'backfill', @cause, now()
			FROM unnest(tstzmultirange(tstzrange(@from, @to)) - COALESCE((
				SELECT range_agg(tstzrange(c.from_time, c.to_time))
				FROM coverage c
				WHERE c.scope = @scope
			), '{}')) AS part
			-- Without an open interval the keeper hasn't seen the scope yet: it
			-- will say since when it is watched.
			WHERE EXISTS (
				SELECT FROM coverage
				WHERE scope = @scope AND to_time IS NULL
			)`,
			pgx.NamedArgs{"scope": scope, "from": from, "to": to, "cause": CauseMissing})
		return err
	})
	if err != nil {
		return fmt.Errorf("save the backfill of %s from %s to %s: %w", scope, from.Format(time.RFC3339), to.Format(time.RFC3339), err)
	}
	return nil
}

// minPast is the shortest time that is worth a backfill.
const minPast = time.Minute

// RequestPast opens gaps, and requests their repair, for the events of each scope
// from a time on until its own, at which it began to be watched. A person asks for
// them at a time by Google's clock. It leaves out
// time that is covered or a gap already, and moments, as a repeated request may
// differ by a second, and what will be too old before anybody can fetch it. It returns the scopes that have something to fetch.
func (s *Coverage) RequestPast(ctx context.Context, at, from time.Time, until map[string]time.Time) (scopes []string, err error) {
	var names []string
	var ends []time.Time
	for scope, end := range until {
		names, ends = append(names, scope), append(ends, end)
	}
	err = s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			WITH wanted AS (
				SELECT scope, until
				FROM unnest(@scopes::text[], @ends::timestamptz[]) AS w (scope, until)
				WHERE until > @from
			)
			INSERT INTO coverage (scope, from_time, to_time, source, cause, repair, asked_at)
			SELECT w.scope, lower(part), upper(part), 'gap', @cause, 'pending', @at
			FROM wanted w
			CROSS JOIN unnest(tstzmultirange(tstzrange(@from, w.until)) - COALESCE((
				SELECT range_agg(tstzrange(c.from_time, c.to_time))
				FROM coverage c
				WHERE c.scope = w.scope
			), '{}')) AS part
			WHERE upper(part) - lower(part) >= @min AND upper(part) > @at::timestamptz - @kept::interval
			ORDER BY w.scope, part
			RETURNING id, scope`,
			pgx.NamedArgs{"at": at, "from": from, "scopes": names, "ends": ends, "cause": CauseMissing, "min": minPast, "kept": Kept - askedInTime})
		var id int64
		var scope string
		var ids []int64
		requested := map[string]bool{}
		if err := store.Each(rows, []any{&id, &scope}, func() { ids, requested[scope] = append(ids, id), true }); err != nil {
			return err
		}
		scopes = slices.Sorted(maps.Keys(requested))
		return s.requestRepair(ctx, tx, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("request the events of %d targets since %s: %w", len(until), from.Format(time.RFC3339), err)
	}
	return scopes, nil
}

// RequestPass requests a pass of the keeper in a few seconds; requests until then
// share it.
func (s *Coverage) RequestPass(ctx context.Context) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return jobs.InsertKeep(ctx, s.db.Jobs(), tx, s.db.Now()) })
}
