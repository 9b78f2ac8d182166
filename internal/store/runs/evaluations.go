package runs

import (
	"cmp"
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

func (t tally) compare(u tally) int {
	return cmp.Or(cmp.Compare(t.reactor, u.reactor), cmp.Compare(t.outcome, u.outcome), cmp.Compare(btoi(t.shadow), btoi(u.shadow)))
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
	var c sampleColumns
	for _, in := range ended {
		t := tally{in.Reactor, in.Outcome, in.Shadow}
		if before[t]++; before[t] <= samplesPerHour {
			c.add(in)
		}
	}
	if len(c.reactors) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO reactor_evaluations (at, event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)
		SELECT $1, event_time, shadow, reactor, trigger, outcome, subject, space, member, NULLIF(reason, '')
		FROM unnest($2::timestamptz[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[])
			AS i (event_time, shadow, reactor, trigger, outcome, subject, space, member, reason)`,
		now, c.eventTimes, c.shadows, c.reactors, c.triggers, c.outcomes, c.subjects, c.spaces, c.members, c.reasons); err != nil {
		return fmt.Errorf("keep evaluations: %w", err)
	}
	return nil
}

type sampleColumns struct {
	eventTimes                                                       []time.Time
	shadows                                                          []bool
	reactors, triggers, outcomes, subjects, spaces, members, reasons []string
}

func (c *sampleColumns) add(in reactors.Intent) {
	c.eventTimes, c.shadows = append(c.eventTimes, store.Microseconds(in.EventTime)), append(c.shadows, in.Shadow)
	c.reactors, c.triggers = append(c.reactors, in.Reactor), append(c.triggers, string(in.Trigger))
	c.outcomes, c.subjects = append(c.outcomes, string(in.Outcome)), append(c.subjects, in.Subject)
	c.spaces, c.members, c.reasons = append(c.spaces, in.Space), append(c.members, in.Member), append(c.reasons, store.Clean(in.Reason))
}

// count raises counts and returns what stood in their shards before: a sample
// is as full as the shard says, so that at most countShards times as many are
// kept as meant.
func count(ctx context.Context, tx pgx.Tx, now time.Time, counts map[tally]int) (before map[tally]int, err error) {
	before = map[tally]int{}
	if len(counts) == 0 {
		return before, nil
	}
	var names, outcomes []string
	var shadows []bool
	var numbers []int
	for _, t := range slices.SortedFunc(maps.Keys(counts), tally.compare) {
		names, outcomes = append(names, t.reactor), append(outcomes, string(t.outcome))
		shadows, numbers = append(shadows, t.shadow), append(numbers, counts[t])
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO reactor_counts AS c (hour, shard, count, reactor, outcome, shadow)
		SELECT date_trunc('hour', $1::timestamptz, 'UTC'), $2, number, reactor, outcome, shadow
		FROM unnest($3::bigint[], $4::text[], $5::text[], $6::boolean[]) AS i (number, reactor, outcome, shadow)
		ON CONFLICT (reactor, hour, outcome, shadow, shard) DO UPDATE SET
			count = c.count + excluded.count
		RETURNING reactor, outcome, shadow, count`,
		now, rand.N(countShards), numbers, names, outcomes, shadows)
	if err != nil {
		return nil, fmt.Errorf("count outcomes: %w", err)
	}
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

// How long samples are kept, and claims that protect nothing any more.
const (
	keepEvaluations = 14 * 24 * time.Hour
	keepEndedRuns   = 60 * 24 * time.Hour
)

// prunedAtOnce bounds what one statement drops.
const prunedAtOnce = 10_000

// PruneRuns drops old samples, and runs in which nothing was done and which
// ended long before any event could ask for them again.
func (s *Runs) PruneRuns(ctx context.Context) error {
	now := s.db.Now().UTC()
	if err := s.prune(ctx, `
		DELETE FROM reactor_evaluations
		WHERE id IN (
			SELECT id
			FROM reactor_evaluations
			WHERE at < $1
			ORDER BY id
			LIMIT $2
		)`, now.Add(-keepEvaluations)); err != nil {
		return fmt.Errorf("drop old evaluations: %w", err)
	}
	if err := s.prune(ctx, `
		DELETE FROM reactor_runs
		WHERE id IN (
			SELECT id
			FROM reactor_runs
			WHERE finished_at < $1
				AND outcome IN ('condition_false', 'left', 'stopped', 'quiet', 'rate_limited', 'loop', 'too_old', 'cancelled')
			ORDER BY id
			LIMIT $2
		)`, now.Add(-keepEndedRuns)); err != nil {
		return fmt.Errorf("drop old runs: %w", err)
	}
	return nil
}

// prune repeats a statement until it finds no more: busy rules leave more behind
// than one statement drops.
func (s *Runs) prune(ctx context.Context, sql string, before time.Time) error {
	for {
		dropped, err := s.pruneOnce(ctx, sql, before)
		if err != nil || dropped < prunedAtOnce {
			return err
		}
	}
}

func (s *Runs) pruneOnce(ctx context.Context, sql string, before time.Time) (dropped int64, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, sql, before, prunedAtOnce)
	return tag.RowsAffected(), err
}
