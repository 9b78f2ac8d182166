package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Admit lets a run pass if its limits allow, and counts it; one that may loop
// counts even if no limit is its own. A run that has passed once passes again. It
// returns the limit that is reached, or nil. If what is too much comes later, the
// run gets the first time that is left, and counts then: pass is that time, at
// which the rule may act, as open says.
func (s *Runs) Admit(
	ctx context.Context, run reactors.Run, limits []reactors.Limit, open func(time.Time) time.Time, now time.Time,
) (reached *reactors.Limit, pass time.Time, err error) {
	if len(limits) == 0 && !run.MayLoop {
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
			WHERE id = $1`, run.ID).Scan(&admitted); err != nil || admitted.Valid {
			pass = store.ZeroTime(admitted)
			return err
		}
		var later []reactors.Limit
		var passed [][]time.Time
		for i := range limits {
			times, err := admittedSince(ctx, tx, run, limits[i], now.Add(-limits[i].Window))
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
	if run.MayLoop {
		names = append(names, "loop "+run.Space)
	}
	if slices.ContainsFunc(limits, func(l reactors.Limit) bool { return l.Per != reactors.PerSpaceLoop }) {
		names = append(names, "reactor "+run.Reactor)
	}
	return names
}

// admittedSince lists when what a limit counts was admitted since a time, or will
// be; of one that lets nothing come later only as many as it lets through.
func admittedSince(ctx context.Context, tx pgx.Tx, run reactors.Run, l reactors.Limit, since time.Time) ([]time.Time, error) {
	counted := `reactor = @reactor AND (@per <> 'space' OR space = @space) AND (@per <> 'member' OR member = @member)`
	if l.Per == reactors.PerSpaceLoop {
		counted = `space = @space AND may_loop AND event_time <> @event_time`
	}
	rows, _ := tx.Query(ctx, `
		SELECT admitted_at
		FROM reactor_runs
		WHERE shadow = @shadow AND admitted_at > @since AND `+counted+`
		ORDER BY admitted_at
		LIMIT CASE WHEN @later THEN NULL ELSE @max::bigint END`, pgx.NamedArgs{
		"shadow": run.Shadow, "since": since, "max": l.Max, "later": l.Later,
		"per": string(l.Per), "reactor": run.Reactor, "space": run.Space, "member": run.Member,
		"event_time": store.Microseconds(run.EventTime),
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

// Group tells of the runs that Gather would list: how many there are, and
// whether one of them is older and is due at now.
func (s *Runs) Group(ctx context.Context, run reactors.Run, until, now time.Time) (others int, older bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = s.pool.QueryRow(ctx, `
		SELECT count(*), COALESCE(bool_or((r.event_time, r.id) < (@event_time, @id) AND r.due_at <= @now), false)
		FROM reactor_runs r
		WHERE `+grouped, groupArgs(run, until, now)).Scan(&others, &older)
	if err != nil {
		return 0, false, fmt.Errorf("look for a group around reactor run %d: %w", run.ID, err)
	}
	return others, older, nil
}

// A write slot need not survive a crash of the database: Google would refuse a write
// that comes too early, and it would come again. So nobody waits for a flush
// while the row is locked.
const dontFlush = `SELECT set_config('synchronous_commit', 'off', true)`

// ReserveWrite answers how long the run has to wait before it may write to
// the space; 0 if it may write now. Write slots are interval apart over all replicas,
// by the clock of the database, and further where SlowDown was called: every
// write slot brings the space a little closer to the configured pace again. A run
// keeps its write slot until it has used it or half an interval has passed, which
// covers the time between a job's being due and its being fetched: asking again
// after a wait does not push it back, and two runs that are late don't write at
// once.
func (s *Runs) ReserveWrite(ctx context.Context, space string, runID int64, interval time.Duration) (wait time.Duration, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var seconds float64
	// One statement, so one round trip: the slot is only touched if the run
	// holds none.
	q := &pgx.Batch{}
	q.Queue(dontFlush)
	q.Queue(`
		WITH held AS (
			SELECT slot_at
			FROM reactor_runs
			WHERE id = $2 AND slot_at > clock_timestamp() - $3::interval / 2
		), reserved AS (
			INSERT INTO write_slots AS w (space, next_at)
			SELECT $1, clock_timestamp() + $3::interval
			WHERE NOT EXISTS (SELECT FROM held)
			ON CONFLICT (space) DO UPDATE SET
				next_at = GREATEST(w.next_at, clock_timestamp()) + $3::interval * w.slowed::float8,
				slowed = GREATEST(1, round(w.slowed * 0.9985, 4))
			RETURNING next_at - $3::interval * slowed::float8 AS slot_at
		), noted AS (
			UPDATE reactor_runs
			SET slot_at = (SELECT slot_at FROM reserved)
			WHERE id = $2 AND EXISTS (SELECT FROM reserved)
		)
		SELECT extract(epoch FROM slot_at - clock_timestamp())::float8
		FROM (SELECT slot_at FROM held UNION ALL SELECT slot_at FROM reserved) s`,
		space, runID, interval).QueryRow(func(row pgx.Row) error { return row.Scan(&seconds) })
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
		return 0, fmt.Errorf("reserve a write to %s for reactor run %d: %w", space, runID, err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), nil
}

// maxSlowed bounds how far apart write slots can get, slowEvery how fast.
const (
	maxSlowed = 30
	slowEvery = time.Minute
)

// SlowDown is called when Google says that a space gets too many writes: write slots
// come further apart from now on, the next no earlier than after pause. Other
// apps write to the space as well. Write slots that were given at the old pace count
// no more: they would be refused, too, and each refusal would slow the space
// down again, to a crawl. For the same reason a space is slowed down once a
// minute at most: that is the time over which Google counts.
func (s *Runs) SlowDown(ctx context.Context, space string, pause time.Duration) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	q := &pgx.Batch{}
	q.Queue(`
		INSERT INTO write_slots AS w (space, next_at, slowed, slowed_at)
		VALUES (@space, clock_timestamp() + @pause::interval, 2, clock_timestamp())
		ON CONFLICT (space) DO UPDATE SET
			next_at = clock_timestamp() + @pause::interval,
			slowed = CASE WHEN w.slowed_at > clock_timestamp() - @every::interval THEN w.slowed ELSE LEAST(@max, w.slowed * 2) END,
			slowed_at = CASE WHEN w.slowed_at > clock_timestamp() - @every::interval THEN w.slowed_at ELSE clock_timestamp() END`,
		pgx.NamedArgs{"space": space, "pause": pause, "max": maxSlowed, "every": slowEvery})
	q.Queue(`
		UPDATE reactor_runs
		SET slot_at = NULL
		WHERE id IN (
			SELECT id
			FROM reactor_runs
			WHERE space = $1 AND outcome = 'pending' AND slot_at > clock_timestamp()
			ORDER BY id
			FOR UPDATE SKIP LOCKED
		)`, space)
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
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
