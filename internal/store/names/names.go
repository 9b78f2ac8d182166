// Package names keeps what Google's lists of spaces tell of their names. Events
// rarely tell any: of messages and members they hold resource names only. The
// names of people come with lists of members, by package eventlog.
//
// It promises that a name which was listed later than an event happened wins
// over the event's, and that the names of before stay in the table names. It
// may be called by any number of replicas, with the same list again at no cost.
// An error is about the database; the next list does the rest.
package names

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Space is what a list tells of a space.
type Space struct {
	Name        string // "spaces/S"
	DisplayName string // "" for one that has no name
	Type        string // SPACE, GROUP_CHAT or DIRECT_MESSAGE
	Threading   string // THREADED_MESSAGES and so on; "" if it isn't told
}

// Listed saves the names and types of spaces that are known or watched, and
// whether they have threads, as of a time by Google's clock, and returns how many
// it changed.
func Listed(ctx context.Context, db *store.Store, asOf time.Time, list []Space) (changed int, err error) {
	text := func(field func(*Space) string) []string { return store.Column(list, field) }
	spaces := text(func(s *Space) string { return store.Clean(s.Name) })
	if _, err := db.Exec(ctx, `
		INSERT INTO spaces (version_time, version_key, space)
		SELECT '-infinity', '00000000-0000-0000-0000-000000000000', space
		FROM unnest($1::text[]) AS i (space)
		WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.space = i.space)
			AND EXISTS (SELECT FROM subscription_states w WHERE w.scope = i.space)
		ORDER BY space COLLATE "C"
		ON CONFLICT DO NOTHING`, spaces); err != nil {
		return 0, fmt.Errorf("add spaces that were listed: %w", err)
	}
	tag, err := db.Exec(ctx, `
		UPDATE spaces s
		SET display_name = n.display_name, space_type = COALESCE(n.space_type, s.space_type),
			threading_state = COALESCE(n.threading_state, s.threading_state), named_at = $1
		FROM (
			SELECT k.space, NULLIF(i.display_name, '') AS display_name, NULLIF(i.space_type, '') AS space_type,
				NULLIF(i.threading_state, '') AS threading_state
			FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS i (space, display_name, space_type, threading_state)
			JOIN spaces k ON k.space = i.space
			WHERE (k.named_at IS NULL OR k.named_at < $1)
				AND (NULLIF(i.display_name, '') IS DISTINCT FROM k.display_name
					OR COALESCE(NULLIF(i.space_type, ''), k.space_type) IS DISTINCT FROM k.space_type
					OR COALESCE(NULLIF(i.threading_state, ''), k.threading_state) IS DISTINCT FROM k.threading_state)
			ORDER BY k.space
			FOR UPDATE OF k -- in the order in which recording locks them
		) n
		WHERE s.space = n.space`, store.Microseconds(asOf), spaces,
		text(func(s *Space) string { return store.Clean(s.DisplayName) }), text(func(s *Space) string { return store.Clean(s.Type) }),
		text(func(s *Space) string { return store.Clean(s.Threading) }))
	if err != nil {
		return 0, fmt.Errorf("save the names of %d spaces: %w", len(list), err)
	}
	return int(tag.RowsAffected()), nil
}

// Known returns the names of spaces, by "spaces/S".
func Known(ctx context.Context, db *store.Store) (map[string]string, error) {
	list, err := store.List(ctx, db, pgx.RowToStructByPos[struct{ Space, Name string }], `
		SELECT space, display_name
		FROM spaces
		WHERE display_name IS NOT NULL AND deleted_at IS NULL`)
	if err != nil {
		return nil, fmt.Errorf("read the names of spaces: %w", err)
	}
	known := make(map[string]string, len(list))
	for _, s := range list {
		known[s.Space] = s.Name
	}
	return known, nil
}

// Titles are what people call spaces and people, by resource name. They are for
// terminals, never for logs.
type Titles map[string]string

// Of returns the titles of those resources that have one. They make output
// readable and nothing else, so that it does without those that can't be read.
func Of(ctx context.Context, db *store.Store, resources ...string) Titles {
	list, _ := store.List(ctx, db, pgx.RowToStructByPos[struct{ Resource, Title string }], `
		SELECT space, display_name
		FROM spaces
		WHERE space = ANY ($1) AND display_name <> ''
		UNION ALL
		SELECT user_name, display_name
		FROM users
		WHERE user_name = ANY ($1) AND display_name <> ''`, resources)
	titles := make(Titles, len(list))
	for _, one := range list {
		titles[one.Resource] = one.Title
	}
	return titles
}

// Named lists the spaces and people that texts name.
func Named(texts ...string) (resources []string) {
	for _, text := range texts {
		events.ReplaceNames(text, func(name string) string {
			resources = append(resources, name)
			return name
		})
	}
	return resources
}

// In is the text, with titles beside the spaces and people that it names.
func (t Titles) In(text string) string { return events.ReplaceNames(text, t.With) }

// Resolve returns the only space that somebody has called so, in capitals or not. An
// error lists those that may be meant.
func Resolve(known map[string]string, called string) (space string, err error) {
	var same, titles []string
	for space, title := range known {
		if strings.EqualFold(title, called) {
			same = append(same, space)
		}
		titles = append(titles, title)
	}
	slices.Sort(same)
	slices.Sort(titles)
	switch len(same) {
	case 1:
		return same[0], nil
	case 0:
		if near := strictyaml.Nearest(called, titles); near != "" {
			return "", fmt.Errorf("no space is called that: did you mean %q?", near)
		}
		return "", errors.New("no space is called that: name it by its id, such as spaces/AAQAtX4kZ1c")
	}
	const maxListed = 10
	list := strings.Join(same[:min(len(same), maxListed)], ", ")
	if more := len(same) - maxListed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return "", fmt.Errorf("%d spaces are called that, %s: name one by its id", len(same), list)
}

// With is the resource after its title: "Anna (users/123)".
func (t Titles) With(resource string) string {
	if title := t[resource]; title != "" {
		return fmt.Sprintf("%s (%s)", title, resource)
	}
	return resource
}
