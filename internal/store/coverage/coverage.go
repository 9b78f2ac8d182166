// Package coverage keeps in Postgres which events could be seen: the states of
// the subscriptions, the intervals of each scope that follow from them, the gaps
// and their repair.
//
// # What it promises
//
// Every moment of a watched scope is covered by a live subscription, was
// fetched later, or is a gap. A gap is written in one transaction with the
// observation that shows it and with the job that repairs it. Doubt counts as
// a gap. The same observation again changes nothing.
//
// # What the caller must do
//
// Report what Google says with [Coverage.Observe], save heartbeats with
// [Coverage.Heartbeat] while a worker runs, and repair gaps.
//
// # Failure
//
// An error is about the database; nothing was written. Try again.
package coverage

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Coverage keeps the coverage. All methods may be called from any goroutine
// and by any number of replicas.
//
// They ignore the error of Query, as pgx gives it again with the rows.
type Coverage struct {
	db   *store.Store
	pool *pgxpool.Pool
}

// New returns the coverage in a database.
func New(db *store.Store) *Coverage { return &Coverage{db: db, pool: db.Pool()} }

// keeperLock is the advisory lock of transactions that change coverage: those
// of two replicas come one after the other.
const keeperLock = 0x5b_ee_9e_12

// change runs do in a transaction that holds keeperLock.
func (s *Coverage) change(ctx context.Context, do func(context.Context, pgx.Tx) error) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, keeperLock); err != nil {
			return err
		}
		return do(ctx, tx)
	})
}
