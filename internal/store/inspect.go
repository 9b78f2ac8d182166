package store

import (
	"context"
	"fmt"
	"time"
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
