package projections

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
)

// Part is a share of a space's log: everything about some of its messages and
// reactions; the first holds all else.
type Part struct {
	Space      string
	Number, Of int
}

// Rebuilt counts what was replayed.
type Rebuilt struct {
	Items   int // of events
	Refused int // of those, what a projection refused again
}

// Rebuild takes what projections say of a part away and replays its log, in one
// transaction. Nobody else writes projections meanwhile; what is recorded
// without them or waits for them is applied on top, as always. What the log
// doesn't hold stays: content that was fetched, what lists told, and the rows
// of spaces and users, which only gain what is missing. No rule is asked.
func Rebuild(ctx context.Context, db *store.Store, log *originals.Originals, p Part) (r Rebuilt, err error) {
	return r, refusal.Again(db, func() error {
		r = Rebuilt{}
		return pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error {
			// In the one order of locks, before the log is read: whoever has
			// written a projection has committed, whoever hasn't waits. A
			// statement that waited for single rows would see them as they are
			// then, and all else as it was before: what was fetched meanwhile
			// for a membership it would take for nothing.
			if _, err := tx.Exec(ctx, `LOCK TABLE messages, reactions, memberships, membership_changes IN SHARE ROW EXCLUSIVE MODE`); err != nil {
				return fmt.Errorf("lock the projections: %w", err)
			}
			kept, err := p.clear(ctx, tx)
			if err != nil {
				return fmt.Errorf("take away what is there: %w", err)
			}
			if err := p.replay(ctx, tx, log, &r); err != nil {
				return err
			}
			q := &pgx.Batch{}
			kept.queue(q)
			return tx.SendBatch(ctx, q).Close()
		})
	})
}

// fetched is what projections hold that the log doesn't.
type fetched struct {
	messages  Set
	facts     []messageRow // without a version
	reactions []string
	users     []string
	emoji     []string

	space       string
	memberships []string
	members     []string
}

func (p Part) args() pgx.NamedArgs {
	return pgx.NamedArgs{"space": p.Space, "part": p.Number, "parts": p.Of, "from": p.Space + "/messages/", "to": p.Space + "/messages0"}
}

// clear takes away what the replay will write anew.
func (p Part) clear(ctx context.Context, tx pgx.Tx) (*fetched, error) {
	kept := &fetched{space: p.Space}
	if p.Space == "" {
		return kept, nil
	}
	var m messageRow
	var created, at, event, deleted, asOf pgtype.Timestamptz
	var verb int
	var key pgtype.UUID
	var attachments pgtype.Int2
	var text pgtype.Text
	rows, _ := tx.Query(ctx, `
		WITH current AS (
			DELETE FROM messages
			WHERE space = @space AND message >= @from AND message < @to AND abs(hashtext(message)::bigint) % @parts = @part
			RETURNING version_time, event_time, verb_order, version_key, create_time, deleted_at, payload_as_of, attachments,
				message, sender, thread, deletion_type, text
		), older AS (
			DELETE FROM message_revisions
			WHERE message >= @from AND message < @to AND abs(hashtext(message)::bigint) % @parts = @part
			RETURNING version_time, version_key, payload_as_of, attachments, message, text
		)
		SELECT version_time, event_time, verb_order, version_key, create_time, deleted_at, payload_as_of, attachments, message,
			COALESCE(sender, ''), COALESCE(thread, ''), COALESCE(deletion_type, ''), text
		FROM current
		WHERE payload_as_of IS NOT NULL OR deleted_at IS NOT NULL
		UNION ALL -- what never changes, whichever copy told it
		SELECT NULL, NULL, 0, NULL, create_time, NULL, NULL, NULL, message, COALESCE(sender, ''), COALESCE(thread, ''), '', NULL
		FROM current
		WHERE payload_as_of IS NULL AND deleted_at IS NULL
		UNION ALL
		SELECT o.version_time, COALESCE(e.event_time, o.version_time), COALESCE(e.verb_order, 0), o.version_key, NULL, NULL,
			o.payload_as_of, o.attachments, o.message, '', '', '', o.text
		FROM older o
		LEFT JOIN LATERAL ( -- what decides between versions of one time
			SELECT e.event_time, array_position(ARRAY['created', 'updated', 'deleted'], t.verb) AS verb_order
			FROM events e
			JOIN event_types t ON t.id = e.type_id
			WHERE e.event_key = o.version_key
			LIMIT 1
		) e ON true
		WHERE o.payload_as_of IS NOT NULL`, p.args())
	targets := []any{
		&at, &event, &verb, &key, &created, &deleted, &asOf, &attachments, &m.message, &m.sender, &m.thread, &m.deletionType, &text,
	}
	if err := store.Each(rows, targets, func() {
		m.space = p.Space
		m.version = items.Version{Time: at.Time, Event: event.Time, Verb: items.Verb(verb), Key: key.Bytes, AsOf: store.ZeroTime(asOf)}
		m.createTime, m.deletedAt = store.ZeroTime(created), store.ZeroTime(deleted)
		m.hasContent, m.text, m.attachments = text.Valid, text.String, int(attachments.Int16)
		if at.Valid {
			kept.messages.messages = append(kept.messages.messages, m)
		} else {
			kept.facts = append(kept.facts, m)
		}
	}); err != nil {
		return nil, err
	}
	var reaction, user, emoji string
	rows, _ = tx.Query(ctx, `
		DELETE FROM reactions
		WHERE reaction >= @from AND reaction < @to AND abs(hashtext(reaction)::bigint) % @parts = @part
		RETURNING reaction, COALESCE(user_name, ''), COALESCE(emoji, '')`, p.args())
	if err := store.Each(rows, []any{&reaction, &user, &emoji}, func() {
		kept.reactions, kept.users, kept.emoji = append(kept.reactions, reaction), append(kept.users, user), append(kept.emoji, emoji)
	}); err != nil || p.Number > 0 {
		return kept, err
	}
	var membership, member string
	rows, _ = tx.Query(ctx, `
		DELETE FROM memberships m
		WHERE space = @space AND source IS DISTINCT FROM 'list' AND NOT EXISTS (
			SELECT FROM membership_changes c
			WHERE c.space = m.space AND c.membership = m.membership AND c.event_time = m.version_time AND c.event_key = m.version_key
				AND c.origin = 'l' AND c.fetched_at IS NOT NULL
		)
		RETURNING membership, COALESCE(member, '')`, p.args())
	if err := store.Each(rows, []any{&membership, &member}, func() {
		kept.memberships, kept.members = append(kept.memberships, membership), append(kept.members, member)
	}); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, `
		DELETE FROM membership_changes
		WHERE space = @space AND (origin = 'b' OR origin = 'l' AND fetched_at IS NULL)`, p.args())
	return kept, err
}

