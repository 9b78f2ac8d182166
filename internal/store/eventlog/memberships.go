package eventlog

import (
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

type membershipRow struct {
	version     version
	space       string
	member      string
	state       string
	role        string
	affiliation string
}

// changeRow is one membership event. index is its row in the batch.
type changeRow struct {
	index  int
	space  string
	member string
	verb   events.Verb
	state  string
	role   string
	typ    events.UserType
}

func (b *batch) addMembership(index int) {
	r := &b.rows[index]
	m := membershipRow{space: r.it.Space, member: memberOf(r.it)}
	c := changeRow{index: index, space: m.space, member: m.member, verb: r.it.Verb}
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

// memberOf names the member even where only the membership's name is known:
// its last segment is the user's id.
func memberOf(it *events.Item) string {
	if it.Membership != nil {
		if m := cmp.Or(it.Membership.Member.Name, it.Membership.Group); m != "" {
			return m
		}
	}
	return cmp.Or(it.Actor, events.MemberUser(it.Resource))
}

func (b *batch) compactMemberships() {
	b.memberships = compact(b.memberships,
		func(m *membershipRow) string { return m.space + "\n" + m.member },
		func(m *membershipRow) version { return m.version },
		func(_, _ *membershipRow) {})
	slices.SortStableFunc(b.changes, func(x, y changeRow) int {
		return cmp.Or(cmp.Compare(x.space, y.space), cmp.Compare(x.member, y.member),
			b.rows[x.index].version().compare(b.rows[y.index].version()))
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
	q.Queue(`
		INSERT INTO memberships AS m (version_time, version_key, space, member, state, role, affiliation)
		SELECT version_time, version_key, space, member, NULLIF(state, ''), NULLIF(role, ''), NULLIF(affiliation, '')
		FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
			AS i (version_time, version_key, space, member, state, role, affiliation)
		ON CONFLICT (space, member) DO UPDATE SET
			version_time = excluded.version_time,
			version_key = excluded.version_key,
			state = excluded.state,
			role = excluded.role,
			affiliation = excluded.affiliation,
			source = excluded.source
		WHERE (excluded.version_time, excluded.version_key) > (m.version_time, m.version_key)`,
		store.Column(b.memberships, func(m *membershipRow) pgtype.Timestamptz { return m.version.pgTime() }),
		store.Column(b.memberships, func(m *membershipRow) pgtype.UUID { return m.version.pgKey() }),
		text(func(m *membershipRow) string { return m.space }), text(func(m *membershipRow) string { return m.member }),
		text(func(m *membershipRow) string { return m.state }), text(func(m *membershipRow) string { return m.role }),
		text(func(m *membershipRow) string { return m.affiliation }))
}

func (b *batch) queueMembershipChanges(q *pgx.Batch) {
	if len(b.changes) == 0 {
		return
	}
	text := func(field func(*changeRow) string) []string { return store.Column(b.changes, field) }
	q.Queue(`
		INSERT INTO membership_changes (event_time, event_key, ordinal, origin, space, member, verb, state, role, member_type)
		SELECT event_time, event_key, ordinal, CASE WHEN backfilled THEN 'b' ELSE 'l' END::"char",
			space, member, verb, NULLIF(state, ''), NULLIF(role, ''), NULLIF(member_type, '')
		FROM unnest($1::timestamptz[], $2::uuid[], $3::smallint[], $4::boolean[],
			$5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
			AS i (event_time, event_key, ordinal, backfilled, space, member, verb, state, role, member_type)
		ON CONFLICT DO NOTHING`,
		store.Column(b.changes, func(c *changeRow) time.Time { return b.rows[c.index].time }),
		store.Column(b.changes, func(c *changeRow) pgtype.UUID { return b.rows[c.index].version().pgKey() }),
		store.Column(b.changes, func(c *changeRow) int16 { return int16(b.rows[c.index].it.Ordinal) }),
		store.Column(b.changes, func(c *changeRow) bool { return b.rows[c.index].backfilled() }),
		text(func(c *changeRow) string { return c.space }), text(func(c *changeRow) string { return c.member }),
		text(func(c *changeRow) string { return string(c.verb) }), text(func(c *changeRow) string { return c.state }),
		text(func(c *changeRow) string { return c.role }), text(func(c *changeRow) string { return string(c.typ) }))
}
