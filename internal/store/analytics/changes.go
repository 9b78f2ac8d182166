package analytics

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// dayAndHour are of a quarter of an hour q, in the zone @zone: all zones are whole
// quarters away from UTC. Asia/Kathmandu's hours begin at 15 minutes past.
const dayAndHour = `(to_timestamp(q * 900.0) AT TIME ZONE @zone)::date AS activity_date,
	date_trunc('hour', to_timestamp(q * 900.0), @zone) AS hour_at`

// A change is numbers to be added: those of the rows there are less those of the
// rows that were. So they are right whatever was changed, and how often.
const (
	addActivity = `
		INSERT INTO rollup_activity AS a (activity_date, space_id, user_id, messages, replies, edited, deleted, given, present)
		SELECT t.activity_date, c.space_id, c.user_id, ` + sums + `
		FROM changed c
		JOIN times t ON t.quarter = c.quarter
		GROUP BY t.activity_date, c.space_id, c.user_id
		ON CONFLICT (space_id, activity_date, user_id) DO UPDATE SET
			messages = a.messages + excluded.messages,
			replies = a.replies + excluded.replies,
			edited = a.edited + excluded.edited,
			deleted = a.deleted + excluded.deleted,
			given = a.given + excluded.given,
			present = a.present + excluded.present`
	sums = `COALESCE(sum(c.number) FILTER (WHERE c.state < 8), 0), COALESCE(sum(c.number) FILTER (WHERE c.state < 8 AND c.state & 1 <> 0), 0),
			COALESCE(sum(c.number) FILTER (WHERE c.state & 2 <> 0), 0), COALESCE(sum(c.number) FILTER (WHERE c.state & 4 <> 0), 0),
			COALESCE(sum(c.number) FILTER (WHERE c.state >= 8), 0), COALESCE(sum(c.number) FILTER (WHERE c.state = 8), 0)`
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
			reactions = h.reactions + excluded.reactions`
	// The numbers of what each changes stand in rollup_days.parts.
	markDays = `
		INSERT INTO rollup_days AS d (space_id, activity_date, parts)
		SELECT s.space_id, t.activity_date, 1 | bit_or(CASE WHEN c.state < 8 THEN 4 ELSE 2 END)
		FROM changed c
		JOIN times t ON t.quarter = c.quarter
		CROSS JOIN LATERAL (VALUES (c.space_id), (0)) AS s (space_id)
		GROUP BY s.space_id, t.activity_date
		ON CONFLICT (space_id, activity_date) DO UPDATE SET parts = d.parts | excluded.parts
		WHERE d.parts | excluded.parts <> d.parts`
	// A day is read once for each quarter, of which there are few.
	addChanged = `times AS MATERIALIZED (
			SELECT q AS quarter, ` + dayAndHour + `
			FROM (SELECT DISTINCT quarter AS q FROM changed) q
		), activity AS (` + addActivity + `
		), hours AS (` + addHours + `
		), days AS (` + markDays + `
		)`
)

// takeChanges adds to the rollups what changed, and returns how many changes it took.
func (p *pass) takeChanges(ctx context.Context) (taken int, err error) {
	var users []int32
	var dates []pgtype.Date
	var less bool
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
			SELECT c.quarter, c.space_id, c.user_id, c.state, sum(t.number) AS number, count(*) AS n
			FROM taken t
			CROSS JOIN LATERAL unnest(t.quarters, t.space_ids, t.user_ids, t.states) AS c (quarter, space_id, user_id, state)
			GROUP BY c.quarter, c.space_id, c.user_id, c.state
		), `+addChanged+`, members AS (
			SELECT DISTINCT c.user_id, t.activity_date
			FROM changed c
			JOIN times t ON t.quarter = c.quarter
		)
		SELECT (SELECT COALESCE(sum(n), 0) FROM changed), (SELECT COALESCE(bool_or(number <= 0), false) FROM changed),
			COALESCE(array_agg(user_id), '{}'), COALESCE(array_agg(activity_date), '{}')
		FROM members`, pgx.NamedArgs{"limit": p.maxChanges, "zone": p.zone}).Scan(&taken, &less, &users, &dates)
	if err != nil {
		return 0, fmt.Errorf("add what changed: %w", err)
	}
	if less {
		if err := p.dropEmpty(ctx); err != nil {
			return 0, err
		}
	}
	return taken, p.countMembers(ctx, users, dates)
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
	return p.exec(ctx, "drop hours that are no more", `
		DELETE FROM rollup_hours h
		USING rollup_days d
		WHERE h.space_id = d.space_id AND h.messages = 0 AND h.reactions = 0
			AND h.hour_at >= day_start(d.activity_date, @zone) AND h.hour_at < day_start(d.activity_date + 1, @zone)`, nil)
}

// countMembers computes what members did on days, over all spaces.
func (p *pass) countMembers(ctx context.Context, users []int32, dates []pgtype.Date) error {
	return p.exec(ctx, "sum up what members did", `
		WITH asked AS (
			SELECT user_id, activity_date
			FROM unnest(@users::integer[], @dates::date[]) AS i (user_id, activity_date)
		), now AS (
			SELECT i.activity_date, i.user_id, a.spaces, a.messages, a.threads, a.replies, a.edited, a.deleted, a.given, a.present
			FROM asked i
			CROSS JOIN LATERAL (`+memberSums+`
				FROM rollup_activity a
				JOIN spaces s ON s.id = a.space_id
				WHERE a.user_id = i.user_id AND a.activity_date = i.activity_date
			) a
		), gone AS (
			DELETE FROM rollup_members m
			USING now n
			WHERE m.activity_date = n.activity_date AND m.user_id = n.user_id AND n.spaces = 0
		)
		INSERT INTO rollup_members AS m (activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present)
		SELECT activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present
		FROM now
		WHERE spaces > 0
		ON CONFLICT (activity_date, user_id) DO UPDATE SET
			spaces = excluded.spaces,
			messages = excluded.messages,
			threads = excluded.threads,
			replies = excluded.replies,
			edited = excluded.edited,
			deleted = excluded.deleted,
			given = excluded.given,
			present = excluded.present
		WHERE (m.spaces, m.messages, m.threads, m.replies, m.edited, m.deleted, m.given, m.present)
			IS DISTINCT FROM (excluded.spaces, excluded.messages, excluded.threads, excluded.replies, excluded.edited, excluded.deleted,
				excluded.given, excluded.present)`,
		pgx.NamedArgs{"users": users, "dates": dates})
}

// memberSums are of rollup_activity a and spaces s. Whose messages somebody reacted
// to did nothing.
const memberSums = `
	SELECT count(*) FILTER (WHERE a.messages > 0 OR a.given > 0) AS spaces, COALESCE(sum(a.messages), 0) AS messages,
		COALESCE(sum(a.messages - a.replies) FILTER (WHERE is_threaded(s.threading_state, s.space_type)), 0) AS threads,
		COALESCE(sum(a.replies) FILTER (WHERE is_threaded(s.threading_state, s.space_type)), 0) AS replies,
		COALESCE(sum(a.edited), 0) AS edited, COALESCE(sum(a.deleted), 0) AS deleted,
		COALESCE(sum(a.given), 0) AS given, COALESCE(sum(a.present), 0) AS present`
