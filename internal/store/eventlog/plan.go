package eventlog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// mayRun reports whether the batch could lead to runs, so that a second round
// trip is needed. Plan is pure, so it can be asked beforehand for everything but
// memberships: what a change of those means depends on the recorded history.
func (s *Log) mayRun(b *batch) bool {
	if s.planner == nil {
		return false
	}
	b.planned = map[int][]reactors.Intent{}
	for i := range b.rows {
		r := &b.rows[i]
		if r.it.Kind == events.KindMembership || r.backfilled() {
			continue
		}
		if intents := s.plan(reactors.Change{Event: r.ev, Item: r.it, Origin: r.d.Origin}); len(intents) > 0 {
			b.planned[i] = intents
		}
	}
	return len(b.planned) > 0 || len(b.changes) > 0
}

// plan asks the planner. If it panics on a change it always will: a person has
// to look, and the event must be recorded all the same.
func (s *Log) plan(c reactors.Change) (intents []reactors.Intent) {
	defer func() {
		if p := recover(); p != nil {
			s.db.Log().Error("rules not evaluated for event; no run made", zap.String("event_id", c.Event.ID),
				zap.Int("ordinal", c.Item.Ordinal), zap.Any("panic", p))
			intents = nil
		}
	}()
	return s.planner.Plan(c)
}

// claimRuns plans for what was delivered for the first time and adds the runs
// and their jobs to the transaction.
func (s *Log) claimRuns(ctx context.Context, tx pgx.Tx, b *batch) error {
	delivered, err := b.deliveredFirst(ctx, tx)
	if err != nil {
		return err
	}
	var intents []reactors.Intent
	// In the order of the rows: of two items of an event that want the same,
	// the first has it, here and in a replay.
	for i := range b.rows {
		if delivered[b.rows[i].id()] {
			intents = append(intents, b.planned[i]...)
		}
	}
	joins, err := s.planMemberships(ctx, tx, b, delivered)
	if err != nil {
		return err
	}
	return s.claimer.Claim(ctx, tx, append(intents, joins...))
}

// deliveredFirst returns the items that reactors haven't seen: those that are
// new, and those that a backfill has recorded before Pub/Sub delivered them.
// Nobody who joins while a gap is being repaired goes without a welcome.
func (b *batch) deliveredFirst(ctx context.Context, tx pgx.Tx) (map[rowKey]bool, error) {
	var times []time.Time
	var keys []pgtype.UUID
	for i := range b.rows {
		if r := &b.rows[i]; !b.recorded[r.id()] && !r.backfilled() {
			times, keys = append(times, r.time), append(keys, r.version().pgKey())
		}
	}
	if len(keys) == 0 {
		return b.recorded, nil
	}
	rows, _ := tx.Query(ctx, `
		SELECT e.event_key, e.ordinal
		FROM unnest($1::timestamptz[], $2::uuid[]) AS i (event_time, event_key)
		JOIN events e ON e.event_time = i.event_time AND e.event_key = i.event_key
		WHERE e.origin = 'b'`, times, keys)
	delivered := maps.Clone(b.recorded)
	var key pgtype.UUID
	var ordinal int
	if err := store.Each(rows, []any{&key, &ordinal}, func() { delivered[rowKey{key.Bytes, ordinal}] = true }); err != nil {
		return nil, fmt.Errorf("find what a backfill has recorded: %w", err)
	}
	return delivered, nil
}

// changesByRow lists the changes in the order of their rows; they themselves
// are in that of locks.
func (b *batch) changesByRow() []*changeRow {
	list := make([]*changeRow, len(b.changes))
	for i := range b.changes {
		list[i] = &b.changes[i]
	}
	slices.SortFunc(list, func(x, y *changeRow) int { return cmp.Compare(x.index, y.index) })
	return list
}

func (s *Log) planMemberships(ctx context.Context, tx pgx.Tx, b *batch, delivered map[rowKey]bool) ([]reactors.Intent, error) {
	before := make(map[int]neighbour, len(b.neighbours))
	for _, n := range b.neighbours {
		before[n.change.index] = n
	}
	var intents []reactors.Intent
	for _, c := range b.changesByRow() {
		r := &b.rows[c.index]
		if !delivered[r.id()] || r.backfilled() {
			continue
		}
		change := reactors.Change{Event: r.ev, Item: belongsTo(r.it, before[c.index].member), Origin: r.d.Origin}
		transition(&change, c, before[c.index])
		intents = append(intents, s.plan(change)...)
	}
	// A late report of an earlier state can show what a recorded change was: a
	// join, another role; the first one, whose it was. To plan for what was
	// known before is harmless: it was claimed then.
	for _, n := range b.neighbours {
		r := &b.rows[n.change.index]
		if n.next == nil || n.next.backfilled || !b.recorded[r.id()] ||
			b.recorded[rowKey{n.next.version.key, n.next.version.ordinal}] {
			continue
		}
		change, before := reactors.Change{Origin: events.OriginLive}, reactors.Change{Origin: events.OriginLive}
		transition(&change, &n.next.changeRow, neighbour{prevState: n.change.state, prevRole: n.change.role})
		transition(&before, &n.next.changeRow, n)
		if change == before && n.prevState != "" || !change.Joined && !change.Left && !change.RoleChanged {
			continue
		}
		var err error
		if change.Event, err = n.next.event(ctx, tx, n.change.space, n.member); err != nil {
			return nil, err
		}
		change.Item = &change.Event.Items[0]
		for _, intent := range s.plan(change) {
			if len(intent.Steps) > 0 {
				intent.Outcome = reactors.AlreadyDone // if it is, that's no evaluation of its own
				intents = append(intents, intent)
			}
		}
	}
	return intents, nil
}
