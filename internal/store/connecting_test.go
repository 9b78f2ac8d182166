package store

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// A host that nobody knows is named once, and in one line, although it was looked
// for again without TLS.
func TestUnknownHost(t *testing.T) {
	t.Parallel()
	c, err := pgconn.ParseConfig("postgres://keeper@nowhere.example/spaces")
	if err != nil {
		t.Fatal(err)
	}
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	_, err = pgconn.ConnectConfig(t.Context(), c)
	got := ExplainConnecting(err).Error()
	const want = `connect to database "spaces" on nowhere.example:5432 as user "keeper": lookup nowhere.example: no such host: is the host in database.dsn right?`
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if plain := err.Error(); strings.Count(plain, "no such host") < 2 {
		t.Errorf("the library says it once: %s", plain)
	}
}
