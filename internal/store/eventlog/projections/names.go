package projections

import (
	"cmp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// spaceRow is a state of a space, or its deletion. That there is such a space is
// on record already, by package numbers.
type spaceRow struct {
	version     items.Version // zero for a deletion
	id          int32
	space       string
	displayName string
	spaceType   string
	threading   string
	history     string
	description string
	deletedAt   time.Time
}

// calledRow is what an interaction tells of its space.
type calledRow struct {
	version     items.Version
	space       string
	displayName string // "" if it doesn't tell
	spaceType   string
}

// userRow is a display name.
type userRow struct {
	version     items.Version
	id          int32
	user        string
	displayName string
}

func (s *Set) addSpace(r *items.Row) {
	x := spaceRow{id: r.SpaceID, space: r.Item.Space}
	switch d := r.Item.SpaceData; {
	case x.space == "":
		return
	case r.Item.Verb == events.VerbDeleted: // what it was stays
		x.deletedAt = r.Time
	case d != nil:
		x.version = r.Version()
		x.displayName, x.spaceType, x.threading = d.DisplayName, d.SpaceType, d.ThreadingState
		x.history, x.description = d.HistoryState, d.Description
	default:
		return
	}
	s.spaces = append(s.spaces, x)
}

// addInteraction takes what an interaction tells of its space as a name of that
// time only: it holds a part of the fields, so it can't be a version.
func (s *Set) addInteraction(r *items.Row) {
	d := r.Item.Interaction
	if d == nil {
		return
	}
	if r.Item.Space != "" && (d.Space.DisplayName != "" || d.Space.SpaceType != "") {
		s.called = append(s.called, calledRow{r.Version(), r.Item.Space, d.Space.DisplayName, d.Space.SpaceType})
		s.addName(r.Item.Space, d.Space.DisplayName, r.Version())
	}
	if r.Item.Actor != "" && d.User.DisplayName != "" {
		s.users = append(s.users, userRow{version: r.Version(), id: r.ActorID, user: r.Item.Actor, displayName: d.User.DisplayName})
	}
}

func (s *Set) compactSpaces() {
	s.spaces = items.Compact(s.spaces,
		func(x *spaceRow) string { return x.space },
		func(x *spaceRow) items.Version { return x.version },
		func(newer, older *spaceRow) {
			if newer.deletedAt.IsZero() || !older.deletedAt.IsZero() && older.deletedAt.Before(newer.deletedAt) {
				newer.deletedAt = older.deletedAt
			}
			if !older.version.Time.IsZero() {
				s.addName(older.space, older.displayName, older.version)
			}
		})
	s.called = items.Compact(s.called,
		func(x *calledRow) string { return x.space },
		func(x *calledRow) items.Version { return x.version },
		func(newer, older *calledRow) {
			if newer.displayName == "" {
				newer.displayName, newer.version = older.displayName, older.version
			}
			newer.spaceType = cmp.Or(newer.spaceType, older.spaceType)
		})
}

func (s *Set) compactUsers() {
	s.users = items.Compact(s.users,
		func(x *userRow) string { return x.user },
		func(x *userRow) items.Version { return x.version },
		func(_, older *userRow) { s.addName(older.user, older.displayName, older.version) })
}

// nameRow is a name that another of the batch makes an earlier one.
type nameRow struct {
	knownAt time.Time
	name    string // of the space or the user
	display string
}

func (s *Set) addName(name, display string, v items.Version) {
	if display != "" {
		s.names = append(s.names, nameRow{later(v.Time, v.AsOf), name, display})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// queueNames keeps the names that the trigger keep_name doesn't see.
func (s *Set) queueNames(q *pgx.Batch) {
	if len(s.names) == 0 {
		return
	}
	text := func(field func(*nameRow) string) []string { return store.Column(s.names, field) }
	q.Queue(`
		INSERT INTO names (known_at, name, display_name)
		SELECT known_at, name, display_name
		FROM unnest($1::timestamptz[], $2::text[], $3::text[]) AS i (known_at, name, display_name)
		WHERE display_name IS DISTINCT FROM (
			SELECT n.display_name
			FROM names n
			WHERE n.name = i.name AND n.known_at <= i.known_at
			ORDER BY n.known_at DESC
			LIMIT 1
		)
		ORDER BY name, known_at
		ON CONFLICT DO NOTHING`,
		store.Column(s.names, func(n *nameRow) time.Time { return n.knownAt }),
		text(func(n *nameRow) string { return n.name }), text(func(n *nameRow) string { return n.display }))
}

// lockSpaces keeps a space's deletion and its members' coming and going apart:
// whichever of two transactions is second ends what the first has recorded. All
// spaces are locked at once, in their order, so that nobody waits in a circle.
func (s *Set) lockSpaces(q *pgx.Batch) {
	names := append(s.Memberships.Spaces(), store.Column(s.called, func(x *calledRow) string { return x.space })...)
	if len(names) == 0 {
		return
	}
	names = append(names, store.Column(s.spaces, func(x *spaceRow) string { return x.space })...)
	strength := "SHARE"
	if len(s.spaces)+len(s.called) > 0 {
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
func (s *Set) queueSpaces(q *pgx.Batch) {
	s.lockSpaces(q)
	if len(s.spaces) > 0 {
		s.queueStates(q)
	}
	if len(s.called) > 0 {
		s.queueCalled(q)
	}
}

func (s *Set) queueStates(q *pgx.Batch) {
	text := func(field func(*spaceRow) string) []string { return store.Column(s.spaces, field) }
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
						s.display_name, s.space_type, s.threading_state, s.history_state, s.description),
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
			OR s.deleted_at IS DISTINCT FROM LEAST(s.deleted_at, excluded.deleted_at)`,
		store.Column(s.spaces, func(x *spaceRow) pgtype.Timestamptz { return x.version.PgTime() }),
		store.Column(s.spaces, func(x *spaceRow) pgtype.Timestamptz { return store.OptionalTime(x.version.AsOf) }),
		store.Column(s.spaces, func(x *spaceRow) pgtype.Timestamptz { return store.OptionalTime(x.deletedAt) }),
		store.Column(s.spaces, func(x *spaceRow) pgtype.UUID { return x.version.Key.Pg() }),
		store.Column(s.spaces, func(x *spaceRow) int32 { return x.id }),
		store.Column(s.spaces, func(x *spaceRow) int16 { return x.version.VerbOrder() }),
		text(func(x *spaceRow) string { return x.space }), text(func(x *spaceRow) string { return x.displayName }),
		text(func(x *spaceRow) string { return x.spaceType }), text(func(x *spaceRow) string { return x.threading }),
		text(func(x *spaceRow) string { return x.history }), text(func(x *spaceRow) string { return x.description }))
}

// queueCalled gives spaces the names that interactions told. Of names what was
// told later wins; of all else, a state.
func (s *Set) queueCalled(q *pgx.Batch) {
	text := func(field func(*calledRow) string) []string { return store.Column(s.called, field) }
	q.Queue(`
		UPDATE spaces s
		SET display_name = CASE WHEN i.wins THEN i.display_name ELSE s.display_name END,
			named_at = CASE WHEN i.wins THEN i.known_at ELSE s.named_at END,
			space_type = CASE WHEN s.version_time = '-infinity' THEN COALESCE(s.space_type, i.space_type) ELSE s.space_type END
		FROM (
			SELECT k.space, i.known_at, NULLIF(i.display_name, '') AS display_name, NULLIF(i.space_type, '') AS space_type,
				i.display_name <> '' AND (k.named_at IS NULL OR k.named_at < i.known_at) AS wins
			FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[]) AS i (known_at, space, display_name, space_type)
			JOIN spaces k ON k.space = i.space
		) i
		WHERE s.space = i.space AND (i.wins OR s.version_time = '-infinity' AND s.space_type IS NULL AND i.space_type IS NOT NULL)`,
		store.Column(s.called, func(x *calledRow) time.Time { return x.version.Time }),
		text(func(x *calledRow) string { return x.space }), text(func(x *calledRow) string { return x.displayName }),
		text(func(x *calledRow) string { return x.spaceType }))
}

// queueUsers tells the number for the same reason.
func (s *Set) queueUsers(q *pgx.Batch) {
	if len(s.users) == 0 {
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
		store.Column(s.users, func(u *userRow) pgtype.Timestamptz { return u.version.PgTime() }),
		store.Column(s.users, func(u *userRow) int32 { return u.id }),
		store.Column(s.users, func(u *userRow) string { return u.user }),
		store.Column(s.users, func(u *userRow) string { return u.displayName }))
}
