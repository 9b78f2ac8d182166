package coverage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Heartbeat saves a worker's heartbeat. If there was none for longer than Pub/Sub
// keeps messages, older ones are lost: that is a gap of every scope.
func (s *Coverage) Heartbeat(ctx context.Context, at time.Time, retention time.Duration) error {
	at = store.Microseconds(at)
	err := s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var last pgtype.Timestamptz
		if err := tx.QueryRow(ctx, `SELECT max(heartbeat_at) FROM worker_heartbeats`).Scan(&last); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO worker_heartbeats AS w (heartbeat_at)
			VALUES ($1)
			ON CONFLICT (single) DO UPDATE SET heartbeat_at = GREATEST(w.heartbeat_at, excluded.heartbeat_at)`, at); err != nil {
			return err
		}
		lost := at.Add(-retention)
		if !last.Valid || !lost.After(last.Time) {
			return nil
		}
		rows, _ := tx.Query(ctx, `SELECT DISTINCT scope FROM coverage ORDER BY scope`)
		scopes, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			ids, err := cutGap(ctx, tx, scope, last.Time, lost, CauseWorkerOutage)
			if err != nil {
				return err
			}
			if err := s.requestRepair(ctx, tx, ids); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save the worker's heartbeat: %w", err)
	}
	return nil
}

// LastHeartbeat is the time of the last heartbeat; zero if there was none.
func (s *Coverage) LastHeartbeat(ctx context.Context) (time.Time, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var last time.Time
	if err := s.pool.QueryRow(ctx, `SELECT max(heartbeat_at) FROM worker_heartbeats`).Scan(store.Nullable(&last)); err != nil {
		return time.Time{}, fmt.Errorf("read the worker's last heartbeat: %w", err)
	}
	return last, nil
}
