package originals

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// pageSize is how many items are read at once.
const pageSize = 500

// Querier is a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// recorded is one item of an event. Data is as the log holds it.
type recorded struct {
	Event
	spaceID, actorID int32
	codec            int16
	kept             Kept
}

// pages tells the items after one in the order of the log: of the events e,
// of their types t, those that a condition leaves; with what is kept of their
// events' copies if that is wanted.
func (o *Originals) pages(
	ctx context.Context, db Querier, after items.Version, copies bool, condition string, args pgx.NamedArgs, tell func([]recorded) error,
) error {
	args = maps.Clone(args) // the caller may use them again
	args["copies"] = copies
	return items.Pages(pageSize, func(last *recorded) ([]recorded, error) {
		if last != nil {
			after = items.Version{Time: last.Time, Key: last.Key, Ordinal: last.ordinal}
		}
		args["after"], args["key"], args["ordinal"], args["page"] = after.PgTime(), after.Key.Pg(), after.Ordinal, pageSize
		list, err := o.page(ctx, db, condition, args)
		if err != nil {
			return nil, fmt.Errorf("read the log from %s on: %w", after.Time.Format(time.RFC3339), err)
		}
		return list, tell(list)
	})
}

func (o *Originals) page(ctx context.Context, db Querier, condition string, args pgx.NamedArgs) ([]recorded, error) {
	ctx, cancel := o.db.WithTimeout(ctx)
	defer cancel()
	// An event's bytes are read once for all of its items in the page: they may be
	// of a batch.
	rows, _ := db.Query(ctx, `
		SELECT e.event_time, e.received_at, e.event_key, e.ordinal, full_name(e.ce_id, p.space || '/spaceEvents'), e.ce_type, s.source,
			COALESCE(p.space, ''), e.origin = 'l', COALESCE(e.space_id, 0), COALESCE(e.actor_id, 0),
			e.payload, e.payload_codec, c.ordinals, c.live, c.payloads, c.codecs
		FROM (
			SELECT event_time, received_at, event_key, source_id, space_id, actor_id, ordinal, payload_codec, origin, ce_id, ce_type, payload,
				lag(event_key) OVER (ORDER BY event_time, event_key, ordinal) IS DISTINCT FROM event_key AS is_first
			FROM (
				SELECT e.event_time, e.received_at, e.event_key, e.source_id, e.space_id, e.actor_id, e.ordinal, e.payload_codec, e.origin, e.ce_id,
					t.ce_type, CASE WHEN NOT @copies THEN e.payload END AS payload
				FROM events e
				JOIN event_types t ON t.id = e.type_id
				WHERE e.event_time >= @after AND (e.event_time, e.event_key, e.ordinal) > (@after, @key, @ordinal) AND `+condition+`
				ORDER BY e.event_time, e.event_key, e.ordinal
				LIMIT @page
			) page
		) e
		JOIN event_sources s ON s.id = e.source_id
		LEFT JOIN spaces p ON p.id = e.space_id
		LEFT JOIN LATERAL (
			SELECT array_agg(f.ordinal ORDER BY f.ordinal) AS ordinals, array_agg(f.origin = 'l' ORDER BY f.ordinal) AS live,
				array_agg(f.payload ORDER BY f.ordinal) AS payloads, array_agg(f.payload_codec ORDER BY f.ordinal) AS codecs
			FROM events f
			WHERE @copies AND e.is_first AND f.event_key = e.event_key AND f.event_time = e.event_time AND f.payload IS NOT NULL
		) c ON true
		ORDER BY e.event_time, e.event_key, e.ordinal`, args)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r recorded, err error) {
		var key pgtype.UUID
		err = row.Scan(&r.Time, &r.ReceivedAt, &key, &r.ordinal, &r.ID, &r.Type, &r.Source,
			&r.Space, &r.Live, &r.spaceID, &r.actorID, &r.Data, &r.codec, &r.kept.Ordinals, &r.kept.Live, &r.kept.Payloads, &r.kept.Codecs)
		r.Key = key.Bytes
		return r, err
	})
}

// Items tells the items after one, decoded anew, page by page in the order of
// the log: of the events e, of their types t, those that a condition leaves.
func (o *Originals) Items(
	ctx context.Context, db Querier, after items.Version, condition string, args pgx.NamedArgs, tell func([]items.Row) error,
) error {
	return o.pages(ctx, db, after, true, condition, args, func(list []recorded) error {
		rows := make([]items.Row, 0, len(list))
		var copies []Copy
		for i := range list {
			r := &list[i]
			if i == 0 || r.Key != list[i-1].Key {
				copies = o.Copies(r.Time, r.ID, r.Source, r.Type, r.Space, r.kept)
			}
			of, it := Find(copies, r.ordinal, r.Live)
			if it == nil {
				continue
			}
			d := &events.Delivery{Origin: events.OriginLive, ReceivedAt: r.ReceivedAt}
			if !r.Live {
				d.Origin = events.OriginBackfill
			}
			told := *it
			rows = append(rows, items.Row{
				Key: r.Key, Time: r.Time, Delivery: d, Event: of.Event, Item: &told, SpaceID: r.spaceID, ActorID: r.actorID,
			})
		}
		return tell(rows)
	})
}
