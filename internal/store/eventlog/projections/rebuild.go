package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/refusal"
	"github.com/spacekeeper/spacekeeper/internal/store/partitions"
)

// Part is a share of a space's log: everything about some of its messages and
// reactions; the first holds all else.
type Part struct {
	Space      string
	Number, Of int

	since time.Time // from here on the log has the bytes of events
}

// Rebuilt counts what was replayed.
type Rebuilt struct {
	Items   int // of events
	Refused int // of those, what a projection refused again
}

// Rebuild takes what projections say of a part away and replays its log, in one
// transaction. Nobody else writes projections meanwhile; what is recorded
// without them or waits for them is applied on top, as always. What the log
// doesn't hold stays: content that was fetched, what lists told, messages of
// which it knows nothing any more, and the rows of spaces and users, which only
// gain what is missing. No rule is asked.
func Rebuild(ctx context.Context, db *store.Store, log *originals.Originals, months *partitions.Partitions, p Part) (r Rebuilt, err error) {
	return r, refusal.Again(db, func() error {
		for {
			r = Rebuilt{}
			err := pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error { return p.rebuild(ctx, tx, log, months, &r) })
			var missing missingMonths
			var pgErr *pgconn.PgError
			switch {
			case errors.As(err, &missing): // outside: all connections may be waiting for the rebuild
				if err := months.Ensure(ctx, missing); err != nil {
					return err
				}
				continue
			case errors.As(err, &pgErr) && refusal.NoPartition(pgErr): // somebody dropped it
				months.Forget()
			}
			return err
		}
	})
}

// missingMonths are those that messages need.
type missingMonths []partitions.Partition

func (missingMonths) Error() string { return "months of messages are missing" }

func (p Part) rebuild(ctx context.Context, tx pgx.Tx, log *originals.Originals, months *partitions.Partitions, r *Rebuilt) error {
	if err := items.OwnProjections(ctx, tx); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `
		SELECT COALESCE((max(target || '-01')::date + interval '1 month')::timestamp AT TIME ZONE 'UTC', '0001-01-01 00:00:00+00')
		FROM trail
		WHERE action = 'archive.finished'`).Scan(&p.since); err != nil {
		return fmt.Errorf("read which months are archived: %w", err)
	}
	kept, err := p.clear(ctx, tx)
	if err != nil {
		return fmt.Errorf("take away what is there: %w", err)
	}
	if err := p.replay(ctx, tx, log, months, r); err != nil {
		return err
	}
	if err := kept.complete(ctx, tx); err != nil {
		return fmt.Errorf("find what the log doesn't tell: %w", err)
	}
	q := &pgx.Batch{}
	kept.queue(q)
	return tx.SendBatch(ctx, q).Close()
}

// fetched is what projections hold that the log doesn't.
type fetched struct {
	space       string
	messages    Set
	facts       []messageRow // without a version
	reactions   []keptReaction
	memberships []string
	members     []string
}

type keptReaction struct {
	message, reaction  string // short
	user               int32
	emoji              string
	addedAt, removedAt pgtype.Timestamptz
}

func (p Part) args() pgx.NamedArgs {
	return pgx.NamedArgs{"space": p.Space, "part": p.Number, "parts": p.Of, "since": p.since}
}

