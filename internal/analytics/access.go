package analytics

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
)

// CheckSchema is [store.Store.CheckSchema] for whoever may read the schema analytics and
// nothing else.
func CheckSchema(ctx context.Context, db *store.Store) error {
	err := db.CheckSchema(ctx)
	var refused *store.SchemaError
	if !errors.As(err, &refused) || len(refused.Missing) == 0 {
		return err
	}
	type versions struct{ Schema, OldestBinary int64 }
	found, err := store.List(ctx, db, pgx.RowToStructByPos[versions], `
		SELECT schema_version, oldest_binary
		FROM analytics.about`)
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == "42501": // insufficient_privilege
		return cli.WrongConfiguration("the role %s may not read the schema analytics: make it a member of %s", refused.Role, roles.Reader)
	case errors.As(err, &pgErr) && pgErr.Code == "42P01": // undefined_table
		return &store.SchemaError{Needed: refused.Needed}
	case err != nil:
		return fmt.Errorf("read the schema version: %w", err)
	}
	for _, v := range found {
		if v.Schema < refused.Needed || v.OldestBinary > refused.Needed {
			return &store.SchemaError{Version: v.Schema, Needed: refused.Needed}
		}
	}
	return nil
}

// checkLog errs for a role that may not read the log.
func checkLog(ctx context.Context, db *store.Store) error {
	found, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT current_user::text
		WHERE has_table_privilege(to_regclass('events'), 'SELECT') IS NOT TRUE`)
	if err != nil {
		return fmt.Errorf("see who may read the log: %w", err)
	}
	for _, role := range found {
		return cli.WrongConfiguration("tail reads the event log, which the role %s may not: run it as a member of %s, "+
			"or read what the schema analytics shows by stats and analytics export", role, roles.Worker)
	}
	return nil
}

// checkAll errs for the reader of a group, who sees nothing of all spaces together.
func checkAll(ctx context.Context, tx pgx.Tx) error {
	var all bool
	var one string
	if err := tx.QueryRow(ctx, `
		SELECT sees_all_spaces, (SELECT COALESCE(min(display_name), min(space_id), 'NAME') FROM analytics.dim_spaces)
		FROM analytics.about`).Scan(&all, &one); err != nil {
		return fmt.Errorf("see which spaces may be read: %w", err)
	}
	if !all {
		return cli.Usage("this role sees the spaces of a group, and no numbers of all together: name one, such as --space %q", one)
	}
	return nil
}
