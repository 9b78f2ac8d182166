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

// spaceRow is a state of a space, its deletion, or a name for people. That
// there is such a space is on record already, by lookups.
type spaceRow struct {
	version     version // zero for a deletion or a name
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
	case r.it.Verb == events.VerbDeleted: // what it was stays
		x.deletedAt = r.time
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
	if r.it.Space != "" && (d.Space.DisplayName != "" || d.Space.SpaceType != "") {
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
			if newer.deletedAt.IsZero() || !older.deletedAt.IsZero() && older.deletedAt.Before(newer.deletedAt) {
				newer.deletedAt = older.deletedAt
			}
			if newer.version.time.IsZero() {
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

// lockSpaces keeps a space's deletion and its members' coming and going apart:
// whichever of two transactions is second ends what the first has recorded. All
// spaces are locked at once, in their order, so that nobody waits in a circle.
func (b *batch) lockSpaces(q *pgx.Batch) {
	if len(b.memberships) == 0 {
		return
	}
	names := append(store.Column(b.memberships, func(m *membershipRow) string { return m.space }),
		store.Column(b.spaces, func(x *spaceRow) string { return x.space })...)
	strength := "SHARE"
	if len(b.spaces) > 0 {
		strength = "NO KEY UPDATE"
	}
	q.Queue(`
		SELECT
		FROM spaces
		WHERE space = ANY ($1)
		ORDER BY space
		FOR `+strength, names)
}

// queueSpaces tells the number, though the row is there: a number drawn for
// the conflict would be lost.
func (b *batch) queueSpaces(q *pgx.Batch) {
	b.lockSpaces(q)
	if len(b.spaces) == 0 {
		return
	}
	text := func(field func(*spaceRow) string) []string { return store.Column(b.spaces, field) }
	// A name alone (-infinity) completes only another name alone.
	q.Queue(`
		INSERT INTO spaces AS s (version_time, payload_as_of, deleted_at, version_key, id, verb_order, space, display_name, space_type,
			threading_state, history_state, description)
		OVERRIDING SYSTEM VALUE
		SELECT version_time, payload_as_of, deleted_at, version_key, id, verb_order, space, NULLIF(display_name, ''), NULLIF(space_type, ''),
			NULLIF(threading_state, ''), NULLIF(history_state, ''), NULLIF(description, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::integer[], $6::smallint[], $7::text[],
			$8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
			AS i (version_time, payload_as_of, deleted_at, version_key, id, verb_order, space, display_name, space_type,
			threading_state, history_state, description)
		ON CONFLICT (space) DO UPDATE SET
			deleted_at = LEAST(s.deleted_at, excluded.deleted_at),
			(version_time, payload_as_of, version_key, verb_order,
				display_name, space_type, threading_state, history_state, description) = (
				SELECT w.version_time, w.payload_as_of, w.version_key, w.verb_order,
					w.display_name, w.space_type, w.threading_state, w.history_state, w.description
				FROM (VALUES
					(1, s.version_time, s.payload_as_of, s.version_key, s.verb_order,
						CASE WHEN s.version_time = '-infinity' THEN COALESCE(s.display_name, excluded.display_name) ELSE s.display_name END,
						CASE WHEN s.version_time = '-infinity' THEN COALESCE(s.space_type, excluded.space_type) ELSE s.space_type END,
						s.threading_state, s.history_state, s.description),
					(2, excluded.version_time, excluded.payload_as_of, excluded.version_key, excluded.verb_order,
						excluded.display_name, excluded.space_type,
						excluded.threading_state, excluded.history_state, excluded.description)
				) AS w (n, version_time, payload_as_of, version_key, verb_order,
					display_name, space_type, threading_state, history_state, description)
				ORDER BY w.version_time DESC, w.verb_order DESC, w.version_key DESC, w.payload_as_of NULLS FIRST, w.n
				LIMIT 1
			)
		-- The as_of of the other side: what was fetched later counts less.
		WHERE (excluded.version_time, excluded.verb_order, excluded.version_key, COALESCE(s.payload_as_of, '-infinity'))
				> (s.version_time, s.verb_order, s.version_key, COALESCE(excluded.payload_as_of, '-infinity'))
			OR s.deleted_at IS DISTINCT FROM LEAST(s.deleted_at, excluded.deleted_at)
			OR s.version_time = '-infinity' AND (s.display_name IS NULL AND excluded.display_name IS NOT NULL
				OR s.space_type IS NULL AND excluded.space_type IS NOT NULL)`,
		store.Column(b.spaces, func(x *spaceRow) pgtype.Timestamptz { return x.version.pgTime() }),
		store.Column(b.spaces, func(x *spaceRow) pgtype.Timestamptz { return store.OptionalTime(x.version.asOf) }),
		store.Column(b.spaces, func(x *spaceRow) pgtype.Timestamptz { return store.OptionalTime(x.deletedAt) }),
		store.Column(b.spaces, func(x *spaceRow) pgtype.UUID { return x.version.pgKey() }),
		store.Column(b.spaces, func(x *spaceRow) int32 { return x.id }),
		store.Column(b.spaces, func(x *spaceRow) int16 { return x.version.verbOrder() }),
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