// gone says of a version that the log doesn't hold its event any more: somebody has
// dropped or archived its month.
const gone = `NOT EXISTS (SELECT FROM events e WHERE e.event_time = m.event_time AND e.event_key = m.version_key AND e.event_time >= @since)`

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
		WITH logged AS (
			SELECT DISTINCT e.space_id, CASE WHEN e.resource LIKE '/messages/%' THEN substr(e.resource, 10) ELSE e.resource END AS name
			FROM events e
			JOIN event_types t ON t.id = e.type_id
			WHERE e.space_id = (SELECT id FROM spaces WHERE space = @space) AND t.kind = 'message' AND e.event_time >= @since
				AND abs(hashtext(full_name(e.resource, @space))::bigint) % @parts = @part
		), current AS (
			DELETE FROM stored_messages m
			USING logged l
			WHERE split_part(m.name, '.', 1) = split_part(l.name, '.', 1) AND m.space_id = l.space_id AND m.name = l.name
			RETURNING version_time, event_time, verb_order, version_key, create_time, deleted_at, payload_as_of, attachments,
				m.space_id, m.name, sender_id, thread, quoted, deletion_type, mentions, text
		), older AS (
			DELETE FROM stored_revisions r
			USING logged l
			WHERE r.space_id = l.space_id AND r.name = l.name
			RETURNING version_time, event_time, verb_order, version_key, payload_as_of, attachments, r.space_id, r.name, text
		)
		SELECT version_time, event_time, verb_order, version_key, NULLIF(create_time, '-infinity'), deleted_at, payload_as_of, attachments,
			space_id, name, COALESCE(sender_id, 0), thread, COALESCE(quoted, ''), COALESCE(deletion_type, ''), COALESCE(mentions, ''), text
		FROM current m
		WHERE payload_as_of IS NOT NULL OR deleted_at IS NOT NULL OR text IS NOT NULL AND `+gone+`
		UNION ALL -- what never changes, whichever copy told it
		SELECT NULL, NULL, 0, NULL, NULLIF(create_time, '-infinity'), NULL, NULL, NULL, space_id, name, COALESCE(sender_id, 0), thread,
			COALESCE(quoted, ''), '', '', NULL
		FROM current
		UNION ALL
		SELECT version_time, event_time, verb_order, version_key, NULL, NULL, payload_as_of, attachments,
			space_id, name, 0, NULL, '', '', '', text
		FROM older m
		WHERE payload_as_of IS NOT NULL OR `+gone, p.args())
	targets := []any{
		&at, &event, &verb, &key, &created, &deleted, &asOf, &attachments, &m.spaceID, &m.name, &m.senderID, &m.thread, &m.quoted,
		&m.deletionType, &m.mentions, &text,
	}
	if err := store.Each(rows, targets, func() {
		m.version = items.Version{Time: at.Time, Event: event.Time, Verb: items.Verb(verb), Key: key.Bytes, AsOf: store.ZeroTime(asOf)}
		m.createTime, m.deletedAt = store.ZeroTime(created), store.ZeroTime(deleted)
		m.hasContent, m.text, m.attachments = text.Valid, text.String, int(attachments.Int16)
		m.erased = asOf.Valid && !text.Valid && !deleted.Valid
		if at.Valid {
			kept.messages.messages = append(kept.messages.messages, m)
		} else {
			kept.facts = append(kept.facts, m)
		}
	}); err != nil {
		return nil, err
	}
	var x keptReaction
	rows, _ = tx.Query(ctx, `
		WITH logged AS (
			SELECT DISTINCT e.space_id, split_part(e.resource, '/reactions/', 1) AS of, split_part(e.resource, '/reactions/', 2) AS name, e.resource
			FROM events e
			JOIN event_types t ON t.id = e.type_id
			WHERE e.space_id = (SELECT id FROM spaces WHERE space = @space) AND t.kind = 'reaction' AND e.event_time >= @since
				AND abs(hashtext(full_name(e.resource, @space))::bigint) % @parts = @part
		)
		DELETE FROM stored_reactions r
		USING logged l
		WHERE r.space_id = l.space_id AND r.message = CASE WHEN l.of LIKE '/messages/%' THEN substr(l.of, 10) ELSE l.of END
			AND r.reaction = '/' || l.name
		RETURNING r.message, r.reaction, COALESCE(r.user_id, 0), COALESCE(r.emoji, ''), r.added_at, r.removed_at`, p.args())
	if err := store.Each(rows, []any{&x.message, &x.reaction, &x.user, &x.emoji, &x.addedAt, &x.removedAt}, func() {
		kept.reactions = append(kept.reactions, x)
	}); err != nil || p.Number > 0 {
		return kept, err
	}
	// First the changes: a state that one of those tells which are left stays.
	if _, err := tx.Exec(ctx, `
		DELETE FROM stored_membership_changes c
		WHERE space_id = (SELECT id FROM spaces WHERE space = @space) AND (origin = 'b' OR origin = 'l' AND fetched_at IS NULL)
			AND c.event_time >= @since
			AND EXISTS (SELECT FROM events e WHERE e.event_time = c.event_time AND e.event_key = c.event_key)`, p.args()); err != nil {
		return nil, err
	}
	var membership, member string
	rows, _ = tx.Query(ctx, `
		DELETE FROM stored_memberships m
		USING (
			SELECT DISTINCT e.space_id, CASE WHEN e.resource LIKE '/members/%' THEN substr(e.resource, 9) ELSE e.resource END AS membership
			FROM events e
			JOIN event_types t ON t.id = e.type_id
			WHERE e.space_id = (SELECT id FROM spaces WHERE space = @space) AND t.kind = 'membership'
				AND e.event_time >= @since
		) l
		WHERE m.space_id = (SELECT id FROM spaces WHERE space = @space) AND m.space_id = l.space_id AND m.membership = l.membership
			AND NOT EXISTS (
				SELECT FROM stored_membership_changes c
				WHERE c.space_id = m.space_id AND c.membership = m.membership AND c.event_time = m.version_time AND c.event_key = m.version_key
					AND c.state IS NOT NULL
			)
		RETURNING m.membership, COALESCE(m.member, '')`, p.args())
	return kept, store.Each(rows, []any{&membership, &member}, func() {
		kept.memberships, kept.members = append(kept.memberships, membership), append(kept.members, member)
	})
}

// complete finds those of the facts that the replayed messages lack.
func (f *fetched) complete(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		SELECT i.number
		FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::integer[], $5::text[], $6::text[])
			WITH ORDINALITY AS i (space_id, name, create_time, sender_id, thread, quoted, number)
		JOIN stored_messages m ON split_part(m.name, '.', 1) = split_part(i.name, '.', 1) AND m.space_id = i.space_id AND m.name = i.name
		WHERE m.create_time = '-infinity' AND i.create_time IS NOT NULL
			OR m.sender_id IS NULL AND i.sender_id <> 0 OR m.thread IS NULL AND i.thread IS NOT NULL
			OR m.quoted IS NULL AND i.quoted <> ''`,
		store.Column(f.facts, func(m *messageRow) int32 { return m.spaceID }),
		store.Column(f.facts, func(m *messageRow) string { return m.name }),
		store.Column(f.facts, func(m *messageRow) pgtype.Timestamptz { return store.OptionalTime(m.createTime) }),
		store.Column(f.facts, func(m *messageRow) int32 { return m.senderID }),
		store.Column(f.facts, func(m *messageRow) pgtype.Text { return m.thread }),
		store.Column(f.facts, func(m *messageRow) string { return m.quoted }))
	var number int
	return store.Each(rows, []any{&number}, func() { f.messages.messages = append(f.messages.messages, f.facts[number-1]) })
}

