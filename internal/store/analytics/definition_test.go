package analytics_test

// definition holds what each rollup must say, in plain SQL on what the log has told.
// It is written apart from the code: without ranges, sweeps or sums of changes; each
// number of each day is counted by itself. Rows are text, so that they compare.
var definition = []struct{ table, columns, sql string }{
	{"rollup_activity", "activity_date, space_id, user_id, messages, replies, edited, deleted, given, present, received", `
		SELECT day, space_id, user_id, sum(m), sum(r), sum(e), sum(d), sum(g), sum(p), sum(x)
		FROM (
			SELECT (create_time AT TIME ZONE zone)::date AS day, space_id, COALESCE(sender_id, 0) AS user_id, 1 AS m, is_reply(name, thread)::int AS r,
				edited::int AS e, (deleted_at IS NOT NULL)::int AS d, 0 AS g, 0 AS p, 0 AS x
			FROM placed, reporting
			UNION ALL
			SELECT (added_at AT TIME ZONE zone)::date, space_id, COALESCE(user_id, 0), 0, 0, 0, 0, 1, present::int, 0
			FROM given, reporting
			UNION ALL
			SELECT (g.added_at AT TIME ZONE zone)::date, g.space_id, m.sender_id, 0, 0, 0, 0, 0, 0, 1
			FROM given g
			JOIN placed m ON m.space_id = g.space_id AND m.name = g.message AND m.sender_id <> COALESCE(g.user_id, 0)
			CROSS JOIN reporting
		) x
		GROUP BY 1, 2, 3`},
	{"rollup_members", "activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present", `
		SELECT day, user_id, count(DISTINCT space_id), sum(m), sum(t), sum(r), sum(e), sum(d), sum(g), sum(p)
		FROM did
		GROUP BY 1, 2`},
	{"rollup_hours", "hour_at, space_id, messages, messages_human, messages_app, reactions", `
		SELECT date_trunc('hour', at AT TIME ZONE zone) AT TIME ZONE zone + CASE
				-- The second of the two hours that have one name.
				WHEN date_trunc('hour', at AT TIME ZONE zone) AT TIME ZONE zone + interval '1 hour' <= at THEN interval '1 hour'
				WHEN date_trunc('hour', at AT TIME ZONE zone) AT TIME ZONE zone > at THEN interval '-1 hour'
				ELSE interval '0' END,
			s, sum(m), COALESCE(sum(m) FILTER (WHERE user_type = 'HUMAN'), 0), COALESCE(sum(m) FILTER (WHERE user_type = 'BOT'), 0), sum(g)
		FROM did
		CROSS JOIN reporting
		CROSS JOIN LATERAL (VALUES (space_id), (0)) AS either (s)
		GROUP BY 1, 2`},
	{"rollup_summary", "activity_date, space_id, dau, wau, mau, posting_1d, posting_7d, posting_28d, messages, messages_human, messages_app, " +
		"threads, replies, edited, deleted, reactions, joins, leaves, members, round(coverage::float8::numeric, 5), source", `
		SELECT d.day, s.id, COALESCE(n.dau, 0), COALESCE(n.wau, 0), COALESCE(n.mau, 0), COALESCE(n.posting_1d, 0), COALESCE(n.posting_7d, 0),
			COALESCE(n.posting_28d, 0), COALESCE(n.m, 0), COALESCE(n.human, 0), COALESCE(n.app, 0), COALESCE(n.t, 0), COALESCE(n.r, 0),
			COALESCE(n.e, 0), COALESCE(n.d, 0), COALESCE(n.p, 0), COALESCE(y.joins, 0), COALESCE(y.leaves, 0), y.members,
			round(c.covered, 5), c.source
		FROM days d
		CROSS JOIN (SELECT id FROM spaces UNION ALL SELECT 0) s
		LEFT JOIN ( -- each day looks at all that was done in the 28 days up to it
			SELECT d.day, s AS id,
				count(DISTINCT user_id) FILTER (WHERE user_type = 'HUMAN' AND x.day = d.day) AS dau,
				count(DISTINCT user_id) FILTER (WHERE user_type = 'HUMAN' AND x.day BETWEEN d.day - 6 AND d.day) AS wau,
				count(DISTINCT user_id) FILTER (WHERE user_type = 'HUMAN') AS mau,
				count(DISTINCT user_id) FILTER (WHERE m > 0 AND user_type = 'HUMAN' AND x.day = d.day) AS posting_1d,
				count(DISTINCT user_id) FILTER (WHERE m > 0 AND user_type = 'HUMAN' AND x.day BETWEEN d.day - 6 AND d.day) AS posting_7d,
				count(DISTINCT user_id) FILTER (WHERE m > 0 AND user_type = 'HUMAN') AS posting_28d,
				sum(m) FILTER (WHERE x.day = d.day) AS m, sum(m) FILTER (WHERE x.day = d.day AND user_type = 'HUMAN') AS human,
				sum(m) FILTER (WHERE x.day = d.day AND user_type = 'BOT') AS app, sum(t) FILTER (WHERE x.day = d.day) AS t,
				sum(r) FILTER (WHERE x.day = d.day) AS r, sum(e) FILTER (WHERE x.day = d.day) AS e,
				sum(x.d) FILTER (WHERE x.day = d.day) AS d, sum(p) FILTER (WHERE x.day = d.day) AS p
			FROM days d
			JOIN did x ON x.day BETWEEN d.day - 27 AND d.day
			CROSS JOIN LATERAL (VALUES (x.space_id), (0)) AS either (s)
			GROUP BY 1, 2
		) n USING (day, id)
		LEFT JOIN (
			SELECT d.day, s AS id, count(*) FILTER (WHERE joined_day = d.day) AS joins, count(*) FILTER (WHERE left_day = d.day) AS leaves,
				CASE WHEN s = 0 THEN count(DISTINCT user_id) FILTER (WHERE (left_day <= d.day) IS NOT TRUE)
					ELSE count(*) FILTER (WHERE (left_day <= d.day) IS NOT TRUE) END AS members
			FROM days d
			JOIN stays y ON known_day <= d.day
			CROSS JOIN LATERAL (VALUES (space_id), (0)) AS either (s)
			GROUP BY 1, 2
		) y USING (day, id)
		LEFT JOIN seen c ON c.day = d.day AND c.space_id = s.id
		WHERE c.shown OR y.joins > 0 OR y.leaves > 0 OR n.mau IS NOT NULL`},
	{"rollup_emoji", "activity_date, space_id, emoji, reactions, members", `
		SELECT (added_at AT TIME ZONE zone)::date, s, replace(replace(emoji, '🏽', ''), U&'\FE0F', ''), count(*), count(DISTINCT user_id)
		FROM given
		CROSS JOIN reporting
		CROSS JOIN LATERAL (VALUES (space_id), (0)) AS either (s)
		WHERE present AND emoji IS NOT NULL
		GROUP BY 1, 2, 3`},
	{"rollup_responses", "activity_date, space_id, roots, answered, reacted_only, depth_0, depth_1, depth_2, depth_3_5, depth_6_10, depth_11, response_seconds", `
		SELECT (create_time AT TIME ZONE zone)::date, s, count(*), count(waited), count(*) FILTER (WHERE waited IS NULL AND reacted),
			count(*) FILTER (WHERE depth = 0), count(*) FILTER (WHERE depth = 1), count(*) FILTER (WHERE depth = 2),
			count(*) FILTER (WHERE depth IN (3, 4, 5)), count(*) FILTER (WHERE depth IN (6, 7, 8, 9, 10)), count(*) FILTER (WHERE depth >= 11),
			COALESCE(array_agg(floor(extract(epoch FROM waited))::int ORDER BY waited) FILTER (WHERE waited IS NOT NULL), '{}')
		FROM (
			SELECT m.create_time, m.space_id, is_threaded(p.threading_state, p.space_type) AS threaded,
				(SELECT min(r.create_time) - m.create_time FROM replies r JOIN users v ON v.id = r.sender_id AND v.user_type = 'HUMAN'
					WHERE r.space_id = m.space_id AND r.root = m.name AND r.sender_id <> m.sender_id
						AND r.create_time BETWEEN m.create_time AND m.create_time + interval '604799.999999 seconds') AS waited,
				(SELECT count(*) FROM replies r
					WHERE r.space_id = m.space_id AND r.root = m.name
						AND r.create_time BETWEEN m.create_time AND m.create_time + interval '604799.999999 seconds') AS depth,
				EXISTS (SELECT FROM given g JOIN users v ON v.id = g.user_id AND v.user_type = 'HUMAN'
					WHERE g.space_id = m.space_id AND g.message = m.name AND g.present AND g.user_id <> m.sender_id
						AND g.added_at < m.create_time + interval '604800 seconds') AS reacted
			FROM placed m
			JOIN spaces p ON p.id = m.space_id
			JOIN users u ON u.id = m.sender_id AND u.user_type = 'HUMAN'
			WHERE m.deleted_at IS NULL AND NOT is_reply(m.name, m.thread)
		) roots
		CROSS JOIN reporting
		CROSS JOIN LATERAL (VALUES (space_id), (0)) AS either (s)
		WHERE s <> 0 OR threaded
		GROUP BY 1, 2`},
	{"rollup_retention", "cohort_week, space_id, week_number, joiners, active", `
		SELECT j.week, j.space_id, n, count(*), count(*) FILTER (WHERE EXISTS (
			SELECT FROM did x
			WHERE x.user_id = j.user_id AND j.space_id IN (0, x.space_id) AND x.day BETWEEN j.week + 7 * n AND j.week + 7 * n + 6))
		FROM (
			SELECT DISTINCT joined_day - (extract(isodow FROM joined_day)::int - 1) AS week, s AS space_id, user_id
			FROM stays
			CROSS JOIN LATERAL (VALUES (space_id), (0)) AS either (s)
			WHERE joined_day IS NOT NULL
		) j
		CROSS JOIN generate_series(0, 12) n
		WHERE j.week + 7 * n + 7 <= (SELECT (@today::timestamptz AT TIME ZONE zone)::date FROM reporting) - (extract(isodow FROM (SELECT (@today::timestamptz AT TIME ZONE zone)::date FROM reporting))::int - 1)
		GROUP BY 1, 2, 3`},
}

