// Package reporting keeps the zone in which the schema analytics counts days.
//
// It promises that a zone gets into the database only if Postgres has it. Any
// number of replicas may set it at once. One that Postgres doesn't have is an
// [*UnknownZoneError], which no retry mends; any other error is about the database.
package reporting

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// UnknownZoneError says that there is no such zone.
type UnknownZoneError struct {
	Zone    string
	Suggest string // what to write instead
}

func (e *UnknownZoneError) Error() string {
	return fmt.Sprintf("there is no time zone %q: %s", e.Zone, e.Suggest)
}

// SetZone makes zone, an IANA name, the one in which days begin and end.
func SetZone(ctx context.Context, db *store.Store, zone string) error {
	current, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT zone
		FROM reporting`)
	if err != nil {
		return fmt.Errorf("read the reporting zone: %w", err)
	}
	if slices.Equal(current, []string{zone}) {
		return nil
	}
	known, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT name
		FROM pg_timezone_names
		WHERE name !~ '^posix'
		ORDER BY name`)
	if err != nil {
		return fmt.Errorf("list the time zones: %w", err)
	}
	if !slices.Contains(known, zone) {
		return &UnknownZoneError{zone, strictyaml.Suggest(zone, known)}
	}
	if _, err := db.Exec(ctx, `
		UPDATE reporting
		SET zone = $1, changed_at = now()
		WHERE zone <> $1`, zone); err != nil {
		return fmt.Errorf("save the reporting zone: %w", err)
	}
	return nil
}
