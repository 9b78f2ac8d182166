package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// PoolerCure is the way out where a pooler such as PgBouncer stands before the
// database. In transaction mode it breaks what rests on a session: its settings,
// prepared statements, LISTEN and the lock of a migration.
const PoolerCure = "name Postgres itself in database.dsn, not a pooler such as PgBouncer"

// rowQuerier is a pool or a connection.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// checkPooler errs if the session isn't the one that was asked for: poolers drop
// the settings that it should begin with. Its query needs no prepared statement.
func checkPooler(ctx context.Context, db rowQuerier, setting, want string) error {
	var got string
	const ask = `SELECT setting FROM pg_settings WHERE name = $1`
	if err := db.QueryRow(ctx, ask, pgx.QueryExecModeSimpleProtocol, setting).Scan(&got); err != nil {
		return fmt.Errorf("read the settings of the connection: %w", err)
	}
	if got != want {
		return &poolerError{setting, got, want}
	}
	return nil
}

type poolerError struct{ setting, got, want string }

func (e *poolerError) Error() string {
	return fmt.Sprintf("the connection has %s = %s, not %s, which it was opened with: %s", e.setting, e.got, e.want, PoolerCure)
}

// ByPooler reports whether the error is that of a pooler, which refuses or drops
// the settings that a session begins with.
func ByPooler(err error) bool {
	var dropped *poolerError
	var refused *pgconn.PgError
	return errors.As(err, &dropped) || errors.As(err, &refused) && strings.HasPrefix(refused.Message, "unsupported startup parameter")
}
