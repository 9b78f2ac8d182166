package store

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// parseAddress reads a connection string. No part of it gets into the error: what
// can't be parsed may be a password anywhere. For the same reason it accepts only
// what can't be the rest of a password that was cut off by a character of its own;
// such a rest would become a key, a host or a database, which others show.
func parseAddress(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err == nil && !splitsClearly(dsn, config) {
		err = errors.New("it has a key that isn't one of Postgres's, or an @ in the wrong place")
	}
	if err == nil {
		// What a day is, and what a time without a zone means, is the same on every server, whatever its setting is, the role's or
		// the address's. A query over a hundred months takes a tenth of a second, and to compile it (jit) ten.
		delete(config.ConnConfig.RuntimeParams, "timezone")
		config.ConnConfig.RuntimeParams["TimeZone"], config.ConnConfig.RuntimeParams["jit"] = "UTC", "off"
		return config, nil
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		return nil, &addressError{fmt.Errorf("a file that it names can't be read: %w", file.Err)}
	}
	return nil, &addressError{errors.New("it must be postgres://user@host:5432/name or host=… user=… dbname=…, as Postgres has them;" +
		" a password in it that has spaces or special characters must be quoted, in a URL percent-encoded, or be alone in database.password_file")}
}

// addressError is about a connection string that means nothing.
type addressError struct{ err error }

func (e *addressError) Error() string {
	return "read the database address (database.dsn, or what database.dsn_file holds): " + e.err.Error()
}
func (e *addressError) Unwrap() error { return e.err }

// Misconfigured reports whether the configuration of the database, or its
// schema, has to be changed first: trying again is no use.
func Misconfigured(err error) bool {
	return errors.As(err, new(*SchemaError)) || errors.As(err, new(*addressError))
}

// splitsClearly reports whether each part of the connection string is what it
// seems to be.
func splitsClearly(dsn string, config *pgxpool.Config) bool {
	if scheme, rest, ok := strings.Cut(dsn, "://"); ok && (scheme == "postgres" || scheme == "postgresql") {
		end := strings.IndexAny(rest+"/", "/?#")
		if strings.Count(rest[:end], "@") > 1 || strings.ContainsAny(rest[end:], "@#") {
			return false
		}
	}
	for key := range config.ConnConfig.RuntimeParams {
		if !slices.Contains(sessionParams, key) {
			return false
		}
	}
	return true
}

// sessionParams are the keys, beside those that pgx takes itself, that mean
// something to libpq or to a session. Others go into the key options.
var sessionParams = []string{
	"application_name", "client_encoding", "datestyle", "default_transaction_read_only", "fallback_application_name", "gssencmode",
	"hostaddr", "idle_in_transaction_session_timeout", "idle_session_timeout", "keepalives", "keepalives_count", "keepalives_idle",
	"keepalives_interval", "load_balance_hosts", "lock_timeout", "options", "role", "search_path", "statement_timeout", "tcp_user_timeout",
	"timezone", "TimeZone", "work_mem",
}
