package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Broker is the part of the simulated Pub/Sub that Drain needs.
type Broker interface {
	// WaitIdle returns nil once every message of the subscription is acked.
	WaitIdle(ctx context.Context, subscription string) error
}

// Drain waits until every message is acked, what events only named is fetched, and
// every run has ended, and then until the events of what the runs have sent are
// acked too. If ctx ends first the outcome is unknown, and the error says so.
func Drain(ctx context.Context, db *pgxpool.Pool, broker Broker, subscription string) error {
	if err := idle(ctx, broker, subscription); err != nil {
		return err
	}
	if err := await(ctx, db, "resources to fetch", `
		SELECT count(*)
		FROM river_job
		WHERE kind = 'fetch' AND finalized_at IS NULL`); err != nil {
		return err
	}
	if err := await(ctx, db, "pending runs", `
		SELECT count(*)
		FROM reactor_runs
		WHERE outcome = 'pending'`); err != nil {
		return err
	}
	return idle(ctx, broker, subscription)
}

// Covered waits until the keeper has seen every subscription ACTIVE at a time
// after since, and every gap is closed but those that a person knows to be lost.
func Covered(ctx context.Context, db *pgxpool.Pool, since time.Time) error {
	return await(ctx, db, "subscriptions or gaps in the way of full coverage", `
		SELECT (
			SELECT count(*)
			FROM subscription_states
			LEFT JOIN keeper_passes ON true
			WHERE managed AND (state IS DISTINCT FROM 'ACTIVE' OR GREATEST(observed_at, listed_at) <= $1)
		) + (
			SELECT count(*)
			FROM coverage_gaps
			WHERE state <> 'acknowledged'
		)`, since)
}

func idle(ctx context.Context, broker Broker, subscription string) error {
	if err := broker.WaitIdle(ctx, subscription); err != nil {
		return fmt.Errorf("outcome unknown: not every message was acked in time: %w", err)
	}
	return nil
}

// await asks until the answer is 0.
func await(ctx context.Context, db *pgxpool.Pool, what, query string, args ...any) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var left int
		err := db.QueryRow(ctx, query, args...).Scan(&left)
		if err == nil && left == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("outcome unknown: count %s: %w", what, err)
			}
			return fmt.Errorf("outcome unknown: there were still %d %s when the time was up", left, what)
		}
	}
}
