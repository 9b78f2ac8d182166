package storetest

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// NewRole creates a role without any right, for as long as the test lasts.
// What it was granted in databases of the test goes away with them.
func NewRole(t testing.TB) string {
	t.Helper()
	if err := shared.start(); err != nil {
		t.Fatalf("start Postgres for tests: %v", err)
	}
	name := fmt.Sprintf("spacekeeper_test_%d_%d", os.Getpid(), number.Add(1))
	if err := shared.exec("CREATE ROLE " + name); err != nil {
		t.Fatalf("create role %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := shared.exec("DROP ROLE " + name); err != nil {
			t.Errorf("drop role %s: %v", name, err)
		}
	})
	return name
}

// WithRole returns dsn such that its sessions act as the role.
func WithRole(dsn, role string) string {
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		query := u.Query()
		query.Set("role", role)
		u.RawQuery = query.Encode()
		return u.String()
	}
	return dsn + " role=" + role
}
