// Package projections keeps the tables of current state that follow from the
// events: spaces, users, messages, reactions and, by package memberships, who is
// where. It builds them anew from the log.
//
// It promises that they end up the same whatever order events arrive in, and
// how often. The caller gives each row its numbers and queues what they say in
// the transaction that records them. If a projection refuses a row, that fails;
// the caller then keeps the row in the log alone and marks it with [Mark], so
// that a rebuild applies it.
package projections

import (
	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
)

// Set is what items mean for each projection.
type Set struct {
	Memberships *memberships.Set

	spaces    []spaceRow
	called    []calledRow
	users     []userRow
	messages  []messageRow
	revisions []messageRow
	reactions []reactionRow
	names     []nameRow
}

// Of derives what the rows mean. copies are other copies of some of them, fetched
// at another time: they know versions of messages and names of that time.
func Of(rows []items.Row, copies ...items.Row) *Set {
	s := &Set{Memberships: memberships.Of(rows)}
	for i := range copies {
		switch r := &copies[i]; r.Item.Kind {
		case events.KindMessage:
			s.addMessage(r)
		case events.KindSpace:
			s.addSpace(r)
		}
	}
	for i := range rows {
		r := &rows[i]
		switch r.Item.Kind {
		case events.KindMessage:
			s.addMessage(r)
		case events.KindReaction:
			s.addReaction(r)
		case events.KindSpace:
			s.addSpace(r)
		case events.KindInteraction:
			s.addInteraction(r)
		}
	}
	s.compactSpaces()
	s.compactUsers()
	s.compactMessages()
	s.compactReactions()
	return s
}

// Queue writes the current state, in the one order of locks. The history of
// memberships comes after it.
func (s *Set) Queue(q *pgx.Batch) {
	items.ShareProjections(q)
	s.queueSpaces(q)
	s.queueUsers(q)
	s.queueNames(q)
	s.queueMessages(q)
	s.queueReactions(q)
	var deleted []string
	for i := range s.spaces {
		if !s.spaces[i].deletedAt.IsZero() {
			deleted = append(deleted, s.spaces[i].space)
		}
	}
	s.Memberships.Queue(q, deleted)
}

// Mark keeps that nothing but the log knows of the rows' events, and why.
func Mark(q *pgx.Batch, rows []items.Row, detail string) {
	for i := range rows {
		r := &rows[i]
		q.Queue(`
			INSERT INTO unapplied_events (event_time, event_key, space, detail)
			VALUES ($1, $2, $3, $4)
			ON CONFLICT DO NOTHING`, r.Time, r.Key.Pg(), r.Item.Space, detail)
	}
}
