package runs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Admit lets a run pass if its limits allow, and counts it; one that may loop
// counts even if no limit is its own. A run that has passed once passes again. It answers with the limit that is reached, or nil.
func (s *Runs) Admit(ctx context.Context, run reactors.Run, limits []reactors.Limit, now time.Time) (reached *reactors.Limit, err error) {
	if len(limits) == 0 && !run.MayLoop {
		return nil, nil
	}
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// One at a time for what is counted together.
		if _, err := tx.Exec(ctx, `
			SELECT pg_advisory_xact_lock(hashtextextended(name, 7))
			FROM unnest($1::text[]) AS name
			ORDER BY name`, admitLocks(run, limits)); err != nil {
			return err
		}
		var admitted bool
		if err := tx.QueryRow(ctx, `
			SELECT admitted_at IS NOT NULL
			FROM reactor_runs
			WHERE id = $1`, run.ID).Scan(&admitted); err != nil || admitted {
			return err
		}
		for i := range limits {
			n, err := admittedSince(ctx, tx, run, limits[i], now.Add(-limits[i].Window))
			if err != nil {
				return err
			}
			if n >= limits[i].Most {
				reached = &limits[i]
				return nil
			}
		}
		_, err := tx.Exec(ctx, `
			UPDATE reactor_runs
			SET admitted_at = $2
			WHERE id = $1`, run.ID, now.UTC())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("hold reactor run %d against its limits: %w", run.ID, err)
	}
	return reached, nil
}

func admitLocks(run reactors.Run, limits []reactors.Limit) []string {
	var names []string
	if run.MayLoop {
		names = append(names, "loop "+run.Space)
	}
	if slices.ContainsFunc(limits, func(l reactors.Limit) bool { return l.Per != reactors.PerSpaceLoop }) {
		names = append(names, "reactor "+run.Reactor)
	}
	return names
}

func admittedSince(ctx context.Context, tx pgx.Tx, run reactors.Run, l reactors.Limit, since time.Time) (n int, err error) {
	if l.Per == reactors.PerSpaceLoop {
		err = tx.QueryRow(ctx, `
			SELECT count(*)
			FROM reactor_runs
			WHERE space = $1 AND may_loop AND shadow = $2 AND admitted_at > $3 AND event_time <> $4`,
			run.Space, run.Shadow, since, store.Microseconds(run.EventTime)).Scan(&n)
		return n, err
	}
	err = tx.QueryRow(ctx, `
		SELECT count(*)
		FROM reactor_runs
		WHERE reactor = $1 AND shadow = $2 AND admitted_at > $3
			AND ($4 <> 'space' OR space = $5) AND ($4 <> 'member' OR member = $6)`,
		run.Reactor, run.Shadow, since, string(l.Per), run.Space, run.Member).Scan(&n)
	return n, err
}

// mostGathered bounds a group: a message holds about as many mentions.
const mostGathered = 1000

// Gather lists the runs that wait for the same step of the same rule in the
// same space as this one, of events up to a time, oldest first, without it.
func (s *Runs) Gather(ctx context.Context, run reactors.Run, until time.Time) ([]reactors.Run, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, `
		SELECT `+runColumns+`
		FROM reactor_runs r
		WHERE r.reactor = $1 AND r.space = $2 AND r.step = $3 AND r.shadow = $4 AND r.outcome = 'pending'
			AND r.requests IS NULL AND r.event_time <= $5 AND r.id <> $6
		ORDER BY r.event_time, r.id
		LIMIT $7`, run.Reactor, run.Space, run.Step, run.Shadow, store.Microseconds(until), run.ID, mostGathered)
	if err != nil {
		return nil, fmt.Errorf("gather with reactor run %d: %w", run.ID, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (reactors.Run, error) { return scanRun(row) })
	if err != nil {
		return nil, fmt.Errorf("gather with reactor run %d: %w", run.ID, err)
	}
	return list, nil
}

// Group tells of the runs that Gather would list: how many there are, and
// whether one of them is older and its turn has come at now.
func (s *Runs) Group(ctx context.Context, run reactors.Run, until, now time.Time) (others int, older bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `
		SELECT count(*), COALESCE(bool_or((r.event_time, r.id) < ($7, $6) AND r.due_at <= $8), false)
		FROM reactor_runs r
		WHERE r.reactor = $1 AND r.space = $2 AND r.step = $3 AND r.shadow = $4 AND r.outcome = 'pending'
			AND r.requests IS NULL AND r.event_time <= $5 AND r.id <> $6`,
		run.Reactor, run.Space, run.Step, run.Shadow, store.Microseconds(until), run.ID, run.EventTime, now).Scan(&others, &older)
	if err != nil {
		return 0, false, fmt.Errorf("look for a group around reactor run %d: %w", run.ID, err)
	}
	return others, older, nil
}
