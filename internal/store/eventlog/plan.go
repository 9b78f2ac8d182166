package eventlog

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
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
	// Nobody who joins while a gap is being repaired goes without a welcome.
	delivered := maps.Clone(b.recorded)
	maps.Copy(delivered, b.markedLive)
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
		if n.next == nil || n.next.backfilled || !delivered[r.id()] ||
			delivered[rowKey{n.next.version.key, n.next.version.ordinal}] {
			continue
		}
		change, before := reactors.Change{Origin: events.OriginLive}, reactors.Change{Origin: events.OriginLive}
		transition(&change, &n.next.changeRow, neighbour{prevState: n.change.state, prevRole: n.change.role})
		transition(&before, &n.next.changeRow, n)
		if change == before && n.prevState != "" && !b.markedLive[r.id()] || !change.Joined && !change.Left && !change.RoleChanged {
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
