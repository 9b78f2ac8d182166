package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/analytics"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// maxCandidates is how many are listed of those that a name may mean.
const maxCandidates = 10

// idOf returns the id of whom or what a query names: actor or space.
func idOf(ctx context.Context, db *store.Store) func(key, called string) (string, error) {
	return func(key, called string) (string, error) {
		if key == "space" {
			id, err := analytics.FindSpace(ctx, db, called)
			if err != nil {
				return "", fmt.Errorf("%s", strings.TrimPrefix(err.Error(), fmt.Sprintf("--space %q: ", called)))
			}
			return id, nil
		}
		return findActor(ctx, db, called)
	}
}

// findActor returns the person or app that somebody has named by an id or by what
// people call them, in capitals or not.
func findActor(ctx context.Context, db *store.Store, called string) (string, error) {
	if strings.HasPrefix(called, "users/") || strings.HasPrefix(called, "roles/") {
		return called, nil
	}
	known, err := store.List(ctx, db, pgx.RowToStructByPos[struct{ ID, Name string }], `
		SELECT member_id, display_name
		FROM analytics.dim_members
		WHERE display_name IS NOT NULL
		ORDER BY display_name, member_id`)
	if err != nil {
		return "", fmt.Errorf("look for a person: %w", err)
	}
	var same, contain, titles []string
	for _, one := range known {
		titles = append(titles, one.Name)
		switch {
		case strings.EqualFold(one.Name, called):
			same = append(same, one.ID)
		case strings.Contains(strings.ToLower(one.Name), strings.ToLower(called)):
			contain = append(contain, fmt.Sprintf("%s (%s)", one.Name, one.ID))
		}
	}
	switch {
	case len(same) == 1:
		return same[0], nil
	case len(same) > 1:
		return "", fmt.Errorf("%d people are called %q: name one by its id: %s", len(same), called, few(same))
	case len(contain) > 0:
		return "", fmt.Errorf("nobody is called %q; these are like it: %s", called, few(contain))
	}
	if near := strictyaml.Nearest(called, slices.Compact(titles)); near != "" {
		return "", fmt.Errorf("nobody is called %q: did you mean %q?", called, near)
	}
	return "", fmt.Errorf("nobody is called %q: name them by their id, such as users/123", called)
}

func few(list []string) string {
	text := strings.Join(list[:min(len(list), maxCandidates)], ", ")
	if more := len(list) - maxCandidates; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
