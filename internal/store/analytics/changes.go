package analytics

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// dayAndHour are of a quarter of an hour q, in the zone @zone: all zones are whole
// quarters away from UTC. Asia/Kathmandu's hours begin at 15 minutes past.
const dayAndHour = `(to_timestamp(q * 900.0) AT TIME ZONE @zone)::date AS activity_date,
	date_trunc('hour', to_timestamp(q * 900.0), @zone) AS hour_at`

// A change is numbers to be added: those of the rows there are less those of the
// rows that were. So they are right whatever was changed, and how often.
const (
	sumUp = `
		SELECT t.activity_date, c.space_id, c.user_id,
			COALESCE(sum(c.number) FILTER (WHERE c.state < 8), 0)::integer AS messages,
			COALESCE(sum(c.number) FILTER (WHERE c.state < 8 AND c.state & 1 <> 0), 0)::integer AS replies,
			COALESCE(sum(c.number) FILTER (WHERE c.state & 2 <> 0), 0)::integer AS edited,
			COALESCE(sum(c.number) FILTER (WHERE c.state & 4 <> 0), 0)::integer AS deleted,
			COALESCE(sum(c.number) FILTER (WHERE c.state >= 8), 0)::integer AS given,
			COALESCE(sum(c.number) FILTER (WHERE c.state = 8), 0)::integer AS present
		FROM changed c
		JOIN times t ON t.quarter = c.quarter
		GROUP BY t.activity_date, c.space_id, c.user_id`
	addActivity = `
		INSERT INTO rollup_activity AS a (activity_date, space_id, user_id, messages, replies, edited, deleted, given, present)
		SELECT activity_date, space_id, user_id, messages, replies, edited, deleted, given, present
		FROM sums
		ON CONFLICT (space_id, activity_date, user_id) DO UPDATE SET
			messages = a.messages + excluded.messages,
			replies = a.replies + excluded.replies,
			edited = a.edited + excluded.edited,
			deleted = a.deleted + excluded.deleted,
			given = a.given + excluded.given,
			present = a.present + excluded.present
		RETURNING activity_date, space_id, user_id, messages, given`
	addHours = `
		INSERT INTO rollup_hours AS h (hour_at, space_id, messages, messages_human, messages_app, reactions)
		SELECT t.hour_at, s.space_id,
			COALESCE(sum(c.number) FILTER (WHERE c.state < 8), 0),
			COALESCE(sum(c.number) FILTER (WHERE c.state < 8 AND u.user_type = 'HUMAN'), 0),
			COALESCE(sum(c.number) FILTER (WHERE c.state < 8 AND u.user_type = 'BOT'), 0),
			COALESCE(sum(c.number) FILTER (WHERE c.state >= 8), 0)
		FROM changed c
		JOIN times t ON t.quarter = c.quarter
		CROSS JOIN LATERAL (VALUES (c.space_id), (0)) AS s (space_id)
		LEFT JOIN users u ON u.id = c.user_id
		GROUP BY t.hour_at, s.space_id
		HAVING sum(c.number) FILTER (WHERE c.state < 8) <> 0 OR sum(c.number) FILTER (WHERE c.state >= 8) <> 0
			-- Of a message whose deletion came first only now is known who sent it.
			OR sum(c.number) FILTER (WHERE c.state < 8 AND u.user_type = 'HUMAN') <> 0
			OR sum(c.number) FILTER (WHERE c.state < 8 AND u.user_type = 'BOT') <> 0
		ON CONFLICT (space_id, hour_at) DO UPDATE SET
			messages = h.messages + excluded.messages,
			messages_human = h.messages_human + excluded.messages_human,
			messages_app = h.messages_app + excluded.messages_app,
			reactions = h.reactions + excluded.reactions
		RETURNING messages, reactions`
	// A day is read once for each quarter, of which there are few.
	addChanged = `times AS MATERIALIZED (
			SELECT q AS quarter, ` + dayAndHour + `
			FROM (SELECT DISTINCT quarter AS q FROM changed) q
		), sums AS MATERIALIZED (` + sumUp + `
		), activity AS (` + addActivity + `
		), hours AS (` + addHours + `
		)`

	addMembers = `
		INSERT INTO rollup_members AS m (activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present)
		SELECT activity_date, user_id, sum(came), sum(messages), sum(threads), sum(replies), sum(edited), sum(deleted), sum(given), sum(present)
		FROM did
		GROUP BY activity_date, user_id
		ON CONFLICT (activity_date, user_id) DO UPDATE SET
			spaces = m.spaces + excluded.spaces,
			messages = m.messages + excluded.messages,
			threads = m.threads + excluded.threads,
			replies = m.replies + excluded.replies,
			edited = m.edited + excluded.edited,
			deleted = m.deleted + excluded.deleted,
			given = m.given + excluded.given,
			present = m.present + excluded.present`
	// Whether somebody is active (came) or posting (posted) who was not, on that day:
	// 1, or -1 who no longer is.
	did = `
		SELECT s.activity_date, s.space_id, s.user_id, s.messages, s.edited, s.deleted, s.given, s.present,
			CASE WHEN is_threaded(p.threading_state, p.space_type) THEN s.messages - s.replies ELSE 0 END AS threads,
			CASE WHEN is_threaded(p.threading_state, p.space_type) THEN s.replies ELSE 0 END AS replies,
			(a.messages > 0 OR a.given > 0)::integer - (a.messages - s.messages > 0 OR a.given - s.given > 0)::integer AS came,
			(a.messages > 0)::integer - (a.messages - s.messages > 0)::integer AS posted
		FROM sums s
		JOIN activity a USING (space_id, activity_date, user_id)
		JOIN spaces p ON p.id = s.space_id`
	// rollup_members is as it was before this statement.
	didInAll = `
		SELECT s.activity_date, 0 AS space_id, s.user_id, s.messages, s.edited, s.deleted, s.given, s.present, s.threads, s.replies,
			(COALESCE(m.spaces, 0) + s.came > 0)::integer - (COALESCE(m.spaces, 0) > 0)::integer,
			(COALESCE(m.messages, 0) + s.messages > 0)::integer - (COALESCE(m.messages, 0) > 0)::integer
		FROM (
			SELECT activity_date, user_id, sum(messages) AS messages, sum(edited) AS edited, sum(deleted) AS deleted, sum(given) AS given,
				sum(present) AS present, sum(threads) AS threads, sum(replies) AS replies, sum(came) AS came
			FROM did
			GROUP BY activity_date, user_id
		) s
		LEFT JOIN rollup_members m USING (activity_date, user_id)`
	// Somebody who becomes active today counts in wau and mau already if they were active
	// on one of their days before. Days before today, and of which somebody is no longer
	// active, are marked to be summed up; days to come are when they begin.
	addToday = `
		UPDATE rollup_summary t
		SET dau = t.dau + n.dau, wau = t.wau + n.wau, mau = t.mau + n.mau, posting_1d = t.posting_1d + n.posting_1d,
			posting_7d = t.posting_7d + n.posting_7d, posting_28d = t.posting_28d + n.posting_28d, messages = t.messages + n.messages,
			messages_human = t.messages_human + n.human, messages_app = t.messages_app + n.app, threads = t.threads + n.threads,
			replies = t.replies + n.replies, edited = t.edited + n.edited, deleted = t.deleted + n.deleted, reactions = t.reactions + n.present
		FROM (
			SELECT w.space_id, COALESCE(sum(w.came) FILTER (WHERE u.user_type = 'HUMAN'), 0) AS dau,
				COALESCE(sum(w.came) FILTER (WHERE u.user_type = 'HUMAN' AND (b.active < @today::date - 6) IS NOT FALSE), 0) AS wau,
				COALESCE(sum(w.came) FILTER (WHERE u.user_type = 'HUMAN' AND b.active IS NULL), 0) AS mau,
				COALESCE(sum(w.posted) FILTER (WHERE u.user_type = 'HUMAN'), 0) AS posting_1d,
				COALESCE(sum(w.posted) FILTER (WHERE u.user_type = 'HUMAN' AND (b.posting < @today::date - 6) IS NOT FALSE), 0) AS posting_7d,
				COALESCE(sum(w.posted) FILTER (WHERE u.user_type = 'HUMAN' AND b.posting IS NULL), 0) AS posting_28d,
				sum(w.messages) AS messages, COALESCE(sum(w.messages) FILTER (WHERE u.user_type = 'HUMAN'), 0) AS human,
				COALESCE(sum(w.messages) FILTER (WHERE u.user_type = 'BOT'), 0) AS app, sum(w.threads) AS threads, sum(w.replies) AS replies,
				sum(w.edited) AS edited, sum(w.deleted) AS deleted, sum(w.present) AS present
			FROM who w
			LEFT JOIN users u ON u.id = w.user_id
			LEFT JOIN LATERAL (
				SELECT max(activity_date) AS active, max(activity_date) FILTER (WHERE messages > 0) AS posting
				FROM (
					SELECT activity_date, messages
					FROM rollup_activity a
					WHERE w.space_id <> 0 AND a.user_id = w.user_id AND a.activity_date >= @today::date - 27 AND a.activity_date < @today::date
						AND a.space_id = w.space_id AND (a.messages > 0 OR a.given > 0)
					UNION ALL
					SELECT activity_date, messages
					FROM rollup_members m
					WHERE w.space_id = 0 AND m.user_id = w.user_id AND m.activity_date >= @today::date - 27 AND m.activity_date < @today::date
				) a
			) b ON u.user_type = 'HUMAN' AND (w.came <> 0 OR w.posted <> 0)
			WHERE w.activity_date = @today
			GROUP BY w.space_id
			HAVING min(w.came) >= 0 AND min(w.posted) >= 0
		) n
		WHERE t.space_id = n.space_id AND t.activity_date = @today
		RETURNING t.space_id`
	// The numbers of what each changes stand in rollup_days.parts.
	markDays = `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT w.space_id, w.activity_date, bit_or(CASE WHEN w.activity_date = @today AND t.space_id IS NOT NULL THEN 0 ELSE 1 END
			| CASE WHEN w.has_messages THEN 4 ELSE 0 END | CASE WHEN w.has_reactions THEN 2 ELSE 0 END)
		FROM (
			SELECT s.space_id, t.activity_date, bool_or(c.state < 8) AS has_messages, bool_or(c.state >= 8) AS has_reactions
			FROM changed c
			JOIN times t ON t.quarter = c.quarter
			CROSS JOIN LATERAL (VALUES (c.space_id), (0)) AS s (space_id)
			GROUP BY s.space_id, t.activity_date
		) w
		LEFT JOIN today t ON t.space_id = w.space_id
		GROUP BY w.space_id, w.activity_date
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts
		WHERE d.parts | excluded.parts <> d.parts`
)

