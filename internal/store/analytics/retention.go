package analytics

import "context"

// computeRetention computes the weeks of joiners that marked days are of: what
// somebody does in a week counts for those who joined in it or up to twelve
// weeks before. Weeks that have not ended have no rows.
func (p *pass) computeRetention(ctx context.Context, m *marked) error {
	return p.exec(ctx, "compute retention", `
		WITH asked AS MATERIALIZED (
			SELECT DISTINCT i.space_id, i.week - k * 7 AS week
			FROM (
				SELECT space_id, date_trunc('week', activity_date)::date AS week, parts
				FROM unnest(@spaces::integer[], @dates::date[], @parts::smallint[]) AS i (space_id, activity_date, parts)
			) i
			CROSS JOIN generate_series(0, 12) AS k
			WHERE i.week < date_trunc('week', @today::date)
				AND (parts & 1 <> 0 OR k = 0 AND parts & (8 | 32) <> 0)
		), joins AS MATERIALIZED (
			SELECT t.space_id, date_trunc('week', t.known_at AT TIME ZONE @zone)::date AS week, t.user_id
			FROM rollup_stays t
			JOIN users u ON u.id = t.user_id AND u.user_type = 'HUMAN'
			WHERE t.joined AND (t.space_id IN (SELECT space_id FROM asked) OR EXISTS (SELECT FROM asked WHERE space_id = 0))
		), joiners AS MATERIALIZED (
			SELECT DISTINCT space_id, week, j.user_id
			FROM (SELECT space_id, week, true AS asked FROM asked) a
			FULL JOIN joins j USING (space_id, week) -- as in computeSummary
			WHERE COALESCE(a.asked AND j.user_id > 0, false)
			UNION ALL
			SELECT DISTINCT 0, week, j.user_id
			FROM (SELECT week, true AS asked FROM asked WHERE space_id = 0) a
			FULL JOIN joins j USING (week)
			WHERE COALESCE(a.asked AND j.user_id > 0, false)
		), weeks AS (
			SELECT DISTINCT x.space_id, x.user_id, date_trunc('week', x.activity_date)::date AS week
			FROM rollup_activity x
			WHERE x.space_id IN (SELECT space_id FROM joiners) AND (x.messages > 0 OR x.given > 0)
				AND x.activity_date >= (SELECT min(week) FROM joiners) AND x.activity_date < (SELECT max(week) + 91 FROM joiners)
			UNION ALL
			SELECT DISTINCT 0, m.user_id, date_trunc('week', m.activity_date)::date
			FROM rollup_members m
			WHERE EXISTS (SELECT FROM joiners WHERE space_id = 0)
				AND m.activity_date >= (SELECT min(week) FROM joiners WHERE space_id = 0)
				AND m.activity_date < (SELECT max(week) + 91 FROM joiners WHERE space_id = 0)
		), active AS (
			SELECT space_id, j.week, (w.week - j.week) / 7 AS n, count(*) AS active
			FROM joiners j
			FULL JOIN weeks w USING (space_id, user_id)
			WHERE COALESCE(w.week >= j.week AND w.week < j.week + 91, false)
			GROUP BY space_id, j.week, (w.week - j.week) / 7
		), now AS MATERIALIZED (
			SELECT week AS cohort_week, space_id, n AS week_number, j.joiners, COALESCE(a.active, 0) AS active
			FROM (SELECT space_id, week, n, count(*) AS joiners FROM joiners CROSS JOIN generate_series(0, 12) AS n GROUP BY space_id, week, n) j
			FULL JOIN active a USING (space_id, week, n)
			WHERE week + 7 * n < date_trunc('week', @today::date)
		), gone AS (
			DELETE FROM rollup_retention r
			USING asked a
			WHERE r.space_id = a.space_id AND r.cohort_week = a.week
				AND (r.space_id, r.cohort_week, r.week_number) NOT IN (SELECT space_id, cohort_week, week_number FROM now)
		)
		INSERT INTO rollup_retention AS r (cohort_week, space_id, joiners, active, week_number)
		SELECT cohort_week, space_id, joiners, active, week_number
		FROM now
		ON CONFLICT (space_id, cohort_week, week_number) DO UPDATE SET joiners = excluded.joiners, active = excluded.active
		WHERE (r.joiners, r.active) <> (excluded.joiners, excluded.active)`, m.args())
}
