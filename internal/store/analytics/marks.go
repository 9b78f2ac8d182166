package analytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// mark is what has changed of a space, or of a user.
type mark struct {
	kind string
	id   int32
}

// takeMarks has computed what marks ask for, and returns how many it took.
func (p *pass) takeMarks(ctx context.Context) (taken int, err error) {
	var m mark
	var found []mark
	var n int
	rows, _ := p.tx.Query(ctx, `
		WITH taken AS (
			DELETE FROM rollup_marks
			WHERE ctid = ANY (ARRAY(SELECT ctid FROM rollup_marks LIMIT @limit))
			RETURNING kind, id, from_time, to_time
		), covered AS (
			-- Of a wide target all spaces are marked of which anything is known.
			SELECT t.id, (t.from_time AT TIME ZONE @zone)::date AS since,
				LEAST((t.to_time AT TIME ZONE @zone)::date, @today::date) AS until
			FROM taken t
			WHERE t.kind = 'c'
		), marked AS (
			INSERT INTO rollup_days AS d (space_id, activity_date, parts)
			SELECT c.id, g.day::date, 16
			FROM covered c
			CROSS JOIN generate_series(c.since, c.until, interval '1 day') AS g (day)
			UNION
			SELECT s.space_id, s.activity_date, 16
			FROM covered c
			JOIN rollup_summary s ON s.activity_date BETWEEN c.since AND c.until
			WHERE c.id = 0
			UNION
			SELECT 0, g.day::date, 16
			FROM covered c
			CROSS JOIN generate_series(c.since, c.until, interval '1 day') AS g (day)
			ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts
		)
		SELECT kind::text, id, count(*)
		FROM taken
		GROUP BY kind, id`, pgx.NamedArgs{"limit": p.maxChanges, "zone": p.zone, "today": p.today})
	if err := store.Each(rows, []any{&m.kind, &m.id, &n}, func() { found, taken = append(found, m), taken+n }); err != nil {
		return 0, fmt.Errorf("take marks: %w", err)
	}
	of := func(kind string) (ids []int32) {
		for _, m := range found {
			if m.kind == kind {
				ids = append(ids, m.id)
			}
		}
		return ids
	}
	users, threaded := of("u"), of("s")
	if len(users)+len(threaded) > 0 {
		if err := p.exec(ctx, "mark days of users and spaces", `
			INSERT INTO rollup_days AS d (space_id, activity_date, parts)
			SELECT DISTINCT s.space_id, a.activity_date, CASE WHEN s.space_id = 0 THEN 5 ELSE 69 END
			FROM rollup_activity a
			CROSS JOIN LATERAL (VALUES (a.space_id), (0)) AS s (space_id)
			WHERE a.user_id = ANY (@users) OR a.space_id = ANY (@spaces)
			ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`,
			pgx.NamedArgs{"users": users, "spaces": threaded}); err != nil {
			return 0, err
		}
	}
	if len(users) > 0 {
		if err := p.exec(ctx, "mark days on which users were members", markStays+`
			FROM (
				SELECT space_id, (min(known_at) AT TIME ZONE @zone)::date AS since
				FROM rollup_stays
				WHERE user_id = ANY (@users)
				GROUP BY space_id
			) c`+andAll, pgx.NamedArgs{"users": users, "summed": nil}); err != nil {
			return 0, err
		}
	}
	spaces := of("m")
	if len(users) > 0 { // who may have been a member before anything else was known
		var id int32
		rows, _ := p.tx.Query(ctx, `
			SELECT DISTINCT m.space_id
			FROM users u
			JOIN stored_memberships m ON m.member = u.user_name
			WHERE u.id = ANY ($1) AND NOT EXISTS (SELECT FROM rollup_stays s WHERE s.space_id = m.space_id AND s.user_id = u.id)`, users)
		if err := store.Each(rows, []any{&id}, func() { spaces = append(spaces, id) }); err != nil {
			return 0, fmt.Errorf("find spaces of users: %w", err)
		}
		slices.Sort(spaces)
		spaces = slices.Compact(spaces)
	}
	if len(spaces) == 0 {
		return taken, nil
	}
	return taken, p.readStays(ctx, spaces, pgtype.Date{})
}

// markStays marks days from c.since to today, of the spaces and of all together.
const (
	markStays = `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT s.space_id, g.day::date, 8`
	andAll = `
		CROSS JOIN LATERAL (VALUES (c.space_id), (0)) AS s (space_id)
		CROSS JOIN generate_series(c.since, COALESCE(@summed::date - 1, GREATEST(c.since, @today::date)), interval '1 day') AS g (day)
		GROUP BY s.space_id, g.day
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`
)

