package eventlog

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// messageRow is one version of a message, its tombstone, or just its name.
type messageRow struct {
	version      version
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

func (b *batch) addMessage(r *row) {
	m := messageRow{message: r.it.Resource, space: r.it.Space}
	if d := r.it.Message; d != nil {
		m.sender, m.thread = cmp.Or(d.Sender.Name, r.it.Actor), d.Thread
		m.createTime = store.Microseconds(d.CreateTime)
		m.deletionType = d.DeletionType
	}
	switch d := r.it.Message; {
	case r.it.Verb == events.VerbDeleted:
		m.version = r.version()
		m.deletedAt = r.time
	case d != nil && !d.DeleteTime.IsZero(): // fetched after it was deleted
		m.version = r.version()
		m.version.time = store.Microseconds(d.DeleteTime)
		m.deletedAt = m.version.time
	case d != nil && d.DeletionType == "":
		m.version = r.version()
		if !d.LastUpdateTime.IsZero() {
			m.version.time = store.Microseconds(d.LastUpdateTime)
		}
		m.hasContent, m.text, m.attachments = true, d.Text, min(d.AttachmentCount, 1<<15-1)
	}
	if !m.hasContent {
		m.version.asOf = time.Time{}
	}
	// A bare name has no version: it makes the message known and changes
	// nothing that is known of it. Nor has a deletion without its time, in place
	// of what was to be fetched: the deletion's own event tells.
	b.messages = append(b.messages, m)
}

// compactMessages keeps the newest version of each message, tombstones first;
// older ones are revisions at once. The trigger keep_message_version does the
// same between the batch and what the table holds.
func (b *batch) compactMessages() {
	slices.SortStableFunc(b.messages, func(x, y messageRow) int {
		return cmp.Or(cmp.Compare(x.message, y.message),
			cmp.Compare(rank(&x), rank(&y)), y.version.compare(x.version))
	})
	kept := b.messages[:0]
	for i := range b.messages {
		m := b.messages[i]
		n := len(kept)
		if n == 0 || kept[n-1].message != m.message {
			kept = append(kept, m)
			continue
		}
		winner := &kept[n-1]
		winner.sender = cmp.Or(winner.sender, m.sender)
		winner.thread = cmp.Or(winner.thread, m.thread)
		if winner.createTime.IsZero() {
			winner.createTime = m.createTime
		}
		if m.hasContent {
			b.revisions = append(b.revisions, m)
		}
	}
	b.messages = kept
	byKey := func(x, y messageRow) int {
		return cmp.Or(cmp.Compare(x.message, y.message), x.version.time.Compare(y.version.time),
			bytes.Compare(x.version.key[:], y.version.key[:]))
	}
	slices.SortStableFunc(b.revisions, byKey)
	b.revisions = slices.CompactFunc(b.revisions, func(x, y messageRow) bool { return byKey(x, y) == 0 })
}

func rank(m *messageRow) int {
	if m.deletedAt.IsZero() {
		return 1
	}
	return 0
}

func (b *batch) queueMessages(q *pgx.Batch) {
	if len(b.messages) > 0 {
		b.queueCurrentMessages(q)
	}
	if len(b.revisions) > 0 {
		b.queueRevisions(q)
	}
}

func (b *batch) queueCurrentMessages(q *pgx.Batch) {
	text := func(field func(*messageRow) string) []string { return store.Column(b.messages, field) }
	times := func(field func(*messageRow) time.Time) []pgtype.Timestamptz {
		return store.Column(b.messages, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(field(m)) })
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
		store.Column(b.messages, func(m *messageRow) pgtype.Timestamptz { return m.version.pgTime() }),
		store.Column(b.messages, func(m *messageRow) pgtype.Timestamptz { return version{time: m.version.event}.pgTime() }),
		times(func(m *messageRow) time.Time { return m.createTime }), times(func(m *messageRow) time.Time { return m.deletedAt }),
		times(func(m *messageRow) time.Time { return m.version.asOf }),
		store.Column(b.messages, func(m *messageRow) pgtype.UUID { return m.version.pgKey() }),
		store.Column(b.messages, func(m *messageRow) int16 { return m.version.verbOrder() }),
		store.Column(b.messages, func(m *messageRow) pgtype.Int2 {
			return pgtype.Int2{Int16: int16(m.attachments), Valid: m.hasContent}
		}),
		text(func(m *messageRow) string { return m.message }), text(func(m *messageRow) string { return m.space }),
		text(func(m *messageRow) string { return m.sender }), text(func(m *messageRow) string { return m.thread }),
		text(func(m *messageRow) string { return m.deletionType }),
		store.Column(b.messages, func(m *messageRow) pgtype.Text { return pgtype.Text{String: m.text, Valid: m.hasContent} }))
}

func (b *batch) queueRevisions(q *pgx.Batch) {
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
		store.Column(b.revisions, func(m *messageRow) pgtype.Timestamptz { return m.version.pgTime() }),
		store.Column(b.revisions, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(m.version.asOf) }),
		store.Column(b.revisions, func(m *messageRow) pgtype.UUID { return m.version.pgKey() }),
		store.Column(b.revisions, func(m *messageRow) int16 { return int16(m.attachments) }),
		store.Column(b.revisions, func(m *messageRow) string { return m.message }),
		store.Column(b.revisions, func(m *messageRow) string { return m.text }))
}
