package roles

import (
	"fmt"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
)

// step is a part of what is to be done.
type step struct {
	does string // "make the roles"
	who  string // can do it if the caller's role may not
	sql  string
}

// create lists all that makes the roles and groups.
func create(groups []Group) []step {
	readers := []string{Reader}
	for _, g := range groups {
		readers = append(readers, g.Reader())
	}
	steps := []step{
		makeRoles(readers),
		{
			does: "make the readers of groups readers",
			who:  "whoever made the roles, or has them WITH ADMIN OPTION",
			sql: each(readers[1:], `
      IF NOT pg_has_role(role, '`+Reader+`', 'MEMBER') THEN
        EXECUTE format('GRANT `+Reader+` TO %I', role);
      END IF;`),
		},
		{
			does: "limit what readers do",
			who:  "whoever made the roles",
			sql: each(readers, `
      -- Of whoever logs in as one of them; whoever is a member sets it for its own role.
      IF NOT EXISTS (
        SELECT FROM pg_db_role_setting
        WHERE setrole = quote_ident(role)::regrole AND setdatabase = 0
          AND setconfig @> '{statement_timeout=30s,default_transaction_read_only=on}'
      ) THEN
        EXECUTE format('ALTER ROLE %I SET statement_timeout = ''30s''', role);
        EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', role);
      END IF;`),
		},
		{
			does: "close the database to those who aren't named",
			who:  "the owner of the database",
			sql: `DO $$
  BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO ` + Worker + `, ` + Reader + `', current_database());
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    -- To compile a query takes longer than all that is asked of analytics.
    IF NOT EXISTS (
      SELECT FROM pg_db_role_setting s
      JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
      WHERE s.setrole = 0 AND 'jit=off' = ANY (s.setconfig)
    ) THEN
      EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
    END IF;
    -- The owner makes tables, and in later migrations schemas.
    EXECUTE format('GRANT CREATE ON DATABASE %I TO ` + Owner + `', current_database());
    GRANT USAGE, CREATE ON SCHEMA public TO ` + Owner + `;
    GRANT USAGE ON SCHEMA public TO ` + Worker + `;
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    -- Whoever may not do that gets a warning, and no error.
    IF has_database_privilege('public', current_database(), 'TEMPORARY') OR has_schema_privilege('public', 'public', 'CREATE') OR
       NOT has_database_privilege('` + Owner + `', current_database(), 'CREATE') OR NOT has_schema_privilege('` + Owner + `', 'public', 'CREATE') THEN
      RAISE insufficient_privilege USING MESSAGE = format('must be owner of database %s', current_database());
    END IF;
  END
  $$;`,
		},
		{
			does: "keep locks and large objects from readers",
			who:  "a superuser",
			// Keepers and commands wait for each other by advisory locks, which recording
			// doesn't. A managed Postgres has no superuser, and leaves it.
			sql: `DO $$
  DECLARE
    f regprocedure;
  BEGIN
    FOR f IN
      SELECT oid
      FROM pg_proc
      WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(pg_(try_)?advisory_|lo_(creat|create|from_bytea)$)'
        AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ` + Owner + `, ` + Worker + `', f);
      EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
  END
  $$;`,
		},
		{
			does: "give the tables to " + Owner,
			who:  "a member of the role that owns the tables, and of " + Owner,
			sql:  changeOwner,
		},
	}
	return append(append(steps, grants()...), groupSpaces(groups)...)
}

func makeRoles(readers []string) step {
	return step{
		does: "make the roles",
		who:  "a role with CREATEROLE, such as the administrator of a managed Postgres",
		sql: each(append([]string{Owner, Worker, Content}, readers...), `
      IF to_regrole(quote_ident(role)) IS NULL THEN
        BEGIN
          EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
          NULL; -- somebody else has just made it
        END;
      END IF;`),
	}
}

// changeOwner makes of all that a migration has made what the owner owns. Sequences
// and indexes go with their tables.
const changeOwner = `DO $$
  DECLARE
    change text;
  BEGIN
    IF NOT pg_has_role('` + Owner + `', 'USAGE') THEN
      EXECUTE format('GRANT ` + Owner + ` TO %I', current_user); -- only a member may give it something
    END IF;
    PERFORM set_config('lock_timeout', '3s', true);
    FOR change IN
      SELECT format('ALTER %s %s OWNER TO ` + Owner + `', kind, name)
      FROM (
        SELECT 'SCHEMA', quote_ident(nspname), nspowner, 'pg_namespace'::regclass, oid
        FROM pg_namespace
        WHERE nspname = 'analytics'
        UNION ALL
        SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass::text, relowner, 'pg_class'::regclass, oid
        FROM pg_class
        WHERE relkind IN ('r', 'p', 'v') AND relnamespace IN ('public'::regnamespace, 'analytics'::regnamespace)
        UNION ALL
        SELECT 'FUNCTION', oid::regprocedure::text, proowner, 'pg_proc'::regclass, oid
        FROM pg_proc
        WHERE pronamespace IN ('public'::regnamespace, 'analytics'::regnamespace)
        UNION ALL
        SELECT 'TYPE', oid::regtype::text, typowner, 'pg_type'::regclass, oid
        FROM pg_type
        WHERE typtype = 'e' AND typnamespace = 'public'::regnamespace
      ) AS ours (kind, name, owner, class, id)
      WHERE owner IN (current_user::regrole, (SELECT relowner FROM pg_class WHERE oid = 'public.goose_db_version'::regclass))
        AND owner <> '` + Owner + `'::regrole
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = id AND d.deptype = 'e') -- of an extension
    LOOP
      EXECUTE change;
    END LOOP;
  END
  $$;`

