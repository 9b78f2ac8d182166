package analytics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/cli"
)

// Rebuild computes the rollups of all days since that one anew, in the reporting
// zone, zero: of all days. It reads some days at a time, then sums up some spaces
// at a time, each in a transaction of its own of a few seconds, and a worker's
// passes take their part of them. Interrupted, it goes on with the next pass of
// anybody. told hears of what is left.
func (r *Rollups) Rebuild(ctx context.Context, since time.Time, told func(left int)) error {
	r.rest = 0
	for begun := false; ctx.Err() == nil; {
		err := r.alone(ctx, func(tx pgx.Tx) error {
			p, err := r.load(ctx, tx)
			if err != nil || begun {
				return err
			}
			if day := since.Format(time.DateOnly); day > p.today {
				return cli.Usage("%s is a day to come: want one up to today, %s in the reporting zone", day, p.today)
			}
			return p.askRebuild(ctx, pgtype.Date{Time: since, Valid: !since.IsZero()}, false)
		})
		if err == nil {
			begun = true
			_, err = r.step(ctx, r.db.Now(), &[]string{changes, marks})
		}
		left := 0
		if err == nil {
			left, err = r.left(ctx)
		}
		switch {
		case errors.Is(err, errBusy):
			_ = gax.Sleep(ctx, 100*time.Millisecond) // the loop ends with ctx
		case err != nil:
			return fmt.Errorf("rebuild the rollups: %w", err)
		case left == 0:
			return nil
		default:
			told(left)
		}
	}
	return ctx.Err()
}

// left counts days that are to be read, spaces that are to be summed up, and days of spaces.
func (r *Rollups) left(ctx context.Context) (n int, err error) {
	ctx, cancel := r.db.WithTimeout(ctx)
	defer cancel()
	err = r.db.Pool().QueryRow(ctx, `
		SELECT count(*) + COALESCE((
			SELECT COALESCE(rebuild_until - rebuild_day + 1, 0) + rebuild_until - rebuild_from + 1
				+ (SELECT count(*) FROM spaces WHERE id <= rebuild_space)
			FROM rollup_passes), 0)
		FROM rollup_days`).Scan(&n)
	return n, err
}

// askRebuild notes the days to be read anew: from the first that anything is of,
// as far as months of messages are still there, to the last. whole: of whatever else
// is known, too.
func (p *pass) askRebuild(ctx context.Context, since pgtype.Date, whole bool) error {
	return p.exec(ctx, "ask for a rebuild", `
		WITH there AS (
			SELECT GREATEST(LEAST(
					(SELECT (min(create_time) AT TIME ZONE @zone)::date FROM stored_messages WHERE create_time > '-infinity'),
					(SELECT (min(added_at) AT TIME ZONE @zone)::date FROM stored_reactions),
					CASE WHEN @whole THEN (SELECT (min(event_time) AT TIME ZONE @zone)::date FROM stored_membership_changes) END,
					CASE WHEN @whole THEN (SELECT (min(from_time) AT TIME ZONE @zone)::date FROM coverage) END), @since) AS first,
				GREATEST(@today::date,
					(SELECT (max(create_time) AT TIME ZONE @zone)::date FROM stored_messages),
					(SELECT (max(added_at) AT TIME ZONE @zone)::date FROM stored_reactions),
					(SELECT max(activity_date) FROM rollup_members)) AS last
		), read AS ( -- what will be read anew needn't be added first
			DELETE FROM rollup_changes
			USING there
			WHERE first <= last
				AND first <= ALL (SELECT (to_timestamp(q * 900.0) AT TIME ZONE @zone)::date FROM unnest(quarters) q)
		)
		UPDATE rollup_passes
		SET rebuild_from = LEAST(rebuild_from, first), rebuild_day = LEAST(rebuild_from, first), rebuild_until = last,
			rebuild_space = COALESCE((SELECT max(id) FROM spaces), 0)
		FROM there
		WHERE first <= last`, pgx.NamedArgs{"since": since, "whole": whole})
}

// changeZone begins anew with days of another zone.
func (p *pass) changeZone(ctx context.Context) error {
	if err := p.exec(ctx, "drop what is of another zone", `
		WITH a AS (DELETE FROM rollup_activity), b AS (DELETE FROM rollup_members), c AS (DELETE FROM rollup_hours),
			d AS (DELETE FROM rollup_summary), e AS (DELETE FROM rollup_emoji), f AS (DELETE FROM rollup_responses),
			g AS (DELETE FROM rollup_retention), h AS (DELETE FROM rollup_stays)
		DELETE FROM rollup_days`, nil); err != nil {
		return err
	}
	if err := p.exec(ctx, "save the reporting zone", `
		UPDATE rollup_passes
		SET zone = @zone, turned = NULL, rebuild_from = NULL, rebuild_until = NULL`, nil); err != nil {
		return err
	}
	return p.askRebuild(ctx, pgtype.Date{}, true)
}

