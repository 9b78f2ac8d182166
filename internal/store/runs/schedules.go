package runs

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// anySchedule is the row of all schedules together: up to when they were claimed.
const anySchedule = ""

// SchedulesClaimed returns for each of these rules up to when the times of its
// schedule were claimed. A new rule begins at now: it has nothing to make up for.
// A rule that was away makes up for nothing of that time, apart from Rollout: for
// so long a replica that claims schedules may not know a new rule yet.
func (s *Runs) SchedulesClaimed(ctx context.Context, rules []string, now time.Time) (map[string]time.Time, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	seen := make(map[string]time.Time, len(rules))
	q := &pgx.Batch{}
	q.Queue(`
		INSERT INTO reactor_schedules (reactor, seen_until)
		SELECT reactor, $2
		FROM unnest($1::text[]) AS reactor
		ORDER BY reactor
		ON CONFLICT DO NOTHING`, rules, now.UTC())
	q.Queue(`
		SELECT r.reactor, GREATEST(r.seen_until, a.seen_until - $3::interval)
		FROM reactor_schedules r
		LEFT JOIN reactor_schedules a ON a.reactor = $2
		WHERE r.reactor = ANY($1)`, rules, anySchedule, reactors.Rollout).Query(func(rows pgx.Rows) error {
		var reactor string
		var until time.Time
		_, err := pgx.ForEachRow(rows, []any{&reactor, &until}, func() error {
			seen[reactor] = until
			return nil
		})
		return err
	})
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
		return nil, fmt.Errorf("read which times of schedules were claimed: %w", err)
	}
	return seen, nil
}

// TickPlan returns the intents of some times of a schedule after a time, and the
// last of these times.
type TickPlan = func(after time.Time) ([]reactors.Intent, time.Time)

// ClaimSchedule claims what a rule's schedule asks for, and saves up to when in
// the same transaction: each time is claimed once, whichever replica claims it.
func (s *Runs) ClaimSchedule(ctx context.Context, rule string, after time.Time, plan TickPlan) (until time.Time, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var ended []reactors.Intent
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var seen time.Time
		if err := tx.QueryRow(ctx, `
			SELECT seen_until
			FROM reactor_schedules
			WHERE reactor = $1
			FOR UPDATE`, rule).Scan(&seen); err != nil {
			return err
		}
		if seen.After(after) {
			after = seen
		}
		var intents []reactors.Intent
		intents, until = plan(after)
		for i := range intents {
			// A schedule asks again and again for what once_per allows once:
			// only the first time is worth noting.
			intents[i].Outcome = reactors.AlreadyDone
		}
		var err error
		if ended, err = s.Claim(ctx, tx, intents); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE reactor_schedules
			SET seen_until = GREATEST(seen_until, $2)
			WHERE reactor = $1`, rule, until.UTC())
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("claim the schedule of reactor %q: %w", rule, err)
	}
	s.Evaluated(ended, nil)
	return until, nil
}

// SaveSchedulesClaimed saves that all schedules of the rules in force were
// claimed up to now.
func (s *Runs) SaveSchedulesClaimed(ctx context.Context, now time.Time) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `
		INSERT INTO reactor_schedules AS r (reactor, seen_until)
		VALUES ($1, $2)
		ON CONFLICT (reactor) DO UPDATE SET
			seen_until = GREATEST(r.seen_until, excluded.seen_until)`, anySchedule, now.UTC()); err != nil {
		return fmt.Errorf("save that schedules were claimed: %w", err)
	}
	return nil
}
