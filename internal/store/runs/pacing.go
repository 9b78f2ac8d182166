package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Admit lets a run pass if its limits allow, and counts it; one that may loop
// counts even if it has no limit. A run that has passed once passes again. It
// returns the limit that is reached, or nil. If what is too much comes later, the
// run gets the first time that is left, and counts then: pass is that time, at
// which the rule may act, as open says. Who lets it go by, as the rule is paused,
// gets another: those that waited together must not all act at once.
func (s *Runs) Admit(
	ctx context.Context, run reactors.Run, limits []reactors.Limit, open func(time.Time) time.Time, now time.Time,
) (reached *reactors.Limit, pass time.Time, err error) {
	if len(limits) == 0 && run.ActsIn == "" {
		return nil, now, nil
	}
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// One at a time for what is counted together.
		if _, err := tx.Exec(ctx, `
			SELECT pg_advisory_xact_lock(hashtextextended(name, 7))
			FROM unnest($1::text[]) AS name
			ORDER BY name`, admitLocks(run, limits)); err != nil {
			return err
		}
		var admitted pgtype.Timestamptz
		if err := tx.QueryRow(ctx, `
			SELECT admitted_at
			FROM reactor_runs
			WHERE id = $1`, run.ID).Scan(&admitted); err != nil {
			return err
		}
		if admitted.Valid && reactors.PassesAgain(limits, admitted.Time, now) {
			pass = store.ZeroTime(admitted)
			return nil
		}
		var later []reactors.Limit
		var passed [][]time.Time
		for i := range limits {
			times, err := admittedSince(ctx, tx, run, limits[i], limits[i].Since(run, now))
			switch {
			case err != nil:
				return err
			case limits[i].Later:
				later, passed = append(later, limits[i]), append(passed, times)
			case len(times) >= limits[i].Max:
				reached = &limits[i]
				return nil
			}
		}
		reached, pass = reactors.Pass(now, later, passed, open)
		_, err := tx.Exec(ctx, `
			UPDATE reactor_runs
			SET admitted_at = $2
			WHERE id = $1`, run.ID, pass.UTC())
		return err
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("check limits of run %d: %w", run.ID, err)
	}
	return reached, pass, nil
}

func admitLocks(run reactors.Run, limits []reactors.Limit) []string {
	var names []string
	if run.ActsIn != "" {
		names = append(names, "loop "+run.ActsIn)
	}
	if slices.ContainsFunc(limits, func(l reactors.Limit) bool { return l.Per != reactors.PerApp }) {
		names = append(names, "reactor "+run.Reactor)
	}
	return names
}

// admittedSince lists when what a limit counts was admitted since a time, or will
// be; of one that lets nothing come later only as many as it lets through.
func admittedSince(ctx context.Context, tx pgx.Tx, run reactors.Run, l reactors.Limit, since time.Time) ([]time.Time, error) {
	counted := `reactor = @reactor AND (@per <> 'space' OR space = @space) AND (@per <> 'member' OR member = @member)`
	if l.Per == reactors.PerApp {
		counted = `acts_in = @acts_in AND acts_in <> '' AND event_time <> @event_time
			AND (member = @member OR acts_in = @space AND facts->'member'->>'type' IS DISTINCT FROM @app)`
	}
	rows, _ := tx.Query(ctx, `
		SELECT admitted_at
		FROM reactor_runs
		WHERE shadow = @shadow AND admitted_at > @since AND id <> @id AND `+counted+`
		ORDER BY admitted_at
		LIMIT CASE WHEN @later THEN NULL ELSE @max::bigint END`, pgx.NamedArgs{
		"id": run.ID, "shadow": run.Shadow, "since": since, "max": l.Max, "later": l.Later,
		"per": string(l.Per), "reactor": run.Reactor, "space": run.Space, "member": run.Member,
		"event_time": store.Microseconds(run.EventTime), "acts_in": run.ActsIn, "app": string(events.UserBot),
	})
	return pgx.CollectRows(rows, pgx.RowTo[time.Time])
}

// maxGathered bounds a group: a message holds about as many mentions.
const maxGathered = 1000

// grouped finds the other runs that wait for the same step of the same rule in
// the same space as a run, of events up to a time, or that are due.
const grouped = `r.reactor = @reactor AND r.space = @space AND r.step_id = @step_id AND r.shadow = @shadow AND r.outcome = 'pending'
			AND r.requests IS NULL AND (r.event_time <= @until OR r.due_at <= @now) AND r.id <> @id`

