package coverage

import (
	"context"
	"fmt"
	"github.com/jackc/pgx/v5"
)

// FollowedSpaces returns the spaces, "spaces/S", that the Chat app was added
// to and not removed from since, by its interaction events. Direct messages
// are left out: what is said there comes as interactions.
func (s *Coverage) FollowedSpaces(ctx context.Context) ([]string, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, err := s.pool.Query(ctx, `
		SELECT f.space
		FROM followed_spaces f
		LEFT JOIN spaces s ON s.space = f.space
		WHERE f.present AND s.deleted_at IS NULL AND s.space_type IS DISTINCT FROM 'DIRECT_MESSAGE'
		ORDER BY f.space`)
	if err != nil {
		return nil, fmt.Errorf("read the spaces that the app was added to: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the spaces that the app was added to: %w", err)
	}
	return list, nil
}
