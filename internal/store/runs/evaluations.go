package runs

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// samplesPerHour is how many evaluations of a rule that came to one outcome
// are kept of an hour. All are counted.
const samplesPerHour = 50

// countShards spreads the writers of one count.
const countShards = 16

// tally is a count that goes up.
type tally struct {
	reactor string
	outcome reactors.Outcome
	shadow  bool
}

// account counts evaluations that led to no run and keeps a sample of them.
func (s *Runs) account(ctx context.Context, tx pgx.Tx, ended []reactors.Intent) error {
	if len(ended) == 0 {
		return nil
	}
	counts := map[tally]int{}
	for _, in := range ended {
		counts[tally{in.Reactor, in.Outcome, in.Shadow}]++
	}
	now := s.db.Now().UTC()
	before, err := count(ctx, tx, now, counts)
	if err != nil {
		return err
	}
	var kept []reactors.Intent
	for _, in := range ended {
		t := tally{in.Reactor, in.Outcome, in.Shadow}
		if before[t]++; before[t] <= samplesPerHour {
			kept = append(kept, in)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	text := func(field func(*reactors.Intent) string) []string { return store.Column(kept, field) }
	if _, err := tx.Exec(ctx, `
		INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)
		SELECT @now, event_time, shadow, reactor, trigger, outcome, subject, space, member, NULLIF(reason, '')
		FROM unnest(@event_times::timestamptz[], @shadows::boolean[], @reactors::text[], @triggers::text[], @outcomes::text[],
			@subjects::text[], @spaces::text[], @members::text[], @reasons::text[])
			AS i (event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)`,
		pgx.NamedArgs{
			"now":         now,
			"event_times": store.Column(kept, func(in *reactors.Intent) time.Time { return store.Microseconds(in.EventTime) }),
			"shadows":     store.Column(kept, func(in *reactors.Intent) bool { return in.Shadow }),
			"reactors":    text(func(in *reactors.Intent) string { return in.Reactor }),
			"triggers":    text(func(in *reactors.Intent) string { return string(in.Trigger) }),
			"outcomes":    text(func(in *reactors.Intent) string { return string(in.Outcome) }),
			"subjects":    text(func(in *reactors.Intent) string { return in.Subject }),
			"spaces":      text(func(in *reactors.Intent) string { return in.Space }),
			"members":     text(func(in *reactors.Intent) string { return in.Member }),
			"reasons":     text(func(in *reactors.Intent) string { return store.Clean(in.Reason) }),
		}); err != nil {
		return fmt.Errorf("save evaluations: %w", err)
	}
	return nil
}

// count raises counts and returns what stood in their shards before: a sample
// is as full as the shard says, so that at most countShards times as many are
// kept as meant.
func count(ctx context.Context, tx pgx.Tx, now time.Time, counts map[tally]int) (before map[tally]int, err error) {
	keys := slices.Collect(maps.Keys(counts))
	rows, _ := tx.Query(ctx, `
		INSERT INTO reactor_counts AS c (hour, shard, count, reactor, outcome, shadow)
		SELECT date_trunc('hour', @now::timestamptz, 'UTC'), @shard, number, reactor, outcome, shadow
		FROM unnest(@numbers::bigint[], @reactors::text[], @outcomes::text[], @shadows::boolean[]) AS i (number, reactor, outcome, shadow)
		ORDER BY reactor, outcome, shadow -- two transactions lock in one order
		ON CONFLICT (reactor, hour, outcome, shadow, shard) DO UPDATE SET
			count = c.count + excluded.count
		RETURNING reactor, outcome, shadow, count`, pgx.NamedArgs{
		"now":      now,
		"shard":    rand.N(countShards),
		"numbers":  store.Column(keys, func(t *tally) int { return counts[*t] }),
		"reactors": store.Column(keys, func(t *tally) string { return t.reactor }),
		"outcomes": store.Column(keys, func(t *tally) string { return string(t.outcome) }),
		"shadows":  store.Column(keys, func(t *tally) bool { return t.shadow }),
	})
	before = map[tally]int{}
	var t tally
	var total int
	if _, err := pgx.ForEachRow(rows, []any{&t.reactor, &t.outcome, &t.shadow, &total}, func() error {
		before[t] = total - counts[t]
		return nil
	}); err != nil {
		return nil, fmt.Errorf("count outcomes: %w", err)
	}
	return before, nil
}
