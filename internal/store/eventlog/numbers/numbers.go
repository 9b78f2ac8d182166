// Package numbers gives names their numbers in the log: event types, sources,
// spaces and users.
//
// It promises that whatever a row names has its number before the transaction
// that writes the row begins. Names that have none get one outside of it: so no
// batch waits for another's, and what is left behind by a batch that fails is a
// name that an event did hold. An error is about the database; no number is
// lost or given twice.
//
// # Concurrency
//
// A standby that becomes the primary may have lost the last numbers and give
// them to other names. So the caller has everything forgotten when a connection
// is opened, and gets a batch's numbers on the connection that writes it.
// Forgetting costs a query for the names that come next.
package numbers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// Numbers remembers those that were asked for.
type Numbers struct {
	mu      sync.RWMutex
	opened  int // connections so far
	types   map[string]int32
	sources map[string]int32
	spaces  map[string]int32
	users   map[string]userNumber
}

type userNumber struct {
	id    int32
	typed bool // it is recorded whether it is a person or a bot
}

// maxNames bounds each map, and so the memory for names to some 30 MB: what
// has grown beyond it starts anew.
const maxNames = 100_000

// New returns Numbers that know none.
func New() *Numbers {
	return &Numbers{
		types: map[string]int32{}, sources: map[string]int32{},
		spaces: map[string]int32{}, users: map[string]userNumber{},
	}
}

// Forget is to be called whenever a connection is opened.
func (l *Numbers) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
	clear(l.types)
	clear(l.sources)
	clear(l.spaces)
	clear(l.users)
}

// unnumbered are names of a batch that have no number so far.
type unnumbered struct {
	types   map[string]typeMeaning
	sources map[string]bool
	spaces  map[string]bool
	users   map[string]events.UserType
}

type typeMeaning struct {
	kind events.Kind
	verb events.Verb
}

func (u *unnumbered) count() int {
	return len(u.types) + len(u.sources) + len(u.spaces) + len(u.users)
}

// Fill fills in the numbers of the rows' names.
func (l *Numbers) Fill(ctx context.Context, conn *pgxpool.Conn, rows []items.Row) error {
	l.mu.RLock()
	missing, opened := l.fill(rows), l.opened
	l.mu.RUnlock()
	n := missing.count()
	if n == 0 {
		return nil
	}
	found := New()
	q := &pgx.Batch{}
	missing.queueTypes(q, found.types)
	missing.queueSources(q, found.sources)
	missing.queueSpaces(q, found.spaces)
	missing.queueUsers(q, found.users)
	if err := conn.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("assign ids to %d names: %w", n, err)
	}
	if missing = found.fill(rows); missing.count() > 0 {
		return fmt.Errorf("assign ids to %d names: %d are not there after they were added", n, missing.count())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened == opened { // otherwise, it may be an answer of the former server
		remember(l.types, found.types)
		remember(l.sources, found.sources)
		remember(l.spaces, found.spaces)
		remember(l.users, found.users)
	}
	return nil
}

func remember[V any](known, found map[string]V) {
	if len(known)+len(found) > maxNames {
		clear(known)
	}
	maps.Copy(known, found)
}

// fill numbers what is known and leaves alone what has a number.
func (l *Numbers) fill(rows []items.Row) *unnumbered {
	missing := &unnumbered{
		types: map[string]typeMeaning{}, sources: map[string]bool{},
		spaces: map[string]bool{}, users: map[string]events.UserType{},
	}
	for i := range rows {
		r := &rows[i]
		if r.TypeID == 0 {
			if r.TypeID = l.types[r.Event.Type]; r.TypeID == 0 {
				missing.types[r.Event.Type] = typeMeaning{r.Item.Kind, r.Item.Verb}
			}
		}
		if r.SourceID == 0 {
			if r.SourceID = l.sources[r.Event.Source]; r.SourceID == 0 {
				missing.sources[r.Event.Source] = true
			}
		}
		if r.SpaceID == 0 && r.Item.Space != "" {
			if r.SpaceID = l.spaces[r.Item.Space]; r.SpaceID == 0 {
				missing.spaces[r.Item.Space] = true
			}
		}
		if r.ActorID == 0 && r.Item.Actor != "" {
			typ := userOf(r.Item).Type
			if known := l.users[r.Item.Actor]; known.id != 0 && (known.typed || typ == "") {
				r.ActorID = known.id
			} else {
				missing.users[r.Item.Actor] = cmp.Or(missing.users[r.Item.Actor], typ)
			}
		}
	}
	return missing
}

// For each kind of names there are two statements. In the first, only missing
// names reach the INSERT, as a conflict would use up a number; they do so in
// order, so that two writers never wait for each other in a circle. The second
// sees what another replica added meanwhile. Of the tables that grow, it looks
// up one name at a time (LIMIT 1): a statement keeps the plan that it got when
// the table was empty, and joining would mean to read it all.

func (u *unnumbered) queueTypes(q *pgx.Batch, found map[string]int32) {
	if len(u.types) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(u.types))
	kinds := store.Column(names, func(name *string) string { return string(u.types[*name].kind) })
	verbs := store.Column(names, func(name *string) string { return string(u.types[*name].verb) })
	q.Queue(`
		INSERT INTO event_types (ce_type, kind, verb)
		SELECT ce_type, kind, verb
		FROM unnest($1::text[], $2::text[], $3::text[]) AS i (ce_type, kind, verb)
		WHERE NOT EXISTS (SELECT FROM event_types t WHERE t.ce_type = i.ce_type)
		ORDER BY ce_type COLLATE "C"
		ON CONFLICT DO NOTHING`, names, kinds, verbs)
	q.Queue(`
		SELECT ce_type, id::integer
		FROM event_types
		WHERE ce_type = ANY ($1)`, names).Query(collect(found))
}

func (u *unnumbered) queueSources(q *pgx.Batch, found map[string]int32) {
	if len(u.sources) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(u.sources))
	q.Queue(`
		INSERT INTO event_sources (source)
		SELECT source
		FROM unnest($1::text[]) AS i (source)
		WHERE NOT EXISTS (SELECT FROM event_sources s WHERE s.source = i.source)
		ORDER BY source COLLATE "C"
		ON CONFLICT DO NOTHING`, names)
	q.Queue(`
		SELECT source, id
		FROM event_sources
		WHERE source = ANY ($1)`, names).Query(collect(found))
}

func (u *unnumbered) queueSpaces(q *pgx.Batch, found map[string]int32) {
	if len(u.spaces) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(u.spaces))
	QueueSpaces(q, names)
	q.Queue(`
		SELECT i.space, s.id
		FROM unnest($1::text[]) AS i (space)
		CROSS JOIN LATERAL (SELECT id FROM spaces s WHERE s.space = i.space LIMIT 1) s`, names).Query(collect(found))
}

// QueueSpaces gives numbers to those of the spaces that have none. The names are
// in their order.
func QueueSpaces(q *pgx.Batch, names []string) {
	q.Queue(`
		INSERT INTO spaces (version_time, version_key, space)
		SELECT '-infinity', '00000000-0000-0000-0000-000000000000', space
		FROM unnest($1::text[]) AS i (space)
		WHERE NOT EXISTS (SELECT FROM spaces s WHERE s.space = i.space)
		ORDER BY space COLLATE "C"
		ON CONFLICT DO NOTHING`, names)
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

func collect(found map[string]int32) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var name string
		var id int32
		return store.Each(rows, []any{&name, &id}, func() { found[name] = id })
	}
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