// readStays reads who was in the spaces when, and marks the days from the first
// begin or end that changed: those before summed, which are summed up otherwise.
func (p *pass) readStays(ctx context.Context, spaces []int32, summed pgtype.Date) error {
	return p.exec(ctx, "read who was in spaces", `
		WITH now AS MATERIALIZED (
			SELECT i.space_id, u.id AS user_id, i.known_at, i.left_at, i.joined_at IS NOT NULL AS joined
			FROM membership_intervals i
			JOIN users u ON u.user_name = i.member
			WHERE i.space_id = ANY (@spaces)
		), was AS MATERIALIZED (
			SELECT space_id, user_id, known_at, left_at, joined
			FROM rollup_stays
			WHERE space_id = ANY (@spaces)
		), added AS (
			SELECT space_id, user_id, known_at, left_at, joined FROM now
			EXCEPT
			SELECT space_id, user_id, known_at, left_at, joined FROM was
		), dropped AS (
			SELECT space_id, user_id, known_at, left_at, joined FROM was
			EXCEPT
			SELECT space_id, user_id, known_at, left_at, joined FROM now
		), gone AS (
			DELETE FROM rollup_stays s
			USING dropped d
			WHERE s.space_id = d.space_id AND s.user_id = d.user_id AND s.known_at = d.known_at
				AND s.left_at IS NOT DISTINCT FROM d.left_at AND s.joined = d.joined
		), come AS (
			INSERT INTO rollup_stays (space_id, user_id, known_at, left_at, joined)
			SELECT space_id, user_id, known_at, left_at, joined
			FROM added
		), edges AS (
			SELECT space_id, user_id, known_at AS at, joined::integer AS edge, 1 AS n FROM added
			UNION ALL
			SELECT space_id, user_id, left_at, 2, 1 FROM added WHERE left_at IS NOT NULL
			UNION ALL
			SELECT space_id, user_id, known_at, joined::integer, -1 FROM dropped
			UNION ALL
			SELECT space_id, user_id, left_at, 2, -1 FROM dropped WHERE left_at IS NOT NULL
		), changed AS (
			SELECT space_id, (min(at) AT TIME ZONE @zone)::date AS since
			FROM (SELECT space_id, at FROM edges GROUP BY space_id, user_id, at, edge HAVING sum(n) <> 0) e
			GROUP BY space_id
		)`+markStays+`
		FROM changed c`+andAll, pgx.NamedArgs{"spaces": spaces, "summed": summed})
}

// beginDay gives watched spaces a row for each day that has begun, has retention
// computed of a week that has ended, and coverage of what the keeper has looked at.
func (p *pass) beginDay(ctx context.Context) error {
	if err := p.exec(ctx, "mark days that have begun", `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT s.space_id, g.day::date, 16
		FROM rollup_passes x
		CROSS JOIN generate_series(COALESCE(x.turned + 1, @today::date), @today::date, interval '1 day') AS g (day)
		CROSS JOIN LATERAL (
			SELECT space_id FROM rollup_summary WHERE activity_date >= x.turned
			UNION
			SELECT s.id FROM coverage c JOIN spaces s ON s.space = c.scope WHERE c.to_time IS NULL
			UNION
			SELECT 0
		) s
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`, nil); err != nil {
		return err
	}
	if err := p.exec(ctx, "mark weeks that have ended", `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT DISTINCT s.space_id, date_trunc('week', t.known_at AT TIME ZONE @zone)::date, 32
		FROM rollup_passes x
		JOIN rollup_stays t ON t.joined AND t.known_at >= day_start(x.turned - 98, @zone)
		CROSS JOIN LATERAL (VALUES (t.space_id), (0)) AS s (space_id)
		WHERE date_trunc('week', x.turned) < date_trunc('week', @today::date)
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`, nil); err != nil {
		return err
	}
	if err := p.exec(ctx, "mark days that were looked at", `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT s.space_id, s.activity_date, 16
		FROM rollup_passes x
		JOIN rollup_summary s ON s.activity_date BETWEEN COALESCE((x.covered_until AT TIME ZONE @zone)::date, @today::date) AND @today::date
		WHERE x.covered_until IS DISTINCT FROM (`+coveredUntil+`)
			-- What goes on stays whole.
			AND NOT (s.space_id <> 0 AND s.coverage = 1 AND EXISTS (
				SELECT
				FROM spaces p
				JOIN coverage c ON c.scope = p.space OR c.scope = 'spaces/-' OR c.scope LIKE 'customers/%' OR c.scope LIKE 'users/%'
				WHERE p.id = s.space_id AND c.to_time IS NULL AND c.source = 'live'
			))
		UNION -- and of which there is no row so far
		SELECT s.id, (u.until AT TIME ZONE @zone)::date, 16
		FROM rollup_passes x
		CROSS JOIN (SELECT (`+coveredUntil+`) AS until) u
		CROSS JOIN (SELECT s.id FROM coverage c JOIN spaces s ON s.space = c.scope WHERE c.to_time IS NULL UNION SELECT 0) s
		WHERE (u.until AT TIME ZONE @zone)::date > COALESCE((x.covered_until AT TIME ZONE @zone)::date, '-infinity')
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`, nil); err != nil {
		return err
	}
	return p.exec(ctx, "save that the day has begun", `
		UPDATE rollup_passes
		SET turned = @today, covered_until = (`+coveredUntil+`)`, nil)
}
