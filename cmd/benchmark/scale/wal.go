package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
)

// distances are how many events come between two checkpoints: what is written of
// a page for the first time after one is the whole page.
var distances = []int{200, 2_000, 20_000}

// written is what a relation, or what belongs to none, takes of the write-ahead log.
type written struct {
	Name  string
	Bytes int64
	Pages int64 // bytes of them that are whole pages
}

// liveBatch is how many deliveries come at once.
const liveBatch = 100

// recorder records a live stream in the README's mix.
type recorder struct {
	db  *store.Store
	log *eventlog.Log
	in  *stream
}

// warmUp is how many events come before any is measured: by then the names that
// nearly all are about are known.
const warmUp = 20_000

func newRecorder(ctx context.Context, dsn string) (*recorder, error) {
	db, err := openStore(ctx, dsn)
	if err != nil {
		return nil, err
	}
	r := &recorder{db: db, in: newStream(Size{}, time.Now().Add(-20*time.Minute), 5*time.Millisecond)}
	if r.log, _, err = openLog(db); err == nil {
		err = r.record(ctx, warmUp, batch)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return r, nil
}

func (r *recorder) record(ctx context.Context, n, atOnce int) error {
	for done := 0; done < n; done += atOnce {
		if _, err := r.log.Record(ctx, r.in.next(min(atOnce, n-done))); err != nil {
			return err
		}
	}
	return nil
}

// logOf is how much write-ahead log something writes, from a checkpoint on.
func logOf(ctx context.Context, conn *pgx.Conn, do func() error) (from, to string, bytes int64, err error) {
	if _, err := conn.Exec(ctx, `CHECKPOINT`); err != nil {
		return "", "", 0, fmt.Errorf("checkpoint: %w", err)
	}
	if err := conn.QueryRow(ctx, `SELECT pg_current_wal_insert_lsn()::text`).Scan(&from); err != nil {
		return "", "", 0, fmt.Errorf("read the place in the log: %w", err)
	}
	if err := do(); err != nil {
		return "", "", 0, err
	}
	if err := conn.QueryRow(ctx, `
		SELECT here::text, (here - $1::pg_lsn)::bigint
		FROM pg_current_wal_insert_lsn() AS here`, from).Scan(&to, &bytes); err != nil {
		return "", "", 0, fmt.Errorf("read the place in the log: %w", err)
	}
	return from, to, bytes, nil
}

// byRelation says what wrote a part of the log; nil where the server can't tell.
func byRelation(ctx context.Context, conn *pgx.Conn, from, to string) ([]written, error) {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_walinspect')`).Scan(&there); err != nil || !there {
		return nil, err
	}
	if _, err := conn.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_walinspect`); err != nil {
		return nil, fmt.Errorf("look into the log: %w", err)
	}
	rows, _ := conn.Query(ctx, `
		SELECT COALESCE(regexp_replace(c.relname, '_\d{4}_\d\d', ''), 'else') AS name, sum(w.record_length)::bigint AS bytes,
			sum(w.fpi_length)::bigint
		FROM pg_get_wal_records_info($1::pg_lsn, $2::pg_lsn) w
		LEFT JOIN pg_class c ON c.relfilenode = (regexp_match(w.block_ref, 'rel \d+/\d+/(\d+)'))[1]::oid
		GROUP BY name
		ORDER BY bytes DESC`, from, to)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[written])
	if err != nil {
		return nil, fmt.Errorf("look into the log: %w", err)
	}
	return list, nil
}

// compressions are the values of wal_compression that the server has.
func compressions(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, _ := conn.Query(ctx, `
		SELECT value
		FROM pg_settings
		CROSS JOIN unnest(enumvals) AS value
		WHERE name = 'wal_compression' AND value IN ('off', 'pglz', 'lz4', 'zstd')
		ORDER BY value = 'off' DESC, value`)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the kinds of compression: %w", err)
	}
	return list, nil
}

// printLog prints the bytes of log that an event takes.
func printLog(ctx context.Context, out io.Writer, dsn string) (err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	r, err := newRecorder(ctx, dsn)
	if err != nil {
		return err
	}
	defer r.db.Close()
	kinds, err := compressions(ctx, conn)
	if err != nil {
		return err
	}
	// What autovacuum writes is not the events'.
	if err := set(ctx, conn, "autovacuum", "off"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reset(context.WithoutCancel(ctx), conn)) }()
	var parts []written
	var total int64
	sums := make([][]int64, len(kinds))
	for k := range kinds {
		sums[k] = make([]int64, len(distances))
	}
	for d, distance := range distances {
		times := max(1, min(10, 6_000/distance))
		for range times {
			for k, kind := range kinds { // in turns, as indexes grow meanwhile
				if err := set(ctx, conn, "wal_compression", kind); err != nil {
					return err
				}
				from, to, bytes, err := logOf(ctx, conn, func() error { return r.record(ctx, distance, liveBatch) })
				if err != nil {
					return err
				}
				if sums[k][d] += bytes / int64(times*distance); kind == "off" && distance == 2_000 {
					if parts, err = byRelation(ctx, conn, from, to); err != nil {
						return err
					}
					total = bytes
				}
			}
		}
	}
	fmt.Fprintf(out, "\nwrite-ahead log, bytes/event; events between checkpoints, in batches of %d, in the README's mix\n%-16s", liveBatch, "wal_compression")
	for _, distance := range distances {
		fmt.Fprintf(out, " %8d", distance)
	}
	for k, kind := range kinds {
		fmt.Fprintf(out, "\n%-16s", kind)
		for d := range distances {
			fmt.Fprintf(out, " %8d", sums[k][d])
		}
	}
	fmt.Fprintln(out)
	printParts(out, parts, total)
	return nil
}

func printParts(out io.Writer, parts []written, total int64) {
	if parts == nil {
		fmt.Fprintln(out, "by relation: the server has no pg_walinspect")
		return
	}
	fmt.Fprintf(out, "by relation, without compression, at 2,000 (%d), and what of it are whole pages:\n", total/2_000)
	for _, p := range parts {
		if p.Bytes/2_000 >= 10 {
			fmt.Fprintf(out, "  %-44s %6d %6d\n", p.Name, p.Bytes/2_000, p.Pages/2_000)
		}
	}
}

// printIdlePass prints what a pass of the keeper writes when nothing has changed.
func printIdlePass(ctx context.Context, out io.Writer, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	db, err := openStore(ctx, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	cov := coverage.New(db)
	states, err := cov.SubscriptionStates(ctx)
	if err != nil {
		return err
	}
	if _, err := db.Exec(ctx, `
		INSERT INTO member_lists (space, requested_at, listed_at)
		SELECT scope, now(), now()
		FROM subscription_states
		ON CONFLICT (space) DO UPDATE SET
			requested_at = excluded.requested_at,
			listed_at = excluded.listed_at`); err != nil {
		return fmt.Errorf("have all members listed: %w", err)
	}
	pass := func() error {
		now := time.Now()
		for i := range states {
			states[i].ObservedAt = now
		}
		return cov.Observe(ctx, now, states)
	}
	if err := pass(); err != nil { // which ends what the copies' times have changed
		return err
	}
	_, _, bytes, err := logOf(ctx, conn, pass)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nidle pass of the keeper over %d subscriptions, after a checkpoint: %d bytes of log\n", len(states), bytes)
	return nil
}

// set changes a setting of the server, until reset.
func set(ctx context.Context, conn *pgx.Conn, name, value string) error {
	if _, err := conn.Exec(ctx, fmt.Sprintf(`ALTER SYSTEM SET %s = '%s'`, name, value)); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return reload(ctx, conn)
}

func reset(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, `ALTER SYSTEM RESET ALL`); err != nil {
		return fmt.Errorf("reset the settings: %w", err)
	}
	return reload(ctx, conn)
}

// reload returns when this connection has the settings. Others take them up
// before their next statement.
func reload(ctx context.Context, conn *pgx.Conn) error {
	var before time.Time
	if err := conn.QueryRow(ctx, `SELECT pg_conf_load_time()`).Scan(&before); err != nil {
		return fmt.Errorf("load the settings: %w", err)
	}
	if _, err := conn.Exec(ctx, `SELECT pg_reload_conf()`); err != nil {
		return fmt.Errorf("load the settings: %w", err)
	}
	for {
		var now time.Time
		if err := conn.QueryRow(ctx, `SELECT pg_conf_load_time() FROM pg_sleep(0.05)`).Scan(&now); err != nil {
			return fmt.Errorf("load the settings: %w", err)
		}
		if now.After(before) {
			return nil
		}
	}
}
