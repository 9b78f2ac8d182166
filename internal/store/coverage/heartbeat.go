package coverage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Heartbeat saves a worker's heartbeat. If there was none for longer than Pub/Sub
// keeps messages, older ones are lost: that is a gap of every scope. So is the
// time since the last one if the database is a copy by now.
func (s *Coverage) Heartbeat(ctx context.Context, at time.Time, retention time.Duration) error {
	at = store.Microseconds(at)
	id, err := s.databaseID(ctx)
	if err != nil {
		return err
	}
	err = s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var last pgtype.Timestamptz
		var known pgtype.Text
		if err := tx.QueryRow(ctx, `SELECT max(heartbeat_at), max(database_id) FROM worker_heartbeats`).Scan(&last, &known); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO worker_heartbeats AS w (heartbeat_at, database_id)
			VALUES ($1, $2)
			ON CONFLICT (single) DO UPDATE SET heartbeat_at = GREATEST(w.heartbeat_at, excluded.heartbeat_at),
				database_id = COALESCE(excluded.database_id, w.database_id)`, at, id); err != nil {
			return err
		}
		lost, cause := at.Add(-retention), CauseWorkerOutage
		if known.Valid && id.Valid && known != id {
			lost, cause = at, CauseRestored
		}
		if !last.Valid || !lost.After(last.Time) {
			return nil
		}
		rows, _ := tx.Query(ctx, `SELECT DISTINCT scope FROM coverage ORDER BY scope`)
		scopes, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, scope := range scopes {
			ids, err := cutGap(ctx, tx, scope, last.Time, lost, cause)
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

// databaseID tells the database from its copies: a dump that was restored is another
// database, a server that was restored to a point in time, or promoted, goes on
// in another timeline. It is NULL where the server doesn't tell.
func (s *Coverage) databaseID(ctx context.Context) (id pgtype.Text, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `
		SELECT system_identifier || '/' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) || '/' || d.oid
		FROM pg_control_system(), pg_database d
		WHERE d.datname = current_database()`).Scan(&id)
	var refused *pgconn.PgError
	if err != nil && !errors.As(err, &refused) {
		return id, fmt.Errorf("ask the database which one it is: %w", err)
	}
	return id, nil
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
