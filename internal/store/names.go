package store

import (
	"cmp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// known remembers which spaces and users have a row already, so that not
// every message touches three tables. Forgetting costs an idempotent insert.
type known struct {
	mu     sync.RWMutex
	spaces map[string]bool
	users  map[string]events.UserType
}

// maxKnown bounds the memory for names to some 20 MB.
const maxKnown = 100_000

func newKnown() *known {
	return &known{spaces: map[string]bool{}, users: map[string]events.UserType{}}
}

func (k *known) space(name string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.spaces[name]
}

func (k *known) user(name string, typ events.UserType) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	t, ok := k.users[name]
	return ok && (typ == "" || typ == t)
}

// add remembers the names of a batch that is committed.
func (k *known) add(b *batch) {
	if len(b.spaces) == 0 && len(b.users) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.spaces) > maxKnown {
		clear(k.spaces)
	}
	if len(k.users) > maxKnown {
		clear(k.users)
	}
	for i := range b.spaces {
		k.spaces[b.spaces[i].space] = true
	}
	for i := range b.users {
		u := &b.users[i]
		k.users[u.user] = cmp.Or(u.typ, k.users[u.user])
	}
}

// spaceRow is a state of a space, its tombstone, or just its name.
type spaceRow struct {
	version     version
	space       string
	displayName string
	spaceType   string
	threading   string
	history     string
	description string
	deletedAt   time.Time
}

type userRow struct {
	version     version
	user        string
	typ         events.UserType
	displayName string
}

// addNames makes the space and the user of an item known.
func (b *batch) addNames(r *row, known *known) {
	if r.it.Space != "" && !known.space(r.it.Space) {
		b.spaces = append(b.spaces, spaceRow{space: r.it.Space})
	}
	u := events.User{Name: r.it.Actor}
	switch {
	case r.it.Message != nil:
		u = r.it.Message.Sender
	case r.it.Membership != nil:
		u = r.it.Membership.Member
	case r.it.Reaction != nil:
		u = r.it.Reaction.User
	case r.it.Interaction != nil:
		u = r.it.Interaction.User
	}
	if !strings.HasPrefix(u.Name, "users/") {
		return
	}
	x := userRow{user: u.Name, typ: u.Type}
	if u.DisplayName != "" {
		x.displayName, x.version = u.DisplayName, r.version()
	} else if known.user(u.Name, u.Type) {
		return
	}
	b.users = append(b.users, x)
}

func (b *batch) addSpace(r *row) {
	x := spaceRow{space: cmp.Or(r.it.Space, r.it.Resource)}
	switch d := r.it.SpaceData; {
	case r.it.Verb == events.VerbDeleted:
		x.version, x.deletedAt = r.version(), r.time
	case d != nil:
		x.version = r.version()
		x.displayName, x.spaceType, x.threading = d.DisplayName, d.SpaceType, d.ThreadingState
		x.history, x.description = d.HistoryState, d.Description
	}
	b.spaces = append(b.spaces, x)
}

// addInteraction takes what an interaction tells of its space only as a name
// for a space that no event has described: it holds a part of the fields, so
// it can't be a version.
func (b *batch) addInteraction(r *row) {
	if d := r.it.Interaction; d != nil && d.Space.Name != "" && d.Space.DisplayName != "" {
		b.spaces = append(b.spaces, spaceRow{
			space: d.Space.Name, displayName: d.Space.DisplayName, spaceType: d.Space.SpaceType,
		})
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
		func(newer, older *userRow) { newer.typ = cmp.Or(newer.typ, older.typ) })
}

func (b *batch) queueSpaces(q *pgx.Batch) {
	n := len(b.spaces)
	if n == 0 {
		return
	}
	versionTimes, keys, deletedAt := make([]pgtype.Timestamptz, n), make([]pgtype.UUID, n), make([]pgtype.Timestamptz, n)
	spaces, names, types := make([]string, n), make([]string, n), make([]string, n)
	threading, history, descriptions := make([]string, n), make([]string, n), make([]string, n)
	for i := range b.spaces {
		x := &b.spaces[i]
		versionTimes[i], keys[i], deletedAt[i] = x.version.pgTime(), pgtype.UUID{Bytes: x.version.key, Valid: true}, optionalTime(x.deletedAt)
		spaces[i], names[i], types[i] = x.space, x.displayName, x.spaceType
		threading[i], history[i], descriptions[i] = x.threading, x.history, x.description
	}
	// A name alone (-infinity) updates only another name alone.
	q.Queue(`
		INSERT INTO spaces AS s (version_time, deleted_at, version_key, space, display_name, space_type,
			threading_state, history_state, description)
		SELECT version_time, deleted_at, version_key, space, NULLIF(display_name, ''), NULLIF(space_type, ''),
			NULLIF(threading_state, ''), NULLIF(history_state, ''), NULLIF(description, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[],
			$7::text[], $8::text[], $9::text[])
			AS i (version_time, deleted_at, version_key, space, display_name, space_type,
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
		versionTimes, deletedAt, keys, spaces, names, types, threading, history, descriptions)
}

func (b *batch) queueUsers(q *pgx.Batch) {
	n := len(b.users)
	if n == 0 {
		return
	}
	versionTimes := make([]pgtype.Timestamptz, n)
	users, types, names := make([]string, n), make([]string, n), make([]string, n)
	for i := range b.users {
		u := &b.users[i]
		versionTimes[i] = u.version.pgTime()
		users[i], types[i], names[i] = u.user, string(u.typ), u.displayName
	}
	q.Queue(`
		INSERT INTO users AS u (version_time, user_name, user_type, display_name)
		SELECT version_time, user_name, NULLIF(user_type, ''), NULLIF(display_name, '')
		FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[])
			AS i (version_time, user_name, user_type, display_name)
		ON CONFLICT (user_name) DO UPDATE SET
			version_time = GREATEST(u.version_time, excluded.version_time),
			user_type = COALESCE(u.user_type, excluded.user_type),
			display_name = CASE WHEN excluded.version_time > u.version_time
				THEN excluded.display_name ELSE u.display_name END
		WHERE excluded.version_time > u.version_time
			OR u.user_type IS NULL AND excluded.user_type IS NOT NULL`,
		versionTimes, users, types, names)
}
