package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
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
