// Package coverage keeps which events could be seen, in Postgres: what the
// keeper saw of the subscriptions, the intervals of each scope that follow from
// it, the gaps between them and their repair.
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
// Report what Google says with [Coverage.Observe], send heartbeats with [Coverage.Beat]
// while a worker runs, and repair gaps.
//
// # Failure
//
// An error is about the database; nothing was written. Try again.
package coverage

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Coverage keeps the coverage. All methods may be called from any goroutine
// and by any number of replicas.
type Coverage struct {
	db   *store.Store
	pool *pgxpool.Pool
}

// New returns the coverage in a database.
func New(db *store.Store) *Coverage { return &Coverage{db: db, pool: db.Pool()} }
