package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// mayRun reports whether the batch could lead to runs, so that a second round
// trip is needed. Plan is pure, so it can be asked beforehand for everything but
// memberships: what a change of those means depends on the recorded history.
func (s *Store) mayRun(b *batch) bool {
	if len(s.reactors) == 0 {
		return false
	}
	b.planned = map[int][]reactors.Run{}
	for i := range b.rows {
		r := &b.rows[i]
		if r.it.Kind == events.KindMembership || r.backfilled() {
			continue
		}
		if runs := s.plan(reactors.Change{Event: r.ev, Item: r.it, Origin: r.d.Origin}); len(runs) > 0 {
			b.planned[i] = runs
		}
	}
	return len(b.planned) > 0 || len(b.changes) > 0
}

// plan asks every reactor. One that fails on a change will always fail on it:
// a person has to look, and the event must be recorded all the same.
func (s *Store) plan(c reactors.Change) []reactors.Run {
	var all []reactors.Run
	for _, r := range s.reactors {
		runs, err := planOne(r, c)
		if err != nil {
			s.log.Error("reactor could not plan", zap.String("reactor", r.Name()),
				zap.String("event_id", c.Event.ID), zap.Int("ordinal", c.Item.Ordinal), zap.Error(err))
			continue
		}
		for i := range runs {
			runs[i].Reactor = r.Name()
		}
		all = append(all, runs...)
	}
	return all
}

