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
	spaceID   int32
	space     string
	name      string // "spaces/S/messages/M/reactions/R"
	userID    int32
	emoji     string
	addedAt   time.Time
	removedAt time.Time
	present   bool
}

// message is the name of the message.
func (x *reactionRow) message() string {
	message, _, _ := strings.Cut(x.name, "/reactions/")
	return message
}

func (s *Set) addReaction(r *items.Row) {
	x := reactionRow{version: r.Version(), spaceID: r.SpaceID, space: r.Item.Space, name: r.Item.Resource, userID: r.ActorID}
	if d := r.Item.Reaction; d != nil {
		x.emoji = d.Emoji()
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
		func(x *reactionRow) string { return x.name },
		func(x *reactionRow) items.Version { return x.version },
		func(newer, older *reactionRow) {
			newer.userID, newer.emoji = cmp.Or(newer.userID, older.userID), cmp.Or(newer.emoji, older.emoji)
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
		INSERT INTO stored_reactions AS r (version_time, added_at, removed_at, version_key, space_id, user_id, verb_order, present,
			message, reaction, emoji)
		SELECT version_time, added_at, removed_at, version_key, space_id, NULLIF(user_id, 0), verb_order, present,
			message, reaction, NULLIF(emoji, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::integer[], $6::integer[], $7::smallint[],
			$8::boolean[], $9::text[], $10::text[], $11::text[])
			AS i (version_time, added_at, removed_at, version_key, space_id, user_id, verb_order, present, message, reaction, emoji)
		ON CONFLICT (space_id, message, reaction) DO UPDATE SET
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
			user_id = COALESCE(r.user_id, excluded.user_id),
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
		store.Column(s.reactions, func(x *reactionRow) int32 { return x.spaceID }),
		store.Column(s.reactions, func(x *reactionRow) int32 { return x.userID }),
		store.Column(s.reactions, func(x *reactionRow) int16 { return x.version.VerbOrder() }),
		store.Column(s.reactions, func(x *reactionRow) bool { return x.present }),
		text(func(x *reactionRow) string { return items.ShortName(x.message(), x.space+"/messages") }),
		text(func(x *reactionRow) string { return items.ShortName(x.name, x.message()+"/reactions") }),
		text(func(x *reactionRow) string { return x.emoji }))
}
