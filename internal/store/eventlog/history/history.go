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
			COALESCE(p.space, ''), c.ordinals, c.live, c.payloads, c.codecs
		FROM events e
		JOIN event_types t ON t.id = e.type_id
		JOIN event_sources s ON s.id = e.source_id
		LEFT JOIN spaces p ON p.id = e.space_id
		CROSS JOIN LATERAL (
			SELECT array_agg(f.ordinal ORDER BY f.ordinal) AS ordinals, array_agg(f.origin = 'l' ORDER BY f.ordinal) AS live,
				array_agg(f.payload ORDER BY f.ordinal) AS payloads, array_agg(f.payload_codec ORDER BY f.ordinal) AS codecs
			FROM events f
			WHERE f.event_key = e.event_key AND f.event_time = e.event_time AND f.payload IS NOT NULL
		) c
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
	var id, source, typ, space string
	var kept originals.Kept
	decoded := map[items.Key][]originals.Copy{}
	targets := []any{&at, &key, &ordinal, &id, &source, &typ, &space, &kept.Ordinals, &kept.Live, &kept.Payloads, &kept.Codecs}
	if err := store.Each(rows, targets, func() {
		r := row{at: items.Version{Time: at, Key: key.Bytes, Ordinal: ordinal}}
		copies, ok := decoded[r.at.Key]
		if !ok {
			copies = c.originals.Copies(at, id, source, typ, space, kept)
			decoded[r.at.Key] = copies
		}
		if of, it := originals.Find(copies, ordinal, true); it != nil {
			told := *it
			r.change = reactors.Change{Event: of.Event, Item: &told, Origin: events.OriginLive}
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
