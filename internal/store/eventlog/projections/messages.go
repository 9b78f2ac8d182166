package projections

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// messageRow is one version of a message, its tombstone, or just its name.
type messageRow struct {
	version      items.Version
	spaceID      int32
	name         string // "/M" for spaces/S/messages/M
	senderID     int32
	thread       pgtype.Text // "" for the thread that the name begins with
	quoted       string      // "/M"; "" if it quotes none
	deletionType string
	text         string
	mentions     string
	hasContent   bool // text, mentions and attachments are known
	erased       bool // a version whose content was erased
	attachments  int
	createTime   time.Time // zero if the event doesn't tell it
	deletedAt    time.Time
	editedAt     time.Time // of the last version known that is an edit; compactMessages fills it in
}

// createTime is when the item's message was sent; zero if the item doesn't tell,
// or tells what can't be.
func createTime(r *items.Row) time.Time {
	d := r.Item.Message
	if r.Item.Kind != events.KindMessage || d == nil || d.CreateTime.Before(oldestMessage) || d.CreateTime.After(r.Time.Add(24*time.Hour)) {
		return time.Time{}
	}
	return store.Microseconds(d.CreateTime)
}

// oldestMessage is where the months of messages begin: before Google Chat did.
var oldestMessage = time.Date(2015, time.January, 1, 0, 0, 0, 0, time.UTC)

// AddMonths adds the months of the messages that rows are about.
func AddMonths(months map[partitions.Partition]bool, rows []items.Row) {
	for i := range rows {
		if at := createTime(&rows[i]); !at.IsZero() {
			months[partitions.Of(partitions.Messages, at)] = true
		}
	}
}

func (s *Set) addMessage(r *items.Row) {
	name := items.ShortName(r.Item.Resource, r.Item.Space+"/messages")
	m := messageRow{spaceID: r.SpaceID, senderID: r.ActorID, name: name, createTime: createTime(r)}
	if d := r.Item.Message; d != nil {
		m.thread = threadOf(m.name, d.Thread, r.Item.Space)
		m.quoted = items.ShortName(d.Quoted, r.Item.Space+"/messages")
	}
	switch d := r.Item.Message; {
	case r.Item.Verb == events.VerbDeleted:
		m.version = r.Version()
		m.deletedAt = r.Time
	case d != nil && !d.DeleteTime.IsZero(): // fetched after it was deleted
		m.version = r.Version()
		m.version.Time = store.Microseconds(d.DeleteTime)
		m.deletedAt = m.version.Time
	case d != nil && d.DeletionType == "":
		m.version = r.Version()
		if !d.LastUpdateTime.IsZero() {
			m.version.Time = store.Microseconds(d.LastUpdateTime)
		}
		if m.erased = d.Erased; !m.erased {
			m.hasContent, m.text, m.mentions, m.attachments = true, d.Text, mentionsOf(d), min(d.AttachmentCount, 1<<15-1)
		}
	}
	if !m.hasContent && !m.erased {
		m.version.AsOf = time.Time{}
	}
	if r.Item.Message != nil && !m.deletedAt.IsZero() {
		m.deletionType = r.Item.Message.DeletionType
	}
	// A bare name has no version: it makes the message known and changes
	// nothing that is known of it. Nor has a deletion without its time, in place
	// of what was to be fetched: the deletion's own event tells.
	s.messages = append(s.messages, m)
}

// threadOf is how the table holds a thread: most messages are called T.R after
// theirs, T.
func threadOf(name, thread, space string) pgtype.Text {
	if thread == "" {
		return pgtype.Text{}
	}
	short := items.ShortName(thread, space+"/threads")
	if root, _, _ := strings.Cut(name, "."); short == root {
		short = ""
	}
	return pgtype.Text{String: short, Valid: true}
}

// mentionsOf is how the table holds whom a message mentions: "U" for users/U,
// "+U" for one whom the mention added, "all" for everybody.
func mentionsOf(m *events.Message) string {
	if len(m.Mentions) == 0 {
		return "" // as most don't
	}
	short := make([]string, len(m.Mentions))
	for i := range m.Mentions {
		short[i] = strings.TrimPrefix(m.Mentions[i].User, "users/")
		if m.Mentions[i].Added {
			short[i] = "+" + short[i]
		}
	}
	return strings.Join(short, " ")
}

func compareMessages(x, y *messageRow) int {
	return cmp.Or(cmp.Compare(x.spaceID, y.spaceID), cmp.Compare(x.name, y.name))
}

