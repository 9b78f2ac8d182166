// Package partitions makes the monthly partitions of the tables that grow: the
// event log and messages.
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

	"github.com/jackc/pgx/v5/pgxpool"
)

// Partitions reach from this many months before now to that many after it.
// There is deliberately no default partition: what lies in it would block the
// creation of the right one.
const (
	monthsBehind = 2
	monthsAhead  = 3
)

// The tables that are divided, each by a time of its own.
const (
	Events   = "events"          // by event_time
	Messages = "stored_messages" // by create_time
)

// Partition is a month of a table.
type Partition struct {
	table string
	month time.Time
}

// Of is the partition of a table that has a time in it.
func Of(table string, t time.Time) Partition {
	t = t.UTC()
	return Partition{table, time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)}
}

func (p Partition) name() string { return p.table + p.month.Format("_2006_01") }

// Partitions knows which partitions are there.
type Partitions struct {
	pool  *pgxpool.Pool
	there sync.Map // Partition → true
}

// New returns the partitions in a database.
func New(pool *pgxpool.Pool) *Partitions { return &Partitions{pool: pool} }

// Forget has all partitions looked for again: somebody has dropped one.
func (p *Partitions) Forget() { p.there.Clear() }

// EnsurePartitions creates the partitions around now that are missing. Recording
// does it for what it needs; call it daily so that the months ahead are there
// before their first event.
func (p *Partitions) EnsurePartitions(ctx context.Context, now time.Time) error {
	var want []Partition
	for _, table := range []string{Events, Messages} {
		for m := -monthsBehind; m <= monthsAhead; m++ {
			want = append(want, Of(table, Of(table, now).month.AddDate(0, m, 0)))
		}
	}
	return p.Ensure(ctx, want)
}

// Missing are those of the partitions that aren't known to be there.
func (p *Partitions) Missing(want map[Partition]bool) (missing []Partition) {
	for w := range want {
		if _, known := p.there.Load(w); !known {
			missing = append(missing, w)
		}
	}
	return missing
}

// Ensure creates those of the partitions that are missing.
func (p *Partitions) Ensure(ctx context.Context, want []Partition) error {
	for _, w := range want {
		if _, known := p.there.Load(w); known {
			continue
		}
		// It acts as the owner of the tables, who alone may add to them.
		if _, err := p.pool.Exec(ctx, `SELECT make_partition($1, $2)`, w.table, w.month); err != nil {
			return fmt.Errorf("create partition %s: %w", w.name(), err)
		}
		p.there.Store(w, true)
	}
	return nil
}

// Oldest is the beginning of the oldest month of events that there is; zero without one.
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
