package projections

import (
	"cmp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

type reactionRow struct {
	version   items.Version
	reaction  string
	message   string
	user      string
	emoji     string
	addedAt   time.Time
	removedAt time.Time
	present   bool
}

func (s *Set) addReaction(r *items.Row) {
	x := reactionRow{version: r.Version(), reaction: r.Item.Resource, user: r.Item.Actor}
	x.message, _, _ = strings.Cut(r.Item.Resource, "/reactions/")
	if d := r.Item.Reaction; d != nil {
		x.user, x.emoji = cmp.Or(d.User.Name, x.user), d.Emoji()
	}
	// Whether it is there follows from the verb, even if only the name is known.
	if r.Item.Verb == events.VerbDeleted {
		x.removedAt = r.Time
	} else {
		x.addedAt, x.present = r.Time, true
	}
	s.reactions = append(s.reactions, x)
}

func (s *Set) compactReactions() {
	s.reactions = items.Compact(s.reactions,
		func(x *reactionRow) string { return x.reaction },
		func(x *reactionRow) items.Version { return x.version },
		func(newer, older *reactionRow) {
			newer.user, newer.emoji = cmp.Or(newer.user, older.user), cmp.Or(newer.emoji, older.emoji)
			if older.addedAt.After(newer.addedAt) {
				newer.addedAt = older.addedAt
			}
			if older.removedAt.After(newer.removedAt) {
				newer.removedAt = older.removedAt
			}
		})
}

func (s *Set) queueReactions(q *pgx.Batch) {
	if len(s.reactions) == 0 {
		return
	}
	text := func(field func(*reactionRow) string) []string { return store.Column(s.reactions, field) }
	// The name contains user and emoji, so those never change and may come
	// from any event. GREATEST ignores NULL.
	q.Queue(`
		INSERT INTO reactions AS r (version_time, added_at, removed_at, version_key, verb_order, present,
			reaction, message, user_name, emoji)
		SELECT version_time, added_at, removed_at, version_key, verb_order, present,
			reaction, message, NULLIF(user_name, ''), NULLIF(emoji, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::smallint[], $6::boolean[],
			$7::text[], $8::text[], $9::text[], $10::text[])
			AS i (version_time, added_at, removed_at, version_key, verb_order, present, reaction, message, user_name, emoji)
		ON CONFLICT (reaction) DO UPDATE SET
			(version_time, version_key, verb_order, present) = (
				SELECT w.version_time, w.version_key, w.verb_order, w.present
				FROM (VALUES
					(r.version_time, r.version_key, r.verb_order, r.present),
					(excluded.version_time, excluded.version_key, excluded.verb_order, excluded.present)
				) AS w (version_time, version_key, verb_order, present)
				ORDER BY w.version_time DESC, w.verb_order DESC, w.version_key DESC
				LIMIT 1
			),
			added_at = GREATEST(r.added_at, excluded.added_at),
			removed_at = GREATEST(r.removed_at, excluded.removed_at),
			user_name = COALESCE(r.user_name, excluded.user_name),
			emoji = COALESCE(r.emoji, excluded.emoji)
		-- A redelivery changes nothing, unless the batch merged something older
		-- into it, or it tells what a name alone did not.
		WHERE (excluded.version_time, excluded.verb_order, excluded.version_key) > (r.version_time, r.verb_order, r.version_key)
			OR r.added_at IS DISTINCT FROM GREATEST(r.added_at, excluded.added_at)
			OR r.removed_at IS DISTINCT FROM GREATEST(r.removed_at, excluded.removed_at)
			OR r.emoji IS NULL AND excluded.emoji IS NOT NULL`,
		store.Column(s.reactions, func(x *reactionRow) time.Time { return x.version.Time }),
		store.Column(s.reactions, func(x *reactionRow) pgtype.Timestamptz { return store.OptionalTime(x.addedAt) }),
		store.Column(s.reactions, func(x *reactionRow) pgtype.Timestamptz { return store.OptionalTime(x.removedAt) }),
		store.Column(s.reactions, func(x *reactionRow) pgtype.UUID { return x.version.Key.Pg() }),
		store.Column(s.reactions, func(x *reactionRow) int16 { return x.version.VerbOrder() }),
		store.Column(s.reactions, func(x *reactionRow) bool { return x.present }),
		text(func(x *reactionRow) string { return x.reaction }), text(func(x *reactionRow) string { return x.message }),
		text(func(x *reactionRow) string { return x.user }), text(func(x *reactionRow) string { return x.emoji }))
}
