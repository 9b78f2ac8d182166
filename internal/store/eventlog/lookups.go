package eventlog

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
)

// lookups remembers the numbers that the log has for names: of event types,
// sources, spaces and users. Names that have none get one ahead of the batch,
// outside its transaction: so no batch waits for another's, and what is left
// behind by a batch that fails is a name that an event did hold.
//
// A standby that becomes the primary may have lost the last numbers and give
// them to other names. So everything is forgotten when a connection is opened,
// and a batch gets its numbers on the connection that writes it. Forgetting
// costs a query for the names that come next.
type lookups struct {
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

func newLookups() *lookups {
	return &lookups{
		types: map[string]int32{}, sources: map[string]int32{},
		spaces: map[string]int32{}, users: map[string]userNumber{},
	}
}

func (l *lookups) forget() {
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

// number fills in the numbers of the rows' names.
func (l *lookups) number(ctx context.Context, conn *pgxpool.Conn, rows []row) error {
	l.mu.RLock()
	missing, opened := l.fill(rows), l.opened
	l.mu.RUnlock()
	n := missing.count()
	if n == 0 {
		return nil
	}
	found := newLookups()
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
func (l *lookups) fill(rows []row) *unnumbered {
	missing := &unnumbered{
		types: map[string]typeMeaning{}, sources: map[string]bool{},
		spaces: map[string]bool{}, users: map[string]events.UserType{},
	}
	for i := range rows {
		r := &rows[i]
		if r.typeID == 0 {
			if r.typeID = l.types[r.ev.Type]; r.typeID == 0 {
				missing.types[r.ev.Type] = typeMeaning{r.it.Kind, r.it.Verb}
			}
		}
		if r.sourceID == 0 {
			if r.sourceID = l.sources[r.ev.Source]; r.sourceID == 0 {
				missing.sources[r.ev.Source] = true
			}
		}
		if r.spaceID == 0 && r.it.Space != "" {
			if r.spaceID = l.spaces[r.it.Space]; r.spaceID == 0 {
				missing.spaces[r.it.Space] = true
			}
		}
		if r.actorID == 0 && r.it.Actor != "" {
			typ := userOf(r.it).Type
			if known := l.users[r.it.Actor]; known.id != 0 && (known.typed || typ == "") {
				r.actorID = known.id
			} else {
				missing.users[r.it.Actor] = cmp.Or(missing.users[r.it.Actor], typ)
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

func collect(found map[string]int32) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var name string
		var id int32
		return store.Each(rows, []any{&name, &id}, func() { found[name] = id })
	}
}
