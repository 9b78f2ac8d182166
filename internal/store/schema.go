package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// schemaVersion is the schema that this binary needs. It works with newer ones,
// unless a migration says otherwise: see schema_compatibility.
const schemaVersion = 12

// SchemaError says that the database is not one that this binary works with.
// The process must end: it can't mend that.
type SchemaError struct {
	Version  int64  // of the database's schema; 0: it has none
	Needed   int64  // by this binary
	Encoding string // of the database if it isn't UTF8, otherwise ""
	Queue    bool   // the job queue's tables are older than this binary's
	Role     string // that lacks what is Missing
	Missing  []string
}

func (e *SchemaError) Error() string {
	switch {
	case len(e.Missing) > 0:
		return fmt.Sprintf("the role %s may not do what the worker does: it lacks %s; make it a member of the role that owns the tables",
			e.Role, strings.Join(e.Missing, "; "))
	case e.Encoding != "":
		return fmt.Sprintf("the database's encoding is %s, which can't hold all that people write: create one by "+
			"`CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`", e.Encoding)
	case e.Queue:
		return fmt.Sprintf("the database has schema version %d, but the job queue's tables are not of this binary's version: run `subscriber migrate up`", e.Version)
	case e.Version == 0:
		return fmt.Sprintf("the database has no schema yet, this binary needs version %d: run `subscriber migrate up`", e.Needed)
	case e.Version >= e.Needed:
		return fmt.Sprintf("the database has schema version %d, which does not work with binaries of version %d any more: run a newer binary",
			e.Version, e.Needed)
	}
	return fmt.Sprintf("the database has schema version %d, this binary needs at least %d: run `subscriber migrate up`", e.Version, e.Needed)
}

// CheckSchema returns a [*SchemaError] if the database is not one that this
// binary works with. Any other error says that it could not be read.
func (s *Store) CheckSchema(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	const setting = "statement_timeout"
	if err := checkPooler(ctx, s.pool, setting, s.pool.Config().ConnConfig.RuntimeParams[setting]); err != nil {
		return err
	}
	if err := checkEncoding(ctx, s.pool); err != nil {
		return err
	}
	version, err := readVersion(ctx, s.pool, "goose_db_version", `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if version < schemaVersion {
		return &SchemaError{Version: version, Needed: schemaVersion}
	}
	oldest, err := readVersion(ctx, s.pool, "schema_compatibility", `SELECT oldest_binary FROM schema_compatibility`)
	if err != nil {
		return fmt.Errorf("read which binaries the schema works with: %w", err)
	}
	if oldest > schemaVersion {
		return &SchemaError{Version: version, Needed: schemaVersion}
	}
	queue, err := readVersion(ctx, s.pool, "river_migration", `SELECT COALESCE(max(version), 0) FROM river_migration WHERE line = 'main'`)
	if err != nil {
		return fmt.Errorf("read the schema version of the job queue: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(s.pool), nil)
	if err != nil {
		return fmt.Errorf("read the job queue's migrations: %w", err)
	}
	all := migrator.AllVersions()
	if queue < int64(all[len(all)-1].Version) {
		return &SchemaError{Version: version, Needed: schemaVersion, Queue: true}
	}
	return nil
}

// checkEncoding refuses a database that would garble text: it is all UTF-8.
func checkEncoding(ctx context.Context, pool *pgxpool.Pool) error {
	var encoding string
	if err := pool.QueryRow(ctx, `SHOW server_encoding`).Scan(&encoding); err != nil {
		return fmt.Errorf("read the database's encoding: %w", err)
	}
	if encoding != "UTF8" {
		return &SchemaError{Needed: schemaVersion, Encoding: encoding}
	}
	return nil
}

func readVersion(ctx context.Context, pool *pgxpool.Pool, table, query string) (version int64, err error) {
	err = pool.QueryRow(ctx, query).Scan(&version)
	var pgErr *pgconn.PgError
	switch {
	case errors.As(err, &pgErr) && pgErr.Code == "42P01": // no such table
		return 0, nil
	case pgErr != nil && pgErr.Code == "42501":
		return 0, &SchemaError{Needed: schemaVersion, Role: pool.Config().ConnConfig.User, Missing: []string{"SELECT on " + table}}
	}
	return version, err
}
