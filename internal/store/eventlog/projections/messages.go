package projections

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// messageRow is one version of a message, its tombstone, or just its name.
type messageRow struct {
	version      items.Version
	message      string
	space        string
	sender       string
	thread       string
	deletionType string
	text         string
	hasContent   bool // text and attachments are known
	attachments  int
	createTime   time.Time
	deletedAt    time.Time
}

func (s *Set) addMessage(r *items.Row) {
	m := messageRow{message: r.Item.Resource, space: r.Item.Space}
	if d := r.Item.Message; d != nil {
		m.sender, m.thread = cmp.Or(d.Sender.Name, r.Item.Actor), d.Thread
		m.createTime = store.Microseconds(d.CreateTime)
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
		m.hasContent, m.text, m.attachments = true, d.Text, min(d.AttachmentCount, 1<<15-1)
	}
	if !m.hasContent {
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

// compactMessages keeps the newest version of each message, tombstones first;
// older ones are revisions at once. The trigger keep_message_version does the
// same between the batch and what the table holds.
func (s *Set) compactMessages() {
	slices.SortStableFunc(s.messages, func(x, y messageRow) int {
		return cmp.Or(cmp.Compare(x.message, y.message),
			cmp.Compare(rank(&x), rank(&y)), y.version.Compare(x.version))
	})
	kept := s.messages[:0]
	for i := range s.messages {
		m := s.messages[i]
		n := len(kept)
		if n == 0 || kept[n-1].message != m.message {
			kept = append(kept, m)
			continue
		}
		winner := &kept[n-1]
		winner.sender = cmp.Or(winner.sender, m.sender)
		winner.thread = cmp.Or(winner.thread, m.thread)
		winner.deletionType = cmp.Or(winner.deletionType, m.deletionType)
		if winner.createTime.IsZero() {
			winner.createTime = m.createTime
		}
		if m.hasContent && (!winner.hasContent || m.version.Time != winner.version.Time || m.version.Key != winner.version.Key) {
			s.revisions = append(s.revisions, m)
		}
	}
	s.messages = kept
	byKey := func(x, y messageRow) int {
		return cmp.Or(cmp.Compare(x.message, y.message), x.version.Time.Compare(y.version.Time),
			bytes.Compare(x.version.Key[:], y.version.Key[:]))
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
		s.queueCurrentMessages(q)
	}
	if len(s.revisions) > 0 {
		s.queueRevisions(q)
	}
}

func (s *Set) queueCurrentMessages(q *pgx.Batch) {
	text := func(field func(*messageRow) string) []string { return store.Column(s.messages, field) }
	times := func(field func(*messageRow) time.Time) []pgtype.Timestamptz {
		return store.Column(s.messages, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(field(m)) })
	}
	// Which of two versions stays is decided by the trigger
	// keep_message_version; for a redelivery it leaves the row as it is.
	q.Queue(`
		INSERT INTO messages (version_time, event_time, create_time, deleted_at, payload_as_of, version_key,
			verb_order, attachments, message, space, sender, thread, deletion_type, text)
		SELECT version_time, event_time, create_time, deleted_at, payload_as_of, version_key,
			verb_order, attachments, message, space, NULLIF(sender, ''), NULLIF(thread, ''), NULLIF(deletion_type, ''), text
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::uuid[],
			$7::smallint[], $8::smallint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
			AS i (version_time, event_time, create_time, deleted_at, payload_as_of, version_key,
			verb_order, attachments, message, space, sender, thread, deletion_type, text)
		ON CONFLICT (message) DO UPDATE SET
			version_time = excluded.version_time,
			event_time = excluded.event_time,
			create_time = excluded.create_time,
			deleted_at = excluded.deleted_at,
			payload_as_of = excluded.payload_as_of,
			version_key = excluded.version_key,
			verb_order = excluded.verb_order,
			attachments = excluded.attachments,
			sender = excluded.sender,
			thread = excluded.thread,
			deletion_type = excluded.deletion_type,
			text = excluded.text`,
		store.Column(s.messages, func(m *messageRow) pgtype.Timestamptz { return m.version.PgTime() }),
		store.Column(s.messages, func(m *messageRow) pgtype.Timestamptz { return items.Version{Time: m.version.Event}.PgTime() }),
		times(func(m *messageRow) time.Time { return m.createTime }), times(func(m *messageRow) time.Time { return m.deletedAt }),
		times(func(m *messageRow) time.Time { return m.version.AsOf }),
		store.Column(s.messages, func(m *messageRow) pgtype.UUID { return m.version.Key.Pg() }),
		store.Column(s.messages, func(m *messageRow) int16 { return m.version.VerbOrder() }),
		store.Column(s.messages, func(m *messageRow) pgtype.Int2 {
			return pgtype.Int2{Int16: int16(m.attachments), Valid: m.hasContent}
		}),
		text(func(m *messageRow) string { return m.message }), text(func(m *messageRow) string { return m.space }),
		text(func(m *messageRow) string { return m.sender }), text(func(m *messageRow) string { return m.thread }),
		text(func(m *messageRow) string { return m.deletionType }),
		store.Column(s.messages, func(m *messageRow) pgtype.Text { return pgtype.Text{String: m.text, Valid: m.hasContent} }))
}

func (s *Set) queueRevisions(q *pgx.Batch) {
	q.Queue(`
		INSERT INTO message_revisions AS r (version_time, payload_as_of, version_key, attachments, message, text)
		SELECT version_time, payload_as_of, version_key, attachments, message, text
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::smallint[], $5::text[], $6::text[])
			AS i (version_time, payload_as_of, version_key, attachments, message, text)
		ON CONFLICT (message, version_time, version_key) DO UPDATE SET
			payload_as_of = excluded.payload_as_of,
			attachments = excluded.attachments,
			text = excluded.text
		WHERE COALESCE(excluded.payload_as_of, '-infinity') < COALESCE(r.payload_as_of, '-infinity')`,
		store.Column(s.revisions, func(m *messageRow) pgtype.Timestamptz { return m.version.PgTime() }),
		store.Column(s.revisions, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(m.version.AsOf) }),
		store.Column(s.revisions, func(m *messageRow) pgtype.UUID { return m.version.Key.Pg() }),
		store.Column(s.revisions, func(m *messageRow) int16 { return int16(m.attachments) }),
		store.Column(s.revisions, func(m *messageRow) string { return m.message }),
		store.Column(s.revisions, func(m *messageRow) string { return m.text }))
}