// takeChanges adds to the rollups what changed, and returns how many changes it took.
func (p *pass) takeChanges(ctx context.Context) (taken int, err error) {
	// Whose type has become known was added as somebody unknown, and is found by that to be read anew.
	for marks := p.maxChanges; marks >= p.maxChanges; {
		if marks, err = p.takeMarks(ctx); err != nil {
			return 0, err
		}
	}
	var empty bool
	err = p.tx.QueryRow(ctx, `
		WITH chosen AS (
			SELECT ctid
			FROM (
				SELECT ctid, sum(cardinality(quarters)) OVER (ROWS UNBOUNDED PRECEDING) - cardinality(quarters) AS before
				FROM (SELECT ctid, quarters FROM rollup_changes LIMIT @limit) c
			) c
			WHERE before < @limit
		), taken AS (
			DELETE FROM rollup_changes
			WHERE ctid = ANY (ARRAY(SELECT ctid FROM chosen))
			RETURNING quarters, space_ids, user_ids, states, number
		), changed AS MATERIALIZED (
			SELECT c.quarter, c.space_id, c.user_id, c.state, sum(t.number)::integer AS number, count(*) AS n
			FROM taken t
			CROSS JOIN LATERAL unnest(t.quarters, t.space_ids, t.user_ids, t.states) AS c (quarter, space_id, user_id, state)
			GROUP BY c.quarter, c.space_id, c.user_id, c.state
		), `+addChanged+`, did AS MATERIALIZED (`+did+`
		), members AS (`+addMembers+`
		), who AS MATERIALIZED (
			SELECT activity_date, space_id, user_id, messages, edited, deleted, given, present, threads, replies, came, posted FROM did
			UNION ALL`+didInAll+`
		), today AS (`+addToday+`
		), days AS (`+markDays+`
		)
		SELECT (SELECT COALESCE(sum(n), 0) FROM changed), EXISTS (SELECT FROM activity WHERE messages = 0 AND given = 0)
			OR EXISTS (SELECT FROM hours WHERE messages = 0 AND reactions = 0)`,
		pgx.NamedArgs{"limit": p.maxChanges, "zone": p.zone, "today": p.today}).Scan(&taken, &empty)
	if err != nil {
		return 0, fmt.Errorf("add what changed: %w", err)
	}
	if empty {
		return taken, p.dropEmpty(ctx)
	}
	return taken, nil
}

