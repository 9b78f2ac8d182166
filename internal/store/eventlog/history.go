package eventlog

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// historyPage is how many items of the log are read at once.
const historyPage = 500

// History tells, in the order of their times, the changes that were delivered
// live in (since, until]: as rules were asked about them. Of events that held
// names only it tells what was fetched for them.
func (s *Log) History(ctx context.Context, since, until time.Time, each func(reactors.Change) error) error {
	at := version{time: store.Microseconds(since), key: Key(lastKey), ordinal: 1 << 14}
	for {
		page, err := s.historyPage(ctx, at, until)
		if err != nil {
			return fmt.Errorf("read what happened since %s: %w", at.time.Format(time.RFC3339), err)
		}
		for i := range page {
			if page[i].it == nil {
				continue // logged when it was read
			}
			if err := each(page[i].change()); err != nil {
				return err
			}
		}
		if len(page) < historyPage {
			return nil
		}
		at = page[len(page)-1].at
	}
}

// lastKey comes after the key of every event of the same time.
var lastKey = [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// historyRow is one item of the log.
type historyRow struct {
	at   version
	ev   *events.Event
	it   *events.Item
	past *pastChange // of a membership
}

// pastChange is a membership's change and what was known before it.
type pastChange struct {
	change changeRow
	before neighbour
}

func (r *historyRow) change() reactors.Change {
	c := reactors.Change{Event: r.ev, Item: r.it, Origin: events.OriginLive}
	if r.past != nil {
		transition(&c, &r.past.change, r.past.before)
	}
	return c
}

func (s *Log) historyPage(ctx context.Context, after version, until time.Time) ([]historyRow, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	rows, _ := s.pool.Query(ctx, `
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
			"since": after.time, "key": after.pgKey(), "ordinal": after.ordinal, "until": store.Microseconds(until), "page": historyPage,
		})
	var page []historyRow
	var at time.Time
	var key pgtype.UUID
	var ordinal int
	var id, source, typ, space, resource string
	var payload []byte
	var codec int16
	decoded := map[Key]*events.Event{}
	targets := []any{&at, &key, &ordinal, &id, &source, &typ, &space, &resource, &payload, &codec}
	if err := store.Each(rows, targets, func() {
		r := historyRow{at: version{time: at, key: key.Bytes, ordinal: ordinal}}
		if r.ev = decoded[r.at.key]; r.ev == nil {
			var err error
			if r.ev, err = s.decodeAgain(at, id, source, typ, space, payload, codec); err != nil {
				// It was decoded when it was recorded; if this version can't,
				// the rest of the past is still worth telling.
				s.db.Log().Warn("recorded event not decoded; skipped in replay", zap.String("event_id", id), zap.Error(err))
				r.ev = &events.Event{}
			}
			decoded[r.at.key] = r.ev
		}
		for i := range r.ev.Items {
			if r.ev.Items[i].Ordinal == ordinal {
				it := r.ev.Items[i]
				r.it = &it
			}
		}
		page = append(page, r)
	}); err != nil {
		return nil, err
	}
	return page, s.completeHistory(ctx, page)
}

// decodeAgain decodes an event from what the log holds of it.
func (s *Log) decodeAgain(at time.Time, id, source, typ, space string, payload []byte, codec int16) (*events.Event, error) {
	data, err := s.payloads.Decode(payload, codec)
	if err != nil {
		return nil, err
	}
	var attributes map[string]string
	if !strings.HasPrefix(typ, "interaction.") {
		attributes = map[string]string{
			"ce-id": id, "ce-source": source, "ce-type": typ, "ce-specversion": "1.0", "ce-datacontenttype": "application/json",
			"ce-subject": "//chat.googleapis.com/" + space, "ce-time": at.UTC().Format(time.RFC3339Nano),
		}
	}
	ev, malformed := events.Decode(attributes, data)
	if malformed != nil {
		return nil, malformed
	}
	return ev, nil
}

// completeHistory adds what the log itself doesn't tell: what memberships were
// before, and what was fetched for events that held names only.
func (s *Log) completeHistory(ctx context.Context, page []historyRow) error {
	q := &pgx.Batch{}
	for i := range page {
		r := &page[i]
		switch {
		case r.it == nil:
		case r.it.Kind == events.KindMembership:
			queuePastChange(q, r)
		case r.it.Kind == events.KindMessage && r.it.NamesOnly():
			queuePastMessage(q, r)
		}
	}
	if q.Len() == 0 {
		return nil
	}
	return s.pool.SendBatch(ctx, q).Close()
}

func queuePastChange(q *pgx.Batch, r *historyRow) {
	q.Queue(`
		SELECT COALESCE(m.member, ''), c.verb, COALESCE(c.state, ''), COALESCE(c.role, ''), COALESCE(c.member_type, ''),
			COALESCE(p.state, ''), COALESCE(p.role, '')
		FROM membership_changes c
		JOIN memberships m ON m.space = c.space AND m.membership = c.membership
		LEFT JOIN LATERAL (
			SELECT b.state, b.role
			FROM membership_changes b
			WHERE b.space = c.space AND b.membership = c.membership AND b.state IS NOT NULL AND b.origin <> 's'
				AND (b.event_time, b.verb_order, b.event_key, b.ordinal) < (c.event_time, c.verb_order, c.event_key, c.ordinal)
			ORDER BY b.event_time DESC, b.verb_order DESC, b.event_key DESC, b.ordinal DESC
			LIMIT 1
		) p ON true
		WHERE c.space = @space AND c.membership = @membership AND c.event_time = @time AND c.event_key = @key AND c.ordinal = @ordinal`,
		pgx.NamedArgs{"space": r.it.Space, "membership": r.it.Resource, "time": r.at.time, "key": r.at.pgKey(), "ordinal": r.at.ordinal},
	).Query(func(rows pgx.Rows) error {
		var p pastChange
		targets := []any{
			&p.before.member, &p.change.verb, &p.change.state, &p.change.role, &p.change.typ, &p.before.prevState, &p.before.prevRole,
		}
		return store.Each(rows, targets, func() {
			past := p
			r.past = &past
			if r.it.Membership == nil && past.change.state != "" {
				r.it.Membership = &events.Membership{
					Name: r.it.Resource, State: events.MembershipState(past.change.state), Role: past.change.role,
					Member: events.User{Type: past.change.typ},
				}
			}
			r.it = belongsTo(r.it, past.before.member)
		})
	})
}

func queuePastMessage(q *pgx.Batch, r *historyRow) {
	q.Queue(`
		SELECT COALESCE(m.sender, ''), COALESCE(u.user_type, ''), COALESCE(m.thread, ''), COALESCE(m.text, '')
		FROM messages m
		LEFT JOIN users u ON u.user_name = m.sender
		WHERE m.message = $1 AND m.text IS NOT NULL`, r.it.Resource).Query(func(rows pgx.Rows) error {
		var m events.Message
		return store.Each(rows, []any{&m.Sender.Name, &m.Sender.Type, &m.Thread, &m.Text}, func() {
			fetched := m
			fetched.Name = r.it.Resource
			r.it.Message, r.it.Actor = &fetched, fetched.Sender.Name
		})
	})
}
