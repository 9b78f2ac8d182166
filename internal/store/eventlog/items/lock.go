package items

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Modes of the locks of the table projection_locks, which is there for nothing else. A
// rebuild's conflicts with all of them; of the other three only those of places conflict.
const (
	sharedProjections = "ROW SHARE"
	ownProjections    = "EXCLUSIVE"
	sharedPlaces      = "ROW EXCLUSIVE"
	ownPlaces         = "SHARE ROW EXCLUSIVE"
)

// ShareProjections comes before the first projection that a transaction writes:
// it waits for a rebuild to end and keeps the next one waiting.
func ShareProjections(q *pgx.Batch) { queueLock(q, sharedProjections) }

// SharePlaces comes before messages of which all are known when they were sent, and
// OwnPlaces before others: nobody else writes messages until the transaction ends, or
// two could give one message two rows.
func SharePlaces(q *pgx.Batch) { queueLock(q, sharedPlaces) }
func OwnPlaces(q *pgx.Batch)   { queueLock(q, ownPlaces) }

func queueLock(q *pgx.Batch, mode string) {
	q.Queue(`SELECT lock_projections('` + mode + `')`)
}

// OwnProjections waits for all that have written projections to commit. Nobody
// else writes any until the transaction ends. It comes first, so that nobody
// waits in a circle. A statement that waited for single rows instead would see
// them as they are then, and all else as it was before: what was fetched
// meanwhile for a membership it would take for nothing.
func OwnProjections(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT lock_projections('`+ownProjections+`')`); err != nil {
		return fmt.Errorf("wait for those who write projections: %w", err)
	}
	return nil
}