// compactMessages keeps the newest version of each message, tombstones first;
// older ones are revisions at once. The trigger keep_message_version does the
// same between the batch and what the table holds.
func (s *Set) compactMessages() {
	slices.SortStableFunc(s.messages, func(x, y messageRow) int {
		return cmp.Or(compareMessages(&x, &y), cmp.Compare(rank(&x), rank(&y)), y.version.Compare(x.version))
	})
	kept := s.messages[:0]
	for i := range s.messages {
		m := s.messages[i]
		if (m.hasContent || m.erased) && (m.version.Verb == events.VerbUpdated || !m.version.Time.Equal(m.version.Event)) {
			m.editedAt = m.version.Time
		}
		n := len(kept)
		if n == 0 || compareMessages(&kept[n-1], &m) != 0 {
			kept = append(kept, m)
			continue
		}
		winner := &kept[n-1]
		winner.senderID = cmp.Or(winner.senderID, m.senderID)
		winner.deletionType = cmp.Or(winner.deletionType, m.deletionType)
		winner.quoted = cmp.Or(winner.quoted, m.quoted)
		if !winner.thread.Valid {
			winner.thread = m.thread
		}
		if winner.createTime.IsZero() {
			winner.createTime = m.createTime
		}
		if m.editedAt.After(winner.editedAt) {
			winner.editedAt = m.editedAt
		}
		if m.hasContent && (!winner.hasContent || m.version.Time != winner.version.Time || m.version.Key != winner.version.Key) {
			s.revisions = append(s.revisions, m)
		}
	}
	s.messages = kept
	byKey := func(x, y messageRow) int {
		return cmp.Or(compareMessages(&x, &y), x.version.Time.Compare(y.version.Time), bytes.Compare(x.version.Key[:], y.version.Key[:]))
	}
	slices.SortStableFunc(s.revisions, byKey)
	s.revisions = slices.CompactFunc(s.revisions, func(x, y messageRow) bool { return byKey(x, y) == 0 })
}

func rank(m *messageRow) int {
	if m.deletedAt.IsZero() {
		return 1
	}
	return 0
}

func (s *Set) queueMessages(q *pgx.Batch) {
	if len(s.messages) > 0 {
		s.queuePlaces(q)
		s.queueCurrentMessages(q)
	}
	if len(s.revisions) > 0 {
		s.queueRevisions(q)
	}
}

// queuePlaces moves messages of which nobody knew when they were sent to where
// they belong, if the set tells it.
func (s *Set) queuePlaces(q *pgx.Batch) {
	placed := slices.DeleteFunc(slices.Clone(s.messages), func(m messageRow) bool { return m.createTime.IsZero() })
	if len(placed) < len(s.messages) {
		items.OwnPlaces(q)
	} else {
		items.SharePlaces(q)
	}
	if len(placed) == 0 {
		return
	}
	// One at a time (LIMIT 1), and only what is found: a statement keeps the plan
	// that it got when the table was empty. Mostly there is none.
	q.Queue(`
		WITH found AS (
			SELECT u.place, i.create_time
			FROM unnest($1::integer[], $2::text[], $3::timestamptz[]) AS i (space_id, name, create_time)
			CROSS JOIN LATERAL (
				SELECT u.ctid AS place
				FROM stored_messages u
				WHERE u.create_time = '-infinity' AND u.space_id = i.space_id AND u.name = i.name
				LIMIT 1
			) u
			WHERE (SELECT space_id FROM stored_messages WHERE create_time = '-infinity' ORDER BY space_id LIMIT 1) IS NOT NULL
		), moved AS (
			DELETE FROM stored_messages u
			USING found f
			WHERE u.create_time = '-infinity' AND u.ctid = f.place
			RETURNING f.create_time AS placed_at, u.*
		)
		INSERT INTO stored_messages (create_time, version_time, event_time, deleted_at, edited_at, payload_as_of, version_key, space_id,
			sender_id, verb_order, attachments, name, thread, quoted, deletion_type, mentions, text)
		SELECT placed_at, version_time, event_time, deleted_at, edited_at, payload_as_of, version_key, space_id, sender_id,
			verb_order, attachments, name, thread, quoted, deletion_type, mentions, text
		FROM moved
		ORDER BY space_id, name`+newerMessage,
		store.Column(placed, func(m *messageRow) int32 { return m.spaceID }),
		store.Column(placed, func(m *messageRow) string { return m.name }),
		store.Column(placed, func(m *messageRow) time.Time { return m.createTime }))
}

// newerMessage leaves it to the trigger keep_message_version which of two
// versions stays; for a redelivery it leaves the row as it is.
const newerMessage = `
		ON CONFLICT (create_time, space_id, name) DO UPDATE SET
			version_time = excluded.version_time,
			event_time = excluded.event_time,
			deleted_at = excluded.deleted_at,
			edited_at = excluded.edited_at,
			payload_as_of = excluded.payload_as_of,
			version_key = excluded.version_key,
			sender_id = excluded.sender_id,
			verb_order = excluded.verb_order,
			attachments = excluded.attachments,
			thread = excluded.thread,
			quoted = excluded.quoted,
			deletion_type = excluded.deletion_type,
			mentions = excluded.mentions,
			text = excluded.text`

