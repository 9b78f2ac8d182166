package analytics

import "context"

// computeSummary computes the summary of days, and of those after them that look
// back to them. Who was active within 7 and 28 days is found by a sweep: each
// active day of a person begins an interval that the person's next one ends, or
// the seventh day; how many intervals a day lies in is a running sum.
func (p *pass) computeSummary(ctx context.Context, m *marked, all bool) error {
	if !m.has(all) {
		return nil
	}
	source, members, coverage := ofSpaces, membersOfSpaces, coverageOfSpaces
	if all {
		source, members, coverage = ofAll, membersOfAll, coverageOfAll
	}
	args := m.args()
	args["all"] = all
	return p.exec(ctx, "sum up days", `
			WITH asked AS MATERIALIZED (
				SELECT space_id, min(activity_date) AS since,
					max(CASE WHEN parts & 1 <> 0 THEN GREATEST(activity_date, LEAST(activity_date + 27, @today::date)) ELSE activity_date END) AS until
				FROM unnest(@spaces::integer[], @dates::date[], @parts::smallint[]) AS i (space_id, activity_date, parts)
				WHERE (space_id = 0) = @all AND parts & (1 | 8 | 16) <> 0
				GROUP BY space_id
				HAVING bit_or(parts) & (1 | 16) <> 0
			), activity AS MATERIALIZED (`+source+`
			), nexts AS ( -- how many who were active, or posting, on a day were so again how many days later, if within 28
				SELECT space_id, day, LEAST(next - day, 28) AS gap, count(*) AS active, 0 AS posting
				FROM (
					SELECT space_id, activity_date AS day, lead(activity_date) OVER (PARTITION BY space_id, user_id ORDER BY activity_date) AS next
					FROM activity
					WHERE user_type = 'HUMAN'
				) a
				GROUP BY space_id, day, LEAST(next - day, 28)
				UNION ALL
				SELECT space_id, day, LEAST(next - day, 28), 0, count(*)
				FROM (
					SELECT space_id, activity_date AS day, lead(activity_date) OVER (PARTITION BY space_id, user_id ORDER BY activity_date) AS next
					FROM activity
					WHERE user_type = 'HUMAN' AND messages > 0
				) p
				GROUP BY space_id, day, LEAST(next - day, 28)
			), numbers AS (
				SELECT space_id, day, sum(wau) AS wau, sum(mau) AS mau, sum(p7) AS p7, sum(p28) AS p28, bool_or(asked) AS asked
				FROM (
					SELECT n.space_id, i.day, n.active * i.week AS wau, n.active * i.month AS mau, n.posting * i.week AS p7, n.posting * i.month AS p28,
						false AS asked
					FROM nexts n
					CROSS JOIN LATERAL (
						VALUES (n.day, 1, 1), (n.day + LEAST(n.gap, 7), -1, 0), (n.day + COALESCE(n.gap, 28), 0, -1)
					) AS i (day, week, month)
					UNION ALL
					SELECT DISTINCT space_id, activity_date, 0, 0, 0, 0, false FROM activity
					UNION ALL
					SELECT space_id, g.day::date, 0, 0, 0, 0, true
					FROM asked
					CROSS JOIN generate_series(since, until, interval '1 day') AS g (day)
				) i
				GROUP BY space_id, day
			), days AS MATERIALIZED (
				SELECT space_id, activity_date AS day,
					count(*) FILTER (WHERE user_type = 'HUMAN') AS dau,
					count(*) FILTER (WHERE user_type = 'HUMAN' AND messages > 0) AS posting,
					sum(messages) AS messages,
					sum(messages) FILTER (WHERE user_type = 'HUMAN') AS human,
					sum(messages) FILTER (WHERE user_type = 'BOT') AS app,
					sum(threads) AS threads, sum(replies) AS replies, sum(edited) AS edited, sum(deleted) AS deleted, sum(present) AS present
				FROM activity
				GROUP BY space_id, activity_date
			), windows AS ( -- full joins: of what a statement has computed itself Postgres expects a few rows, and would compare each with each
				SELECT space_id, day, n.asked, sum(n.wau) OVER w AS wau, sum(n.mau) OVER w AS mau, sum(n.p7) OVER w AS p7, sum(n.p28) OVER w AS p28,
					max(day) FILTER (WHERE d.messages IS NOT NULL) OVER w AS last_active
				FROM numbers n
				FULL JOIN days d USING (space_id, day)
				WINDOW w AS (PARTITION BY space_id ORDER BY day)
			)`+members+coverage+`, now AS MATERIALIZED (
				SELECT day AS activity_date, space_id, COALESCE(d.dau, 0) AS dau, w.wau, w.mau, COALESCE(d.posting, 0) AS posting_1d,
					w.p7 AS posting_7d, w.p28 AS posting_28d, COALESCE(d.messages, 0) AS messages, COALESCE(d.human, 0) AS messages_human,
					COALESCE(d.app, 0) AS messages_app, COALESCE(d.threads, 0) AS threads, COALESCE(d.replies, 0) AS replies,
					COALESCE(d.edited, 0) AS edited, COALESCE(d.deleted, 0) AS deleted, COALESCE(d.present, 0) AS reactions,
					COALESCE(m.joins, 0) AS joins, COALESCE(m.leaves, 0) AS leaves, m.members, c.coverage, c.source
				FROM windows w
				FULL JOIN days d USING (space_id, day)
				FULL JOIN members m USING (space_id, day)
				FULL JOIN coverage c USING (space_id, day)
				WHERE COALESCE(w.asked, false) AND COALESCE(w.last_active > day - 28 OR c.own OR m.joins > 0 OR m.leaves > 0, false)
			), gone AS (
				DELETE FROM rollup_summary s
				USING asked a
				WHERE s.space_id = a.space_id AND s.activity_date BETWEEN a.since AND a.until
					AND (s.space_id, s.activity_date) NOT IN (SELECT space_id, activity_date FROM now)
			)
			INSERT INTO rollup_summary AS s (`+summaryColumns+`)
			SELECT `+summaryColumns+`
			FROM now
			ON CONFLICT (space_id, activity_date) DO UPDATE SET
				dau = excluded.dau, wau = excluded.wau, mau = excluded.mau, posting_1d = excluded.posting_1d, posting_7d = excluded.posting_7d,
				posting_28d = excluded.posting_28d, messages = excluded.messages, messages_human = excluded.messages_human,
				messages_app = excluded.messages_app, threads = excluded.threads, replies = excluded.replies, edited = excluded.edited,
				deleted = excluded.deleted, reactions = excluded.reactions, joins = excluded.joins, leaves = excluded.leaves,
				members = excluded.members, coverage = excluded.coverage, source = excluded.source
			WHERE s IS DISTINCT FROM excluded`, args)
}

