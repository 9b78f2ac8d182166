package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/spacekeeper/spacekeeper/migrations"
)

// Migrating waits this long for a lock that a reader holds, so that writers
// queue behind it no longer than that; then it steps back and tries again.
const (
	lockTimeout = 2 * time.Second
	lockPause   = time.Second
	lockTries   = 30
)

// Migrate brings the schema to the version of this binary, the job queue's
// tables included. Several may run at once: one migrates, the others wait for
// it and find nothing to do.
func Migrate(ctx context.Context, dsn string) error {
	err := withMigrator(ctx, dsn, func(m *migrator) error { return m.up(ctx) })
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Unmigrate takes everything away again that Migrate made, data included. It
// exists for the test of the migrations.
func Unmigrate(ctx context.Context, dsn string) error {
	err := withMigrator(ctx, dsn, func(m *migrator) error { return m.down(ctx) })
	if err != nil {
		return fmt.Errorf("unmigrate the database: %w", err)
	}
	return nil
}

// Migration is one step of the schema and whether the database has it.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero: it hasn't
}

// MigrationStatus lists all steps that this binary knows, oldest first. It
// changes nothing but goose's own table, which it creates if need be.
func MigrationStatus(ctx context.Context, dsn string) ([]Migration, error) {
	var list []Migration
	err := withMigrator(ctx, dsn, func(m *migrator) error {
		steps, err := m.steps.Status(ctx)
		for _, s := range steps {
			list = append(list, Migration{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the migration status: %w", err)
	}
	return list, nil
}

// migrator migrates our tables by goose and the job queue's by River, both
// under one lock.
type migrator struct {
	steps  *goose.Provider
	pool   *pgxpool.Pool
	db     *sql.DB
	locker lock.SessionLocker
}

func withMigrator(ctx context.Context, dsn string, do func(*migrator) error) error {
	config, err := parseAddress(dsn)
	if err != nil {
		return err
	}
	ownLockTimeout := fmt.Sprint(lockTimeout.Milliseconds())
	config.ConnConfig.RuntimeParams["lock_timeout"] = ownLockTimeout
	config.ConnConfig.RuntimeParams["application_name"] = "spacekeeper migrate"
	config.ConnConfig.RuntimeParams["client_encoding"] = "UTF8"
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("create the connection pool: %w", err)
	}
	defer pool.Close()
	if err := checkPooler(ctx, pool, "lock_timeout", ownLockTimeout); err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() //nolint:errcheck // what was migrated is committed

	steps, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS)
	if err != nil {
		return fmt.Errorf("read the embedded migrations: %w", err)
	}
	// It polls pg_try_advisory_lock: a session that waits inside
	// pg_advisory_lock holds a snapshot that CREATE INDEX CONCURRENTLY waits for.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
	if err != nil {
		return fmt.Errorf("create the migration lock: %w", err)
	}
	return do(&migrator{steps: steps, pool: pool, db: db, locker: locker})
}

func (m *migrator) up(ctx context.Context) error {
	if err := checkEncoding(ctx, m.pool); err != nil {
		return err
	}
	return m.locked(ctx, func() error {
		if _, err := m.steps.Up(ctx); err != nil {
			return err
		}
		return m.queue(ctx, rivermigrate.DirectionUp, nil)
	})
}

func (m *migrator) down(ctx context.Context) error {
	return m.locked(ctx, func() error {
		if err := m.queue(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1}); err != nil {
			return err
		}
		_, err := m.steps.DownTo(ctx, 0)
		return err
	})
}

func (m *migrator) queue(ctx context.Context, d rivermigrate.Direction, opts *rivermigrate.MigrateOpts) error {
	queue, err := rivermigrate.New(riverpgxv5.New(m.pool), nil)
	if err != nil {
		return fmt.Errorf("read the job queue's migrations: %w", err)
	}
	if _, err := queue.Migrate(ctx, d, opts); err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	return nil
}

// locked runs do under the migration lock, again and again while others hold
// locks on the tables.
func (m *migrator) locked(ctx context.Context, do func() error) error {
	conn, err := m.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	if err := m.locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("wait for another migration: %w", err)
	}
	for try := 1; ; try++ {
		err = do()
		if try == lockTries || !lockedOut(err) {
			break
		}
		if err = gax.Sleep(ctx, lockPause); err != nil {
			break
		}
	}
	return errors.Join(err, m.locker.SessionUnlock(context.WithoutCancel(ctx), conn))
}

// lockedOut reports lock_timeout.
func lockedOut(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "55P03"
}
