package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

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