// facts are what the definitions rest on.
const facts = `
	WITH placed AS (
		SELECT m.*, EXISTS ( -- an edit among its versions, the one of now or one of before
			SELECT
			FROM (
				SELECT m.verb_order, m.version_time, m.event_time WHERE m.text IS NOT NULL
				UNION ALL
				SELECT r.verb_order, r.version_time, r.event_time FROM stored_revisions r WHERE r.space_id = m.space_id AND r.name = m.name
			) v
			WHERE v.verb_order = 2 OR v.version_time <> v.event_time
		) AS edited
		FROM stored_messages m
		WHERE create_time > '-infinity'
	), given AS (
		SELECT * FROM stored_reactions WHERE added_at IS NOT NULL
	), did AS (
		SELECT (at AT TIME ZONE zone)::date AS day, a.*, u.user_type
		FROM (
			SELECT m.create_time AS at, m.space_id, COALESCE(m.sender_id, 0) AS user_id, 1 AS m,
				(NOT is_reply(m.name, m.thread) AND is_threaded(p.threading_state, p.space_type) IS TRUE)::int AS t,
				(is_reply(m.name, m.thread) AND is_threaded(p.threading_state, p.space_type) IS TRUE)::int AS r,
				edited::int AS e, (m.deleted_at IS NOT NULL)::int AS d, 0 AS g, 0 AS p
			FROM placed m
			JOIN spaces p ON p.id = m.space_id
			UNION ALL
			SELECT added_at, space_id, COALESCE(user_id, 0), 0, 0, 0, 0, 0, 1, present::int FROM given
		) a
		CROSS JOIN reporting
		LEFT JOIN users u ON u.id = a.user_id
	), replies AS (
		SELECT r.*, r.space_id AS of, (
			SELECT t.name FROM placed t
			WHERE t.space_id = r.space_id AND NOT is_reply(t.name, t.thread)
				AND split_part(t.name, '.', 1) = CASE WHEN r.thread <> '' THEN r.thread ELSE split_part(r.name, '.', 1) END
		) AS root
		FROM placed r
		WHERE r.deleted_at IS NULL AND is_reply(r.name, r.thread)
	), stays AS (
		SELECT i.space_id, u.id AS user_id, (i.known_at AT TIME ZONE zone)::date AS known_day, (i.joined_at AT TIME ZONE zone)::date AS joined_day,
			(i.left_at AT TIME ZONE zone)::date AS left_day
		FROM (SELECT DISTINCT space_id, member, known_at, joined_at, left_at FROM membership_intervals) i
		CROSS JOIN reporting
		JOIN users u ON u.user_name = i.member AND u.user_type = 'HUMAN'
	), days AS (
		SELECT d::date AS day
		FROM generate_series((SELECT (@today::timestamptz AT TIME ZONE zone)::date FROM reporting) - 160, GREATEST((SELECT (@today::timestamptz AT TIME ZONE zone)::date FROM reporting), (SELECT max(day) FROM did)), '1 day') d
	), quarters AS (
		-- Intervals of coverage begin and end with hours: each quarter of one is in one or is not.
		SELECT (at AT TIME ZONE zone)::date AS day, s.id AS space_id, at, bool_or(c.source = 'live') AS live, bool_or(c.source <> 'gap') AS covered,
			bool_or(c.scope = s.space) AS own
		FROM coverage_intervals c
		JOIN spaces s ON c.scope IN (s.space, 'spaces/-')
		CROSS JOIN reporting
		CROSS JOIN LATERAL generate_series(c.from_time, c.to_time - interval '15 minutes', interval '15 minutes') at
		WHERE at < (SELECT max(to_time) FROM coverage_intervals WHERE source = 'live' OR NOT goes_on)
		GROUP BY 1, 2, 3
	), seen_spaces AS (
		SELECT q.day, space_id, covered / whole AS covered,
			CASE GREATEST(live, covered - live, asked - covered, whole - asked)
				WHEN live THEN 'live'
				WHEN covered - live THEN 'backfill'
				WHEN asked - covered THEN 'gap'
				ELSE 'none'
			END AS source,
			own OR EXISTS (SELECT FROM did x WHERE x.space_id = q.space_id AND x.day BETWEEN q.day - 27 AND q.day)
				OR EXISTS (SELECT FROM stays y WHERE y.space_id = q.space_id AND q.day IN (y.joined_day, y.left_day)) AS shown
		FROM (
			SELECT day, space_id, count(*) FILTER (WHERE live) AS live, count(*) FILTER (WHERE covered) AS covered, count(*) AS asked, bool_or(own) AS own
			FROM quarters
			GROUP BY day, space_id
		) q
		JOIN (
			SELECT day, extract(epoch FROM LEAST((day + 1)::timestamp AT TIME ZONE zone,
				(SELECT max(to_time) FROM coverage_intervals WHERE source = 'live' OR NOT goes_on)) - day::timestamp AT TIME ZONE zone) / 900 AS whole
			FROM days, reporting
		) w USING (day)
	), seen AS (
		SELECT * FROM seen_spaces
		UNION ALL
		SELECT day, 0, avg(covered), mode() WITHIN GROUP (ORDER BY source), true FROM seen_spaces WHERE shown GROUP BY day
	)`