func planOne(r reactors.Reactor, c reactors.Change) (runs []reactors.Run, err error) {
	defer func() {
		if p := recover(); p != nil {
			runs, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Plan(c)
}

// claimRuns plans for what was delivered for the first time and adds the runs
// and their jobs to the transaction.
func (s *Store) claimRuns(ctx context.Context, tx pgx.Tx, b *batch) error {
	delivered, err := b.deliveredFirst(ctx, tx)
	if err != nil {
		return err
	}
	var runs []reactors.Run
	for i, planned := range b.planned {
		if delivered[b.rows[i].id()] {
			runs = append(runs, planned...)
		}
	}
	joins, err := s.planMemberships(ctx, tx, b, delivered)
	if err != nil {
		return err
	}
	ids, err := claim(ctx, tx, append(runs, joins...))
	if err != nil || len(ids) == 0 {
		return err
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i] = river.InsertManyParams{
			Args:       reactors.RunArgs{RunID: id},
			InsertOpts: &river.InsertOpts{Queue: reactors.Queue},
		}
	}
	if _, err := s.jobs.InsertManyFastTx(ctx, tx, jobs); err != nil {
		return fmt.Errorf("insert %d reactor jobs: %w", len(jobs), err)
	}
	return nil
}

// deliveredFirst returns the items that reactors haven't seen: those that are
// new, and those that a backfill has recorded before Pub/Sub delivered them.
// Nobody who joins while a gap is being repaired goes without a welcome.
func (b *batch) deliveredFirst(ctx context.Context, tx pgx.Tx) (map[rowKey]bool, error) {
	var times []time.Time
	var keys []pgtype.UUID
	for i := range b.rows {
		if r := &b.rows[i]; !b.recorded[r.id()] && !r.backfilled() {
			times, keys = append(times, r.time), append(keys, pgtype.UUID{Bytes: r.key, Valid: true})
		}
	}
	if len(keys) == 0 {
		return b.recorded, nil
	}
	rows, err := tx.Query(ctx, `
		SELECT e.event_key, e.ordinal
		FROM unnest($1::timestamptz[], $2::uuid[]) AS i (event_time, event_key)
		JOIN events e ON e.event_time = i.event_time AND e.event_key = i.event_key
		WHERE e.origin = 'b'`, times, keys)
	if err != nil {
		return nil, fmt.Errorf("find what a backfill has recorded: %w", err)
	}
	delivered := maps.Clone(b.recorded)
	var key pgtype.UUID
	var ordinal int
	if _, err := pgx.ForEachRow(rows, []any{&key, &ordinal}, func() error {
		delivered[rowKey{Key(key.Bytes), ordinal}] = true
		return nil
	}); err != nil {
		return nil, fmt.Errorf("find what a backfill has recorded: %w", err)
	}
	return delivered, nil
}

func (s *Store) planMemberships(ctx context.Context, tx pgx.Tx, b *batch, delivered map[rowKey]bool) ([]reactors.Run, error) {
	prev := make(map[int]string, len(b.neighbours))
	for _, n := range b.neighbours {
		prev[n.change.index] = n.prevState
	}
	var runs []reactors.Run
	for i := range b.changes {
		c := &b.changes[i]
		r := &b.rows[c.index]
		if !delivered[r.id()] || r.backfilled() {
			continue
		}
		runs = append(runs, s.plan(reactors.Change{
			Event: r.ev, Item: r.it, Origin: r.d.Origin,
			Joined: joined(c.state, c.verb, prev[c.index]),
		})...)
	}
	// A late report of an earlier state can turn a recorded update into a
	// join. To plan for one that was a join before is harmless: it was
	// claimed then.
	for _, n := range b.neighbours {
		r := &b.rows[n.change.index]
		if n.next == nil || n.next.backfilled || !b.recorded[r.id()] ||
			b.recorded[rowKey{n.next.version.key, n.next.version.ordinal}] ||
			!joined(n.next.state, n.next.verb, n.change.state) {
			continue
		}
		ev, err := n.next.change(ctx, tx, n.change.space, n.change.member)
		if err != nil {
			return nil, err
		}
		runs = append(runs, s.plan(reactors.Change{Event: ev, Item: &ev.Items[0], Origin: events.OriginLive, Joined: true})...)
	}
	return runs, nil
}

// claim adds the runs that are not there yet and returns the numbers of those
// that need a job: the new ones, and those that a rejoin reopened. A parked run
// is reopened too: what was wrong may be mended, or was that the person had
// left by the time of the attempt.
//
// No welcome gets lost between a person's leaving and coming back. This
// transaction has written the new membership before it touches the run, and
// it locks the run's row even if it leaves it alone (ON CONFLICT DO UPDATE
// locks before it looks at the WHERE). SkipIfGone locks the run first and
// reads the membership then, in a statement of its own. So either this comes
// first, and SkipIfGone waits and sees the person back; or SkipIfGone comes
// first, and this waits, finds the run skipped and reopens it.
func claim(ctx context.Context, tx pgx.Tx, runs []reactors.Run) ([]int64, error) {
	if len(runs) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(runs, func(x, y reactors.Run) int {
		return cmp.Or(cmp.Compare(x.Reactor, y.Reactor), cmp.Compare(x.Subject, y.Subject), y.EventTime.Compare(x.EventTime))
	})
	runs = slices.CompactFunc(runs, func(x, y reactors.Run) bool {
		return x.Reactor == y.Reactor && x.Subject == y.Subject // the newest is first
	})
	n := len(runs)
	names, subjects, spaces, members := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	eventTimes, requests := make([]time.Time, n), make([]string, n)
	for i, r := range runs {
		names[i], subjects[i], spaces[i], members[i] = r.Reactor, r.Subject, r.Space, r.Member
		eventTimes[i], requests[i] = microseconds(r.EventTime), cmp.Or(string(r.Request), "null")
	}
	rows, err := tx.Query(ctx, `
		INSERT INTO reactor_runs AS r (event_time, reactor, subject, space, member, request)
		SELECT event_time, reactor, subject, space, member, request::json
		FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
			AS i (event_time, reactor, subject, space, member, request)
		ON CONFLICT (reactor, subject) DO UPDATE SET
			event_time = excluded.event_time,
			attempts = 0,
			state = 'pending',
			finished_at = NULL,
			slot_at = NULL,
			reason = NULL,
			request = excluded.request
		WHERE r.state IN ('skipped', 'expired', 'parked') AND excluded.event_time > r.event_time
		RETURNING id`,
		eventTimes, names, subjects, spaces, members, requests)
	if err != nil {
		return nil, fmt.Errorf("claim %d runs: %w", n, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("claim %d runs: %w", n, err)
	}
	if len(ids) == n {
		return ids, nil
	}
	// A pending run that is asked for again keeps its job and its request and
	// becomes as young as the newest event. Its attempts start anew, by which
	// FinishRun knows that it must not expire now.
	q := &pgx.Batch{}
	for i := range runs {
		q.Queue(`
			UPDATE reactor_runs
			SET event_time = $1, attempts = 0
			WHERE reactor = $2 AND subject = $3 AND state = 'pending' AND event_time < $1`,
			eventTimes[i], names[i], subjects[i])
	}
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return nil, fmt.Errorf("make %d runs younger: %w", n, err)
	}
	return ids, nil
}
