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

// Claim adds the runs that are not there yet, with jobs for them, and reopens those
// in which nothing was done. It returns the rest, each with its outcome, for
// Evaluated once the transaction is committed.
//
// No welcome gets lost between a person's leaving and coming back. Claim writes
// after the new membership, and resets the event time and the attempts of a
// pending run; FinishRun ends a run only if both are as they were when its reason
// was found. If Claim comes first, the attempt looks again; if FinishRun comes
// first, Claim finds the run ended and reopens it.
func (s *Runs) Claim(ctx context.Context, tx pgx.Tx, intents []reactors.Intent) (ended []reactors.Intent, err error) {
	if len(intents) == 0 {
		return nil, nil
	}
	if err := s.nameRounds(ctx, tx, intents); err != nil {
		return nil, fmt.Errorf("count how often rules have acted: %w", err)
	}
	claimed := map[*reactors.Intent]bool{}
	if claims := reactors.Claims(intents); len(claims) > 0 {
		if err := s.claimRuns(ctx, tx, claims, claimed); err != nil {
			return nil, fmt.Errorf("claim %d runs: %w", len(claims), err)
		}
	}
	return reactors.WithoutRun(intents, claimed), nil
}

// claimedRows are the columns of claimArgs.
const claimedRows = `unnest(@event_times::timestamptz[], @dues::timestamptz[], @steps::smallint[], @shadows::boolean[],
			@untils::boolean[], @acts_in::text[], @reactors::text[], @subjects::text[], @step_ids::text[], @triggers::text[],
			@spaces::text[], @members::text[], @hashes::text[], @facts::text[])
			AS i (event_time, due_at, step, shadow, until, acts_in, reactor, subject, step_id, trigger, space, member, hash, facts)`

func claimArgs(claims []reactors.Claim) pgx.NamedArgs {
	text := func(field func(*reactors.Claim) string) []string { return store.Column(claims, field) }
	return pgx.NamedArgs{
		"event_times": store.Column(claims, func(c *reactors.Claim) time.Time { return store.Microseconds(c.EventTime) }),
		"dues":        store.Column(claims, func(c *reactors.Claim) time.Time { return store.Microseconds(c.Due) }),
		"steps":       store.Column(claims, func(c *reactors.Claim) int16 { return int16(c.Step) }),
		"shadows":     store.Column(claims, func(c *reactors.Claim) bool { return c.Shadow }),
		"untils":      store.Column(claims, func(c *reactors.Claim) bool { return c.Until }),
		"acts_in":     text(func(c *reactors.Claim) string { return c.ActsIn }),
		"reactors":    text(func(c *reactors.Claim) string { return c.Reactor }),
		"subjects":    text(func(c *reactors.Claim) string { return c.Subject }),
		"step_ids":    text(func(c *reactors.Claim) string { return c.ID }),
		"triggers":    text(func(c *reactors.Claim) string { return string(c.Trigger) }),
		"spaces":      text(func(c *reactors.Claim) string { return c.Space }),
		"members":     text(func(c *reactors.Claim) string { return c.Member }),
		"hashes":      text(func(c *reactors.Claim) string { return c.Hash }),
		"facts":       text(func(c *reactors.Claim) string { return cmp.Or(string(c.Facts), "{}") }),
	}
}

