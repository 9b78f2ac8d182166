// Package runs keeps the runs of rules in Postgres: which were claimed and what
// became of each, their limits and write slots, the times of schedules,
// switches, and a sample of the evaluations that led to no run.
//
// # What it promises
//
// A run is claimed once for each rule, subject and step, together with the
// River job that carries it out, in the transaction that asks for it. What a
// run is about to do is stored before it acts. How runs ended is counted exactly;
// evaluations that led to none are counted in memory and saved every few seconds,
// each once or, if the process is killed before, not at all.
//
// # What the caller must do
//
// Look at a run anew when a method answers [ErrRunChanged]. Where events are
// evaluated, call [Runs.Evaluated] after each commit and let [Runs.KeepFlushing]
// run.
//
// # Failure
//
// Any other error is about the database; nothing was written. Try again.
package runs

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Runs keeps the runs. All methods may be called from any goroutine and by any
// number of replicas.
type Runs struct {
	db   *store.Store
	pool *pgxpool.Pool

	evaluations evaluations
}

// New returns the runs in a database.
func New(db *store.Store) *Runs { return &Runs{db: db, pool: db.Pool()} }
