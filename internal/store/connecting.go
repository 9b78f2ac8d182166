package store

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// ExplainConnecting turns the error of a connection to Postgres that could
// not be made into one line: where, why, and what to look at. It holds no
// password. Other errors stay as they are.
func ExplainConnecting(err error) error {
	var connecting *pgconn.ConnectError
	if !errors.As(err, &connecting) {
		return err
	}
	c := connecting.Config
	cause, cure := errors.Unwrap(connecting), "see database in the configuration"
	var network *net.OpError
	var lookup *net.DNSError
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused):
		cause = refused
		switch {
		case ByPooler(refused):
			cure = PoolerCure
		case refused.Code == "3D000": // invalid_catalog_name
			cure = "create it, or correct database.dsn"
		case refused.Code == "28P01", refused.Code == "28000": // invalid_password, invalid_authorization_specification
			cure = "see the user in database.dsn, and database.password_file"
		}
	case errors.As(err, &lookup):
		cause, cure = lookup, "is the host in database.dsn right?"
	case errors.As(err, &network):
		cause, cure = network, "is Postgres running there? database.dsn says where it is"
	}
	return fmt.Errorf("connect to database %q on %s as user %q: %w: %s",
		c.Database, net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), c.User, cause, cure)
}
