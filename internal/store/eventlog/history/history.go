// Package history tells what happened as rules were asked about it, for those
// who want to know what others would have done.
//
// It promises the changes that were delivered live, in the order of their
// times, each once. What this version can't decode any more is left out and
// logged. An error is about the database.
package history

import (
	"bytes"
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
)

// Changes reads them from a database.
type Changes struct {
	db        *store.Store
	originals *originals.Originals
}

// New returns Changes that decode what originals reads.
func New(db *store.Store, originals *originals.Originals) *Changes { return &Changes{db, originals} }

// History tells, in the order of their times, the changes that were delivered
// live in (since, until]: as rules were asked about them. Of events that held
// names only it tells what was fetched for them. What the filter leaves out isn't read.
func (c *Changes) History(ctx context.Context, since, until time.Time, f reactors.Filter, each func(reactors.Change) error) error {
	after := items.Version{Time: store.Microseconds(since), Key: lastKey, Ordinal: math.MaxInt16}
	ofKind, here := `true`, `true`
	if f.Kinds != nil {
		ofKind = `e.type_id = ANY (ARRAY(SELECT id FROM event_types WHERE kind = ANY (@kinds)))`
	}
	if f.Space != "" {
		here = `e.space_id = (SELECT id FROM spaces WHERE space = @space)`
	}
	return c.originals.Items(ctx, c.db.Pool(), after, `e.origin = 'l' AND e.event_time <= @until AND `+ofKind+` AND `+here,
		pgx.NamedArgs{"until": store.Microseconds(until), "kinds": f.Kinds, "space": f.Space},
		func(rows []items.Row) error {
			changes, err := c.complete(ctx, rows)
			if err != nil {
				return err
			}
			for _, change := range changes {
				if err := each(change); err != nil {
					return err
				}
			}
			return nil
		})
}

// lastKey comes after the key of every event of the same time.
var lastKey = items.Key(bytes.Repeat([]byte{0xff}, len(items.Key{})))

// complete adds what the log itself doesn't tell: what memberships were
// before, and what was fetched for events that held names only.
func (c *Changes) complete(ctx context.Context, rows []items.Row) ([]reactors.Change, error) {
	ctx, cancel := c.db.WithTimeout(ctx)
	defer cancel()
	changes := make([]reactors.Change, len(rows))
	q := &pgx.Batch{}
	for i := range rows {
		r := &rows[i]
		changes[i] = reactors.Change{Event: r.Event, Item: r.Item, Origin: events.OriginLive}
		switch {
		case r.Item.Kind == events.KindMembership:
			memberships.QueuePast(q, r, &changes[i])
		case r.Item.Kind == events.KindMessage && r.Item.NamesOnly():
			queueMessage(q, r.Item)
		}
	}
	if q.Len() == 0 {
		return changes, nil
	}
	return changes, c.db.Pool().SendBatch(ctx, q).Close()
}

func queueMessage(q *pgx.Batch, it *events.Item) {
	q.Queue(`
		SELECT COALESCE(u.user_name, ''), COALESCE(u.user_type, ''),
			COALESCE(full_name(CASE m.thread WHEN '' THEN split_part(m.name, '.', 1) ELSE m.thread END, @space || '/threads'), ''),
			COALESCE(m.text, '')
		FROM stored_messages m
		LEFT JOIN users u ON u.id = m.sender_id
		WHERE split_part(m.name, '.', 1) = split_part(@name, '.', 1) AND m.name = @name
			AND m.space_id = (SELECT id FROM spaces WHERE space = @space) AND m.text IS NOT NULL`,
		pgx.NamedArgs{"space": it.Space, "name": items.ShortName(it.Resource, it.Space+"/messages")},
	).Query(func(rows pgx.Rows) error {
		var m events.Message
		return store.Each(rows, []any{&m.Sender.Name, &m.Sender.Type, &m.Thread, &m.Text}, func() {
			fetched := m
			fetched.Name = it.Resource
			it.Message, it.Actor = &fetched, fetched.Sender.Name
		})
	})
}
