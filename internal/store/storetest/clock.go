package storetest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ShiftClock returns dsn such that the clock of its sessions differs from this
// machine's, for statements and for columns that are filled in: a real server
// whose clock is wrong, as far as SQL can tell.
func ShiftClock(t testing.TB, dsn string, by time.Duration) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), fmt.Sprintf(`
		CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql STABLE
			AS $$ SELECT pg_catalog.now() + interval '%[1]d seconds' $$;
		CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
			AS $$ SELECT pg_catalog.clock_timestamp() + interval '%[1]d seconds' $$;
		DO $$
		DECLARE c record;
		BEGIN
			FOR c IN
				SELECT d.adrelid::regclass AS relation, a.attname
				FROM pg_attrdef d
				JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
				WHERE pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'CURRENT_TIMESTAMP')
			LOOP
				EXECUTE format('ALTER TABLE %%s ALTER COLUMN %%I SET DEFAULT public.now()', c.relation, c.attname);
			END LOOP;
		END $$`, int(by.Seconds()))); err != nil {
		t.Fatalf("shift the clock of the database: %v", err)
	}
	const setting = "search_path"
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		query := u.Query()
		query.Set(setting, "public,pg_catalog")
		u.RawQuery = query.Encode()
		return u.String()
	}
	return dsn + " " + setting + "=public,pg_catalog"
}