// queue adds what was kept to what was replayed.
func (f *fetched) queue(q *pgx.Batch) {
	f.messages.compactMessages()
	f.messages.queueMessages(q)
	q.Queue(`
		UPDATE reactions r
		SET user_name = COALESCE(r.user_name, NULLIF(i.user_name, '')), emoji = NULLIF(i.emoji, '')
		FROM unnest($1::text[], $2::text[], $3::text[]) AS i (reaction, user_name, emoji)
		WHERE r.reaction = i.reaction AND r.emoji IS NULL AND i.emoji <> ''`, f.reactions, f.users, f.emoji)
	q.Queue(`
		UPDATE messages m -- by a trigger, which takes what is missing
		SET create_time = i.create_time, sender = NULLIF(i.sender, ''), thread = NULLIF(i.thread, '')
		FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) AS i (message, create_time, sender, thread)
		WHERE m.message = i.message AND (m.create_time IS NULL AND i.create_time IS NOT NULL
			OR m.sender IS NULL AND i.sender <> '' OR m.thread IS NULL AND i.thread <> '')`,
		store.Column(f.facts, func(m *messageRow) string { return m.message }),
		store.Column(f.facts, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(m.createTime) }),
		store.Column(f.facts, func(m *messageRow) string { return m.sender }),
		store.Column(f.facts, func(m *messageRow) string { return m.thread }))
	q.Queue(`
		UPDATE memberships m
		SET member = i.member
		FROM unnest($2::text[], $3::text[]) AS i (membership, member)
		WHERE m.space = $1 AND m.membership = i.membership AND m.member IS NULL AND i.member <> ''`, f.space, f.memberships, f.members)
}

// replay applies the part's log page by page.
func (p Part) replay(ctx context.Context, tx pgx.Tx, log *originals.Originals, r *Rebuilt) error {
	return log.Items(ctx, tx, items.Version{}, `e.space_id IS NOT DISTINCT FROM (SELECT id FROM spaces WHERE space = @space)
			AND t.kind IN ('message', 'reaction', 'membership', 'space', 'interaction')
			AND CASE WHEN t.kind IN ('message', 'reaction') THEN abs(hashtext(full_name(e.resource, @space))::bigint) % @parts ELSE 0 END = @part`,
		p.args(), func(rows []items.Row) error {
			r.Items += len(rows)
			return r.apply(ctx, tx, rows)
		})
}

// apply projects the rows. Those that a projection refuses are found by halving
// and stay marked; the others' marks go.
func (r *Rebuilt) apply(ctx context.Context, tx pgx.Tx, rows []items.Row) error {
	if len(rows) == 0 {
		return nil
	}
	set := Of(rows)
	q := &pgx.Batch{}
	set.Queue(q)
	set.Memberships.QueueChanges(q)
	q.Queue(`
		DELETE FROM unapplied_events
		WHERE event_key = ANY ($1)`, store.Column(rows, func(x *items.Row) pgtype.UUID { return x.Key.Pg() }))
	err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error { return savepoint.SendBatch(ctx, q).Close() })
	rejected, ok := refusal.Content(err)
	if !ok {
		return err
	}
	if len(rows) == 1 {
		r.Refused++
		q := &pgx.Batch{}
		Mark(q, rows, refusal.Describe(rejected))
		return tx.SendBatch(ctx, q).Close()
	}
	half := len(rows) / 2
	if err := r.apply(ctx, tx, rows[:half]); err != nil {
		return err
	}
	return r.apply(ctx, tx, rows[half:])
}
