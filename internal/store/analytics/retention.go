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
		), joiners AS MATERIALIZED (
			SELECT DISTINCT a.space_id, a.week, t.user_id
			FROM asked a
			JOIN rollup_stays t ON t.joined AND date_trunc('week', t.known_at AT TIME ZONE @zone) = a.week
				AND (t.space_id = a.space_id OR a.space_id = 0)
			JOIN users u ON u.id = t.user_id AND u.user_type = 'HUMAN'
		), active AS (
			SELECT j.space_id, j.week, (x.activity_date - j.week) / 7 AS n, count(DISTINCT j.user_id) AS active
			FROM joiners j
			JOIN rollup_activity x ON x.user_id = j.user_id AND (x.space_id = j.space_id OR j.space_id = 0)
				AND x.activity_date >= j.week AND x.activity_date < j.week + 91
			WHERE x.messages > 0 OR x.given > 0
			GROUP BY j.space_id, j.week, (x.activity_date - j.week) / 7
		), now AS MATERIALIZED (
			SELECT j.week AS cohort_week, j.space_id, n AS week_number, j.joiners, COALESCE(a.active, 0) AS active
			FROM (SELECT space_id, week, count(*) AS joiners FROM joiners GROUP BY space_id, week) j
			CROSS JOIN generate_series(0, 12) AS n
			LEFT JOIN active a USING (space_id, week, n)
			WHERE j.week + 7 * n < date_trunc('week', @today::date)
		), gone AS (
			DELETE FROM rollup_retention r
			USING asked a
			WHERE r.space_id = a.space_id AND r.cohort_week = a.week
				AND NOT EXISTS (
					SELECT FROM now n
					WHERE n.space_id = r.space_id AND n.cohort_week = r.cohort_week AND n.week_number = r.week_number
				)
		)
		INSERT INTO rollup_retention AS r (cohort_week, space_id, joiners, active, week_number)
		SELECT cohort_week, space_id, joiners, active, week_number
		FROM now
		ON CONFLICT (space_id, cohort_week, week_number) DO UPDATE SET joiners = excluded.joiners, active = excluded.active
		WHERE (r.joiners, r.active) <> (excluded.joiners, excluded.active)`, m.args())
}