// computeMembers computes who was there of days of which nothing else has changed. Days
// that get a row by it, or may lose it, are marked to be summed up.
func (p *pass) computeMembers(ctx context.Context, m *marked, all bool) error {
	if !m.has(all) {
		return nil
	}
	members := membersOfSpaces
	if all {
		members = membersOfAll
	}
	args := m.args()
	args["all"] = all
	return p.exec(ctx, "count members", `
			WITH asked AS MATERIALIZED (
				SELECT space_id, min(activity_date) AS since, max(activity_date) AS until
				FROM unnest(@spaces::integer[], @dates::date[], @parts::smallint[]) AS i (space_id, activity_date, parts)
				WHERE (space_id = 0) = @all AND parts & (1 | 8 | 16) <> 0
				GROUP BY space_id
				HAVING bit_or(parts) & (1 | 16) = 0
			)`+members+`, now AS MATERIALIZED (
				SELECT m.space_id, m.day, m.members, m.joins, m.leaves, s.joins + s.leaves AS moved
				FROM grid g
				JOIN members m USING (space_id, day)
				LEFT JOIN rollup_summary s ON s.space_id = m.space_id AND s.activity_date = m.day
			), counted AS (
				UPDATE rollup_summary s
				SET members = n.members, joins = n.joins, leaves = n.leaves
				FROM now n
				WHERE s.space_id = n.space_id AND s.activity_date = n.day
					AND (s.members, s.joins, s.leaves) IS DISTINCT FROM (n.members, n.joins, n.leaves)
			)
			INSERT INTO rollup_days AS d (space_id, activity_date, parts)
			SELECT space_id, day, 16
			FROM now
			WHERE joins + leaves > 0 AND moved IS NULL OR joins + leaves = 0 AND moved > 0
			ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts`, args)
}

