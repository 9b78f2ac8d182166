// Package memberships keeps who is in which space, and every event about it:
// the tables stored_memberships and stored_membership_changes. It tells what a change meant:
// that somebody joined, left, or got another role.
//
// It promises that both tables end up the same whatever order events arrive in,
// and that of two transactions that change one member, the second sees what the
// first has written: so a join is one once, or not at all. The caller queues
// the parts in the order in which they stand here, in one transaction; if that
// fails, nothing is kept.
package memberships

import (
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// Set is what items tell of memberships.
type Set struct {
	rows       []items.Row
	current    []membershipRow
	changes    []changeRow
	neighbours []neighbour
}

// membershipRow is a membership by its name: a deletion tells no more, whether
// it was a person's or a Google Group's.
type membershipRow struct {
	version     items.Version
	spaceID     int32
	space       string
	name        string // "spaces/S/members/M"
	member      string // "users/U" or "groups/G"; "" if the event doesn't tell
	state       string
	role        string
	affiliation string
}

// changeRow is one membership event. index is its row in the set.
type changeRow struct {
	index int
	space string
	name  string
	verb  events.Verb
	state string
	role  string
	typ   events.UserType
}

// Of returns what the rows tell of memberships.
func Of(rows []items.Row) *Set {
	s := &Set{rows: rows}
	for i := range rows {
		if rows[i].Item.Kind == events.KindMembership {
			s.add(i)
		}
	}
	s.compact()
	return s
}

func (s *Set) add(index int) {
	r := &s.rows[index]
	m := membershipRow{spaceID: r.SpaceID, space: r.Item.Space, name: r.Item.Resource, member: memberOf(r.Item)}
	c := changeRow{index: index, space: m.space, name: m.name, verb: r.Item.Verb}
	if d := r.Item.Membership; d != nil {
		c.state, c.role, c.typ = string(d.State), d.Role, d.Member.Type
		m.affiliation = d.Affiliation
	}
	if r.Item.Verb == events.VerbDeleted {
		c.state = string(events.MembershipNotAMember)
	}
	if m.state = c.state; m.state != "" {
		m.version = r.Version()
		m.role = c.role
	}
	if m.state == "" || m.state == string(events.MembershipNotAMember) {
		m.role, m.affiliation = "", "" // nothing that would depend on the order of arrival
	}
	s.current = append(s.current, m)
	s.changes = append(s.changes, c)
}

func (s *Set) compact() {
	s.current = items.Compact(s.current,
		func(m *membershipRow) string { return m.name },
		func(m *membershipRow) items.Version { return m.version },
		func(newer, older *membershipRow) {
			if newer.member == "" || newer.member == events.MemberUser(newer.name) {
				newer.member = cmp.Or(older.member, newer.member)
			}
		})
	slices.SortStableFunc(s.changes, func(x, y changeRow) int {
		return cmp.Or(cmp.Compare(x.name, y.name), s.version(&x).Compare(s.version(&y)))
	})
}

func (s *Set) version(c *changeRow) items.Version { return s.rows[c.index].Version() }

// Spaces are those of the memberships.
func (s *Set) Spaces() []string {
	return store.Column(s.current, func(m *membershipRow) string { return m.space })
}

// Queue writes the current state. It locks the rows of the members concerned,
// also those it leaves alone, so that from here on their histories belong to
// this transaction. It ends the memberships of spaces that are deleted, at that
// time, whichever came first: deleted are those that the transaction deletes.
func (s *Set) Queue(q *pgx.Batch, deleted []string) {
	s.queueCurrent(q)
	s.queueEndings(q, deleted)
}

func (s *Set) queueCurrent(q *pgx.Batch) {
	if len(s.current) == 0 {
		return
	}
	text := func(field func(*membershipRow) string) []string { return store.Column(s.current, field) }
	// Whose it is never changes. What an event tells counts more than what the
	// name says, as the id of a group may be a number like a user's.
	q.Queue(`
		INSERT INTO stored_memberships AS m (version_time, payload_as_of, version_key, verb_order, space_id, membership, member, state, role,
			affiliation)
		SELECT version_time, payload_as_of, version_key, verb_order, space_id, membership,
			NULLIF(member, ''), NULLIF(state, ''), NULLIF(role, ''), NULLIF(affiliation, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::smallint[], $5::integer[], $6::text[], $7::text[], $8::text[],
			$9::text[], $10::text[])
			AS i (version_time, payload_as_of, version_key, verb_order, space_id, membership, member, state, role, affiliation)
		ON CONFLICT (space_id, membership) DO UPDATE SET
			member = COALESCE(NULLIF(excluded.member, 'users' || m.membership), m.member, excluded.member),
			(version_time, payload_as_of, version_key, verb_order, state, role, affiliation, source) = (
				SELECT w.version_time, w.payload_as_of, w.version_key, w.verb_order, w.state, w.role, w.affiliation, w.source
				FROM (VALUES
					(m.version_time, m.payload_as_of, m.version_key, m.verb_order, m.state, m.role, m.affiliation, m.source),
					(excluded.version_time, excluded.payload_as_of, excluded.version_key, excluded.verb_order,
						excluded.state, excluded.role, excluded.affiliation, excluded.source)
				) AS w (version_time, payload_as_of, version_key, verb_order, state, role, affiliation, source)
				ORDER BY w.version_time DESC, w.verb_order DESC, w.version_key DESC, w.payload_as_of NULLS FIRST
				LIMIT 1
			)
		-- The as_of of the other side: what was fetched later counts less.
		WHERE (excluded.version_time, excluded.verb_order, excluded.version_key, COALESCE(m.payload_as_of, '-infinity'))
				> (m.version_time, m.verb_order, m.version_key, COALESCE(excluded.payload_as_of, '-infinity'))
			OR excluded.member <> m.member OR m.member IS NULL AND excluded.member IS NOT NULL`,
		store.Column(s.current, func(m *membershipRow) pgtype.Timestamptz { return m.version.PgTime() }),
		store.Column(s.current, func(m *membershipRow) pgtype.Timestamptz { return store.OptionalTime(m.version.AsOf) }),
		store.Column(s.current, func(m *membershipRow) pgtype.UUID { return m.version.Key.Pg() }),
		store.Column(s.current, func(m *membershipRow) int16 { return m.version.VerbOrder() }),
		store.Column(s.current, func(m *membershipRow) int32 { return m.spaceID }),
		text(func(m *membershipRow) string { return shortName(m.name, m.space) }),
		text(func(m *membershipRow) string { return m.member }), text(func(m *membershipRow) string { return m.state }),
		text(func(m *membershipRow) string { return m.role }), text(func(m *membershipRow) string { return m.affiliation }))
}

func (s *Set) queueEndings(q *pgx.Batch, deleted []string) {
	spaces := append(s.Spaces(), deleted...)
	slices.Sort(spaces)
	if len(spaces) == 0 {
		return
	}
	q.Queue(`
		UPDATE stored_memberships m
		SET version_time = s.deleted_at, payload_as_of = NULL, version_key = '00000000-0000-0000-0000-000000000000', verb_order = 4,
			state = 'NOT_A_MEMBER', role = NULL, affiliation = NULL
		FROM spaces s
		WHERE s.space = ANY ($1) AND s.deleted_at IS NOT NULL
			AND m.space_id = s.id AND (m.version_time, m.verb_order) <> (s.deleted_at, 4)`, slices.Compact(spaces))
}

// fetchedAt is when state and role were fetched; zero if the event held them or
// nobody knows them.
func (s *Set) fetchedAt(c *changeRow) time.Time {
	if c.state == "" {
		return time.Time{}
	}
	return s.rows[c.index].AsOf()
}

// QueueChanges writes the history.
func (s *Set) QueueChanges(q *pgx.Batch) {
	if len(s.changes) == 0 {
		return
	}
	text := func(field func(*changeRow) string) []string { return store.Column(s.changes, field) }
	q.Queue(`
		INSERT INTO stored_membership_changes AS c (event_time, fetched_at, event_key, ordinal, origin,
			space_id, membership, verb, state, role, member_type)
		SELECT event_time, fetched_at, event_key, ordinal, CASE WHEN backfilled THEN 'b' ELSE 'l' END::"char",
			space_id, membership, verb, NULLIF(state, ''), NULLIF(role, ''), NULLIF(member_type, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::smallint[], $5::boolean[],
			$6::integer[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
			AS i (event_time, fetched_at, event_key, ordinal, backfilled, space_id, membership, verb, state, role, member_type)
		ON CONFLICT (space_id, membership, event_time, verb_order, event_key, ordinal) DO UPDATE SET
			origin = CASE WHEN excluded.origin = 'l' THEN excluded.origin ELSE c.origin END,
			(fetched_at, state, role, member_type) = (
				SELECT w.fetched_at, w.state, w.role, w.member_type
				FROM (VALUES
					(1, c.fetched_at, c.state, c.role, c.member_type),
					(2, excluded.fetched_at, excluded.state, excluded.role, excluded.member_type)
				) AS w (n, fetched_at, state, role, member_type)
				ORDER BY w.state IS NULL, w.fetched_at IS NOT NULL, w.n
				LIMIT 1
			)
		-- A live copy makes a backfilled one live; what the event held counts more than what was fetched.
		WHERE excluded.origin = 'l' AND c.origin = 'b'
			OR excluded.state IS NOT NULL AND (c.state IS NULL OR c.fetched_at IS NOT NULL AND excluded.fetched_at IS NULL)`,
		store.Column(s.changes, func(c *changeRow) time.Time { return s.rows[c.index].Time }),
		store.Column(s.changes, func(c *changeRow) pgtype.Timestamptz { return store.OptionalTime(s.fetchedAt(c)) }),
		store.Column(s.changes, func(c *changeRow) pgtype.UUID { return s.rows[c.index].Key.Pg() }),
		store.Column(s.changes, func(c *changeRow) int16 { return int16(s.rows[c.index].Item.Ordinal) }),
		store.Column(s.changes, func(c *changeRow) bool { return s.rows[c.index].Backfilled() }),
		store.Column(s.changes, func(c *changeRow) int32 { return s.rows[c.index].SpaceID }),
		text(func(c *changeRow) string { return shortName(c.name, c.space) }),
		text(func(c *changeRow) string { return string(c.verb) }), text(func(c *changeRow) string { return c.state }),
		text(func(c *changeRow) string { return c.role }), text(func(c *changeRow) string { return string(c.typ) }))
}

// QueueKnown completes the history's rows of the events, in place of
// QueueChanges, with what was fetched for them. A row that has a state
// got it from a copy of the event that held it.
func (s *Set) QueueKnown(q *pgx.Batch) {
	for i := range s.changes {
		c := &s.changes[i]
		if c.state == "" {
			continue
		}
		r := &s.rows[c.index]
		q.Queue(`
			UPDATE stored_membership_changes
			SET state = @state, role = NULLIF(@role, ''), member_type = NULLIF(@type, ''), fetched_at = @fetched
			WHERE space_id = @space AND membership = @membership AND event_time = @time AND event_key = @key AND ordinal = @ordinal
				AND state IS NULL`,
			pgx.NamedArgs{
				"space": r.SpaceID, "membership": shortName(c.name, c.space), "time": r.Time, "key": r.Key.Pg(), "ordinal": r.Item.Ordinal,
				"state": c.state, "role": c.role, "type": string(c.typ), "fetched": r.Fetched,
			})
	}
}

// shortName is how the tables hold the name of a membership.
func shortName(name, space string) string { return items.ShortName(name, space+"/members") }