// queue adds what was kept to what was replayed.
func (f *fetched) queue(q *pgx.Batch) {
	f.messages.compactMessages()
	f.messages.queueMessages(q)
	q.Queue(`
		UPDATE stored_reactions r
		SET user_id = COALESCE(r.user_id, NULLIF(i.user_id, 0)), emoji = COALESCE(r.emoji, NULLIF(i.emoji, '')),
			added_at = GREATEST(r.added_at, i.added_at), removed_at = GREATEST(r.removed_at, i.removed_at)
		FROM unnest($2::text[], $3::text[], $4::integer[], $5::text[], $6::timestamptz[], $7::timestamptz[])
			AS i (message, reaction, user_id, emoji, added_at, removed_at)
		WHERE r.space_id = (SELECT id FROM spaces WHERE space = $1) AND r.message = i.message AND r.reaction = i.reaction
			AND (r.emoji IS NULL AND i.emoji <> '' OR r.added_at IS DISTINCT FROM GREATEST(r.added_at, i.added_at)
				OR r.removed_at IS DISTINCT FROM GREATEST(r.removed_at, i.removed_at))`, f.space,
		store.Column(f.reactions, func(k *keptReaction) string { return k.message }),
		store.Column(f.reactions, func(k *keptReaction) string { return k.reaction }),
		store.Column(f.reactions, func(k *keptReaction) int32 { return k.user }),
		store.Column(f.reactions, func(k *keptReaction) string { return k.emoji }),
		store.Column(f.reactions, func(k *keptReaction) pgtype.Timestamptz { return k.addedAt }),
		store.Column(f.reactions, func(k *keptReaction) pgtype.Timestamptz { return k.removedAt }))
	q.Queue(`
		UPDATE stored_memberships m
		SET member = i.member
		FROM unnest($2::text[], $3::text[]) AS i (membership, member)
		WHERE m.space_id = (SELECT id FROM spaces WHERE space = $1) AND m.membership = i.membership
			AND m.member IS NULL AND i.member <> ''`, f.space, f.memberships, f.members)
}

// replay applies the part's log page by page.
func (p Part) replay(ctx context.Context, tx pgx.Tx, log *originals.Originals, months *partitions.Partitions, r *Rebuilt) error {
	here := `e.space_id = (SELECT id FROM spaces WHERE space = @space)`
	if p.Space == "" {
		here = `e.space_id IS NULL AND @space = ''`
	}
	return log.Items(ctx, tx, items.Version{Time: p.since, Ordinal: -1}, here+`
			AND t.kind IN ('message', 'reaction', 'membership', 'space', 'interaction')
			AND CASE WHEN t.kind IN ('message', 'reaction') THEN abs(hashtext(full_name(e.resource, @space))::bigint) % @parts ELSE 0 END = @part`,
		p.args(), func(rows []items.Row) error {
			needed := map[partitions.Partition]bool{}
			AddMonths(needed, rows)
			if missing := months.Missing(needed); len(missing) > 0 {
				return missingMonths(missing)
			}
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
		WHERE (event_time, event_key) IN (SELECT * FROM unnest($1::timestamptz[], $2::uuid[]))`,
		store.Column(rows, func(x *items.Row) time.Time { return x.Time }),
		store.Column(rows, func(x *items.Row) pgtype.UUID { return x.Key.Pg() }))
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