func groupArgs(run reactors.Run, until, now time.Time) pgx.NamedArgs {
	return pgx.NamedArgs{
		"reactor": run.Reactor, "space": run.Space, "step_id": run.StepID, "shadow": run.Shadow,
		"until": store.Microseconds(until), "now": now.UTC(), "id": run.ID, "event_time": run.EventTime,
	}
}

// Gather lists the runs that wait for the same step of the same rule in the
// same space as this one, of events up to a time or due at now, oldest first,
// without it.
func (s *Runs) Gather(ctx context.Context, run reactors.Run, until, now time.Time) ([]reactors.Run, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	args := groupArgs(run, until, now)
	args["max"] = maxGathered
	rows, _ := s.pool.Query(ctx, `
		SELECT `+runColumns+`
		FROM reactor_runs r
		WHERE `+grouped+`
		ORDER BY r.event_time, r.id
		LIMIT @max`, args)
	list, err := pgx.CollectRows(rows, collectRun)
	if err != nil {
		return nil, fmt.Errorf("find the group of run %d: %w", run.ID, err)
	}
	return list, nil
}

// Group tells of the runs that Gather would list: how many there are, and how many
// of them are older and due at now.
func (s *Runs) Group(ctx context.Context, run reactors.Run, until, now time.Time) (others, older int, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE (r.event_time, r.id) < (@event_time, @id) AND r.due_at <= @now)
		FROM reactor_runs r
		WHERE `+grouped, groupArgs(run, until, now)).Scan(&others, &older)
	if err != nil {
		return 0, 0, fmt.Errorf("look for a group around reactor run %d: %w", run.ID, err)
	}
	return others, older, nil
}

// A write slot need not survive a crash of the database: Google would refuse a write
// that comes too early, and it would come again. So nobody waits for a flush
// while the row is locked.
const dontFlush = `SELECT set_config('synchronous_commit', 'off', true)`

// Pace is how often may be written to a space, or whatever else has a pace of its own.
type Pace struct {
	Name     string        // spaces/S
	Interval time.Duration // between two write slots
	Late     time.Duration // how long a run keeps a slot that it hasn't used; 0: half an interval
}

// slowedFor is how long after Google has refused a write for the quota of a space its
// write slots stay further apart. Google counts over a minute; where another app
// writes all the time, whoever comes back sooner is refused the more often.
const slowedFor = 5 * time.Minute

// ReserveWrite answers how long the run has to wait before it may write; 0 if it may
// write now. Write slots are an interval apart over all replicas, by the clock of the
// database, and further for some time after SlowDown was called. A run keeps its write
// slot until it has used it or is late, which covers the time between a job's being due
// and its being fetched: asking again after a wait does not push it back, and two runs
// that are late don't write at once. A slot that was given before the last refusal
// counts no more.
func (s *Runs) ReserveWrite(ctx context.Context, pace Pace, runID int64) (wait time.Duration, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var seconds float64
	// One statement, so one round trip: the slot is only touched if the run
	// holds none.
	q := &pgx.Batch{}
	q.Queue(dontFlush)
	q.Queue(`
		WITH clock AS MATERIALIZED (
			SELECT clock_timestamp() AS now
		), held AS (
			SELECT slot_at
			FROM reactor_runs r, clock
			WHERE id = @run AND slot_at > now - @late::interval
				AND slot_refused_at IS NOT DISTINCT FROM (SELECT refused_at FROM write_slots WHERE space = @name)
		), reserved AS (
			INSERT INTO write_slots AS w (space, given_at, next_at)
			SELECT @name, now, now + @interval::interval
			FROM clock
			WHERE NOT EXISTS (SELECT FROM held)
			ON CONFLICT (space) DO UPDATE SET
				given_at = GREATEST(w.next_at, excluded.given_at),
				-- Slowed down, but no longer than until that is over.
				next_at = LEAST(GREATEST(w.next_at, excluded.given_at) + @interval::interval * w.slowed::float8,
					GREATEST(GREATEST(w.next_at, excluded.given_at) + @interval::interval, w.refused_at + @slowed_for::interval))
			RETURNING given_at AS slot_at, refused_at
		), noted AS (
			UPDATE reactor_runs r
			SET slot_at = reserved.slot_at, slot_refused_at = reserved.refused_at
			FROM reserved
			WHERE r.id = @run
		)
		SELECT extract(epoch FROM slot_at - clock_timestamp())::float8
		FROM (SELECT slot_at FROM held UNION ALL SELECT slot_at FROM reserved) s`,
		pgx.NamedArgs{
			"name": pace.Name, "interval": pace.Interval, "late": cmp.Or(pace.Late, pace.Interval/2), "run": runID, "slowed_for": slowedFor,
		}).QueryRow(func(row pgx.Row) error { return row.Scan(&seconds) })
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
		return 0, fmt.Errorf("reserve a write to %s for reactor run %d: %w", pace.Name, runID, err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), nil
}

// maxSlowed bounds how far apart write slots can get, slowEvery how fast.
const (
	maxSlowed = 30
	slowEvery = time.Minute
)

// SlowDown is called when Google says that a space gets too many writes: write slots
// come further apart for some time, the next no earlier than after pause. Other
// apps write to the space as well. Write slots that were given before count no more:
// they would be refused, too, and each refusal would slow the space down again, to
// a crawl. For the same reason a space is slowed down once a minute at most: that is
// the time over which Google counts. One that is refused again when it has just come
// back to its pace is slowed down as far as went well before.
func (s *Runs) SlowDown(ctx context.Context, space string, pause time.Duration) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `
		WITH clock AS MATERIALIZED (
			SELECT clock_timestamp() AS now
		)
		INSERT INTO write_slots AS w (space, next_at, paused_until, refused_at, slowed_at, slowed)
		SELECT @space, now + @pause::interval, now + @pause::interval, now, now, 2
		FROM clock
		ON CONFLICT (space) DO UPDATE SET
			next_at = GREATEST(w.paused_until, excluded.paused_until),
			paused_until = GREATEST(w.paused_until, excluded.paused_until),
			refused_at = excluded.refused_at,
			slowed_at = CASE WHEN w.slowed_at > excluded.slowed_at - @every::interval THEN w.slowed_at ELSE excluded.slowed_at END,
			slowed = CASE
				WHEN w.slowed_at > excluded.slowed_at - @every::interval THEN w.slowed
				WHEN w.refused_at > excluded.refused_at - @slowed_for::interval THEN LEAST(@max, w.slowed * 2)
				WHEN w.refused_at > excluded.refused_at - 2 * @slowed_for::interval THEN w.slowed
				ELSE 2
			END`,
		pgx.NamedArgs{"space": space, "pause": pause, "max": maxSlowed, "every": slowEvery, "slowed_for": slowedFor}); err != nil {
		return fmt.Errorf("slow down writes to %s: %w", space, err)
	}
	return nil
}

// TakeProjectWrite takes a write of the project's quota, over all replicas: one
// every interval, up to burst ahead of time. It answers how long to wait before
// the write that was taken, or, if taken is false, before asking again.
func (s *Runs) TakeProjectWrite(ctx context.Context, interval, burst time.Duration) (wait time.Duration, taken bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var seconds float64
	q := &pgx.Batch{}
	q.Queue(dontFlush)
	q.Queue(`
		INSERT INTO write_slots AS w (space, next_at)
		VALUES ('', clock_timestamp() + $1::interval)
		ON CONFLICT (space) DO UPDATE SET
			next_at = GREATEST(w.next_at, clock_timestamp()) + $1::interval
		WHERE w.next_at <= clock_timestamp() + $2::interval
		RETURNING extract(epoch FROM next_at - $1::interval - clock_timestamp())::float8`,
		interval, burst).QueryRow(func(row pgx.Row) error {
		taken = true
		err := row.Scan(&seconds)
		if errors.Is(err, pgx.ErrNoRows) {
			taken, err = false, nil
		}
		return err
	})
	err = s.pool.SendBatch(ctx, q).Close()
	if err == nil && !taken {
		err = s.pool.QueryRow(ctx, `
			SELECT extract(epoch FROM next_at - clock_timestamp())::float8
			FROM write_slots
			WHERE space = ''`).Scan(&seconds)
	}
	if err != nil {
		return 0, false, fmt.Errorf("take a write of the project's quota: %w", err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), taken, nil
}