// grants are what the roles may do with the tables. Migrations add tables, so
// these are for after them, too.
func grants() []step {
	var worker strings.Builder
	for _, n := range needed() {
		fmt.Fprintf(&worker, "  GRANT %s ON public.%s TO %s;\n", n.privileges, n.relation, Worker)
	}
	const owner = "a member of " + Owner
	return []step{
		{
			does: "take away what roles may do",
			who:  owner,
			sql: `DO $$
  DECLARE
    change text;
  BEGIN
    FOR change IN
      SELECT format('REVOKE ALL ON %s FROM ` + strings.Join([]string{Worker, Reader, Content}, ", ") + `', c.oid::regclass)
      FROM pg_class c
      WHERE c.relnamespace IN ('public'::regnamespace, 'analytics'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'S')
        AND c.relowner = '` + Owner + `'::regrole
    LOOP
      EXECUTE change;
    END LOOP;
  END
  $$;`,
		},
		{
			does: "let " + Worker + " do what the worker does",
			who:  owner,
			sql: strings.TrimSpace(worker.String()) + `
  GRANT USAGE ON SEQUENCE public.river_job_id_seq TO ` + Worker + `;
  GRANT EXECUTE ON FUNCTION public.make_partition(text, date) TO ` + Worker + `;`,
		},
		{
			does: "let readers read analytics, and record that they did",
			who:  owner,
			sql: `GRANT USAGE ON SCHEMA analytics TO ` + Reader + `, ` + Worker + `;
  GRANT SELECT ON ALL TABLES IN SCHEMA analytics TO ` + Reader + `, ` + Worker + `;
  ALTER DEFAULT PRIVILEGES FOR ROLE ` + Owner + ` IN SCHEMA analytics GRANT SELECT ON TABLES TO ` + Reader + `, ` + Worker + `;
  GRANT EXECUTE ON FUNCTION analytics.record_action(text, text, text, text, json) TO ` + Reader + `, ` + Worker + `;`,
		},
	}
}

// need is all that the worker does with one table.
type need struct{ relation, privileges string }

// needed are the needs of the worker and of the commands beside it.
func needed() (list []need) {
	add := func(relation, privilege string) {
		for i := range list {
			if list[i].relation == relation {
				list[i].privileges += ", " + privilege
				return
			}
		}
		list = append(list, need{relation, privilege})
	}
	for _, n := range privileges.Needs() {
		if n.Columns != "" {
			n.Privilege += " (" + n.Columns + ")"
		}
		add(n.Relation, n.Privilege)
	}
	// Rebuilding projections begins with taking away what they say.
	for _, relation := range []string{"stored_memberships", "stored_membership_changes", "stored_reactions", "stored_revisions"} {
		add(relation, "DELETE")
	}
	return list
}

// groupSpaces says which spaces the readers of groups see.
func groupSpaces(groups []Group) []step {
	var steps []step
	for _, g := range groups {
		spaces := make([]string, len(g.Spaces))
		for i, space := range g.Spaces {
			spaces[i] = literal(space)
		}
		steps = append(steps, step{
			does: "say which spaces " + g.Reader() + " sees",
			who:  "a member of " + Owner,
			sql: fmt.Sprintf(`-- In the place of those that were said before.
  DELETE FROM public.reader_groups WHERE role_name = %[1]s;
  INSERT INTO public.reader_groups (role_name, space)
  SELECT DISTINCT %[1]s, unnest(ARRAY[%[2]s]);`, literal(g.Reader()), strings.Join(spaces, ", ")),
		})
	}
	return steps
}

// each is a block that does something for each role.
func each(roles []string, do string) string {
	if len(roles) == 0 {
		return ""
	}
	quoted := make([]string, len(roles))
	for i, role := range roles {
		quoted[i] = literal(role)
	}
	return `DO $$
  DECLARE
    role text;
  BEGIN
    FOREACH role IN ARRAY ARRAY[` + strings.Join(quoted, ", ") + `] LOOP
      ` + strings.TrimSpace(do) + `
    END LOOP;
  END
  $$;`
}
