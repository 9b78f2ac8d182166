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

// membershipRow is a membership by its name: a deletion tells no more, whether
// it was a person's or a Google Group's.
type membershipRow struct {
	version     version
	space       string
	name        string // "spaces/S/members/M"
	member      string // "users/U" or "groups/G"; "" if the event doesn't tell
	state       string
	role        string
	affiliation string
}

// changeRow is one membership event. index is its row in the batch.
type changeRow struct {
	index int
	space string
	name  string
	verb  events.Verb
	state string
	role  string
	typ   events.UserType
}

func (b *batch) addMembership(index int) {
	r := &b.rows[index]
	m := membershipRow{space: r.it.Space, name: r.it.Resource, member: memberOf(r.it)}
	c := changeRow{index: index, space: m.space, name: m.name, verb: r.it.Verb}
	if d := r.it.Membership; d != nil {
		c.state, c.role, c.typ = string(d.State), d.Role, d.Member.Type
		m.affiliation = d.Affiliation
	}
	if r.it.Verb == events.VerbDeleted {
		c.state = string(events.MembershipNotAMember)
	}
	if m.state = c.state; m.state != "" {
		m.version = r.version()
		m.role = c.role
	}
	if m.state == "" || m.state == string(events.MembershipNotAMember) {
		m.role, m.affiliation = "", "" // nothing that would depend on the order of arrival
	}
	b.memberships = append(b.memberships, m)
	b.changes = append(b.changes, c)
}

// memberOf is whose membership it is, if the item tells.
func memberOf(it *events.Item) string {
	if m := it.Membership; m != nil {
		return cmp.Or(m.Member.Name, m.Group, it.Actor)
	}
	return it.Actor
}

// belongsTo completes a membership with whose it is, as earlier events told: a
// deletion of a group's has its name only.
func belongsTo(it *events.Item, member string) *events.Item {
	if it.Membership == nil || memberOf(it) == member {
		return it
	}
	m := *it.Membership
	completed := *it
	completed.Membership = &m
	if events.IsUser(member) {
		completed.Actor, m.Member.Name = member, member
	} else {
		completed.Actor, m.Member.Name, m.Group = "", "", member
	}
	return &completed
}

func (b *batch) compactMemberships() {
	b.memberships = compact(b.memberships,
		func(m *membershipRow) string { return m.name },
		func(m *membershipRow) version { return m.version },
		func(newer, older *membershipRow) {
			if newer.member == "" || newer.member == events.MemberUser(newer.name) {
				newer.member = cmp.Or(older.member, newer.member)
			}
		})
	slices.SortStableFunc(b.changes, func(x, y changeRow) int {
		return cmp.Or(cmp.Compare(x.name, y.name), b.rows[x.index].version().compare(b.rows[y.index].version()))
	})
}

