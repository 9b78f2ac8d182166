package memberships

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// Any reports whether there is a change of a membership.
func (s *Set) Any() bool { return len(s.changes) > 0 }

// Meant tells, in the order of the rows, what those changes meant that were
// delivered live for the first time.
func (s *Set) Meant(delivered map[items.ID]bool) []reactors.Change {
	before := make(map[int]neighbour, len(s.neighbours))
	for _, n := range s.neighbours {
		before[n.change.index] = n
	}
	byRow := slices.Clone(s.changes) // they themselves are in the order of locks
	slices.SortFunc(byRow, func(x, y changeRow) int { return cmp.Compare(x.index, y.index) })
	var list []reactors.Change
	for i := range byRow {
		c := &byRow[i]
		r := &s.rows[c.index]
		if !delivered[r.ID()] || r.Backfilled() {
			continue
		}
		change := reactors.Change{Event: r.Event, Item: belongsTo(r.Item, before[c.index].member), Origin: r.Delivery.Origin}
		transition(&change, c, before[c.index])
		list = append(list, change)
	}
	return list
}

// Corrected tells of recorded changes that what was delivered now shows them to
// be something else: a late report of an earlier state can make one a join or
// another role; the first one tells whose it was. markedLive are those that a
// backfill had recorded.
func (s *Set) Corrected(ctx context.Context, tx pgx.Tx, delivered, markedLive map[items.ID]bool) ([]reactors.Change, error) {
	var list []reactors.Change
	for _, n := range s.neighbours {
		id := s.rows[n.change.index].ID()
		if n.next == nil || n.next.backfilled || !delivered[id] || delivered[items.ID{Key: n.next.version.Key, Ordinal: n.next.version.Ordinal}] {
			continue
		}
		change, before := reactors.Change{Origin: events.OriginLive}, reactors.Change{Origin: events.OriginLive}
		transition(&change, &n.next.changeRow, neighbour{prevState: n.change.state, prevRole: n.change.role})
		transition(&before, &n.next.changeRow, n)
		if change == before && n.prevState != "" && !markedLive[id] || !change.Joined && !change.Left && !change.RoleChanged {
			continue
		}
		var err error
		if change.Event, err = n.next.event(ctx, tx, n.change.space, n.member); errors.Is(err, pgx.ErrNoRows) {
			continue // its month was dropped
		} else if err != nil {
			return nil, err
		}
		change.Item = &change.Event.Items[0]
		list = append(list, change)
	}
	return list, nil
}

// QueuePast completes a change of the past: with what it told, whose membership
// it was, and what it meant by what was recorded before it.
func QueuePast(q *pgx.Batch, r *items.Row, change *reactors.Change) {
	it := change.Item
	q.Queue(`
		SELECT COALESCE(m.member, ''), c.verb, COALESCE(c.state, ''), COALESCE(c.role, ''), COALESCE(c.member_type, ''),
			COALESCE(p.state, ''), COALESCE(p.role, '')
		FROM stored_membership_changes c
		JOIN stored_memberships m ON m.space_id = c.space_id AND m.membership = c.membership
		LEFT JOIN LATERAL (
			SELECT b.state, b.role
			FROM stored_membership_changes b
			WHERE b.space_id = c.space_id AND b.membership = c.membership AND b.state IS NOT NULL AND b.origin <> 's'
				AND (b.event_time, b.verb_order, b.event_key, b.ordinal) < (c.event_time, c.verb_order, c.event_key, c.ordinal)
			ORDER BY b.event_time DESC, b.verb_order DESC, b.event_key DESC, b.ordinal DESC
			LIMIT 1
		) p ON true
		WHERE c.space_id = (SELECT id FROM spaces WHERE space = @space) AND c.membership = @membership AND c.event_time = @time
			AND c.event_key = @key AND c.ordinal = @ordinal`,
		pgx.NamedArgs{
			"space": it.Space, "membership": shortName(it.Resource, it.Space), "time": r.Time, "key": r.Key.Pg(), "ordinal": it.Ordinal,
		},
	).Query(func(rows pgx.Rows) error {
		var c changeRow
		var before neighbour
		return store.Each(rows, []any{&before.member, &c.verb, &c.state, &c.role, &c.typ, &before.prevState, &before.prevRole}, func() {
			if it.Membership == nil && c.state != "" {
				it.Membership = c.membership(it.Resource)
			}
			change.Item = belongsTo(it, before.member)
			transition(change, &c, before)
		})
	})
}
