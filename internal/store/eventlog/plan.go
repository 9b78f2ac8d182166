package eventlog

import (
	"context"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/items"
)

// mayRun reports whether the batch could lead to runs, so that a second round
// trip is needed. Plan is pure, so it can be asked beforehand for everything but
// memberships: what a change of those means depends on the recorded history. To
// refuse needs no round trip.
func (s *Log) mayRun(b *batch) bool {
	if s.planner == nil {
		return false
	}
	b.planned = map[int]reactors.Plan{}
	wanted := false
	for i := range b.rows {
		r := &b.rows[i]
		if r.Item.Kind == events.KindMembership || r.Backfilled() {
			continue
		}
		p := s.plan(reactors.Change{Event: r.Event, Item: r.Item, Origin: r.Delivery.Origin})
		if len(p.Intents) > 0 || len(p.Refused) > 0 || len(p.Wakes) > 0 {
			b.planned[i] = p
		}
		wanted = wanted || len(p.Wakes) > 0 || slices.ContainsFunc(p.Intents, func(in reactors.Intent) bool { return len(in.Steps) > 0 })
	}
	return wanted || b.projected.Memberships.Any()
}

// plan asks the planner. If it panics on a change it always will: a person has
// to look, and the event must be recorded all the same.
func (s *Log) plan(c reactors.Change) (p reactors.Plan) {
	defer func() {
		if recover() != nil { // its value may quote a text
			s.db.Log().Error("rules not evaluated for event; no run made", zap.String("event_id", c.Event.ID),
				zap.Int("ordinal", c.Item.Ordinal), zap.ByteString("stack", debug.Stack()))
			p = reactors.Plan{}
		}
	}()
	return s.planner.Plan(c)
}

// claimRuns plans for what was delivered for the first time and adds the runs
// and their jobs to the transaction.
func (s *Log) claimRuns(ctx context.Context, tx pgx.Tx, b *batch) error {
	intents, delivered := b.wanted(), b.delivered()
	for _, change := range b.projected.Memberships.Meant(delivered) {
		p := s.plan(change)
		intents, b.refused, b.wakes = append(intents, p.Intents...), append(b.refused, p.Refused...), append(b.wakes, p.Wakes...)
	}
	corrected, err := b.projected.Memberships.Corrected(ctx, tx, delivered, b.markedLive)
	if err != nil {
		return err
	}
	// To plan for what was known before is harmless: it was claimed then.
	for _, change := range corrected {
		for _, intent := range s.plan(change).Intents {
			if len(intent.Steps) > 0 {
				intent.Outcome = reactors.AlreadyDone // if it is, that's no evaluation of its own
				intents = append(intents, intent)
			}
		}
	}
	b.claimed = true
	if err := s.claimer.Wake(ctx, tx, b.wakes); err != nil { // new runs look anyway
		return err
	}
	b.ended, err = s.claimer.Claim(ctx, tx, intents)
	return err
}

// delivered are the rows that Pub/Sub has delivered for the first time. Nobody who
// joins while a gap is being repaired goes without a welcome.
func (b *batch) delivered() map[items.ID]bool {
	delivered := maps.Clone(b.recorded)
	maps.Copy(delivered, b.markedLive)
	return delivered
}

// wanted returns what was planned of the rows that were delivered for the first time.
func (b *batch) wanted() (intents []reactors.Intent) {
	delivered := b.delivered()
	// In the order of the rows: of two items of an event that want the same,
	// the first has it, here and in a replay.
	for i := range b.rows {
		if p, ok := b.planned[i]; ok && delivered[b.rows[i].ID()] {
			intents, b.refused, b.wakes = append(intents, p.Intents...), append(b.refused, p.Refused...), append(b.wakes, p.Wakes...)
		}
	}
	return intents
}

// evaluated counts what led to no run, once the batch is committed.
func (s *Log) evaluated(b *batch) {
	if s.planner == nil {
		return
	}
	if !b.claimed { // nothing that was planned wants a run
		b.ended = b.wanted()
	}
	s.claimer.Evaluated(b.ended, b.refused)
}
