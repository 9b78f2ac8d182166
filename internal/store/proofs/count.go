package proofs

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const day = int64(24 * time.Hour / time.Microsecond)

// sum adds a row to the sum of its day: on the side of leaves, 0, or of tables, 1.
// Sums that are equal are of the same rows.
func (v *verification) sum(ref Ref, side int) {
	var b [refSize]byte
	of := ref.Time / day
	if v.sums[of] == nil {
		v.sums[of] = &[2]uint64{}
	}
	v.sums[of][side] += maphash.Bytes(v.seed, ref.append(b[:0]))
}

// rowsAtOnce is how many keys of rows are read in one statement.
const rowsAtOnce = 50_000

// eachRow tells the rows of the tables in a time.
func (v *verification) eachRow(ctx context.Context, since, until time.Time, tell func(Ref)) error {
	var at time.Time
	var key pgtype.UUID
	var ordinal int16
	for last, n := (Ref{Kind: Event, Time: since.UnixMicro(), Ordinal: -1}), rowsAtOnce; n == rowsAtOnce; {
		rows, _ := v.tx.Query(ctx, `
			SELECT event_time, event_key, ordinal
			FROM events
			WHERE event_time >= $1 AND (event_time, event_key, ordinal) > ($1, $2, $3) AND event_time < $4
			ORDER BY event_time, event_key, ordinal
			LIMIT $5`, time.UnixMicro(last.Time), pgtype.UUID{Bytes: last.Key, Valid: true}, last.Ordinal, until, rowsAtOnce)
		n = 0
		if _, err := pgx.ForEachRow(rows, []any{&at, &key, &ordinal}, func() error {
			last.Time, last.Key, last.Ordinal = at.UnixMicro(), key.Bytes, ordinal
			tell(last)
			n++
			return nil
		}); err != nil {
			return fmt.Errorf("read the keys of events: %w", err)
		}
	}
	rows, _ := v.tx.Query(ctx, `
		SELECT received_at, quarantine_key
		FROM quarantine
		WHERE received_at >= $1 AND received_at < $2`, since, until)
	if _, err := pgx.ForEachRow(rows, []any{&at, &key}, func() error {
		tell(Ref{Kind: Quarantined, Time: at.UnixMicro(), Key: key.Bytes})
		return nil
	}); err != nil {
		return fmt.Errorf("read the keys of the quarantine: %w", err)
	}
	rows, _ = v.tx.Query(ctx, `
		SELECT at, action_key
		FROM trail
		WHERE at >= $1 AND at < $2`, since, until)
	if _, err := pgx.ForEachRow(rows, []any{&at, &key}, func() error {
		tell(Ref{Kind: Action, Time: at.UnixMicro(), Key: key.Bytes})
		return nil
	}); err != nil {
		return fmt.Errorf("read the keys of the trail: %w", err)
	}
	return nil
}

func (v *verification) countRows(ctx context.Context) error {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC) // no partition is beyond
	return v.eachRow(ctx, first, last, func(ref Ref) {
		v.report.Rows++
		v.sum(ref, 1)
	})
}

// tellUnsealed names the rows that no leaf is about, day by day.
func (v *verification) tellUnsealed(ctx context.Context) error {
	for of, sums := range v.sums {
		if sums[0] == sums[1] {
			continue
		}
		since, until := time.UnixMicro(of*day), time.UnixMicro((of+1)*day)
		known, err := v.leavesOf(ctx, since, until)
		if err != nil {
			return err
		}
		if err := v.eachRow(ctx, since, until, func(ref Ref) {
			if !known[ref] {
				v.report.find("%s was put in: the log has no leaf for it", ref)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) leavesOf(ctx context.Context, since, until time.Time) (map[Ref]bool, error) {
	known := map[Ref]bool{}
	add := func(refs []byte, step int) {
		for ; len(refs) >= step; refs = refs[step:] {
			known[readRef(refs).row()] = true
		}
	}
	rows, _ := v.tx.Query(ctx, `SELECT refs FROM proof_leaves WHERE first_time < $2 AND last_time >= $1`, since, until)
	var b []byte
	if _, err := pgx.ForEachRow(rows, []any{&b}, func() error { add(b, refSize); return nil }); err != nil {
		return nil, fmt.Errorf("read leaves: %w", err)
	}
	rows, _ = v.tx.Query(ctx, `SELECT entries FROM proof_pending`)
	if _, err := pgx.ForEachRow(rows, []any{&b}, func() error { add(b, entrySize); return nil }); err != nil {
		return nil, fmt.Errorf("read what is pending: %w", err)
	}
	return known, nil
}
