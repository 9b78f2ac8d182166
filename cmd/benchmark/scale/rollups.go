package scale

// fillRollups makes rollups that are as large as passes would make them.
const fillRollups = `
	INSERT INTO rollup_activity (activity_date, space_id, user_id, messages, replies, edited, deleted, given, present)
	SELECT create_time::date, space_id, COALESCE(sender_id, 0), count(*), 0, 0, 0, 0, 0
	FROM stored_messages
	WHERE create_time > '-infinity'
	GROUP BY 1, 2, 3;
	INSERT INTO rollup_members (activity_date, user_id, spaces, messages, threads, replies, edited, deleted, given, present)
	SELECT activity_date, user_id, count(*), sum(messages), 0, 0, 0, 0, 0, 0
	FROM rollup_activity
	GROUP BY 1, 2;
	INSERT INTO rollup_hours (hour_at, space_id, messages, messages_human, messages_app, reactions)
	SELECT date_trunc('hour', create_time), space_id, count(*), count(*), 0, 0
	FROM stored_messages
	WHERE create_time > '-infinity'
	GROUP BY 1, 2;
	INSERT INTO rollup_summary (activity_date, space_id, dau, wau, mau, posting_1d, posting_7d, posting_28d, messages, messages_human,
		messages_app, threads, replies, edited, deleted, reactions, joins, leaves)
	SELECT activity_date, space_id, count(*), 1, 1, 1, 1, 1, sum(messages), 1, 0, 0, 0, 0, 0, 0, 0, 0
	FROM rollup_activity
	GROUP BY 1, 2;
	INSERT INTO rollup_responses (activity_date, space_id, roots, answered, reacted_only, depth_0, depth_1, depth_2, depth_3_5, depth_6_10,
		depth_11, response_seconds)
	SELECT activity_date, space_id, 1, 1, 0, 0, 1, 0, 0, 0, 0, '{60}'
	FROM rollup_summary;
	INSERT INTO rollup_emoji (activity_date, space_id, reactions, members, emoji)
	SELECT activity_date, space_id, 1, 1, '👍'
	FROM rollup_summary;
	INSERT INTO rollup_stays (known_at, space_id, user_id, joined)
	SELECT c.event_time, c.space_id, u.id, true
	FROM stored_membership_changes c
	JOIN stored_memberships m ON m.space_id = c.space_id AND m.membership = c.membership
	JOIN users u ON u.user_name = m.member;
	DELETE FROM rollup_changes;
	ANALYZE`
