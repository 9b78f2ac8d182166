package eventlog

import (
	"context"
	"maps"
	"runtime/debug"

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
		if r.Item.Kind == events.KindMembership || r.Backfilled() {
			continue
		}
		if intents := s.plan(reactors.Change{Event: r.Event, Item: r.Item, Origin: r.Delivery.Origin}); len(intents) > 0 {
			b.planned[i] = intents
		}
	}
	return len(b.planned) > 0 || b.projected.Memberships.Any()
}

// plan asks the planner. If it panics on a change it always will: a person has
// to look, and the event must be recorded all the same.
func (s *Log) plan(c reactors.Change) (intents []reactors.Intent) {
	defer func() {
		if recover() != nil { // its value may quote a text
			s.db.Log().Error("rules not evaluated for event; no run made", zap.String("event_id", c.Event.ID),
				zap.Int("ordinal", c.Item.Ordinal), zap.ByteString("stack", debug.Stack()))
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
		if delivered[b.rows[i].ID()] {
			intents = append(intents, b.planned[i]...)
		}
	}
	for _, change := range b.projected.Memberships.Meant(delivered) {
		intents = append(intents, s.plan(change)...)
	}
	corrected, err := b.projected.Memberships.Corrected(ctx, tx, delivered, b.markedLive)
	if err != nil {
		return err
	}
	// To plan for what was known before is harmless: it was claimed then.
	for _, change := range corrected {
		for _, intent := range s.plan(change) {
			if len(intent.Steps) > 0 {
				intent.Outcome = reactors.AlreadyDone // if it is, that's no evaluation of its own
				intents = append(intents, intent)
			}
		}
	}
	return s.claimer.Claim(ctx, tx, intents)
}
