package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// ErrRunChanged is the answer of [Store.FinishRun] when the run was asked for
// again while it was about to expire: its job has to look at it anew.
var ErrRunChanged = errors.New("the run was asked for again meanwhile")

// RunForAttempt returns a run, its state and how often it was attempted. If it
// is pending, this attempt is counted.
func (s *Store) RunForAttempt(ctx context.Context, runID int64) (run reactors.Run, state reactors.RunState, attempt int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	const columns = `id, reactor, subject, space, member, event_time, request, state, attempts`
	scan := func(row pgx.Row) error {
		return row.Scan(&run.ID, &run.Reactor, &run.Subject, &run.Space, &run.Member,
			&run.EventTime, &run.Request, &state, &attempt)
	}
	err = scan(s.pool.QueryRow(ctx, `
		UPDATE reactor_runs
		SET attempts = attempts + 1
		WHERE id = $1 AND state = 'pending'
		RETURNING `+columns, runID))
	if errors.Is(err, pgx.ErrNoRows) {
		err = scan(s.pool.QueryRow(ctx, `
			SELECT `+columns+`
			FROM reactor_runs
			WHERE id = $1`, runID))
	}
	if err != nil {
		return reactors.Run{}, "", 0, fmt.Errorf("read reactor run %d: %w", runID, err)
	}
	run.EventTime = run.EventTime.UTC()
	return run, state, attempt, nil
}

// FinishRun ends a pending run; it does nothing to one that has ended. The
// error is [ErrRunChanged] if the run was about to expire and a newer event
// has asked for it meanwhile.
func (s *Store) FinishRun(ctx context.Context, runID int64, state reactors.RunState, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `
		UPDATE reactor_runs
		SET state = $2, reason = NULLIF($3, ''), finished_at = now()
		WHERE id = $1 AND state = 'pending'
			-- attempts is 0 if it was asked for again since the attempt began
			AND ($2 <> 'expired' OR attempts > 0)`, runID, string(state), clean(reason))
	if err != nil {
		return fmt.Errorf("finish reactor run %d as %s: %w", runID, state, err)
	}
	if tag.RowsAffected() == 1 {
		return nil
	}
	var pending bool
	err = s.pool.QueryRow(ctx, `
		SELECT state = 'pending'
		FROM reactor_runs
		WHERE id = $1`, runID).Scan(&pending)
	if err == nil && pending {
		err = ErrRunChanged
	}
	if err != nil {
		return fmt.Errorf("finish reactor run %d as %s: %w", runID, state, err)
	}
	return nil
}

// SkipIfGone ends the run as skipped if its member is known not to be in its
// space any more. The order of locks is argued at claim.
func (s *Store) SkipIfGone(ctx context.Context, run reactors.Run) (skipped bool, err error) {
	if run.Member == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var pending bool
		err := tx.QueryRow(ctx, `
			SELECT state = 'pending'
			FROM reactor_runs
			WHERE id = $1
			FOR UPDATE`, run.ID).Scan(&pending)
		if err != nil || !pending {
			return err
		}
		return skipLocked(ctx, tx, run, &skipped)
	})
	if err != nil {
		return false, fmt.Errorf("skip reactor run %d if %s left: %w", run.ID, run.Member, err)
	}
	return skipped, nil
}

// skipLocked reads the membership in a statement of its own, so that it sees
// what was committed while the run's lock was awaited.
func skipLocked(ctx context.Context, tx pgx.Tx, run reactors.Run, skipped *bool) error {
	tag, err := tx.Exec(ctx, `
		UPDATE reactor_runs r
		SET state = 'skipped', reason = 'left', finished_at = now()
		FROM memberships m
		WHERE r.id = $1 AND m.space = $2 AND m.member = $3 AND m.state <> $4`,
		run.ID, run.Space, run.Member, string(events.MembershipJoined))
	*skipped = err == nil && tag.RowsAffected() == 1
	return err
}

// slotGrace is how late a run may use its turn. It covers the time between a
// job's being due and its being fetched; later, the turn is somebody else's.
const slotGrace = 5 * time.Second

// ReserveWrite answers how long the run has to wait for its turn to write to
// the space; 0 if it may write now. Turns are interval apart over all replicas,
// by the clock of the database. A run keeps its turn until it is slotGrace over,
// so asking again after a wait does not push it back.
func (s *Store) ReserveWrite(ctx context.Context, space string, runID int64, interval time.Duration) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	// One statement, so one round trip: the slot is only touched if the run
	// holds none.
	var seconds float64
	err = s.pool.QueryRow(ctx, `
		WITH held AS (
			SELECT slot_at
			FROM reactor_runs
			WHERE id = $2 AND slot_at > clock_timestamp() - $4::interval
		), reserved AS (
			INSERT INTO write_slots AS w (space, next_at)
			SELECT $1, clock_timestamp() + $3::interval
			WHERE NOT EXISTS (SELECT FROM held)
			ON CONFLICT (space) DO UPDATE SET
				next_at = GREATEST(w.next_at, clock_timestamp()) + $3::interval
			RETURNING next_at - $3::interval AS slot_at
		), noted AS (
			UPDATE reactor_runs
			SET slot_at = (SELECT slot_at FROM reserved)
			WHERE id = $2 AND EXISTS (SELECT FROM reserved)
		)
		SELECT extract(epoch FROM slot_at - clock_timestamp())::float8
		FROM (SELECT slot_at FROM held UNION ALL SELECT slot_at FROM reserved) s`,
		space, runID, interval, slotGrace).Scan(&seconds)
	if err != nil {
		return 0, fmt.Errorf("reserve a write to %s for reactor run %d: %w", space, runID, err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), nil
}