// rebuildPart does a part of a rebuild: first it reads days, then it sums up spaces. How
// much it does at once is by how long the part before took.
func (p *pass) rebuildPart(ctx context.Context) error {
	defer func(began time.Time) {
		switch took := time.Since(began); {
		case took < 4*time.Second:
			p.part = min(2*p.part, 32)
		case took > 8*time.Second:
			p.part = max(p.part/2, 1)
		}
	}(time.Now())
	if err := p.set(ctx, "work_mem", "64MB"); err != nil {
		return err
	}
	var from, day, last pgtype.Date
	if err := p.tx.QueryRow(ctx, `
		SELECT rebuild_from, rebuild_day, LEAST(rebuild_day + $1::integer - 1, rebuild_until)
		FROM rollup_passes`, p.part).Scan(&from, &day, &last); err != nil {
		return fmt.Errorf("see what is to be rebuilt: %w", err)
	}
	if !day.Valid {
		return p.rebuildSpaces(ctx, from)
	}
	m, err := p.readAnew(ctx, day, last, nil)
	if err != nil {
		return err
	}
	before := 0 // the days before were computed with the part before, of messages that were there
	if day == from {
		before = daysOfThread
	}
	if err := p.readContent(ctx, m, before); err != nil {
		return err
	}
	return p.exec(ctx, "save how far the rebuild is", `
		UPDATE rollup_passes
		SET rebuild_day = CASE WHEN @last::date < rebuild_until THEN @last::date + 1 END`, pgx.NamedArgs{"last": last})
}

// rebuildSpaces reads who was in some of the spaces, and sums up their days. All spaces
// together come last, a few weeks at once.
func (p *pass) rebuildSpaces(ctx context.Context, from pgtype.Date) error {
	m := &marked{}
	rows, _ := p.tx.Query(ctx, `
		WITH chosen AS (
			SELECT s.id, x.rebuild_from AS since, x.last,
				CASE s.id WHEN 0 THEN LEAST(x.last, x.rebuild_from + 7 * @part::integer) ELSE x.last END AS until
			FROM (SELECT rebuild_from, rebuild_space, GREATEST(rebuild_until, @today::date) AS last FROM rollup_passes) x
			JOIN (SELECT id FROM spaces UNION ALL SELECT 0) s ON s.id <= x.rebuild_space AND (s.id > 0 OR x.rebuild_space = 0)
			ORDER BY s.id DESC
			LIMIT 20 * @part::integer
		), later AS (
			UPDATE rollup_passes
			SET rebuild_space = COALESCE((SELECT max(id) FROM spaces WHERE id < c.lowest), 0),
				rebuild_from = CASE WHEN c.lowest > 0 THEN rebuild_from WHEN c.until < c.last THEN c.until + 1 END,
				rebuild_until = CASE WHEN c.lowest > 0 OR c.until < c.last THEN rebuild_until END
			FROM (SELECT min(id) AS lowest, max(until) AS until, max(last) AS last FROM chosen) c
		) -- the first day, the last, and one of each week
		SELECT id, day::date, 1::smallint FROM chosen CROSS JOIN generate_series(since, until, interval '7 days') AS d (day)
		UNION ALL
		SELECT id, until, 1::smallint FROM chosen`, pgx.NamedArgs{"part": p.part, "today": p.today})
	if err := m.read(rows); err != nil {
		return fmt.Errorf("see which spaces are to be summed up: %w", err)
	}
	if err := p.readStays(ctx, m.spaces, from); err != nil {
		return err
	}
	for _, all := range []bool{false, true} {
		if err := p.computeSummary(ctx, m, all); err != nil {
			return err
		}
	}
	return p.computeRetention(ctx, m)
}

// readMarked reads anew those spaces that are marked for it of the day of one.
func (p *pass) readMarked(ctx context.Context) error {
	var day pgtype.Date
	var spaces []int32
	if err := p.tx.QueryRow(ctx, `
		WITH taken AS (
			UPDATE rollup_days
			SET parts = parts & ~64
			WHERE parts & 64 <> 0 AND activity_date = (SELECT activity_date FROM rollup_days WHERE parts & 64 <> 0 LIMIT 1)
			RETURNING activity_date, space_id
		)
		SELECT max(activity_date), array_agg(space_id)
		FROM taken`).Scan(&day, &spaces); err != nil {
		return fmt.Errorf("see what is to be read anew: %w", err)
	}
	m, err := p.readAnew(ctx, day, day, spaces)
	if err != nil {
		return err
	}
	return p.exec(ctx, "mark what was read anew", `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT DISTINCT space_id, activity_date, 7
		FROM unnest(@spaces::integer[], @dates::date[]) AS i (space_id, activity_date)
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`, m.args())
}

