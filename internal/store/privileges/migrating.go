package privileges

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// ExplainMigrating says what to grant if err is that the role of dsn may not
// change the schema; nil if it is something else.
func ExplainMigrating(ctx context.Context, dsn string, err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != "42501" { // insufficient_privilege
		return nil
	}
	db, err := store.Open(ctx, dsn, store.Options{MaxConns: 1})
	if err != nil {
		return nil // the caller has the other
	}
	defer db.Close()
	ctx, cancel := db.WithTimeout(ctx)
	defer cancel()
	var role, database, owner string
	var may bool
	if err := db.Pool().QueryRow(ctx, `
		SELECT quote_ident(current_user), quote_ident(current_database()), has_schema_privilege('public', 'CREATE'), COALESCE((
			SELECT quote_ident(pg_get_userbyid(relowner))
			FROM pg_class
			WHERE oid = to_regclass('public.goose_db_version') AND NOT pg_has_role(relowner, 'USAGE')
		), '')`).Scan(&role, &database, &may, &owner); err != nil {
		return nil // the same
	}
	switch {
	case owner != "":
		return fmt.Errorf("the role %s may not change the tables, which are %s's: migrate as that role, or GRANT %[2]s TO %[1]s", role, owner)
	case !may:
		return fmt.Errorf("the role %s may not make tables: as the owner of the database %s, GRANT CREATE ON SCHEMA public TO %[1]s", role, database)
	}
	return fmt.Errorf("the role %s may not do this in the database %s: %s", role, database, refused.Message)
}
