package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Inspection is what the database server says of itself and of the role that
// asks.
type Inspection struct {
	Now       time.Time // the server's clock
	Version   string    // of Postgres: "17.2"
	Role      string
	Superuser bool
	ReadOnly  bool // a standby, or told to take no writes
}

// Inspect works without a schema.
func (s *Store) Inspect(ctx context.Context) (Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var in Inspection
	err := s.pool.QueryRow(ctx, `
		SELECT clock_timestamp(), current_setting('server_version'), rolname, rolsuper,
			pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean
		FROM pg_roles
		WHERE rolname = current_user`).Scan(&in.Now, &in.Version, &in.Role, &in.Superuser, &in.ReadOnly)
	if err != nil {
		return Inspection{}, fmt.Errorf("inspect the database: %w", err)
	}
	return in, nil
}

// MissingPrivileges lists what the role may not do of what the worker has to,
// for people: "INSERT on events". It needs the schema.
func (s *Store) MissingPrivileges(ctx context.Context) ([]string, error) {
	missing, err := List(ctx, s, pgx.RowTo[string], `
		WITH ours AS (
			SELECT oid, relname, relkind, relowner
			FROM pg_class
			WHERE relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass)
		)
		SELECT p.privilege || ' on ' || relname
		FROM ours, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p (privilege)
		WHERE relkind IN ('r', 'p') AND NOT has_table_privilege(oid, p.privilege)
			-- What is only added to, and what is another role's business.
			AND NOT (p.privilege = 'UPDATE' AND relname ~ '^(quarantine|payload_dictionaries)')
			AND NOT (p.privilege = 'DELETE' AND relname ~ '^(events|payload_dictionaries)')
			AND NOT (p.privilege <> 'SELECT' AND relname IN ('goose_db_version', 'river_migration', 'schema_compatibility'))
		UNION ALL
		SELECT 'USAGE on ' || relname
		FROM ours
		WHERE CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(oid, 'USAGE') END -- in this order: it is an error for others
			AND NOT relname ~ '^goose'
		UNION ALL
		-- Only the owner may add partitions.
		SELECT 'ownership of ' || relname
		FROM ours
		WHERE oid = 'events'::regclass AND NOT pg_has_role(relowner, 'USAGE')
		UNION ALL
		SELECT 'CREATE on schema ' || nspname
		FROM pg_namespace
		WHERE oid = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass) AND NOT has_schema_privilege(oid, 'CREATE')
		ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("read the role's privileges: %w", err)
	}
	return missing, nil
}