// Which rows of days are read anew: those of the spaces; null: of all.
const (
	here      = `(@spaces::integer[] IS NULL OR space_id = ANY (@spaces))`
	fromFirst = `>= day_start(@first, @zone) - interval '3 hours'`
	toLast    = `< day_start(@last::date + 1, @zone) + interval '3 hours'`
)

// readAnew replaces what the rollups say of days, of all spaces or of some, by
// what messages and reactions tell, and returns the days of spaces that it read.
// Changes that this transaction sees are in what it reads, and are taken before;
// others stay for the next pass. Reactions received are left to be computed.
func (p *pass) readAnew(ctx context.Context, first, last pgtype.Date, spaces []int32) (*marked, error) {
	args := pgx.NamedArgs{"first": first, "last": last, "spaces": spaces, "zone": p.zone}
	for taken := p.maxChanges; taken >= p.maxChanges; {
		var err error
		if taken, err = p.takeChanges(ctx); err != nil {
			return nil, err
		}
	}
	m := &marked{}
	rows, _ := p.tx.Query(ctx, `
		WITH gone AS (
			DELETE FROM rollup_activity
			WHERE activity_date BETWEEN @first AND @last AND `+here+`
			RETURNING space_id, activity_date
		)
		SELECT DISTINCT space_id, activity_date, 7::smallint
		FROM gone`, args)
	if err := m.read(rows); err != nil {
		return nil, fmt.Errorf("drop the activity of days: %w", err)
	}
	if err := p.exec(ctx, "drop the hours of days", `
		WITH gone AS (
			DELETE FROM rollup_hours
			WHERE hour_at `+fromFirst+` AND hour_at `+toLast+`
				AND (hour_at AT TIME ZONE @zone)::date BETWEEN @first AND @last AND space_id <> 0 AND `+here+`
			RETURNING hour_at, messages, messages_human, messages_app, reactions
		)
		UPDATE rollup_hours h
		SET messages = h.messages - g.messages, messages_human = h.messages_human - g.messages_human,
			messages_app = h.messages_app - g.messages_app, reactions = h.reactions - g.reactions
		FROM (
			SELECT hour_at, sum(messages) AS messages, sum(messages_human) AS messages_human, sum(messages_app) AS messages_app,
				sum(reactions) AS reactions
			FROM gone
			GROUP BY hour_at
		) g
		WHERE h.space_id = 0 AND h.hour_at = g.hour_at`, args); err != nil {
		return nil, err
	}
	rows, _ = p.tx.Query(ctx, `
		WITH changed AS MATERIALIZED (
			SELECT quarter, space_id, user_id, state, 1 AS number
			FROM (
				SELECT quarter_of(create_time) AS quarter, space_id, COALESCE(sender_id, 0) AS user_id,
					message_state(deleted_at, edited_at, is_reply(name, thread)) AS state
				FROM stored_messages
				WHERE create_time `+fromFirst+` AND create_time `+toLast+` AND (create_time AT TIME ZONE @zone)::date BETWEEN @first AND @last
				UNION ALL
				SELECT quarter_of(added_at), space_id, COALESCE(user_id, 0), CASE WHEN present THEN 8 ELSE 9 END
				FROM stored_reactions
				WHERE added_at `+fromFirst+` AND added_at `+toLast+` AND (added_at AT TIME ZONE @zone)::date BETWEEN @first AND @last
			) x
			WHERE `+here+`
		), `+addChanged+`
		SELECT DISTINCT space_id, activity_date, 7::smallint
		FROM activity
		UNION ALL
		SELECT 0, day::date, 7::smallint
		FROM generate_series(@first::date, @last, interval '1 day') AS d (day)`, args)
	if err := m.read(rows); err != nil {
		return nil, fmt.Errorf("read days anew: %w", err)
	}
	// Of all spaces, which the days that wait are too many to be looked through for.
	if err := p.exec(ctx, "drop hours of all spaces that are no more", `
		DELETE FROM rollup_hours
		WHERE hour_at `+fromFirst+` AND hour_at `+toLast+`
			AND space_id = 0 AND messages = 0 AND messages_human = 0 AND messages_app = 0 AND reactions = 0`, args); err != nil {
		return nil, err
	}
	return m, p.countMembers(ctx, args)
}
