package memberships

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/originals"
)

// neighbour is what the history of a membership holds right before and right
// after one change of the set.
type neighbour struct {
	change    *changeRow
	member    string // whose it is; "" if nothing told so far
	prevState string // "" for none
	prevRole  string // "" if not known
	next      *nextChange
}

// nextChange is the recorded change after one of the set. If it says
// JOINED and what is new says something else, it has just become a join.
type nextChange struct {
	changeRow
	version    items.Version
	backfilled bool
}

// QueueNeighbours looks up what was recorded before and after the changes. It
// comes after they are inserted, under the locks of Queue: so of two
// transactions that change one member, the second sees the first's. What lists
// told doesn't count: a list that is read while somebody joins would make
// their join none.
func (s *Set) QueueNeighbours(q *pgx.Batch) {
	var spaces []int32
	var names []string
	var at []items.Version
	var changes []*changeRow
	for i := range s.changes {
		c := &s.changes[i]
		if c.state == "" {
			continue
		}
		spaces, names = append(spaces, s.rows[c.index].SpaceID), append(names, shortName(c.name, c.space))
		at, changes = append(at, s.version(c)), append(changes, c)
	}
	if len(changes) == 0 {
		return
	}
	q.Queue(`
		SELECT i.number, m.member, p.state, p.role, n.event_time, n.event_key, n.ordinal, n.origin = 'b', n.verb, n.state, n.role, n.member_type
		FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::smallint[], $5::uuid[], $6::smallint[])
			WITH ORDINALITY AS i (space_id, membership, event_time, verb_order, event_key, ordinal, number)
		JOIN stored_memberships m ON m.space_id = i.space_id AND m.membership = i.membership
		LEFT JOIN LATERAL (
			SELECT c.state, c.role
			FROM stored_membership_changes c
			WHERE c.space_id = i.space_id AND c.membership = i.membership AND c.state IS NOT NULL AND c.origin <> 's'
				AND (c.event_time, c.verb_order, c.event_key, c.ordinal) < (i.event_time, i.verb_order, i.event_key, i.ordinal)
			ORDER BY c.event_time DESC, c.verb_order DESC, c.event_key DESC, c.ordinal DESC
			LIMIT 1
		) p ON true
		LEFT JOIN LATERAL (
			SELECT c.event_time, c.event_key, c.ordinal, c.origin, c.verb, c.state, c.role, c.member_type
			FROM stored_membership_changes c
			WHERE c.space_id = i.space_id AND c.membership = i.membership AND c.state IS NOT NULL AND c.origin <> 's'
				AND (c.event_time, c.verb_order, c.event_key, c.ordinal) > (i.event_time, i.verb_order, i.event_key, i.ordinal)
			ORDER BY c.event_time, c.verb_order, c.event_key, c.ordinal
			LIMIT 1
		) n ON true`,
		spaces, names, store.Column(at, func(v *items.Version) pgtype.Timestamptz { return v.PgTime() }),
		store.Column(at, func(v *items.Version) int16 { return v.VerbOrder() }),
		store.Column(at, func(v *items.Version) pgtype.UUID { return v.Key.Pg() }),
		store.Column(at, func(v *items.Version) int16 { return int16(v.Ordinal) }),
	).Query(func(rows pgx.Rows) error {
		var number int64
		var member, prev, prevRole, verb, state, role, memberType pgtype.Text
		var nextTime pgtype.Timestamptz
		var nextKey pgtype.UUID
		var nextOrdinal pgtype.Int2
		var backfilled pgtype.Bool
		targets := []any{&number, &member, &prev, &prevRole, &nextTime, &nextKey, &nextOrdinal, &backfilled, &verb, &state, &role, &memberType}
		return store.Each(rows, targets, func() {
			n := neighbour{change: changes[number-1], member: member.String, prevState: prev.String, prevRole: prevRole.String}
			if nextTime.Valid {
				n.next = &nextChange{
					version:    items.Version{Time: nextTime.Time, Key: nextKey.Bytes, Ordinal: int(nextOrdinal.Int16)},
					backfilled: backfilled.Bool,
					changeRow: changeRow{
						verb: events.Verb(verb.String), state: state.String, role: role.String, typ: events.UserType(memberType.String),
					},
				}
			}
			s.neighbours = append(s.neighbours, n)
		})
	})
}

// event rebuilds a recorded membership event, for reactors, from what the
// database holds of it.
func (n *nextChange) event(ctx context.Context, tx pgx.Tx, space, member string) (*events.Event, error) {
	ev, err := originals.Named(ctx, tx, n.version.Key, n.version.Ordinal, n.version.Time, space)
	if err != nil {
		return nil, fmt.Errorf("read recorded membership change %x: %w", n.version.Key[:], err)
	}
	it := &ev.Items[0]
	it.Membership = n.membership(it.Resource)
	ev.Items[0] = *belongsTo(it, member)
	return ev, nil
}

// membership is what the change told of the membership.
func (c *changeRow) membership(name string) *events.Membership {
	return &events.Membership{Name: name, State: events.MembershipState(c.state), Role: c.role, Member: events.User{Type: c.typ}}
}
