-- Why: a number means the same to whoever asks for it, in a panel, in stats, in a notebook.

-- +goose Up

CREATE VIEW analytics.metric_definitions WITH (security_barrier) AS
SELECT d.metric, d.section, d.title, d.definition, d.unit, d.direction, d.denominator, d.needs, d.has_series
FROM (VALUES
  ('members', 'growth', 'Members', 'People who are in the space, or in any, at the end of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('joins', 'growth', 'Joins', 'How often somebody became a member of a space in the window; a return counts again.',
    'joins', 'up', NULL, 'agg_summary_daily', true),
  ('leaves', 'growth', 'Leaves', 'How often somebody stopped being a member of a space in the window.',
    'leaves', 'down', NULL, 'agg_summary_daily', true),
  ('net_growth', 'growth', 'Net growth', 'Joins less leaves.',
    'joins', 'up', NULL, 'agg_summary_daily', true),
  ('churn', 'growth', 'Churn', 'Leaves in the window for each member at its begin.',
    'ratio', 'down', 'members at the begin of the window', 'agg_summary_daily of the day before the window', false),
  ('tenure_at_leave', 'growth', 'Median tenure at leave', 'Half of those who left in the window had been members for less than this.',
    'seconds', 'up', 'leaves of those whose joining is known', 'agg_memberships', false),
  ('activation_7d', 'growth', 'First-week activation', 'Joins followed within 7 days by a message or a reaction in that space.',
    'ratio', 'up', 'joins at least 7 days ago', 'fct_joins', false),
  ('time_to_first_post', 'growth', 'Time to first post', 'Half of those who joined in the window and wrote in that space since did so sooner than this after joining; read it beside activation_7d.',
    'seconds', 'down', 'joins followed by a message', 'fct_joins', false),
  ('new_contributors', 'growth', 'New contributors', 'People whose first message ever recorded is of the window.',
    'people', 'up', NULL, 'agg_activity_member_daily or agg_activity_daily; a past that was recorded or backfilled', false),
  ('reactivated', 'growth', 'Reactivated', 'People who wrote in the window, and before it, but not in the 90 days before it.',
    'people', 'up', NULL, 'agg_activity_member_daily or agg_activity_daily; 90 days before the window', false),
  ('lost_regulars', 'growth', 'Lost regulars', 'People with at least 4 messages in the 90 days before the window and none in it.',
    'people', 'down', NULL, 'agg_activity_member_daily or agg_activity_daily; a window of at least 28 days and 90 days before it', false),
  ('net_active_change', 'growth', 'Net active change', 'New contributors and reactivated, less lost regulars.',
    'people', 'up', NULL, 'the same as lost_regulars', false),
  ('retention', 'growth', 'Retention', 'Share of those who joined in a week who were active in the n-th week after.',
    'ratio', 'up', 'joiners of the week', 'agg_retention_weekly; a table, not in metrics()', false),

  ('dau', 'activity', 'DAU', 'People with a message or a reaction on the last day of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('wau', 'activity', 'WAU', 'People with a message or a reaction in the 7 days up to the end of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('mau', 'activity', 'MAU', 'People with a message or a reaction in the 28 days up to the end of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('posting_1d', 'activity', 'People posting, a day', 'People with a message on the last day of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('posting_7d', 'activity', 'People posting, 7 days', 'People with a message in the 7 days up to the end of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('posting_28d', 'activity', 'People posting, 28 days', 'People with a message in the 28 days up to the end of the window.',
    'people', 'up', NULL, 'agg_summary_daily', true),
  ('stickiness', 'activity', 'Stickiness', 'Mean over the window''s days of DAU divided by MAU; days that go on or were not watched are left out.',
    'ratio', 'up', 'days with a MAU', 'agg_summary_daily', true),
  ('messages', 'activity', 'Messages', 'Messages that people sent in the window, deleted ones included.',
    'messages', 'context', NULL, 'agg_summary_daily', true),
  ('messages_app', 'activity', 'Messages of apps', 'Messages that apps sent in the window, deleted ones included.',
    'messages', 'context', NULL, 'agg_summary_daily', true),
  ('messages_per_poster', 'activity', 'Messages per poster', 'People''s messages in the window for each person who wrote any.',
    'messages per person', 'context', 'people who wrote in the window', 'agg_activity_member_daily or agg_activity_daily', true),
  ('median_messages_per_poster', 'activity', 'Median messages per poster', 'Half of the people who wrote in the window wrote fewer messages than this.',
    'messages per person', 'context', 'people who wrote in the window', 'agg_activity_member_daily or agg_activity_daily', false),
  ('active_spaces', 'activity', 'Active spaces', 'Spaces with a message of a person in the window.',
    'spaces', 'up', NULL, 'agg_summary_daily', false),
  ('returning_posters', 'activity', 'Returning posters', 'Share of the people who wrote in the window who also wrote in the window of equal length before it.',
    'ratio', 'up', 'people who wrote in the window', 'agg_activity_member_daily or agg_activity_daily of both windows', false),
  ('silent_members', 'activity', 'Silent members', 'Share of the people who have been members for 28 days at the end of the window who neither wrote nor reacted in these 28 days.',
    'ratio', 'down', 'members for at least 28 days', 'agg_memberships, agg_activity_member_daily or agg_activity_daily', false),
  ('heatmap', 'activity', 'Heatmap', 'People''s messages by weekday and hour of the reporting zone, the mean of the hours in the window.',
    'messages per hour', 'context', 'hours of complete days that were watched', 'function heatmap(); a table, not in metrics()', false),
  ('out_of_hours_share', 'activity', 'Out of hours', 'Share of people''s messages that were not sent from 9:00 to 17:00, Monday to Friday, in the reporting zone.',
    'ratio', 'down', 'people''s messages', 'agg_space_hourly', false),
  ('top10_share', 'activity', 'Share of the top 10', 'Share of people''s messages that the ten who wrote most sent; above 0.7 the talk depends on few.',
    'ratio', 'down', 'people''s messages', 'agg_activity_member_daily or agg_activity_daily', false),
  ('top_emoji', 'activity', 'Top emoji', 'Emoji by how often, and by how many people, they were given as a reaction.',
    'reactions', 'context', NULL, 'agg_emoji_daily; a table, not in metrics()', false),

  ('reply_coverage', 'conversations', 'Reply coverage', 'Share of the threads begun by people that another person answered within 7 days; the days of the last 7 are left out.',
    'ratio', 'up', 'threads begun by people at least 7 days ago', 'agg_response_daily; threaded spaces', true),
  ('first_response_p50', 'conversations', 'Time to first response', 'Half of the threads that another person answered within 7 days got that answer sooner than this; read it beside reply_coverage.',
    'seconds', 'down', 'threads that were answered', 'agg_response_daily; threaded spaces', true),
  ('first_response_p90', 'conversations', 'Time to first response, 9 of 10', 'Nine tenths of the threads that another person answered within 7 days got that answer sooner than this.',
    'seconds', 'down', 'threads that were answered', 'agg_response_daily; threaded spaces', true),
  ('unanswered', 'conversations', 'Unanswered', 'Threads begun by people in the window, up to the day before yesterday, that no other person has answered within 7 days; unanswered_threads lists those without any answer now.',
    'threads', 'down', NULL, 'agg_response_daily; threaded spaces', true),
  ('response_by_reaction', 'conversations', 'Response by reaction', 'Share of the threads begun by people that no other person answered within 7 days and at least one reacted to; the days of the last 7 are left out.',
    'ratio', 'context', 'threads begun by people at least 7 days ago', 'agg_response_daily; threaded spaces', true),
  ('thread_depth', 'conversations', 'Thread depth', 'Threads begun by people by their number of replies: 0, 1, 2, 3 to 5, 6 to 10, 11 and more.',
    'threads', 'context', NULL, 'agg_response_daily; threaded spaces; a table, not in metrics()', false),
  ('reactions_per_message', 'conversations', 'Reactions per message', 'Reactions given in the window and still there, for each message of a person.',
    'reactions per message', 'up', 'people''s messages', 'agg_summary_daily', true),
  ('most_discussed', 'conversations', 'Most discussed messages', 'Messages that begin a thread, by how many others replied, then by how many reacted.',
    'people', 'context', NULL, 'top_messages; threaded spaces; a table, not in metrics()', false),
  ('response_network', 'conversations', 'Response network', 'How often who replied in threads that whom began, in spaces where at least 5 people did.',
    'replies', 'context', NULL, 'response_network; threaded spaces; a table, not in metrics()', false),
  ('edit_rate', 'conversations', 'Edit rate', 'Messages sent in the window and edited since, also if they were deleted, for 1,000 messages.',
    'per 1000', 'context', 'messages, apps'' included', 'agg_summary_daily', true),
  ('delete_rate', 'conversations', 'Delete rate', 'Messages sent in the window and deleted since, for 1,000 messages; fct_messages has the class of each deletion.',
    'per 1000', 'context', 'messages, apps'' included', 'agg_summary_daily', true),

  ('welcome_reach', 'onboarding', 'Welcome reach', 'Share of the joins in the window that a rule on member.joined answered with something that was sent.',
    'ratio', 'up', 'joins', 'fct_joins; a rule on member.joined', false),
  ('join_to_welcome_p95', 'onboarding', 'Time to welcome', 'Of those who were welcomed, 95 of 100 were sooner than this after joining.',
    'seconds', 'down', 'joins that were welcomed', 'fct_joins; a rule on member.joined', false),
  ('welcome_effect_welcomed', 'onboarding', 'Activation of the welcomed', 'First-week activation of those who were welcomed; beside that of others it is a comparison, not a cause.',
    'ratio', 'context', 'joins at least 7 days ago that were welcomed', 'fct_joins; a rule on member.joined', false),
  ('welcome_effect_others', 'onboarding', 'Activation of others', 'First-week activation of those who were not welcomed.',
    'ratio', 'context', 'joins at least 7 days ago that were not welcomed', 'fct_joins; a rule on member.joined', false),

  ('coverage', 'health', 'Coverage', 'Share of the window in which events were seen, live or by a backfill.',
    'ratio', 'up', 'days of the window', 'agg_summary_daily', true),
  ('event_lag_p50', 'health', 'Event lag', 'Half of the live events of the window''s last day were received sooner than this after they happened.',
    'seconds', 'down', 'events looked at', 'event_lags', false),
  ('event_lag_p95', 'health', 'Event lag, 95 of 100', 'Of the live events of the window''s last day 95 of 100 were received sooner than this after they happened.',
    'seconds', 'down', 'events looked at', 'event_lags', false),
  ('quarantined', 'health', 'Quarantined', 'Messages received in the window that could not be recorded as events; known for all spaces only.',
    'messages', 'down', NULL, 'quarantined_messages', false)
) d (metric, section, title, definition, unit, direction, denominator, needs, has_series);
COMMENT ON VIEW analytics.metric_definitions IS 'What each metric means. metrics() gives their values in a window, timeseries those with a series by day.';
COMMENT ON COLUMN analytics.metric_definitions.metric IS 'Its id in metrics() and timeseries.';
COMMENT ON COLUMN analytics.metric_definitions.section IS 'growth, activity, conversations, onboarding or health.';
COMMENT ON COLUMN analytics.metric_definitions.title IS 'What to write above it.';
COMMENT ON COLUMN analytics.metric_definitions.definition IS 'What it counts, in one sentence. People are users of type HUMAN; days and hours are those of the reporting zone.';
COMMENT ON COLUMN analytics.metric_definitions.unit IS 'Of its value. ratio: 0 to 1 for shares.';
COMMENT ON COLUMN analytics.metric_definitions.direction IS 'Which is good: up or down; context if neither.';
COMMENT ON COLUMN analytics.metric_definitions.denominator IS 'Of what it is a share, a mean or a percentile: the value is null where there is none of it. Null for counts.';
COMMENT ON COLUMN analytics.metric_definitions.needs IS 'The views that it is read from, and what it takes besides.';
COMMENT ON COLUMN analytics.metric_definitions.has_series IS 'Whether timeseries has its value for each day: of a day that has ended the same as metrics() of it. Of days that are too new for threads to be answered, which metrics() leaves out, it has what is known so far.';

CREATE VIEW analytics.dim_hours WITH (security_barrier) AS
SELECT h.hour_at, d.activity_date, d.iso_weekday, extract(hour FROM h.hour_at AT TIME ZONE (SELECT zone FROM reporting))::integer AS hour_of_day
FROM analytics.dim_dates d
CROSS JOIN LATERAL generate_series(d.starts_at, d.ends_at - interval '1 microsecond', interval '1 hour') h (hour_at);
COMMENT ON VIEW analytics.dim_hours IS 'The hours of the days of dim_dates. Where clocks are set forward an hour is missing; where they are set back one comes twice.';
COMMENT ON COLUMN analytics.dim_hours.hour_at IS 'When it begins.';
COMMENT ON COLUMN analytics.dim_hours.activity_date IS 'Its day, in the reporting zone.';
COMMENT ON COLUMN analytics.dim_hours.iso_weekday IS '1 for Monday to 7 for Sunday.';
COMMENT ON COLUMN analytics.dim_hours.hour_of_day IS '0 to 23, as clocks of the reporting zone show it.';

-- Replies are found thread by thread, through the indexes on the name's first part
-- and on thread: whoever asks for a time of first messages reads their threads alone.
CREATE VIEW analytics.unanswered_threads WITH (security_barrier) AS
SELECT full_name(m.name, p.space || '/messages') AS message_id, p.space AS space_id, u.user_name AS member_id, m.create_time AS sent_at,
       (m.create_time AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date,
       full_name(split_part(m.name, '.', 1), p.space || '/threads') AS thread_id,
       (SELECT count(DISTINCT r.user_id)
        FROM stored_reactions r
        WHERE r.space_id = m.space_id AND r.message = m.name AND r.present AND r.user_id <> m.sender_id) AS reactors,
       concat_ws('/', 'https://chat.google.com/room', substr(p.space, 8), replace(substr(m.name, 2), '.', '/')) AS permalink
FROM stored_messages m
JOIN readable_spaces p ON p.id = m.space_id
JOIN users u ON u.id = m.sender_id
WHERE m.create_time >= '2015-01-01 00:00:00+00' AND m.create_time < now() - interval '24 hours' AND m.deleted_at IS NULL
  AND u.user_type = 'HUMAN' AND is_threaded(p.threading_state, p.space_type) AND NOT is_reply(m.name, m.thread)
  AND NOT EXISTS (
    SELECT
    FROM stored_messages r
    JOIN users o ON o.id = r.sender_id
    WHERE (split_part(r.name, '.', 1) = split_part(m.name, '.', 1) AND COALESCE(r.thread, '') = ''
        OR r.thread <> '' AND r.thread = split_part(m.name, '.', 1))
      AND r.space_id = m.space_id AND r.sender_id <> m.sender_id AND r.deleted_at IS NULL AND o.user_type = 'HUMAN'
  );
COMMENT ON VIEW analytics.unanswered_threads IS 'Threads that a person began more than 24 hours ago and no other person has answered so far, in threaded spaces. Ask by sent_at.';
COMMENT ON COLUMN analytics.unanswered_threads.message_id IS 'spaces/S/messages/M: the first message of the thread.';
COMMENT ON COLUMN analytics.unanswered_threads.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.unanswered_threads.member_id IS 'users/U: who began it.';
COMMENT ON COLUMN analytics.unanswered_threads.sent_at IS 'When it was begun.';
COMMENT ON COLUMN analytics.unanswered_threads.activity_date IS 'Day of sent_at in the reporting zone.';
COMMENT ON COLUMN analytics.unanswered_threads.thread_id IS 'spaces/S/threads/T';
COMMENT ON COLUMN analytics.unanswered_threads.reactors IS 'How many others have reacted to its first message.';
COMMENT ON COLUMN analytics.unanswered_threads.permalink IS 'Opens it in Google Chat.';

CREATE VIEW analytics.top_messages WITH (security_barrier) AS
SELECT full_name(m.name, p.space || '/messages') AS message_id, p.space AS space_id, u.user_name AS member_id, m.create_time AS sent_at,
       (m.create_time AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date,
       full_name(split_part(m.name, '.', 1), p.space || '/threads') AS thread_id, t.repliers, t.replies,
       (SELECT count(DISTINCT r.user_id)
        FROM stored_reactions r
        WHERE r.space_id = m.space_id AND r.message = m.name AND r.present AND r.user_id IS DISTINCT FROM m.sender_id) AS reactors,
       concat_ws('/', 'https://chat.google.com/room', substr(p.space, 8), replace(substr(m.name, 2), '.', '/')) AS permalink
FROM stored_messages m
JOIN readable_spaces p ON p.id = m.space_id
LEFT JOIN users u ON u.id = m.sender_id
CROSS JOIN LATERAL (
  SELECT count(*) AS replies, count(DISTINCT r.sender_id) FILTER (WHERE o.user_type = 'HUMAN' AND r.sender_id IS DISTINCT FROM m.sender_id) AS repliers
  FROM stored_messages r
  LEFT JOIN users o ON o.id = r.sender_id
  WHERE (split_part(r.name, '.', 1) = split_part(m.name, '.', 1) AND COALESCE(r.thread, '') = ''
      OR r.thread <> '' AND r.thread = split_part(m.name, '.', 1))
    AND r.space_id = m.space_id AND is_reply(r.name, r.thread) AND r.deleted_at IS NULL
) t
WHERE m.create_time >= '2015-01-01 00:00:00+00' AND m.deleted_at IS NULL
  AND is_threaded(p.threading_state, p.space_type) AND NOT is_reply(m.name, m.thread);
COMMENT ON VIEW analytics.top_messages IS 'Messages that began a thread, with how many answered and reacted: the most discussed come first by ORDER BY repliers DESC, reactors DESC. Deleted messages and replies are left out. Ask by sent_at: the threads of a week are read at once, those of a year take seconds.';
COMMENT ON COLUMN analytics.top_messages.message_id IS 'spaces/S/messages/M';
COMMENT ON COLUMN analytics.top_messages.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.top_messages.member_id IS 'users/U: who sent it; null if unknown.';
COMMENT ON COLUMN analytics.top_messages.sent_at IS 'When it was sent.';
COMMENT ON COLUMN analytics.top_messages.activity_date IS 'Day of sent_at in the reporting zone.';
COMMENT ON COLUMN analytics.top_messages.thread_id IS 'spaces/S/threads/T';
COMMENT ON COLUMN analytics.top_messages.repliers IS 'How many other people have replied.';
COMMENT ON COLUMN analytics.top_messages.replies IS 'How many replies there are, those of its author and of apps included.';
COMMENT ON COLUMN analytics.top_messages.reactors IS 'How many others have reacted to the message itself.';
COMMENT ON COLUMN analytics.top_messages.permalink IS 'Opens it in Google Chat.';

-- Months are joined by their times, so that whoever asks for one reads no other.
CREATE VIEW analytics.response_network WITH (security_barrier) AS
SELECT month_start, space_id, member_id, author_id, replies
FROM (
  SELECT month_start, space_id, member_id, author_id, replies, max(rank) OVER (PARTITION BY month_start, space_id) AS repliers
  FROM (
    SELECT d.month_start, p.space AS space_id, u.user_name AS member_id, a.user_name AS author_id, count(*) AS replies,
           dense_rank() OVER (PARTITION BY d.month_start, p.space ORDER BY u.user_name) AS rank
    FROM (
      SELECT month_start, min(starts_at) AS starts_at, max(ends_at) AS ends_at
      FROM analytics.dim_dates
      GROUP BY month_start
    ) d
    JOIN stored_messages r ON r.create_time >= d.starts_at AND r.create_time < d.ends_at
    JOIN stored_messages m ON split_part(m.name, '.', 1) = CASE COALESCE(r.thread, '') WHEN '' THEN split_part(r.name, '.', 1) ELSE r.thread END
      AND m.space_id = r.space_id
    JOIN readable_spaces p ON p.id = r.space_id
    JOIN users u ON u.id = r.sender_id
    JOIN users a ON a.id = m.sender_id
    WHERE is_reply(r.name, r.thread) AND r.deleted_at IS NULL AND NOT is_reply(m.name, m.thread) AND m.deleted_at IS NULL
      AND is_threaded(p.threading_state, p.space_type) AND u.user_type = 'HUMAN' AND a.user_type = 'HUMAN' AND u.id <> a.id
    GROUP BY d.month_start, p.space, u.user_name, a.user_name
  ) pairs
) pairs
WHERE repliers >= 5;
COMMENT ON VIEW analytics.response_network IS 'Who answered whom: how often a person replied in threads that another began, by month and space. Only of spaces in which at least 5 people replied to others in that month.';
COMMENT ON COLUMN analytics.response_network.month_start IS 'First day of the month of the replies, in the reporting zone.';
COMMENT ON COLUMN analytics.response_network.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.response_network.member_id IS 'users/U: who replied.';
COMMENT ON COLUMN analytics.response_network.author_id IS 'users/U: who began the threads.';
COMMENT ON COLUMN analytics.response_network.replies IS 'How many replies.';

CREATE VIEW analytics.event_lags WITH (security_barrier) AS
SELECT p.space AS space_id, e.event_time AS occurred_at, e.received_at, extract(epoch FROM e.received_at - e.event_time)::double precision AS lag_seconds
FROM events e
LEFT JOIN readable_spaces p ON p.id = e.space_id
WHERE e.origin = 'l' AND (p.space IS NOT NULL OR (SELECT all_spaces FROM reader_rights));
COMMENT ON VIEW analytics.event_lags IS 'How late each live event was received. Ask by occurred_at.';
COMMENT ON COLUMN analytics.event_lags.space_id IS 'spaces/S; null for none.';
COMMENT ON COLUMN analytics.event_lags.occurred_at IS 'When it happened.';
COMMENT ON COLUMN analytics.event_lags.received_at IS 'When its first live copy was received.';
COMMENT ON COLUMN analytics.event_lags.lag_seconds IS 'From one to the other, in seconds; negative where clocks differ.';

CREATE VIEW analytics.quarantined_messages WITH (security_barrier) AS
SELECT q.received_at, (q.received_at AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date, q.reason
FROM quarantine q
WHERE (SELECT all_spaces FROM reader_rights);
COMMENT ON VIEW analytics.quarantined_messages IS 'Messages from Pub/Sub or a backfill that could not be recorded as events, of the last 180 days. Readers of a group see none: nobody can tell which space they are about.';
COMMENT ON COLUMN analytics.quarantined_messages.received_at IS 'When the first copy was received.';
COMMENT ON COLUMN analytics.quarantined_messages.activity_date IS 'Day of received_at in the reporting zone.';
COMMENT ON COLUMN analytics.quarantined_messages.reason IS 'Why: a short stable code.';

-- A question that has no answer is refused: rows of nulls would look like a quiet time.
-- +goose StatementBegin
CREATE FUNCTION analytics.check_question(since date, until date, space text) RETURNS void
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  named record;
BEGIN
  IF (since < until AND isfinite(since) AND isfinite(until)) IS NOT TRUE THEN
    RAISE invalid_parameter_value USING MESSAGE = format('no window of days: from %L to before %L', since, until),
      HINT = 'Name its first day and the day after its last: (DATE ''2026-10-01'', DATE ''2026-10-02'') is one day.';
  ELSIF space = 'all' AND NOT (SELECT sees_all_spaces FROM analytics.about) THEN
    RAISE insufficient_privilege USING MESSAGE = 'this role sees the spaces of a group, and no numbers of all together',
      HINT = 'Name one: SELECT space_id, display_name FROM analytics.dim_spaces shows them.';
  ELSIF space IS DISTINCT FROM 'all' AND NOT EXISTS (SELECT FROM analytics.dim_spaces d WHERE d.space_id = space) THEN
    SELECT d.display_name, d.space_id INTO named FROM analytics.dim_spaces d WHERE lower(d.display_name) = lower(space) LIMIT 1;
    RAISE invalid_parameter_value USING MESSAGE = format('no such space is known: %L', space),
      HINT = COALESCE('Spaces are named by their space_id: of ' || named.display_name || ' it is ' || quote_literal(named.space_id) || '.',
        'SELECT space_id, display_name FROM analytics.dim_spaces shows whose numbers this role may see; ''all'' stands for all spaces together.');
  END IF;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION analytics.check_question(date, date, text) IS 'Errs where metrics() and heatmap() have no answer: of a window without days, and of a space that nothing is known of or that whoever asks may not see.';

-- +goose StatementBegin
CREATE FUNCTION analytics.heatmap(since date, until date, space text DEFAULT 'all')
  RETURNS TABLE (iso_weekday integer, hour_of_day integer, messages double precision, messages_app double precision, hours bigint)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
SELECT analytics.check_question(since, until, space);
WITH days AS MATERIALIZED (
  SELECT s.activity_date
  FROM analytics.agg_summary_daily s
  WHERE s.space_id = space AND s.activity_date >= since AND s.activity_date < until
    AND s.is_complete AND (s.coverage_ratio > 0 OR s.dau + s.messages > 0)
)
SELECT c.weekday, c.hour, m.human::double precision / h.hours, m.app::double precision / h.hours, COALESCE(h.hours, 0)
FROM (SELECT w AS weekday, h AS hour FROM generate_series(1, 7) w CROSS JOIN generate_series(0, 23) h) c
LEFT JOIN (
  SELECT h.iso_weekday, h.hour_of_day, count(*) AS hours
  FROM analytics.dim_hours h
  JOIN days USING (activity_date)
  WHERE h.activity_date >= since AND h.activity_date < until
  GROUP BY h.iso_weekday, h.hour_of_day
) h ON h.iso_weekday = c.weekday AND h.hour_of_day = c.hour
LEFT JOIN (
  SELECT a.iso_weekday, a.hour_of_day, sum(a.messages_human) AS human, sum(a.messages_app) AS app
  FROM analytics.agg_space_hourly a
  JOIN days USING (activity_date)
  WHERE a.activity_date >= since AND a.activity_date < until AND a.space_id = space
  GROUP BY a.iso_weekday, a.hour_of_day
) m0 ON m0.iso_weekday = c.weekday AND m0.hour_of_day = c.hour
CROSS JOIN LATERAL (SELECT COALESCE(m0.human, 0) AS human, COALESCE(m0.app, 0) AS app) m
ORDER BY c.weekday, c.hour
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION analytics.heatmap(date, date, text) IS 'Messages of people and of apps by weekday and hour of the reporting zone: the mean of those hours on the days from since up to and without until, in a space (spaces/S) or in all. Counts days that have ended and were watched, or saw anything; null where there is no such hour. hours: of how many it is the mean.';

CREATE VIEW analytics.agg_memberships WITH (security_barrier) AS
SELECT p.space AS space_id, u.user_name AS member_id, u.user_type AS member_type, s.known_at, CASE WHEN s.joined THEN s.known_at END AS joined_at, s.left_at
FROM rollup_stays s
JOIN readable_spaces p ON p.id = s.space_id
JOIN users u ON u.id = s.user_id;
COMMENT ON VIEW analytics.agg_memberships IS 'The stays of fct_memberships, of people and apps, as the rollups know them: for questions about all spaces, which fct_memberships answers by reading every change of a membership.';
COMMENT ON COLUMN analytics.agg_memberships.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.agg_memberships.member_id IS 'users/U';
COMMENT ON COLUMN analytics.agg_memberships.member_type IS 'HUMAN or BOT; null if unknown.';
COMMENT ON COLUMN analytics.agg_memberships.known_at IS 'Since when it is known: joined_at, or when a member from before was first seen.';
COMMENT ON COLUMN analytics.agg_memberships.joined_at IS 'When it began; null for members from before recording began.';
COMMENT ON COLUMN analytics.agg_memberships.left_at IS 'When it ended; null for those who are in the space now.';

-- Rollups tell on which days somebody was active, and the log, by its index, at what
-- time of the first and the last of them: nothing is read that decides nothing.
CREATE VIEW analytics.fct_joins WITH (security_barrier) AS
SELECT p.space AS space_id, u.user_name AS member_id, u.user_type AS member_type, j.joined_at, j.activity_date, j.left_at,
       EXISTS (
         SELECT
         FROM rollup_activity a
         WHERE a.space_id = j.space_id AND a.user_id = j.user_id AND a.activity_date >= j.activity_date AND a.activity_date <= j.activity_date + 7
           AND a.messages + a.given > 0 AND (a.activity_date > j.activity_date AND a.activity_date < j.activity_date + 7 OR EXISTS (
             SELECT
             FROM events e
             JOIN event_types t ON t.id = e.type_id
             WHERE e.space_id = j.space_id AND e.actor_id = j.user_id AND t.kind IN ('message', 'reaction') AND t.verb = 'created'
               AND e.event_time >= GREATEST(day_start(a.activity_date, j.zone), j.joined_at)
               AND e.event_time < LEAST(day_start(a.activity_date + 1, j.zone), j.joined_at + interval '168 hours') -- whatever the session's zone is
           ))
       ) AS is_active_7d,
       (
         SELECT min(e.event_time)
         FROM (
           SELECT a.activity_date
           FROM rollup_activity a
           WHERE a.space_id = j.space_id AND a.user_id = j.user_id AND a.activity_date >= j.activity_date AND a.messages > 0
           ORDER BY a.activity_date
           LIMIT 2 -- on the first day the messages may be of before they joined
         ) a
         JOIN events e ON e.event_time >= GREATEST(day_start(a.activity_date, j.zone), j.joined_at)
           AND e.event_time < LEAST(day_start(a.activity_date + 1, j.zone), j.left_at)
         JOIN event_types t ON t.id = e.type_id
         WHERE e.space_id = j.space_id AND e.actor_id = j.user_id AND t.kind = 'message' AND t.verb = 'created'
       ) AS first_post_at,
       (
         SELECT min(r.finished_at)
         FROM reactor_runs r
         -- A member has few runs: the space, which has many, is no condition of an index.
         WHERE r.member = u.user_name AND r.space IS NOT DISTINCT FROM p.space AND r.trigger = 'member.joined' AND NOT r.shadow AND r.outcome IN ('sent', 'collapsed')
           AND r.event_time >= j.joined_at AND r.event_time < COALESCE(j.left_at, 'infinity')
       ) AS welcomed_at
FROM (
  SELECT s.space_id, s.user_id, s.known_at AS joined_at, s.left_at, r.zone, (s.known_at AT TIME ZONE r.zone)::date AS activity_date
  FROM rollup_stays s
  CROSS JOIN (SELECT zone FROM reporting LIMIT 1) r
  WHERE s.joined
) j
JOIN readable_spaces p ON p.id = j.space_id
JOIN users u ON u.id = j.user_id;
COMMENT ON VIEW analytics.fct_joins IS 'Who joined which space when, and what came of it: a row for each stay in fct_memberships whose begin is known. What came in the last minute may be missing: see rollup_state.';
COMMENT ON COLUMN analytics.fct_joins.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.fct_joins.member_id IS 'users/U';
COMMENT ON COLUMN analytics.fct_joins.member_type IS 'HUMAN or BOT; null if unknown.';
COMMENT ON COLUMN analytics.fct_joins.joined_at IS 'When the stay began.';
COMMENT ON COLUMN analytics.fct_joins.activity_date IS 'Day of joined_at in the reporting zone.';
COMMENT ON COLUMN analytics.fct_joins.left_at IS 'When it ended; null for those who are in the space now.';
COMMENT ON COLUMN analytics.fct_joins.is_active_7d IS 'Whether a message or a reaction followed in that space within 7 days. False is final only when these are over.';
COMMENT ON COLUMN analytics.fct_joins.first_post_at IS 'First message in that space during the stay; null if there was none so far.';
COMMENT ON COLUMN analytics.fct_joins.welcomed_at IS 'When a rule on member.joined first sent something because of it; null if none did.';

-- To compile its thousand expressions would take longer than to ask for all of them
-- at any size: where a session compiles what is costly, this is not compiled.
-- +goose StatementBegin
CREATE FUNCTION analytics.metrics(since date, until date, space text DEFAULT 'all')
  RETURNS TABLE (metric text, value double precision, numerator double precision, denominator double precision,
    coverage_ratio double precision, is_partial boolean)
  LANGUAGE sql STABLE SET jit = off SET search_path = pg_catalog, pg_temp AS $$
SELECT analytics.check_question(since, until, space);
WITH span AS MATERIALIZED (
  SELECT LEAST(until - 1, max(d.activity_date)) AS last_day, max(d.activity_date) AS today,
         min(d.starts_at) FILTER (WHERE d.activity_date >= since AND d.activity_date < until) AS starts_at,
         max(d.starts_at) FILTER (WHERE d.activity_date >= since AND d.activity_date < until) AS last_starts_at,
         max(d.ends_at) FILTER (WHERE d.activity_date >= since AND d.activity_date < until) AS ends_at
  FROM analytics.dim_dates d
), days AS MATERIALIZED (
  SELECT s.activity_date, s.activity_date >= since AS inside, s.activity_date = span.last_day AS is_last, s.is_complete,
         s.coverage_ratio > 0 OR s.dau + s.messages > 0 AS is_seen, s.coverage_ratio, s.members, s.joins, s.leaves, s.dau, s.wau, s.mau,
         s.posting_1d, s.posting_7d, s.posting_28d, s.messages, s.messages_human, s.messages_app, s.edited, s.deleted, s.reactions
  FROM analytics.agg_summary_daily s
  CROSS JOIN span
  WHERE s.space_id = space AND s.activity_date >= since - GREATEST(90, until - since) AND s.activity_date < until
), total AS MATERIALIZED (
  SELECT sum(members) FILTER (WHERE is_last) AS members, sum(members) FILTER (WHERE activity_date = since - 1) AS members_before,
         sum(dau) FILTER (WHERE is_last AND (dau > 0 OR coverage_ratio > 0)) AS dau, sum(wau) FILTER (WHERE is_last AND (wau > 0 OR coverage_ratio > 0)) AS wau, sum(mau) FILTER (WHERE is_last AND (mau > 0 OR coverage_ratio > 0)) AS mau,
         sum(posting_1d) FILTER (WHERE is_last AND (posting_1d > 0 OR coverage_ratio > 0)) AS posting_1d, sum(posting_7d) FILTER (WHERE is_last AND (posting_7d > 0 OR coverage_ratio > 0)) AS posting_7d,
         sum(posting_28d) FILTER (WHERE is_last AND (posting_28d > 0 OR coverage_ratio > 0)) AS posting_28d,
         sum(dau::double precision / NULLIF(mau, 0)) FILTER (WHERE inside AND is_complete AND is_seen) AS stickiness,
         count(*) FILTER (WHERE inside AND is_complete AND is_seen AND mau > 0) AS sticky_days,
         sum(joins) FILTER (WHERE inside) AS joins, sum(leaves) FILTER (WHERE inside) AS leaves,
         sum(messages) FILTER (WHERE inside) AS messages, sum(messages_human) FILTER (WHERE inside) AS messages_human,
         sum(messages_app) FILTER (WHERE inside) AS messages_app, sum(edited) FILTER (WHERE inside) AS edited,
         sum(deleted) FILTER (WHERE inside) AS deleted, sum(reactions) FILTER (WHERE inside) AS reactions,
         sum(coverage_ratio) FILTER (WHERE inside) AS covered,
         CASE WHEN count(coverage_ratio) FILTER (WHERE inside) > 0 THEN (SELECT last_day - since + 1 FROM span) END AS days_begun,
         bool_or(is_seen) FILTER (WHERE activity_date >= since - 90 AND NOT inside) AS is_past_seen,
         bool_or(is_seen) FILTER (WHERE activity_date >= since - (until - since) AND NOT inside) AS is_window_before_seen
  FROM days
), posters AS (
  SELECT a.member_id, sum(a.messages) AS messages
  FROM analytics.agg_activity_member_daily a
  WHERE space = 'all' AND a.member_type = 'HUMAN' AND a.messages > 0 AND a.activity_date >= since AND a.activity_date < until
  GROUP BY a.member_id
  UNION ALL
  SELECT a.member_id, sum(a.messages)
  FROM analytics.agg_activity_daily a
  WHERE space <> 'all' AND a.space_id = space AND a.member_type = 'HUMAN' AND a.messages > 0 AND a.activity_date >= since AND a.activity_date < until
  GROUP BY a.member_id
), past AS (
  SELECT a.member_id, sum(a.messages) FILTER (WHERE a.activity_date >= since - 90) AS messages_90d,
         bool_or(a.activity_date >= since - (until - since)) AS is_of_window_before
  FROM (
    SELECT a.member_id, a.activity_date, a.messages
    FROM analytics.agg_activity_member_daily a
    WHERE space = 'all' AND a.member_type = 'HUMAN' AND a.messages > 0
    UNION ALL
    SELECT a.member_id, a.activity_date, a.messages
    FROM analytics.agg_activity_daily a
    WHERE space <> 'all' AND a.space_id = space AND a.member_type = 'HUMAN' AND a.messages > 0
  ) a
  WHERE a.activity_date >= since - GREATEST(90, until - since) AND a.activity_date < since
  GROUP BY a.member_id
), changes AS MATERIALIZED (
  SELECT count(*) FILTER (WHERE NOT p.is_older) AS new,
         CASE WHEN total.is_past_seen THEN count(*) FILTER (WHERE p.is_older AND NOT p.is_past) END AS reactivated,
         CASE WHEN total.is_past_seen AND until - since >= 28 THEN (
           SELECT count(*)
           FROM past
           WHERE past.messages_90d >= 4 AND NOT EXISTS (SELECT FROM posters WHERE posters.member_id = past.member_id)
         ) END AS lost
  FROM total
  LEFT JOIN (
    SELECT COALESCE(past.messages_90d, 0) > 0 AS is_past,
           CASE
             WHEN past.messages_90d > 0 THEN true
             WHEN space = 'all' THEN EXISTS (
               SELECT
               FROM analytics.agg_activity_member_daily a
               WHERE a.member_id = posters.member_id AND a.messages > 0 AND a.activity_date < since - 90
             )
             ELSE EXISTS (
               SELECT
               FROM analytics.agg_activity_daily a
               WHERE a.member_id = posters.member_id AND a.space_id = space AND a.messages > 0 AND a.activity_date < since - 90
             )
           END AS is_older
    FROM posters
    LEFT JOIN past USING (member_id)
  ) p ON true
  GROUP BY total.is_past_seen
), silence AS (
  SELECT count(*) AS members, count(*) FILTER (WHERE a.member_id IS NULL) AS silent
  FROM (
    SELECT DISTINCT j.member_id
    FROM analytics.agg_memberships j
    WHERE j.member_type = 'HUMAN' AND (space = 'all' OR j.space_id = space)
      AND j.known_at < (SELECT d.starts_at FROM analytics.dim_dates d WHERE d.activity_date = (SELECT last_day - 27 FROM span))
      AND (j.left_at IS NULL OR j.left_at >= (SELECT ends_at FROM span))
  ) m
  LEFT JOIN (
    SELECT a.member_id
    FROM analytics.agg_activity_member_daily a
    WHERE space = 'all' AND a.activity_date > (SELECT last_day - 28 FROM span) AND a.activity_date < until AND a.messages + a.reactions_given > 0
    UNION
    SELECT a.member_id
    FROM analytics.agg_activity_daily a
    WHERE space <> 'all' AND a.space_id = space AND a.activity_date > (SELECT last_day - 28 FROM span) AND a.activity_date < until
      AND a.messages + a.reactions_given > 0
  ) a ON a.member_id = m.member_id
), joined AS MATERIALIZED (
  SELECT j.joined_at, j.joined_at <= now() - interval '168 hours' AS is_ripe, j.is_active_7d, j.first_post_at, j.welcomed_at
  FROM analytics.fct_joins j
  WHERE j.member_type = 'HUMAN' AND j.joined_at >= (SELECT starts_at FROM span) AND j.joined_at < (SELECT ends_at FROM span)
    AND (space = 'all' OR j.space_id = space)
), welcomed AS MATERIALIZED (
  SELECT count(*) AS joins, count(welcomed_at) AS welcomed,
         count(*) FILTER (WHERE is_ripe AND welcomed_at IS NOT NULL) AS ripe_welcomed,
         count(*) FILTER (WHERE is_ripe AND welcomed_at IS NULL) AS ripe_others,
         count(*) FILTER (WHERE is_ripe AND welcomed_at IS NOT NULL AND is_active_7d) AS active_welcomed,
         count(*) FILTER (WHERE is_ripe AND welcomed_at IS NULL AND is_active_7d) AS active_others,
         percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM welcomed_at - joined_at)) AS p95
  FROM joined
  WHERE EXISTS (
    SELECT
    FROM analytics.fct_reactor_runs r
    CROSS JOIN span
    WHERE r.trigger = 'member.joined' AND NOT r.is_shadow AND r.triggered_at >= span.starts_at AND r.triggered_at < span.ends_at
      AND (space = 'all' OR r.space_id = space)
  )
), response AS MATERIALIZED (
  SELECT sum(r.roots) FILTER (WHERE r.activity_date < span.today - 7) AS roots, sum(r.answered) FILTER (WHERE r.activity_date < span.today - 7) AS answered,
         sum(r.reacted_only) FILTER (WHERE r.activity_date < span.today - 7) AS reacted,
         sum(r.roots - r.answered) FILTER (WHERE r.activity_date < span.today - 1) AS unanswered
  FROM analytics.agg_response_daily r
  CROSS JOIN span
  WHERE r.space_id = space AND r.activity_date >= since AND r.activity_date < until
), lag AS MATERIALIZED (
  SELECT count(*) AS events, percentile_cont(0.5) WITHIN GROUP (ORDER BY lag_seconds) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY lag_seconds) AS p95
  FROM analytics.event_lags e
  WHERE e.occurred_at >= (SELECT last_starts_at FROM span) AND e.occurred_at < (SELECT ends_at FROM span) AND (space = 'all' OR e.space_id = space)
)
SELECT m.metric,
       CASE WHEN NOT c.is_known THEN NULL
            WHEN m.scale IS NOT NULL THEN m.scale * m.numerator / NULLIF(m.denominator, 0)
            -- Nothing was counted, and nobody looked: unknown.
            WHEN m.value <> 0 OR m.denominator > 0 OR c.ratio > 0 THEN m.value
       END,
       CASE WHEN c.is_known THEN m.numerator END, CASE WHEN c.is_known THEN m.denominator END, c.ratio,
       COALESCE(c.ratio < 0.8, true) OR until > span.today
FROM (
  SELECT v.metric, v.value::double precision, v.numerator::double precision, v.denominator::double precision, v.scale::double precision, v.back_to
  FROM total
  CROSS JOIN LATERAL (VALUES
    ('members', members, NULL, NULL, NULL, since),
    ('joins', joins, NULL, NULL, NULL, since),
    ('leaves', leaves, NULL, NULL, NULL, since),
    ('net_growth', joins - leaves, NULL, NULL, NULL, since),
    ('churn', NULL, leaves, members_before, 1, since - 1),
    ('dau', dau, NULL, NULL, NULL, since),
    ('wau', wau, NULL, NULL, NULL, until - 7),
    ('mau', mau, NULL, NULL, NULL, until - 28),
    ('posting_1d', posting_1d, NULL, NULL, NULL, since),
    ('posting_7d', posting_7d, NULL, NULL, NULL, until - 7),
    ('posting_28d', posting_28d, NULL, NULL, NULL, until - 28),
    ('stickiness', NULL, stickiness, sticky_days, 1, since - 27),
    ('messages', messages_human, NULL, NULL, NULL, since),
    ('messages_app', messages_app, NULL, NULL, NULL, since),
    ('reactions_per_message', NULL, reactions, messages_human, 1, since),
    ('edit_rate', NULL, edited, messages, 1000, since),
    ('delete_rate', NULL, deleted, messages, 1000, since),
    ('coverage', NULL, covered, days_begun, 1, since)
  ) v (metric, value, numerator, denominator, scale, back_to)
  UNION ALL
  SELECT 'tenure_at_leave', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM j.left_at - j.joined_at)), NULL, count(*), NULL, since
  FROM analytics.agg_memberships j
  WHERE j.member_type = 'HUMAN' AND j.joined_at IS NOT NULL
    AND j.left_at >= (SELECT starts_at FROM span) AND j.left_at < (SELECT ends_at FROM span)
    AND (space = 'all' OR j.space_id = space)
  UNION ALL
  SELECT 'activation_7d', NULL, count(*) FILTER (WHERE is_ripe AND is_active_7d), count(*) FILTER (WHERE is_ripe), 1, since
  FROM joined
  UNION ALL
  SELECT 'time_to_first_post', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first_post_at - joined_at)), NULL, count(first_post_at), NULL, since
  FROM joined
  UNION ALL
  SELECT 'new_contributors', new, NULL, NULL, NULL, since - 90
  FROM changes
  UNION ALL
  SELECT 'reactivated', reactivated, NULL, NULL, NULL, since - 90
  FROM changes
  UNION ALL
  SELECT 'lost_regulars', lost, NULL, NULL, NULL, since - 90
  FROM changes
  UNION ALL
  SELECT 'net_active_change', new + reactivated - lost, NULL, NULL, NULL, since - 90
  FROM changes
  UNION ALL
  SELECT 'messages_per_poster', NULL, sum(messages), count(*), 1, since
  FROM posters
  UNION ALL
  SELECT 'median_messages_per_poster', percentile_cont(0.5) WITHIN GROUP (ORDER BY messages), NULL, count(*), NULL, since
  FROM posters
  UNION ALL
  SELECT 'active_spaces', count(DISTINCT s.space_id), NULL, NULL, NULL, since
  FROM analytics.agg_summary_daily s
  WHERE s.space_id <> 'all' AND (space = 'all' OR s.space_id = space) AND s.messages_human > 0 AND s.activity_date >= since AND s.activity_date < until
  UNION ALL
  SELECT 'returning_posters', NULL, count(*) FILTER (WHERE past.is_of_window_before), CASE WHEN bool_or(total.is_window_before_seen) THEN count(*) END, 1,
         since - (until - since)
  FROM posters
  CROSS JOIN total
  LEFT JOIN past USING (member_id)
  UNION ALL
  SELECT 'silent_members', NULL, silent, members, 1, until - 28
  FROM silence
  UNION ALL
  SELECT 'out_of_hours_share', NULL, COALESCE(sum(h.messages_human) FILTER (WHERE h.iso_weekday > 5 OR h.hour_of_day < 9 OR h.hour_of_day >= 17), 0),
         sum(h.messages_human), 1, since
  FROM analytics.agg_space_hourly h
  WHERE h.space_id = space AND h.activity_date >= since AND h.activity_date < until
  UNION ALL
  SELECT 'top10_share', NULL, (SELECT sum(t.messages) FROM (SELECT messages FROM posters ORDER BY messages DESC LIMIT 10) t), sum(messages), 1, since
  FROM posters
  UNION ALL
  SELECT 'reply_coverage', NULL, answered, roots, 1, since
  FROM response
  UNION ALL
  SELECT 'first_response_p50', percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), NULL, count(*), NULL, since
  FROM analytics.agg_response_daily r
  CROSS JOIN LATERAL unnest(r.response_seconds) seconds
  WHERE r.space_id = space AND r.activity_date >= since AND r.activity_date < until
  UNION ALL
  SELECT 'first_response_p90', percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds), NULL, count(*), NULL, since
  FROM analytics.agg_response_daily r
  CROSS JOIN LATERAL unnest(r.response_seconds) seconds
  WHERE r.space_id = space AND r.activity_date >= since AND r.activity_date < until
  UNION ALL
  SELECT 'unanswered', unanswered, NULL, NULL, NULL, since
  FROM response
  UNION ALL
  SELECT 'response_by_reaction', NULL, reacted, roots, 1, since
  FROM response
  UNION ALL
  SELECT 'welcome_reach', NULL, welcomed, joins, 1, since
  FROM welcomed
  UNION ALL
  SELECT 'join_to_welcome_p95', p95, NULL, welcomed, NULL, since
  FROM welcomed
  UNION ALL
  SELECT 'welcome_effect_welcomed', NULL, active_welcomed, ripe_welcomed, 1, since
  FROM welcomed
  UNION ALL
  SELECT 'welcome_effect_others', NULL, active_others, ripe_others, 1, since
  FROM welcomed
  UNION ALL
  SELECT 'event_lag_p50', p50, NULL, events, NULL, since
  FROM lag
  UNION ALL
  SELECT 'event_lag_p95', p95, NULL, events, NULL, since
  FROM lag
  UNION ALL
  SELECT 'quarantined', CASE WHEN space = 'all' AND EXISTS (SELECT FROM days) THEN count(*) END, NULL, NULL, NULL, since
  FROM analytics.quarantined_messages q
  WHERE q.received_at >= (SELECT starts_at FROM span) AND q.received_at < (SELECT ends_at FROM span)
) m (metric, value, numerator, denominator, scale, back_to)
CROSS JOIN span
CROSS JOIN LATERAL (
  -- Nobody sees what is to come.
  SELECT since <= span.today AND EXISTS (SELECT FROM days) AS is_known,
         sum(days.coverage_ratio)::double precision / (span.last_day - LEAST(m.back_to, since) + 1) AS ratio
  FROM days
  WHERE days.activity_date >= LEAST(m.back_to, since)
) c
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION analytics.metrics(date, date, text) IS 'Every metric of metric_definitions that is a number, for the days from since up to and without until, in a space (spaces/S) or in all. value: null where it is unknown or a share of nothing. numerator and denominator: of shares and means; of percentiles the denominator is of how many. coverage_ratio: covered share of the days it looks at, those before the window included where it looks back. is_partial: less than 0.8 of them are covered, or the window hasn''t ended.';

-- +goose Down
DROP FUNCTION analytics.metrics(date, date, text);
DROP FUNCTION analytics.heatmap(date, date, text);
DROP FUNCTION analytics.check_question(date, date, text);
DROP VIEW analytics.fct_joins;
DROP VIEW analytics.agg_memberships;
DROP VIEW analytics.quarantined_messages;
DROP VIEW analytics.event_lags;
DROP VIEW analytics.response_network;
DROP VIEW analytics.top_messages;
DROP VIEW analytics.unanswered_threads;
DROP VIEW analytics.dim_hours;
DROP VIEW analytics.metric_definitions;
