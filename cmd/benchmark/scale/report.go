package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/localpg"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/statements"
)

// A report is about so many events: with fewer, Postgres reads tables whole and is
// right to.
const (
	MinEvents = 500_000
	MaxEvents = maxBase * maxCopies
	maxBase   = 20_000 // events that are recorded
)

// ErrPlans says that statements read large tables whole; the report shows them.
var ErrPlans = errors.New("statements read large tables whole")

// Report seeds a database of its own with so many events, and prints what it does
// to it.
func Report(ctx context.Context, events int, out io.Writer) (err error) {
	list, err := Statements() // of the source, which has to be there
	if err != nil {
		return err
	}
	pg, err := localpg.Start(ctx, localpg.Options{Private: true, Settings: map[string]string{"shared_buffers": "1GB"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pg.Stop()) }()
	conn, err := pgx.Connect(ctx, pg.DSN())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	fmt.Fprintf(out, "%s/%s, %d CPUs; Postgres with its default settings, but 1 GB of buffers\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	full, err := create(ctx, conn, pg.DSN(), "scale")
	if err != nil {
		return err
	}
	began := time.Now()
	size := Size{Events: events, Base: maxBase, Spaces: 48, People: 480, Months: 4, Full: true}
	if err := seed(ctx, conn, full, size, began); err != nil {
		return err
	}
	if err := printDisk(ctx, out, full, time.Since(began)); err != nil {
		return err
	}
	took, err := rebuild(ctx, full)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nrebuild of all rollups: %s\n", took.Round(time.Second))
	if err := printReads(ctx, out, full, began); err != nil {
		return err
	}
	if err := printAnalytics(ctx, out, full, began, executions); err != nil {
		return err
	}
	broken := printPlans(ctx, out, full, list)
	if broken != nil && !errors.Is(broken, ErrPlans) {
		return broken
	}
	if err := printLog(ctx, out, full); err != nil {
		return err
	}
	if err := printIdlePass(ctx, out, full); err != nil {
		return err
	}
	empty, err := create(ctx, conn, pg.DSN(), "empty")
	if err != nil {
		return err
	}
	if err := printRates(ctx, out, full, empty); err != nil {
		return err
	}
	return broken
}

// create makes a migrated database and returns its address.
func create(ctx context.Context, conn *pgx.Conn, dsn, name string) (string, error) {
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	dsn = strings.Replace(dsn, "/"+localpg.Database+"?", "/"+name+"?", 1)
	return dsn, store.Migrate(ctx, dsn)
}

// seed fills a database without waiting for the disk, and leaves the server as it
// was, all of it written.
func seed(ctx context.Context, conn *pgx.Conn, dsn string, size Size, until time.Time) (err error) {
	for _, s := range [][2]string{
		{"fsync", "off"}, {"full_page_writes", "off"}, {"autovacuum", "off"}, {"checkpoint_timeout", "1h"}, {"max_wal_size", "4GB"},
	} {
		if err := set(ctx, conn, s[0], s[1]); err != nil {
			return err
		}
	}
	if err := Seed(ctx, dsn, size, until); err != nil {
		return err
	}
	if err := reset(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CHECKPOINT`); err != nil {
		return fmt.Errorf("write what was seeded: %w", err)
	}
	return nil
}

func printDisk(ctx context.Context, out io.Writer, dsn string, took time.Duration) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	var events, messages, changes, spaces, people int64
	if err := conn.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM stored_messages), (SELECT count(*) FROM stored_membership_changes),
			(SELECT count(*) FROM spaces), (SELECT count(*) FROM users)`).Scan(&events, &messages, &changes, &spaces, &people); err != nil {
		return fmt.Errorf("count what was seeded: %w", err)
	}
	fmt.Fprintf(out, "%d events, %d messages, %d membership changes, %d spaces, %d people: seeded in %s\n",
		events, messages, changes, spaces, people, took.Round(time.Second))
	rows, _ := conn.Query(ctx, `
		SELECT regexp_replace(c.relname, '_\d{4}_\d\d', '') AS name, sum(pg_table_size(c.oid))::bigint AS bytes, 0::bigint
		FROM pg_class c
		WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace
		GROUP BY name
		ORDER BY bytes DESC`)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[written])
	if err != nil {
		return fmt.Errorf("measure the tables: %w", err)
	}
	var sum int64
	for _, r := range list {
		sum += r.Bytes
	}
	fmt.Fprintf(out, "\ndisk, bytes/event: %d, with edits, deletions and batches among the events; by relation:\n", sum/events)
	for _, r := range list {
		if r.Bytes/events >= 3 {
			fmt.Fprintf(out, "  %-44s %6d\n", r.Name, r.Bytes/events)
		}
	}
	return nil
}

func printPlans(ctx context.Context, out io.Writer, dsn string, list []statements.Statement) error {
	inside, err := insideAnalytics(ctx, dsn)
	if err != nil {
		return err
	}
	list = append(list, inside...)
	complaints, err := Plans(ctx, dsn, list)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nplans of %d statements: %d read a large table whole\n", len(list), len(complaints))
	for _, c := range complaints {
		fmt.Fprintln(out, c)
	}
	if len(complaints) > 0 {
		return ErrPlans
	}
	return nil
}

func printReads(ctx context.Context, out io.Writer, dsn string, until time.Time) error {
	s, err := open(ctx, dsn, until)
	if err != nil {
		return err
	}
	defer s.db.Close()
	reads, err := allReads()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%-60s %10s %10s %10s\n", "reads", "rows", "pages", "ms")
	for _, r := range reads {
		c, err := Measure(ctx, s, r, 2)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-60.60s %10d %10d %10.1f\n", r.Name, c.Rows, c.Pages, ms(c.Took))
	}
	return nil
}

// allReads are the usual ones and the shown queries that a reader pastes.
func allReads() ([]Read, error) {
	list, err := Statements()
	if err != nil {
		return nil, err
	}
	reads := Reads()
	for _, s := range list {
		if strings.Contains(s.Place, ".md:") && !strings.HasPrefix(s.Place, ofAnalytics) {
			reads = append(reads, query(s.Place, 0, s.SQL, nil))
		}
	}
	return reads, nil
}

const (
	rateRounds = 3
	rateEvents = 10_000
)

// printRates records into both databases in turns, by one writer.
func printRates(ctx context.Context, out io.Writer, full, empty string) error {
	recorders := make([]*recorder, 2)
	for i, dsn := range []string{full, empty} {
		r, err := newRecorder(ctx, dsn)
		if err != nil {
			return err
		}
		defer r.db.Close()
		recorders[i] = r
	}
	var ratios []float64
	fmt.Fprintf(out, "\nrecording by one writer, in batches of %d, events/s:\n", batch)
	for range rateRounds {
		var rates [2]float64
		for i, r := range recorders {
			began := time.Now()
			if err := r.record(ctx, rateEvents, batch); err != nil {
				return err
			}
			rates[i] = rateEvents / time.Since(began).Seconds()
		}
		ratios = append(ratios, rates[0]/rates[1])
		fmt.Fprintf(out, "  full %8.0f  empty %8.0f  %.2f\n", rates[0], rates[1], ratios[len(ratios)-1])
	}
	slices.Sort(ratios)
	fmt.Fprintf(out, "  full / empty: %.2f\n", ratios[len(ratios)/2])
	return nil
}
