package coverage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Move is the Chat app's coming into a space, or leaving it.
type Move struct {
	Space   string // "spaces/S"
	Present bool
	At      time.Time
}

// Follow keeps whether the app is in the spaces; the newest event counts.
func Follow(ctx context.Context, tx pgx.Tx, moves []Move) error {
	slices.SortFunc(moves, func(x, y Move) int { return cmp.Compare(x.Space, y.Space) })
	for _, m := range moves {
		if _, err := tx.Exec(ctx, `
			INSERT INTO followed_spaces AS f (space, present, changed_at)
			VALUES ($1, $2, $3)
			ON CONFLICT (space) DO UPDATE SET
				present = excluded.present,
				changed_at = excluded.changed_at
			WHERE f.changed_at < excluded.changed_at`, m.Space, m.Present, m.At); err != nil {
			return fmt.Errorf("save the app's membership of %s: %w", m.Space, err)
		}
	}
	return nil
}

// FollowedSpaces returns the spaces, "spaces/S", that the Chat app was added
// to and not removed from since, by its interaction events. Direct messages
// and group chats without a name are left out: what is said to the app there
// comes as interactions, and everybody who opens a chat with it makes one.
func (s *Coverage) FollowedSpaces(ctx context.Context) ([]string, error) {
	list, err := store.List(ctx, s.db, pgx.RowTo[string], `
		SELECT f.space
		FROM followed_spaces f
		LEFT JOIN spaces s ON s.space = f.space
		WHERE f.present AND s.deleted_at IS NULL AND s.space_type IS DISTINCT FROM 'DIRECT_MESSAGE'
			AND NOT (s.space_type = 'GROUP_CHAT' AND s.display_name IS NULL) IS TRUE
		ORDER BY f.space`)
	if err != nil {
		return nil, fmt.Errorf("read the spaces that the app was added to: %w", err)
	}
	return list, nil
}
