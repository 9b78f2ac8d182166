package eventlog

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// spaceRow is a state of a space, its tombstone, or a name for people. That
// there is such a space is on record already, by lookups.
type spaceRow struct {
	version     version
	id          int32
	space       string
	displayName string
	spaceType   string
	threading   string
	history     string
	description string
	deletedAt   time.Time
}

// userRow is a display name.
type userRow struct {
	version     version
	id          int32
	user        string
	displayName string
}

// userOf is what an item tells of its actor.
func userOf(it *events.Item) events.User {
	switch {
	case it.Message != nil:
		return it.Message.Sender
	case it.Membership != nil:
		return it.Membership.Member
	case it.Reaction != nil:
		return it.Reaction.User
	case it.Interaction != nil:
		return it.Interaction.User
	default:
		return events.User{Name: it.Actor}
	}
}

func (b *batch) addSpace(r *row) {
	x := spaceRow{id: r.spaceID, space: r.it.Space}
	switch d := r.it.SpaceData; {
	case x.space == "":
		return
	case r.it.Verb == events.VerbDeleted:
		x.version, x.deletedAt = r.version(), r.time
	case d != nil:
		x.version = r.version()
		x.displayName, x.spaceType, x.threading = d.DisplayName, d.SpaceType, d.ThreadingState
		x.history, x.description = d.HistoryState, d.Description
	default:
		return
	}
	b.spaces = append(b.spaces, x)
}

// addInteraction takes what an interaction tells of its space only as a name
// for a space that no event has described: it holds a part of the fields, so
// it can't be a version.
func (b *batch) addInteraction(r *row) {
	d := r.it.Interaction
	if d == nil {
		return
	}
	if r.it.Space != "" && d.Space.DisplayName != "" {
		b.spaces = append(b.spaces, spaceRow{
			id: r.spaceID, space: r.it.Space, displayName: d.Space.DisplayName, spaceType: d.Space.SpaceType,
		})
	}
	if r.it.Actor != "" && d.User.DisplayName != "" {
		b.users = append(b.users, userRow{version: r.version(), id: r.actorID, user: r.it.Actor, displayName: d.User.DisplayName})
	}
}

func (b *batch) compactSpaces() {
	b.spaces = compact(b.spaces,
		func(x *spaceRow) string { return x.space },
		func(x *spaceRow) version { return x.version },
		func(newer, older *spaceRow) {
			// The tombstone stays, the rest is what was known last.
			if newer.deletedAt.IsZero() && !older.deletedAt.IsZero() {
				newer.deletedAt = older.deletedAt
			}
			if newer.version.time.IsZero() || !newer.deletedAt.IsZero() {
				newer.displayName = cmp.Or(newer.displayName, older.displayName)
				newer.spaceType = cmp.Or(newer.spaceType, older.spaceType)
			}
		})
}

func (b *batch) compactUsers() {
	b.users = compact(b.users,
		func(x *userRow) string { return x.user },
		func(x *userRow) version { return x.version },
		func(_, _ *userRow) {})
}

// queueSpaces tells the number, though the row is there: a number drawn for
// the conflict would be lost.
func (b *batch) queueSpaces(q *pgx.Batch) {
	if len(b.spaces) == 0 {
		return
	}
	text := func(field func(*spaceRow) string) []string { return store.Column(b.spaces, field) }
	// A name alone (-infinity) updates only another name alone.
	q.Queue(`
		INSERT INTO spaces AS s (version_time, deleted_at, version_key, id, space, display_name, space_type,
			threading_state, history_state, description)
		OVERRIDING SYSTEM VALUE
		SELECT version_time, deleted_at, version_key, id, space, NULLIF(display_name, ''), NULLIF(space_type, ''),
			NULLIF(threading_state, ''), NULLIF(history_state, ''), NULLIF(description, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::integer[], $5::text[], $6::text[],
			$7::text[], $8::text[], $9::text[], $10::text[])
			AS i (version_time, deleted_at, version_key, id, space, display_name, space_type,
			threading_state, history_state, description)
		ON CONFLICT (space) DO UPDATE SET
			version_time = excluded.version_time,
			deleted_at = excluded.deleted_at,
			version_key = excluded.version_key,
			display_name = excluded.display_name,
			space_type = excluded.space_type,
			threading_state = excluded.threading_state,
			history_state = excluded.history_state,
			description = excluded.description
		WHERE (excluded.version_time, excluded.version_key) > (s.version_time, s.version_key)
			OR s.version_time = '-infinity' AND s.display_name IS NULL AND excluded.display_name IS NOT NULL`,
		store.Column(b.spaces, func(x *spaceRow) pgtype.Timestamptz { return x.version.pgTime() }),
		store.Column(b.spaces, func(x *spaceRow) pgtype.Timestamptz { return store.OptionalTime(x.deletedAt) }),
		store.Column(b.spaces, func(x *spaceRow) pgtype.UUID { return x.version.pgKey() }),
		store.Column(b.spaces, func(x *spaceRow) int32 { return x.id }),
		text(func(x *spaceRow) string { return x.space }), text(func(x *spaceRow) string { return x.displayName }),
		text(func(x *spaceRow) string { return x.spaceType }), text(func(x *spaceRow) string { return x.threading }),
		text(func(x *spaceRow) string { return x.history }), text(func(x *spaceRow) string { return x.description }))
}

