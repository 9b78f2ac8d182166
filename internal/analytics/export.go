package analytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Formats are those that [Export] writes.
func Formats() []string { return []string{"csv", "jsonl", "parquet"} }

// Request says what to export.
type Request struct {
	Object       string // of the schema analytics, such as fct_messages
	Space        string // "spaces/S"; "" for all
	Since, Until time.Time
	Format       string // one of [Formats]
	Reason       string // why, for the trail
}

// kind is how a column's values are written.
type kind int

const (
	asText kind = iota
	asJSON      // arrays, and whatever else has no form of its own
	asBool
	asInteger
	asNumber
	asTime
	asDate
)

// column is one of an object.
type column struct {
	name string
	kind kind
}

// RowWriter writes rows in a format. Values are as Postgres sends them, in binary; nil
// is null. They are gone after the call.
type RowWriter interface {
	Row(values [][]byte) error
	Close() error
}

// Export writes the rows of an object in the order in which they come, and returns
// how many there are. It takes the same memory however many there are.
func Export(ctx context.Context, db *store.Store, r Request, out io.Writer) (rows int64, err error) {
	columns, err := columnsOf(ctx, db, r.Object)
	if err != nil {
		return 0, err
	}
	sql, args, err := r.query(columns)
	if err != nil {
		return 0, err
	}
	w, err := newRowWriter(r.Format, columns, out)
	if err != nil {
		return 0, err
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, db.Pool(), options, func(tx pgx.Tx) error {
		// It takes as long as whoever reads it. Compiling it would take longer than it saves.
		if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '0', true), set_config('jit', 'off', true)`); err != nil {
			return err
		}
		found, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			if err := w.Row(found.RawValues()); err != nil {
				return err
			}
			rows++
		}
		return found.Err()
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return rows, fmt.Errorf("export %s: %w", r.Object, err)
	}
	return rows, nil
}

// Objects are the names of all that can be exported.
func Objects(ctx context.Context, db *store.Store) ([]string, error) {
	list, err := store.List(ctx, db, pgx.RowTo[string], `
		SELECT c.relname::text
		FROM pg_class c
		WHERE c.relnamespace = to_regnamespace('analytics') AND c.relkind IN ('r', 'p', 'v', 'm')
		ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list what can be exported: %w", err)
	}
	return list, nil
}

// columnsOf reads the columns of an object, in their order.
func columnsOf(ctx context.Context, db *store.Store, object string) ([]column, error) {
	known, err := Objects(ctx, db)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(known, object) {
		if near := strictyaml.Nearest(object, known); near != "" {
			return nil, cli.Usage("there is no %q in the schema analytics: did you mean %s?", object, near)
		}
		return nil, cli.Usage("there is no %q in the schema analytics, but %s", object, strings.Join(known, ", "))
	}
	list, err := store.List(ctx, db, func(row pgx.CollectableRow) (c column, err error) {
		var typ string
		err = row.Scan(&c.name, &typ)
		c.kind = kindOf(typ)
		return c, err
	}, `
		SELECT a.attname::text, a.atttypid::regtype::text
		FROM pg_attribute a
		JOIN pg_class c ON c.oid = a.attrelid
		WHERE c.relnamespace = to_regnamespace('analytics') AND c.relname = $1 AND a.attnum > 0 AND NOT a.attisdropped
		ORDER BY a.attnum`, object)
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", object, err)
	}
	return list, nil
}

func kindOf(typ string) kind {
	switch typ {
	case "text", "character varying", "name", "character", "uuid":
		return asText
	case "boolean":
		return asBool
	case "smallint", "integer", "bigint":
		return asInteger
	case "real", "double precision", "numeric":
		return asNumber
	case "timestamp with time zone":
		return asTime
	case "date":
		return asDate
	}
	return asJSON
}

// intervals are columns that belong together: a row is of a time if any of it is.
var intervals = map[string]string{"joined_at": "left_at", "valid_from": "valid_to", "gap_from": "gap_to"}

// query is what answers a request.
func (r Request) query(columns []column) (sql string, args []any, err error) {
	var list, conditions []string
	formats := make(pgx.QueryResultFormats, len(columns))
	when, inSpace := -1, false
	for i, c := range columns {
		name := pgx.Identifier{c.name}.Sanitize()
		switch c.kind {
		case asText:
			name += "::text"
		case asInteger:
			name += "::bigint"
		case asNumber:
			name += "::double precision"
		case asJSON:
			name = "to_json(" + name + ")::text"
		}
		list = append(list, name)
		formats[i] = pgx.BinaryFormatCode
		inSpace = inSpace || c.name == "space_id"
		if when < 0 && (c.kind == asTime || c.kind == asDate) {
			when = i
		}
	}
	args = []any{formats}
	bind := func(value any) string {
		args = append(args, value)
		return fmt.Sprint("$", len(args)-1)
	}
	if r.Space != "" {
		if !inSpace {
			return "", nil, cli.Usage("%s is not divided by space: leave out --space", r.Object)
		}
		conditions = append(conditions, "space_id = "+bind(r.Space))
	}
	if (!r.Since.IsZero() || !r.Until.IsZero()) && when < 0 {
		return "", nil, cli.Usage("%s has no times: leave out --since and --until", r.Object)
	}
	if !r.Since.IsZero() {
		conditions = append(conditions, columns[when].from(bind(r.Since)))
	}
	if !r.Until.IsZero() {
		conditions = append(conditions, columns[when].until(bind(r.Until)))
	}
	parts := []string{"SELECT", strings.Join(list, ", "), "FROM", pgx.Identifier{"analytics", r.Object}.Sanitize()}
	if len(conditions) > 0 {
		parts = append(parts, "WHERE", strings.Join(conditions, " AND "))
	}
	return strings.Join(parts, " "), args, nil
}

// from is the condition that a row is not of before a time. A date is a day of the
// reporting zone: it counts if any of it does.
func (c column) from(time string) string {
	name := pgx.Identifier{c.name}.Sanitize()
	if to, ok := intervals[c.name]; ok {
		return fmt.Sprintf("(%s IS NULL OR %[1]s > %s)", to, time)
	}
	if c.kind == asDate {
		time = "COALESCE((SELECT min(d.activity_date) FROM analytics.dim_dates d WHERE d.ends_at > " + time + "), 'infinity')"
	}
	return name + " >= " + time
}

// until is the condition that a row is of before a time.
func (c column) until(time string) string {
	name := pgx.Identifier{c.name}.Sanitize()
	if _, ok := intervals[c.name]; ok {
		return fmt.Sprintf("(%s IS NULL OR %[1]s < %s)", name, time)
	}
	if c.kind == asDate {
		time = "COALESCE((SELECT min(d.activity_date) FROM analytics.dim_dates d WHERE d.starts_at >= " + time + "), 'infinity')"
	}
	return name + " < " + time
}

// NewRowWriter returns what writes rows of an object in a format.
func NewRowWriter(ctx context.Context, db *store.Store, object, format string, out io.Writer) (RowWriter, error) {
	columns, err := columnsOf(ctx, db, object)
	if err != nil {
		return nil, err
	}
	return newRowWriter(format, columns, out)
}

func newRowWriter(format string, columns []column, out io.Writer) (RowWriter, error) {
	switch format {
	case "csv":
		return newCSV(columns, out), nil
	case "jsonl":
		return newJSONL(columns, out), nil
	case "parquet":
		return newParquet(columns, out), nil
	}
	return nil, errors.New("write rows: unknown format " + format)
}