const summaryColumns = `activity_date, space_id, dau, wau, mau, posting_1d, posting_7d, posting_28d, messages, messages_human, messages_app,
	threads, replies, edited, deleted, reactions, joins, leaves, members, coverage, source`

// What the days rest on: of each space, and of all together.
const (
	ofSpaces = `
				SELECT a.space_id, a.activity_date, a.user_id, u.user_type, a.messages,
					CASE WHEN is_threaded(p.threading_state, p.space_type) THEN a.messages - a.replies ELSE 0 END AS threads,
					CASE WHEN is_threaded(p.threading_state, p.space_type) THEN a.replies ELSE 0 END AS replies,
					a.edited, a.deleted, a.present
				FROM asked i
				JOIN rollup_activity a ON a.space_id = i.space_id AND a.activity_date BETWEEN i.since - 27 AND i.until
				JOIN spaces p ON p.id = a.space_id
				LEFT JOIN users u ON u.id = a.user_id
				WHERE a.messages > 0 OR a.given > 0`
	ofAll = `
				SELECT i.space_id, a.activity_date, a.user_id, u.user_type, a.messages, a.threads, a.replies, a.edited, a.deleted, a.present
				FROM asked i
				JOIN rollup_members a ON a.activity_date BETWEEN i.since - 27 AND i.until
				LEFT JOIN users u ON u.id = a.user_id`
)

// Who is in a space at the end of a day came on it or before, and leaves later.
const (
	grid = `
				SELECT space_id, g.day::date AS day
				FROM asked
				CROSS JOIN generate_series(since, until, interval '1 day') AS g (day)`
	stays = `
			, grid AS MATERIALIZED (` + grid + `
			), stays AS MATERIALIZED (
				SELECT s.space_id, s.user_id, (s.known_at AT TIME ZONE @zone)::date AS since, (s.left_at AT TIME ZONE @zone)::date AS until, s.joined
				FROM rollup_stays s
				JOIN users u ON u.id = s.user_id
				WHERE u.user_type = 'HUMAN'`
	membersOfSpaces = stays + ` AND s.space_id IN (SELECT space_id FROM asked)
			), edges AS (
				SELECT space_id, day, sum(n) AS n, sum(known) AS known, sum(joins) AS joins, sum(leaves) AS leaves
				FROM (
					SELECT space_id, since AS day, 1 AS n, 1 AS known, joined::integer AS joins, 0 AS leaves FROM stays
					UNION ALL
					SELECT space_id, until, -1, 0, 0, 1 FROM stays WHERE until IS NOT NULL
					UNION ALL
					SELECT space_id, day, 0, 0, 0, 0 FROM grid
				) e
				GROUP BY space_id, day
			), members AS MATERIALIZED (
				SELECT space_id, day, joins, leaves, CASE WHEN sum(known) OVER w > 0 THEN sum(n) OVER w END AS members
				FROM edges
				WINDOW w AS (PARTITION BY space_id ORDER BY day)
			)`
	// Who is in several spaces is one person.
	membersOfAll = stays + ` AND EXISTS (SELECT FROM asked)
			), edges AS (
				SELECT day, sum(n) AS n, sum(known) AS known, sum(joins) AS joins, sum(leaves) AS leaves
				FROM (
					SELECT lower(r) AS day, 1 AS n, 0 AS known, 0 AS joins, 0 AS leaves
					FROM (SELECT unnest(range_agg(daterange(since, until))) AS r FROM stays GROUP BY user_id) x
					UNION ALL
					SELECT upper(r), -1, 0, 0, 0
					FROM (SELECT unnest(range_agg(daterange(since, until))) AS r FROM stays GROUP BY user_id) x
					WHERE upper(r) IS NOT NULL
					UNION ALL
					SELECT since, 0, 1, joined::integer, 0 FROM stays
					UNION ALL
					SELECT until, 0, 0, 0, 1 FROM stays WHERE until IS NOT NULL
					UNION ALL
					SELECT day, 0, 0, 0, 0 FROM grid
				) e
				GROUP BY day
			), members AS MATERIALIZED (
				SELECT 0 AS space_id, day, joins, leaves, CASE WHEN sum(known) OVER w > 0 THEN sum(n) OVER w END AS members
				FROM edges
				WINDOW w AS (ORDER BY day)
			)`
)

