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
// zone, zero: of all days. Each day is a transaction of its own, and a worker's
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
			return p.askRebuild(ctx, pgtype.Date{Time: since, Valid: !since.IsZero()})
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

// left counts days that are to be read or computed.
func (r *Rollups) left(ctx context.Context) (n int, err error) {
	ctx, cancel := r.db.WithTimeout(ctx)
	defer cancel()
	err = r.db.Pool().QueryRow(ctx, `
		SELECT COALESCE((SELECT rebuild_until - rebuild_from + 1 FROM rollup_passes), 0) + count(*)
		FROM rollup_days`).Scan(&n)
	return n, err
}

// askRebuild notes the days to be read anew: from the first that anything is of,
// as far as months of messages are still there, to the last.
func (p *pass) askRebuild(ctx context.Context, since pgtype.Date) error {
	return p.exec(ctx, "ask for a rebuild", `
		WITH there AS (
			SELECT GREATEST(LEAST(
					(SELECT (min(create_time) AT TIME ZONE @zone)::date FROM stored_messages WHERE create_time > '-infinity'),
					(SELECT (min(added_at) AT TIME ZONE @zone)::date FROM stored_reactions)), @since) AS first,
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
		SET rebuild_from = LEAST(rebuild_from, first), rebuild_until = last
		FROM there
		WHERE first <= last`, pgx.NamedArgs{"since": since})
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
		SET zone = @zone, turned = NULL, rebuild_from = NULL`, nil); err != nil {
		return err
	}
	if err := p.exec(ctx, "ask for all stays", `
		INSERT INTO rollup_marks (kind, id)
		SELECT 'm', space_id
		FROM stored_memberships
		GROUP BY space_id`, nil); err != nil {
		return err
	}
	if err := p.exec(ctx, "ask for all coverage", `
		INSERT INTO rollup_marks (kind, id, from_time, to_time)
		SELECT 'c', COALESCE(s.id, 0), min(c.from_time), max(COALESCE(c.to_time, now()))
		FROM coverage c
		LEFT JOIN spaces s ON s.space = c.scope
		GROUP BY s.id`, nil); err != nil {
		return err
	}
	return p.askRebuild(ctx, pgtype.Date{})
}

// rebuildDay reads one day anew.
func (p *pass) rebuildDay(ctx context.Context) error {
	var day pgtype.Date
	if err := p.tx.QueryRow(ctx, `SELECT rebuild_from FROM rollup_passes`).Scan(&day); err != nil {
		return fmt.Errorf("see which day is to be rebuilt: %w", err)
	}
	if err := p.readAnew(ctx, day, nil); err != nil {
		return err
	}
	return p.exec(ctx, "save how far the rebuild is", `
		UPDATE rollup_passes
		SET rebuild_from = CASE WHEN rebuild_from < rebuild_until THEN rebuild_from + 1 END,
			rebuild_until = CASE WHEN rebuild_from < rebuild_until THEN rebuild_until END`, nil)
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
	return p.readAnew(ctx, day, spaces)
}

// here is whether a row is of the spaces; null: of all.
const here = `(@spaces::integer[] IS NULL OR space_id = ANY (@spaces))`

// readAnew replaces what the rollups say of a day, of all spaces or of some, by
// what messages and reactions tell. Changes that this transaction sees are in what it
// reads, and are taken before; others stay for the next pass.
func (p *pass) readAnew(ctx context.Context, day pgtype.Date, spaces []int32) error {
	args := func() pgx.NamedArgs { return pgx.NamedArgs{"day": day, "spaces": spaces} }
	for taken := p.maxChanges; taken >= p.maxChanges; {
		var err error
		if taken, err = p.takeChanges(ctx); err != nil {
			return err
		}
	}
	// Reactions received are computed later: the days are marked for it.
	if err := p.exec(ctx, "drop the day's activity", `
		WITH gone AS (
			DELETE FROM rollup_activity
			WHERE activity_date = @day AND `+here+`
			RETURNING space_id
		)
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT DISTINCT s.space_id, @day::date, 7
		FROM gone g
		CROSS JOIN LATERAL (VALUES (g.space_id), (0)) AS s (space_id)
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`, args()); err != nil {
		return err
	}
	if err := p.exec(ctx, "drop the day's hours", `
		WITH gone AS (
			DELETE FROM rollup_hours
			WHERE hour_at >= day_start(@day, @zone) - interval '3 hours' AND hour_at < day_start(@day::date + 1, @zone) + interval '3 hours'
				AND (hour_at AT TIME ZONE @zone)::date = @day AND space_id <> 0 AND `+here+`
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
		WHERE h.space_id = 0 AND h.hour_at = g.hour_at`, args()); err != nil {
		return err
	}
	var users []int32
	var days []pgtype.Date
	if err := p.tx.QueryRow(ctx, `
		WITH changed AS MATERIALIZED (
			SELECT quarter, space_id, user_id, state, count(*)::integer AS number
			FROM (
				SELECT quarter_of(create_time) AS quarter, space_id, COALESCE(sender_id, 0) AS user_id,
					message_state(deleted_at, edited_at, is_reply(name, thread)) AS state
				FROM stored_messages
				WHERE create_time >= day_start(@day, @zone) - interval '3 hours' AND create_time < day_start(@day::date + 1, @zone) + interval '3 hours'
					AND (create_time AT TIME ZONE @zone)::date = @day
				UNION ALL
				SELECT quarter_of(added_at), space_id, COALESCE(user_id, 0), CASE WHEN present THEN 8 ELSE 9 END
				FROM stored_reactions
				WHERE added_at >= day_start(@day, @zone) - interval '3 hours' AND added_at < day_start(@day::date + 1, @zone) + interval '3 hours'
					AND (added_at AT TIME ZONE @zone)::date = @day
			) x
			WHERE `+here+`
			GROUP BY quarter, space_id, user_id, state
		), `+addChanged+`, days AS (
			INSERT INTO rollup_days AS d (space_id, activity_date, parts)
			SELECT DISTINCT s.space_id, @day::date, 7
			FROM changed c
			CROSS JOIN LATERAL (VALUES (c.space_id), (0)) AS s (space_id)
			ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts
		), members AS (
			SELECT c.user_id, t.activity_date
			FROM changed c
			JOIN times t ON t.quarter = c.quarter
			UNION
			SELECT user_id, activity_date
			FROM rollup_members
			WHERE activity_date = @day
		)
		SELECT COALESCE(array_agg(user_id), '{}'), COALESCE(array_agg(activity_date), '{}')
		FROM members`, pgx.NamedArgs{"day": day, "spaces": spaces, "zone": p.zone}).Scan(&users, &days); err != nil {
		return fmt.Errorf("read the day anew: %w", err)
	}
	// Of all spaces, which the days that wait are too many to be looked through for.
	if err := p.exec(ctx, "drop hours of all spaces that are no more", `
		DELETE FROM rollup_hours
		WHERE hour_at >= day_start(@day, @zone) - interval '3 hours' AND hour_at < day_start(@day::date + 1, @zone) + interval '3 hours'
			AND space_id = 0 AND messages = 0 AND messages_human = 0 AND messages_app = 0 AND reactions = 0`, args()); err != nil {
		return err
	}
	return p.countMembers(ctx, users, days)
}
