// Package partitions makes the monthly partitions of events.
//
// It promises that a month is there once it was asked for, made by one of any
// number of replicas. The caller asks for what its events need, and forgets
// what it knows when Postgres says that a partition is missing. An error is
// about the database; asking again does no harm.
package partitions

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Partitions reach from this many months before now to that many after it.
// There is deliberately no default partition: what lies in it would block the
// creation of the right one.
const (
	monthsBehind = 2
	monthsAhead  = 3
)

// Partitions knows which partitions are there.
type Partitions struct {
	pool   *pgxpool.Pool
	months sync.Map // that are there: time.Time → true
}

// New returns the partitions in a database.
func New(pool *pgxpool.Pool) *Partitions { return &Partitions{pool: pool} }

// Forget has all months looked for again: somebody has dropped one.
func (p *Partitions) Forget() { p.months.Clear() }

// Month is the beginning of the month that has a time in it.
func Month(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// EnsurePartitions creates the partitions of events around now that are
// missing. Recording does it for what it needs; call it daily so that the
// months ahead are there before their first event.
func (p *Partitions) EnsurePartitions(ctx context.Context, now time.Time) error {
	var want []time.Time
	for m := -monthsBehind; m <= monthsAhead; m++ {
		want = append(want, Month(now).AddDate(0, m, 0))
	}
	return p.EnsureMonths(ctx, want)
}

// EnsureMonths creates the partitions of these months that are missing.
func (p *Partitions) EnsureMonths(ctx context.Context, want []time.Time) error {
	for _, month := range want {
		if _, known := p.months.Load(month); known {
			continue
		}
		if err := p.createPartition(ctx, month); err != nil {
			return fmt.Errorf("create partition for %s: %w", month.Format("2006-01"), err)
		}
		p.months.Store(month, true)
	}
	return nil
}

// createPartition makes the table first and attaches it then: that lets
// readers and writers of the other months go on, where CREATE TABLE …
// PARTITION OF would lock them out. Where the month was detached and its table
// is still there, the new one gets a name of its own: what was detached is
// whoever's who did it.
func (p *Partitions) createPartition(ctx context.Context, month time.Time) error {
	name := "events_" + month.Format("2006_01")
	// Not to_regclass: it may answer from a cache older than the lock below.
	const exists = `
		SELECT EXISTS (
			SELECT FROM pg_inherits i
			JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = 'events'::regclass AND c.relname ~ ('^' || $1 || '(_\d+)?$') AND NOT i.inhdetachpending
		)`
	var there bool
	if err := p.pool.QueryRow(ctx, exists, name).Scan(&there); err != nil || there {
		return err
	}
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		// One replica creates it, the others wait here and find it.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('spacekeeper partitions'))`); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, exists, name).Scan(&there); err != nil || there {
			return err
		}
		if err := tx.QueryRow(ctx, `
			SELECT free.name
			FROM generate_series(1, 1000) AS n, concat($1::text, '_' || NULLIF(n, 1)) AS free (name)
			WHERE NOT EXISTS (
				SELECT FROM pg_class c
				WHERE c.relname = free.name AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'events'::regclass)
			)
			ORDER BY n
			LIMIT 1`, name).Scan(&name); err != nil {
			return err
		}
		bound := func(t time.Time) string { return t.Format("'2006-01-02 00:00:00+00'") }
		_, err := tx.Exec(ctx, fmt.Sprintf(`
			SET LOCAL lock_timeout = '3s';
			CREATE TABLE %[1]s (LIKE events INCLUDING ALL);
			ALTER TABLE events ATTACH PARTITION %[1]s FOR VALUES FROM (%[2]s) TO (%[3]s)`,
			pgx.Identifier{name}.Sanitize(), bound(month), bound(month.AddDate(0, 1, 0))),
			pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// Oldest is the beginning of the oldest month that there is; zero without one.
func (p *Partitions) Oldest(ctx context.Context) (time.Time, error) {
	var name string
	if err := p.pool.QueryRow(ctx, `
		SELECT COALESCE(min(c.relname), '')
		FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_\d{4}_\d\d'`).Scan(&name); err != nil {
		return time.Time{}, fmt.Errorf("find the oldest partition: %w", err)
	}
	if name == "" {
		return time.Time{}, nil
	}
	month, err := time.Parse("events_2006_01", name[:len("events_2006_01")])
	if err != nil {
		return time.Time{}, fmt.Errorf("read the month of partition %s: %w", name, err)
	}
	return month, nil
}
