package facts

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Spaces returns the spaces that are known and not deleted: what a wide scope
// covers.
func (s Reader) Spaces(ctx context.Context) ([]string, error) {
	list, err := store.List(ctx, s.db, pgx.RowTo[string], `
		SELECT space
		FROM spaces
		WHERE deleted_at IS NULL
		ORDER BY space`)
	if err != nil {
		return nil, fmt.Errorf("list the spaces: %w", err)
	}
	return list, nil
}

// NamedSpaces are those of [Reader.Spaces] but for direct messages and group chats
// without a name, which are read only for those who ask for them.
func (s Reader) NamedSpaces(ctx context.Context) ([]string, error) {
	list, err := store.List(ctx, s.db, pgx.RowTo[string], `
		SELECT space
		FROM spaces
		WHERE deleted_at IS NULL AND space_type IS DISTINCT FROM 'DIRECT_MESSAGE'
			AND NOT (space_type = 'GROUP_CHAT' AND display_name IS NULL) IS TRUE
		ORDER BY space`)
	if err != nil {
		return nil, fmt.Errorf("list the spaces: %w", err)
	}
	return list, nil
}

// Reach tells where the app can act on a schedule: in all spaces that are known, but for
// those that are deleted, or that its newest interaction event says it was removed from.
func (s Reader) Reach(ctx context.Context) (reactors.Reach, error) {
	type known struct {
		Space     string
		Scheduled bool
		GoneAt    *time.Time
	}
	list, err := store.List(ctx, s.db, pgx.RowToStructByPos[known], `
		SELECT space, s.space IS NOT NULL AND space_type IS DISTINCT FROM 'DIRECT_MESSAGE' AND space LIKE 'spaces/%',
			LEAST(s.deleted_at, CASE WHEN NOT f.present THEN f.changed_at END)
		FROM spaces s
		FULL JOIN followed_spaces f USING (space)
		ORDER BY space`)
	if err != nil {
		return reactors.Reach{}, fmt.Errorf("list where the app is: %w", err)
	}
	r := reactors.Reach{Gone: map[string]time.Time{}}
	for _, k := range list {
		if k.Scheduled {
			r.Spaces = append(r.Spaces, k.Space)
		}
		if k.GoneAt != nil {
			r.Gone[k.Space] = k.GoneAt.UTC()
		}
	}
	return r, nil
}
