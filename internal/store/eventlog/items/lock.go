package items

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// projections is the advisory lock of all that write projections.
const projections = "hashtextextended('spacekeeper projections', 0)"

// ShareProjections comes before the first projection that a transaction writes:
// it waits for a rebuild to end and keeps the next one waiting.
func ShareProjections(q *pgx.Batch) {
	q.Queue(`SELECT pg_advisory_xact_lock_shared(` + projections + `)`)
}

// OwnProjections waits for all that have written projections to commit. Nobody
// else writes any until the transaction ends. It comes first, so that nobody
// waits in a circle. A statement that waited for single rows instead would see
// them as they are then, and all else as it was before: what was fetched
// meanwhile for a membership it would take for nothing.
func OwnProjections(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(`+projections+`)`); err != nil {
		return fmt.Errorf("wait for those who write projections: %w", err)
	}
	return nil
}