// queueUsers tells the number for the same reason.
func (b *batch) queueUsers(q *pgx.Batch) {
	if len(b.users) == 0 {
		return
	}
	q.Queue(`
		INSERT INTO users AS u (version_time, id, user_name, display_name)
		OVERRIDING SYSTEM VALUE
		SELECT version_time, id, user_name, display_name
		FROM unnest($1::timestamptz[], $2::integer[], $3::text[], $4::text[])
			AS i (version_time, id, user_name, display_name)
		ON CONFLICT (user_name) DO UPDATE SET
			version_time = excluded.version_time,
			display_name = excluded.display_name
		WHERE excluded.version_time > u.version_time`,
		store.Column(b.users, func(u *userRow) pgtype.Timestamptz { return u.version.pgTime() }),
		store.Column(b.users, func(u *userRow) int32 { return u.id }),
		store.Column(b.users, func(u *userRow) string { return u.user }),
		store.Column(b.users, func(u *userRow) string { return u.displayName }))
}

func (u *unnumbered) queueSpaces(q *pgx.Batch, found map[string]int32) {
	if len(u.spaces) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(u.spaces))
	q.Queue(`
		INSERT INTO spaces (version_time, version_key, space)
		SELECT '-infinity', '00000000-0000-0000-0000-000000000000', space
		FROM unnest($1::text[]) AS i (space)
		WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.space = i.space)
		ORDER BY space COLLATE "C"
		ON CONFLICT DO NOTHING`, names)
	q.Queue(`
		SELECT i.space, s.id
		FROM unnest($1::text[]) AS i (space)
		CROSS JOIN LATERAL (SELECT id FROM spaces s WHERE s.space = i.space LIMIT 1) s`, names).Query(collect(found))
}

// queueUsers adds users, and the types of those who were added without.
func (u *unnumbered) queueUsers(q *pgx.Batch, found map[string]userNumber) {
	if len(u.users) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(u.users))
	types := store.Column(names, func(name *string) string { return string(u.users[*name]) })
	q.Queue(`
		INSERT INTO users AS u (version_time, user_name, user_type)
		SELECT '-infinity', user_name, NULLIF(user_type, '')
		FROM unnest($1::text[], $2::text[]) AS i (user_name, user_type)
		WHERE NOT EXISTS (
			SELECT FROM users k
			WHERE k.user_name = i.user_name AND (i.user_type = '' OR k.user_type IS NOT NULL)
		)
		ORDER BY user_name COLLATE "C"
		ON CONFLICT (user_name) DO UPDATE SET
			user_type = excluded.user_type
		WHERE u.user_type IS NULL AND excluded.user_type IS NOT NULL`, names, types)
	q.Queue(`
		SELECT i.user_name, u.id, u.typed
		FROM unnest($1::text[]) AS i (user_name)
		CROSS JOIN LATERAL (
			SELECT id, user_type IS NOT NULL AS typed
			FROM users u
			WHERE u.user_name = i.user_name
			LIMIT 1
		) u`, names).Query(func(rows pgx.Rows) error {
		var name string
		var user userNumber
		return store.Each(rows, []any{&name, &user.id, &user.typed}, func() { found[name] = user })
	})
}