// queueMemberships must come before queueMembershipChanges: it locks the rows
// of the members concerned, also those it leaves alone, so that from here on
// their histories belong to this transaction.
func (b *batch) queueMemberships(q *pgx.Batch) {
	if len(b.memberships) == 0 {
		return
	}
	text := func(field func(*membershipRow) string) []string { return store.Column(b.memberships, field) }
	// Whose it is never changes. What an event tells counts more than what the
	// name says, as the id of a group may be a number like a user's.
	q.Queue(`
		INSERT INTO memberships AS m (version_time, payload_as_of, version_key, verb_order, space, membership, member, state, role, affiliation)
		SELECT version_time, payload_as_of, version_key, verb_order, space, membership,
			NULLIF(member, ''), NULLIF(state, ''), NULLIF(role, ''), NULLIF(affiliation, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[],
			$9::text[], $10::text[])
			AS i (version_time, payload_as_of, version_key, verb_order, space, membership, member, state, role, affiliation)
		ON CONFLICT (space, membership) DO UPDATE SET
			member = COALESCE(NULLIF(excluded.member, 'users/' || split_part(m.membership, '/', 4)), m.member, excluded.member),
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
		store.Column(b.memberships, func(m *membershipRow) pgtype.Timestamptz { return m.version.pgTime() }),
		store.Column(b.memberships, func(m *membershipRow) pgtype.Timestamptz { return store.OptionalTime(m.version.asOf) }),
		store.Column(b.memberships, func(m *membershipRow) pgtype.UUID { return m.version.pgKey() }),
		store.Column(b.memberships, func(m *membershipRow) int16 { return m.version.verbOrder() }),
		text(func(m *membershipRow) string { return m.space }), text(func(m *membershipRow) string { return m.name }),
		text(func(m *membershipRow) string { return m.member }), text(func(m *membershipRow) string { return m.state }),
		text(func(m *membershipRow) string { return m.role }), text(func(m *membershipRow) string { return m.affiliation }))
}

// queueEndings ends the memberships of spaces that are deleted, at that time,
// whichever came first.
func (b *batch) queueEndings(q *pgx.Batch) {
	spaces := map[string]bool{}
	for i := range b.memberships {
		spaces[b.memberships[i].space] = true
	}
	for i := range b.spaces {
		if !b.spaces[i].deletedAt.IsZero() {
			spaces[b.spaces[i].space] = true
		}
	}
	if len(spaces) == 0 {
		return
	}
	q.Queue(`
		UPDATE memberships m
		SET version_time = s.deleted_at, payload_as_of = NULL, version_key = '00000000-0000-0000-0000-000000000000', verb_order = 4,
			state = 'NOT_A_MEMBER', role = NULL, affiliation = NULL
		FROM spaces s
		WHERE s.space = ANY ($1) AND s.deleted_at IS NOT NULL
			AND m.space = s.space AND (m.version_time, m.verb_order) <> (s.deleted_at, 4)`, slices.Sorted(maps.Keys(spaces)))
}

// fetchedAt is when state and role were fetched; zero if the event held them or
// nobody knows them.
func (b *batch) fetchedAt(c *changeRow) time.Time {
	if c.state == "" {
		return time.Time{}
	}
	return b.rows[c.index].asOf()
}

func (b *batch) queueMembershipChanges(q *pgx.Batch) {
	if len(b.changes) == 0 {
		return
	}
	text := func(field func(*changeRow) string) []string { return store.Column(b.changes, field) }
	q.Queue(`
		INSERT INTO membership_changes AS c (event_time, fetched_at, event_key, ordinal, origin,
			space, membership, verb, state, role, member_type)
		SELECT event_time, fetched_at, event_key, ordinal, CASE WHEN backfilled THEN 'b' ELSE 'l' END::"char",
			space, membership, verb, NULLIF(state, ''), NULLIF(role, ''), NULLIF(member_type, '')
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::uuid[], $4::smallint[], $5::boolean[],
			$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
			AS i (event_time, fetched_at, event_key, ordinal, backfilled, space, membership, verb, state, role, member_type)
		ON CONFLICT (space, membership, event_time, verb_order, event_key, ordinal) DO UPDATE SET
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
		WHERE excluded.origin = 'l' AND c.origin = 'b' OR c.state IS NULL AND excluded.state IS NOT NULL`,
		store.Column(b.changes, func(c *changeRow) time.Time { return b.rows[c.index].time }),
		store.Column(b.changes, func(c *changeRow) pgtype.Timestamptz { return store.OptionalTime(b.fetchedAt(c)) }),
		store.Column(b.changes, func(c *changeRow) pgtype.UUID { return b.rows[c.index].version().pgKey() }),
		store.Column(b.changes, func(c *changeRow) int16 { return int16(b.rows[c.index].it.Ordinal) }),
		store.Column(b.changes, func(c *changeRow) bool { return b.rows[c.index].backfilled() }),
		text(func(c *changeRow) string { return c.space }), text(func(c *changeRow) string { return c.name }),
		text(func(c *changeRow) string { return string(c.verb) }), text(func(c *changeRow) string { return c.state }),
		text(func(c *changeRow) string { return c.role }), text(func(c *changeRow) string { return string(c.typ) }))
}
