package runs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// claimRow is one step of an intent on its way into the database.
type claimRow struct {
	intent *reactors.Intent
	step   int
	due    time.Time
}

func (r claimRow) compare(q claimRow) int {
	x, y := r.intent, q.intent
	return cmp.Or(cmp.Compare(x.Reactor, y.Reactor), cmp.Compare(x.Subject, y.Subject), cmp.Compare(r.step, q.step),
		cmp.Compare(btoi(x.Shadow), btoi(y.Shadow)))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Claim adds the runs that are not there yet, with jobs for them, reopens those
// in which nothing was done, and accounts for the rest.
//
// No welcome gets lost between a person's leaving and coming back. This
// transaction has written the new membership before it touches the run, and it
// makes a run that it finds pending younger and sets its attempts back to 0;
// FinishRun ends a run for a reason such as leaving only if its time and its
// attempts are those that the reason was found in. So either this comes first, and the attempt looks anew;
// or FinishRun comes first, and this finds the run ended and reopens it.
func (s *Runs) Claim(ctx context.Context, tx pgx.Tx, intents []reactors.Intent) error {
	if len(intents) == 0 {
		return nil
	}
	var rows []claimRow
	for i := range intents {
		for _, step := range intents[i].Steps {
			rows = append(rows, claimRow{&intents[i], step.Step, step.Due})
		}
	}
	slices.SortStableFunc(rows, func(x, y claimRow) int {
		return cmp.Or(x.compare(y), y.intent.EventTime.Compare(x.intent.EventTime))
	})
	claimed := map[*reactors.Intent]bool{}
	unique := slices.CompactFunc(rows, func(x, y claimRow) bool { return x.compare(y) == 0 }) // the newest is first
	if len(unique) > 0 {
		if err := s.claimRows(ctx, tx, unique, claimed); err != nil {
			return fmt.Errorf("claim %d runs: %w", len(unique), err)
		}
	}
	var done []reactors.Intent
	for i := range intents {
		in := &intents[i]
		switch {
		case len(in.Steps) == 0:
			done = append(done, *in)
		case !claimed[in] && in.Outcome != reactors.AlreadyDone:
			repeated := *in
			repeated.Outcome, repeated.Reason = reactors.AlreadyDone, "once_per: "+in.Subject
			done = append(done, repeated)
		}
	}
	return s.account(ctx, tx, done)
}

// claimRows marks in claimed the intents of which a step was added or reopened.
// One that only made a pending run younger isn't: once_per has its run.
func (s *Runs) claimRows(ctx context.Context, tx pgx.Tx, rows []claimRow, claimed map[*reactors.Intent]bool) error {
	c := columnsOf(rows)
	answer, err := tx.Query(ctx, `
		INSERT INTO reactor_runs AS r (event_time, due_at, step, shadow, may_loop, reactor, subject, trigger, space, member, hash, facts)
		SELECT event_time, due_at, step, shadow, may_loop, reactor, subject, trigger, space, member, hash, facts::json
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::smallint[], $4::boolean[], $5::boolean[], $6::text[],
			$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
			AS i (event_time, due_at, step, shadow, may_loop, reactor, subject, trigger, space, member, hash, facts)
		ON CONFLICT (reactor, subject, step, shadow) DO UPDATE SET
			event_time = excluded.event_time,
			due_at = excluded.due_at,
			may_loop = excluded.may_loop,
			trigger = excluded.trigger,
			space = excluded.space,
			member = excluded.member,
			hash = excluded.hash,
			facts = excluded.facts,
			attempts = 0,
			outcome = 'pending',
			finished_at = NULL,
			slot_at = NULL,
			admitted_at = NULL,
			requests = NULL,
			reason = NULL,
			trace = '[]'
		WHERE r.outcome NOT IN ('pending', 'sent', 'shadow', 'collapsed') AND excluded.event_time > r.event_time
		RETURNING id, due_at, reactor, subject, step, shadow`, c.args()...)
	if err != nil {
		return err
	}
	var params []river.InsertManyParams
	now := s.db.Now()
	var id int64
	var due time.Time
	var key claimRow
	var at reactors.Intent
	key.intent = &at
	if _, err := pgx.ForEachRow(answer, []any{&id, &due, &at.Reactor, &at.Subject, &key.step, &at.Shadow}, func() error {
		opts := &river.InsertOpts{Queue: reactors.Queue}
		if due.After(now) {
			opts.ScheduledAt = due
		}
		params = append(params, river.InsertManyParams{Args: reactors.RunArgs{RunID: id}, InsertOpts: opts})
		if i, found := slices.BinarySearchFunc(rows, key, claimRow.compare); found {
			claimed[rows[i].intent] = true
		}
		return nil
	}); err != nil {
		return err
	}
	if len(params) < len(rows) {
		if err := refresh(ctx, tx, c); err != nil {
			return err
		}
	}
	if len(params) == 0 {
		return nil
	}
	if _, err := s.db.Jobs().InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert %d jobs: %w", len(params), err)
	}
	return nil
}

