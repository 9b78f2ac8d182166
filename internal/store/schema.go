package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Schema versions that this binary works with.
const (
	minSchema = 6
	maxSchema = 6
)

// SchemaError says that the database's schema is not one that this binary
// works with. The process must end: it can't mend that.
type SchemaError struct {
	Version int64 // of the database; 0: it has none
	Min     int64 // the oldest that this binary works with
	Max     int64 // the newest
}

func (e *SchemaError) Error() string {
	if e.Version > e.Max {
		return fmt.Sprintf("the database has schema version %d, this binary works with at most %d: run a newer binary", e.Version, e.Max)
	}
	if e.Version >= e.Min {
		return fmt.Sprintf("the database has schema version %d, but the job queue's tables are not of this binary's version: run `subscriber migrate up`", e.Version)
	}
	return fmt.Sprintf("the database has schema version %d, this binary needs at least %d: run `subscriber migrate up`", e.Version, e.Min)
}

// CheckSchema returns a [*SchemaError] if the database's schema is not one
// that this binary works with. Any other error says that it could not be read.
func (s *Store) CheckSchema(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	version, err := schemaVersion(ctx, s.pool, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", err)
	}
	if version < minSchema || version > maxSchema {
		return &SchemaError{Version: version, Min: minSchema, Max: maxSchema}
	}
	queue, err := schemaVersion(ctx, s.pool, `SELECT max(version) FROM river_migration WHERE line = 'main'`)
	if err != nil {
		return fmt.Errorf("read the schema version of the job queue: %w", err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(s.pool), nil)
	if err != nil {
		return fmt.Errorf("read the job queue's migrations: %w", err)
	}
	all := migrator.AllVersions()
	if queue < int64(all[len(all)-1].Version) {
		return &SchemaError{Version: version, Min: minSchema, Max: maxSchema}
	}
	return nil
}

func schemaVersion(ctx context.Context, pool *pgxpool.Pool, query string) (int64, error) {
	var version *int64
	err := pool.QueryRow(ctx, query).Scan(&version)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42P01" { // no such table
		return 0, nil
	}
	if err != nil || version == nil {
		return 0, err
	}
	return *version, nil
}