// dropEmpty drops rows of what is no more, in the days that are to be computed.
func (p *pass) dropEmpty(ctx context.Context) error {
	if err := p.exec(ctx, "drop activity that is no more", `
		DELETE FROM rollup_activity a
		USING rollup_days d
		WHERE a.space_id = d.space_id AND a.activity_date = d.activity_date
			AND a.messages = 0 AND a.given = 0 AND a.received = 0`, nil); err != nil {
		return err
	}
	if err := p.exec(ctx, "drop members who did nothing", `
		DELETE FROM rollup_members m
		USING (SELECT DISTINCT activity_date FROM rollup_days) d
		WHERE m.activity_date = d.activity_date AND m.spaces = 0`, nil); err != nil {
		return err
	}
	return p.exec(ctx, "drop hours that are no more", `
		DELETE FROM rollup_hours h
		USING rollup_days d
		WHERE h.space_id = d.space_id AND h.messages = 0 AND h.messages_human = 0 AND h.messages_app = 0 AND h.reactions = 0
			AND h.hour_at >= day_start(d.activity_date, @zone) AND h.hour_at < day_start(d.activity_date + 1, @zone)`, nil)
}

// countMembers computes what members did on days, over all spaces.
func (p *pass) countMembers(ctx context.Context, args pgx.NamedArgs) error {
	const asked = `activity_date BETWEEN @first AND @last AND (@spaces::integer[] IS NULL OR user_id IN (
				SELECT user_id FROM rollup_activity WHERE activity_date BETWEEN @first AND @last AND space_id = ANY (@spaces)))`
	return p.exec(ctx, "sum up what members did", `
		WITH now AS MATERIALIZED (
			SELECT a.activity_date, a.user_id, `+memberSums+`
			FROM rollup_activity a
			JOIN spaces s ON s.id = a.space_id
			WHERE (a.messages > 0 OR a.given > 0) AND `+asked+`
			GROUP BY a.activity_date, a.user_id
		), gone AS (
			DELETE FROM rollup_members
			WHERE `+asked+` AND (activity_date, user_id) NOT IN (SELECT activity_date, user_id FROM now)
		)
		INSERT INTO rollup_members AS m (activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present)
		SELECT activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present
		FROM now
		ON CONFLICT (activity_date, user_id) DO UPDATE SET
			spaces = excluded.spaces,
			messages = excluded.messages,
			threads = excluded.threads,
			replies = excluded.replies,
			edited = excluded.edited,
			deleted = excluded.deleted,
			given = excluded.given,
			present = excluded.present
		WHERE m IS DISTINCT FROM excluded`, args)
}

// memberSums are of rollup_activity a and spaces s.
const memberSums = `count(*) AS spaces, sum(a.messages) AS messages,
		COALESCE(sum(a.messages - a.replies) FILTER (WHERE is_threaded(s.threading_state, s.space_type)), 0) AS threads,
		COALESCE(sum(a.replies) FILTER (WHERE is_threaded(s.threading_state, s.space_type)), 0) AS replies,
		sum(a.edited) AS edited, sum(a.deleted) AS deleted, sum(a.given) AS given, sum(a.present) AS present`
