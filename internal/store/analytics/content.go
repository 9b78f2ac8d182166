package analytics

import "context"

// asked are days of spaces, each once; between are times that an index finds their
// rows by: more than the day, for zones whose clocks are changed at midnight.
const (
	asked = `
			SELECT DISTINCT space_id, activity_date AS day
			FROM unnest(@spaces::integer[], @dates::date[]) AS i (space_id, activity_date)`
	between = `day_start(day, @zone) - interval '3 hours' AS since, day_start(day + 1, @zone) + interval '3 hours' AS until`
)

// reactions are those of the asked days.
const reactions = `
		WITH asked AS MATERIALIZED (` + asked + `
		), bounds AS MATERIALIZED (
			SELECT day, ` + between + `
			FROM (SELECT DISTINCT day FROM asked) d
		), given AS MATERIALIZED (
			SELECT b.day, r.space_id, r.message, r.user_id, r.present, folded_emoji(r.emoji) AS emoji
			FROM bounds b
			JOIN stored_reactions r ON r.added_at >= b.since AND r.added_at < b.until
			WHERE (r.added_at AT TIME ZONE @zone)::date = b.day
		)`

// computeReactions computes emoji and received reactions of days.
func (p *pass) computeReactions(ctx context.Context, m *marked) error {
	if err := p.exec(ctx, "count emoji", reactions+`, now AS MATERIALIZED (
			SELECT a.day AS activity_date, a.space_id, g.emoji, count(*) AS reactions, count(DISTINCT g.user_id) AS members
			FROM asked a
			JOIN given g ON g.day = a.day AND g.space_id = a.space_id
			WHERE g.present AND g.emoji <> ''
			GROUP BY a.day, a.space_id, g.emoji
			UNION ALL
			SELECT a.day, 0, g.emoji, count(*), count(DISTINCT g.user_id)
			FROM asked a
			JOIN given g ON g.day = a.day
			WHERE a.space_id = 0 AND g.present AND g.emoji <> ''
			GROUP BY a.day, g.emoji
		), gone AS ( -- NOT IN is a hash, however few rows are expected in now
			DELETE FROM rollup_emoji e
			USING asked a
			WHERE e.space_id = a.space_id AND e.activity_date = a.day
				AND (e.space_id, e.activity_date, e.emoji) NOT IN (SELECT space_id, activity_date, emoji FROM now)
		)
		INSERT INTO rollup_emoji AS e (activity_date, space_id, reactions, members, emoji)
		SELECT activity_date, space_id, reactions, members, emoji
		FROM now
		ON CONFLICT (space_id, activity_date, emoji) DO UPDATE SET reactions = excluded.reactions, members = excluded.members
		WHERE (e.reactions, e.members) <> (excluded.reactions, excluded.members)`, m.args()); err != nil {
		return err
	}
	if err := p.exec(ctx, "count received reactions", reactions+`, now AS MATERIALIZED (
			SELECT a.day AS activity_date, a.space_id, s.sender_id AS user_id, count(*) AS received
			FROM asked a
			JOIN given g ON g.day = a.day AND g.space_id = a.space_id
			CROSS JOIN LATERAL (
				SELECT max(m.sender_id) AS sender_id -- of one: an order by time would read all of it
				FROM stored_messages m
				WHERE split_part(m.name, '.', 1) = split_part(g.message, '.', 1) AND m.space_id = g.space_id AND m.name = g.message
					AND m.create_time > '-infinity'
			) s
			WHERE s.sender_id <> COALESCE(g.user_id, 0)
			GROUP BY a.day, a.space_id, s.sender_id
		), gone AS (
			UPDATE rollup_activity x
			SET received = 0
			FROM asked a
			WHERE x.space_id = a.space_id AND x.activity_date = a.day AND x.received > 0
				AND (x.space_id, x.activity_date, x.user_id) NOT IN (SELECT space_id, activity_date, user_id FROM now)
		)
		INSERT INTO rollup_activity AS x (activity_date, space_id, user_id, messages, replies, edited, deleted, given, present, received)
		SELECT activity_date, space_id, user_id, 0, 0, 0, 0, 0, 0, received
		FROM now
		ON CONFLICT (space_id, activity_date, user_id) DO UPDATE SET received = excluded.received
		WHERE x.received <> excluded.received`, m.args()); err != nil {
		return err
	}
	return p.exec(ctx, "drop activity that is no more", `
		DELETE FROM rollup_activity x
		USING unnest(@spaces::integer[], @dates::date[]) AS i (space_id, activity_date)
		WHERE x.space_id = i.space_id AND x.activity_date = i.activity_date AND x.messages = 0 AND x.given = 0 AND x.received = 0`, m.args())
}