// Coverage is known up to when the keeper has looked. A wide target covers every
// space, but makes no rows of those in which nothing happens; what another covers
// of a gap is covered.
const (
	coverageOfSpaces = `
			, known AS MATERIALIZED (
				SELECT i.space_id, c.source, true AS own, tstzrange(c.from_time, GREATEST(c.from_time, c.to_time)) AS lasting
				FROM (SELECT space_id FROM asked) i
				JOIN spaces s ON s.id = i.space_id
				JOIN coverage_intervals c ON c.scope = s.space
				UNION ALL
				SELECT i.space_id, c.source, false, tstzrange(c.from_time, GREATEST(c.from_time, c.to_time))
				FROM (SELECT space_id FROM asked) i
				CROSS JOIN coverage_intervals c
				WHERE c.scope = 'spaces/-' OR c.scope LIKE 'customers/%' OR c.scope LIKE 'users/%'
			), bounds AS MATERIALIZED (
				SELECT day, day_start(day, @zone) AS since,
					LEAST(day_start(day + 1, @zone), (` + coveredUntil + `)) AS until
				FROM (SELECT DISTINCT day FROM grid) d
			), seconds AS (
				SELECT g.space_id, g.day, date_part('epoch', b.until - b.since) AS whole, bool_or(k.own) AS own,
					seconds_of(range_agg(k.lasting * tstzrange(b.since, b.until)) FILTER (WHERE k.source = 'live')) AS live,
					seconds_of(range_agg(k.lasting * tstzrange(b.since, b.until)) FILTER (WHERE k.source IN ('live', 'backfill'))) AS covered,
					seconds_of(range_agg(k.lasting * tstzrange(b.since, b.until))) AS asked
				FROM grid g
				JOIN bounds b ON b.day = g.day AND b.until > b.since
				JOIN known k ON k.space_id = g.space_id AND k.lasting && tstzrange(b.since, b.until)
				GROUP BY g.space_id, g.day, b.since, b.until
			), coverage AS MATERIALIZED (
				SELECT space_id, day, (covered / whole)::real AS coverage, own,
					CASE GREATEST(live, covered - live, asked - covered, whole - asked)
						WHEN live THEN 'live'
						WHEN covered - live THEN 'backfill'
						WHEN asked - covered THEN 'gap'
						ELSE 'none'
					END AS source
				FROM seconds
			)`
	coverageOfAll = `
			, coverage AS MATERIALIZED (
				SELECT g.space_id, g.day, avg(s.coverage)::real AS coverage, true AS own, mode() WITHIN GROUP (ORDER BY s.source) AS source
				FROM grid g
				JOIN rollup_summary s ON s.activity_date = g.day AND s.space_id <> 0 AND s.coverage IS NOT NULL
				GROUP BY g.space_id, g.day
			)`
)
