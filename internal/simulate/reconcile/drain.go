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

// Drain waits until every message is acked and every run has ended, and then
// until the events of what the runs have sent are acked too. If ctx ends first
// the outcome is unknown, and the error says so.
func Drain(ctx context.Context, db *pgxpool.Pool, broker Broker, subscription string) error {
	if err := idle(ctx, broker, subscription); err != nil {
		return err
	}
	if err := ended(ctx, db); err != nil {
		return err
	}
	return idle(ctx, broker, subscription)
}

func idle(ctx context.Context, broker Broker, subscription string) error {
	if err := broker.WaitIdle(ctx, subscription); err != nil {
		return fmt.Errorf("outcome unknown: not every message was acked in time: %w", err)
	}
	return nil
}

func ended(ctx context.Context, db *pgxpool.Pool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var pending int
		err := db.QueryRow(ctx, `
			SELECT count(*)
			FROM reactor_runs
			WHERE state = 'pending'`).Scan(&pending)
		if err == nil && pending == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("outcome unknown: count pending runs: %w", err)
			}
			return fmt.Errorf("outcome unknown: %d runs were still pending when the time was up", pending)
		}
	}
}
