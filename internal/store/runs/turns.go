package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A turn need not survive a crash of the database: Google would refuse a write
// that comes too early, and it would come again. So nobody waits for a flush
// while the row is locked.
const dontFlush = `SELECT set_config('synchronous_commit', 'off', true)`

// ReserveWrite answers how long the run has to wait for its turn to write to
// the space; 0 if it may write now. Turns are interval apart over all replicas,
// by the clock of the database, and further where SlowDown was called: every
// turn brings the space a little closer to the configured pace again. A run
// keeps its turn until it has used it or half an interval has passed, which
// covers the time between a job's being due and its being fetched: asking again
// after a wait does not push it back, and two runs that are late don't write at
// once.
func (s *Runs) ReserveWrite(ctx context.Context, space string, runID int64, interval time.Duration) (wait time.Duration, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var seconds float64
	// One statement, so one round trip: the slot is only touched if the run
	// holds none.
	q := &pgx.Batch{}
	q.Queue(dontFlush)
	q.Queue(`
		WITH held AS (
			SELECT slot_at
			FROM reactor_runs
			WHERE id = $2 AND slot_at > clock_timestamp() - $3::interval / 2
		), reserved AS (
			INSERT INTO write_slots AS w (space, next_at)
			SELECT $1, clock_timestamp() + $3::interval
			WHERE NOT EXISTS (SELECT FROM held)
			ON CONFLICT (space) DO UPDATE SET
				next_at = GREATEST(w.next_at, clock_timestamp()) + $3::interval * w.slowed::float8,
				slowed = GREATEST(1, round(w.slowed * 0.9985, 4))
			RETURNING next_at - $3::interval * slowed::float8 AS slot_at
		), noted AS (
			UPDATE reactor_runs
			SET slot_at = (SELECT slot_at FROM reserved)
			WHERE id = $2 AND EXISTS (SELECT FROM reserved)
		)
		SELECT extract(epoch FROM slot_at - clock_timestamp())::float8
		FROM (SELECT slot_at FROM held UNION ALL SELECT slot_at FROM reserved) s`,
		space, runID, interval).QueryRow(func(row pgx.Row) error { return row.Scan(&seconds) })
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
		return 0, fmt.Errorf("reserve a write to %s for reactor run %d: %w", space, runID, err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), nil
}

// mostSlowed bounds how far apart turns can get, slowEvery how fast.
const (
	mostSlowed = 30
	slowEvery  = time.Minute
)

// SlowDown is called when Google says that a space gets too many writes: turns
// come further apart from now on, the next no earlier than after pause. Other
// apps write to the space as well. Turns that were given at the old pace count
// no more: they would be refused, too, and each refusal would slow the space
// down again, to a crawl. For the same reason a space is slowed down once a
// minute at most: that is the time over which Google counts.
func (s *Runs) SlowDown(ctx context.Context, space string, pause time.Duration) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	q := &pgx.Batch{}
	q.Queue(`
		INSERT INTO write_slots AS w (space, next_at, slowed, slowed_at)
		VALUES ($1, clock_timestamp() + $2::interval, 2, clock_timestamp())
		ON CONFLICT (space) DO UPDATE SET
			next_at = clock_timestamp() + $2::interval,
			slowed = CASE WHEN w.slowed_at > clock_timestamp() - $4::interval THEN w.slowed ELSE LEAST($3, w.slowed * 2) END,
			slowed_at = CASE WHEN w.slowed_at > clock_timestamp() - $4::interval THEN w.slowed_at ELSE clock_timestamp() END`,
		space, pause, mostSlowed, slowEvery)
	q.Queue(`
		UPDATE reactor_runs
		SET slot_at = NULL
		WHERE id IN (
			SELECT id
			FROM reactor_runs
			WHERE space = $1 AND outcome = 'pending' AND slot_at > clock_timestamp()
			ORDER BY id
			FOR UPDATE SKIP LOCKED
		)`, space)
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("slow down writes to %s: %w", space, err)
	}
	return nil
}

// TakeProjectWrite takes a write of the project's quota, over all replicas: one
// every interval, up to burst ahead of time. It answers how long to wait before
// the write that was taken, or, if taken is false, before asking again.
func (s *Runs) TakeProjectWrite(ctx context.Context, interval, burst time.Duration) (wait time.Duration, taken bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var seconds float64
	q := &pgx.Batch{}
	q.Queue(dontFlush)
	q.Queue(`
		INSERT INTO write_slots AS w (space, next_at)
		VALUES ('', clock_timestamp() + $1::interval)
		ON CONFLICT (space) DO UPDATE SET
			next_at = GREATEST(w.next_at, clock_timestamp()) + $1::interval
		WHERE w.next_at <= clock_timestamp() + $2::interval
		RETURNING extract(epoch FROM next_at - $1::interval - clock_timestamp())::float8`,
		interval, burst).QueryRow(func(row pgx.Row) error {
		taken = true
		err := row.Scan(&seconds)
		if errors.Is(err, pgx.ErrNoRows) {
			taken, err = false, nil
		}
		return err
	})
	err = s.pool.SendBatch(ctx, q).Close()
	if err == nil && !taken {
		err = s.pool.QueryRow(ctx, `
			SELECT extract(epoch FROM next_at - clock_timestamp())::float8
			FROM write_slots
			WHERE space = ''`).Scan(&seconds)
	}
	if err != nil {
		return 0, false, fmt.Errorf("take a write of the project's quota: %w", err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), taken, nil
}
