package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// bulkSize is where the rate of inserts levels off.
const bulkSize = 1_000

// insertBulk is what Postgres can do by itself: the log's rows, ready made,
// with the payload as received, through two connections.
func insertBulk(ctx context.Context, t task) (result, error) {
	pool, err := pgxpool.New(ctx, t.DSN)
	if err != nil {
		return result{}, fmt.Errorf("connect: %w", err)
	}
	defer pool.Close()
	db, err := store.Open(ctx, t.DSN, store.Options{})
	if err != nil {
		return result{}, err
	}
	defer db.Close()
	l, err := eventlog.New(db, nil, nil)
	if err != nil {
		return result{}, err
	}
	batches, err := bulkRows(t)
	if err != nil {
		return result{}, err
	}
	if err := prepareBulk(ctx, l, pool, t); err != nil {
		return result{}, err
	}

	before, started := processCPU(), time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for half := range 2 {
		g.Go(func() error {
			for i := half; i < len(batches); i += 2 {
				if _, err := pool.Exec(ctx, `
					INSERT INTO events (event_time, received_at, publish_time, event_key, source_id, type_id, ordinal,
						payload_codec, origin, ce_id, space_id, actor_id, resource, message_id, payload)
					SELECT u.at, u.at, u.at, u.key, 1, 1, 0, 0, 'l', u.ce_id, u.space_id, u.actor_id, u.resource, u.message_id, u.payload
					FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::bytea[])
						AS u(at, key, ce_id, space_id, actor_id, resource, message_id, payload)
					ON CONFLICT DO NOTHING`, batches[i]...); err != nil {
					return fmt.Errorf("insert: %w", err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return result{}, err
	}
	return result{Events: t.Messages, Elapsed: time.Since(started), CPU: processCPU() - before, MaxRSS: maxRSS()}, nil
}

// prepareBulk lets the store make the partitions and look-up rows that the
// inserts refer to, by recording one event of the workload.
func prepareBulk(ctx context.Context, l *eventlog.Log, pool *pgxpool.Pool, t task) error {
	m := messages(t)()
	ev, bad := events.Decode(m.Attributes, m.Data)
	if bad != nil {
		return bad
	}
	if _, err := l.Record(ctx, []events.Delivery{{
		MessageID: "first", ReceivedAt: time.Now(), Attributes: m.Attributes, Data: m.Data, Origin: events.OriginLive, Event: ev,
	}}); err != nil {
		return err
	}
	_, err := pool.Exec(ctx, `TRUNCATE events`)
	return err
}

// logRow is a row of the log, ready made.
type logRow struct {
	at                      time.Time
	key                     pgtype.UUID
	space, actor            int32
	id, resource, messageID string
	payload                 []byte
}

// bulkRows decodes the workload into columns, bulkSize rows at a time, in the
// order that the store writes them in too: without one, duplicates would make
// writers wait for each other in a circle.
func bulkRows(t task) (batches [][]any, err error) {
	next, names := messages(t), map[string]int32{}
	number := func(name string) int32 {
		if _, ok := names[name]; !ok {
			names[name] = int32(len(names) + 1)
		}
		return names[name]
	}
	for done := 0; done < t.Messages; done += bulkSize {
		rows := make([]logRow, min(bulkSize, t.Messages-done))
		for i := range rows {
			m := next()
			ev, bad := events.Decode(m.Attributes, m.Data)
			if bad != nil {
				return nil, bad
			}
			it, messageID := &ev.Items[0], fmt.Sprint(17_622_191_887_000_000+done+i)
			rows[i] = logRow{
				at: ev.Time, key: pgtype.UUID{Bytes: items.KeyOf(ev, messageID), Valid: true},
				id: ev.ID, space: number(it.Space), actor: number(it.Actor), resource: it.Resource, messageID: messageID, payload: m.Data,
			}
		}
		slices.SortFunc(rows, func(a, b logRow) int {
			return cmp.Or(a.at.Compare(b.at), bytes.Compare(a.key.Bytes[:], b.key.Bytes[:]))
		})
		batches = append(batches, []any{
			column(rows, func(r *logRow) time.Time { return r.at }), column(rows, func(r *logRow) pgtype.UUID { return r.key }),
			column(rows, func(r *logRow) string { return r.id }), column(rows, func(r *logRow) int32 { return r.space }),
			column(rows, func(r *logRow) int32 { return r.actor }), column(rows, func(r *logRow) string { return r.resource }),
			column(rows, func(r *logRow) string { return r.messageID }), column(rows, func(r *logRow) []byte { return r.payload }),
		})
	}
	return batches, nil
}

func column[T any](rows []logRow, of func(*logRow) T) []T {
	values := make([]T, len(rows))
	for i := range rows {
		values[i] = of(&rows[i])
	}
	return values
}
