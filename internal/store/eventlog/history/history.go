// Package history tells what happened as rules were asked about it, for those
// who want to know what others would have done.
//
// It promises the changes that were delivered live, in the order of their
// times, each once. What this version can't decode any more is left out and
// logged. An error is about the database.
package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
)

// pageSize is how many items of the log are read at once.
const pageSize = 500

// Changes reads them from a database.
type Changes struct {
	db        *store.Store
	originals *originals.Originals
}

// New returns Changes that decode what originals reads.
func New(db *store.Store, originals *originals.Originals) *Changes { return &Changes{db, originals} }

// History tells, in the order of their times, the changes that were delivered
// live in (since, until]: as rules were asked about them. Of events that held
// names only it tells what was fetched for them.
func (c *Changes) History(ctx context.Context, since, until time.Time, each func(reactors.Change) error) error {
	at := items.Version{Time: store.Microseconds(since), Key: lastKey, Ordinal: 1 << 14}
	for {
		page, err := c.page(ctx, at, until)
		if err != nil {
			return fmt.Errorf("read what happened since %s: %w", at.Time.Format(time.RFC3339), err)
		}
		for i := range page {
			if page[i].change.Item == nil {
				continue // logged when it was read
			}
			if err := each(page[i].change); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		at = page[len(page)-1].at
	}
}

// lastKey comes after the key of every event of the same time.
var lastKey = items.Key{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// row is one item of the log.
type row struct {
	at     items.Version
	change reactors.Change
}

func (c *Changes) page(ctx context.Context, after items.Version, until time.Time) ([]row, error) {
	ctx, cancel := c.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := c.db.Pool().Query(ctx, `
		SELECT e.event_time, e.event_key, e.ordinal, full_name(e.ce_id, p.space || '/spaceEvents'), s.source, t.ce_type,
			COALESCE(p.space, ''), COALESCE(full_name(e.resource, p.space), ''), COALESCE(first.payload, e.payload),
			COALESCE(first.payload_codec, e.payload_codec)
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		LEFT JOIN spaces p ON p.id = e.space_id
		LEFT JOIN LATERAL (
			SELECT f.payload, f.payload_codec
			FROM events f
			WHERE f.event_key = e.event_key AND f.event_time = e.event_time AND f.origin = e.origin AND f.payload IS NOT NULL
			ORDER BY f.ordinal
			LIMIT 1
		) first ON e.payload IS NULL
		WHERE e.origin = 'l' AND e.event_time >= @since AND e.event_time <= @until
			AND (e.event_time, e.event_key, e.ordinal) > (@since, @key, @ordinal)
		ORDER BY e.event_time, e.event_key, e.ordinal
		LIMIT @page`,
		pgx.NamedArgs{
			"since": after.Time, "key": after.Key.Pg(), "ordinal": after.Ordinal, "until": store.Microseconds(until), "page": pageSize,
		})
	var page []row
	var at time.Time
	var key pgtype.UUID
	var ordinal int
	var id, source, typ, space, resource string
	var payload []byte
	var codec int16
	decoded := map[items.Key]*events.Event{}
	targets := []any{&at, &key, &ordinal, &id, &source, &typ, &space, &resource, &payload, &codec}
	if err := store.Each(rows, targets, func() {
		r := row{at: items.Version{Time: at, Key: key.Bytes, Ordinal: ordinal}}
		ev := decoded[r.at.Key]
		if ev == nil {
			var err error
			if ev, err = c.originals.Decode(at, id, source, typ, space, payload, codec); err != nil {
				// It was decoded when it was recorded; if this version can't,
				// the rest of the past is still worth telling.
				c.db.Log().Warn("recorded event not decoded; skipped in replay", zap.String("event_id", id), zap.Error(err))
				ev = &events.Event{}
			}
			decoded[r.at.Key] = ev
		}
		for i := range ev.Items {
			if ev.Items[i].Ordinal == ordinal {
				it := ev.Items[i]
				r.change = reactors.Change{Event: ev, Item: &it, Origin: events.OriginLive}
			}
		}
		page = append(page, r)
	}); err != nil {
		return nil, err
	}
	return page, c.complete(ctx, page)
}

// complete adds what the log itself doesn't tell: what memberships were
// before, and what was fetched for events that held names only.
func (c *Changes) complete(ctx context.Context, page []row) error {
	q := &pgx.Batch{}
	for i := range page {
		switch it := page[i].change.Item; {
		case it == nil:
		case it.Kind == events.KindMembership:
			memberships.QueuePast(q, page[i].at, &page[i].change)
		case it.Kind == events.KindMessage && it.NamesOnly():
			queueMessage(q, it)
		}
	}
	if q.Len() == 0 {
		return nil
	}
	return c.db.Pool().SendBatch(ctx, q).Close()
}

func queueMessage(q *pgx.Batch, it *events.Item) {
	q.Queue(`
		SELECT COALESCE(m.sender, ''), COALESCE(u.user_type, ''), COALESCE(m.thread, ''), COALESCE(m.text, '')
		FROM messages m
		LEFT JOIN users u ON u.user_name = m.sender
		WHERE m.message = $1 AND m.text IS NOT NULL`, it.Resource).Query(func(rows pgx.Rows) error {
		var m events.Message
		return store.Each(rows, []any{&m.Sender.Name, &m.Sender.Type, &m.Thread, &m.Text}, func() {
			fetched := m
			fetched.Name = it.Resource
			it.Message, it.Actor = &fetched, fetched.Sender.Name
		})
	})
}
