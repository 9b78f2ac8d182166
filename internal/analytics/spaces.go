package analytics

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// FindSpace returns the space that somebody has named by its id or by what people
// call it, of those that the role may see; "" stays "".
func FindSpace(ctx context.Context, db *store.Store, called string) (string, error) {
	if called == "" {
		return "", nil
	}
	list, err := store.List(ctx, db, pgx.RowToStructByPos[struct{ ID, Name string }], `
		SELECT space_id, COALESCE(display_name, '')
		FROM analytics.dim_spaces`)
	if err != nil {
		return "", fmt.Errorf("look for a space: %w", err)
	}
	known, ids := map[string]string{}, []string{}
	for _, one := range list {
		if one.ID == called {
			return called, nil
		}
		ids = append(ids, one.ID)
		if one.Name != "" {
			known[one.ID] = one.Name
		}
	}
	if events.IsSpace(called) {
		if near := strictyaml.Nearest(called, ids); near != "" {
			return "", cli.Usage("--space %q: no such space is known: did you mean %s?", called, near)
		}
		return "", cli.Usage("--space %q: no such space is known", called)
	}
	space, err := names.Resolve(known, called)
	if err != nil {
		former, listErr := store.List(ctx, db, pgx.RowToStructByPos[struct{ ID, Name string }], `
			SELECT DISTINCT n.space_id, COALESCE(s.display_name, n.space_id)
			FROM analytics.dim_space_names n
			JOIN analytics.dim_spaces s USING (space_id)
			WHERE lower(n.display_name) = lower($1) AND lower(n.display_name) IS DISTINCT FROM lower(s.display_name)`, called)
		if listErr == nil && len(former) == 1 {
			return "", cli.Usage("--space %q: no space is called that any more; %s was, and is %q now", called, former[0].ID, former[0].Name)
		}
		return "", cli.Usage("--space %q: %v", called, err)
	}
	return space, nil
}
