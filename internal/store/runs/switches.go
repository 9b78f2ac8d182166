package runs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/trail"
)

// AllReactors is the name of the kill switch.
const AllReactors = ""

// pausedColumn tells of a run r whether it may not go on for now.
const pausedColumn = `EXISTS (SELECT FROM reactor_switches w WHERE w.reactor IN ('', r.reactor))`

// Switch is a rule that is paused.
type Switch struct {
	Reactor  string // AllReactors for every rule
	PausedAt time.Time
	Reason   string
}

// Pause lets no run of the rule go on, from the next attempt on. Pausing what
// is paused changes the reason only.
func (s *Runs) Pause(ctx context.Context, reactor, reason string) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `
			INSERT INTO reactor_switches (reactor, reason, paused_at)
			VALUES ($1, NULLIF($2, ''), $3)
			ON CONFLICT (reactor) DO UPDATE SET
				reason = excluded.reason`, reactor, store.Clean(reason), s.db.Now().UTC()); err != nil {
			return err
		}
		return trail.Record(ctx, tx, trail.Action{Name: "reactor.paused", Target: reactor, Reason: reason})
	}); err != nil {
		return fmt.Errorf("pause reactor %q: %w", reactor, err)
	}
	return nil
}

// HoldRun takes a run of a paused rule off the queue until Resume. held is
// false if the rule was resumed meanwhile.
func (s *Runs) HoldRun(ctx context.Context, run reactors.Run, trace ...reactors.TraceEntry) (held bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Resume deletes the row before it looks for held runs: it waits for
		// this transaction, or this one finds no row.
		tag, err := tx.Exec(ctx, `
			SELECT reactor
			FROM reactor_switches
			WHERE reactor IN ('', $1)
			FOR SHARE`, run.Reactor)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		held = true
		_, err = tx.Exec(ctx, `
			UPDATE reactor_runs
			SET held = true, trace = `+longerTrace("$2")+`
			WHERE id = $1 AND finished_at IS NULL`, run.ID, traceJSON(trace))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("hold reactor run %d: %w", run.ID, err)
	}
	return held, nil
}

// Resume lets the rule's runs go on; their age counts as if there had been no
// pause. It returns how many were held. The runs of a rule that is paused by
// another switch stay held.
func (s *Runs) Resume(ctx context.Context, reactor string) (released int, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// One at a time: of two that turn different switches at once, each would
		// see the other's, and leave the runs to nobody.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('resume', 7))`); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `
			DELETE FROM reactor_switches
			WHERE reactor = $1`, reactor)
		if err == nil && tag.RowsAffected() > 0 {
			err = trail.Record(ctx, tx, trail.Action{Name: "reactor.resumed", Target: reactor})
		}
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `
			UPDATE reactor_runs
			SET held = false
			WHERE id IN (
				SELECT id
				FROM reactor_runs r
				WHERE held AND outcome IN ('pending', 'unclear') AND NOT `+pausedColumn+forUpdate+`
			)
			RETURNING id`)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		released = len(ids)
		return s.insertJobs(ctx, tx, store.Column(ids, func(id *int64) river.InsertManyParams { return jobOf(*id) }))
	})
	if err != nil {
		return 0, fmt.Errorf("resume reactor %q: %w", reactor, err)
	}
	return released, nil
}

// Switches lists what is paused.
func (s *Runs) Switches(ctx context.Context) ([]Switch, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		SELECT reactor, paused_at, COALESCE(reason, '') AS reason
		FROM reactor_switches
		ORDER BY reactor`)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Switch])
	if err != nil {
		return nil, fmt.Errorf("list what is paused: %w", err)
	}
	return list, nil
}