// claimRuns marks in claimed the intents of which a step was added or reopened.
// One that only made a pending run younger isn't: once_per has its run.
func (s *Runs) claimRuns(ctx context.Context, tx pgx.Tx, claims []reactors.Claim, claimed map[*reactors.Intent]bool) error {
	args := claimArgs(claims)
	rows, err := tx.Query(ctx, `
		INSERT INTO reactor_runs AS r (event_time, due_at, step, shadow, acts_in, reactor, subject, step_id, trigger, space, member, hash, facts)
		SELECT event_time, due_at, step, shadow, acts_in, reactor, subject, step_id, trigger, space, member, hash, facts::json
		FROM `+claimedRows+`
		ON CONFLICT (reactor, subject, step_id, shadow) DO UPDATE SET
			event_time = excluded.event_time,
			due_at = excluded.due_at,
			step = excluded.step,
			acts_in = excluded.acts_in,
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
		RETURNING id, due_at, reactor, subject, step, step_id, shadow`, args)
	if err != nil {
		return err
	}
	var jobs []river.InsertManyParams
	now := s.db.Now()
	var id int64
	var due time.Time
	key := reactors.Claim{Intent: &reactors.Intent{}}
	targets := []any{&id, &due, &key.Reactor, &key.Subject, &key.Step, &key.ID, &key.Shadow}
	if _, err := pgx.ForEachRow(rows, targets, func() error {
		job := jobOf(id)
		i, found := slices.BinarySearchFunc(claims, key, reactors.Claim.Compare)
		if found {
			claimed[claims[i].Intent] = true
		}
		if wait := due.Sub(now); wait > 0 && (!found || !claims[i].Until) {
			job.InsertOpts.ScheduledAt = time.Now().Add(wait) // now is Google's or a test's
		}
		jobs = append(jobs, job)
		return nil
	}); err != nil {
		return err
	}
	if len(jobs) < len(claims) {
		look, err := refresh(ctx, tx, args)
		if err != nil {
			return err
		}
		for _, id := range look {
			jobs = append(jobs, jobOf(id))
		}
	}
	return s.insertJobs(ctx, tx, jobs)
}

// jobOf is the job that carries a run on at once.
func jobOf(runID int64) river.InsertManyParams {
	return river.InsertManyParams{Args: reactors.RunArgs{RunID: runID}, InsertOpts: &river.InsertOpts{Queue: reactors.Queue}}
}

func (s *Runs) insertJobs(ctx context.Context, tx pgx.Tx, jobs []river.InsertManyParams) error {
	if len(jobs) == 0 {
		return nil
	}
	if _, err := s.db.Jobs().InsertManyFastTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("insert %d jobs: %w", len(jobs), err)
	}
	return nil
}

// refresh makes pending runs that were asked for again as young as the newest
// event, and about what that tells. They keep their jobs, so they are
// due no earlier than they were: one that quiet hours have postponed would else be
// late when its job wakes. Those that have requests keep them, and what they
// were rendered from. Their attempts start anew, by which FinishRun knows that
// they must not end now. It returns those that look at their until: that may hold
// for the newer event already.
func refresh(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) (look []int64, err error) {
	rows, _ := tx.Query(ctx, `
		UPDATE reactor_runs r
		SET event_time = i.event_time,
			due_at = GREATEST(r.due_at, i.due_at),
			step = i.step,
			acts_in = CASE WHEN r.requests IS NULL THEN i.acts_in ELSE r.acts_in END,
			trigger = CASE WHEN r.requests IS NULL THEN i.trigger ELSE r.trigger END,
			space = CASE WHEN r.requests IS NULL THEN i.space ELSE r.space END,
			member = CASE WHEN r.requests IS NULL THEN i.member ELSE r.member END,
			hash = CASE WHEN r.requests IS NULL THEN i.hash ELSE r.hash END,
			facts = CASE WHEN r.requests IS NULL THEN i.facts::json ELSE r.facts END,
			attempts = 0
		FROM `+claimedRows+`
		WHERE r.reactor = i.reactor AND r.subject = i.subject AND r.step_id = i.step_id AND r.shadow = i.shadow
			AND r.outcome = 'pending' AND r.event_time < i.event_time
		RETURNING r.id, i.until AND r.requests IS NULL AND NOT r.held`, args)
	var id int64
	var looks bool
	if _, err := pgx.ForEachRow(rows, []any{&id, &looks}, func() error {
		if looks {
			look = append(look, id)
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("reset event time of pending runs: %w", err)
	}
	return look, nil
}
