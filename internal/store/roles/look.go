package roles

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Found is what roles may do that they shouldn't.
type Found struct {
	Absent bool     // there are no roles: the tables belong to another than the owner
	Leaks  []string // by which readers see or change what isn't theirs: "grafana may SELECT public.events"
	Loose  []string // by which others may harm: "chat, the role in database.dsn, may alter the log"
}

// Cure lists what mends what is found.
var Cure = []string{
	"subscriber database roles takes rights away that roles were given too much",
	"let the worker log in as a member of " + Worker + ", and dashboards as members of " + Reader + " with a statement_timeout",
	"revoke what is somebody else's: PUBLIC's, or that of another role of theirs",
}

// Look tells what the roles may do too much of. It changes nothing.
func Look(ctx context.Context, s *store.Store) (found Found, err error) {
	fail := func(err error) (Found, error) { return Found{}, fmt.Errorf("read what roles may do: %w", err) }
	there, err := inUse(ctx, s)
	if err != nil {
		return fail(err)
	}
	if !there {
		return Found{Absent: true}, nil
	}
	if found.Leaks, err = store.List(ctx, s, pgx.RowTo[string], `
		WITH readers AS (
			SELECT oid AS reader, rolname::text AS name
			FROM pg_roles
			WHERE pg_has_role(oid, $1::text::regrole::oid, 'USAGE') AND NOT rolsuper
		), schemas AS (
			SELECT oid AS schema, nspname
			FROM pg_namespace
			WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
		), relations AS (
			SELECT c.oid AS relation, c.relkind, nspname
			FROM pg_class c
			JOIN schemas ON schema = c.relnamespace
			WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
				AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
		)
		SELECT name || ' may ' || string_agg(privilege, ', ') || ' ' || relation::regclass
		FROM readers
		CROSS JOIN relations
		CROSS JOIN LATERAL (
			SELECT 'use' WHERE relkind = 'S' AND has_sequence_privilege(reader, relation, 'USAGE, SELECT, UPDATE')
			UNION ALL
			SELECT p
			FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p
			WHERE relkind <> 'S' AND has_any_column_privilege(reader, relation, p) AND (nspname, p) <> ('analytics', 'SELECT')
			UNION ALL
			SELECT p
			FROM unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) AS p
			WHERE relkind <> 'S' AND has_table_privilege(reader, relation, p)
		) AS held (privilege)
		GROUP BY name, relation
		UNION ALL
		SELECT name || ' may CREATE in schema ' || nspname FROM readers CROSS JOIN schemas WHERE has_schema_privilege(reader, schema, 'CREATE')
		UNION ALL
		SELECT name || ' may make ' || what || ' in the database'
		FROM readers
		CROSS JOIN (VALUES ('CREATE', 'schemas'), ('TEMPORARY', 'temporary tables')) AS v (privilege, what)
		WHERE has_database_privilege(reader, current_database(), privilege)
		UNION ALL
		-- Others act as their caller.
		SELECT name || ' may EXECUTE ' || f.oid::regprocedure
		FROM readers
		CROSS JOIN pg_proc f
		JOIN schemas ON schema = f.pronamespace
		WHERE f.prosecdef AND has_function_privilege(reader, f.oid, 'EXECUTE') AND (nspname, proname) <> ('analytics', 'record_action')
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
		ORDER BY 1`, Reader); err != nil {
		return fail(err)
	}
	if found.Loose, err = store.List(ctx, s, pgx.RowTo[string], `
		WITH workers AS (
			SELECT oid AS worker, rolname::text AS name
			FROM pg_roles
			WHERE NOT rolsuper AND (rolname = current_user OR pg_has_role(oid, $1::text::regrole::oid, 'USAGE'))
		)
		SELECT name || ' may alter the log'
		FROM workers
		WHERE EXISTS (
			SELECT
			FROM pg_partition_tree('public.events') AS t
			WHERE has_table_privilege(worker, t.relid, 'UPDATE, DELETE, TRUNCATE')
		)
		UNION ALL
		SELECT name || ' owns the database and may drop it'
		FROM workers
		JOIN pg_database d ON d.datname = current_database() AND pg_has_role(worker, d.datdba, 'USAGE')
		UNION ALL
		SELECT r.rolname || ' reads without a statement_timeout'
		FROM pg_roles r
		WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_has_role(r.oid, $2::text::regrole::oid, 'USAGE') AND NOT EXISTS (
			SELECT
			FROM pg_db_role_setting s
			CROSS JOIN unnest(s.setconfig) AS c (setting)
			WHERE s.setrole = r.oid AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
				AND c.setting LIKE 'statement_timeout=%' AND c.setting <> 'statement_timeout=0'
		)
		ORDER BY 1`, Worker, Reader); err != nil {
		return fail(err)
	}
	return found, nil
}

// inUse reports whether the tables are the owner's: roles are of the whole server,
// and may have been made for another database.
func inUse(ctx context.Context, s *store.Store) (bool, error) {
	mine, err := store.List(ctx, s, pgx.RowTo[bool], `
		SELECT pg_get_userbyid(relowner) = $1
		FROM pg_class
		WHERE oid = to_regclass('public.events')`, Owner)
	return slices.Contains(mine, true), err
}
