package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Names compares the display names in the database with those of the spaces and
// people that the Chat API's lists have told. What is in a list that was just
// answered may take so long to be saved.
func Names(ctx context.Context, db *pgxpool.Pool, truth simulate.Truth, within time.Duration) (Row, error) {
	row := Row{What: "display names", Wanted: len(truth.Listed)}
	var resources, wanted []string
	for name, displayName := range truth.Listed {
		resources, wanted = append(resources, name), append(wanted, displayName)
	}
	type found struct{ There, Right int }
	for deadline := time.Now().Add(within); ; {
		got, err := collect(ctx, db, pgx.RowToStructByPos[found], `
			SELECT count(k.display_name)::int, (count(*) FILTER (WHERE k.display_name = w.display_name))::int
			FROM unnest($1::text[], $2::text[]) AS w (name, display_name)
			JOIN (
				SELECT space AS name, display_name FROM spaces
				UNION ALL
				SELECT user_name, display_name FROM users
			) k USING (name)`, resources, wanted)
		if err != nil {
			return row, fmt.Errorf("compare display names: %w", err)
		}
		row.Got, row.Lost, row.Unexpected = got[0].There, row.Wanted-got[0].There, got[0].There-got[0].Right
		if row.Exact() || time.Now().After(deadline) {
			return row, nil
		}
		if err := gax.Sleep(ctx, 50*time.Millisecond); err != nil {
			return row, fmt.Errorf("compare display names: %w", err)
		}
	}
}
