package runs

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// WakeRuns lets the jobs of runs begin at once, in this order, that were put off for
// later. It returns the runs of which an attempt is still under way: that may put the
// job off once more, so they are to be woken again.
func (s *Runs) WakeRuns(ctx context.Context, ids []int64) (busy map[int64]bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
		WITH asked AS (
			SELECT id, n
			FROM unnest($1::bigint[]) WITH ORDINALITY AS a (id, n)
		), woken AS (
			UPDATE river_job j
			-- Jobs begin in the order of their times.
			SET state = 'available', scheduled_at = now() + (a.n - $4) * interval '1 microsecond'
			FROM asked a
			WHERE j.args->>'run_id' = a.id::text AND j.kind = $2 AND j.queue = $3
				AND j.state IN ('available', 'scheduled') AND j.scheduled_at > now()
		)
		SELECT a.id
		FROM asked a
		JOIN river_job j ON j.args->>'run_id' = a.id::text AND j.kind = $2 AND j.queue = $3 AND j.state = 'running'`,
		ids, reactors.RunArgs{}.Kind(), reactors.Queue, len(ids))
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("wake %d runs: %w", len(ids), err)
	}
	busy = make(map[int64]bool, len(list))
	for _, id := range list {
		busy[id] = true
	}
	return busy, nil
}
