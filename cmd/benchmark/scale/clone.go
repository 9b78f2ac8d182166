package scale

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// maxCopies is how many names differ from the original's, which prepareClone makes.
const maxCopies = 1_000

// apart is by how much a copy is earlier than the one before it.
const apart = 10 * time.Minute

// table is one whose rows are multiplied.
type table struct {
	name    string
	columns []column
	divided bool // into months
}

// column is a column of a table, and what a copy's row has in it.
type column struct {
	name, typ string
	value     string // SQL, of the row b and the copy c
}

// numbers are what numbers in columns of these names refer to.
var numbers = map[string]string{
	"space_id": "spaces", "actor_id": "users", "sender_id": "users", "user_id": "users", "source_id": "event_sources",
	"run_id": "reactor_runs", "speaker": "reactor_runs", "gap_id": "coverage",
}

// kept are the tables that copies share, as they do those of one row.
var kept = []string{"event_types", "payload_dictionaries", "reactor_switches"}

// clone multiplies what a database holds: every space, with all that happened in
// it, and its people and rules, comes as often again as copies says, under other
// names and numbers, ten minutes earlier each. All tables change alike, so that what
// belongs together does so in a copy. Payloads stay: they name the original.
func clone(ctx context.Context, dsn string, copies int) error {
	if copies > maxCopies {
		return fmt.Errorf("%d copies: want %d or fewer", copies, maxCopies)
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, fmt.Sprintf(prepareClone, copies)); err != nil {
		return fmt.Errorf("prepare the copies: %w", err)
	}
	tables, err := readTables(ctx, conn)
	if err != nil {
		return err
	}
	months, err := ensureMonths(ctx, conn, dsn, copies)
	if err != nil {
		return err
	}
	// The largest first, two at a time: as many as there are CPUs.
	g, each := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for _, t := range tables {
		g.Go(func() error { return t.clone(each, dsn, months) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, finishClone); err != nil {
		return fmt.Errorf("finish the copies: %w", err)
	}
	// Pages that nobody changes are known to be seen by all, as autovacuum does it.
	if _, err := conn.Exec(ctx, `VACUUM (ANALYZE)`); err != nil {
		return fmt.Errorf("analyze the copies: %w", err)
	}
	return nil
}

// prepareClone makes a list of copies, each with the characters and the digits
// that make its names, and the function that makes them. A name is as long as the
// original's, and another: of the workload's, spaces begin with AA, people with 1.
const prepareClone = `
	CREATE SCHEMA scale;
	CREATE FUNCTION scale.renamed(t text, c text, d text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
		CASE
			WHEN starts_with(t, 'spaces/AAQA') THEN overlay(
				CASE WHEN strpos(t, 'users/1') > 0 THEN overlay(t PLACING d FROM strpos(t, 'users/1') + 6 FOR 4) ELSE t END
				PLACING c FROM 8 FOR 2)
			WHEN starts_with(t, '//chat.googleapis.com/spaces/AAQA') THEN overlay(t PLACING c FROM 30 FOR 2)
			WHEN starts_with(t, 'users/1') THEN overlay(t PLACING d FROM 7 FOR 4)
			WHEN starts_with(t, '/messages/') THEN overlay(overlay(
				CASE WHEN substr(t, 34, 12) = '/reactions/1' THEN overlay(t PLACING d FROM 45 FOR 4) ELSE t END
				PLACING c FROM 23 FOR 2) PLACING c FROM 11 FOR 2)
			WHEN starts_with(t, '/members/1') THEN overlay(t PLACING d FROM 10 FOR 4)
			WHEN starts_with(t, '//workspaceevents') THEN replace(t, '/chat-spaces-', '/' || c || 'at-spaces-')
			WHEN starts_with(t, '/') AND length(t) = 12 THEN overlay(t PLACING c FROM 2 FOR 2)
			WHEN starts_with(t, '/') AND length(t) = 24 THEN overlay(overlay(t PLACING c FROM 14 FOR 2) PLACING c FROM 2 FOR 2)
			WHEN starts_with(t, '/1') AND length(t) >= 22 THEN overlay(t PLACING d FROM 2 FOR 4)
			ELSE t
		END;
	CREATE TABLE scale.copies AS
	SELECT k, %[1]d AS copies, substr(a, k / 64 + 1, 1) || substr(a, k %% 64 + 1, 1) AS c, (2000 + k)::text AS d,
		k * interval '10 minutes' AS earlier
	FROM generate_series(1, %[1]d) AS k,
		(VALUES ('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')) AS alphabet (a)`

// finishClone lets numbers go on behind those of the copies, and leaves it to a
// rebuild to find what is new to the rollups.
const finishClone = `
	TRUNCATE rollup_changes, rollup_marks, rollup_days;
	DO $$
	DECLARE
		s record;
	BEGIN
		FOR s IN
			SELECT a.attrelid::regclass AS relation, a.attname, pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) AS sequence
			FROM pg_attribute a
			JOIN pg_class c ON c.oid = a.attrelid
			WHERE c.relnamespace = 'public'::regnamespace AND a.attidentity <> ''
		LOOP
			EXECUTE format('SELECT setval(%L, GREATEST((SELECT max(%I) FROM %s), 1))', s.sequence, s.attname, s.relation);
		END LOOP;
	END $$;
	DROP SCHEMA scale CASCADE`

// readTables reads from the catalogue what there is to multiply, the largest
// first, and keeps the rows as they are now.
func readTables(ctx context.Context, conn *pgx.Conn) ([]*table, error) {
	rows, _ := conn.Query(ctx, `
		SELECT c.relname, c.relkind = 'p', a.attname, format_type(a.atttypid, NULL)
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			AND c.relname NOT LIKE 'river\_%' AND c.relname NOT LIKE 'goose\_%' AND c.relname <> ALL ($1)
			AND NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'single')
		ORDER BY c.relname, a.attnum`, kept)
	var tables []*table
	var name string
	var divided bool
	var col column
	if _, err := pgx.ForEachRow(rows, []any{&name, &divided, &col.name, &col.typ}, func() error {
		if len(tables) == 0 || tables[len(tables)-1].name != name {
			tables = append(tables, &table{name: name, divided: divided})
		}
		t := tables[len(tables)-1]
		t.columns = append(t.columns, col)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the tables: %w", err)
	}
	for _, t := range tables {
		for i := range t.columns {
			if err := t.multiply(ctx, conn, &t.columns[i]); err != nil {
				return nil, err
			}
		}
		if _, err := conn.Exec(ctx, fmt.Sprintf(`CREATE UNLOGGED TABLE scale.%[1]s AS SELECT * FROM public.%[1]s`, t.name)); err != nil {
			return nil, fmt.Errorf("keep what %s holds: %w", t.name, err)
		}
	}
	slices.SortStableFunc(tables, func(x, y *table) int { return size(x) - size(y) })
	return tables, nil
}

// size orders the tables that take long before the others.
func size(t *table) int {
	i := slices.Index([]string{partitions.Events, partitions.Messages}, t.name)
	if i < 0 {
		return 2
	}
	return i
}

// multiply says what the row of a copy has in a column.
func (t *table) multiply(ctx context.Context, conn *pgx.Conn, c *column) error {
	c.value = "b." + c.name
	of := numbers[c.name]
	switch {
	case c.name == "id":
		of = t.name
	case strings.HasSuffix(c.name, "_id") && of == "" && c.typ != "text" && c.name != "type_id":
		return fmt.Errorf("the number %s of %s refers to nobody knows what: add it to the list", c.name, t.name)
	}
	switch {
	case of != "":
		var highest int64
		if err := conn.QueryRow(ctx, fmt.Sprintf(`SELECT COALESCE(max(id), 0) FROM %s`, of)).Scan(&highest); err != nil {
			return fmt.Errorf("read the numbers of %s: %w", of, err)
		}
		c.value = fmt.Sprintf("%d + (%s - 1) * c.copies + c.k", highest, c.value) // those of one time are neighbours
	case c.name == "hour", c.name == "day": // of rules, which have other names
	case c.typ == "timestamp with time zone":
		c.value += " - c.earlier"
	case c.typ == "uuid":
		c.value = fmt.Sprintf("CASE %[1]s WHEN '00000000-0000-0000-0000-000000000000' THEN %[1]s ELSE md5(%[1]s::text || c.c)::uuid END", c.value)
	case c.name == "reactor", t.name == "reactor_records" && c.name == "key":
		c.value = fmt.Sprintf("CASE %[1]s WHEN '' THEN '' ELSE %[1]s || '-' || c.k END", c.value)
	case c.typ == "text" && c.name != "text" && c.name != "description":
		c.value = fmt.Sprintf("scale.renamed(%s, c.c, c.d)", c.value)
	}
	return nil
}

// order is the time in whose order rows came, if the table has one.
func (t *table) order() string {
	for _, c := range t.columns {
		if c.typ == "timestamp with time zone" {
			return c.value
		}
	}
	return "c.k"
}

// clone inserts the copies, of divided tables month by month, as they would
// have come. Triggers have seen the originals.
func (t *table) clone(ctx context.Context, dsn string, months []time.Time) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SET session_replication_role = replica; SET work_mem = '512MB'`); err != nil {
		return fmt.Errorf("prepare the copies of %s: %w", t.name, err)
	}
	var names, values []string
	for _, c := range t.columns {
		names, values = append(names, c.name), append(values, c.value)
	}
	order := t.order()
	insert := fmt.Sprintf(`
		INSERT INTO public.%[1]s (%[2]s) OVERRIDING SYSTEM VALUE
		SELECT %[3]s
		FROM scale.%[1]s b
		CROSS JOIN scale.copies c
		WHERE %[4]s
		ORDER BY %[5]s`, t.name, strings.Join(names, ", "), strings.Join(values, ", "), "%s", order)
	parts := []string{"true"}
	if t.divided {
		parts = []string{fmt.Sprintf("%s < '%s'", order, months[0].Format(time.RFC3339))}
		for _, m := range months {
			next := m.AddDate(0, 1, 0)
			parts = append(parts, fmt.Sprintf("%[1]s >= '%[2]s' AND %[1]s < '%[3]s'", order, m.Format(time.RFC3339), next.Format(time.RFC3339)))
		}
	}
	for _, part := range parts {
		if _, err := conn.Exec(ctx, strings.Replace(insert, "%s", part, 1)); err != nil {
			return fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	return nil
}

// ensureMonths makes the partitions that the copies need.
func ensureMonths(ctx context.Context, conn *pgx.Conn, dsn string, copies int) (months []time.Time, err error) {
	var first, last time.Time
	if err := conn.QueryRow(ctx, `
		SELECT LEAST((SELECT min(event_time) FROM events), (SELECT min(create_time) FROM stored_messages WHERE create_time > '2015-01-01')),
			(SELECT max(event_time) FROM events)`).Scan(&first, &last); err != nil {
		return nil, fmt.Errorf("read when events happened: %w", err)
	}
	first = first.UTC().Add(-time.Duration(copies) * apart)
	db, err := openStore(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var want []partitions.Partition
	for m := time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC); m.Before(last); m = m.AddDate(0, 1, 0) {
		months = append(months, m)
		want = append(want, partitions.Of(partitions.Events, m), partitions.Of(partitions.Messages, m))
	}
	return months, partitions.New(db.Pool()).Ensure(ctx, want)
}
