package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Beat says that a worker is there. If none was for longer than Pub/Sub keeps
// messages, what was published before that is lost: a gap of every scope.
func (s *Coverage) Beat(ctx context.Context, at time.Time, retention time.Duration) error {
	at = store.Microseconds(at)
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, keeperLock); err != nil {
			return err
		}
		var last pgtype.Timestamptz
		if err := tx.QueryRow(ctx, `SELECT max(beat_at) FROM worker_beats`).Scan(&last); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO worker_beats AS b (beat_at)
			VALUES ($1)
			ON CONFLICT (single) DO UPDATE SET beat_at = GREATEST(b.beat_at, excluded.beat_at)`, at); err != nil {
			return err
		}
		lost := at.Add(-retention)
		if !last.Valid || !lost.After(last.Time) {
			return nil
		}
		rows, err := tx.Query(ctx, `SELECT DISTINCT scope FROM coverage ORDER BY scope`)
		if err != nil {
			return err
		}
		scopes, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			ids, err := cutGap(ctx, tx, scope, last.Time, lost, CauseWorkerOutage)
			if err != nil {
				return err
			}
			if err := s.askForRepair(ctx, tx, ids); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the worker's beat: %w", err)
	}
	return nil
}

// LastBeat is when a worker last said that it is there; zero if none ever did.
func (s *Coverage) LastBeat(ctx context.Context) (time.Time, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var last pgtype.Timestamptz
	if err := s.pool.QueryRow(ctx, `SELECT max(beat_at) FROM worker_beats`).Scan(&last); err != nil {
		return time.Time{}, fmt.Errorf("read the worker's last beat: %w", err)
	}
	return store.ZeroTime(last), nil
}