// queueCurrentMessages puts a message whose event doesn't tell when it was sent
// where it is already, if it is known.
func (s *Set) queueCurrentMessages(q *pgx.Batch) {
	times := func(field func(*messageRow) time.Time) []pgtype.Timestamptz {
		return store.Column(s.messages, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(field(m)) })
	}
	q.Queue(`
		INSERT INTO stored_messages (create_time, version_time, event_time, deleted_at, edited_at, payload_as_of, version_key, space_id,
			sender_id, verb_order, attachments, name, thread, quoted, deletion_type, mentions, text)
		SELECT COALESCE(create_time, (
				SELECT max(m.create_time)
				FROM stored_messages m
				WHERE split_part(m.name, '.', 1) = split_part(i.name, '.', 1) AND m.space_id = i.space_id AND m.name = i.name
			), '-infinity'),
			version_time, event_time, deleted_at, edited_at, payload_as_of, version_key, space_id, NULLIF(sender_id, 0),
			verb_order, attachments, name, thread, NULLIF(quoted, ''), NULLIF(deletion_type, ''), NULLIF(mentions, ''), text
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
			$7::uuid[], $8::integer[], $9::integer[], $10::smallint[], $11::smallint[], $12::text[], $13::text[], $14::text[], $15::text[],
			$16::text[], $17::text[])
			AS i (create_time, version_time, event_time, deleted_at, edited_at, payload_as_of, version_key, space_id, sender_id,
			verb_order, attachments, name, thread, quoted, deletion_type, mentions, text)`+newerMessage,
		times(func(m *messageRow) time.Time { return m.createTime }),
		store.Column(s.messages, func(m *messageRow) pgtype.Timestamptz { return m.version.PgTime() }),
		store.Column(s.messages, func(m *messageRow) pgtype.Timestamptz { return items.Version{Time: m.version.Event}.PgTime() }),
		times(func(m *messageRow) time.Time { return m.deletedAt }), times(func(m *messageRow) time.Time { return m.editedAt }),
		times(func(m *messageRow) time.Time { return m.version.AsOf }),
		store.Column(s.messages, func(m *messageRow) pgtype.UUID { return m.version.Key.Pg() }),
		store.Column(s.messages, func(m *messageRow) int32 { return m.spaceID }),
		store.Column(s.messages, func(m *messageRow) int32 { return m.senderID }),
		store.Column(s.messages, func(m *messageRow) int16 { return m.version.VerbOrder() }),
		store.Column(s.messages, func(m *messageRow) pgtype.Int2 {
			return pgtype.Int2{Int16: int16(m.attachments), Valid: m.hasContent}
		}),
		store.Column(s.messages, func(m *messageRow) string { return m.name }),
		store.Column(s.messages, func(m *messageRow) pgtype.Text { return m.thread }),
		store.Column(s.messages, func(m *messageRow) string { return m.quoted }),
		store.Column(s.messages, func(m *messageRow) string { return m.deletionType }),
		store.Column(s.messages, func(m *messageRow) string { return m.mentions }),
		store.Column(s.messages, func(m *messageRow) pgtype.Text { return pgtype.Text{String: m.text, Valid: m.hasContent} }))
}

func (s *Set) queueRevisions(q *pgx.Batch) {
	q.Queue(`
		INSERT INTO stored_revisions AS r (version_time, event_time, payload_as_of, version_key, space_id, verb_order, attachments, name, text)
		SELECT version_time, event_time, payload_as_of, version_key, space_id, verb_order, attachments, name, text
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::integer[], $6::smallint[], $7::smallint[],
			$8::text[], $9::text[])
			AS i (version_time, event_time, payload_as_of, version_key, space_id, verb_order, attachments, name, text)
		ON CONFLICT (space_id, name, version_time, version_key) DO UPDATE SET
			payload_as_of = excluded.payload_as_of,
			attachments = excluded.attachments,
			text = excluded.text
		WHERE COALESCE(excluded.payload_as_of, '-infinity') < COALESCE(r.payload_as_of, '-infinity')`,
		store.Column(s.revisions, func(m *messageRow) pgtype.Timestamptz { return m.version.PgTime() }),
		store.Column(s.revisions, func(m *messageRow) pgtype.Timestamptz { return items.Version{Time: m.version.Event}.PgTime() }),
		store.Column(s.revisions, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(m.version.AsOf) }),
		store.Column(s.revisions, func(m *messageRow) pgtype.UUID { return m.version.Key.Pg() }),
		store.Column(s.revisions, func(m *messageRow) int32 { return m.spaceID }),
		store.Column(s.revisions, func(m *messageRow) int16 { return m.version.VerbOrder() }),
		store.Column(s.revisions, func(m *messageRow) int16 { return int16(m.attachments) }),
		store.Column(s.revisions, func(m *messageRow) string { return m.name }),
		store.Column(s.revisions, func(m *messageRow) string { return m.text }))
}