// daysOfThread is how many days before a day threads began that its replies and reactions
// count for: seven times 24 hours, which is eight days where clocks are set forward.
const daysOfThread = 8

// computeResponses computes what became of the threads whose first messages, replies
// or reactions changed: those that began on the day or up to so many days before.
func (p *pass) computeResponses(ctx context.Context, m *marked, before int) error {
	args := m.args()
	args["before"] = before
	if err := p.exec(ctx, "compute responses", `
		WITH asked AS MATERIALIZED (
			SELECT DISTINCT space_id, activity_date - k AS day
			FROM unnest(@spaces::integer[], @dates::date[], @parts::smallint[]) AS i (space_id, activity_date, parts)
			CROSS JOIN generate_series(0, @before::integer) AS k
			WHERE parts & (2 | 4) <> 0 AND space_id <> 0
		), bounds AS MATERIALIZED (
			SELECT day, `+between+`
			FROM (SELECT DISTINCT day + k AS day FROM (SELECT DISTINCT day FROM asked) d CROSS JOIN generate_series(0, 8) AS k) d
		), posts AS ( -- and reactions, which are of the thread of their message
			SELECT b.day, m.space_id, m.name, m.create_time AS at, m.sender_id, u.user_type = 'HUMAN' AS is_human,
				CASE WHEN is_reply(m.name, m.thread) THEN 'reply' ELSE 'root' END AS kind,
				CASE WHEN m.thread <> '' THEN m.thread ELSE split_part(m.name, '.', 1) END AS thread
			FROM bounds b
			CROSS JOIN LATERAL (
				SELECT space_id, name, thread, create_time, sender_id, deleted_at
				FROM stored_messages
				WHERE create_time >= b.since AND create_time < b.until
				OFFSET 0 -- each day by the index: taken for hundreds of days, it would be a scan of all
			) m
			LEFT JOIN users u ON u.id = m.sender_id
			WHERE (m.create_time AT TIME ZONE @zone)::date = b.day AND m.deleted_at IS NULL
				AND m.space_id IN (SELECT space_id FROM asked)
			UNION ALL
			SELECT b.day, x.space_id, x.message, x.added_at, x.user_id, true, 'reaction', split_part(x.message, '.', 1)
			FROM bounds b
			CROSS JOIN LATERAL (
				SELECT space_id, message, added_at, user_id, present
				FROM stored_reactions
				WHERE added_at >= b.since AND added_at < b.until
				OFFSET 0
			) x
			JOIN users u ON u.id = x.user_id AND u.user_type = 'HUMAN'
			WHERE (x.added_at AT TIME ZONE @zone)::date = b.day AND x.present AND x.space_id IN (SELECT space_id FROM asked)
		), threads AS (
			SELECT root_day AS day, space_id, count(*) FILTER (WHERE kind = 'reply' AND at >= began) AS depth,
				floor(date_part('epoch', min(at) FILTER (WHERE kind = 'reply' AND at >= began AND is_human AND sender_id <> author)
					- began))::integer AS seconds,
				bool_or(kind = 'reaction' AND name = root AND sender_id <> author) AS is_reacted
			FROM (
				SELECT space_id, thread, name, at, sender_id, is_human, kind, max(day) FILTER (WHERE kind = 'root' AND is_human) OVER w AS root_day,
					max(name) FILTER (WHERE kind = 'root') OVER w AS root, max(at) FILTER (WHERE kind = 'root') OVER w AS began,
					max(sender_id) FILTER (WHERE kind = 'root') OVER w AS author
				FROM posts
				WINDOW w AS (PARTITION BY space_id, thread)
			) p
			WHERE at < began + interval '168 hours'
			GROUP BY root_day, space_id, thread, began
		), now AS MATERIALIZED (
			SELECT t.day AS activity_date, t.space_id, count(*) AS roots, count(t.seconds) AS answered,
				count(*) FILTER (WHERE t.seconds IS NULL AND t.is_reacted) AS reacted_only,
				count(*) FILTER (WHERE t.depth = 0) AS depth_0, count(*) FILTER (WHERE t.depth = 1) AS depth_1,
				count(*) FILTER (WHERE t.depth = 2) AS depth_2, count(*) FILTER (WHERE t.depth BETWEEN 3 AND 5) AS depth_3_5,
				count(*) FILTER (WHERE t.depth BETWEEN 6 AND 10) AS depth_6_10, count(*) FILTER (WHERE t.depth > 10) AS depth_11,
				COALESCE(array_agg(t.seconds ORDER BY t.seconds) FILTER (WHERE t.seconds IS NOT NULL), '{}') AS response_seconds
			FROM threads t
			JOIN asked a ON a.space_id = t.space_id AND a.day = t.day
			GROUP BY t.day, t.space_id
		)`+saveResponses, args); err != nil {
		return err
	}
	return p.exec(ctx, "sum up responses", `
		WITH asked AS MATERIALIZED (
			SELECT DISTINCT 0 AS space_id, activity_date - k AS day
			FROM unnest(@dates::date[], @parts::smallint[]) AS i (activity_date, parts)
			CROSS JOIN generate_series(0, @before::integer) AS k
			WHERE parts & (2 | 4) <> 0
		), these AS MATERIALIZED (
			SELECT r.activity_date, r.roots, r.answered, r.reacted_only, r.depth_0, r.depth_1, r.depth_2, r.depth_3_5, r.depth_6_10, r.depth_11,
				r.response_seconds
			FROM asked a
			CROSS JOIN LATERAL (
				SELECT space_id, activity_date, roots, answered, reacted_only, depth_0, depth_1, depth_2, depth_3_5, depth_6_10, depth_11,
					response_seconds
				FROM rollup_responses
				WHERE activity_date = a.day
				OFFSET 0
			) r
			JOIN spaces s ON s.id = r.space_id AND is_threaded(s.threading_state, s.space_type)
		), seconds AS (
			SELECT t.activity_date, array_agg(x ORDER BY x) AS response_seconds
			FROM these t
			CROSS JOIN LATERAL unnest(t.response_seconds) AS x
			GROUP BY t.activity_date
		), now AS MATERIALIZED (
			SELECT t.activity_date, 0 AS space_id, sum(roots)::integer AS roots, sum(answered)::integer AS answered,
				sum(reacted_only)::integer AS reacted_only, sum(depth_0)::integer AS depth_0, sum(depth_1)::integer AS depth_1,
				sum(depth_2)::integer AS depth_2, sum(depth_3_5)::integer AS depth_3_5, sum(depth_6_10)::integer AS depth_6_10,
				sum(depth_11)::integer AS depth_11,
				COALESCE((SELECT s.response_seconds FROM seconds s WHERE s.activity_date = t.activity_date), '{}') AS response_seconds
			FROM these t
			GROUP BY t.activity_date
		)`+saveResponses, args)
}

const saveResponses = `, gone AS (
			DELETE FROM rollup_responses r
			USING asked a
			WHERE r.space_id = a.space_id AND r.activity_date = a.day
				AND (r.space_id, r.activity_date) NOT IN (SELECT space_id, activity_date FROM now)
		)
		INSERT INTO rollup_responses AS r (activity_date, space_id, roots, answered, reacted_only, depth_0, depth_1, depth_2, depth_3_5,
			depth_6_10, depth_11, response_seconds)
		SELECT activity_date, space_id, roots, answered, reacted_only, depth_0, depth_1, depth_2, depth_3_5, depth_6_10, depth_11,
			response_seconds
		FROM now
		ON CONFLICT (space_id, activity_date) DO UPDATE SET
			roots = excluded.roots, answered = excluded.answered, reacted_only = excluded.reacted_only, depth_0 = excluded.depth_0,
			depth_1 = excluded.depth_1, depth_2 = excluded.depth_2, depth_3_5 = excluded.depth_3_5, depth_6_10 = excluded.depth_6_10,
			depth_11 = excluded.depth_11, response_seconds = excluded.response_seconds
		WHERE r IS DISTINCT FROM excluded`