// refresh makes pending runs that were asked for again as young as the newest
// event, and about what that tells. They keep their jobs, so their turn comes
// no earlier than it did: one that quiet hours have postponed would else be
// late when its job wakes. Those that have requests keep them, and what they
// were rendered from. Their attempts start anew, by which FinishRun knows that
// they must not end now.
func refresh(ctx context.Context, tx pgx.Tx, c claimColumns) error {
	_, err := tx.Exec(ctx, `
		UPDATE reactor_runs r
		SET event_time = i.event_time,
			due_at = GREATEST(r.due_at, i.due_at),
			may_loop = CASE WHEN r.requests IS NULL THEN i.may_loop ELSE r.may_loop END,
			trigger = CASE WHEN r.requests IS NULL THEN i.trigger ELSE r.trigger END,
			space = CASE WHEN r.requests IS NULL THEN i.space ELSE r.space END,
			member = CASE WHEN r.requests IS NULL THEN i.member ELSE r.member END,
			hash = CASE WHEN r.requests IS NULL THEN i.hash ELSE r.hash END,
			facts = CASE WHEN r.requests IS NULL THEN i.facts::json ELSE r.facts END,
			attempts = 0
		FROM unnest($1::timestamptz[], $2::timestamptz[], $3::smallint[], $4::boolean[], $5::boolean[], $6::text[],
			$7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[])
			AS i (event_time, due_at, step, shadow, may_loop, reactor, subject, trigger, space, member, hash, facts)
		WHERE r.reactor = i.reactor AND r.subject = i.subject AND r.step = i.step AND r.shadow = i.shadow
			AND r.outcome = 'pending' AND r.event_time < i.event_time`, c.args()...)
	if err != nil {
		return fmt.Errorf("make pending ones younger: %w", err)
	}
	return nil
}

type claimColumns struct {
	eventTimes, dues                                             []time.Time
	steps                                                        []int16
	shadows, mayLoop                                             []bool
	reactors, subjects, triggers, spaces, members, hashes, facts []string
}

func columnsOf(rows []claimRow) (c claimColumns) {
	for _, r := range rows {
		in := r.intent
		c.eventTimes, c.dues = append(c.eventTimes, store.Microseconds(in.EventTime)), append(c.dues, store.Microseconds(r.due))
		c.steps, c.shadows, c.mayLoop = append(c.steps, int16(r.step)), append(c.shadows, in.Shadow), append(c.mayLoop, in.MayLoop)
		c.reactors, c.subjects = append(c.reactors, in.Reactor), append(c.subjects, in.Subject)
		c.triggers, c.spaces = append(c.triggers, string(in.Trigger)), append(c.spaces, in.Space)
		c.members, c.hashes = append(c.members, in.Member), append(c.hashes, in.Hash)
		c.facts = append(c.facts, cmp.Or(string(in.Facts), "{}"))
	}
	return c
}

func (c claimColumns) args() []any {
	return []any{c.eventTimes, c.dues, c.steps, c.shadows, c.mayLoop,
		c.reactors, c.subjects, c.triggers, c.spaces, c.members, c.hashes, c.facts}
}

// claimQuietly doesn't account for what was claimed before: a schedule comes
// again and again within what once_per allows once.
func (s *Runs) claimQuietly(ctx context.Context, tx pgx.Tx, intents []reactors.Intent) error {
	for i := range intents {
		intents[i].Outcome = reactors.AlreadyDone
	}
	return s.Claim(ctx, tx, intents)
}
