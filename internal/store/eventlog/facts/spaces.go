package facts

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Spaces returns the spaces that are known and not deleted: what a wide scope
// covers.
func (s Reader) Spaces(ctx context.Context) ([]string, error) { return s.listSpaces(ctx, `true`) }

// KnownSpaces lists the spaces that are not deleted and are no direct messages,
// as far as is known.
func (s Reader) KnownSpaces(ctx context.Context) ([]string, error) {
	return s.listSpaces(ctx, `space_type IS DISTINCT FROM 'DIRECT_MESSAGE' AND space LIKE 'spaces/%'`)
}

func (s Reader) listSpaces(ctx context.Context, condition string) ([]string, error) {
	list, err := store.List(ctx, s.db, pgx.RowTo[string], `
		SELECT space
		FROM spaces
		WHERE deleted_at IS NULL AND `+condition+`
		ORDER BY space`)
	if err != nil {
		return nil, fmt.Errorf("list the spaces: %w", err)
	}
	return list, nil
}
