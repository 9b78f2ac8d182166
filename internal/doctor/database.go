package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/privileges"
	"github.com/spacekeeper/spacekeeper/internal/store/roles"
)

func databaseChecks() []check {
	return []check{
		{code: "SK601", group: groupDatabase, name: "the database can be reached", pre: true, needs: []string{"SK101"}, run: databaseReached},
		{code: "SK602", group: groupDatabase, name: "the schema is this version's", pre: true, needs: []string{"SK601"}, run: withStore(databaseMigrated)},
		{code: "SK603", group: groupDatabase, name: "the role may do what the worker does", pre: true, needs: []string{"SK602"}, run: withStore(databaseRole)},
		{code: "SK604", group: groupDatabase, name: "the role is no superuser", pre: true, needs: []string{"SK601"}, run: withInspection(databaseSuperuser)},
		{code: "SK605", group: groupDatabase, name: "the server takes writes", pre: true, needs: []string{"SK601"}, run: withInspection(databaseWritable)},
		{code: "SK606", group: groupDatabase, name: "what is committed survives a crash", pre: true, needs: []string{"SK601"}, run: withSettings(databaseDurable)},
		{code: "SK607", group: groupDatabase, name: "dead rows are cleaned up", pre: true, needs: []string{"SK601"}, run: withSettings(databaseCleaned)},
		{code: "SK608", group: groupDatabase, name: "the write-ahead log fits the number of events", needs: []string{"SK602"}, run: withSettings(databaseLog)},
		{code: "SK609", group: groupDatabase, name: "roles have their rights and no more", pre: true, needs: []string{"SK603"}, run: withStore(databaseRoles)},
	}
}

func databaseReached(_ context.Context, e *examination) finding {
	if d := e.cfg.Database; e.opts.Pre && d.DSN == "" && d.DSNFile == "" {
		return skipped("database.dsn isn't set yet")
	}
	in, err := e.inspect()
	if err != nil {
		return unreachable(err)
	}
	return fine("Postgres %s as %s", in.Version, in.Role)
}

// unreachable says why there is no connection. The text holds no password.
func unreachable(err error) finding {
	var connecting *pgconn.ConnectError
	if !errors.As(err, &connecting) {
		return failed(err.Error(), "look at database in the configuration")
	}
	c := connecting.Config
	where := fmt.Sprintf("database %q on %s as %q", c.Database, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.User)
	var refused *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &refused) && refused.Code == "3D000": // invalid_catalog_name
		return failed(where+": there is no such database", "createdb "+c.Database, "or correct database.dsn")
	case errors.As(err, &refused) && (refused.Code == "28P01" || refused.Code == "28000"): // wrong password, no such role
		return failed(where+": "+refused.Message, "correct the user in database.dsn, or the password in the file that database.password_file names")
	case errors.As(err, &refused) && store.ByPooler(err):
		return failed(where+": "+refused.Message, store.PoolerCure)
	case errors.As(err, &refused):
		return failed(where+": "+refused.Message, "look at database in the configuration")
	case errors.As(err, &network):
		return failed(fmt.Sprintf("%s: %v", where, network), "start Postgres there, or correct database.dsn")
	}
	return failed(fmt.Sprintf("%s: %v", where, errors.Unwrap(connecting)), "look at database in the configuration")
}

// unqueried is the finding if the database refused a query.
func unqueried(err error) finding { return failed(err.Error(), "look at the role in database.dsn") }

func databaseMigrated(ctx context.Context, _ *examination, s *store.Store) finding {
	err := s.CheckSchema(ctx)
	var schema *store.SchemaError
	switch {
	case err == nil:
		return fine("up to date")
	case store.ByPooler(err):
		return failed(err.Error(), store.PoolerCure)
	case errors.As(err, &schema) && schema.Encoding != "":
		return failed(err.Error(), "subscriber migrate up there, and name it in database.dsn")
	case errors.As(err, &schema) && len(schema.Missing) > 0:
		return failed(err.Error(), ownTables("that role")...).about(schema.Missing...)
	case errors.As(err, &schema) && schema.Version >= schema.Needed && !schema.Queue:
		return failed(err.Error(), "install the version of subscriber that migrated it, or a newer one")
	case errors.As(err, &schema):
		return failed(err.Error(), "subscriber migrate up")
	}
	return failed(err.Error(), "look at the role in database.dsn: it must own the schema")
}

// ownTables is what gives the worker's role all that it needs.
func ownTables(role string) []string {
	return []string{
		"subscriber database roles gives spacekeeper_worker all that it takes; then GRANT spacekeeper_worker TO " + role,
		"or run subscriber migrate up as the role that the worker uses, so that it owns the tables",
	}
}

func databaseRole(ctx context.Context, e *examination, s *store.Store) finding {
	in, err := e.inspect()
	if err != nil {
		return unreachable(err)
	}
	missing, err := privileges.Missing(ctx, s)
	switch {
	case err != nil:
		return failed(err.Error(), "look at the role in database.dsn: it must own the schema")
	case len(missing) > 0:
		return failed(fmt.Sprintf("%s lacks %s", in.Role, some(missing)), ownTables(in.Role)...).about(missing...)
	}
	return fine("%s has what it needs", in.Role)
}

func databaseSuperuser(_ context.Context, _ *examination, in inspection) finding {
	if in.Superuser {
		return warning(in.Role+" is a superuser, and the worker needs no more than its own tables",
			"create a role without privileges that owns the database, and name it in database.dsn").about(in.Role)
	}
	return fine("%s is none", in.Role)
}

func databaseWritable(_ context.Context, _ *examination, in inspection) finding {
	if in.ReadOnly {
		return failed("the server is read-only: a standby, or default_transaction_read_only is on",
			"point database.dsn at the primary (target_session_attrs=read-write lets the driver look for it)")
	}
	return fine("it does")
}

func databaseRoles(ctx context.Context, _ *examination, s *store.Store) finding {
	found, err := roles.Look(ctx, s)
	switch {
	case err != nil:
		return unqueried(err)
	case found.Absent:
		return skipped("there are none; beyond a laptop, subscriber database roles makes them")
	case len(found.Leaks) > 0:
		return failed(some(found.Leaks), roles.Cure...).about(found.Leaks...)
	case len(found.Loose) > 0:
		return warning(some(found.Loose), roles.Cure...).about(found.Loose...)
	}
	return fine("each has")
}
