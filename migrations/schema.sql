-- The schema after all migrations, for reading. Written by: go test ./internal/store -run TestMigrations -update

CREATE SCHEMA analytics;

COMMENT ON SCHEMA analytics IS 'Version 1. What analysts and dashboards read: the only part of the database that is promised to stay as it is. Times are timestamptz; days (…_date) are those of the reporting zone. NULL is unknown, or a share of nothing; it is never 0.';

CREATE FUNCTION analytics.check_question(since date, until date, space text) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION analytics.check_question(since date, until date, space text) IS 'Errs where metrics() and heatmap() have no answer: of a window without days, and of a space that nothing is known of or that whoever asks may not see.';

CREATE FUNCTION analytics.heatmap(since date, until date, space text DEFAULT 'all'::text) RETURNS TABLE(iso_weekday integer, hour_of_day integer, messages double precision, messages_app double precision, hours bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION analytics.heatmap(since date, until date, space text) IS 'Messages of people and of apps by weekday and hour of the reporting zone: the mean of those hours on the days from since up to and without until, in a space (spaces/S) or in all. Counts days that have ended and were watched, or saw anything; null where there is no such hour. hours: of how many it is the mean.';

CREATE FUNCTION analytics.metrics(since date, until date, space text DEFAULT 'all'::text) RETURNS TABLE(metric text, value double precision, numerator double precision, denominator double precision, coverage_ratio double precision, is_partial boolean)
    LANGUAGE sql STABLE
    SET jit TO 'off'
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

COMMENT ON FUNCTION analytics.metrics(since date, until date, space text) IS 'Every metric of metric_definitions that is a number, for the days from since up to and without until, in a space (spaces/S) or in all. value: null where it is unknown or a share of nothing. numerator and denominator: of shares and means; of percentiles the denominator is of how many. coverage_ratio: covered share of the days it looks at, those before the window included where it looks back. is_partial: less than 0.8 of them are covered, or the window hasn''t ended.';

CREATE FUNCTION analytics.record_action(action text, operator text, target text, space text, details json) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  at CONSTANT timestamptz := clock_timestamp();
  key CONSTANT uuid := gen_random_uuid();
  salt CONSTANT bytea := uuid_send(gen_random_uuid());
  leaf bytea := '\x00'::bytea || substring(sha256('leaf'::bytea || salt) FOR 16) || leaf_field('action/v1');
  field text;
BEGIN
  IF action !~ '^(access|export)\.' AND NOT has_table_privilege(session_user, 'events', 'INSERT') THEN
    RAISE insufficient_privilege USING MESSAGE = format('the role %s may record what it reads and exports, and nothing else', session_user);
  END IF;
  INSERT INTO trail (at, action_key, action, role_name, operator, target, space, details)
  VALUES (at, key, action, session_user, NULLIF(operator, ''), NULLIF(target, ''), NULLIF(space, ''), details);
  FOREACH field IN ARRAY ARRAY[
    replace(key::text, '-', ''), to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), action, session_user::text,
    NULLIF(operator, ''), NULLIF(target, ''), NULLIF(space, '')
  ] LOOP
    leaf := leaf || leaf_field(convert_to(field, 'UTF8'));
  END LOOP;
  leaf := leaf || leaf_field(sha256(salt || convert_to(details::text, 'UTF8')));
  INSERT INTO proof_pending (entries)
  VALUES ('a'::bytea || int8send((extract(epoch FROM at) * 1000000)::bigint) || uuid_send(key) || int2send(0::smallint) || salt || sha256(leaf));
  RETURN key;
END
$$;

COMMENT ON FUNCTION analytics.record_action(action text, operator text, target text, space text, details json) IS 'Adds a row to the trail and its leaf to the log, and returns its key. Readers may record that they looked at something (access.…) or exported it (export.…).';

CREATE FUNCTION public.audit_record(at timestamp with time zone, key text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((lpad(to_hex(((date_part('epoch'::text, at) * (1000000)::double precision))::bigint), 14, '0'::text) || key) COLLATE "C");

COMMENT ON FUNCTION public.audit_record(at timestamp with time zone, key text) IS 'The id of an audit record: its time in microseconds, as 14 hexadecimal digits, and what tells it from others of that time. So ids are in the order of time.';

CREATE FUNCTION public.check_erasures(known text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF known IS DISTINCT FROM erasures_version() THEN
    RAISE serialization_failure USING MESSAGE = 'erasures or legal holds have changed meanwhile';
  END IF;
END
$$;

COMMENT ON FUNCTION public.check_erasures(known text) IS 'Fails if erasures_version() is another one than the caller knows. Whoever writes what people say calls it in the same transaction.';

CREATE FUNCTION public.covered(coverage real, starts_at timestamp with time zone, ends_at timestamp with time zone, looked_until timestamp with time zone) RETURNS double precision
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (looked_until >= ends_at) THEN (coverage)::double precision ELSE (coverage * LEAST((1)::double precision, (GREATEST((0)::double precision, date_part('epoch'::text, (looked_until - starts_at))) / NULLIF(date_part('epoch'::text, (LEAST(ends_at, GREATEST(looked_until, (now() - '00:15:00'::interval))) - starts_at)), (0)::double precision)))) END;

COMMENT ON FUNCTION public.covered(coverage real, starts_at timestamp with time zone, ends_at timestamp with time zone, looked_until timestamp with time zone) IS 'Share of a day, as far as it has gone by, that was covered: coverage is the share up to looked_until.';

CREATE FUNCTION public.day_start(day date, zone text) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((((((((day)::timestamp without time zone AT TIME ZONE zone) AT TIME ZONE 'UTC'::text) - '01:00:00'::interval) AT TIME ZONE 'UTC'::text) AT TIME ZONE zone))::date = day) THEN (((((day)::timestamp without time zone AT TIME ZONE zone) AT TIME ZONE 'UTC'::text) - '01:00:00'::interval) AT TIME ZONE 'UTC'::text) ELSE ((day)::timestamp without time zone AT TIME ZONE zone) END;

COMMENT ON FUNCTION public.day_start(day date, zone text) IS 'When a day begins in a zone. Where clocks are set back at one in the morning it has two midnights: the first counts. Where they are set forward at midnight it has none: the day begins an hour later.';

CREATE FUNCTION public.direct_messages(member text) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  RETURN ARRAY(
    SELECT p.space
    FROM spaces p
    WHERE p.space_type = 'DIRECT_MESSAGE' AND (
      EXISTS (SELECT FROM stored_memberships m WHERE m.member = direct_messages.member AND m.space_id = p.id)
      OR EXISTS (SELECT FROM events e JOIN users u ON u.id = e.actor_id WHERE e.space_id = p.id AND u.user_name = direct_messages.member)
    )
    ORDER BY 1
  );
END
$$;

COMMENT ON FUNCTION public.direct_messages(member text) IS 'The direct messages that somebody is in, users/U: as spaces/S.';

CREATE FUNCTION public.erasures_version() RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  RETURN (SELECT count(*) FROM erasures) || ' ' || (SELECT concat_ws(' ', count(*), max(since)) FROM legal_holds);
END
$$;

COMMENT ON FUNCTION public.erasures_version() IS 'Another one for each change of who is erased, and of what is held.';

CREATE FUNCTION public.event_key(ce_id text) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (encode(SUBSTRING(sha256(convert_to(ce_id, 'UTF8'::name)) FROM 1 FOR 16), 'hex'::text))::uuid;

COMMENT ON FUNCTION public.event_key(ce_id text) IS 'The key of a Chat event with this ce-id. Of a lifecycle event: event_key(source || E''\n'' || id); of an interaction: event_key(E''interaction\n'' || Pub/Sub message id).';

CREATE FUNCTION public.folded_emoji(emoji text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN translate(emoji, '🏻🏼🏽🏾🏿️'::text, ''::text);

COMMENT ON FUNCTION public.folded_emoji(emoji text) IS 'An emoji without the tone of its skin, and without the sign that asks for its picture: all thumbs are one.';

CREATE FUNCTION public.full_name(name text, base text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (name ~~ '//%'::text) THEN substr(name, 2) WHEN (name ~~ '/%'::text) THEN (base || name) ELSE name END;

COMMENT ON FUNCTION public.full_name(name text, base text) IS 'The name that events holds in short form: /X stands for base/X, and //X for /X; everything else is as it was.';

CREATE FUNCTION public.is_reply(name text, thread text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((split_part(name, '.'::text, 2) <> ALL (ARRAY[''::text, substr(split_part(name, '.'::text, 1), 2)])) OR (COALESCE(thread, ''::text) <> ''::text));

COMMENT ON FUNCTION public.is_reply(name text, thread text) IS 'Whether a message, by stored_messages.name and thread, is not the first one of its thread: T.R is an answer in the thread T, and T.T its first message.';

CREATE FUNCTION public.is_threaded(threading_state text, space_type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (threading_state = ANY (ARRAY['THREADED_MESSAGES'::text, 'GROUPED_MESSAGES'::text])) THEN true WHEN ((threading_state = 'UNTHREADED_MESSAGES'::text) OR (space_type = ANY (ARRAY['DIRECT_MESSAGE'::text, 'GROUP_CHAT'::text]))) THEN false ELSE NULL::boolean END;

COMMENT ON FUNCTION public.is_threaded(threading_state text, space_type text) IS 'Whether people answer in threads in a space of this threading_state and space_type; null if that is unknown.';

CREATE FUNCTION public.keep_message_version() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  winner stored_messages%ROWTYPE;
  loser stored_messages%ROWTYPE;
BEGIN
  -- Whoever erases says so in its transaction.
  IF current_setting('spacekeeper.erasing', true) = 'on' THEN
    RETURN NEW;
  END IF;
  -- The as_of of the other: of two copies of one event, its own content counts
  -- more than what was fetched, and that more the earlier it was.
  IF (NEW.deleted_at IS NOT NULL, NEW.version_time, NEW.event_time, NEW.verb_order, NEW.version_key,
      COALESCE(OLD.payload_as_of, '-infinity'))
     > (OLD.deleted_at IS NOT NULL, OLD.version_time, OLD.event_time, OLD.verb_order, OLD.version_key,
      COALESCE(NEW.payload_as_of, '-infinity')) THEN
    winner := NEW;
    loser := OLD;
  ELSE
    winner := OLD;
    loser := NEW;
  END IF;
  -- A tombstone or a bare name has no content to keep.
  IF loser.text IS NOT NULL
     AND (winner.text IS NULL OR (loser.version_time, loser.version_key) <> (winner.version_time, winner.version_key)) THEN
    INSERT INTO stored_revisions AS r (version_time, event_time, payload_as_of, version_key, space_id, verb_order, attachments, name, text)
    VALUES (loser.version_time, loser.event_time, loser.payload_as_of, loser.version_key, loser.space_id, loser.verb_order, loser.attachments,
      loser.name, loser.text)
    ON CONFLICT (space_id, name, version_time, version_key) DO UPDATE
    SET payload_as_of = excluded.payload_as_of, attachments = excluded.attachments, text = excluded.text
    WHERE COALESCE(excluded.payload_as_of, '-infinity') < COALESCE(r.payload_as_of, '-infinity');
  END IF;
  -- What never changes is filled in from whichever version tells it.
  winner.sender_id := COALESCE(winner.sender_id, loser.sender_id);
  winner.thread := COALESCE(winner.thread, loser.thread);
  winner.quoted := COALESCE(winner.quoted, loser.quoted);
  winner.deletion_type := COALESCE(winner.deletion_type, loser.deletion_type);
  winner.edited_at := GREATEST(winner.edited_at, loser.edited_at);
  IF winner = OLD THEN
    RETURN NULL;
  END IF;
  RETURN winner;
END
$$;

COMMENT ON FUNCTION public.keep_message_version() IS 'Keeps the newest version of a message in stored_messages and moves the other to stored_revisions. That goes for UPDATE by hand, too: a text that is no newer version is refused (UPDATE 0), and one that is leaves the old text in stored_revisions. So nothing can be erased by hand, whatever is updated; subscriber erase sets spacekeeper.erasing.';

CREATE FUNCTION public.keep_name() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  resource text;
  told timestamptz;
BEGIN
  IF TG_TABLE_NAME = 'spaces' THEN
    IF TG_OP = 'INSERT' THEN
      NEW.named_at := COALESCE(NEW.named_at, NULLIF(NEW.version_time, '-infinity'));
    ELSIF NEW.named_at IS NOT DISTINCT FROM OLD.named_at AND isfinite(NEW.version_time) THEN
      IF OLD.named_at > NEW.version_time THEN
        NEW.display_name := OLD.display_name; -- a list or an interaction was later than the event
      ELSE
        NEW.named_at := NEW.version_time;
      END IF;
    END IF;
    resource := NEW.space;
    -- What was fetched is the name of that time.
    told := CASE WHEN NEW.named_at = NEW.version_time THEN COALESCE(NEW.payload_as_of, NEW.named_at) ELSE NEW.named_at END;
  ELSE
    resource := NEW.user_name;
    told := NEW.version_time;
    IF EXISTS (SELECT FROM erasures WHERE member = NEW.user_name) THEN
      NEW.display_name := NULL;
    END IF;
  END IF;
  IF NEW.display_name IS NOT NULL AND isfinite(told) AND NEW.display_name IS DISTINCT FROM (
    SELECT n.display_name FROM names n WHERE n.name = resource AND n.known_at <= told ORDER BY n.known_at DESC LIMIT 1
  ) THEN
    INSERT INTO names (known_at, name, display_name)
    VALUES (told, resource, NEW.display_name)
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NEW;
END
$$;

COMMENT ON FUNCTION public.keep_name() IS 'Keeps in names what spaces and people were called, and a listed name from events of before the list.';

CREATE FUNCTION public.leaf_field(field bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (field IS NULL) THEN '\x2d2c'::bytea ELSE ((convert_to((length(field) || ':'::text), 'UTF8'::name) || field) || '\x2c'::bytea) END;

COMMENT ON FUNCTION public.leaf_field(field bytea) IS 'A field of a leaf, as docs/proof.md describes it.';

CREATE FUNCTION public.lock_projections(mode text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  EXECUTE format('LOCK TABLE projection_locks IN %s MODE', mode);
END
$$;

COMMENT ON FUNCTION public.lock_projections(mode text) IS 'Locks projection_locks. LOCK itself is refused in a pipeline, though that is a transaction.';

CREATE FUNCTION public.make_partition(divided text, month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
DECLARE
  settings text;
  since date := date_trunc('month', month::timestamp);
  wanted text := divided || to_char(since, '_YYYY_MM');
  partition text;
BEGIN
  -- A table that is divided can't have settings: its partitions do.
  CASE divided
    WHEN 'events' THEN
      -- Rows are only added. What a person wrote in a space is counted in an index,
      -- which saves the rows only where a vacuum has been since.
      settings := 'autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02';
    WHEN 'stored_messages' THEN
      -- An edit stays on its page.
      settings := 'fillfactor = 90, autovacuum_analyze_scale_factor = 0.02';
  END CASE;
  -- The first look needs no lock. After it one replica creates the partition, and
  -- the others wait and find it.
  FOR look IN 1..2 LOOP
    IF look = 2 THEN
      PERFORM pg_advisory_xact_lock(hashtext('spacekeeper partitions'));
    END IF;
    -- Not to_regclass: it may answer from a cache older than the lock.
    IF EXISTS (
      SELECT FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = divided::regclass AND c.relname ~ ('^' || wanted || '(_\d+)?$') AND NOT i.inhdetachpending
    ) THEN
      RETURN;
    END IF;
  END LOOP;
  -- Where the month was detached and its table is still there, the new one gets a
  -- name of its own: what was detached is whoever's who did it.
  SELECT free.name INTO STRICT partition
  FROM generate_series(1, 1000) AS n, concat(wanted, '_' || NULLIF(n, 1)) AS free (name)
  WHERE NOT EXISTS (
    SELECT FROM pg_class c
    WHERE c.relname = free.name AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = divided::regclass)
  )
  ORDER BY n
  LIMIT 1;
  -- To attach a table lets readers and writers of the other months go on, where
  -- CREATE TABLE … PARTITION OF would lock them out.
  PERFORM set_config('lock_timeout', '3s', true);
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (%s)', partition, divided, settings);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', divided, partition,
    to_char(since, 'YYYY-MM-01 00:00:00+00'), to_char(since + interval '1 month', 'YYYY-MM-01 00:00:00+00'));
END
$_$;

COMMENT ON FUNCTION public.make_partition(divided text, month date) IS 'Adds the month (UTC) of a day to events or stored_messages, unless it is there. It acts as the owner of the tables; the worker may call it.';

CREATE FUNCTION public.message_state(deleted_at timestamp with time zone, edited_at timestamp with time zone, is_reply boolean) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((((((deleted_at IS NOT NULL))::integer * 4) + (((edited_at IS NOT NULL))::integer * 2)) + (is_reply)::integer))::smallint;

COMMENT ON FUNCTION public.message_state(deleted_at timestamp with time zone, edited_at timestamp with time zone, is_reply boolean) IS 'As in rollup_changes.states.';

CREATE FUNCTION public.note_coverage() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  since timestamptz := NEW.from_time;
  until timestamptz := COALESCE(NEW.to_time, now());
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.from_time, OLD.source) = (NEW.from_time, NEW.source) THEN -- only its end has moved
      since := LEAST(COALESCE(OLD.to_time, now()), until);
    ELSE
      since := LEAST(OLD.from_time, since);
    END IF;
    until := GREATEST(COALESCE(OLD.to_time, now()), until);
  END IF;
  INSERT INTO rollup_marks (kind, id, from_time, to_time)
  SELECT 'c', COALESCE((SELECT id FROM spaces WHERE space = NEW.scope), 0), since, until;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.note_coverage() IS 'Notes in rollup_marks of which times the coverage has changed. What is dropped because it is old stays in the rollups.';

CREATE FUNCTION public.note_members() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    INSERT INTO rollup_marks (kind, id) SELECT DISTINCT 'm'::"char", space_id FROM gone;
  ELSIF TG_OP = 'INSERT' OR TG_TABLE_NAME = 'stored_membership_changes' THEN
    INSERT INTO rollup_marks (kind, id) SELECT DISTINCT 'm'::"char", space_id FROM added;
  ELSE -- the state of now is not asked for
    INSERT INTO rollup_marks (kind, id)
    SELECT DISTINCT 'm'::"char", a.space_id
    FROM added a
    LEFT JOIN gone g ON g.space_id = a.space_id AND g.membership = a.membership AND g.member = a.member
    WHERE g.member IS NULL AND a.member IS NOT NULL;
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.note_members() IS 'Notes in rollup_marks in which spaces a statement changes who was there when.';

CREATE FUNCTION public.note_messages() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO rollup_changes (quarters, space_ids, user_ids, states, number)
    SELECT array_agg(quarter_of(create_time)), array_agg(space_id), array_agg(COALESCE(sender_id, 0)),
      array_agg(message_state(deleted_at, edited_at, is_reply(name, thread))), 1
    FROM added
    WHERE create_time > '-infinity'
    HAVING count(*) > 0;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO rollup_changes (quarters, space_ids, user_ids, states, number)
    SELECT array_agg(quarter_of(create_time)), array_agg(space_id), array_agg(COALESCE(sender_id, 0)),
      array_agg(message_state(deleted_at, edited_at, is_reply(name, thread))), -1
    FROM gone
    WHERE create_time > '-infinity'
    HAVING count(*) > 0;
  ELSE
    INSERT INTO rollup_changes (quarters, space_ids, user_ids, states, number)
    WITH now AS (
      SELECT quarter_of(create_time) AS quarter, space_id, COALESCE(sender_id, 0) AS user_id,
        message_state(deleted_at, edited_at, is_reply(name, thread)) AS state
      FROM added
      WHERE create_time > '-infinity'
    ), was AS (
      SELECT quarter_of(create_time) AS quarter, space_id, COALESCE(sender_id, 0) AS user_id,
        message_state(deleted_at, edited_at, is_reply(name, thread)) AS state
      FROM gone
      WHERE create_time > '-infinity'
    )
    SELECT array_agg(quarter), array_agg(space_id), array_agg(user_id), array_agg(state), number
    FROM (
      SELECT quarter, space_id, user_id, state, 1 AS number FROM (TABLE now EXCEPT ALL TABLE was) a
      UNION ALL
      SELECT quarter, space_id, user_id, state, -1 FROM (TABLE was EXCEPT ALL TABLE now) g
    ) c
    GROUP BY number;
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.note_messages() IS 'Notes in rollup_changes what a statement changes of messages of which is known when they were sent.';

CREATE FUNCTION public.note_names() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_TABLE_NAME = 'users' THEN -- who may have been known as a member before
    INSERT INTO rollup_marks (kind, id)
    SELECT 'u', a.id
    FROM added a
    WHERE EXISTS (SELECT FROM stored_memberships m WHERE m.member = a.user_name);
  ELSE -- which may have been watched before the first event
    INSERT INTO rollup_marks (kind, id, from_time, to_time)
    SELECT 'c', a.id, min(c.from_time), max(COALESCE(c.to_time, now()))
    FROM added a
    JOIN coverage c ON c.scope = a.space
    GROUP BY a.id;
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.note_names() IS 'Notes in rollup_marks users and spaces of which something was known before they had a number.';

CREATE FUNCTION public.note_reactions() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO rollup_changes (quarters, space_ids, user_ids, states, number)
    SELECT array_agg(quarter_of(added_at)), array_agg(space_id), array_agg(COALESCE(user_id, 0)),
      array_agg((CASE WHEN present THEN 8 ELSE 9 END)::smallint), 1
    FROM added
    WHERE added_at IS NOT NULL
    HAVING count(*) > 0;
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO rollup_changes (quarters, space_ids, user_ids, states, number)
    SELECT array_agg(quarter_of(added_at)), array_agg(space_id), array_agg(COALESCE(user_id, 0)),
      array_agg((CASE WHEN present THEN 8 ELSE 9 END)::smallint), -1
    FROM gone
    WHERE added_at IS NOT NULL
    HAVING count(*) > 0;
  ELSE
    -- An emoji that becomes known changes no number here, but is to be counted.
    INSERT INTO rollup_changes (quarters, space_ids, user_ids, states, number)
    WITH now AS (
      SELECT quarter_of(added_at) AS quarter, space_id, COALESCE(user_id, 0) AS user_id,
        (CASE WHEN present THEN 8 ELSE 9 END)::smallint AS state, emoji IS NULL AS is_unknown
      FROM added
      WHERE added_at IS NOT NULL
    ), was AS (
      SELECT quarter_of(added_at) AS quarter, space_id, COALESCE(user_id, 0) AS user_id,
        (CASE WHEN present THEN 8 ELSE 9 END)::smallint AS state, emoji IS NULL AS is_unknown
      FROM gone
      WHERE added_at IS NOT NULL
    )
    SELECT array_agg(quarter), array_agg(space_id), array_agg(user_id), array_agg(state), number
    FROM (
      SELECT quarter, space_id, user_id, state, 1 AS number FROM (TABLE now EXCEPT ALL TABLE was) a
      UNION ALL
      SELECT quarter, space_id, user_id, state, -1 FROM (TABLE was EXCEPT ALL TABLE now) g
    ) c
    GROUP BY number;
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.note_reactions() IS 'Notes in rollup_changes what a statement changes of reactions of which is known when they were added.';

CREATE FUNCTION public.note_row() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_TABLE_NAME = 'users' THEN
    INSERT INTO rollup_marks (kind, id) VALUES ('u', NEW.id);
    RETURN NULL;
  END IF;
  IF NEW.deleted_at IS DISTINCT FROM OLD.deleted_at THEN
    INSERT INTO rollup_marks (kind, id) VALUES ('m', NEW.id);
  END IF;
  IF is_threaded(NEW.threading_state, NEW.space_type) IS DISTINCT FROM is_threaded(OLD.threading_state, OLD.space_type) THEN
    INSERT INTO rollup_marks (kind, id) VALUES ('s', NEW.id);
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION public.note_row() IS 'Notes in rollup_marks what becomes known of a user or a space that rollups rest on.';

CREATE FUNCTION public.percentile_of(ascending integer[], share double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((ascending)[(1 + (floor((share * ((cardinality(ascending) - 1))::double precision)))::integer)])::double precision + (((share * ((cardinality(ascending) - 1))::double precision) - floor((share * ((cardinality(ascending) - 1))::double precision))) * (((ascending)[(1 + (ceil((share * ((cardinality(ascending) - 1))::double precision)))::integer)] - (ascending)[(1 + (floor((share * ((cardinality(ascending) - 1))::double precision)))::integer)]))::double precision));

COMMENT ON FUNCTION public.percentile_of(ascending integer[], share double precision) IS 'percentile_cont of numbers that are in order; null of none.';

CREATE FUNCTION public.quarter_of(t timestamp with time zone) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (floor((date_part('epoch'::text, (t - '1970-01-01 00:00:00+00'::timestamp with time zone)) / (900)::double precision)))::integer;

COMMENT ON FUNCTION public.quarter_of(t timestamp with time zone) IS 'The quarter of an hour since 1970 (UTC) in which a time is.';

CREATE FUNCTION public.refuse_name() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  RETURN CASE WHEN EXISTS (SELECT FROM erasures WHERE member = NEW.name) THEN NULL ELSE NEW END;
END
$$;

COMMENT ON FUNCTION public.refuse_name() IS 'Keeps names of people out who were erased.';

CREATE FUNCTION public.seconds_of(times tstzmultirange) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE((SELECT sum(date_part('epoch'::text, (upper(r.r) - lower(r.r)))) AS sum FROM unnest(seconds_of.times) r(r)), (0)::double precision);

COMMENT ON FUNCTION public.seconds_of(times tstzmultirange) IS 'How long times last together; 0 for none.';

CREATE FUNCTION public.strip_month(stripped date) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $_$
DECLARE
  since CONSTANT text := to_char(date_trunc('month', stripped::timestamp), 'YYYY-MM-01 00:00:00+00');
  until CONSTANT text := to_char(date_trunc('month', stripped::timestamp) + interval '1 month', 'YYYY-MM-01 00:00:00+00');
  old record;
  columns text;
  stripped_rows bigint;
BEGIN
  -- Who waits for a lock is waited for by those who record.
  PERFORM set_config('lock_timeout', '3s', true);
  SELECT c.relname, array_to_string(c.reloptions, ', ') AS settings INTO STRICT old
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'events'::regclass AND c.relname ~ ('^events' || to_char(stripped, '_YYYY_MM') || '(_\d+)?$') AND NOT i.inhdetachpending;
  EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', old.relname);
  EXECUTE format('SELECT count(payload) FROM %I', old.relname) INTO stripped_rows;
  SELECT string_agg(CASE attname WHEN 'payload' THEN 'NULL' WHEN 'payload_codec' THEN '0' ELSE quote_ident(attname) END, ', ' ORDER BY attnum) INTO columns
  FROM pg_attribute
  WHERE attrelid = 'events'::regclass AND attnum > 0 AND NOT attisdropped;
  -- A new table has no dead rows: so the disk is free at once, and the lock of all
  -- months is held as long as it takes to name one table in the place of another.
  EXECUTE format('CREATE TABLE events_stripped (LIKE %I INCLUDING ALL, CONSTRAINT stripped_month CHECK (event_time >= %L AND event_time < %L)) WITH (%s)',
    old.relname, since, until, old.settings);
  EXECUTE format('INSERT INTO events_stripped SELECT %s FROM %I', columns, old.relname);
  EXECUTE format('ALTER TABLE events DETACH PARTITION %I', old.relname);
  EXECUTE format('ALTER TABLE events ATTACH PARTITION events_stripped FOR VALUES FROM (%L) TO (%L)', since, until);
  ALTER TABLE events_stripped DROP CONSTRAINT stripped_month;
  EXECUTE format('DROP TABLE %I', old.relname);
  EXECUTE format('ALTER TABLE events_stripped RENAME TO %I', old.relname);
  RETURN stripped_rows;
END
$_$;

COMMENT ON FUNCTION public.strip_month(stripped date) IS 'Takes the bytes of a month''s events out of the log, and tells of how many; nothing else of them changes. Whoever owns the tables may call it.';

CREATE TABLE public.reader_groups (
    role_name text NOT NULL COLLATE pg_catalog."C",
    space text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.reader_groups IS 'Which spaces the readers of a group see in the schema analytics. Who belongs to no group sees all that a reader may.';

COMMENT ON COLUMN public.reader_groups.role_name IS 'Role of Postgres whose members are confined to the spaces of its rows.';

COMMENT ON COLUMN public.reader_groups.space IS 'spaces/S';

CREATE VIEW public.reader_rights AS
 SELECT (pg_has_role(n.nspowner, 'MEMBER'::text) OR (NOT (EXISTS ( SELECT
           FROM (public.reader_groups g
             JOIN pg_roles r ON ((r.rolname = g.role_name)))
          WHERE pg_has_role(r.oid, 'MEMBER'::text))))) AS all_spaces,
    pg_has_role(COALESCE(( SELECT pg_roles.oid
           FROM pg_roles
          WHERE (pg_roles.rolname = 'spacekeeper_content'::name)), n.nspowner), 'MEMBER'::text) AS content
   FROM pg_namespace n
  WHERE (n.nspname = 'analytics'::name);

COMMENT ON VIEW public.reader_rights IS 'One row: what whoever asks may see in the schema analytics.';

COMMENT ON COLUMN public.reader_rights.all_spaces IS 'Whether all spaces: as the owner of the schema, or as no member of a role in reader_groups.';

COMMENT ON COLUMN public.reader_rights.content IS 'Whether text of messages: as a member of the role spacekeeper_content; where there is no such role, of the owner of the schema.';

CREATE TABLE public.reporting (
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    single boolean DEFAULT true NOT NULL,
    zone text DEFAULT 'UTC'::text NOT NULL,
    CONSTRAINT reporting_single_check CHECK (single),
    CONSTRAINT reporting_zone_check CHECK ((timezone(zone, '2026-01-01 00:00:00+00'::timestamp with time zone) IS NOT NULL))
);

COMMENT ON TABLE public.reporting IS 'One row: how the schema analytics counts days.';

COMMENT ON COLUMN public.reporting.changed_at IS 'Since when the zone is this one.';

COMMENT ON COLUMN public.reporting.single IS 'Always true: there is one row.';

COMMENT ON COLUMN public.reporting.zone IS 'IANA name of the zone in which days begin and end. The worker writes it at its start: analytics.zone in its configuration.';

CREATE TABLE public.schema_compatibility (
    oldest_binary bigint NOT NULL,
    single boolean DEFAULT true NOT NULL,
    CONSTRAINT schema_compatibility_single_check CHECK (single)
);

COMMENT ON TABLE public.schema_compatibility IS 'One row: which binaries this schema works with. A migration that only adds leaves it as it is.';

COMMENT ON COLUMN public.schema_compatibility.oldest_binary IS 'The lowest version of the schema that a binary has to know. A migration that takes away what older binaries need raises it.';

COMMENT ON COLUMN public.schema_compatibility.single IS 'Always true: there is one row.';

CREATE VIEW analytics.about WITH (security_barrier='true') AS
 SELECT ( SELECT max(goose_db_version.version_id) AS max
           FROM public.goose_db_version
          WHERE goose_db_version.is_applied) AS schema_version,
    c.oldest_binary,
    p.zone,
    r.all_spaces AS sees_all_spaces,
    r.content AS sees_text
   FROM ((public.reader_rights r
     CROSS JOIN public.schema_compatibility c)
     CROSS JOIN public.reporting p);

COMMENT ON VIEW analytics.about IS 'One row: of which version the database is, and what whoever asks may see.';

COMMENT ON COLUMN analytics.about.schema_version IS 'Number of the newest migration that was carried out.';

COMMENT ON COLUMN analytics.about.oldest_binary IS 'The lowest schema_version that a program has to know to work with this one.';

COMMENT ON COLUMN analytics.about.zone IS 'IANA name of the reporting zone.';

COMMENT ON COLUMN analytics.about.sees_all_spaces IS 'False for the reader of a group, who sees its spaces alone, and nothing of all together.';

COMMENT ON COLUMN analytics.about.sees_text IS 'Whether text of messages is shown.';

CREATE TABLE public.spaces (
    version_time timestamp with time zone NOT NULL,
    payload_as_of timestamp with time zone,
    deleted_at timestamp with time zone,
    version_key uuid NOT NULL,
    named_at timestamp with time zone,
    id integer NOT NULL,
    verb_order smallint DEFAULT 0 NOT NULL,
    space text NOT NULL COLLATE pg_catalog."C",
    display_name text,
    space_type text COLLATE pg_catalog."C",
    threading_state text COLLATE pg_catalog."C",
    history_state text COLLATE pg_catalog."C",
    description text
)
WITH (fillfactor='40');

COMMENT ON TABLE public.spaces IS 'Every space that an event named, with what the newest event tells of it. Rows stay for good: the log refers to them.';

COMMENT ON COLUMN public.spaces.version_time IS 'Time of the state shown; -infinity if only the name is known so far. An older event never overwrites a newer one.';

COMMENT ON COLUMN public.spaces.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';

COMMENT ON COLUMN public.spaces.deleted_at IS 'When the space was deleted; null while it exists. Final; what the space was stays, its memberships end.';

COMMENT ON COLUMN public.spaces.version_key IS 'Event that the state comes from; decides between two of the same time and verb.';

COMMENT ON COLUMN public.spaces.named_at IS 'Time of the event, of the interaction or of Google''s list that the name comes from. What is from before doesn''t change the name.';

COMMENT ON COLUMN public.spaces.id IS 'Number used in events.space_id.';

COMMENT ON COLUMN public.spaces.verb_order IS '2 for a state that an event told, 0 if only the name is known so far.';

COMMENT ON COLUMN public.spaces.space IS 'spaces/S';

COMMENT ON COLUMN public.spaces.display_name IS 'Name that people see, from events, interactions and Google''s list of spaces; null if unknown or without one. Earlier ones: names.';

COMMENT ON COLUMN public.spaces.space_type IS 'SPACE, GROUP_CHAT or DIRECT_MESSAGE; null if unknown.';

COMMENT ON COLUMN public.spaces.threading_state IS 'THREADED_MESSAGES, GROUPED_MESSAGES or UNTHREADED_MESSAGES, from events and Google''s list of spaces; null if unknown.';

COMMENT ON COLUMN public.spaces.history_state IS 'HISTORY_ON or HISTORY_OFF; null if unknown.';

COMMENT ON COLUMN public.spaces.description IS 'Description that people see; null if unknown.';

CREATE VIEW public.readable_spaces AS
 SELECT s.version_time,
    s.payload_as_of,
    s.deleted_at,
    s.version_key,
    s.named_at,
    s.id,
    s.verb_order,
    s.space,
    s.display_name,
    s.space_type,
    s.threading_state,
    s.history_state,
    s.description
   FROM public.spaces s
  WHERE (( SELECT reader_rights.all_spaces
           FROM public.reader_rights) OR (s.space IN ( SELECT g.space
           FROM (public.reader_groups g
             JOIN pg_roles r ON ((r.rolname = g.role_name)))
          WHERE pg_has_role(r.oid, 'MEMBER'::text))));

COMMENT ON VIEW public.readable_spaces IS 'The rows of spaces that whoever asks may see in the schema analytics: see reader_groups.';

COMMENT ON COLUMN public.readable_spaces.version_time IS 'Time of the state shown; -infinity if only the name is known so far. An older event never overwrites a newer one.';

COMMENT ON COLUMN public.readable_spaces.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';

COMMENT ON COLUMN public.readable_spaces.deleted_at IS 'When the space was deleted; null while it exists. Final; what the space was stays, its memberships end.';

COMMENT ON COLUMN public.readable_spaces.version_key IS 'Event that the state comes from; decides between two of the same time and verb.';

COMMENT ON COLUMN public.readable_spaces.named_at IS 'Time of the event, of the interaction or of Google''s list that the name comes from. What is from before doesn''t change the name.';

COMMENT ON COLUMN public.readable_spaces.id IS 'Number used in events.space_id.';

COMMENT ON COLUMN public.readable_spaces.verb_order IS '2 for a state that an event told, 0 if only the name is known so far.';

COMMENT ON COLUMN public.readable_spaces.space IS 'spaces/S';

COMMENT ON COLUMN public.readable_spaces.display_name IS 'Name that people see, from events, interactions and Google''s list of spaces; null if unknown or without one. Earlier ones: names.';

COMMENT ON COLUMN public.readable_spaces.space_type IS 'SPACE, GROUP_CHAT or DIRECT_MESSAGE; null if unknown.';

COMMENT ON COLUMN public.readable_spaces.threading_state IS 'THREADED_MESSAGES, GROUPED_MESSAGES or UNTHREADED_MESSAGES, from events and Google''s list of spaces; null if unknown.';

COMMENT ON COLUMN public.readable_spaces.history_state IS 'HISTORY_ON or HISTORY_OFF; null if unknown.';

COMMENT ON COLUMN public.readable_spaces.description IS 'Description that people see; null if unknown.';

CREATE TABLE public.rollup_activity (
    activity_date date NOT NULL,
    space_id integer NOT NULL,
    user_id integer NOT NULL,
    messages integer NOT NULL,
    replies integer NOT NULL,
    edited integer NOT NULL,
    deleted integer NOT NULL,
    given integer NOT NULL,
    present integer NOT NULL,
    received integer DEFAULT 0 NOT NULL
)
WITH (fillfactor='90');

COMMENT ON TABLE public.rollup_activity IS 'What each member did in each space on each day. Read it through analytics.agg_activity_daily.';

COMMENT ON COLUMN public.rollup_activity.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN public.rollup_activity.space_id IS 'spaces.id';

COMMENT ON COLUMN public.rollup_activity.user_id IS 'users.id; 0 if unknown.';

COMMENT ON COLUMN public.rollup_activity.messages IS 'Messages sent, those deleted since included.';

COMMENT ON COLUMN public.rollup_activity.replies IS 'Those of them that are replies.';

COMMENT ON COLUMN public.rollup_activity.edited IS 'Those of them that were edited, those deleted since included.';

COMMENT ON COLUMN public.rollup_activity.deleted IS 'Those of them that were deleted.';

COMMENT ON COLUMN public.rollup_activity.given IS 'Reactions added, those removed since included.';

COMMENT ON COLUMN public.rollup_activity.present IS 'Those of them that are there now.';

COMMENT ON COLUMN public.rollup_activity.received IS 'Reactions that others added that day to messages of the member.';

CREATE VIEW public.rollup_spaces AS
 SELECT readable_spaces.id,
    readable_spaces.space AS space_id,
    public.is_threaded(readable_spaces.threading_state, readable_spaces.space_type) AS is_threaded
   FROM public.readable_spaces
UNION ALL
 SELECT 0 AS id,
    'all'::text AS space_id,
    true AS is_threaded
  WHERE ( SELECT reader_rights.all_spaces
           FROM public.reader_rights);

COMMENT ON VIEW public.rollup_spaces IS 'The spaces of the rollups that whoever asks may see.';

COMMENT ON COLUMN public.rollup_spaces.id IS 'spaces.id; 0 for all spaces together.';

COMMENT ON COLUMN public.rollup_spaces.space_id IS 'spaces/S, or all.';

COMMENT ON COLUMN public.rollup_spaces.is_threaded IS 'Whether people answer in threads there; null if unknown.';

CREATE TABLE public.users (
    version_time timestamp with time zone NOT NULL,
    id integer NOT NULL,
    user_name text NOT NULL COLLATE pg_catalog."C",
    user_type text COLLATE pg_catalog."C",
    display_name text
)
WITH (fillfactor='55');

COMMENT ON TABLE public.users IS 'Every user that an event named, with what events and lists of members tell of them. Rows stay for good: the log refers to them.';

COMMENT ON COLUMN public.users.version_time IS 'Time of the interaction or list of members that gave the display name; -infinity without one.';

COMMENT ON COLUMN public.users.id IS 'Number used in events.actor_id.';

COMMENT ON COLUMN public.users.user_name IS 'users/U: resource name of the user.';

COMMENT ON COLUMN public.users.user_type IS 'HUMAN or BOT; null if no event told so far.';

COMMENT ON COLUMN public.users.display_name IS 'From interaction events and lists of members, as other events carry none; null if neither told it. Earlier ones: names.';

CREATE VIEW analytics.agg_activity_daily WITH (security_barrier='true') AS
 SELECT a.activity_date,
    p.space_id,
    u.user_name AS member_id,
    u.user_type AS member_type,
    a.messages,
        CASE
            WHEN p.is_threaded THEN (a.messages - a.replies)
            ELSE NULL::integer
        END AS threads_started,
        CASE
            WHEN p.is_threaded THEN a.replies
            ELSE NULL::integer
        END AS replies,
    a.given AS reactions_given,
    a.received AS reactions_received
   FROM ((public.rollup_activity a
     JOIN public.rollup_spaces p ON ((p.id = a.space_id)))
     LEFT JOIN public.users u ON ((u.id = a.user_id)));

COMMENT ON VIEW analytics.agg_activity_daily IS 'What each member did in each space on each day: a row for whoever wrote or reacted, or to whose messages others reacted: to count who was active, ask for messages > 0 OR reactions_given > 0.';

COMMENT ON COLUMN analytics.agg_activity_daily.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_activity_daily.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.agg_activity_daily.member_id IS 'users/U; null for what nobody knows who did it.';

COMMENT ON COLUMN analytics.agg_activity_daily.member_type IS 'HUMAN or BOT; null if unknown.';

COMMENT ON COLUMN analytics.agg_activity_daily.messages IS 'Messages sent. Those deleted since are activity all the same.';

COMMENT ON COLUMN analytics.agg_activity_daily.threads_started IS 'Those that began a thread; null in spaces without threads.';

COMMENT ON COLUMN analytics.agg_activity_daily.replies IS 'Those that answered in a thread; null in spaces without threads.';

COMMENT ON COLUMN analytics.agg_activity_daily.reactions_given IS 'Reactions added. Those taken back since are activity all the same; one that was given again counts on the last day.';

COMMENT ON COLUMN analytics.agg_activity_daily.reactions_received IS 'Reactions that others added that day to messages of the member, whenever those were sent.';

CREATE TABLE public.rollup_members (
    activity_date date NOT NULL,
    user_id integer NOT NULL,
    spaces integer NOT NULL,
    messages integer NOT NULL,
    threads integer NOT NULL,
    replies integer NOT NULL,
    edited integer NOT NULL,
    deleted integer NOT NULL,
    given integer NOT NULL,
    present integer NOT NULL
)
WITH (fillfactor='90');

COMMENT ON TABLE public.rollup_members IS 'What each member did on each day, over all spaces. Read it through analytics.agg_activity_member_daily.';

COMMENT ON COLUMN public.rollup_members.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN public.rollup_members.user_id IS 'users.id; 0 if unknown.';

COMMENT ON COLUMN public.rollup_members.spaces IS 'In how many spaces.';

COMMENT ON COLUMN public.rollup_members.messages IS 'As in rollup_activity.';

COMMENT ON COLUMN public.rollup_members.threads IS 'Messages that began a thread in spaces with threads.';

COMMENT ON COLUMN public.rollup_members.replies IS 'Replies in spaces with threads.';

COMMENT ON COLUMN public.rollup_members.edited IS 'As in rollup_activity.';

COMMENT ON COLUMN public.rollup_members.deleted IS 'As in rollup_activity.';

COMMENT ON COLUMN public.rollup_members.given IS 'As in rollup_activity.';

COMMENT ON COLUMN public.rollup_members.present IS 'As in rollup_activity.';

CREATE VIEW analytics.agg_activity_member_daily WITH (security_barrier='true') AS
 SELECT m.activity_date,
    u.user_name AS member_id,
    u.user_type AS member_type,
    m.spaces,
    m.messages,
    m.given AS reactions_given
   FROM (public.rollup_members m
     LEFT JOIN public.users u ON ((u.id = m.user_id)))
  WHERE ( SELECT reader_rights.all_spaces
           FROM public.reader_rights);

COMMENT ON VIEW analytics.agg_activity_member_daily IS 'What each member did on each day, over all spaces. The reader of a group sees no row of it.';

COMMENT ON COLUMN analytics.agg_activity_member_daily.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_activity_member_daily.member_id IS 'users/U; null for what nobody knows who did it.';

COMMENT ON COLUMN analytics.agg_activity_member_daily.member_type IS 'HUMAN or BOT; null if unknown.';

COMMENT ON COLUMN analytics.agg_activity_member_daily.spaces IS 'In how many spaces the member wrote or reacted.';

COMMENT ON COLUMN analytics.agg_activity_member_daily.messages IS 'Messages sent, those deleted since included.';

COMMENT ON COLUMN analytics.agg_activity_member_daily.reactions_given IS 'Reactions added, those taken back since included.';

CREATE TABLE public.rollup_emoji (
    activity_date date NOT NULL,
    space_id integer NOT NULL,
    reactions integer NOT NULL,
    members integer NOT NULL,
    emoji text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.rollup_emoji IS 'Reactions of each day. Read it through analytics.agg_emoji_daily.';

COMMENT ON COLUMN public.rollup_emoji.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN public.rollup_emoji.space_id IS 'spaces.id; 0 for all spaces together.';

COMMENT ON COLUMN public.rollup_emoji.reactions IS 'Those added that day that are there now.';

COMMENT ON COLUMN public.rollup_emoji.members IS 'How many gave them.';

COMMENT ON COLUMN public.rollup_emoji.emoji IS 'Folded: see folded_emoji.';

CREATE VIEW analytics.agg_emoji_daily WITH (security_barrier='true') AS
 SELECT e.activity_date,
    p.space_id,
    e.emoji,
    e.reactions,
    e.members
   FROM (public.rollup_emoji e
     JOIN public.rollup_spaces p ON ((p.id = e.space_id)));

COMMENT ON VIEW analytics.agg_emoji_daily IS 'How often each emoji was added on each day, in each space and in all together (space_id all).';

COMMENT ON COLUMN analytics.agg_emoji_daily.activity_date IS 'The day on which it was added, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_emoji_daily.space_id IS 'spaces/S, or all, which readers of groups don''t see.';

COMMENT ON COLUMN analytics.agg_emoji_daily.emoji IS 'Without the tone of its skin; the short name of a custom one. Reactions of which it is unknown are not here.';

COMMENT ON COLUMN analytics.agg_emoji_daily.reactions IS 'How often, those taken back since left out.';

COMMENT ON COLUMN analytics.agg_emoji_daily.members IS 'By how many people and apps.';

CREATE TABLE public.rollup_stays (
    known_at timestamp with time zone NOT NULL,
    left_at timestamp with time zone,
    space_id integer NOT NULL,
    user_id integer NOT NULL,
    joined boolean NOT NULL
);

COMMENT ON TABLE public.rollup_stays IS 'membership_intervals by numbers, as the rollups count them.';

COMMENT ON COLUMN public.rollup_stays.known_at IS 'When it began, or since when it is known.';

COMMENT ON COLUMN public.rollup_stays.left_at IS 'When it ended; null while it goes on.';

COMMENT ON COLUMN public.rollup_stays.space_id IS 'spaces.id';

COMMENT ON COLUMN public.rollup_stays.user_id IS 'users.id';

COMMENT ON COLUMN public.rollup_stays.joined IS 'Whether it began at known_at.';

CREATE VIEW analytics.agg_memberships WITH (security_barrier='true') AS
 SELECT p.space AS space_id,
    u.user_name AS member_id,
    u.user_type AS member_type,
    s.known_at,
        CASE
            WHEN s.joined THEN s.known_at
            ELSE NULL::timestamp with time zone
        END AS joined_at,
    s.left_at
   FROM ((public.rollup_stays s
     JOIN public.readable_spaces p ON ((p.id = s.space_id)))
     JOIN public.users u ON ((u.id = s.user_id)));

COMMENT ON VIEW analytics.agg_memberships IS 'The stays of fct_memberships, of people and apps, as the rollups know them: for questions about all spaces, which fct_memberships answers by reading every change of a membership.';

COMMENT ON COLUMN analytics.agg_memberships.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.agg_memberships.member_id IS 'users/U';

COMMENT ON COLUMN analytics.agg_memberships.member_type IS 'HUMAN or BOT; null if unknown.';

COMMENT ON COLUMN analytics.agg_memberships.known_at IS 'Since when it is known: joined_at, or when a member from before was first seen.';

COMMENT ON COLUMN analytics.agg_memberships.joined_at IS 'When it began; null for members from before recording began.';

COMMENT ON COLUMN analytics.agg_memberships.left_at IS 'When it ended; null for those who are in the space now.';

CREATE TABLE public.rollup_responses (
    activity_date date NOT NULL,
    space_id integer NOT NULL,
    roots integer NOT NULL,
    answered integer NOT NULL,
    reacted_only integer NOT NULL,
    depth_0 integer NOT NULL,
    depth_1 integer NOT NULL,
    depth_2 integer NOT NULL,
    depth_3_5 integer NOT NULL,
    depth_6_10 integer NOT NULL,
    depth_11 integer NOT NULL,
    response_seconds integer[] NOT NULL
);

COMMENT ON TABLE public.rollup_responses IS 'What became of the threads that people began on each day. Read it through analytics.agg_response_daily.';

COMMENT ON COLUMN public.rollup_responses.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN public.rollup_responses.space_id IS 'spaces.id; 0 for all spaces with threads together.';

COMMENT ON COLUMN public.rollup_responses.roots IS 'First messages of people, without those that were deleted.';

COMMENT ON COLUMN public.rollup_responses.answered IS 'Those to which another person replied within seven days.';

COMMENT ON COLUMN public.rollup_responses.reacted_only IS 'Those of the others to which another person reacted within seven days.';

COMMENT ON COLUMN public.rollup_responses.depth_0 IS 'Those without a reply within seven days, by anybody; deleted ones don''t count.';

COMMENT ON COLUMN public.rollup_responses.depth_1 IS 'Those with one.';

COMMENT ON COLUMN public.rollup_responses.depth_2 IS 'Those with two.';

COMMENT ON COLUMN public.rollup_responses.depth_3_5 IS 'Those with three to five.';

COMMENT ON COLUMN public.rollup_responses.depth_6_10 IS 'Those with six to ten.';

COMMENT ON COLUMN public.rollup_responses.depth_11 IS 'Those with more.';

COMMENT ON COLUMN public.rollup_responses.response_seconds IS 'How long each of the answered ones waited for that reply, the shortest first.';

CREATE VIEW analytics.agg_response_daily WITH (security_barrier='true') AS
 SELECT d.activity_date,
    p.space_id,
    d.roots,
    d.answered,
    d.reacted_only,
    ((d.roots - d.answered) - d.reacted_only) AS unanswered,
    d.response_seconds,
    d.depth_0,
    d.depth_1,
    d.depth_2,
    d.depth_3_5,
    d.depth_6_10,
    d.depth_11
   FROM (public.rollup_responses d
     JOIN public.rollup_spaces p ON ((p.id = d.space_id)))
  WHERE p.is_threaded;

COMMENT ON VIEW analytics.agg_response_daily IS 'What became of the threads that people began on each day, in spaces with threads and in all of them together (space_id all). It changes for seven days.';

COMMENT ON COLUMN analytics.agg_response_daily.activity_date IS 'The day on which they were begun, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_response_daily.space_id IS 'spaces/S, or all, which readers of groups don''t see.';

COMMENT ON COLUMN analytics.agg_response_daily.roots IS 'First messages of threads by people, without those deleted since.';

COMMENT ON COLUMN analytics.agg_response_daily.answered IS 'Those to which another person replied within seven days.';

COMMENT ON COLUMN analytics.agg_response_daily.reacted_only IS 'Those of the others to which another person reacted within seven days.';

COMMENT ON COLUMN analytics.agg_response_daily.unanswered IS 'The rest.';

COMMENT ON COLUMN analytics.agg_response_daily.response_seconds IS 'How many seconds each of the answered ones waited for that reply, the shortest first. Of several days or spaces: the percentile of what unnest makes of them.';

COMMENT ON COLUMN analytics.agg_response_daily.depth_0 IS 'Roots without a reply within seven days, by anybody; replies deleted since don''t count.';

COMMENT ON COLUMN analytics.agg_response_daily.depth_1 IS 'Those with one.';

COMMENT ON COLUMN analytics.agg_response_daily.depth_2 IS 'Those with two.';

COMMENT ON COLUMN analytics.agg_response_daily.depth_3_5 IS 'Those with three to five.';

COMMENT ON COLUMN analytics.agg_response_daily.depth_6_10 IS 'Those with six to ten.';

COMMENT ON COLUMN analytics.agg_response_daily.depth_11 IS 'Those with eleven or more.';

CREATE TABLE public.rollup_retention (
    cohort_week date NOT NULL,
    space_id integer NOT NULL,
    joiners integer NOT NULL,
    active integer NOT NULL,
    week_number smallint NOT NULL
);

COMMENT ON TABLE public.rollup_retention IS 'How many of those who joined in a week were active in the weeks after. Read it through analytics.agg_retention_weekly.';

COMMENT ON COLUMN public.rollup_retention.cohort_week IS 'Monday of the week in which they joined, in the reporting zone.';

COMMENT ON COLUMN public.rollup_retention.space_id IS 'spaces.id; 0 for all spaces together.';

COMMENT ON COLUMN public.rollup_retention.joiners IS 'People who joined in that week.';

COMMENT ON COLUMN public.rollup_retention.active IS 'Those of them who wrote or reacted in the week.';

COMMENT ON COLUMN public.rollup_retention.week_number IS '0 for the week in which they joined, to 12.';

CREATE VIEW analytics.agg_retention_weekly WITH (security_barrier='true') AS
 SELECT w.cohort_week,
    p.space_id,
    (w.week_number)::integer AS week_number,
    w.joiners,
    w.active
   FROM (public.rollup_retention w
     JOIN public.rollup_spaces p ON ((p.id = w.space_id)));

COMMENT ON VIEW analytics.agg_retention_weekly IS 'How many of the people who joined in a week were active in the weeks after. A week has a row when it has ended.';

COMMENT ON COLUMN analytics.agg_retention_weekly.cohort_week IS 'Monday of the week in which they joined, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_retention_weekly.space_id IS 'spaces/S, or all (joined any, active in any), which readers of groups don''t see.';

COMMENT ON COLUMN analytics.agg_retention_weekly.week_number IS '0 for the week in which they joined, to 12.';

COMMENT ON COLUMN analytics.agg_retention_weekly.joiners IS 'Different people who joined in that week: the same for all week numbers.';

COMMENT ON COLUMN analytics.agg_retention_weekly.active IS 'Those of them who wrote or reacted in the space in the week.';

CREATE TABLE public.rollup_hours (
    hour_at timestamp with time zone NOT NULL,
    space_id integer NOT NULL,
    messages integer NOT NULL,
    messages_human integer NOT NULL,
    messages_app integer NOT NULL,
    reactions integer NOT NULL
)
WITH (fillfactor='90');

COMMENT ON TABLE public.rollup_hours IS 'What was done in each space in each hour. Read it through analytics.agg_space_hourly.';

COMMENT ON COLUMN public.rollup_hours.hour_at IS 'Begin of the hour of the reporting zone.';

COMMENT ON COLUMN public.rollup_hours.space_id IS 'spaces.id; 0 for all spaces together.';

COMMENT ON COLUMN public.rollup_hours.messages IS 'Messages sent, those deleted since included.';

COMMENT ON COLUMN public.rollup_hours.messages_human IS 'Those of people.';

COMMENT ON COLUMN public.rollup_hours.messages_app IS 'Those of apps.';

COMMENT ON COLUMN public.rollup_hours.reactions IS 'Reactions added, those removed since included.';

CREATE VIEW analytics.agg_space_hourly WITH (security_barrier='true') AS
 SELECT h.hour_at,
    ((h.hour_at AT TIME ZONE r.zone))::date AS activity_date,
    (EXTRACT(isodow FROM (h.hour_at AT TIME ZONE r.zone)))::integer AS iso_weekday,
    (EXTRACT(hour FROM (h.hour_at AT TIME ZONE r.zone)))::integer AS hour_of_day,
    p.space_id,
    h.messages,
    h.messages_human,
    h.messages_app,
    h.reactions
   FROM ((public.rollup_hours h
     JOIN public.rollup_spaces p ON ((p.id = h.space_id)))
     CROSS JOIN ( SELECT reporting.zone
           FROM public.reporting
         LIMIT 1) r);

COMMENT ON VIEW analytics.agg_space_hourly IS 'What was done in each space in each hour: a row for each hour in which anything was, and for all spaces together (space_id all).';

COMMENT ON COLUMN analytics.agg_space_hourly.hour_at IS 'When the hour begins: one of the reporting zone, so that it may be 18:15 in UTC.';

COMMENT ON COLUMN analytics.agg_space_hourly.activity_date IS 'Its day in the reporting zone.';

COMMENT ON COLUMN analytics.agg_space_hourly.iso_weekday IS '1 for Monday to 7 for Sunday, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_space_hourly.hour_of_day IS '0 to 23 in the reporting zone. Where clocks are set back one of them comes twice a day, each time with its own hour_at.';

COMMENT ON COLUMN analytics.agg_space_hourly.space_id IS 'spaces/S, or all, which readers of groups don''t see.';

COMMENT ON COLUMN analytics.agg_space_hourly.messages IS 'Messages sent, those deleted since included.';

COMMENT ON COLUMN analytics.agg_space_hourly.messages_human IS 'Those of people.';

COMMENT ON COLUMN analytics.agg_space_hourly.messages_app IS 'Those of apps. Of whom is neither nobody knows which they are.';

COMMENT ON COLUMN analytics.agg_space_hourly.reactions IS 'Reactions added, those taken back since included.';

CREATE TABLE public.rollup_passes (
    refreshed_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    content_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    covered_until timestamp with time zone,
    turned date,
    rebuild_from date,
    rebuild_day date,
    rebuild_until date,
    rebuild_space integer,
    zone text,
    single boolean DEFAULT true NOT NULL,
    CONSTRAINT rollup_passes_single_check CHECK (single)
);

COMMENT ON TABLE public.rollup_passes IS 'One row: how far the rollups are. Whoever makes a pass locks the table.';

COMMENT ON COLUMN public.rollup_passes.refreshed_at IS 'All that was committed before is in the rollups, apart from those of content_at.';

COMMENT ON COLUMN public.rollup_passes.content_at IS 'The same of responses, emoji and received reactions, which cost more and may come later.';

COMMENT ON COLUMN public.rollup_passes.covered_until IS 'Up to when the keeper had looked at the subscriptions at the last pass; null: never.';

COMMENT ON COLUMN public.rollup_passes.turned IS 'The newest day that all watched spaces have a row of; null: none.';

COMMENT ON COLUMN public.rollup_passes.rebuild_from IS 'The first day that a rebuild computes anew; null: there is no rebuild.';

COMMENT ON COLUMN public.rollup_passes.rebuild_day IS 'The next day that it reads from messages and reactions; null: all are read.';

COMMENT ON COLUMN public.rollup_passes.rebuild_until IS 'The last one.';

COMMENT ON COLUMN public.rollup_passes.rebuild_space IS 'The highest spaces.id that it has to sum up when all days are read; 0: all spaces together, from rebuild_from on.';

COMMENT ON COLUMN public.rollup_passes.zone IS 'The reporting zone that the rollups'' days are of; null: no pass yet.';

COMMENT ON COLUMN public.rollup_passes.single IS 'Always true: there is one row.';

CREATE TABLE public.rollup_summary (
    activity_date date NOT NULL,
    space_id integer NOT NULL,
    dau integer NOT NULL,
    wau integer NOT NULL,
    mau integer NOT NULL,
    posting_1d integer NOT NULL,
    posting_7d integer NOT NULL,
    posting_28d integer NOT NULL,
    messages integer NOT NULL,
    messages_human integer NOT NULL,
    messages_app integer NOT NULL,
    threads integer NOT NULL,
    replies integer NOT NULL,
    edited integer NOT NULL,
    deleted integer NOT NULL,
    reactions integer NOT NULL,
    joins integer NOT NULL,
    leaves integer NOT NULL,
    members integer,
    coverage real,
    source text COLLATE pg_catalog."C"
)
WITH (fillfactor='80');

COMMENT ON TABLE public.rollup_summary IS 'Each day of each space that was watched, or active within 28 days. Read it through analytics.agg_summary_daily.';

COMMENT ON COLUMN public.rollup_summary.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN public.rollup_summary.space_id IS 'spaces.id; 0 for all spaces together.';

COMMENT ON COLUMN public.rollup_summary.dau IS 'People who wrote or reacted that day.';

COMMENT ON COLUMN public.rollup_summary.wau IS 'The same within the seven days that end with it.';

COMMENT ON COLUMN public.rollup_summary.mau IS 'The same within 28 days.';

COMMENT ON COLUMN public.rollup_summary.posting_1d IS 'People who wrote that day.';

COMMENT ON COLUMN public.rollup_summary.posting_7d IS 'The same within the seven days that end with it.';

COMMENT ON COLUMN public.rollup_summary.posting_28d IS 'The same within 28 days.';

COMMENT ON COLUMN public.rollup_summary.messages IS 'Messages sent, those deleted since included.';

COMMENT ON COLUMN public.rollup_summary.messages_human IS 'Those of people.';

COMMENT ON COLUMN public.rollup_summary.messages_app IS 'Those of apps.';

COMMENT ON COLUMN public.rollup_summary.threads IS 'Those that began a thread, if the space has threads.';

COMMENT ON COLUMN public.rollup_summary.replies IS 'Those that are replies, if it has.';

COMMENT ON COLUMN public.rollup_summary.edited IS 'Those that were edited, those deleted since included.';

COMMENT ON COLUMN public.rollup_summary.deleted IS 'Those that were deleted.';

COMMENT ON COLUMN public.rollup_summary.reactions IS 'Reactions added that day that are there now.';

COMMENT ON COLUMN public.rollup_summary.joins IS 'People''s stays that began.';

COMMENT ON COLUMN public.rollup_summary.leaves IS 'People''s stays that ended.';

COMMENT ON COLUMN public.rollup_summary.members IS 'People in the space at the day''s end; null if nothing had told yet who is.';

COMMENT ON COLUMN public.rollup_summary.coverage IS 'Share of the day, up to the keeper''s last look, that was covered; null if nobody had asked for it.';

COMMENT ON COLUMN public.rollup_summary.source IS 'live, backfill, gap or none: what most of it was; null with coverage.';

CREATE VIEW analytics.agg_summary_daily WITH (security_barrier='true') AS
 SELECT s.activity_date,
    p.space_id,
    (public.day_start((s.activity_date + 1), r.zone) <= now()) AS is_complete,
    s.dau,
    s.wau,
    s.mau,
    s.posting_1d,
    s.posting_7d,
    s.posting_28d,
    s.messages,
    s.messages_human,
    s.messages_app,
        CASE
            WHEN p.is_threaded THEN s.threads
            ELSE NULL::integer
        END AS threads_started,
        CASE
            WHEN p.is_threaded THEN s.replies
            ELSE NULL::integer
        END AS replies,
    s.edited,
    s.deleted,
    s.reactions,
    s.joins,
    s.leaves,
    s.members,
    public.covered(s.coverage, public.day_start(s.activity_date, r.zone), public.day_start((s.activity_date + 1), r.zone), x.covered_until) AS coverage_ratio
   FROM (((public.rollup_summary s
     JOIN public.rollup_spaces p ON ((p.id = s.space_id)))
     CROSS JOIN ( SELECT reporting.zone
           FROM public.reporting
         LIMIT 1) r)
     CROSS JOIN ( SELECT rollup_passes.covered_until
           FROM public.rollup_passes
         LIMIT 1) x);

COMMENT ON VIEW analytics.agg_summary_daily IS 'Each day of each space that was watched, or active within 28 days, and of all spaces together (space_id all). The day of today is among them and grows. It counts what was seen: where coverage_ratio is 0 or null, a 0 says nothing, and timeseries has null.';

COMMENT ON COLUMN analytics.agg_summary_daily.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN analytics.agg_summary_daily.space_id IS 'spaces/S, or all, which readers of groups don''t see.';

COMMENT ON COLUMN analytics.agg_summary_daily.is_complete IS 'Whether the day has ended.';

COMMENT ON COLUMN analytics.agg_summary_daily.dau IS 'Different people who wrote or reacted that day. Apps, and of whom nobody knows what they are, don''t count.';

COMMENT ON COLUMN analytics.agg_summary_daily.wau IS 'The same within the seven days that end with it.';

COMMENT ON COLUMN analytics.agg_summary_daily.mau IS 'The same within the 28 days that end with it.';

COMMENT ON COLUMN analytics.agg_summary_daily.posting_1d IS 'Different people who wrote that day.';

COMMENT ON COLUMN analytics.agg_summary_daily.posting_7d IS 'The same within the seven days that end with it.';

COMMENT ON COLUMN analytics.agg_summary_daily.posting_28d IS 'The same within the 28 days that end with it.';

COMMENT ON COLUMN analytics.agg_summary_daily.messages IS 'Messages sent, by anybody; those deleted since included.';

COMMENT ON COLUMN analytics.agg_summary_daily.messages_human IS 'Those of people.';

COMMENT ON COLUMN analytics.agg_summary_daily.messages_app IS 'Those of apps.';

COMMENT ON COLUMN analytics.agg_summary_daily.threads_started IS 'Messages that began a thread; null in spaces without threads. Of all: in those with threads.';

COMMENT ON COLUMN analytics.agg_summary_daily.replies IS 'Messages that answered in a thread; null in spaces without threads. Of all: in those with threads.';

COMMENT ON COLUMN analytics.agg_summary_daily.edited IS 'Messages sent that day that were edited, whenever that was; those deleted since included.';

COMMENT ON COLUMN analytics.agg_summary_daily.deleted IS 'Messages sent that day that were deleted, whenever that was.';

COMMENT ON COLUMN analytics.agg_summary_daily.reactions IS 'Reactions added that day, by anybody, that are still there.';

COMMENT ON COLUMN analytics.agg_summary_daily.joins IS 'Stays of people that began; who comes back counts again. What only a list of members told counts on the day of the list.';

COMMENT ON COLUMN analytics.agg_summary_daily.leaves IS 'Stays of people that ended.';

COMMENT ON COLUMN analytics.agg_summary_daily.members IS 'People in the space at the end of the day, as far as events and lists of members tell; of all: different people. Null as long as nothing had told it.';

COMMENT ON COLUMN analytics.agg_summary_daily.coverage_ratio IS 'Share of the day, as far as it has gone by, of which the events are there: 0 to 1; of all: the mean of the spaces. Null if nobody had asked for them.';

CREATE TABLE public.event_types (
    id smallint NOT NULL,
    ce_type text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    verb text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.event_types IS 'The event types seen so far; events refers to them by number to stay small.';

COMMENT ON COLUMN public.event_types.id IS 'Number used in events.type_id.';

COMMENT ON COLUMN public.event_types.ce_type IS 'CloudEvents type as received, for example google.workspace.chat.message.v1.created; interaction.MESSAGE and so on for interaction events.';

COMMENT ON COLUMN public.event_types.kind IS 'What sort of resource such an event is about: message, membership, reaction, space, subscription, interaction, unknown, …';

COMMENT ON COLUMN public.event_types.verb IS 'What happened to it: created, updated, deleted, …; other for interactions and unknown types.';

CREATE TABLE public.events (
    event_time timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    publish_time timestamp with time zone,
    event_key uuid NOT NULL,
    source_id integer NOT NULL,
    space_id integer,
    actor_id integer,
    type_id smallint NOT NULL,
    ordinal smallint NOT NULL,
    payload_codec smallint NOT NULL,
    origin "char" NOT NULL,
    ce_id text NOT NULL COLLATE pg_catalog."C",
    resource text NOT NULL COLLATE pg_catalog."C",
    message_id text COLLATE pg_catalog."C",
    payload bytea,
    CONSTRAINT events_ordinal_check CHECK ((ordinal >= 0)),
    CONSTRAINT events_origin_check CHECK ((origin = ANY (ARRAY['l'::"char", 'b'::"char"]))),
    CONSTRAINT events_payload_codec_check CHECK ((payload_codec >= 0))
)
PARTITION BY RANGE (event_time);
ALTER TABLE ONLY public.events ALTER COLUMN payload SET STORAGE EXTERNAL;

COMMENT ON TABLE public.events IS 'Every item of every event, exactly once and for good. Read it through the view event_log. A partition holds one month (UTC) of event_time.';

COMMENT ON COLUMN public.events.event_time IS 'When it happened: ce-time; eventTime for interactions. The same on every redelivery, which is why it may be part of the key.';

COMMENT ON COLUMN public.events.received_at IS 'When this system got the first copy; the first live one, if there is one.';

COMMENT ON COLUMN public.events.publish_time IS 'When Pub/Sub took the first copy; null for a backfill.';

COMMENT ON COLUMN public.events.event_key IS 'Identity of the event; see the function event_key.';

COMMENT ON COLUMN public.events.source_id IS 'Which subscription delivered the first copy: event_sources.id.';

COMMENT ON COLUMN public.events.space_id IS 'Where it happened: spaces.id; null where there is no space.';

COMMENT ON COLUMN public.events.actor_id IS 'The sender, the member, who reacted: users.id; null if the payload does not tell.';

COMMENT ON COLUMN public.events.type_id IS 'Type of the event: event_types.id.';

COMMENT ON COLUMN public.events.ordinal IS 'Position of the item in a batch event, from 0; 0 for all others.';

COMMENT ON COLUMN public.events.payload_codec IS '0: the payload is as received; n: zstd frames that need payload_dictionaries.id = n as raw content; the frames don''t name it.';

COMMENT ON COLUMN public.events.origin IS 'l: live, delivered by Pub/Sub, perhaps after a backfill had fetched it: the bytes are those delivered. b: backfill, fetched later; its payload shows the resource as it was when fetched (received_at), not at event_time.';

COMMENT ON COLUMN public.events.ce_id IS 'ce-id; /E stands for spaces/S/spaceEvents/E. Empty for interactions. event_log shows it in full.';

COMMENT ON COLUMN public.events.resource IS 'Name of the resource the item is about; /messages/M stands for spaces/S/messages/M. May be empty for unknown types. event_log shows it in full.';

COMMENT ON COLUMN public.events.message_id IS 'Pub/Sub message id of the first copy; null for a backfill.';

COMMENT ON COLUMN public.events.payload IS 'Exactly the bytes received, perhaps compressed (payload_codec). With one item of each copy that told something of its own: another item of the event is in the bytes of one of them, of its own origin if it can be.';

CREATE TABLE public.stored_messages (
    create_time timestamp with time zone NOT NULL,
    version_time timestamp with time zone NOT NULL,
    event_time timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    edited_at timestamp with time zone,
    payload_as_of timestamp with time zone,
    version_key uuid NOT NULL,
    space_id integer NOT NULL,
    sender_id integer,
    verb_order smallint NOT NULL,
    attachments smallint,
    name text NOT NULL COLLATE pg_catalog."C",
    thread text COLLATE pg_catalog."C",
    quoted text COLLATE pg_catalog."C",
    deletion_type text COLLATE pg_catalog."C",
    mentions text COLLATE pg_catalog."C",
    text text,
    CONSTRAINT stored_messages_deleted_check CHECK (((deleted_at IS NULL) OR ((text IS NULL) AND (attachments IS NULL) AND (mentions IS NULL))))
)
PARTITION BY RANGE (create_time);

COMMENT ON TABLE public.stored_messages IS 'Every message with its current text. Read it through the view messages. A partition holds one month (UTC) of create_time.';

COMMENT ON COLUMN public.stored_messages.create_time IS 'When it was sent; -infinity if nothing told it so far.';

COMMENT ON COLUMN public.stored_messages.version_time IS 'Time of the version shown: of the last edit, else of the event; -infinity if only the name is known so far. An older event never overwrites a newer one.';

COMMENT ON COLUMN public.stored_messages.event_time IS 'Time of the event that the version comes from; decides between two of the same version_time.';

COMMENT ON COLUMN public.stored_messages.deleted_at IS 'When it was deleted; null while it exists. Final: nothing brings a deleted message back.';

COMMENT ON COLUMN public.stored_messages.edited_at IS 'Time of its last version that is an edit, also when it was deleted since; null if none is known.';

COMMENT ON COLUMN public.stored_messages.payload_as_of IS 'Null for a version seen live. When it was fetched for a backfilled one: the text is of that time.';

COMMENT ON COLUMN public.stored_messages.version_key IS 'Event that the version comes from; decides between two of the same time and verb.';

COMMENT ON COLUMN public.stored_messages.space_id IS 'spaces.id';

COMMENT ON COLUMN public.stored_messages.sender_id IS 'Who sent it: users.id; null if unknown.';

COMMENT ON COLUMN public.stored_messages.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted message; decides between two of the same time.';

COMMENT ON COLUMN public.stored_messages.attachments IS 'Number of attachments; null if unknown or deleted.';

COMMENT ON COLUMN public.stored_messages.name IS '/M stands for spaces/S/messages/M.';

COMMENT ON COLUMN public.stored_messages.thread IS '/T stands for spaces/S/threads/T; empty for the one that the name begins with; null if unknown.';

COMMENT ON COLUMN public.stored_messages.quoted IS '/M stands for spaces/S/messages/M, which it quotes; null if it quotes none, or if nothing told it.';

COMMENT ON COLUMN public.stored_messages.deletion_type IS 'Who deleted it: CREATOR, SPACE_OWNER, ADMIN, …; null if unknown or not deleted.';

COMMENT ON COLUMN public.stored_messages.mentions IS 'Whom the current text mentions, each once, as U for users/U, with spaces between; +U if the mention added them to the space; all for everybody there. Null for nobody, and if unknown or deleted.';

COMMENT ON COLUMN public.stored_messages.text IS 'Current text; null if unknown or deleted.';

CREATE TABLE public.stored_revisions (
    version_time timestamp with time zone NOT NULL,
    event_time timestamp with time zone NOT NULL,
    payload_as_of timestamp with time zone,
    version_key uuid NOT NULL,
    space_id integer NOT NULL,
    verb_order smallint NOT NULL,
    attachments smallint,
    name text NOT NULL COLLATE pg_catalog."C",
    text text
);

COMMENT ON TABLE public.stored_revisions IS 'Versions of messages that are no longer current, written by the trigger keep_message_version. Read them through message_history.';

COMMENT ON COLUMN public.stored_revisions.version_time IS 'Time of this version: of the edit, else of the event.';

COMMENT ON COLUMN public.stored_revisions.event_time IS 'Time of the event that the version comes from.';

COMMENT ON COLUMN public.stored_revisions.payload_as_of IS 'Null for a version seen live; when it was fetched for a backfilled one.';

COMMENT ON COLUMN public.stored_revisions.version_key IS 'Event that the version comes from.';

COMMENT ON COLUMN public.stored_revisions.space_id IS 'spaces.id';

COMMENT ON COLUMN public.stored_revisions.verb_order IS '1 for a created, 2 for an updated message.';

COMMENT ON COLUMN public.stored_revisions.attachments IS 'Number of attachments.';

COMMENT ON COLUMN public.stored_revisions.name IS '/M stands for spaces/S/messages/M.';

COMMENT ON COLUMN public.stored_revisions.text IS 'Text of this version.';

CREATE VIEW public.message_versions AS
 SELECT stored_messages.version_time,
    stored_messages.event_time,
    stored_messages.payload_as_of,
    stored_messages.version_key,
    stored_messages.space_id,
    stored_messages.verb_order,
    stored_messages.attachments,
    stored_messages.name,
    split_part(stored_messages.name, '.'::text, 1) AS root,
    stored_messages.text
   FROM public.stored_messages
  WHERE (stored_messages.text IS NOT NULL)
UNION ALL
 SELECT stored_revisions.version_time,
    stored_revisions.event_time,
    stored_revisions.payload_as_of,
    stored_revisions.version_key,
    stored_revisions.space_id,
    stored_revisions.verb_order,
    stored_revisions.attachments,
    stored_revisions.name,
    split_part(stored_revisions.name, '.'::text, 1) AS root,
    stored_revisions.text
   FROM public.stored_revisions
  WHERE (stored_revisions.text IS NOT NULL);

COMMENT ON VIEW public.message_versions IS 'Every version of every message that has a text, one for each event that told it. Ask by space_id, name and root.';

COMMENT ON COLUMN public.message_versions.version_time IS 'Time of the version shown: of the last edit, else of the event; -infinity if only the name is known so far. An older event never overwrites a newer one.';

COMMENT ON COLUMN public.message_versions.event_time IS 'Time of the event that the version comes from; decides between two of the same version_time.';

COMMENT ON COLUMN public.message_versions.payload_as_of IS 'Null for a version seen live. When it was fetched for a backfilled one: the text is of that time.';

COMMENT ON COLUMN public.message_versions.version_key IS 'Event that the version comes from; decides between two of the same time and verb.';

COMMENT ON COLUMN public.message_versions.space_id IS 'spaces.id';

COMMENT ON COLUMN public.message_versions.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted message; decides between two of the same time.';

COMMENT ON COLUMN public.message_versions.attachments IS 'Number of attachments; null if unknown or deleted.';

COMMENT ON COLUMN public.message_versions.name IS '/M stands for spaces/S/messages/M.';

COMMENT ON COLUMN public.message_versions.root IS 'What name begins with: the index of stored_messages has it.';

COMMENT ON COLUMN public.message_versions.text IS 'Current text; null if unknown or deleted.';

CREATE TABLE public.names (
    known_at timestamp with time zone NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    display_name text NOT NULL
);

COMMENT ON TABLE public.names IS 'What spaces and people were called, and since when that is known. The name at a time is the newest of before.';

COMMENT ON COLUMN public.names.known_at IS 'Time of the event, interaction or list that told the name first; of an event whose content was fetched, the time of fetching.';

COMMENT ON COLUMN public.names.name IS 'spaces/S or users/U.';

COMMENT ON COLUMN public.names.display_name IS 'Name that people saw.';

CREATE TABLE public.stored_reactions (
    version_time timestamp with time zone NOT NULL,
    added_at timestamp with time zone,
    removed_at timestamp with time zone,
    version_key uuid NOT NULL,
    space_id integer NOT NULL,
    user_id integer,
    verb_order smallint NOT NULL,
    present boolean NOT NULL,
    message text NOT NULL COLLATE pg_catalog."C",
    reaction text NOT NULL COLLATE pg_catalog."C",
    emoji text COLLATE pg_catalog."C",
    CONSTRAINT stored_reactions_times_check CHECK (((added_at IS NOT NULL) OR (removed_at IS NOT NULL)))
)
WITH (fillfactor='90');

COMMENT ON TABLE public.stored_reactions IS 'Every reaction that ever was. Read it through the view reactions.';

COMMENT ON COLUMN public.stored_reactions.version_time IS 'Time of the newest event about it.';

COMMENT ON COLUMN public.stored_reactions.added_at IS 'When it was last added; null if no such event was seen.';

COMMENT ON COLUMN public.stored_reactions.removed_at IS 'When it was last removed; null if never.';

COMMENT ON COLUMN public.stored_reactions.version_key IS 'The newest event; decides between two of the same time and verb.';

COMMENT ON COLUMN public.stored_reactions.space_id IS 'spaces.id';

COMMENT ON COLUMN public.stored_reactions.user_id IS 'Who reacted: users.id; null if unknown.';

COMMENT ON COLUMN public.stored_reactions.verb_order IS '1 for an added, 3 for a removed reaction; decides between two of the same time.';

COMMENT ON COLUMN public.stored_reactions.present IS 'Whether it is there now.';

COMMENT ON COLUMN public.stored_reactions.message IS '/M stands for spaces/S/messages/M.';

COMMENT ON COLUMN public.stored_reactions.reaction IS '/R stands for spaces/S/messages/M/reactions/R.';

COMMENT ON COLUMN public.stored_reactions.emoji IS 'The character, or the short name of a custom emoji; null if unknown.';

CREATE VIEW public.audit_events WITH (security_barrier='true') AS
 SELECT public.audit_record(a.event_time, (('e'::text || replace((a.event_key)::text, '-'::text, ''::text)) || a.ordinal)) AS record_id,
    a.event_time AS occurred_at,
    a.received_at AS recorded_at,
    a.kind AS category,
    a.action,
    a.actor AS actor_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = a.actor) AND (n.known_at <= a.event_time))
          ORDER BY n.known_at DESC
         LIMIT 1) AS actor_name,
    a.actor_kind,
    a.space AS space_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = a.space) AND (n.known_at <= a.event_time))
          ORDER BY n.known_at DESC
         LIMIT 1) AS space_name,
    (
        CASE a.kind
            WHEN 'reaction'::text THEN 'message'::text
            ELSE a.kind
        END COLLATE "C") AS target_type,
    (
        CASE a.kind
            WHEN 'space'::text THEN a.space
            WHEN 'reaction'::text THEN public.full_name(a.name, (a.space || '/messages'::text))
            ELSE public.full_name(a.resource, a.space)
        END COLLATE "C") AS target_id,
        CASE
            WHEN (a.kind = 'space'::text) THEN ( SELECT n.display_name
               FROM public.names n
              WHERE ((n.name = a.space) AND (n.known_at <= a.event_time))
              ORDER BY n.known_at DESC
             LIMIT 1)
            ELSE NULL::text
        END AS target_name,
    (( SELECT public.full_name(
                CASE m.thread
                    WHEN ''::text THEN split_part(m.name, '.'::text, 1)
                    ELSE m.thread
                END, (a.space || '/threads'::text)) AS full_name
           FROM public.stored_messages m
          WHERE ((split_part(m.name, '.'::text, 1) = split_part(a.name, '.'::text, 1)) AND (m.space_id = a.space_number) AND (m.name = a.name))) COLLATE "C") AS thread_id,
    ( SELECT
                CASE
                    WHEN (m.create_time > '-infinity'::timestamp with time zone) THEN m.create_time
                    ELSE NULL::timestamp with time zone
                END AS "case"
           FROM public.stored_messages m
          WHERE ((split_part(m.name, '.'::text, 1) = split_part(a.name, '.'::text, 1)) AND (m.space_id = a.space_number) AND (m.name = a.name))) AS target_created_at,
        CASE
            WHEN (a.action = ANY (ARRAY['message.edited'::text, 'message.deleted'::text])) THEN ( SELECT json_strip_nulls(json_build_object('text',
                    CASE
                        WHEN ( SELECT reader_rights.content
                           FROM public.reader_rights) THEN v.text
                        ELSE NULL::text
                    END, 'characters', char_length(v.text), 'attachments', v.attachments, 'as_of', v.payload_as_of)) AS json_strip_nulls
               FROM public.message_versions v
              WHERE ((v.root = split_part(a.name, '.'::text, 1)) AND (v.space_id = a.space_number) AND (v.name = a.name) AND ((a.action = 'message.deleted'::text) OR (v.version_time < COALESCE(( SELECT o.version_time
                       FROM public.message_versions o
                      WHERE ((o.root = split_part(a.name, '.'::text, 1)) AND (o.space_id = a.space_number) AND (o.name = a.name) AND (o.version_key = a.event_key))
                     LIMIT 1), a.event_time))))
              ORDER BY v.version_time DESC, v.event_time DESC, v.verb_order DESC, v.version_key DESC
             LIMIT 1)
            WHEN (a.action = 'reaction.removed'::text) THEN ( SELECT json_build_object('emoji', r.emoji) AS json_build_object
               FROM public.stored_reactions r
              WHERE ((r.space_id = a.space_number) AND (r.message = a.name) AND (r.reaction = a.reaction) AND (r.emoji IS NOT NULL)))
            WHEN (a.kind = 'space'::text) THEN ( SELECT json_build_object('display_name', n.display_name) AS json_build_object
               FROM public.names n
              WHERE ((n.name = a.space) AND (n.known_at < a.event_time))
              ORDER BY n.known_at DESC
             LIMIT 1)
            ELSE NULL::json
        END AS prior_state,
        CASE
            WHEN (a.action = ANY (ARRAY['message.created'::text, 'message.edited'::text])) THEN ( SELECT json_strip_nulls(json_build_object('text',
                    CASE
                        WHEN ( SELECT reader_rights.content
                           FROM public.reader_rights) THEN v.text
                        ELSE NULL::text
                    END, 'characters', char_length(v.text), 'attachments', v.attachments, 'as_of', v.payload_as_of)) AS json_strip_nulls
               FROM public.message_versions v
              WHERE ((v.root = split_part(a.name, '.'::text, 1)) AND (v.space_id = a.space_number) AND (v.name = a.name) AND (v.version_key = a.event_key))
             LIMIT 1)
            WHEN (a.action = 'message.deleted'::text) THEN ( SELECT json_build_object('deletion_class', lower(replace(m.deletion_type, '_VIA_APP'::text, ''::text))) AS json_build_object
               FROM public.stored_messages m
              WHERE ((split_part(m.name, '.'::text, 1) = split_part(a.name, '.'::text, 1)) AND (m.space_id = a.space_number) AND (m.name = a.name) AND (m.deletion_type IS NOT NULL)))
            WHEN (a.action = 'reaction.added'::text) THEN ( SELECT json_build_object('emoji', r.emoji) AS json_build_object
               FROM public.stored_reactions r
              WHERE ((r.space_id = a.space_number) AND (r.message = a.name) AND (r.reaction = a.reaction) AND (r.emoji IS NOT NULL)))
            WHEN (a.action = 'space.updated'::text) THEN ( SELECT json_build_object('display_name', n.display_name) AS json_build_object
               FROM public.names n
              WHERE ((n.name = a.space) AND (n.known_at <= a.event_time))
              ORDER BY n.known_at DESC
             LIMIT 1)
            ELSE NULL::json
        END AS resulting_state,
        CASE a.action
            WHEN 'message.edited'::text THEN ( SELECT array_remove(ARRAY[
                    CASE
                        WHEN (v.text <> o.text) THEN 'text'::text
                        ELSE NULL::text
                    END,
                    CASE
                        WHEN (v.attachments <> o.attachments) THEN 'attachments'::text
                        ELSE NULL::text
                    END], NULL::text) AS array_remove
               FROM (public.message_versions v
                 JOIN public.message_versions o ON (((o.root = v.root) AND (o.space_id = v.space_id) AND (o.name = v.name) AND (o.version_time < v.version_time))))
              WHERE ((v.root = split_part(a.name, '.'::text, 1)) AND (v.space_id = a.space_number) AND (v.name = a.name) AND (v.version_key = a.event_key))
              ORDER BY o.version_time DESC, o.event_time DESC, o.verb_order DESC, o.version_key DESC
             LIMIT 1)
            WHEN 'space.updated'::text THEN ( SELECT array_remove(ARRAY[
                    CASE
                        WHEN ((lag(n.display_name) OVER (ORDER BY n.known_at) <> n.display_name) AND (n.known_at = a.event_time)) THEN 'name'::text
                        ELSE NULL::text
                    END], NULL::text) AS array_remove
               FROM public.names n
              WHERE ((n.name = a.space) AND (n.known_at <= a.event_time))
              ORDER BY n.known_at DESC
             LIMIT 1)
            ELSE NULL::text[]
        END AS changed,
    a.source,
    a.told_by
   FROM ( SELECT e.event_time,
            e.received_at,
            e.event_key,
            e.ordinal,
            e.space_id AS space_number,
            t.kind,
            e.resource,
            p.space,
            (
                CASE ((t.kind || '.'::text) || t.verb)
                    WHEN 'message.updated'::text THEN 'message.edited'::text
                    WHEN 'reaction.created'::text THEN 'reaction.added'::text
                    WHEN 'reaction.deleted'::text THEN 'reaction.removed'::text
                    WHEN 'subscription.expiration_reminder'::text THEN 'subscription.expiring'::text
                    ELSE ((t.kind || '.'::text) || t.verb)
                END COLLATE "C") AS action,
            ('/'::text || split_part(e.resource, '/'::text, 3)) AS name,
            ('/'::text || split_part(e.resource, '/'::text, 5)) AS reaction,
            u.user_name AS actor,
            (
                CASE
                    WHEN (t.kind = 'subscription'::text) THEN 'google'::text
                    WHEN (u.user_type = 'HUMAN'::text) THEN 'person'::text
                    WHEN (u.user_type = 'BOT'::text) THEN 'app'::text
                    ELSE 'unknown'::text
                END COLLATE "C") AS actor_kind,
            (
                CASE e.origin
                    WHEN 'l'::"char" THEN 'live'::text
                    ELSE 'backfill'::text
                END COLLATE "C") AS source,
            (((t.kind || '.'::text) || t.verb) COLLATE "C") AS told_by
           FROM (((public.events e
             JOIN public.event_types t ON (((t.id = e.type_id) AND (t.kind = ANY (ARRAY['message'::text, 'reaction'::text, 'space'::text, 'subscription'::text])))))
             LEFT JOIN public.readable_spaces p ON ((p.id = e.space_id)))
             LEFT JOIN public.users u ON (((u.id = e.actor_id) AND ((t.kind = 'reaction'::text) OR ((t.kind = 'message'::text) AND (t.verb <> 'deleted'::text))))))
          WHERE ((p.id IS NOT NULL) OR ((e.space_id IS NULL) AND ( SELECT reader_rights.all_spaces
                   FROM public.reader_rights)))) a;

COMMENT ON VIEW public.audit_events IS 'Audit records of messages, reactions, spaces and subscriptions: one for each event.';

COMMENT ON COLUMN public.audit_events.record_id IS 'Id of the record; it never changes. Ids are in the order of occurred_at.';

COMMENT ON COLUMN public.audit_events.occurred_at IS 'When it happened. What only a list of members told has the time of the list: it happened before.';

COMMENT ON COLUMN public.audit_events.recorded_at IS 'When this system got it; null if that was not noted.';

COMMENT ON COLUMN public.audit_events.category IS 'What sort of thing it is about: message, reaction, member (Google Groups among them), space, subscription, gap or reactor; access, export, erasure or policy for what people did with what is recorded.';

COMMENT ON COLUMN public.audit_events.action IS 'What happened: message.edited, member.joined, … See docs/audit-actions.md.';

COMMENT ON COLUMN public.audit_events.actor_id IS 'users/U: who did it; roles/R: as which role of the database; null if nothing told it. Google never tells who deleted a message, nor who added or removed a member.';

COMMENT ON COLUMN public.audit_events.actor_name IS 'What that person or app was called then; null if that was not known then. Of a role, who used it, as far as the program told it.';

COMMENT ON COLUMN public.audit_events.actor_kind IS 'person, app or unknown; google or spacekeeper for what they did themselves; operator for who used this program.';

COMMENT ON COLUMN public.audit_events.space_id IS 'spaces/S: where it happened; null if it is about no space, or about more than one.';

COMMENT ON COLUMN public.audit_events.space_name IS 'What the space was called then; null if that was not known then.';

COMMENT ON COLUMN public.audit_events.target_type IS 'What it was done to: message, member, group, space, subscription, coverage, rule, policy or records.';

COMMENT ON COLUMN public.audit_events.target_id IS 'Its name: spaces/S/messages/M, users/U, groups/G, spaces/S, subscriptions/S, the scope of a gap, the id of a rule, or what docs/audit-actions.md says of the action; null if unknown.';

COMMENT ON COLUMN public.audit_events.target_name IS 'What a member or a space was called then; null if that was not known then, and for others.';

COMMENT ON COLUMN public.audit_events.thread_id IS 'spaces/S/threads/T that a message belongs to; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_events.target_created_at IS 'When a message was sent; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_events.prior_state IS 'How it was before; null if unknown or if it was not there. A text is shown to those alone who are granted the role spacekeeper_content (the owner, where there is no such role); to others characters says that there is one. as_of: the content was fetched then, and is of that time.';

COMMENT ON COLUMN public.audit_events.resulting_state IS 'How it was after; null if unknown or gone. Of a deleted message deletion_class as in fct_messages.';

COMMENT ON COLUMN public.audit_events.changed IS 'What differs between both: text, attachments, name, state, role. Empty if none of these; null if one of them is unknown.';

COMMENT ON COLUMN public.audit_events.source IS 'live: told as it happened. backfill: fetched later. reconcile: only a list of members showed it.';

COMMENT ON COLUMN public.audit_events.told_by IS 'What told it: message.created and so on for the type of an event; member_list, coverage, reactor or trail.';

CREATE TABLE public.coverage (
    id bigint NOT NULL,
    from_time timestamp with time zone NOT NULL,
    to_time timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    repaired_at timestamp with time zone,
    asked_at timestamp with time zone,
    acknowledged_at timestamp with time zone,
    events integer,
    scope text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    cause text COLLATE pg_catalog."C",
    repair text COLLATE pg_catalog."C",
    detail text,
    acknowledgement text,
    CONSTRAINT coverage_acknowledged_check CHECK (((acknowledged_at IS NULL) = (acknowledgement IS NULL))),
    CONSTRAINT coverage_gap_check CHECK (((source = 'live'::text) = (cause IS NULL))),
    CONSTRAINT coverage_open_check CHECK (((to_time IS NOT NULL) OR (source = ANY (ARRAY['live'::text, 'gap'::text])))),
    CONSTRAINT coverage_repair_check CHECK ((repair = ANY (ARRAY['pending'::text, 'impossible'::text]))),
    CONSTRAINT coverage_repair_source_check CHECK (((repair IS NOT NULL) = ((source = 'gap'::text) AND (to_time IS NOT NULL)))),
    CONSTRAINT coverage_source_check CHECK ((source = ANY (ARRAY['live'::text, 'backfill'::text, 'gap'::text]))),
    CONSTRAINT coverage_times_check CHECK (((to_time IS NULL) OR (to_time >= from_time)))
);

COMMENT ON TABLE public.coverage IS 'What was watched when, per scope: intervals that do not overlap. Time between them was not asked for.';

COMMENT ON COLUMN public.coverage.id IS 'Number of the interval; jobs that repair a gap name it.';

COMMENT ON COLUMN public.coverage.from_time IS 'Begin, by Google''s clock.';

COMMENT ON COLUMN public.coverage.to_time IS 'End; NULL for the one interval of a scope that goes on: a live one is sure up to the end that coverage_intervals tells.';

COMMENT ON COLUMN public.coverage.created_at IS 'When the interval was first written.';

COMMENT ON COLUMN public.coverage.repaired_at IS 'When the backfill that closed the gap was complete.';

COMMENT ON COLUMN public.coverage.asked_at IS 'When a person asked for the events of a time that was not watched, by Google''s clock; null of other gaps.';

COMMENT ON COLUMN public.coverage.acknowledged_at IS 'When a person acknowledged that the gap can''t be repaired.';

COMMENT ON COLUMN public.coverage.events IS 'How many events that backfill added.';

COMMENT ON COLUMN public.coverage.scope IS 'spaces/S; for a subscription to more than one space spaces/-, users/U or customers/C: it covers every space that its authority sees.';

COMMENT ON COLUMN public.coverage.source IS 'live: a subscription was ACTIVE. backfill: it was not, and the events were fetched later. gap: they are missing.';

COMMENT ON COLUMN public.coverage.cause IS 'Why there was a gap: Google''s suspension reason, expired, deleted, missing, changed, elsewhere, worker_outage, restored or silent_loss.';

COMMENT ON COLUMN public.coverage.repair IS 'Of a gap that has ended: pending until its backfill is complete, or impossible; detail says why.';

COMMENT ON COLUMN public.coverage.detail IS 'For people: why it can''t be repaired.';

COMMENT ON COLUMN public.coverage.acknowledgement IS 'What that person gave as the reason.';

CREATE VIEW public.audit_gaps WITH (security_barrier='true') AS
 SELECT public.audit_record(a.at, ((('g'::text || c.id) || '-'::text) || a.step)) AS record_id,
    a.at AS occurred_at,
        CASE a.step
            WHEN 'opened'::text THEN c.created_at
            WHEN 'closed'::text THEN a.at
            WHEN 'acknowledged'::text THEN a.at
            ELSE NULL::timestamp with time zone
        END AS recorded_at,
    ('gap'::text COLLATE "C") AS category,
    (('gap.'::text || a.step) COLLATE "C") AS action,
    (NULL::text COLLATE "C") AS actor_id,
    NULL::text AS actor_name,
    (
        CASE a.step
            WHEN 'acknowledged'::text THEN 'unknown'::text
            ELSE 'spacekeeper'::text
        END COLLATE "C") AS actor_kind,
    p.space AS space_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = p.space) AND (n.known_at <= a.at))
          ORDER BY n.known_at DESC
         LIMIT 1) AS space_name,
    ('coverage'::text COLLATE "C") AS target_type,
    c.scope AS target_id,
    NULL::text AS target_name,
    (NULL::text COLLATE "C") AS thread_id,
    NULL::timestamp with time zone AS target_created_at,
    NULL::json AS prior_state,
    json_strip_nulls(json_build_object('from', c.from_time, 'to', c.to_time, 'cause', c.cause, 'repair',
        CASE
            WHEN (a.step <> 'opened'::text) THEN c.repair
            ELSE NULL::text
        END, 'events',
        CASE a.step
            WHEN 'closed'::text THEN c.events
            ELSE NULL::integer
        END, 'acknowledgement',
        CASE a.step
            WHEN 'acknowledged'::text THEN c.acknowledgement
            ELSE NULL::text
        END)) AS resulting_state,
    NULL::text[] AS changed,
    ('live'::text COLLATE "C") AS source,
    ('coverage'::text COLLATE "C") AS told_by
   FROM ((public.coverage c
     CROSS JOIN LATERAL ( VALUES ('opened'::text,c.from_time), ('ended'::text,c.to_time), ('closed'::text,c.repaired_at), ('acknowledged'::text,c.acknowledged_at)) a(step, at))
     LEFT JOIN public.readable_spaces p ON ((p.space = c.scope)))
  WHERE ((c.cause IS NOT NULL) AND (a.at IS NOT NULL) AND ((p.space IS NOT NULL) OR ( SELECT reader_rights.all_spaces
           FROM public.reader_rights)));

COMMENT ON VIEW public.audit_gaps IS 'Audit records of what was not seen: when it began, ended, was fetched later or acknowledged.';

COMMENT ON COLUMN public.audit_gaps.record_id IS 'Id of the record; it never changes. Ids are in the order of occurred_at.';

COMMENT ON COLUMN public.audit_gaps.occurred_at IS 'When it happened. What only a list of members told has the time of the list: it happened before.';

COMMENT ON COLUMN public.audit_gaps.recorded_at IS 'When this system got it; null if that was not noted.';

COMMENT ON COLUMN public.audit_gaps.category IS 'What sort of thing it is about: message, reaction, member (Google Groups among them), space, subscription, gap or reactor; access, export, erasure or policy for what people did with what is recorded.';

COMMENT ON COLUMN public.audit_gaps.action IS 'What happened: message.edited, member.joined, … See docs/audit-actions.md.';

COMMENT ON COLUMN public.audit_gaps.actor_id IS 'users/U: who did it; roles/R: as which role of the database; null if nothing told it. Google never tells who deleted a message, nor who added or removed a member.';

COMMENT ON COLUMN public.audit_gaps.actor_name IS 'What that person or app was called then; null if that was not known then. Of a role, who used it, as far as the program told it.';

COMMENT ON COLUMN public.audit_gaps.actor_kind IS 'person, app or unknown; google or spacekeeper for what they did themselves; operator for who used this program.';

COMMENT ON COLUMN public.audit_gaps.space_id IS 'spaces/S: where it happened; null if it is about no space, or about more than one.';

COMMENT ON COLUMN public.audit_gaps.space_name IS 'What the space was called then; null if that was not known then.';

COMMENT ON COLUMN public.audit_gaps.target_type IS 'What it was done to: message, member, group, space, subscription, coverage, rule, policy or records.';

COMMENT ON COLUMN public.audit_gaps.target_id IS 'Its name: spaces/S/messages/M, users/U, groups/G, spaces/S, subscriptions/S, the scope of a gap, the id of a rule, or what docs/audit-actions.md says of the action; null if unknown.';

COMMENT ON COLUMN public.audit_gaps.target_name IS 'What a member or a space was called then; null if that was not known then, and for others.';

COMMENT ON COLUMN public.audit_gaps.thread_id IS 'spaces/S/threads/T that a message belongs to; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_gaps.target_created_at IS 'When a message was sent; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_gaps.prior_state IS 'How it was before; null if unknown or if it was not there. A text is shown to those alone who are granted the role spacekeeper_content (the owner, where there is no such role); to others characters says that there is one. as_of: the content was fetched then, and is of that time.';

COMMENT ON COLUMN public.audit_gaps.resulting_state IS 'How it was after; null if unknown or gone. Of a deleted message deletion_class as in fct_messages.';

COMMENT ON COLUMN public.audit_gaps.changed IS 'What differs between both: text, attachments, name, state, role. Empty if none of these; null if one of them is unknown.';

COMMENT ON COLUMN public.audit_gaps.source IS 'live: told as it happened. backfill: fetched later. reconcile: only a list of members showed it.';

COMMENT ON COLUMN public.audit_gaps.told_by IS 'What told it: message.created and so on for the type of an event; member_list, coverage, reactor or trail.';

CREATE TABLE public.stored_membership_changes (
    event_time timestamp with time zone NOT NULL,
    fetched_at timestamp with time zone,
    event_key uuid NOT NULL,
    space_id integer NOT NULL,
    ordinal smallint NOT NULL,
    verb_order smallint GENERATED ALWAYS AS (
CASE
    WHEN (origin = 's'::"char") THEN 0
    WHEN (verb = 'created'::text) THEN 1
    WHEN (verb = 'updated'::text) THEN 2
    ELSE 3
END) STORED NOT NULL,
    origin "char" NOT NULL,
    membership text NOT NULL COLLATE pg_catalog."C",
    verb text NOT NULL COLLATE pg_catalog."C",
    state text COLLATE pg_catalog."C",
    role text COLLATE pg_catalog."C",
    member_type text COLLATE pg_catalog."C",
    CONSTRAINT stored_membership_changes_origin_check CHECK ((origin = ANY (ARRAY['l'::"char", 'b'::"char", 's'::"char"]))),
    CONSTRAINT stored_membership_changes_state_check CHECK ((state <> ''::text)),
    CONSTRAINT stored_membership_changes_verb_check CHECK ((verb = ANY (ARRAY['created'::text, 'updated'::text, 'deleted'::text])))
);

COMMENT ON TABLE public.stored_membership_changes IS 'Every membership event, and what lists of members added to them. Read it through the view membership_changes.';

COMMENT ON COLUMN public.stored_membership_changes.event_time IS 'When it happened (the API''s own createTime of a membership is not to be trusted). Of a list: when it was asked for; the change came earlier.';

COMMENT ON COLUMN public.stored_membership_changes.fetched_at IS 'Null if the event held state and role. When they were fetched, if they came with a backfill or for an event that held names only: they are of this time.';

COMMENT ON COLUMN public.stored_membership_changes.event_key IS 'The event: events.event_key. Zeros for a list.';

COMMENT ON COLUMN public.stored_membership_changes.space_id IS 'spaces.id';

COMMENT ON COLUMN public.stored_membership_changes.ordinal IS 'Item of the event: events.ordinal.';

COMMENT ON COLUMN public.stored_membership_changes.verb_order IS 'Decides between two of the same time: 0 for a list, 1 created, 2 updated, 3 deleted.';

COMMENT ON COLUMN public.stored_membership_changes.origin IS 'l: live. b: backfill. s: a list of members that told something new.';

COMMENT ON COLUMN public.stored_membership_changes.membership IS '/M stands for spaces/S/members/M; stored_memberships says whose it is.';

COMMENT ON COLUMN public.stored_membership_changes.verb IS 'created, updated or deleted.';

COMMENT ON COLUMN public.stored_membership_changes.state IS 'State after the change; null if the payload did not tell. deleted always means NOT_A_MEMBER.';

COMMENT ON COLUMN public.stored_membership_changes.role IS 'Role after the change; null if the payload did not tell.';

COMMENT ON COLUMN public.stored_membership_changes.member_type IS 'HUMAN or BOT; null if the payload did not tell.';

CREATE TABLE public.stored_memberships (
    version_time timestamp with time zone NOT NULL,
    payload_as_of timestamp with time zone,
    version_key uuid NOT NULL,
    space_id integer NOT NULL,
    verb_order smallint NOT NULL,
    membership text NOT NULL COLLATE pg_catalog."C",
    member text COLLATE pg_catalog."C",
    state text COLLATE pg_catalog."C",
    role text COLLATE pg_catalog."C",
    affiliation text COLLATE pg_catalog."C",
    source text DEFAULT 'event'::text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT stored_memberships_source_check CHECK ((source = ANY (ARRAY['event'::text, 'list'::text]))),
    CONSTRAINT stored_memberships_state_check CHECK ((state <> ''::text))
)
WITH (fillfactor='90');

COMMENT ON TABLE public.stored_memberships IS 'Who is in which space now, as far as events and lists tell. Read it through the view memberships.';

COMMENT ON COLUMN public.stored_memberships.version_time IS 'Time of the state shown; -infinity if no event told a state so far.';

COMMENT ON COLUMN public.stored_memberships.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';

COMMENT ON COLUMN public.stored_memberships.version_key IS 'Event that the state comes from; decides between two of the same time and verb. Zeros for a list.';

COMMENT ON COLUMN public.stored_memberships.space_id IS 'spaces.id';

COMMENT ON COLUMN public.stored_memberships.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted membership; decides between two of the same time. 0 for a list: an event of the same time is newer. 4 for the end that the deletion of the space brought.';

COMMENT ON COLUMN public.stored_memberships.membership IS '/M stands for spaces/S/members/M, which is all that a deletion tells. M is the number of a user; of a Google Group group-G, or another id.';

COMMENT ON COLUMN public.stored_memberships.member IS 'Whose it is: users/U, or groups/G for a Google Group; null if no event told and the name does not either.';

COMMENT ON COLUMN public.stored_memberships.state IS 'JOINED, INVITED or NOT_A_MEMBER; null if unknown (payloads without resource data).';

COMMENT ON COLUMN public.stored_memberships.role IS 'ROLE_MEMBER, ROLE_MANAGER, …; null if unknown or not a member.';

COMMENT ON COLUMN public.stored_memberships.affiliation IS 'INTERNAL, EXTERNAL, …; null if unknown or not a member.';

COMMENT ON COLUMN public.stored_memberships.source IS 'event, or list for what Google''s list of members told and no newer event.';

CREATE VIEW public.audit_members WITH (security_barrier='true') AS
 SELECT public.audit_record(a.event_time,
        CASE a.origin
            WHEN 's'::"char" THEN (('l'::text || a.space_number) || a.membership)
            ELSE (('m'::text || replace((a.event_key)::text, '-'::text, ''::text)) || a.ordinal)
        END) AS record_id,
    a.event_time AS occurred_at,
    ( SELECT e.received_at
           FROM public.events e
          WHERE ((e.event_time = a.event_time) AND (e.event_key = a.event_key) AND (e.ordinal = a.ordinal))) AS recorded_at,
    ('member'::text COLLATE "C") AS category,
    ((a.target_type ||
        CASE
            WHEN ((a.state = 'JOINED'::text) AND ((a.prior_state <> 'JOINED'::text) OR ((a.prior_state IS NULL) AND (a.verb = 'created'::text)))) THEN '.joined'::text
            WHEN ((a.state <> 'JOINED'::text) AND ((a.prior_state = 'JOINED'::text) OR ((a.prior_state IS NULL) AND (a.verb = 'deleted'::text)))) THEN '.left'::text
            WHEN ((a.state = 'INVITED'::text) AND ((a.prior_state <> 'INVITED'::text) OR (a.prior_state IS NULL))) THEN '.invited'::text
            WHEN ((a.state = 'JOINED'::text) AND (a.verb <> 'created'::text) AND (a.role <> a.prior_role)) THEN '.role_changed'::text
            WHEN ((a.origin = 's'::"char") AND (a.prior_state IS NULL)) THEN '.listed'::text
            ELSE '.updated'::text
        END) COLLATE "C") AS action,
    (NULL::text COLLATE "C") AS actor_id,
    NULL::text AS actor_name,
    ('unknown'::text COLLATE "C") AS actor_kind,
    a.space AS space_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = a.space) AND (n.known_at <= a.event_time))
          ORDER BY n.known_at DESC
         LIMIT 1) AS space_name,
    (a.target_type COLLATE "C") AS target_type,
    a.member AS target_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = a.member) AND (n.known_at <= a.event_time))
          ORDER BY n.known_at DESC
         LIMIT 1) AS target_name,
    (NULL::text COLLATE "C") AS thread_id,
    NULL::timestamp with time zone AS target_created_at,
        CASE
            WHEN (a.prior_state IS NOT NULL) THEN json_strip_nulls(json_build_object('state', a.prior_state, 'role', a.prior_role))
            ELSE NULL::json
        END AS prior_state,
        CASE
            WHEN (a.state IS NOT NULL) THEN json_strip_nulls(json_build_object('state', a.state, 'role', a.role, 'as_of', a.fetched_at))
            ELSE NULL::json
        END AS resulting_state,
        CASE
            WHEN ((a.prior_state IS NOT NULL) AND (a.state IS NOT NULL)) THEN array_remove(ARRAY[
            CASE
                WHEN (a.state <> a.prior_state) THEN 'state'::text
                ELSE NULL::text
            END,
            CASE
                WHEN (a.role <> a.prior_role) THEN 'role'::text
                ELSE NULL::text
            END], NULL::text)
            ELSE NULL::text[]
        END AS changed,
    a.source,
    a.told_by
   FROM ( SELECT c.event_time,
            c.event_key,
            c.ordinal,
            c.space_id AS space_number,
            c.membership,
            c.origin,
            c.verb,
            c.state,
            c.role,
            c.fetched_at,
            p.space,
            m.member,
                CASE
                    WHEN (m.member ~~ 'groups/%'::text) THEN 'group'::text
                    ELSE 'member'::text
                END AS target_type,
            b.state AS prior_state,
            b.role AS prior_role,
            (
                CASE c.origin
                    WHEN 'l'::"char" THEN 'live'::text
                    WHEN 'b'::"char" THEN 'backfill'::text
                    ELSE 'reconcile'::text
                END COLLATE "C") AS source,
            (
                CASE c.origin
                    WHEN 's'::"char" THEN 'member_list'::text
                    ELSE ('membership.'::text || c.verb)
                END COLLATE "C") AS told_by
           FROM (((public.stored_membership_changes c
             JOIN public.readable_spaces p ON ((p.id = c.space_id)))
             LEFT JOIN public.stored_memberships m ON (((m.space_id = c.space_id) AND (m.membership = c.membership))))
             LEFT JOIN LATERAL ( SELECT o.state,
                    o.role
                   FROM public.stored_membership_changes o
                  WHERE ((o.space_id = c.space_id) AND (o.membership = c.membership) AND (o.state IS NOT NULL) AND (ROW(o.event_time, o.verb_order, o.event_key, o.ordinal) < ROW(c.event_time, c.verb_order, c.event_key, c.ordinal)) AND (NOT (((o.origin = 's'::"char") AND (o.state = 'JOINED'::text) AND (c.verb = 'created'::text) AND (c.state = 'JOINED'::text) AND (c.event_time < (o.event_time + '00:10:00'::interval))) IS TRUE)))
                  ORDER BY o.event_time DESC, o.verb_order DESC, o.event_key DESC, o.ordinal DESC
                 LIMIT 1) b ON (true))
          WHERE ((c.event_time <= COALESCE(p.deleted_at, 'infinity'::timestamp with time zone)) AND (NOT (((c.origin = 's'::"char") AND (c.state = 'JOINED'::text) AND ( SELECT ((o.verb = 'created'::text) AND (o.state = 'JOINED'::text) AND (o.event_time < (c.event_time + '00:10:00'::interval)))
                   FROM public.stored_membership_changes o
                  WHERE ((o.space_id = c.space_id) AND (o.membership = c.membership) AND (o.state IS NOT NULL) AND (o.event_time >= c.event_time) AND (o.verb_order > 0))
                  ORDER BY o.event_time, o.verb_order, o.event_key, o.ordinal
                 LIMIT 1)) IS TRUE)))) a;

COMMENT ON VIEW public.audit_members IS 'Audit records of memberships: one for each event, and for what lists of members added.';

COMMENT ON COLUMN public.audit_members.record_id IS 'Id of the record; it never changes. Ids are in the order of occurred_at.';

COMMENT ON COLUMN public.audit_members.occurred_at IS 'When it happened. What only a list of members told has the time of the list: it happened before.';

COMMENT ON COLUMN public.audit_members.recorded_at IS 'When this system got it; null if that was not noted.';

COMMENT ON COLUMN public.audit_members.category IS 'What sort of thing it is about: message, reaction, member (Google Groups among them), space, subscription, gap or reactor; access, export, erasure or policy for what people did with what is recorded.';

COMMENT ON COLUMN public.audit_members.action IS 'What happened: message.edited, member.joined, … See docs/audit-actions.md.';

COMMENT ON COLUMN public.audit_members.actor_id IS 'users/U: who did it; roles/R: as which role of the database; null if nothing told it. Google never tells who deleted a message, nor who added or removed a member.';

COMMENT ON COLUMN public.audit_members.actor_name IS 'What that person or app was called then; null if that was not known then. Of a role, who used it, as far as the program told it.';

COMMENT ON COLUMN public.audit_members.actor_kind IS 'person, app or unknown; google or spacekeeper for what they did themselves; operator for who used this program.';

COMMENT ON COLUMN public.audit_members.space_id IS 'spaces/S: where it happened; null if it is about no space, or about more than one.';

COMMENT ON COLUMN public.audit_members.space_name IS 'What the space was called then; null if that was not known then.';

COMMENT ON COLUMN public.audit_members.target_type IS 'What it was done to: message, member, group, space, subscription, coverage, rule, policy or records.';

COMMENT ON COLUMN public.audit_members.target_id IS 'Its name: spaces/S/messages/M, users/U, groups/G, spaces/S, subscriptions/S, the scope of a gap, the id of a rule, or what docs/audit-actions.md says of the action; null if unknown.';

COMMENT ON COLUMN public.audit_members.target_name IS 'What a member or a space was called then; null if that was not known then, and for others.';

COMMENT ON COLUMN public.audit_members.thread_id IS 'spaces/S/threads/T that a message belongs to; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_members.target_created_at IS 'When a message was sent; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_members.prior_state IS 'How it was before; null if unknown or if it was not there. A text is shown to those alone who are granted the role spacekeeper_content (the owner, where there is no such role); to others characters says that there is one. as_of: the content was fetched then, and is of that time.';

COMMENT ON COLUMN public.audit_members.resulting_state IS 'How it was after; null if unknown or gone. Of a deleted message deletion_class as in fct_messages.';

COMMENT ON COLUMN public.audit_members.changed IS 'What differs between both: text, attachments, name, state, role. Empty if none of these; null if one of them is unknown.';

COMMENT ON COLUMN public.audit_members.source IS 'live: told as it happened. backfill: fetched later. reconcile: only a list of members showed it.';

COMMENT ON COLUMN public.audit_members.told_by IS 'What told it: message.created and so on for the type of an event; member_list, coverage, reactor or trail.';

CREATE TABLE public.reactor_runs (
    id bigint NOT NULL,
    event_time timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    slot_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    outcome text DEFAULT 'pending'::text NOT NULL COLLATE pg_catalog."C",
    reactor text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    space text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    reason text,
    due_at timestamp with time zone NOT NULL,
    admitted_at timestamp with time zone,
    slot_refused_at timestamp with time zone,
    speaker bigint,
    step smallint DEFAULT 0 NOT NULL,
    shadow boolean DEFAULT false NOT NULL,
    held boolean DEFAULT false NOT NULL,
    step_id text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    trigger text NOT NULL COLLATE pg_catalog."C",
    acts_in text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    hash text NOT NULL COLLATE pg_catalog."C",
    facts json DEFAULT '{}'::json NOT NULL,
    requests json,
    trace json DEFAULT '[]'::json NOT NULL,
    CONSTRAINT reactor_runs_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT reactor_runs_finished_check CHECK (((outcome = 'unclear'::text) OR ((outcome = 'pending'::text) = (finished_at IS NULL)))),
    CONSTRAINT reactor_runs_outcome_check CHECK ((outcome = ANY (ARRAY['pending'::text, 'unclear'::text, 'sent'::text, 'shadow'::text, 'collapsed'::text, 'condition_false'::text, 'left'::text, 'stopped'::text, 'already_done'::text, 'quiet'::text, 'rate_limited'::text, 'loop'::text, 'too_old'::text, 'cancelled'::text, 'failed'::text]))),
    CONSTRAINT reactor_runs_step_check CHECK ((step >= 0))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');

COMMENT ON TABLE public.reactor_runs IS 'What rules wanted done, a row for each step, and how it ended. Exists if and only if its event is recorded. One that ended for a condition is kept as a sample; reactor_outcomes counts them all.';

COMMENT ON COLUMN public.reactor_runs.id IS 'Number of the run; its River job carries it.';

COMMENT ON COLUMN public.reactor_runs.event_time IS 'Time of the newest event that asked for it; its age is counted from here.';

COMMENT ON COLUMN public.reactor_runs.created_at IS 'When it was first asked for.';

COMMENT ON COLUMN public.reactor_runs.finished_at IS 'When it ended; null while pending.';

COMMENT ON COLUMN public.reactor_runs.slot_at IS 'Its write slot, when it may write to its space; null if it has none so far.';

COMMENT ON COLUMN public.reactor_runs.attempts IS 'Attempts begun since it was last asked for.';

COMMENT ON COLUMN public.reactor_runs.outcome IS 'pending, unclear (it may have been sent; that is looked up while finished_at is null), or how it ended: sent, shadow (would have been sent), collapsed (another run spoke for it), condition_false, left, stopped, quiet, rate_limited, loop, too_old, cancelled (the rule is gone or off), failed (a person must look).';

COMMENT ON COLUMN public.reactor_runs.reactor IS 'Id of the rule.';

COMMENT ON COLUMN public.reactor_runs.subject IS 'What once_per made of the event: there is one run for it, each step and mode. #2 and so on: once_per.for was over, and it began again.';

COMMENT ON COLUMN public.reactor_runs.space IS 'spaces/S: where the event happened; empty for none.';

COMMENT ON COLUMN public.reactor_runs.member IS 'users/U: whom the event is about; empty for nobody.';

COMMENT ON COLUMN public.reactor_runs.reason IS 'Why it ended as it did; null if there is nothing to say.';

COMMENT ON COLUMN public.reactor_runs.due_at IS 'When it is due; max_age counts from here.';

COMMENT ON COLUMN public.reactor_runs.admitted_at IS 'When it passed its limits and counted towards them, or will.';

COMMENT ON COLUMN public.reactor_runs.slot_refused_at IS 'When Google had last refused a write there as the slot was given: after another refusal the slot counts no more.';

COMMENT ON COLUMN public.reactor_runs.speaker IS 'Of one that has collapsed: the number of the run that speaks for it.';

COMMENT ON COLUMN public.reactor_runs.step IS 'Place of the step in its sequence when it was planned, from 0: it waits for those before it.';

COMMENT ON COLUMN public.reactor_runs.shadow IS 'Planned in shadow mode: nothing is sent.';

COMMENT ON COLUMN public.reactor_runs.held IS 'It waits without a job until its rule is resumed.';

COMMENT ON COLUMN public.reactor_runs.step_id IS 'By which its rule knows the step, wherever it stands: its id, or its after. Empty without a sequence.';

COMMENT ON COLUMN public.reactor_runs.trigger IS 'member.joined and so on.';

COMMENT ON COLUMN public.reactor_runs.acts_in IS 'spaces/S, if its rule reacts to apps, too, and to each message or event anew: the space in which an app may answer what it does, which is counted, so that two apps don''t answer each other for ever. Empty for none.';

COMMENT ON COLUMN public.reactor_runs.hash IS 'Of the rule when it was planned.';

COMMENT ON COLUMN public.reactor_runs.facts IS 'What the event told, as conditions and texts see it. May hold message text.';

COMMENT ON COLUMN public.reactor_runs.requests IS 'What its actions send, stored before the first attempt, the same for each; null before that.';

COMMENT ON COLUMN public.reactor_runs.trace IS 'Its story, for people: a list of {at, what}.';

CREATE VIEW public.audit_runs WITH (security_barrier='true') AS
 SELECT public.audit_record(r.finished_at, ('r'::text || r.id)) AS record_id,
    r.finished_at AS occurred_at,
    r.finished_at AS recorded_at,
    ('reactor'::text COLLATE "C") AS category,
    (
        CASE r.outcome
            WHEN 'sent'::text THEN 'reactor.sent'::text
            WHEN 'failed'::text THEN 'reactor.failed'::text
            WHEN 'unclear'::text THEN 'reactor.unclear'::text
            ELSE 'reactor.suppressed'::text
        END COLLATE "C") AS action,
    (NULL::text COLLATE "C") AS actor_id,
    NULL::text AS actor_name,
    ('spacekeeper'::text COLLATE "C") AS actor_kind,
    NULLIF(r.space, ''::text) AS space_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = NULLIF(r.space, ''::text)) AND (n.known_at <= r.finished_at))
          ORDER BY n.known_at DESC
         LIMIT 1) AS space_name,
    ('rule'::text COLLATE "C") AS target_type,
    r.reactor AS target_id,
    NULL::text AS target_name,
    (NULL::text COLLATE "C") AS thread_id,
    NULL::timestamp with time zone AS target_created_at,
    NULL::json AS prior_state,
    json_strip_nulls(json_build_object('outcome', r.outcome, 'trigger', r.trigger, 'step', NULLIF(r.step_id, ''::text), 'member', NULLIF(r.member, ''::text), 'shadow',
        CASE
            WHEN r.shadow THEN true
            ELSE NULL::boolean
        END)) AS resulting_state,
    NULL::text[] AS changed,
    ('live'::text COLLATE "C") AS source,
    ('reactor'::text COLLATE "C") AS told_by
   FROM (public.reactor_runs r
     LEFT JOIN public.readable_spaces p ON ((p.space = r.space)))
  WHERE ((r.finished_at IS NOT NULL) AND ((p.space IS NOT NULL) OR ( SELECT reader_rights.all_spaces
           FROM public.reader_rights)));

COMMENT ON VIEW public.audit_runs IS 'Audit records of what rules did: one for each run that has ended.';

COMMENT ON COLUMN public.audit_runs.record_id IS 'Id of the record; it never changes. Ids are in the order of occurred_at.';

COMMENT ON COLUMN public.audit_runs.occurred_at IS 'When it happened. What only a list of members told has the time of the list: it happened before.';

COMMENT ON COLUMN public.audit_runs.recorded_at IS 'When this system got it; null if that was not noted.';

COMMENT ON COLUMN public.audit_runs.category IS 'What sort of thing it is about: message, reaction, member (Google Groups among them), space, subscription, gap or reactor; access, export, erasure or policy for what people did with what is recorded.';

COMMENT ON COLUMN public.audit_runs.action IS 'What happened: message.edited, member.joined, … See docs/audit-actions.md.';

COMMENT ON COLUMN public.audit_runs.actor_id IS 'users/U: who did it; roles/R: as which role of the database; null if nothing told it. Google never tells who deleted a message, nor who added or removed a member.';

COMMENT ON COLUMN public.audit_runs.actor_name IS 'What that person or app was called then; null if that was not known then. Of a role, who used it, as far as the program told it.';

COMMENT ON COLUMN public.audit_runs.actor_kind IS 'person, app or unknown; google or spacekeeper for what they did themselves; operator for who used this program.';

COMMENT ON COLUMN public.audit_runs.space_id IS 'spaces/S: where it happened; null if it is about no space, or about more than one.';

COMMENT ON COLUMN public.audit_runs.space_name IS 'What the space was called then; null if that was not known then.';

COMMENT ON COLUMN public.audit_runs.target_type IS 'What it was done to: message, member, group, space, subscription, coverage, rule, policy or records.';

COMMENT ON COLUMN public.audit_runs.target_id IS 'Its name: spaces/S/messages/M, users/U, groups/G, spaces/S, subscriptions/S, the scope of a gap, the id of a rule, or what docs/audit-actions.md says of the action; null if unknown.';

COMMENT ON COLUMN public.audit_runs.target_name IS 'What a member or a space was called then; null if that was not known then, and for others.';

COMMENT ON COLUMN public.audit_runs.thread_id IS 'spaces/S/threads/T that a message belongs to; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_runs.target_created_at IS 'When a message was sent; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_runs.prior_state IS 'How it was before; null if unknown or if it was not there. A text is shown to those alone who are granted the role spacekeeper_content (the owner, where there is no such role); to others characters says that there is one. as_of: the content was fetched then, and is of that time.';

COMMENT ON COLUMN public.audit_runs.resulting_state IS 'How it was after; null if unknown or gone. Of a deleted message deletion_class as in fct_messages.';

COMMENT ON COLUMN public.audit_runs.changed IS 'What differs between both: text, attachments, name, state, role. Empty if none of these; null if one of them is unknown.';

COMMENT ON COLUMN public.audit_runs.source IS 'live: told as it happened. backfill: fetched later. reconcile: only a list of members showed it.';

COMMENT ON COLUMN public.audit_runs.told_by IS 'What told it: message.created and so on for the type of an event; member_list, coverage, reactor or trail.';

CREATE TABLE public.trail (
    at timestamp with time zone NOT NULL,
    action_key uuid NOT NULL,
    action text NOT NULL COLLATE pg_catalog."C",
    role_name text NOT NULL COLLATE pg_catalog."C",
    operator text,
    target text COLLATE pg_catalog."C",
    space text COLLATE pg_catalog."C",
    details json NOT NULL,
    CONSTRAINT trail_action_check CHECK ((action ~ '^[a-z]{1,20}\.[a-z_]{1,40}$'::text)),
    CONSTRAINT trail_details_check CHECK (((length((details)::text) <= 100000) AND (strpos((details)::text, '
'::text) = 0))),
    CONSTRAINT trail_operator_check CHECK (((length(operator) >= 1) AND (length(operator) <= 200))),
    CONSTRAINT trail_space_check CHECK (((length(space) >= 1) AND (length(space) <= 200))),
    CONSTRAINT trail_target_check CHECK (((length(target) >= 1) AND (length(target) <= 500)))
);

COMMENT ON TABLE public.trail IS 'What people did with what is recorded: whose content they looked at, what they exported, erased or changed. Rows are added by analytics.record_action alone.';

COMMENT ON COLUMN public.trail.at IS 'When, by the database''s clock.';

COMMENT ON COLUMN public.trail.action_key IS 'Tells it from others of that time.';

COMMENT ON COLUMN public.trail.action IS 'What was done: access.content_viewed, export.started, … See docs/audit-actions.md.';

COMMENT ON COLUMN public.trail.role_name IS 'The role that logged in to the database.';

COMMENT ON COLUMN public.trail.operator IS 'Who that was, as the program told it: the user of the operating system, or of a page; null if it told nobody.';

COMMENT ON COLUMN public.trail.target IS 'What it was done to, as docs/audit-actions.md says of each; null if it was no one thing.';

COMMENT ON COLUMN public.trail.space IS 'spaces/S: where that is; null if it is in no space, or in more than one.';

COMMENT ON COLUMN public.trail.details IS 'What else is to be known: query, reason, numbers.';

CREATE VIEW public.audit_trail WITH (security_barrier='true') AS
 SELECT public.audit_record(t.at, ('a'::text || replace((t.action_key)::text, '-'::text, ''::text))) AS record_id,
    t.at AS occurred_at,
    t.at AS recorded_at,
    (split_part(t.action, '.'::text, 1) COLLATE "C") AS category,
    t.action,
    ('roles/'::text || t.role_name) AS actor_id,
    t.operator AS actor_name,
    ('operator'::text COLLATE "C") AS actor_kind,
    t.space AS space_id,
    ( SELECT n.display_name
           FROM public.names n
          WHERE ((n.name = t.space) AND (n.known_at <= t.at))
          ORDER BY n.known_at DESC
         LIMIT 1) AS space_name,
    (
        CASE split_part(t.action, '.'::text, 1)
            WHEN 'erasure'::text THEN 'member'::text
            WHEN 'policy'::text THEN 'policy'::text
            WHEN 'reactor'::text THEN 'rule'::text
            ELSE 'records'::text
        END COLLATE "C") AS target_type,
    t.target AS target_id,
    NULL::text AS target_name,
    (NULL::text COLLATE "C") AS thread_id,
    NULL::timestamp with time zone AS target_created_at,
    NULL::json AS prior_state,
    t.details AS resulting_state,
    NULL::text[] AS changed,
    ('live'::text COLLATE "C") AS source,
    ('trail'::text COLLATE "C") AS told_by
   FROM public.trail t
  WHERE ( SELECT reader_rights.all_spaces
           FROM public.reader_rights);

COMMENT ON VIEW public.audit_trail IS 'Audit records of what people did with what is recorded: one for each row of trail, for those who see all spaces.';

COMMENT ON COLUMN public.audit_trail.record_id IS 'Id of the record; it never changes. Ids are in the order of occurred_at.';

COMMENT ON COLUMN public.audit_trail.occurred_at IS 'When it happened. What only a list of members told has the time of the list: it happened before.';

COMMENT ON COLUMN public.audit_trail.recorded_at IS 'When this system got it; null if that was not noted.';

COMMENT ON COLUMN public.audit_trail.category IS 'What sort of thing it is about: message, reaction, member (Google Groups among them), space, subscription, gap or reactor; access, export, erasure or policy for what people did with what is recorded.';

COMMENT ON COLUMN public.audit_trail.action IS 'What happened: message.edited, member.joined, … See docs/audit-actions.md.';

COMMENT ON COLUMN public.audit_trail.actor_id IS 'users/U: who did it; roles/R: as which role of the database; null if nothing told it. Google never tells who deleted a message, nor who added or removed a member.';

COMMENT ON COLUMN public.audit_trail.actor_name IS 'What that person or app was called then; null if that was not known then. Of a role, who used it, as far as the program told it.';

COMMENT ON COLUMN public.audit_trail.actor_kind IS 'person, app or unknown; google or spacekeeper for what they did themselves; operator for who used this program.';

COMMENT ON COLUMN public.audit_trail.space_id IS 'spaces/S: where it happened; null if it is about no space, or about more than one.';

COMMENT ON COLUMN public.audit_trail.space_name IS 'What the space was called then; null if that was not known then.';

COMMENT ON COLUMN public.audit_trail.target_type IS 'What it was done to: message, member, group, space, subscription, coverage, rule, policy or records.';

COMMENT ON COLUMN public.audit_trail.target_id IS 'Its name: spaces/S/messages/M, users/U, groups/G, spaces/S, subscriptions/S, the scope of a gap, the id of a rule, or what docs/audit-actions.md says of the action; null if unknown.';

COMMENT ON COLUMN public.audit_trail.target_name IS 'What a member or a space was called then; null if that was not known then, and for others.';

COMMENT ON COLUMN public.audit_trail.thread_id IS 'spaces/S/threads/T that a message belongs to; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_trail.target_created_at IS 'When a message was sent; null if unknown, and for others.';

COMMENT ON COLUMN public.audit_trail.prior_state IS 'How it was before; null if unknown or if it was not there. A text is shown to those alone who are granted the role spacekeeper_content (the owner, where there is no such role); to others characters says that there is one. as_of: the content was fetched then, and is of that time.';

COMMENT ON COLUMN public.audit_trail.resulting_state IS 'How it was after; null if unknown or gone. Of a deleted message deletion_class as in fct_messages.';

COMMENT ON COLUMN public.audit_trail.changed IS 'What differs between both: text, attachments, name, state, role. Empty if none of these; null if one of them is unknown.';

COMMENT ON COLUMN public.audit_trail.source IS 'live: told as it happened. backfill: fetched later. reconcile: only a list of members showed it.';

COMMENT ON COLUMN public.audit_trail.told_by IS 'What told it: message.created and so on for the type of an event; member_list, coverage, reactor or trail.';

CREATE VIEW analytics.audit_log WITH (security_barrier='true') AS
 SELECT audit_events.record_id,
    audit_events.occurred_at,
    audit_events.recorded_at,
    audit_events.category,
    audit_events.action,
    audit_events.actor_id,
    audit_events.actor_name,
    audit_events.actor_kind,
    audit_events.space_id,
    audit_events.space_name,
    audit_events.target_type,
    audit_events.target_id,
    audit_events.target_name,
    audit_events.thread_id,
    audit_events.target_created_at,
    audit_events.prior_state,
    audit_events.resulting_state,
    audit_events.changed,
    audit_events.source,
    audit_events.told_by
   FROM public.audit_events
UNION ALL
 SELECT audit_members.record_id,
    audit_members.occurred_at,
    audit_members.recorded_at,
    audit_members.category,
    audit_members.action,
    audit_members.actor_id,
    audit_members.actor_name,
    audit_members.actor_kind,
    audit_members.space_id,
    audit_members.space_name,
    audit_members.target_type,
    audit_members.target_id,
    audit_members.target_name,
    audit_members.thread_id,
    audit_members.target_created_at,
    audit_members.prior_state,
    audit_members.resulting_state,
    audit_members.changed,
    audit_members.source,
    audit_members.told_by
   FROM public.audit_members
UNION ALL
 SELECT audit_gaps.record_id,
    audit_gaps.occurred_at,
    audit_gaps.recorded_at,
    audit_gaps.category,
    audit_gaps.action,
    audit_gaps.actor_id,
    audit_gaps.actor_name,
    audit_gaps.actor_kind,
    audit_gaps.space_id,
    audit_gaps.space_name,
    audit_gaps.target_type,
    audit_gaps.target_id,
    audit_gaps.target_name,
    audit_gaps.thread_id,
    audit_gaps.target_created_at,
    audit_gaps.prior_state,
    audit_gaps.resulting_state,
    audit_gaps.changed,
    audit_gaps.source,
    audit_gaps.told_by
   FROM public.audit_gaps
UNION ALL
 SELECT audit_runs.record_id,
    audit_runs.occurred_at,
    audit_runs.recorded_at,
    audit_runs.category,
    audit_runs.action,
    audit_runs.actor_id,
    audit_runs.actor_name,
    audit_runs.actor_kind,
    audit_runs.space_id,
    audit_runs.space_name,
    audit_runs.target_type,
    audit_runs.target_id,
    audit_runs.target_name,
    audit_runs.thread_id,
    audit_runs.target_created_at,
    audit_runs.prior_state,
    audit_runs.resulting_state,
    audit_runs.changed,
    audit_runs.source,
    audit_runs.told_by
   FROM public.audit_runs
UNION ALL
 SELECT audit_trail.record_id,
    audit_trail.occurred_at,
    audit_trail.recorded_at,
    audit_trail.category,
    audit_trail.action,
    audit_trail.actor_id,
    audit_trail.actor_name,
    audit_trail.actor_kind,
    audit_trail.space_id,
    audit_trail.space_name,
    audit_trail.target_type,
    audit_trail.target_id,
    audit_trail.target_name,
    audit_trail.thread_id,
    audit_trail.target_created_at,
    audit_trail.prior_state,
    audit_trail.resulting_state,
    audit_trail.changed,
    audit_trail.source,
    audit_trail.told_by
   FROM public.audit_trail;

COMMENT ON VIEW analytics.audit_log IS 'Who did what, when, where and on what: one record for each event, and for what lists of members, gaps, rules and people who use this program add. Ask by occurred_at: subscriber audit search does so window by window.';

COMMENT ON COLUMN analytics.audit_log.record_id IS 'Id of the record; it never changes. Ids are in the order of occurred_at.';

COMMENT ON COLUMN analytics.audit_log.occurred_at IS 'When it happened. What only a list of members told has the time of the list: it happened before.';

COMMENT ON COLUMN analytics.audit_log.recorded_at IS 'When this system got it; null if that was not noted.';

COMMENT ON COLUMN analytics.audit_log.category IS 'What sort of thing it is about: message, reaction, member (Google Groups among them), space, subscription, gap or reactor; access, export, erasure or policy for what people did with what is recorded.';

COMMENT ON COLUMN analytics.audit_log.action IS 'What happened: message.edited, member.joined, … See docs/audit-actions.md.';

COMMENT ON COLUMN analytics.audit_log.actor_id IS 'users/U: who did it; roles/R: as which role of the database; null if nothing told it. Google never tells who deleted a message, nor who added or removed a member.';

COMMENT ON COLUMN analytics.audit_log.actor_name IS 'What that person or app was called then; null if that was not known then. Of a role, who used it, as far as the program told it.';

COMMENT ON COLUMN analytics.audit_log.actor_kind IS 'person, app or unknown; google or spacekeeper for what they did themselves; operator for who used this program.';

COMMENT ON COLUMN analytics.audit_log.space_id IS 'spaces/S: where it happened; null if it is about no space, or about more than one.';

COMMENT ON COLUMN analytics.audit_log.space_name IS 'What the space was called then; null if that was not known then.';

COMMENT ON COLUMN analytics.audit_log.target_type IS 'What it was done to: message, member, group, space, subscription, coverage, rule, policy or records.';

COMMENT ON COLUMN analytics.audit_log.target_id IS 'Its name: spaces/S/messages/M, users/U, groups/G, spaces/S, subscriptions/S, the scope of a gap, the id of a rule, or what docs/audit-actions.md says of the action; null if unknown.';

COMMENT ON COLUMN analytics.audit_log.target_name IS 'What a member or a space was called then; null if that was not known then, and for others.';

COMMENT ON COLUMN analytics.audit_log.thread_id IS 'spaces/S/threads/T that a message belongs to; null if unknown, and for others.';

COMMENT ON COLUMN analytics.audit_log.target_created_at IS 'When a message was sent; null if unknown, and for others.';

COMMENT ON COLUMN analytics.audit_log.prior_state IS 'How it was before; null if unknown or if it was not there. A text is shown to those alone who are granted the role spacekeeper_content (the owner, where there is no such role); to others characters says that there is one. as_of: the content was fetched then, and is of that time.';

COMMENT ON COLUMN analytics.audit_log.resulting_state IS 'How it was after; null if unknown or gone. Of a deleted message deletion_class as in fct_messages.';

COMMENT ON COLUMN analytics.audit_log.changed IS 'What differs between both: text, attachments, name, state, role. Empty if none of these; null if one of them is unknown.';

COMMENT ON COLUMN analytics.audit_log.source IS 'live: told as it happened. backfill: fetched later. reconcile: only a list of members showed it.';

COMMENT ON COLUMN analytics.audit_log.told_by IS 'What told it: message.created and so on for the type of an event; member_list, coverage, reactor or trail.';

CREATE VIEW analytics.coverage WITH (security_barrier='true') AS
 SELECT s.activity_date,
    p.space_id,
    COALESCE(public.covered(s.coverage, public.day_start(s.activity_date, r.zone), public.day_start((s.activity_date + 1), r.zone), x.covered_until), (0)::double precision) AS covered_ratio,
    COALESCE(s.source, 'none'::text) AS source
   FROM (((public.rollup_summary s
     JOIN public.rollup_spaces p ON ((p.id = s.space_id)))
     CROSS JOIN ( SELECT reporting.zone
           FROM public.reporting
         LIMIT 1) r)
     CROSS JOIN ( SELECT rollup_passes.covered_until
           FROM public.rollup_passes
         LIMIT 1) x);

COMMENT ON VIEW analytics.coverage IS 'Of which share of each day the events are there, for each space and for all together (space_id all).';

COMMENT ON COLUMN analytics.coverage.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN analytics.coverage.space_id IS 'spaces/S, or all, which readers of groups don''t see.';

COMMENT ON COLUMN analytics.coverage.covered_ratio IS '0 to 1, of the day as far as it has gone by: seen live, or fetched later.';

COMMENT ON COLUMN analytics.coverage.source IS 'What most of the day was: live, backfill (fetched later), gap (asked for and missing) or none (nobody had asked for it).';

CREATE VIEW public.coverage_gaps AS
 SELECT coverage.scope,
    coverage.from_time,
    coverage.to_time,
    (COALESCE(coverage.to_time, now()) - coverage.from_time) AS length,
    coverage.cause,
        CASE
            WHEN (coverage.to_time IS NULL) THEN 'open'::text
            WHEN (coverage.acknowledged_at IS NOT NULL) THEN 'acknowledged'::text
            ELSE coverage.repair
        END AS state,
    coverage.detail,
    coverage.acknowledgement,
    coverage.id
   FROM public.coverage
  WHERE (coverage.source = 'gap'::text);

COMMENT ON VIEW public.coverage_gaps IS 'What has not been seen, and why. state: open (still going on), pending (its backfill is under way), impossible, or acknowledged: impossible, and a person knows.';

COMMENT ON COLUMN public.coverage_gaps.scope IS 'spaces/S; for a subscription to more than one space spaces/-, users/U or customers/C: it covers every space that its authority sees.';

COMMENT ON COLUMN public.coverage_gaps.from_time IS 'Begin, by Google''s clock.';

COMMENT ON COLUMN public.coverage_gaps.to_time IS 'End; NULL for the one interval of a scope that goes on: a live one is sure up to the end that coverage_intervals tells.';

COMMENT ON COLUMN public.coverage_gaps.length IS 'How long it is; until now if it goes on.';

COMMENT ON COLUMN public.coverage_gaps.cause IS 'Why there was a gap: Google''s suspension reason, expired, deleted, missing, changed, elsewhere, worker_outage, restored or silent_loss.';

COMMENT ON COLUMN public.coverage_gaps.state IS 'open (still going on), pending (its backfill is under way), impossible, or acknowledged (impossible, and a person knows).';

COMMENT ON COLUMN public.coverage_gaps.detail IS 'For people: why it can''t be repaired.';

COMMENT ON COLUMN public.coverage_gaps.acknowledgement IS 'What that person gave as the reason.';

COMMENT ON COLUMN public.coverage_gaps.id IS 'Number of the interval; jobs that repair a gap name it.';

CREATE VIEW analytics.coverage_gaps WITH (security_barrier='true') AS
 SELECT COALESCE(p.space, g.scope) AS space_id,
    g.from_time AS gap_from,
    g.to_time AS gap_to,
    g.cause,
    g.state
   FROM (public.coverage_gaps g
     LEFT JOIN public.readable_spaces p ON ((p.space = g.scope)))
  WHERE ((p.space IS NOT NULL) OR (g.scope !~~ 'spaces/%'::text) OR (g.scope = 'spaces/-'::text) OR ( SELECT reader_rights.all_spaces
           FROM public.reader_rights));

COMMENT ON VIEW analytics.coverage_gaps IS 'What was not seen and was not fetched later, as now known.';

COMMENT ON COLUMN analytics.coverage_gaps.space_id IS 'spaces/S; spaces/-, users/U or customers/C for a subscription to more than one space: events of any of them may be missing.';

COMMENT ON COLUMN analytics.coverage_gaps.gap_from IS 'When it began.';

COMMENT ON COLUMN analytics.coverage_gaps.gap_to IS 'When it ended; null while it goes on.';

COMMENT ON COLUMN analytics.coverage_gaps.cause IS 'Why: expired, deleted, missing, changed, elsewhere, worker_outage, restored, silent_loss, or Google''s reason for a suspension.';

COMMENT ON COLUMN analytics.coverage_gaps.state IS 'open (still going on), pending (it is being fetched), impossible, or acknowledged: impossible, and a person knows.';

CREATE VIEW analytics.dim_dates WITH (security_barrier='true') AS
 SELECT d.activity_date,
    (d.activity_date - (d.iso_weekday - 1)) AS week_start,
    d.iso_weekday,
    (date_trunc('month'::text, (d.activity_date)::timestamp with time zone))::date AS month_start,
    (d.iso_weekday >= 6) AS is_weekend,
    d.starts_at,
    d.ends_at,
    round((EXTRACT(epoch FROM (d.ends_at - d.starts_at)) / (3600)::numeric), 2) AS hours,
    d.zone
   FROM ( SELECT d_1.zone,
            d_1.activity_date,
            (EXTRACT(isodow FROM d_1.activity_date))::integer AS iso_weekday,
            public.day_start(d_1.activity_date, d_1.zone) AS starts_at,
            public.day_start((d_1.activity_date + 1), d_1.zone) AS ends_at
           FROM ( SELECT r.zone,
                    (r.first + generate_series(0, (r.today - r.first))) AS activity_date
                   FROM ( SELECT reporting.zone,
                            ((( SELECT min(events.event_time) AS min
                                   FROM public.events) AT TIME ZONE reporting.zone))::date AS first,
                            ((now() AT TIME ZONE reporting.zone))::date AS today
                           FROM public.reporting
                         LIMIT 1) r) d_1) d;

COMMENT ON VIEW analytics.dim_dates IS 'The days of the reporting zone, from that of the first event in the log to today.';

COMMENT ON COLUMN analytics.dim_dates.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN analytics.dim_dates.week_start IS 'Monday of its week.';

COMMENT ON COLUMN analytics.dim_dates.iso_weekday IS '1 for Monday to 7 for Sunday.';

COMMENT ON COLUMN analytics.dim_dates.month_start IS 'The first day of its month.';

COMMENT ON COLUMN analytics.dim_dates.is_weekend IS 'Whether it is a Saturday or a Sunday.';

COMMENT ON COLUMN analytics.dim_dates.starts_at IS 'When it begins: the day holds what happened at or after it, and before ends_at.';

COMMENT ON COLUMN analytics.dim_dates.ends_at IS 'When it ends, which is when the next one begins.';

COMMENT ON COLUMN analytics.dim_dates.hours IS 'How many hours it has: 24; where clocks are changed 23, 25, or another number.';

COMMENT ON COLUMN analytics.dim_dates.zone IS 'IANA name of the reporting zone, the same for all days.';

CREATE VIEW analytics.dim_hours WITH (security_barrier='true') AS
 SELECT h.hour_at,
    d.activity_date,
    d.iso_weekday,
    (EXTRACT(hour FROM (h.hour_at AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting))))::integer AS hour_of_day
   FROM (analytics.dim_dates d
     CROSS JOIN LATERAL generate_series(d.starts_at, (d.ends_at - '00:00:00.000001'::interval), '01:00:00'::interval) h(hour_at));

COMMENT ON VIEW analytics.dim_hours IS 'The hours of the days of dim_dates. Where clocks are set forward an hour is missing; where they are set back one comes twice.';

COMMENT ON COLUMN analytics.dim_hours.hour_at IS 'When it begins.';

COMMENT ON COLUMN analytics.dim_hours.activity_date IS 'Its day, in the reporting zone.';

COMMENT ON COLUMN analytics.dim_hours.iso_weekday IS '1 for Monday to 7 for Sunday.';

COMMENT ON COLUMN analytics.dim_hours.hour_of_day IS '0 to 23, as clocks of the reporting zone show it.';

CREATE VIEW analytics.dim_members WITH (security_barrier='true') AS
 SELECT u.user_name AS member_id,
    u.display_name,
    u.user_type AS member_type,
        CASE
            WHEN a.is_external THEN 'external'::text
            WHEN a.is_internal THEN 'internal'::text
            ELSE 'unknown'::text
        END AS affiliation
   FROM (public.users u
     LEFT JOIN ( SELECT m.member,
            bool_or((m.affiliation = ANY (ARRAY['EXTERNAL'::text, 'MANAGED_EXTERNAL'::text]))) AS is_external,
            bool_or((m.affiliation = 'INTERNAL'::text)) AS is_internal
           FROM (public.stored_memberships m
             JOIN public.readable_spaces p ON ((p.id = m.space_id)))
          GROUP BY m.member) a ON ((a.member = u.user_name)))
  WHERE (( SELECT reader_rights.all_spaces
           FROM public.reader_rights) OR (a.member IS NOT NULL));

COMMENT ON VIEW analytics.dim_members IS 'Every person and app that sent, reacted, joined or was listed; who was only mentioned is not among them. The reader of a group sees those who are or were members of its spaces.';

COMMENT ON COLUMN analytics.dim_members.member_id IS 'users/U, Google''s name of the person or app: it never changes.';

COMMENT ON COLUMN analytics.dim_members.display_name IS 'Name that people see; null if nothing told it, as with user authentication for most.';

COMMENT ON COLUMN analytics.dim_members.member_type IS 'HUMAN or BOT (a Chat app); null if nothing told it. Who is neither counts in totals only.';

COMMENT ON COLUMN analytics.dim_members.affiliation IS 'internal, external (outside of the organization, in whichever space they are) or unknown: Google tells it of present members only, and not of all.';

CREATE VIEW analytics.dim_space_names WITH (security_barrier='true') AS
 SELECT n.space AS space_id,
    n.display_name,
    n.known_at AS valid_from,
    lead(n.known_at) OVER (PARTITION BY n.space ORDER BY n.known_at) AS valid_to
   FROM ( SELECT p.space,
            n_1.display_name,
            n_1.known_at,
            (n_1.display_name IS DISTINCT FROM lag(n_1.display_name) OVER (PARTITION BY p.space ORDER BY n_1.known_at)) AS is_new
           FROM (public.names n_1
             JOIN public.readable_spaces p ON ((p.space = n_1.name)))) n
  WHERE n.is_new;

COMMENT ON VIEW analytics.dim_space_names IS 'What each space was called, and when. The name at a time t: valid_from <= t AND (valid_to > t OR valid_to IS NULL).';

COMMENT ON COLUMN analytics.dim_space_names.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.dim_space_names.display_name IS 'Name that people saw.';

COMMENT ON COLUMN analytics.dim_space_names.valid_from IS 'Since when the name is known. The first one may be older than that.';

COMMENT ON COLUMN analytics.dim_space_names.valid_to IS 'When the next name was known; null for the one of now.';

CREATE TABLE public.keeper_passes (
    listed_at timestamp with time zone NOT NULL,
    first_expiry timestamp with time zone,
    single boolean DEFAULT true NOT NULL,
    states json,
    CONSTRAINT keeper_passes_single_check CHECK (single)
);

COMMENT ON TABLE public.keeper_passes IS 'One row: the newest pass of the keeper that was saved. All that subscription_states holds was so at that time.';

COMMENT ON COLUMN public.keeper_passes.listed_at IS 'When it asked Google for the list of subscriptions, by Google''s clock.';

COMMENT ON COLUMN public.keeper_passes.first_expiry IS 'When the first of our subscriptions will expire that are active or suspended; null: there was none.';

COMMENT ON COLUMN public.keeper_passes.single IS 'Always true: there is one row.';

COMMENT ON COLUMN public.keeper_passes.states IS 'How many subscriptions there were in each state, of all that subscription_states holds: so metrics needn''t count them.';

CREATE VIEW analytics.dim_spaces WITH (security_barrier='true') AS
 SELECT p.space AS space_id,
    p.display_name,
    p.space_type,
    public.is_threaded(p.threading_state, p.space_type) AS is_threaded,
    ((p.deleted_at IS NULL) AND
        CASE
            WHEN (( SELECT keeper_passes.listed_at
               FROM public.keeper_passes) > (now() - '02:00:00'::interval)) THEN COALESCE((c.source = 'live'::text), ( SELECT (EXISTS ( SELECT
                       FROM public.coverage w
                      WHERE ((w.to_time IS NULL) AND (w.source = 'live'::text) AND ((w.scope !~~ 'spaces/%'::text) OR (w.scope = 'spaces/-'::text))))) AS "exists"))
            ELSE NULL::boolean
        END) AS is_watched,
    ( SELECT min(e.event_time) AS min
           FROM public.events e
          WHERE (e.space_id = p.id)) AS first_seen_at,
    p.deleted_at
   FROM (public.readable_spaces p
     LEFT JOIN public.coverage c ON (((c.scope = p.space) AND (c.to_time IS NULL))));

COMMENT ON VIEW analytics.dim_spaces IS 'Every space that an event named, deleted ones included.';

COMMENT ON COLUMN analytics.dim_spaces.space_id IS 'spaces/S, Google''s name of the space: it never changes.';

COMMENT ON COLUMN analytics.dim_spaces.display_name IS 'Name that people see now; null if unknown, or without one, as direct messages are. Earlier ones: dim_space_names.';

COMMENT ON COLUMN analytics.dim_spaces.space_type IS 'SPACE, GROUP_CHAT or DIRECT_MESSAGE; null if unknown.';

COMMENT ON COLUMN analytics.dim_spaces.is_threaded IS 'Whether people answer in threads. False for direct messages and group chats; null if nothing told it.';

COMMENT ON COLUMN analytics.dim_spaces.is_watched IS 'Whether a subscription covers the space now: one of its own, or, if it has none, a wider one. Null if nobody has looked at the subscriptions for two hours.';

COMMENT ON COLUMN analytics.dim_spaces.first_seen_at IS 'Time of the first event of the space in the log; null if there is none. Backfilled events count with the time when they happened.';

COMMENT ON COLUMN analytics.dim_spaces.deleted_at IS 'When the space was deleted; null while it exists.';

CREATE VIEW analytics.event_lags WITH (security_barrier='true') AS
 SELECT p.space AS space_id,
    e.event_time AS occurred_at,
    e.received_at,
    (EXTRACT(epoch FROM (e.received_at - e.event_time)))::double precision AS lag_seconds
   FROM (public.events e
     LEFT JOIN public.readable_spaces p ON ((p.id = e.space_id)))
  WHERE ((e.origin = 'l'::"char") AND ((p.space IS NOT NULL) OR ( SELECT reader_rights.all_spaces
           FROM public.reader_rights)));

COMMENT ON VIEW analytics.event_lags IS 'How late each live event was received. Ask by occurred_at.';

COMMENT ON COLUMN analytics.event_lags.space_id IS 'spaces/S; null for none.';

COMMENT ON COLUMN analytics.event_lags.occurred_at IS 'When it happened.';

COMMENT ON COLUMN analytics.event_lags.received_at IS 'When its first live copy was received.';

COMMENT ON COLUMN analytics.event_lags.lag_seconds IS 'From one to the other, in seconds; negative where clocks differ.';

CREATE VIEW analytics.fct_joins WITH (security_barrier='true') AS
 SELECT p.space AS space_id,
    u.user_name AS member_id,
    u.user_type AS member_type,
    j.joined_at,
    j.activity_date,
    j.left_at,
    (EXISTS ( SELECT
           FROM public.rollup_activity a
          WHERE ((a.space_id = j.space_id) AND (a.user_id = j.user_id) AND (a.activity_date >= j.activity_date) AND (a.activity_date <= (j.activity_date + 7)) AND ((a.messages + a.given) > 0) AND (((a.activity_date > j.activity_date) AND (a.activity_date < (j.activity_date + 7))) OR (EXISTS ( SELECT
                   FROM (public.events e
                     JOIN public.event_types t ON ((t.id = e.type_id)))
                  WHERE ((e.space_id = j.space_id) AND (e.actor_id = j.user_id) AND (t.kind = ANY (ARRAY['message'::text, 'reaction'::text])) AND (t.verb = 'created'::text) AND (e.event_time >= GREATEST(public.day_start(a.activity_date, j.zone), j.joined_at)) AND (e.event_time < LEAST(public.day_start((a.activity_date + 1), j.zone), (j.joined_at + '168:00:00'::interval)))))))))) AS is_active_7d,
    ( SELECT min(e.event_time) AS min
           FROM ((( SELECT a_1.activity_date
                   FROM public.rollup_activity a_1
                  WHERE ((a_1.space_id = j.space_id) AND (a_1.user_id = j.user_id) AND (a_1.activity_date >= j.activity_date) AND (a_1.messages > 0))
                  ORDER BY a_1.activity_date
                 LIMIT 2) a
             JOIN public.events e ON (((e.event_time >= GREATEST(public.day_start(a.activity_date, j.zone), j.joined_at)) AND (e.event_time < LEAST(public.day_start((a.activity_date + 1), j.zone), j.left_at)))))
             JOIN public.event_types t ON ((t.id = e.type_id)))
          WHERE ((e.space_id = j.space_id) AND (e.actor_id = j.user_id) AND (t.kind = 'message'::text) AND (t.verb = 'created'::text))) AS first_post_at,
    ( SELECT min(r.finished_at) AS min
           FROM public.reactor_runs r
          WHERE ((r.member = u.user_name) AND (NOT (r.space IS DISTINCT FROM p.space)) AND (r.trigger = 'member.joined'::text) AND (NOT r.shadow) AND (r.outcome = ANY (ARRAY['sent'::text, 'collapsed'::text])) AND (r.event_time >= j.joined_at) AND (r.event_time < COALESCE(j.left_at, 'infinity'::timestamp with time zone)))) AS welcomed_at
   FROM ((( SELECT s.space_id,
            s.user_id,
            s.known_at AS joined_at,
            s.left_at,
            r.zone,
            ((s.known_at AT TIME ZONE r.zone))::date AS activity_date
           FROM (public.rollup_stays s
             CROSS JOIN ( SELECT reporting.zone
                   FROM public.reporting
                 LIMIT 1) r)
          WHERE s.joined) j
     JOIN public.readable_spaces p ON ((p.id = j.space_id)))
     JOIN public.users u ON ((u.id = j.user_id)));

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

CREATE VIEW analytics.fct_membership_changes WITH (security_barrier='true') AS
 WITH known AS (
         SELECT p.space,
            m.member,
            c.space_id,
            c.membership,
            c.event_time,
            c.event_key,
            c.ordinal,
            c.verb_order,
            c.verb,
            c.state,
            c.role,
            c.origin,
            c.member_type,
            lead(c.verb) OVER w AS next_verb,
            lead(c.state) OVER w AS next_state,
            lead(c.event_time) OVER w AS next_time
           FROM ((public.stored_membership_changes c
             JOIN public.readable_spaces p ON (((p.id = c.space_id) AND (c.event_time <= COALESCE(p.deleted_at, 'infinity'::timestamp with time zone)))))
             LEFT JOIN public.stored_memberships m ON (((m.space_id = c.space_id) AND (m.membership = c.membership))))
          WINDOW w AS (PARTITION BY p.space, c.space_id, c.membership, (c.state IS NULL) ORDER BY c.event_time, c.verb_order, c.event_key, c.ordinal)
        ), told AS (
         SELECT known.space,
            known.member,
            known.event_time,
            known.verb,
            known.state,
            known.role,
            known.origin,
            known.member_type,
            (known.state = 'JOINED'::text) AS inside,
            lag(known.state) OVER w AS old_state,
            lag(known.role) OVER w AS old_role
           FROM known
          WHERE (NOT (((known.origin = 's'::"char") AND (known.state = 'JOINED'::text) AND (known.next_verb = 'created'::text) AND (known.next_state = 'JOINED'::text) AND (known.next_time < (known.event_time + '00:10:00'::interval))) IS TRUE))
          WINDOW w AS (PARTITION BY known.space, known.space_id, known.membership, (known.state IS NULL) ORDER BY known.event_time, known.verb_order, known.event_key, known.ordinal)
        )
 SELECT t.space AS space_id,
    t.member AS member_id,
    COALESCE(t.member_type, u.user_type) AS member_type,
    t.event_time AS changed_at,
    ((t.event_time AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date,
        CASE
            WHEN (t.inside AND ((t.old_state <> 'JOINED'::text) OR ((t.old_state IS NULL) AND (t.verb = 'created'::text)))) THEN 'joined'::text
            WHEN ((NOT t.inside) AND ((t.old_state = 'JOINED'::text) OR ((t.old_state IS NULL) AND (t.verb = 'deleted'::text)))) THEN 'left'::text
            WHEN ((t.state = 'INVITED'::text) AND (t.old_state IS DISTINCT FROM 'INVITED'::text)) THEN 'invited'::text
            WHEN (t.inside AND (t.role <> t.old_role)) THEN 'role_changed'::text
            ELSE 'other'::text
        END AS change,
    t.role,
        CASE t.origin
            WHEN 'l'::"char" THEN 'live'::text
            WHEN 'b'::"char" THEN 'backfill'::text
            ELSE 'list'::text
        END AS source
   FROM (told t
     LEFT JOIN public.users u ON ((u.user_name = t.member)));

COMMENT ON VIEW analytics.fct_membership_changes IS 'Every change of a membership that an event or a list of members told. Those that joined are the begins of the stays in fct_memberships, those that left their ends, but for the end that the deletion of a space brings.';

COMMENT ON COLUMN analytics.fct_membership_changes.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.fct_membership_changes.member_id IS 'users/U, or groups/G for a Google Group; null if nothing told whose membership it is.';

COMMENT ON COLUMN analytics.fct_membership_changes.member_type IS 'HUMAN or BOT; null if unknown, and for a Google Group.';

COMMENT ON COLUMN analytics.fct_membership_changes.changed_at IS 'When it happened. What only a list told has the time of the list: it happened before.';

COMMENT ON COLUMN analytics.fct_membership_changes.activity_date IS 'Day of changed_at in the reporting zone.';

COMMENT ON COLUMN analytics.fct_membership_changes.change IS 'joined (was outside before), left (was inside before), role_changed, invited, or other: nothing of these, or unknown.';

COMMENT ON COLUMN analytics.fct_membership_changes.role IS 'ROLE_MEMBER, ROLE_MANAGER, … after the change; null if unknown or not a member.';

COMMENT ON COLUMN analytics.fct_membership_changes.source IS 'live: seen as it happened. backfill: the event was fetched later. list: only Google''s list of members showed it.';

CREATE VIEW public.membership_intervals AS
 WITH known AS (
         SELECT p.space,
            p.deleted_at,
            m.member,
            m.role,
            m.affiliation,
            c.space_id,
            c.membership,
            c.event_time,
            c.event_key,
            c.ordinal,
            c.verb_order,
            c.verb,
            c.origin,
            (c.state = 'JOINED'::text) AS inside,
            lead(c.verb) OVER w AS next_verb,
            lead(c.state) OVER w AS next_state,
            lead(c.event_time) OVER w AS next_time
           FROM ((public.stored_membership_changes c
             JOIN public.stored_memberships m ON (((m.space_id = c.space_id) AND (m.membership = c.membership))))
             JOIN public.spaces p ON ((p.id = c.space_id)))
          WHERE ((c.state IS NOT NULL) AND (m.member IS NOT NULL))
          WINDOW w AS (PARTITION BY p.space, c.space_id, m.member, c.membership ORDER BY c.event_time, c.verb_order, c.event_key, c.ordinal)
        ), told AS (
         SELECT known.space,
            known.deleted_at,
            known.member,
            known.role,
            known.affiliation,
            known.space_id,
            known.membership,
            known.event_time,
            known.event_key,
            known.ordinal,
            known.verb_order,
            known.verb,
            known.inside,
            lag(known.inside) OVER w AS was_inside
           FROM known
          WHERE (NOT (((known.origin = 's'::"char") AND known.inside AND (known.next_verb = 'created'::text) AND (known.next_state = 'JOINED'::text) AND (known.next_time < (known.event_time + '00:10:00'::interval))) IS TRUE))
          WINDOW w AS (PARTITION BY known.space, known.space_id, known.member, known.membership ORDER BY known.event_time, known.verb_order, known.event_key, known.ordinal)
        ), turns AS (
         SELECT told.space,
            told.deleted_at,
            told.member,
            told.role,
            told.affiliation,
            told.space_id,
            told.membership,
            told.event_time,
            told.verb,
            told.inside,
            told.was_inside,
            lead(told.event_time) OVER (PARTITION BY told.space, told.space_id, told.member, told.membership ORDER BY told.event_time, told.verb_order, told.event_key, told.ordinal) AS next_time
           FROM told
          WHERE ((told.was_inside IS NULL) OR (told.was_inside <> told.inside))
        )
 SELECT turns.space,
    turns.member,
        CASE
            WHEN (turns.inside AND ((turns.was_inside IS NOT NULL) OR (turns.verb = 'created'::text))) THEN turns.event_time
            ELSE NULL::timestamp with time zone
        END AS joined_at,
    LEAST(
        CASE
            WHEN turns.inside THEN turns.next_time
            ELSE turns.event_time
        END, turns.deleted_at) AS left_at,
    public.full_name(turns.membership, (turns.space || '/members'::text)) AS membership,
    turns.event_time AS known_at,
    turns.space_id,
        CASE
            WHEN (turns.inside AND (turns.next_time IS NULL) AND (turns.deleted_at IS NULL)) THEN turns.role
            ELSE NULL::text
        END AS role,
        CASE
            WHEN (turns.inside AND (turns.next_time IS NULL) AND (turns.deleted_at IS NULL)) THEN turns.affiliation
            ELSE NULL::text
        END AS affiliation
   FROM turns
  WHERE ((turns.inside OR ((turns.was_inside IS NULL) AND (turns.verb = 'deleted'::text))) AND (turns.event_time <= COALESCE(turns.deleted_at, 'infinity'::timestamp with time zone)));

COMMENT ON VIEW public.membership_intervals IS 'Who was in which space from when to when. joined_at is null for members from before recording began, left_at for those who are in the space now. Where a space was deleted, all of them end. What only a list told has the time of the list.';

COMMENT ON COLUMN public.membership_intervals.space IS 'spaces/S';

COMMENT ON COLUMN public.membership_intervals.member IS 'Whose it is: users/U, or groups/G for a Google Group; null if no event told and the name does not either.';

COMMENT ON COLUMN public.membership_intervals.joined_at IS 'Null for members from before recording began.';

COMMENT ON COLUMN public.membership_intervals.left_at IS 'Null for those who are in the space now.';

COMMENT ON COLUMN public.membership_intervals.membership IS '/M stands for spaces/S/members/M, which is all that a deletion tells. M is the number of a user; of a Google Group group-G, or another id.';

COMMENT ON COLUMN public.membership_intervals.known_at IS 'Since when it is known: joined_at, or the first event of a member from before.';

COMMENT ON COLUMN public.membership_intervals.space_id IS 'spaces.id';

COMMENT ON COLUMN public.membership_intervals.role IS 'Of those who are in the space now; null if unknown.';

COMMENT ON COLUMN public.membership_intervals.affiliation IS 'Of those who are in the space now: INTERNAL, EXTERNAL, …; null if unknown.';

CREATE VIEW analytics.fct_memberships WITH (security_barrier='true') AS
 SELECT p.space AS space_id,
    i.member AS member_id,
    u.user_type AS member_type,
        CASE
            WHEN (i.affiliation = ANY (ARRAY['EXTERNAL'::text, 'MANAGED_EXTERNAL'::text])) THEN 'external'::text
            WHEN (i.affiliation = 'INTERNAL'::text) THEN 'internal'::text
            ELSE 'unknown'::text
        END AS affiliation,
    i.role,
    i.joined_at,
    i.left_at,
    i.known_at
   FROM ((public.membership_intervals i
     JOIN public.readable_spaces p ON ((p.space = i.space)))
     LEFT JOIN public.users u ON ((u.user_name = i.member)));

COMMENT ON VIEW analytics.fct_memberships IS 'Who was in which space from when to when: a row for each stay. Members at a time t: known_at <= t AND (left_at > t OR left_at IS NULL). Those who are in a space through a Google Group are not among them, the group is.';

COMMENT ON COLUMN analytics.fct_memberships.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.fct_memberships.member_id IS 'users/U, or groups/G for a Google Group.';

COMMENT ON COLUMN analytics.fct_memberships.member_type IS 'HUMAN or BOT; null if unknown, and for a Google Group.';

COMMENT ON COLUMN analytics.fct_memberships.affiliation IS 'internal, external (outside of the organization) or unknown, as for all who have left: Google tells it of present members only.';

COMMENT ON COLUMN analytics.fct_memberships.role IS 'ROLE_MEMBER, ROLE_MANAGER, … now; null if unknown, or if the member has left.';

COMMENT ON COLUMN analytics.fct_memberships.joined_at IS 'When the stay began; null for members from before recording began.';

COMMENT ON COLUMN analytics.fct_memberships.left_at IS 'When it ended; null for those who are in the space now. The deletion of the space ends all.';

COMMENT ON COLUMN analytics.fct_memberships.known_at IS 'Since when it is known: joined_at, or when a member from before was first seen. What only a list of members told has the time of the list.';

CREATE VIEW analytics.fct_mentions WITH (security_barrier='true') AS
 SELECT public.full_name(m.name, (p.space || '/messages'::text)) AS message_id,
    p.space AS space_id,
        CASE
            WHEN (i.user_id <> 'all'::text) THEN ('users/'::text || ltrim(i.user_id, '+'::text))
            ELSE NULL::text
        END AS member_id,
    u.user_name AS mentioned_by,
        CASE
            WHEN (i.user_id = 'all'::text) THEN 'all'::text
            WHEN (i.user_id ~~ '+%'::text) THEN 'add'::text
            ELSE 'mention'::text
        END AS mention_type,
    m.create_time AS sent_at,
    ((m.create_time AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date
   FROM (((public.stored_messages m
     CROSS JOIN LATERAL unnest(string_to_array(m.mentions, ' '::text)) i(user_id))
     JOIN public.readable_spaces p ON ((p.id = m.space_id)))
     LEFT JOIN public.users u ON ((u.id = m.sender_id)))
  WHERE ((m.mentions IS NOT NULL) AND (m.create_time >= '2015-01-01 00:00:00+00'::timestamp with time zone));

COMMENT ON VIEW analytics.fct_mentions IS 'Who is mentioned in a message as it is now, each once. Those of a deleted message are dropped with its text.';

COMMENT ON COLUMN analytics.fct_mentions.message_id IS 'spaces/S/messages/M';

COMMENT ON COLUMN analytics.fct_mentions.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.fct_mentions.member_id IS 'users/U: who is mentioned; null for @all.';

COMMENT ON COLUMN analytics.fct_mentions.mentioned_by IS 'users/U: who sent the message; null if unknown.';

COMMENT ON COLUMN analytics.fct_mentions.mention_type IS 'mention; add, which brought the person or app into the space; or all, which means everybody there.';

COMMENT ON COLUMN analytics.fct_mentions.sent_at IS 'When the message was sent.';

COMMENT ON COLUMN analytics.fct_mentions.activity_date IS 'Day of sent_at in the reporting zone.';

CREATE VIEW analytics.fct_message_versions WITH (security_barrier='true') AS
 SELECT public.full_name(v.name, (p.space || '/messages'::text)) AS message_id,
    p.space AS space_id,
    v.version_time AS version_at,
    v.is_current,
        CASE
            WHEN (v.payload_as_of IS NULL) THEN 'live'::text
            ELSE 'backfill'::text
        END AS source,
    (v.attachments)::integer AS attachments,
    char_length(v.text) AS characters,
        CASE
            WHEN ( SELECT reader_rights.content
               FROM public.reader_rights) THEN v.text
            ELSE NULL::text
        END AS text
   FROM (( SELECT r.version_time,
            r.payload_as_of,
            r.space_id,
            r.attachments,
            r.name,
            r.text,
            false AS is_current
           FROM public.stored_revisions r
          WHERE ((( SELECT true
                   FROM public.stored_revisions o
                  WHERE ((o.space_id = r.space_id) AND (o.name = r.name) AND (o.version_time = r.version_time) AND (o.text = r.text) AND (NOT (o.attachments IS DISTINCT FROM r.attachments)) AND (ROW(COALESCE(o.payload_as_of, '-infinity'::timestamp with time zone), o.version_key) < ROW(COALESCE(r.payload_as_of, '-infinity'::timestamp with time zone), r.version_key)))
                 LIMIT 1) IS NULL) AND (( SELECT true
                   FROM public.stored_messages m
                  WHERE ((split_part(m.name, '.'::text, 1) = split_part(r.name, '.'::text, 1)) AND (m.space_id = r.space_id) AND (m.name = r.name) AND (m.version_time = r.version_time) AND (m.text = r.text) AND (NOT (m.attachments IS DISTINCT FROM r.attachments)))
                 LIMIT 1) IS NULL))
        UNION ALL
         SELECT stored_messages.version_time,
            stored_messages.payload_as_of,
            stored_messages.space_id,
            stored_messages.attachments,
            stored_messages.name,
            stored_messages.text,
            true
           FROM public.stored_messages
          WHERE (stored_messages.text IS NOT NULL)) v
     JOIN public.readable_spaces p ON ((p.id = v.space_id)));

COMMENT ON VIEW analytics.fct_message_versions IS 'Every version of every message: what it said, and until when. Earlier ones are found by version_at; of current ones, all are read.';

COMMENT ON COLUMN analytics.fct_message_versions.message_id IS 'spaces/S/messages/M';

COMMENT ON COLUMN analytics.fct_message_versions.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.fct_message_versions.version_at IS 'When it was sent or edited so.';

COMMENT ON COLUMN analytics.fct_message_versions.is_current IS 'Whether it is what the message says now; false for all versions of a deleted message.';

COMMENT ON COLUMN analytics.fct_message_versions.source IS 'live: seen as it happened. backfill: fetched later; what it said before, if it was edited more than once in between, is unknown.';

COMMENT ON COLUMN analytics.fct_message_versions.attachments IS 'How many attachments it had.';

COMMENT ON COLUMN analytics.fct_message_versions.characters IS 'Length of its text in characters.';

COMMENT ON COLUMN analytics.fct_message_versions.text IS 'What it said. Null for all who are not granted the role spacekeeper_content (the owner, where there is no such role).';

CREATE TABLE public.stored_messages_unplaced (
    create_time timestamp with time zone NOT NULL,
    version_time timestamp with time zone NOT NULL,
    event_time timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    edited_at timestamp with time zone,
    payload_as_of timestamp with time zone,
    version_key uuid NOT NULL,
    space_id integer NOT NULL,
    sender_id integer,
    verb_order smallint NOT NULL,
    attachments smallint,
    name text NOT NULL COLLATE pg_catalog."C",
    thread text COLLATE pg_catalog."C",
    quoted text COLLATE pg_catalog."C",
    deletion_type text COLLATE pg_catalog."C",
    mentions text COLLATE pg_catalog."C",
    text text,
    CONSTRAINT stored_messages_deleted_check CHECK (((deleted_at IS NULL) OR ((text IS NULL) AND (attachments IS NULL) AND (mentions IS NULL))))
)
WITH (fillfactor='90');

CREATE VIEW analytics.fct_messages WITH (security_barrier='true') AS
 SELECT public.full_name(m.name, (p.space || '/messages'::text)) AS message_id,
    p.space AS space_id,
    u.user_name AS member_id,
    u.user_type AS sender_type,
    m.sent_at,
    ((m.sent_at AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date,
    public.full_name(
        CASE m.thread
            WHEN ''::text THEN split_part(m.name, '.'::text, 1)
            ELSE m.thread
        END, (p.space || '/threads'::text)) AS thread_id,
        CASE
            WHEN public.is_threaded(p.threading_state, p.space_type) THEN (NOT public.is_reply(m.name, m.thread))
            ELSE NULL::boolean
        END AS is_root,
        CASE
            WHEN public.is_threaded(p.threading_state, p.space_type) THEN public.is_reply(m.name, m.thread)
            ELSE NULL::boolean
        END AS is_reply,
        CASE
            WHEN (m.edited_at IS NOT NULL) THEN true
            WHEN (m.text IS NOT NULL) THEN false
            WHEN (m.deleted_at IS NOT NULL) THEN ( SELECT false
               FROM public.stored_revisions r
              WHERE ((r.space_id = m.space_id) AND (r.name = m.name))
             LIMIT 1)
            ELSE NULL::boolean
        END AS is_edited,
    m.edited_at,
    m.deleted_at,
    lower(replace(m.deletion_type, '_VIA_APP'::text, ''::text)) AS deletion_class,
        CASE
            WHEN (m.text IS NOT NULL) THEN COALESCE(cardinality(string_to_array(m.mentions, ' '::text)), 0)
            ELSE NULL::integer
        END AS mentions,
    (m.attachments)::integer AS attachments,
    char_length(m.text) AS characters,
    public.full_name(m.quoted, (p.space || '/messages'::text)) AS quoted_message_id,
        CASE
            WHEN ( SELECT reader_rights.content
               FROM public.reader_rights) THEN m.text
            ELSE NULL::text
        END AS text
   FROM ((( SELECT stored_messages.create_time AS sent_at,
            stored_messages.edited_at,
            stored_messages.deleted_at,
            stored_messages.space_id,
            stored_messages.sender_id,
            stored_messages.attachments,
            stored_messages.name,
            stored_messages.thread,
            stored_messages.quoted,
            stored_messages.deletion_type,
            stored_messages.mentions,
            stored_messages.text
           FROM public.stored_messages
          WHERE (stored_messages.create_time >= '2015-01-01 00:00:00+00'::timestamp with time zone)
        UNION ALL
         SELECT NULL::timestamp with time zone,
            stored_messages_unplaced.edited_at,
            stored_messages_unplaced.deleted_at,
            stored_messages_unplaced.space_id,
            stored_messages_unplaced.sender_id,
            stored_messages_unplaced.attachments,
            stored_messages_unplaced.name,
            stored_messages_unplaced.thread,
            stored_messages_unplaced.quoted,
            stored_messages_unplaced.deletion_type,
            stored_messages_unplaced.mentions,
            stored_messages_unplaced.text
           FROM public.stored_messages_unplaced) m
     JOIN public.readable_spaces p ON ((p.id = m.space_id)))
     LEFT JOIN public.users u ON ((u.id = m.sender_id)));

COMMENT ON VIEW analytics.fct_messages IS 'Every message as it is now, deleted ones included. Ask by sent_at: what is told by time alone, or by time and space, is found without reading all.';

COMMENT ON COLUMN analytics.fct_messages.message_id IS 'spaces/S/messages/M, Google''s name of the message.';

COMMENT ON COLUMN analytics.fct_messages.space_id IS 'spaces/S: where it was sent.';

COMMENT ON COLUMN analytics.fct_messages.member_id IS 'users/U: who sent it; null if unknown.';

COMMENT ON COLUMN analytics.fct_messages.sender_type IS 'HUMAN or BOT; null if unknown: it counts in totals only.';

COMMENT ON COLUMN analytics.fct_messages.sent_at IS 'When it was sent; null if only its name is known, as for a while where events hold names only.';

COMMENT ON COLUMN analytics.fct_messages.activity_date IS 'Day of sent_at in the reporting zone.';

COMMENT ON COLUMN analytics.fct_messages.thread_id IS 'spaces/S/threads/T; null if unknown. In spaces without threads each message may have its own.';

COMMENT ON COLUMN analytics.fct_messages.is_root IS 'Whether it is the first message of its thread. Null in direct messages, group chats and flat spaces, and where nothing told whether the space has threads.';

COMMENT ON COLUMN analytics.fct_messages.is_reply IS 'Whether it answers in a thread: the opposite of is_root, and null where that is.';

COMMENT ON COLUMN analytics.fct_messages.is_edited IS 'Whether it was ever edited, or updated by an app, as for the preview of a link; null if its content is unknown. Of a deleted message as far as its earlier versions were seen.';

COMMENT ON COLUMN analytics.fct_messages.edited_at IS 'When it was last edited; null if it was not.';

COMMENT ON COLUMN analytics.fct_messages.deleted_at IS 'When it was deleted; null while it exists.';

COMMENT ON COLUMN analytics.fct_messages.deletion_class IS 'Who deleted it: creator, space_owner, admin, app_message_expiry, space_member or what Google adds, with an app or without; null if it exists or if nothing told it. Google never tells which person it was.';

COMMENT ON COLUMN analytics.fct_messages.mentions IS 'How many people and apps its text mentions, each once; @all is one. Null if its content is unknown or deleted.';

COMMENT ON COLUMN analytics.fct_messages.attachments IS 'How many attachments it has; null if its content is unknown or deleted.';

COMMENT ON COLUMN analytics.fct_messages.characters IS 'Length of its text in characters; null if its content is unknown or deleted.';

COMMENT ON COLUMN analytics.fct_messages.quoted_message_id IS 'spaces/S/messages/M that it quotes; null if it quotes none, or if nothing told it.';

COMMENT ON COLUMN analytics.fct_messages.text IS 'Its text now. Null if it is unknown or deleted, and for all who are not granted the role spacekeeper_content (the owner, where there is no such role).';

CREATE VIEW analytics.fct_reactions WITH (security_barrier='true') AS
 SELECT public.full_name(r.reaction, (public.full_name(r.message, (p.space || '/messages'::text)) || '/reactions'::text)) AS reaction_id,
    public.full_name(r.message, (p.space || '/messages'::text)) AS message_id,
    p.space AS space_id,
    u.user_name AS member_id,
    u.user_type AS member_type,
    r.emoji,
    public.folded_emoji(r.emoji) AS emoji_folded,
    r.added_at,
    r.removed_at,
    r.present AS is_present,
    ((r.added_at AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date
   FROM ((public.stored_reactions r
     JOIN public.readable_spaces p ON ((p.id = r.space_id)))
     LEFT JOIN public.users u ON ((u.id = r.user_id)));

COMMENT ON VIEW analytics.fct_reactions IS 'Every reaction that ever was. The same emoji of the same person, taken back and given again, is one row.';

COMMENT ON COLUMN analytics.fct_reactions.reaction_id IS 'spaces/S/messages/M/reactions/R';

COMMENT ON COLUMN analytics.fct_reactions.message_id IS 'spaces/S/messages/M: what it is on.';

COMMENT ON COLUMN analytics.fct_reactions.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.fct_reactions.member_id IS 'users/U: who reacted; null if unknown.';

COMMENT ON COLUMN analytics.fct_reactions.member_type IS 'HUMAN or BOT; null if unknown.';

COMMENT ON COLUMN analytics.fct_reactions.emoji IS 'The character, or the short name of a custom emoji; null if unknown.';

COMMENT ON COLUMN analytics.fct_reactions.emoji_folded IS 'The same without the tone of its skin: all thumbs are one.';

COMMENT ON COLUMN analytics.fct_reactions.added_at IS 'When it was last added; null if only its removal was seen.';

COMMENT ON COLUMN analytics.fct_reactions.removed_at IS 'When it was last taken back; null if never. Older than added_at if it was given again.';

COMMENT ON COLUMN analytics.fct_reactions.is_present IS 'Whether it is there now.';

COMMENT ON COLUMN analytics.fct_reactions.activity_date IS 'Day of added_at in the reporting zone.';

CREATE VIEW analytics.fct_reactor_runs WITH (security_barrier='true') AS
 SELECT r.id AS run_id,
    r.reactor,
    r.step_id,
    NULLIF(r.space, ''::text) AS space_id,
    NULLIF(r.member, ''::text) AS member_id,
    r.trigger,
    r.event_time AS triggered_at,
    ((r.event_time AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date,
    r.due_at,
    r.finished_at,
    r.outcome,
    r.shadow AS is_shadow
   FROM (public.reactor_runs r
     LEFT JOIN public.readable_spaces p ON ((p.space = r.space)))
  WHERE ((p.space IS NOT NULL) OR ( SELECT reader_rights.all_spaces
           FROM public.reader_rights));

COMMENT ON VIEW analytics.fct_reactor_runs IS 'What rules wanted done, a row for each step, and how it ended. Those that ended without being sent are kept for 60 days, and of many that a condition ended only a sample: they are no counts.';

COMMENT ON COLUMN analytics.fct_reactor_runs.run_id IS 'Number of the run.';

COMMENT ON COLUMN analytics.fct_reactor_runs.reactor IS 'Id of the rule.';

COMMENT ON COLUMN analytics.fct_reactor_runs.step_id IS 'Step of the rule''s sequence; empty without one.';

COMMENT ON COLUMN analytics.fct_reactor_runs.space_id IS 'spaces/S: where the event happened; null for none.';

COMMENT ON COLUMN analytics.fct_reactor_runs.member_id IS 'users/U: whom the event is about; null for nobody.';

COMMENT ON COLUMN analytics.fct_reactor_runs.trigger IS 'member.joined and so on.';

COMMENT ON COLUMN analytics.fct_reactor_runs.triggered_at IS 'Time of the newest event that asked for it.';

COMMENT ON COLUMN analytics.fct_reactor_runs.activity_date IS 'Day of triggered_at in the reporting zone.';

COMMENT ON COLUMN analytics.fct_reactor_runs.due_at IS 'When it was due.';

COMMENT ON COLUMN analytics.fct_reactor_runs.finished_at IS 'When it ended; null while it is pending or unclear.';

COMMENT ON COLUMN analytics.fct_reactor_runs.outcome IS 'pending, unclear, sent, shadow (would have been sent), collapsed, condition_false, left, stopped, quiet, rate_limited, loop, too_old, cancelled or failed.';

COMMENT ON COLUMN analytics.fct_reactor_runs.is_shadow IS 'Planned in shadow mode: nothing was sent.';

CREATE VIEW analytics.metric_definitions WITH (security_barrier='true') AS
 SELECT d.metric,
    d.section,
    d.title,
    d.definition,
    d.unit,
    d.direction,
    d.denominator,
    d.needs,
    d.has_series
   FROM ( VALUES ('members'::text,'growth'::text,'Members'::text,'People who are in the space, or in any, at the end of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('joins'::text,'growth'::text,'Joins'::text,'How often somebody became a member of a space in the window; a return counts again.'::text,'joins'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('leaves'::text,'growth'::text,'Leaves'::text,'How often somebody stopped being a member of a space in the window.'::text,'leaves'::text,'down'::text,NULL::text,'agg_summary_daily'::text,true), ('net_growth'::text,'growth'::text,'Net growth'::text,'Joins less leaves.'::text,'joins'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('churn'::text,'growth'::text,'Churn'::text,'Leaves in the window for each member at its begin.'::text,'ratio'::text,'down'::text,'members at the begin of the window'::text,'agg_summary_daily of the day before the window'::text,false), ('tenure_at_leave'::text,'growth'::text,'Median tenure at leave'::text,'Half of those who left in the window had been members for less than this.'::text,'seconds'::text,'up'::text,'leaves of those whose joining is known'::text,'agg_memberships'::text,false), ('activation_7d'::text,'growth'::text,'First-week activation'::text,'Joins followed within 7 days by a message or a reaction in that space.'::text,'ratio'::text,'up'::text,'joins at least 7 days ago'::text,'fct_joins'::text,false), ('time_to_first_post'::text,'growth'::text,'Time to first post'::text,'Half of those who joined in the window and wrote in that space since did so sooner than this after joining; read it beside activation_7d.'::text,'seconds'::text,'down'::text,'joins followed by a message'::text,'fct_joins'::text,false), ('new_contributors'::text,'growth'::text,'New contributors'::text,'People whose first message ever recorded is of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_activity_member_daily or agg_activity_daily; a past that was recorded or backfilled'::text,false), ('reactivated'::text,'growth'::text,'Reactivated'::text,'People who wrote in the window, and before it, but not in the 90 days before it.'::text,'people'::text,'up'::text,NULL::text,'agg_activity_member_daily or agg_activity_daily; 90 days before the window'::text,false), ('lost_regulars'::text,'growth'::text,'Lost regulars'::text,'People with at least 4 messages in the 90 days before the window and none in it.'::text,'people'::text,'down'::text,NULL::text,'agg_activity_member_daily or agg_activity_daily; a window of at least 28 days and 90 days before it'::text,false), ('net_active_change'::text,'growth'::text,'Net active change'::text,'New contributors and reactivated, less lost regulars.'::text,'people'::text,'up'::text,NULL::text,'the same as lost_regulars'::text,false), ('retention'::text,'growth'::text,'Retention'::text,'Share of those who joined in a week who were active in the n-th week after.'::text,'ratio'::text,'up'::text,'joiners of the week'::text,'agg_retention_weekly; a table, not in metrics()'::text,false), ('dau'::text,'activity'::text,'DAU'::text,'People with a message or a reaction on the last day of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('wau'::text,'activity'::text,'WAU'::text,'People with a message or a reaction in the 7 days up to the end of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('mau'::text,'activity'::text,'MAU'::text,'People with a message or a reaction in the 28 days up to the end of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('posting_1d'::text,'activity'::text,'People posting, a day'::text,'People with a message on the last day of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('posting_7d'::text,'activity'::text,'People posting, 7 days'::text,'People with a message in the 7 days up to the end of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('posting_28d'::text,'activity'::text,'People posting, 28 days'::text,'People with a message in the 28 days up to the end of the window.'::text,'people'::text,'up'::text,NULL::text,'agg_summary_daily'::text,true), ('stickiness'::text,'activity'::text,'Stickiness'::text,'Mean over the window''s days of DAU divided by MAU; days that go on or were not watched are left out.'::text,'ratio'::text,'up'::text,'days with a MAU'::text,'agg_summary_daily'::text,true), ('messages'::text,'activity'::text,'Messages'::text,'Messages that people sent in the window, deleted ones included.'::text,'messages'::text,'context'::text,NULL::text,'agg_summary_daily'::text,true), ('messages_app'::text,'activity'::text,'Messages of apps'::text,'Messages that apps sent in the window, deleted ones included.'::text,'messages'::text,'context'::text,NULL::text,'agg_summary_daily'::text,true), ('messages_per_poster'::text,'activity'::text,'Messages per poster'::text,'People''s messages in the window for each person who wrote any.'::text,'messages per person'::text,'context'::text,'people who wrote in the window'::text,'agg_activity_member_daily or agg_activity_daily'::text,true), ('median_messages_per_poster'::text,'activity'::text,'Median messages per poster'::text,'Half of the people who wrote in the window wrote fewer messages than this.'::text,'messages per person'::text,'context'::text,'people who wrote in the window'::text,'agg_activity_member_daily or agg_activity_daily'::text,false), ('active_spaces'::text,'activity'::text,'Active spaces'::text,'Spaces with a message of a person in the window.'::text,'spaces'::text,'up'::text,NULL::text,'agg_summary_daily'::text,false), ('returning_posters'::text,'activity'::text,'Returning posters'::text,'Share of the people who wrote in the window who also wrote in the window of equal length before it.'::text,'ratio'::text,'up'::text,'people who wrote in the window'::text,'agg_activity_member_daily or agg_activity_daily of both windows'::text,false), ('silent_members'::text,'activity'::text,'Silent members'::text,'Share of the people who have been members for 28 days at the end of the window who neither wrote nor reacted in these 28 days.'::text,'ratio'::text,'down'::text,'members for at least 28 days'::text,'agg_memberships, agg_activity_member_daily or agg_activity_daily'::text,false), ('heatmap'::text,'activity'::text,'Heatmap'::text,'People''s messages by weekday and hour of the reporting zone, the mean of the hours in the window.'::text,'messages per hour'::text,'context'::text,'hours of complete days that were watched'::text,'function heatmap(); a table, not in metrics()'::text,false), ('out_of_hours_share'::text,'activity'::text,'Out of hours'::text,'Share of people''s messages that were not sent from 9:00 to 17:00, Monday to Friday, in the reporting zone.'::text,'ratio'::text,'down'::text,'people''s messages'::text,'agg_space_hourly'::text,false), ('top10_share'::text,'activity'::text,'Share of the top 10'::text,'Share of people''s messages that the ten who wrote most sent; above 0.7 the talk depends on few.'::text,'ratio'::text,'down'::text,'people''s messages'::text,'agg_activity_member_daily or agg_activity_daily'::text,false), ('top_emoji'::text,'activity'::text,'Top emoji'::text,'Emoji by how often, and by how many people, they were given as a reaction.'::text,'reactions'::text,'context'::text,NULL::text,'agg_emoji_daily; a table, not in metrics()'::text,false), ('reply_coverage'::text,'conversations'::text,'Reply coverage'::text,'Share of the threads begun by people that another person answered within 7 days; the days of the last 7 are left out.'::text,'ratio'::text,'up'::text,'threads begun by people at least 7 days ago'::text,'agg_response_daily; threaded spaces'::text,true), ('first_response_p50'::text,'conversations'::text,'Time to first response'::text,'Half of the threads that another person answered within 7 days got that answer sooner than this; read it beside reply_coverage.'::text,'seconds'::text,'down'::text,'threads that were answered'::text,'agg_response_daily; threaded spaces'::text,true), ('first_response_p90'::text,'conversations'::text,'Time to first response, 9 of 10'::text,'Nine tenths of the threads that another person answered within 7 days got that answer sooner than this.'::text,'seconds'::text,'down'::text,'threads that were answered'::text,'agg_response_daily; threaded spaces'::text,true), ('unanswered'::text,'conversations'::text,'Unanswered'::text,'Threads begun by people in the window, up to the day before yesterday, that no other person has answered within 7 days; unanswered_threads lists those without any answer now.'::text,'threads'::text,'down'::text,NULL::text,'agg_response_daily; threaded spaces'::text,true), ('response_by_reaction'::text,'conversations'::text,'Response by reaction'::text,'Share of the threads begun by people that no other person answered within 7 days and at least one reacted to; the days of the last 7 are left out.'::text,'ratio'::text,'context'::text,'threads begun by people at least 7 days ago'::text,'agg_response_daily; threaded spaces'::text,true), ('thread_depth'::text,'conversations'::text,'Thread depth'::text,'Threads begun by people by their number of replies: 0, 1, 2, 3 to 5, 6 to 10, 11 and more.'::text,'threads'::text,'context'::text,NULL::text,'agg_response_daily; threaded spaces; a table, not in metrics()'::text,false), ('reactions_per_message'::text,'conversations'::text,'Reactions per message'::text,'Reactions given in the window and still there, for each message of a person.'::text,'reactions per message'::text,'up'::text,'people''s messages'::text,'agg_summary_daily'::text,true), ('most_discussed'::text,'conversations'::text,'Most discussed messages'::text,'Messages that begin a thread, by how many others replied, then by how many reacted.'::text,'people'::text,'context'::text,NULL::text,'top_messages; threaded spaces; a table, not in metrics()'::text,false), ('response_network'::text,'conversations'::text,'Response network'::text,'How often who replied in threads that whom began, in spaces where at least 5 people did.'::text,'replies'::text,'context'::text,NULL::text,'response_network; threaded spaces; a table, not in metrics()'::text,false), ('edit_rate'::text,'conversations'::text,'Edit rate'::text,'Messages sent in the window and edited since, also if they were deleted, for 1,000 messages.'::text,'per 1000'::text,'context'::text,'messages, apps'' included'::text,'agg_summary_daily'::text,true), ('delete_rate'::text,'conversations'::text,'Delete rate'::text,'Messages sent in the window and deleted since, for 1,000 messages; fct_messages has the class of each deletion.'::text,'per 1000'::text,'context'::text,'messages, apps'' included'::text,'agg_summary_daily'::text,true), ('welcome_reach'::text,'onboarding'::text,'Welcome reach'::text,'Share of the joins in the window that a rule on member.joined answered with something that was sent.'::text,'ratio'::text,'up'::text,'joins'::text,'fct_joins; a rule on member.joined'::text,false), ('join_to_welcome_p95'::text,'onboarding'::text,'Time to welcome'::text,'Of those who were welcomed, 95 of 100 were sooner than this after joining.'::text,'seconds'::text,'down'::text,'joins that were welcomed'::text,'fct_joins; a rule on member.joined'::text,false), ('welcome_effect_welcomed'::text,'onboarding'::text,'Activation of the welcomed'::text,'First-week activation of those who were welcomed; beside that of others it is a comparison, not a cause.'::text,'ratio'::text,'context'::text,'joins at least 7 days ago that were welcomed'::text,'fct_joins; a rule on member.joined'::text,false), ('welcome_effect_others'::text,'onboarding'::text,'Activation of others'::text,'First-week activation of those who were not welcomed.'::text,'ratio'::text,'context'::text,'joins at least 7 days ago that were not welcomed'::text,'fct_joins; a rule on member.joined'::text,false), ('coverage'::text,'health'::text,'Coverage'::text,'Share of the window in which events were seen, live or by a backfill.'::text,'ratio'::text,'up'::text,'days of the window'::text,'agg_summary_daily'::text,true), ('event_lag_p50'::text,'health'::text,'Event lag'::text,'Half of the live events of the window''s last day were received sooner than this after they happened.'::text,'seconds'::text,'down'::text,'events looked at'::text,'event_lags'::text,false), ('event_lag_p95'::text,'health'::text,'Event lag, 95 of 100'::text,'Of the live events of the window''s last day 95 of 100 were received sooner than this after they happened.'::text,'seconds'::text,'down'::text,'events looked at'::text,'event_lags'::text,false), ('quarantined'::text,'health'::text,'Quarantined'::text,'Messages received in the window that could not be recorded as events; known for all spaces only.'::text,'messages'::text,'down'::text,NULL::text,'quarantined_messages'::text,false)) d(metric, section, title, definition, unit, direction, denominator, needs, has_series);

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

CREATE TABLE public.proof_checkpoints (
    signed_at timestamp with time zone DEFAULT now() NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL
);

COMMENT ON TABLE public.proof_checkpoints IS 'What the log''s key has signed: copies of them are worth more elsewhere.';

COMMENT ON COLUMN public.proof_checkpoints.signed_at IS 'When, by the database''s clock.';

COMMENT ON COLUMN public.proof_checkpoints.size IS 'Number of leaves then.';

COMMENT ON COLUMN public.proof_checkpoints.note IS 'The signed note: origin, size, root, signature.';

CREATE TABLE public.proof_log (
    sealed_at timestamp with time zone,
    size bigint DEFAULT 0 NOT NULL,
    single boolean DEFAULT true NOT NULL,
    edge bytea DEFAULT '\x'::bytea NOT NULL,
    CONSTRAINT proof_log_single_check CHECK (single),
    CONSTRAINT proof_log_size_check CHECK ((size >= 0))
);

COMMENT ON TABLE public.proof_log IS 'One row: how far the tree is.';

COMMENT ON COLUMN public.proof_log.sealed_at IS 'When leaves were last added; null for an empty tree.';

COMMENT ON COLUMN public.proof_log.size IS 'Number of leaves.';

COMMENT ON COLUMN public.proof_log.single IS 'Always true: there is one row.';

COMMENT ON COLUMN public.proof_log.edge IS 'The roots of the largest full subtrees, from left to right: what is needed to add leaves.';

CREATE VIEW analytics.proof WITH (security_barrier='true') AS
 SELECT l.size AS leaves,
    l.edge,
    l.sealed_at,
    ( SELECT c.note
           FROM public.proof_checkpoints c
          ORDER BY c.size DESC
         LIMIT 1) AS checkpoint
   FROM public.proof_log l
  WHERE ( SELECT reader_rights.all_spaces
           FROM public.reader_rights);

COMMENT ON VIEW analytics.proof IS 'How far the log of docs/proof.md is, by which nothing recorded can be changed unseen: one row, for those who see all spaces.';

COMMENT ON COLUMN analytics.proof.leaves IS 'Number of leaves.';

COMMENT ON COLUMN analytics.proof.edge IS 'The roots of the largest full subtrees, from left to right: they make the root.';

COMMENT ON COLUMN analytics.proof.sealed_at IS 'When leaves were last added; null for an empty log.';

COMMENT ON COLUMN analytics.proof.checkpoint IS 'The newest signed checkpoint; null without one.';

CREATE TABLE public.quarantine (
    quarantine_key uuid NOT NULL,
    event_key uuid,
    received_at timestamp with time zone NOT NULL,
    publish_time timestamp with time zone,
    message_id text NOT NULL COLLATE pg_catalog."C",
    ordering_key text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL,
    attributes json NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT quarantine_reason_check CHECK ((reason <> ''::text))
);

COMMENT ON TABLE public.quarantine IS 'Messages that could not be recorded as events, kept whole so that nothing is lost.';

COMMENT ON COLUMN public.quarantine.quarantine_key IS 'Hash of message id, attributes and data: the same message is kept once.';

COMMENT ON COLUMN public.quarantine.event_key IS 'event_key of its ce-id, under which a Chat event would be recorded; null without one.';

COMMENT ON COLUMN public.quarantine.received_at IS 'When this system got the first copy.';

COMMENT ON COLUMN public.quarantine.publish_time IS 'When Pub/Sub took it; null for a backfill.';

COMMENT ON COLUMN public.quarantine.message_id IS 'Pub/Sub message id; empty for a backfill.';

COMMENT ON COLUMN public.quarantine.ordering_key IS 'Pub/Sub ordering key.';

COMMENT ON COLUMN public.quarantine.reason IS 'Short stable code; absurd_time and rejected_by_database are the store''s own, the others the decoder''s.';

COMMENT ON COLUMN public.quarantine.detail IS 'For people: what was wrong. Never message text.';

COMMENT ON COLUMN public.quarantine.attributes IS 'Pub/Sub attributes as received.';

COMMENT ON COLUMN public.quarantine.data IS 'Exactly the bytes received.';

CREATE VIEW analytics.quarantined_messages WITH (security_barrier='true') AS
 SELECT q.received_at,
    ((q.received_at AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date,
    q.reason
   FROM public.quarantine q
  WHERE ( SELECT reader_rights.all_spaces
           FROM public.reader_rights);

COMMENT ON VIEW analytics.quarantined_messages IS 'Messages from Pub/Sub or a backfill that could not be recorded as events, of the last 180 days. Readers of a group see none: nobody can tell which space they are about.';

COMMENT ON COLUMN analytics.quarantined_messages.received_at IS 'When the first copy was received.';

COMMENT ON COLUMN analytics.quarantined_messages.activity_date IS 'Day of received_at in the reporting zone.';

COMMENT ON COLUMN analytics.quarantined_messages.reason IS 'Why: a short stable code.';

CREATE VIEW analytics.response_network WITH (security_barrier='true') AS
 SELECT pairs.month_start,
    pairs.space_id,
    pairs.member_id,
    pairs.author_id,
    pairs.replies
   FROM ( SELECT pairs_1.month_start,
            pairs_1.space_id,
            pairs_1.member_id,
            pairs_1.author_id,
            pairs_1.replies,
            max(pairs_1.rank) OVER (PARTITION BY pairs_1.month_start, pairs_1.space_id) AS repliers
           FROM ( SELECT d.month_start,
                    p.space AS space_id,
                    u.user_name AS member_id,
                    a.user_name AS author_id,
                    count(*) AS replies,
                    dense_rank() OVER (PARTITION BY d.month_start, p.space ORDER BY u.user_name) AS rank
                   FROM (((((( SELECT dim_dates.month_start,
                            min(dim_dates.starts_at) AS starts_at,
                            max(dim_dates.ends_at) AS ends_at
                           FROM analytics.dim_dates
                          GROUP BY dim_dates.month_start) d
                     JOIN public.stored_messages r ON (((r.create_time >= d.starts_at) AND (r.create_time < d.ends_at))))
                     JOIN public.stored_messages m ON (((split_part(m.name, '.'::text, 1) =
                        CASE COALESCE(r.thread, ''::text)
                            WHEN ''::text THEN split_part(r.name, '.'::text, 1)
                            ELSE r.thread
                        END) AND (m.space_id = r.space_id))))
                     JOIN public.readable_spaces p ON ((p.id = r.space_id)))
                     JOIN public.users u ON ((u.id = r.sender_id)))
                     JOIN public.users a ON ((a.id = m.sender_id)))
                  WHERE (public.is_reply(r.name, r.thread) AND (r.deleted_at IS NULL) AND (NOT public.is_reply(m.name, m.thread)) AND (m.deleted_at IS NULL) AND public.is_threaded(p.threading_state, p.space_type) AND (u.user_type = 'HUMAN'::text) AND (a.user_type = 'HUMAN'::text) AND (u.id <> a.id))
                  GROUP BY d.month_start, p.space, u.user_name, a.user_name) pairs_1) pairs
  WHERE (pairs.repliers >= 5);

COMMENT ON VIEW analytics.response_network IS 'Who answered whom: how often a person replied in threads that another began, by month and space. Only of spaces in which at least 5 people replied to others in that month.';

COMMENT ON COLUMN analytics.response_network.month_start IS 'First day of the month of the replies, in the reporting zone.';

COMMENT ON COLUMN analytics.response_network.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.response_network.member_id IS 'users/U: who replied.';

COMMENT ON COLUMN analytics.response_network.author_id IS 'users/U: who began the threads.';

COMMENT ON COLUMN analytics.response_network.replies IS 'How many replies.';

CREATE TABLE public.rollup_changes (
    quarters integer[] NOT NULL,
    space_ids integer[] NOT NULL,
    user_ids integer[] NOT NULL,
    states smallint[] NOT NULL,
    number smallint NOT NULL,
    CONSTRAINT rollup_changes_number_check CHECK ((number = ANY (ARRAY[1, '-1'::integer])))
)
WITH (toast_tuple_target='8160', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='1000');
ALTER TABLE ONLY public.rollup_changes ALTER COLUMN quarters SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.rollup_changes ALTER COLUMN space_ids SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.rollup_changes ALTER COLUMN user_ids SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.rollup_changes ALTER COLUMN states SET STORAGE EXTERNAL;

COMMENT ON TABLE public.rollup_changes IS 'Messages and reactions that came, went or changed since the last pass over the rollups: a row for each statement. What stands at one place of the lists belongs together.';

COMMENT ON COLUMN public.rollup_changes.quarters IS 'When each was sent or added, in quarters of an hour since 1970 (UTC): the hours and days of all zones begin with one.';

COMMENT ON COLUMN public.rollup_changes.space_ids IS 'spaces.id of each.';

COMMENT ON COLUMN public.rollup_changes.user_ids IS 'Who sent each or reacted: users.id; 0 if unknown.';

COMMENT ON COLUMN public.rollup_changes.states IS 'Messages: the sum of 1 for a reply, 2 if it was edited, 4 if it was deleted. Reactions: 8 for one that is there, 9 for one that was removed.';

COMMENT ON COLUMN public.rollup_changes.number IS '1: they are in this state now. -1: they are no longer.';

CREATE TABLE public.rollup_days (
    space_id integer NOT NULL,
    activity_date date NOT NULL,
    parts smallint NOT NULL
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000');

COMMENT ON TABLE public.rollup_days IS 'Days of spaces of which rollups are to be computed anew. Only passes write it.';

COMMENT ON COLUMN public.rollup_days.space_id IS 'spaces.id; 0 for all spaces together.';

COMMENT ON COLUMN public.rollup_days.activity_date IS 'The day, in the reporting zone.';

COMMENT ON COLUMN public.rollup_days.parts IS 'Sum of what has changed: 1 activity, 2 reactions, 4 messages, 8 members, 16 coverage; and of what is due: 32 retention of who joined in the week, 64 to read messages and reactions anew, 128 reactions received.';

CREATE TABLE public.rollup_marks (
    kind "char" NOT NULL,
    id integer NOT NULL,
    from_time timestamp with time zone,
    to_time timestamp with time zone,
    CONSTRAINT rollup_marks_kind_check CHECK ((kind = ANY (ARRAY['c'::"char", 'm'::"char", 's'::"char", 'u'::"char"])))
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000');

COMMENT ON TABLE public.rollup_marks IS 'What else has changed since the last pass, and has to be read anew.';

COMMENT ON COLUMN public.rollup_marks.kind IS 'c: the coverage of a space. m: who was in a space. s: whether a space has threads. u: whether somebody is a person or an app.';

COMMENT ON COLUMN public.rollup_marks.id IS 'spaces.id, 0 for all of them; of u users.id.';

COMMENT ON COLUMN public.rollup_marks.from_time IS 'Of c: since when.';

COMMENT ON COLUMN public.rollup_marks.to_time IS 'Of c: until when.';

CREATE VIEW analytics.rollup_state WITH (security_barrier='true') AS
 SELECT r.rollup,
        CASE
            WHEN (x.rebuild_from IS NULL) THEN x.turned
            ELSE (x.rebuild_from - 1)
        END AS through_date,
        CASE
            WHEN (r.refreshed_at IS NULL) THEN NULL::numeric
            WHEN (w.waiting = 0) THEN (0)::numeric
            ELSE GREATEST((0)::numeric, round(EXTRACT(epoch FROM (now() - r.refreshed_at)), 1))
        END AS behind_seconds,
    w.waiting,
    r.refreshed_at
   FROM ((public.rollup_passes x
     CROSS JOIN LATERAL ( SELECT r_1.rollup,
            r_1.content,
            NULLIF(
                CASE
                    WHEN r_1.content THEN x.content_at
                    ELSE x.refreshed_at
                END, '-infinity'::timestamp with time zone) AS refreshed_at
           FROM ( VALUES ('agg_activity_daily'::text,false), ('agg_activity_member_daily'::text,false), ('agg_emoji_daily'::text,true), ('agg_response_daily'::text,true), ('agg_retention_weekly'::text,false), ('agg_space_hourly'::text,false), ('agg_summary_daily'::text,false), ('coverage'::text,false)) r_1(rollup, content)) r)
     CROSS JOIN LATERAL ( SELECT ((( SELECT COALESCE(sum(cardinality(rollup_changes.quarters)), (0)::bigint) AS "coalesce"
                   FROM public.rollup_changes) + ( SELECT count(*) AS count
                   FROM public.rollup_marks)) + ( SELECT count(*) AS count
                   FROM public.rollup_days d
                  WHERE (r.content OR (((d.parts)::integer & 57) <> 0)))) AS waiting) w);

COMMENT ON VIEW analytics.rollup_state IS 'How far each rollup is.';

COMMENT ON COLUMN analytics.rollup_state.rollup IS 'Name of the view.';

COMMENT ON COLUMN analytics.rollup_state.through_date IS 'The newest day that it has, in the reporting zone; while it is being rebuilt, the last day that is done. Null before the first pass.';

COMMENT ON COLUMN analytics.rollup_state.behind_seconds IS 'For how long what waits may have waited; 0 if nothing does, null before the first pass. Up to a minute too much after a quiet time.';

COMMENT ON COLUMN analytics.rollup_state.waiting IS 'How many changes, and days of spaces, are to be taken up.';

COMMENT ON COLUMN analytics.rollup_state.refreshed_at IS 'All that was committed before is in it; null before the first pass.';

CREATE VIEW analytics.timeseries WITH (security_barrier='true') AS
 SELECT public.day_start(s.activity_date, r.zone) AS "time",
    p.space_id,
    m.metric,
        CASE m.metric
            WHEN 'members'::text THEN NULLIF((s.members)::double precision, (n.unseen)::double precision)
            WHEN 'joins'::text THEN (NULLIF(s.joins, n.unseen))::double precision
            WHEN 'leaves'::text THEN (NULLIF(s.leaves, n.unseen))::double precision
            WHEN 'net_growth'::text THEN (NULLIF((s.joins - s.leaves), n.unseen))::double precision
            WHEN 'dau'::text THEN (NULLIF(s.dau, n.unseen))::double precision
            WHEN 'wau'::text THEN (NULLIF(s.wau, n.unseen))::double precision
            WHEN 'mau'::text THEN (NULLIF(s.mau, n.unseen))::double precision
            WHEN 'posting_1d'::text THEN (NULLIF(s.posting_1d, n.unseen))::double precision
            WHEN 'posting_7d'::text THEN (NULLIF(s.posting_7d, n.unseen))::double precision
            WHEN 'posting_28d'::text THEN (NULLIF(s.posting_28d, n.unseen))::double precision
            WHEN 'stickiness'::text THEN
            CASE
                WHEN ((s.coverage > (0)::double precision) OR ((s.dau + s.messages) > 0)) THEN ((s.dau)::double precision / (NULLIF(s.mau, 0))::double precision)
                ELSE NULL::double precision
            END
            WHEN 'messages'::text THEN (NULLIF(s.messages_human, n.unseen))::double precision
            WHEN 'messages_app'::text THEN (NULLIF(s.messages_app, n.unseen))::double precision
            WHEN 'messages_per_poster'::text THEN ((s.messages_human)::double precision / (NULLIF(s.posting_1d, 0))::double precision)
            WHEN 'reply_coverage'::text THEN ((d.answered)::double precision / (NULLIF(d.roots, 0))::double precision)
            WHEN 'first_response_p50'::text THEN public.percentile_of(d.response_seconds, (0.5)::double precision)
            WHEN 'first_response_p90'::text THEN public.percentile_of(d.response_seconds, (0.9)::double precision)
            WHEN 'unanswered'::text THEN ((d.roots - d.answered))::double precision
            WHEN 'response_by_reaction'::text THEN ((d.reacted_only)::double precision / (NULLIF(d.roots, 0))::double precision)
            WHEN 'reactions_per_message'::text THEN ((s.reactions)::double precision / (NULLIF(s.messages_human, 0))::double precision)
            WHEN 'edit_rate'::text THEN (((1000)::double precision * (s.edited)::double precision) / (NULLIF(s.messages, 0))::double precision)
            WHEN 'delete_rate'::text THEN (((1000)::double precision * (s.deleted)::double precision) / (NULLIF(s.messages, 0))::double precision)
            WHEN 'coverage'::text THEN public.covered(s.coverage, public.day_start(s.activity_date, r.zone), public.day_start((s.activity_date + 1), r.zone), x.covered_until)
            ELSE NULL::double precision
        END AS value
   FROM ((((((public.rollup_summary s
     JOIN public.rollup_spaces p ON ((p.id = s.space_id)))
     CROSS JOIN ( SELECT reporting.zone
           FROM public.reporting
         LIMIT 1) r)
     LEFT JOIN public.rollup_responses d ON (((d.space_id = s.space_id) AND (d.activity_date = s.activity_date) AND p.is_threaded)))
     CROSS JOIN ( SELECT rollup_passes.covered_until
           FROM public.rollup_passes
         LIMIT 1) x)
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (COALESCE(s.coverage, (0)::real) = (0)::double precision) THEN 0
                    ELSE NULL::integer
                END AS unseen) n)
     CROSS JOIN ( VALUES ('members'::text), ('joins'::text), ('leaves'::text), ('net_growth'::text), ('dau'::text), ('wau'::text), ('mau'::text), ('posting_1d'::text), ('posting_7d'::text), ('posting_28d'::text), ('stickiness'::text), ('messages'::text), ('messages_app'::text), ('messages_per_poster'::text), ('reply_coverage'::text), ('first_response_p50'::text), ('first_response_p90'::text), ('unanswered'::text), ('response_by_reaction'::text), ('reactions_per_message'::text), ('edit_rate'::text), ('delete_rate'::text), ('coverage'::text)) m(metric));

COMMENT ON VIEW analytics.timeseries IS 'Every metric that has a value for each day, as one long table: a panel is one line of SQL. Metrics are defined in metric_definitions.';

COMMENT ON COLUMN analytics.timeseries."time" IS 'When the day begins in the reporting zone.';

COMMENT ON COLUMN analytics.timeseries.space_id IS 'spaces/S, or all, which readers of groups don''t see.';

COMMENT ON COLUMN analytics.timeseries.metric IS 'As in metric_definitions.';

COMMENT ON COLUMN analytics.timeseries.value IS 'The value of that day. Null where there is none: of an empty denominator, or where nothing was seen of a day on which nothing is known to have happened.';

CREATE VIEW analytics.top_messages WITH (security_barrier='true') AS
 SELECT public.full_name(m.name, (p.space || '/messages'::text)) AS message_id,
    p.space AS space_id,
    u.user_name AS member_id,
    m.create_time AS sent_at,
    ((m.create_time AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date,
    public.full_name(split_part(m.name, '.'::text, 1), (p.space || '/threads'::text)) AS thread_id,
    t.repliers,
    t.replies,
    ( SELECT count(DISTINCT r.user_id) AS count
           FROM public.stored_reactions r
          WHERE ((r.space_id = m.space_id) AND (r.message = m.name) AND r.present AND (r.user_id IS DISTINCT FROM m.sender_id))) AS reactors,
    concat_ws('/'::text, 'https://chat.google.com/room', substr(p.space, 8), replace(substr(m.name, 2), '.'::text, '/'::text)) AS permalink
   FROM (((public.stored_messages m
     JOIN public.readable_spaces p ON ((p.id = m.space_id)))
     LEFT JOIN public.users u ON ((u.id = m.sender_id)))
     CROSS JOIN LATERAL ( SELECT count(*) AS replies,
            count(DISTINCT r.sender_id) FILTER (WHERE ((o.user_type = 'HUMAN'::text) AND (r.sender_id IS DISTINCT FROM m.sender_id))) AS repliers
           FROM (public.stored_messages r
             LEFT JOIN public.users o ON ((o.id = r.sender_id)))
          WHERE ((((split_part(r.name, '.'::text, 1) = split_part(m.name, '.'::text, 1)) AND (COALESCE(r.thread, ''::text) = ''::text)) OR ((r.thread <> ''::text) AND (r.thread = split_part(m.name, '.'::text, 1)))) AND (r.space_id = m.space_id) AND public.is_reply(r.name, r.thread) AND (r.deleted_at IS NULL))) t)
  WHERE ((m.create_time >= '2015-01-01 00:00:00+00'::timestamp with time zone) AND (m.deleted_at IS NULL) AND public.is_threaded(p.threading_state, p.space_type) AND (NOT public.is_reply(m.name, m.thread)));

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

CREATE VIEW analytics.unanswered_threads WITH (security_barrier='true') AS
 SELECT public.full_name(m.name, (p.space || '/messages'::text)) AS message_id,
    p.space AS space_id,
    u.user_name AS member_id,
    m.create_time AS sent_at,
    ((m.create_time AT TIME ZONE ( SELECT reporting.zone
           FROM public.reporting)))::date AS activity_date,
    public.full_name(split_part(m.name, '.'::text, 1), (p.space || '/threads'::text)) AS thread_id,
    ( SELECT count(DISTINCT r.user_id) AS count
           FROM public.stored_reactions r
          WHERE ((r.space_id = m.space_id) AND (r.message = m.name) AND r.present AND (r.user_id <> m.sender_id))) AS reactors,
    concat_ws('/'::text, 'https://chat.google.com/room', substr(p.space, 8), replace(substr(m.name, 2), '.'::text, '/'::text)) AS permalink
   FROM ((public.stored_messages m
     JOIN public.readable_spaces p ON ((p.id = m.space_id)))
     JOIN public.users u ON ((u.id = m.sender_id)))
  WHERE ((m.create_time >= '2015-01-01 00:00:00+00'::timestamp with time zone) AND (m.create_time < (now() - '24:00:00'::interval)) AND (m.deleted_at IS NULL) AND (u.user_type = 'HUMAN'::text) AND public.is_threaded(p.threading_state, p.space_type) AND (NOT public.is_reply(m.name, m.thread)) AND (NOT (EXISTS ( SELECT
           FROM (public.stored_messages r
             JOIN public.users o ON ((o.id = r.sender_id)))
          WHERE ((((split_part(r.name, '.'::text, 1) = split_part(m.name, '.'::text, 1)) AND (COALESCE(r.thread, ''::text) = ''::text)) OR ((r.thread <> ''::text) AND (r.thread = split_part(m.name, '.'::text, 1)))) AND (r.space_id = m.space_id) AND (r.sender_id <> m.sender_id) AND (r.deleted_at IS NULL) AND (o.user_type = 'HUMAN'::text))))));

COMMENT ON VIEW analytics.unanswered_threads IS 'Threads that a person began more than 24 hours ago and no other person has answered so far, in threaded spaces. Ask by sent_at.';

COMMENT ON COLUMN analytics.unanswered_threads.message_id IS 'spaces/S/messages/M: the first message of the thread.';

COMMENT ON COLUMN analytics.unanswered_threads.space_id IS 'spaces/S';

COMMENT ON COLUMN analytics.unanswered_threads.member_id IS 'users/U: who began it.';

COMMENT ON COLUMN analytics.unanswered_threads.sent_at IS 'When it was begun.';

COMMENT ON COLUMN analytics.unanswered_threads.activity_date IS 'Day of sent_at in the reporting zone.';

COMMENT ON COLUMN analytics.unanswered_threads.thread_id IS 'spaces/S/threads/T';

COMMENT ON COLUMN analytics.unanswered_threads.reactors IS 'How many others have reacted to its first message.';

COMMENT ON COLUMN analytics.unanswered_threads.permalink IS 'Opens it in Google Chat.';

CREATE TABLE public.backfills (
    id bigint NOT NULL,
    gap_id bigint,
    from_time timestamp with time zone NOT NULL,
    to_time timestamp with time zone NOT NULL,
    cursor_time timestamp with time zone NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    seen integer DEFAULT 0 NOT NULL,
    recorded integer DEFAULT 0 NOT NULL,
    space text NOT NULL COLLATE pg_catalog."C",
    error text,
    CONSTRAINT backfills_times_check CHECK (((from_time < to_time) AND (cursor_time >= from_time)))
)
WITH (fillfactor='80');

COMMENT ON TABLE public.backfills IS 'Fetches of past events of a space. One that was interrupted goes on at its cursor.';

COMMENT ON COLUMN public.backfills.id IS 'Number of the backfill.';

COMMENT ON COLUMN public.backfills.gap_id IS 'The interval of coverage that it repairs; NULL if a person asked for it.';

COMMENT ON COLUMN public.backfills.from_time IS 'Begin of the range.';

COMMENT ON COLUMN public.backfills.to_time IS 'End of the range.';

COMMENT ON COLUMN public.backfills.cursor_time IS 'Events up to here are recorded.';

COMMENT ON COLUMN public.backfills.started_at IS 'When it began.';

COMMENT ON COLUMN public.backfills.finished_at IS 'When it ended, with or without success; NULL while it goes on.';

COMMENT ON COLUMN public.backfills.seen IS 'Events that Google listed.';

COMMENT ON COLUMN public.backfills.recorded IS 'Those of them that were new.';

COMMENT ON COLUMN public.backfills.space IS 'spaces/S';

COMMENT ON COLUMN public.backfills.error IS 'Why it ended without success.';

ALTER TABLE public.backfills ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.backfills_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.coverage ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.coverage_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.subscription_states (
    observed_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    create_time timestamp with time zone,
    update_time timestamp with time zone,
    expire_time timestamp with time zone,
    granted_at timestamp with time zone,
    next_try_at timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    managed boolean NOT NULL,
    delivers boolean NOT NULL,
    parked boolean NOT NULL,
    include_resource boolean NOT NULL,
    target text NOT NULL COLLATE pg_catalog."C",
    scope text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    uid text COLLATE pg_catalog."C",
    topic text COLLATE pg_catalog."C",
    field_mask text COLLATE pg_catalog."C",
    state text COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    remedy text,
    error text,
    event_types text[] NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT subscription_states_state_check CHECK ((state = ANY (ARRAY['ACTIVE'::text, 'SUSPENDED'::text, 'DELETED'::text]))),
    CONSTRAINT subscription_states_tries_check CHECK ((tries >= 0))
)
WITH (fillfactor='50');

COMMENT ON TABLE public.subscription_states IS 'Workspace Events subscriptions as the keeper last saw them, one per target. Times are of Google''s clock.';

COMMENT ON COLUMN public.subscription_states.observed_at IS 'When the keeper first saw it so. It was so again at keeper_passes.listed_at.';

COMMENT ON COLUMN public.subscription_states.confirmed_at IS 'What happened up to then was published to us; while delivers is true, what happened up to keeper_passes.listed_at, too.';

COMMENT ON COLUMN public.subscription_states.create_time IS 'When Google made it. A later one under the same name is another subscription.';

COMMENT ON COLUMN public.subscription_states.update_time IS 'When Google last changed it.';

COMMENT ON COLUMN public.subscription_states.expire_time IS 'When Google deletes it unless it is renewed.';

COMMENT ON COLUMN public.subscription_states.granted_at IS 'When its present lifetime was granted: expire_time less this is how long Google grants.';

COMMENT ON COLUMN public.subscription_states.next_try_at IS 'When a suspended one is tried again.';

COMMENT ON COLUMN public.subscription_states.tries IS 'How often in a row it was tried without success.';

COMMENT ON COLUMN public.subscription_states.managed IS 'False for one that others made on our topic: it is shown and never touched.';

COMMENT ON COLUMN public.subscription_states.delivers IS 'Whether it is ACTIVE and publishes to our topic.';

COMMENT ON COLUMN public.subscription_states.parked IS 'True while a person has to mend something: see remedy.';

COMMENT ON COLUMN public.subscription_states.include_resource IS 'Whether its events carry content or names only.';

COMMENT ON COLUMN public.subscription_states.target IS 'Full name of what is watched, for example //chat.googleapis.com/spaces/S.';

COMMENT ON COLUMN public.subscription_states.scope IS 'The same as in coverage.scope.';

COMMENT ON COLUMN public.subscription_states.name IS 'subscriptions/S. It follows from the target: one that is made anew has the same.';

COMMENT ON COLUMN public.subscription_states.uid IS 'Google''s id of it.';

COMMENT ON COLUMN public.subscription_states.topic IS 'Where its events go: projects/P/topics/T.';

COMMENT ON COLUMN public.subscription_states.field_mask IS 'Which parts its events carry, in Google''s words; NULL for all.';

COMMENT ON COLUMN public.subscription_states.state IS 'In Google''s words; NULL if there is none.';

COMMENT ON COLUMN public.subscription_states.reason IS 'Why it is suspended, in Google''s words, or why it is parked.';

COMMENT ON COLUMN public.subscription_states.remedy IS 'What a person has to do.';

COMMENT ON COLUMN public.subscription_states.error IS 'What went wrong at the last attempt to mend it.';

COMMENT ON COLUMN public.subscription_states.event_types IS 'What it delivers, by Google''s names; batch forms come along.';

CREATE VIEW public.coverage_intervals AS
 SELECT c.scope,
    c.from_time,
    COALESCE(c.to_time,
        CASE c.source
            WHEN 'live'::text THEN GREATEST(c.from_time, s.confirmed_at)
            ELSE now()
        END) AS to_time,
    c.source,
    c.cause,
    c.repair,
    c.detail,
    (c.to_time IS NULL) AS goes_on,
    c.id
   FROM (public.coverage c
     LEFT JOIN ( SELECT subscription_states.scope,
            max(
                CASE
                    WHEN subscription_states.delivers THEN GREATEST(subscription_states.confirmed_at, keeper_passes.listed_at)
                    ELSE subscription_states.confirmed_at
                END) AS confirmed_at
           FROM (public.subscription_states
             LEFT JOIN public.keeper_passes ON (true))
          WHERE subscription_states.managed
          GROUP BY subscription_states.scope) s ON ((s.scope = c.scope)));

COMMENT ON VIEW public.coverage_intervals IS 'coverage with an end for intervals that go on: a live one has been confirmed up to it, a gap lasts until now.';

COMMENT ON COLUMN public.coverage_intervals.scope IS 'The same as in coverage.scope.';

COMMENT ON COLUMN public.coverage_intervals.from_time IS 'Begin, by Google''s clock.';

COMMENT ON COLUMN public.coverage_intervals.to_time IS 'End; NULL for the one interval of a scope that goes on: a live one is sure up to the end that coverage_intervals tells.';

COMMENT ON COLUMN public.coverage_intervals.source IS 'live: a subscription was ACTIVE. backfill: it was not, and the events were fetched later. gap: they are missing.';

COMMENT ON COLUMN public.coverage_intervals.cause IS 'Why there was a gap: Google''s suspension reason, expired, deleted, missing, changed, elsewhere, worker_outage, restored or silent_loss.';

COMMENT ON COLUMN public.coverage_intervals.repair IS 'Of a gap that has ended: pending until its backfill is complete, or impossible; detail says why.';

COMMENT ON COLUMN public.coverage_intervals.detail IS 'For people: why it can''t be repaired.';

COMMENT ON COLUMN public.coverage_intervals.goes_on IS 'Whether it has no end yet: to_time is how far it is known.';

COMMENT ON COLUMN public.coverage_intervals.id IS 'Number of the interval; jobs that repair a gap name it.';

CREATE TABLE public.erasures (
    id bigint NOT NULL,
    asked_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    after_time timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    after_key uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    after_number bigint DEFAULT '-1'::integer NOT NULL,
    member text NOT NULL COLLATE pg_catalog."C",
    part text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    counts jsonb DEFAULT '{}'::jsonb NOT NULL,
    names text[] NOT NULL,
    CONSTRAINT erasures_member_check CHECK ((member ~ '^users/[^/]+$'::text))
);

COMMENT ON TABLE public.erasures IS 'People whose content and names were erased, or are being. What comes later of before asked_at is recorded without.';

COMMENT ON COLUMN public.erasures.id IS 'Number of the erasure.';

COMMENT ON COLUMN public.erasures.asked_at IS 'When it began: what happened before is erased.';

COMMENT ON COLUMN public.erasures.finished_at IS 'When all was erased; null while it isn''t.';

COMMENT ON COLUMN public.erasures.after_time IS 'How far its part is, in time.';

COMMENT ON COLUMN public.erasures.after_key IS 'How far its part is, among keys.';

COMMENT ON COLUMN public.erasures.after_number IS 'How far its part is, among numbers.';

COMMENT ON COLUMN public.erasures.member IS 'users/U: Google''s number of the person, which stays.';

COMMENT ON COLUMN public.erasures.part IS 'Which part is under way.';

COMMENT ON COLUMN public.erasures.counts IS 'How many rows of each kind were erased, and were kept for a legal hold.';

COMMENT ON COLUMN public.erasures.names IS 'How the person is called, while it is looked for; empty in the end.';

ALTER TABLE public.erasures ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.erasures_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.event_sources (
    id integer NOT NULL,
    source text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.event_sources IS 'The CloudEvents sources seen so far: which Workspace Events subscription delivered an event.';

COMMENT ON COLUMN public.event_sources.id IS 'Number used in events.source_id.';

COMMENT ON COLUMN public.event_sources.source IS 'ce-source as received, for example //workspaceevents.googleapis.com/subscriptions/S; empty for interaction events.';

CREATE VIEW public.event_log AS
 SELECT e.event_time,
    t.kind,
    t.verb,
    t.ce_type AS type,
    p.space,
    u.user_name AS actor,
    public.full_name(e.resource, p.space) AS resource,
        CASE e.origin
            WHEN 'l'::"char" THEN 'live'::text
            ELSE 'backfill'::text
        END AS origin,
    e.received_at,
    e.publish_time,
    (e.received_at - e.event_time) AS lag,
    public.full_name(e.ce_id, (p.space || '/spaceEvents'::text)) AS ce_id,
    e.ordinal,
    s.source,
    e.message_id,
    e.event_key,
    e.space_id,
    e.actor_id
   FROM ((((public.events e
     JOIN public.event_types t ON ((t.id = e.type_id)))
     JOIN public.event_sources s ON ((s.id = e.source_id)))
     LEFT JOIN public.spaces p ON ((p.id = e.space_id)))
     LEFT JOIN public.users u ON ((u.id = e.actor_id)));

COMMENT ON VIEW public.event_log IS 'The event log in readable form. lag is how long after the event it was received. The newest of a space with millions of events come at once for WHERE space_id = (SELECT id FROM spaces WHERE space = ''spaces/S''); by space, all of them are read first.';

COMMENT ON COLUMN public.event_log.event_time IS 'When it happened: ce-time; eventTime for interactions. The same on every redelivery, which is why it may be part of the key.';

COMMENT ON COLUMN public.event_log.kind IS 'What sort of resource such an event is about: message, membership, reaction, space, subscription, interaction, unknown, …';

COMMENT ON COLUMN public.event_log.verb IS 'What happened to it: created, updated, deleted, …; other for interactions and unknown types.';

COMMENT ON COLUMN public.event_log.type IS 'ce-type of the event: google.workspace.chat.message.v1.created, …';

COMMENT ON COLUMN public.event_log.space IS 'spaces/S';

COMMENT ON COLUMN public.event_log.actor IS 'users/U: who sent, joined, left or reacted; null if nobody is named.';

COMMENT ON COLUMN public.event_log.resource IS 'Name of the resource the item is about; /messages/M stands for spaces/S/messages/M. May be empty for unknown types. event_log shows it in full.';

COMMENT ON COLUMN public.event_log.origin IS 'l: live, delivered by Pub/Sub, perhaps after a backfill had fetched it: the bytes are those delivered. b: backfill, fetched later; its payload shows the resource as it was when fetched (received_at), not at event_time.';

COMMENT ON COLUMN public.event_log.received_at IS 'When this system got the first copy; the first live one, if there is one.';

COMMENT ON COLUMN public.event_log.publish_time IS 'When Pub/Sub took the first copy; null for a backfill.';

COMMENT ON COLUMN public.event_log.lag IS 'How long after it happened it was received.';

COMMENT ON COLUMN public.event_log.ce_id IS 'ce-id; /E stands for spaces/S/spaceEvents/E. Empty for interactions. event_log shows it in full.';

COMMENT ON COLUMN public.event_log.ordinal IS 'Position of the item in a batch event, from 0; 0 for all others.';

COMMENT ON COLUMN public.event_log.source IS 'ce-source as received, for example //workspaceevents.googleapis.com/subscriptions/S; empty for interaction events.';

COMMENT ON COLUMN public.event_log.message_id IS 'Pub/Sub message id of the first copy; null for a backfill.';

COMMENT ON COLUMN public.event_log.event_key IS 'Identity of the event; see the function event_key.';

COMMENT ON COLUMN public.event_log.space_id IS 'Where it happened: spaces.id; null where there is no space.';

COMMENT ON COLUMN public.event_log.actor_id IS 'The sender, the member, who reacted: users.id; null if the payload does not tell.';

ALTER TABLE public.event_sources ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_sources_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.event_types ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.event_types_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.followed_spaces (
    changed_at timestamp with time zone NOT NULL,
    present boolean NOT NULL,
    space text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.followed_spaces IS 'Spaces that the Chat app was added to or removed from, by its interaction events.';

COMMENT ON COLUMN public.followed_spaces.changed_at IS 'Time of the newest of those events.';

COMMENT ON COLUMN public.followed_spaces.present IS 'Whether it says that the app is in the space.';

COMMENT ON COLUMN public.followed_spaces.space IS 'spaces/S';

CREATE TABLE public.legal_holds (
    since timestamp with time zone DEFAULT now() NOT NULL,
    scope text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    CONSTRAINT legal_holds_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT legal_holds_scope_check CHECK ((scope ~ '^(spaces|users)/[^/]+$'::text))
);

COMMENT ON TABLE public.legal_holds IS 'Spaces and people of whom nothing may be erased or dropped. Whoever erases or drops reads it in the same transaction.';

COMMENT ON COLUMN public.legal_holds.since IS 'Since when, by the database''s clock.';

COMMENT ON COLUMN public.legal_holds.scope IS 'spaces/S: all that happened there. users/U: all that this person or app did, and was told.';

COMMENT ON COLUMN public.legal_holds.reason IS 'As whoever ordered it said.';

CREATE TABLE public.member_lists (
    requested_at timestamp with time zone,
    listed_at timestamp with time zone,
    space text NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='40');

COMMENT ON TABLE public.member_lists IS 'When the members of each watched space were listed. The keeper requests the list of a space that is new, and of each once a day.';

COMMENT ON COLUMN public.member_lists.requested_at IS 'When the keeper last requested the list, by Google''s clock; null if only a person did.';

COMMENT ON COLUMN public.member_lists.listed_at IS 'Time of the newest list, by Google''s clock; null if there was none yet: who was in the space before it was watched is unknown.';

COMMENT ON COLUMN public.member_lists.space IS 'spaces/S';

CREATE VIEW public.membership_changes AS
 SELECT c.event_time,
    c.fetched_at,
    c.event_key,
    c.ordinal,
    c.verb_order,
    c.origin,
    p.space,
    public.full_name(c.membership, (p.space || '/members'::text)) AS membership,
    c.verb,
    c.state,
    c.role,
    c.member_type,
    c.space_id
   FROM (public.stored_membership_changes c
     JOIN public.spaces p ON ((p.id = c.space_id)));

COMMENT ON VIEW public.membership_changes IS 'Every membership event, and what lists of members added to them. Rows are never dropped; what was fetched later is filled in. Whatever order events arrive in, their rows are the same in the end.';

COMMENT ON COLUMN public.membership_changes.event_time IS 'When it happened (the API''s own createTime of a membership is not to be trusted). Of a list: when it was asked for; the change came earlier.';

COMMENT ON COLUMN public.membership_changes.fetched_at IS 'Null if the event held state and role. When they were fetched, if they came with a backfill or for an event that held names only: they are of this time.';

COMMENT ON COLUMN public.membership_changes.event_key IS 'The event: events.event_key. Zeros for a list.';

COMMENT ON COLUMN public.membership_changes.ordinal IS 'Item of the event: events.ordinal.';

COMMENT ON COLUMN public.membership_changes.verb_order IS 'Decides between two of the same time: 0 for a list, 1 created, 2 updated, 3 deleted.';

COMMENT ON COLUMN public.membership_changes.origin IS 'l: live. b: backfill. s: a list of members that told something new.';

COMMENT ON COLUMN public.membership_changes.space IS 'spaces/S';

COMMENT ON COLUMN public.membership_changes.membership IS '/M stands for spaces/S/members/M; stored_memberships says whose it is.';

COMMENT ON COLUMN public.membership_changes.verb IS 'created, updated or deleted.';

COMMENT ON COLUMN public.membership_changes.state IS 'State after the change; null if the payload did not tell. deleted always means NOT_A_MEMBER.';

COMMENT ON COLUMN public.membership_changes.role IS 'Role after the change; null if the payload did not tell.';

COMMENT ON COLUMN public.membership_changes.member_type IS 'HUMAN or BOT; null if the payload did not tell.';

COMMENT ON COLUMN public.membership_changes.space_id IS 'spaces.id';

CREATE VIEW public.memberships AS
 SELECT m.version_time,
    m.payload_as_of,
    m.version_key,
    m.verb_order,
    p.space,
    public.full_name(m.membership, (p.space || '/members'::text)) AS membership,
    m.member,
    m.state,
    m.role,
    m.affiliation,
    m.source,
    m.space_id
   FROM (public.stored_memberships m
     JOIN public.spaces p ON ((p.id = m.space_id)));

COMMENT ON VIEW public.memberships IS 'Who is in which space now, as far as events and lists tell. Join and leave times: membership_intervals.';

COMMENT ON COLUMN public.memberships.version_time IS 'Time of the state shown; -infinity if no event told a state so far.';

COMMENT ON COLUMN public.memberships.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';

COMMENT ON COLUMN public.memberships.version_key IS 'Event that the state comes from; decides between two of the same time and verb. Zeros for a list.';

COMMENT ON COLUMN public.memberships.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted membership; decides between two of the same time. 0 for a list: an event of the same time is newer. 4 for the end that the deletion of the space brought.';

COMMENT ON COLUMN public.memberships.space IS 'spaces/S';

COMMENT ON COLUMN public.memberships.membership IS '/M stands for spaces/S/members/M, which is all that a deletion tells. M is the number of a user; of a Google Group group-G, or another id.';

COMMENT ON COLUMN public.memberships.member IS 'Whose it is: users/U, or groups/G for a Google Group; null if no event told and the name does not either.';

COMMENT ON COLUMN public.memberships.state IS 'JOINED, INVITED or NOT_A_MEMBER; null if unknown (payloads without resource data).';

COMMENT ON COLUMN public.memberships.role IS 'ROLE_MEMBER, ROLE_MANAGER, …; null if unknown or not a member.';

COMMENT ON COLUMN public.memberships.affiliation IS 'INTERNAL, EXTERNAL, …; null if unknown or not a member.';

COMMENT ON COLUMN public.memberships.source IS 'event, or list for what Google''s list of members told and no newer event.';

COMMENT ON COLUMN public.memberships.space_id IS 'spaces.id';

CREATE VIEW public.message_history AS
 SELECT DISTINCT ON (v.message, v.version_time, v.text, v.attachments) v.message,
    v.version_time,
    v.text,
    v.attachments,
    v.payload_as_of,
    v.is_current,
    v.version_key
   FROM ( SELECT public.full_name(r.name, (p.space || '/messages'::text)) AS message,
            r.version_time,
            r.text,
            r.attachments,
            r.payload_as_of,
            false AS is_current,
            r.version_key
           FROM (public.stored_revisions r
             JOIN public.spaces p ON ((p.id = r.space_id)))
        UNION ALL
         SELECT public.full_name(m.name, (p.space || '/messages'::text)) AS full_name,
            m.version_time,
            m.text,
            m.attachments,
            m.payload_as_of,
            true,
            m.version_key
           FROM (public.stored_messages m
             JOIN public.spaces p ON ((p.id = m.space_id)))
          WHERE (m.text IS NOT NULL)) v
  ORDER BY v.message, v.version_time, v.text, v.attachments, v.is_current DESC, v.payload_as_of NULLS FIRST, v.version_key;

COMMENT ON VIEW public.message_history IS 'All versions of every message in order of time, deleted messages included. is_current is false for all versions of a deleted one.';

COMMENT ON COLUMN public.message_history.message IS 'spaces/S/messages/M';

COMMENT ON COLUMN public.message_history.version_time IS 'Time of the version shown: of the last edit, else of the event; -infinity if only the name is known so far. An older event never overwrites a newer one.';

COMMENT ON COLUMN public.message_history.text IS 'Current text; null if unknown or deleted.';

COMMENT ON COLUMN public.message_history.attachments IS 'Number of attachments; null if unknown or deleted.';

COMMENT ON COLUMN public.message_history.payload_as_of IS 'Null for a version seen live. When it was fetched for a backfilled one: the text is of that time.';

COMMENT ON COLUMN public.message_history.is_current IS 'Whether it is the text of now; false for all versions of a deleted message.';

COMMENT ON COLUMN public.message_history.version_key IS 'Event that the version comes from; decides between two of the same time and verb.';

CREATE VIEW public.messages AS
 SELECT m.version_time,
    m.event_time,
    m.create_time,
    m.deleted_at,
    m.payload_as_of,
    m.version_key,
    m.verb_order,
    m.attachments,
    public.full_name(m.name, (p.space || '/messages'::text)) AS message,
    p.space,
    u.user_name AS sender,
    public.full_name(
        CASE m.thread
            WHEN ''::text THEN split_part(m.name, '.'::text, 1)
            ELSE m.thread
        END, (p.space || '/threads'::text)) AS thread,
    m.deletion_type,
    m.text,
    m.space_id,
    m.sender_id
   FROM ((public.stored_messages m
     JOIN public.spaces p ON ((p.id = m.space_id)))
     LEFT JOIN public.users u ON ((u.id = m.sender_id)));

COMMENT ON VIEW public.messages IS 'Every message with its current text. Earlier versions: message_history. Those of a time come at once; those of a space are found by their time, or through event_log.';

COMMENT ON COLUMN public.messages.version_time IS 'Time of the version shown: of the last edit, else of the event; -infinity if only the name is known so far. An older event never overwrites a newer one.';

COMMENT ON COLUMN public.messages.event_time IS 'Time of the event that the version comes from; decides between two of the same version_time.';

COMMENT ON COLUMN public.messages.create_time IS 'When it was sent; -infinity if unknown: a null in its place would be found by no index.';

COMMENT ON COLUMN public.messages.deleted_at IS 'When it was deleted; null while it exists. Final: nothing brings a deleted message back.';

COMMENT ON COLUMN public.messages.payload_as_of IS 'Null for a version seen live. When it was fetched for a backfilled one: the text is of that time.';

COMMENT ON COLUMN public.messages.version_key IS 'Event that the version comes from; decides between two of the same time and verb.';

COMMENT ON COLUMN public.messages.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted message; decides between two of the same time.';

COMMENT ON COLUMN public.messages.attachments IS 'Number of attachments; null if unknown or deleted.';

COMMENT ON COLUMN public.messages.message IS 'spaces/S/messages/M';

COMMENT ON COLUMN public.messages.space IS 'spaces/S';

COMMENT ON COLUMN public.messages.sender IS 'users/U: who sent it; null if unknown.';

COMMENT ON COLUMN public.messages.thread IS '/T stands for spaces/S/threads/T; empty for the one that the name begins with; null if unknown.';

COMMENT ON COLUMN public.messages.deletion_type IS 'Who deleted it: CREATOR, SPACE_OWNER, ADMIN, …; null if unknown or not deleted.';

COMMENT ON COLUMN public.messages.text IS 'Current text; null if unknown or deleted.';

COMMENT ON COLUMN public.messages.space_id IS 'spaces.id';

COMMENT ON COLUMN public.messages.sender_id IS 'Who sent it: users.id; null if unknown.';

CREATE TABLE public.own_messages (
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    run_id bigint NOT NULL,
    space text NOT NULL COLLATE pg_catalog."C",
    client_id text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02');

COMMENT ON TABLE public.own_messages IS 'Ids that runs give to the messages they send, known before they are sent: so an event tells our own messages from those of other apps.';

COMMENT ON COLUMN public.own_messages.made_at IS 'When the id was made; the row is dropped 400 days later.';

COMMENT ON COLUMN public.own_messages.run_id IS 'The run.';

COMMENT ON COLUMN public.own_messages.space IS 'spaces/S; empty for a direct message, whose space only Google knows.';

COMMENT ON COLUMN public.own_messages.client_id IS 'client-…, as in clientAssignedMessageId.';

CREATE TABLE public.payload_dictionaries (
    id smallint NOT NULL,
    dictionary bytea NOT NULL,
    CONSTRAINT payload_dictionaries_id_check CHECK ((id > 0))
);

COMMENT ON TABLE public.payload_dictionaries IS 'The raw-content zstd dictionaries that payloads were compressed with. A row here is needed as long as any payload names it.';

COMMENT ON COLUMN public.payload_dictionaries.id IS 'Number used in events.payload_codec.';

COMMENT ON COLUMN public.payload_dictionaries.dictionary IS 'Content of the dictionary, saved as the file dictionary: zstd -d -D dictionary reads a payload; so does any library that takes raw content as a dictionary. subscriber events show does both.';

CREATE TABLE public.projection_locks (
);

COMMENT ON TABLE public.projection_locks IS 'Always empty: its locks are those of transactions that write projections. Readers may not take them.';

CREATE TABLE public.proof_copies (
    tried_at timestamp with time zone DEFAULT now() NOT NULL,
    failing_since timestamp with time zone,
    size bigint DEFAULT 0 NOT NULL,
    place text NOT NULL
);

COMMENT ON TABLE public.proof_copies IS 'Where checkpoints are copied to, out of reach of whoever may change this database.';

COMMENT ON COLUMN public.proof_copies.tried_at IS 'When a worker last began to copy one.';

COMMENT ON COLUMN public.proof_copies.failing_since IS 'Since when none could be copied; null: the last one could.';

COMMENT ON COLUMN public.proof_copies.size IS 'Size of the newest checkpoint that is there.';

COMMENT ON COLUMN public.proof_copies.place IS 'A directory, a bucket, or the host of an address with a hash of the whole.';

CREATE TABLE public.proof_leaves (
    first_time timestamp with time zone NOT NULL,
    last_time timestamp with time zone NOT NULL,
    number bigint NOT NULL,
    refs bytea NOT NULL,
    salts bytea NOT NULL,
    contents bytea,
    CONSTRAINT proof_leaves_contents_check CHECK ((((length(contents) / 32) = (length(refs) / 27)) AND ((length(contents) % 32) = 0))),
    CONSTRAINT proof_leaves_refs_check CHECK ((((length(refs) >= 27) AND (length(refs) <= 6912)) AND ((length(refs) % 27) = 0))),
    CONSTRAINT proof_leaves_salts_check CHECK ((((length(salts) / 16) = (length(refs) / 27)) AND ((length(salts) % 16) = 0)))
);
ALTER TABLE ONLY public.proof_leaves ALTER COLUMN salts SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.proof_leaves ALTER COLUMN contents SET STORAGE EXTERNAL;

COMMENT ON TABLE public.proof_leaves IS 'What the leaves of each tile of level 0 are about.';

COMMENT ON COLUMN public.proof_leaves.first_time IS 'The earliest time in refs.';

COMMENT ON COLUMN public.proof_leaves.last_time IS 'The latest time in refs.';

COMMENT ON COLUMN public.proof_leaves.number IS 'proof_tiles.number of level 0.';

COMMENT ON COLUMN public.proof_leaves.refs IS '27 bytes for each leaf: kind (e an event, u an event that was changed since, q what went to the quarantine, r what left it, a what is in the trail), time (microseconds since 1970, 8 bytes), key (16) and ordinal (2), numbers with their highest byte first.';

COMMENT ON COLUMN public.proof_leaves.salts IS '16 random bytes for each leaf: zeros once what it is about was erased.';

COMMENT ON COLUMN public.proof_leaves.contents IS 'Where bytes were taken out of the log: 32 bytes for each leaf, the salted hash of what it lacks, or zeros; the salt is then that of the leaf. Null where none were.';

CREATE TABLE public.proof_pending (
    added_at timestamp with time zone DEFAULT now() NOT NULL,
    id bigint NOT NULL,
    entries bytea NOT NULL
);
ALTER TABLE ONLY public.proof_pending ALTER COLUMN entries SET STORAGE EXTERNAL;

COMMENT ON TABLE public.proof_pending IS 'What was recorded and isn''t in the tree yet: one row of each transaction. Whoever seals takes rows out in the transaction that puts them into the tree, so none is skipped, whenever it commits.';

COMMENT ON COLUMN public.proof_pending.added_at IS 'When its transaction began.';

COMMENT ON COLUMN public.proof_pending.id IS 'In this order they go into the tree, among those that are seen together.';

COMMENT ON COLUMN public.proof_pending.entries IS '75 bytes each: what it is about (27, as in proof_leaves.refs), the salt (16) and the hash of the leaf (32).';

ALTER TABLE public.proof_pending ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.proof_pending_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.proof_tiles (
    number bigint NOT NULL,
    level smallint NOT NULL,
    hashes bytea NOT NULL,
    CONSTRAINT proof_tiles_hashes_check CHECK ((((length(hashes) >= 32) AND (length(hashes) <= 8192)) AND ((length(hashes) % 32) = 0))),
    CONSTRAINT proof_tiles_level_check CHECK ((level >= 0))
);
ALTER TABLE ONLY public.proof_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

COMMENT ON TABLE public.proof_tiles IS 'The Merkle tree (RFC 6962), in tiles of 256 hashes. It only grows.';

COMMENT ON COLUMN public.proof_tiles.number IS 'Which tile of the level, from 0.';

COMMENT ON COLUMN public.proof_tiles.level IS '0 for leaves; n for the roots of full tiles of level n-1.';

COMMENT ON COLUMN public.proof_tiles.hashes IS 'Up to 256 hashes of 32 bytes.';

CREATE VIEW public.reactions AS
 SELECT r.version_time,
    r.added_at,
    r.removed_at,
    r.version_key,
    r.verb_order,
    r.present,
    public.full_name(r.reaction, (public.full_name(r.message, (p.space || '/messages'::text)) || '/reactions'::text)) AS reaction,
    public.full_name(r.message, (p.space || '/messages'::text)) AS message,
    u.user_name,
    r.emoji,
    p.space,
    r.space_id,
    r.user_id
   FROM ((public.stored_reactions r
     JOIN public.spaces p ON ((p.id = r.space_id)))
     LEFT JOIN public.users u ON ((u.id = r.user_id)));

COMMENT ON VIEW public.reactions IS 'Every reaction that ever was; WHERE present for those that are there now. Adding the same emoji again gives the same name again.';

COMMENT ON COLUMN public.reactions.version_time IS 'Time of the newest event about it.';

COMMENT ON COLUMN public.reactions.added_at IS 'When it was last added; null if no such event was seen.';

COMMENT ON COLUMN public.reactions.removed_at IS 'When it was last removed; null if never.';

COMMENT ON COLUMN public.reactions.version_key IS 'The newest event; decides between two of the same time and verb.';

COMMENT ON COLUMN public.reactions.verb_order IS '1 for an added, 3 for a removed reaction; decides between two of the same time.';

COMMENT ON COLUMN public.reactions.present IS 'Whether it is there now.';

COMMENT ON COLUMN public.reactions.reaction IS '/R stands for spaces/S/messages/M/reactions/R.';

COMMENT ON COLUMN public.reactions.message IS '/M stands for spaces/S/messages/M.';

COMMENT ON COLUMN public.reactions.user_name IS 'users/U: resource name of the user.';

COMMENT ON COLUMN public.reactions.emoji IS 'The character, or the short name of a custom emoji; null if unknown.';

COMMENT ON COLUMN public.reactions.space IS 'spaces/S';

COMMENT ON COLUMN public.reactions.space_id IS 'spaces.id';

COMMENT ON COLUMN public.reactions.user_id IS 'Who reacted: users.id; null if unknown.';

CREATE TABLE public.reactor_counts (
    hour timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    sampled integer DEFAULT 0 NOT NULL,
    shard smallint NOT NULL,
    shadow boolean NOT NULL,
    reactor text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05');

COMMENT ON TABLE public.reactor_counts IS 'How often each outcome came in each hour of the last two weeks; read reactor_outcomes.';

COMMENT ON COLUMN public.reactor_counts.hour IS 'Beginning of the hour in which it ended.';

COMMENT ON COLUMN public.reactor_counts.count IS 'How often.';

COMMENT ON COLUMN public.reactor_counts.sampled IS 'How many of these wanted to be samples: of the first 50 each is one.';

COMMENT ON COLUMN public.reactor_counts.shard IS 'From 0 to 3: runs that end at once count in different rows.';

COMMENT ON COLUMN public.reactor_counts.shadow IS 'In shadow mode.';

COMMENT ON COLUMN public.reactor_counts.reactor IS 'Id of the rule.';

COMMENT ON COLUMN public.reactor_counts.outcome IS 'As in reactor_runs.';

CREATE TABLE public.reactor_daily_counts (
    day timestamp with time zone NOT NULL,
    count bigint NOT NULL,
    shadow boolean NOT NULL,
    reactor text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.reactor_daily_counts IS 'How often each outcome came on each day before those of which reactor_counts has the hours.';

COMMENT ON COLUMN public.reactor_daily_counts.day IS 'Beginning of the day in UTC.';

COMMENT ON COLUMN public.reactor_daily_counts.count IS 'How often.';

COMMENT ON COLUMN public.reactor_daily_counts.shadow IS 'In shadow mode.';

COMMENT ON COLUMN public.reactor_daily_counts.reactor IS 'Id of the rule.';

COMMENT ON COLUMN public.reactor_daily_counts.outcome IS 'As in reactor_runs.';

CREATE TABLE public.reactor_evaluations (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    event_time timestamp with time zone NOT NULL,
    shadow boolean NOT NULL,
    reactor text NOT NULL COLLATE pg_catalog."C",
    trigger text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    space text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    reason text,
    CONSTRAINT reactor_evaluations_outcome_check CHECK ((outcome = ANY (ARRAY['condition_false'::text, 'already_done'::text, 'failed'::text])))
)
WITH (autovacuum_vacuum_scale_factor='0.03', autovacuum_vacuum_insert_scale_factor='0.03', autovacuum_analyze_scale_factor='0.03');

COMMENT ON TABLE public.reactor_evaluations IS 'Evaluations that led to no run: up to 50 of each hour, rule and outcome, kept for two weeks.';

COMMENT ON COLUMN public.reactor_evaluations.id IS 'Tells those of one time apart.';

COMMENT ON COLUMN public.reactor_evaluations.at IS 'When it was saved, some seconds after the rule was asked.';

COMMENT ON COLUMN public.reactor_evaluations.event_time IS 'Of the event that pulled its trigger.';

COMMENT ON COLUMN public.reactor_evaluations.shadow IS 'In shadow mode.';

COMMENT ON COLUMN public.reactor_evaluations.reactor IS 'Id of the rule.';

COMMENT ON COLUMN public.reactor_evaluations.trigger IS 'member.joined and so on.';

COMMENT ON COLUMN public.reactor_evaluations.outcome IS 'condition_false, already_done, or failed: the condition could not be told.';

COMMENT ON COLUMN public.reactor_evaluations.subject IS 'What once_per made of the event.';

COMMENT ON COLUMN public.reactor_evaluations.space IS 'spaces/S; empty for none.';

COMMENT ON COLUMN public.reactor_evaluations.member IS 'users/U; empty for nobody.';

COMMENT ON COLUMN public.reactor_evaluations.reason IS 'Which condition, or what was done.';

ALTER TABLE public.reactor_evaluations ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reactor_evaluations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.reactor_outcomes AS
 SELECT reactor_counts.hour AS since,
    '01:00:00'::interval AS lasting,
    reactor_counts.reactor,
    reactor_counts.outcome,
    reactor_counts.shadow,
    (sum(reactor_counts.count))::bigint AS count
   FROM public.reactor_counts
  GROUP BY reactor_counts.hour, reactor_counts.reactor, reactor_counts.outcome, reactor_counts.shadow
UNION ALL
 SELECT reactor_daily_counts.day AS since,
    '1 day'::interval AS lasting,
    reactor_daily_counts.reactor,
    reactor_daily_counts.outcome,
    reactor_daily_counts.shadow,
    reactor_daily_counts.count
   FROM public.reactor_daily_counts;

COMMENT ON VIEW public.reactor_outcomes IS 'How often each rule came to each outcome: by hour for the last two weeks, by day before. Counts every evaluation that reached a trigger. How runs ended is exact; of evaluations that led to none, those of the last seconds may be missing, and of a process that was killed they are.';

COMMENT ON COLUMN public.reactor_outcomes.since IS 'Begin of the hour, or of the day, in UTC.';

COMMENT ON COLUMN public.reactor_outcomes.lasting IS 'An hour or a day.';

COMMENT ON COLUMN public.reactor_outcomes.reactor IS 'Id of the rule.';

COMMENT ON COLUMN public.reactor_outcomes.outcome IS 'As in reactor_runs.';

COMMENT ON COLUMN public.reactor_outcomes.shadow IS 'In shadow mode.';

COMMENT ON COLUMN public.reactor_outcomes.count IS 'How often.';

CREATE TABLE public.reactor_records (
    recorded_at timestamp with time zone DEFAULT now() NOT NULL,
    event_time timestamp with time zone NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    reactor text NOT NULL COLLATE pg_catalog."C",
    space text NOT NULL COLLATE pg_catalog."C",
    member text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    value text
);

COMMENT ON TABLE public.reactor_records IS 'What the record action of rules has noted.';

COMMENT ON COLUMN public.reactor_records.recorded_at IS 'When it was noted.';

COMMENT ON COLUMN public.reactor_records.event_time IS 'Of the event.';

COMMENT ON COLUMN public.reactor_records.key IS 'Made of rule and subject: noted once.';

COMMENT ON COLUMN public.reactor_records.reactor IS 'Id of the rule.';

COMMENT ON COLUMN public.reactor_records.space IS 'spaces/S; empty for none.';

COMMENT ON COLUMN public.reactor_records.member IS 'users/U; empty for nobody.';

COMMENT ON COLUMN public.reactor_records.name IS 'As the rule says.';

COMMENT ON COLUMN public.reactor_records.value IS 'As the rule says; null for none.';

ALTER TABLE public.reactor_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.reactor_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.reactor_schedules (
    seen_until timestamp with time zone NOT NULL,
    reactor text NOT NULL COLLATE pg_catalog."C"
);

COMMENT ON TABLE public.reactor_schedules IS 'Up to when the times of a rule''s schedule have had their runs. An empty name is when all were last looked at.';

COMMENT ON COLUMN public.reactor_schedules.seen_until IS 'Times up to this one are done with.';

COMMENT ON COLUMN public.reactor_schedules.reactor IS 'Id of the rule; empty for all.';

CREATE TABLE public.reactor_switches (
    paused_at timestamp with time zone DEFAULT now() NOT NULL,
    reactor text NOT NULL COLLATE pg_catalog."C",
    reason text
);

COMMENT ON TABLE public.reactor_switches IS 'Rules that are paused. An empty name is the kill switch of all.';

COMMENT ON COLUMN public.reactor_switches.paused_at IS 'Since when.';

COMMENT ON COLUMN public.reactor_switches.reactor IS 'Id of the rule; empty for all.';

COMMENT ON COLUMN public.reactor_switches.reason IS 'As whoever paused it said.';

CREATE TABLE public.silence_checks (
    event_time timestamp with time zone NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    space text NOT NULL COLLATE pg_catalog."C"
)
WITH (fillfactor='50');

COMMENT ON TABLE public.silence_checks IS 'Spaces that were silent for longer than they use to be, and of which Google was asked whether that is so.';

COMMENT ON COLUMN public.silence_checks.event_time IS 'Since when the space was silent.';

COMMENT ON COLUMN public.silence_checks.checked_at IS 'When Google was asked last; it is again when the silence has doubled.';

COMMENT ON COLUMN public.silence_checks.space IS 'spaces/S';

ALTER TABLE public.spaces ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.spaces_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.unapplied_events (
    event_time timestamp with time zone NOT NULL,
    marked_at timestamp with time zone DEFAULT now() NOT NULL,
    event_key uuid NOT NULL,
    space text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL
);

COMMENT ON TABLE public.unapplied_events IS 'Events that are in the log and not in the projections, because a projection refused them. subscriber projections rebuild applies them and removes the row.';

COMMENT ON COLUMN public.unapplied_events.event_time IS 'When it happened: events.event_time.';

COMMENT ON COLUMN public.unapplied_events.marked_at IS 'When the projection refused it.';

COMMENT ON COLUMN public.unapplied_events.event_key IS 'The event: events.event_key.';

COMMENT ON COLUMN public.unapplied_events.space IS 'spaces/S; empty where there is no space.';

COMMENT ON COLUMN public.unapplied_events.detail IS 'What refused it: SQLSTATE, table and constraint. Never message text.';

CREATE TABLE public.unfetched (
    event_time timestamp with time zone NOT NULL,
    tried_at timestamp with time zone DEFAULT now() NOT NULL,
    event_key uuid NOT NULL,
    ordinal smallint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    resource text NOT NULL COLLATE pg_catalog."C",
    space text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    detail text,
    CONSTRAINT unfetched_reason_check CHECK ((reason = ANY (ARRAY['gone'::text, 'denied'::text, 'refused'::text, 'malformed'::text])))
);

COMMENT ON TABLE public.unfetched IS 'Events that held names only and whose resource could not be fetched: what they were about stays unknown.';

COMMENT ON COLUMN public.unfetched.event_time IS 'When it happened: events.event_time.';

COMMENT ON COLUMN public.unfetched.tried_at IS 'When it was given up.';

COMMENT ON COLUMN public.unfetched.event_key IS 'The event: events.event_key.';

COMMENT ON COLUMN public.unfetched.ordinal IS 'Item of the event: events.ordinal.';

COMMENT ON COLUMN public.unfetched.kind IS 'message, membership, reaction or space.';

COMMENT ON COLUMN public.unfetched.resource IS 'Full name of what was to be fetched.';

COMMENT ON COLUMN public.unfetched.space IS 'spaces/S';

COMMENT ON COLUMN public.unfetched.reason IS 'gone: it does not exist any more. denied: the app was not allowed to read it for a day. refused: Google did not accept the call, or the database the content. malformed: the answer could not be understood.';

COMMENT ON COLUMN public.unfetched.detail IS 'For people: what exactly was said.';

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.worker_heartbeats (
    heartbeat_at timestamp with time zone NOT NULL,
    database_id text COLLATE pg_catalog."C",
    single boolean DEFAULT true NOT NULL,
    CONSTRAINT worker_heartbeats_single_check CHECK (single)
);

COMMENT ON TABLE public.worker_heartbeats IS 'One row: the newest heartbeat of a worker.';

COMMENT ON COLUMN public.worker_heartbeats.heartbeat_at IS 'The newest of any replica.';

COMMENT ON COLUMN public.worker_heartbeats.database_id IS 'Server, timeline and oid of the database at that time. If it is another one by now, it is a copy; null where the server doesn''t tell.';

COMMENT ON COLUMN public.worker_heartbeats.single IS 'Always true: there is one row.';

CREATE TABLE public.write_slots (
    space text NOT NULL COLLATE pg_catalog."C",
    next_at timestamp with time zone NOT NULL,
    given_at timestamp with time zone,
    paused_until timestamp with time zone,
    refused_at timestamp with time zone,
    slowed_at timestamp with time zone,
    slowed numeric DEFAULT 1 NOT NULL,
    CONSTRAINT write_slots_slowed_check CHECK ((slowed >= (1)::numeric))
)
WITH (fillfactor='50');

COMMENT ON TABLE public.write_slots IS 'Paces writes to a space over all replicas, by the clock of the database. The empty space paces all writes of the project.';

COMMENT ON COLUMN public.write_slots.space IS 'spaces/S';

COMMENT ON COLUMN public.write_slots.next_at IS 'When the next run may write to it.';

COMMENT ON COLUMN public.write_slots.given_at IS 'The slot that was given last; null: none so far.';

COMMENT ON COLUMN public.write_slots.paused_until IS 'Until when nobody may write since Google has asked for patience; null: it never did.';

COMMENT ON COLUMN public.write_slots.refused_at IS 'When Google last refused a write for the quota of the space; null: never.';

COMMENT ON COLUMN public.write_slots.slowed_at IS 'When the slots were last put further apart; null: never.';

COMMENT ON COLUMN public.write_slots.slowed IS 'By how much the slots are further apart than configured until five minutes after refused_at: other apps write there, too.';

ALTER TABLE ONLY public.stored_messages ATTACH PARTITION public.stored_messages_unplaced FOR VALUES FROM (MINVALUE) TO ('2015-01-01 00:00:00+00');

ALTER TABLE ONLY public.backfills
    ADD CONSTRAINT backfills_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.coverage
    ADD CONSTRAINT coverage_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.event_sources
    ADD CONSTRAINT event_sources_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.event_sources
    ADD CONSTRAINT event_sources_source_key UNIQUE (source);

ALTER TABLE ONLY public.event_types
    ADD CONSTRAINT event_types_ce_type_key UNIQUE (ce_type);

ALTER TABLE ONLY public.event_types
    ADD CONSTRAINT event_types_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event_time, event_key, ordinal);

ALTER TABLE ONLY public.followed_spaces
    ADD CONSTRAINT followed_spaces_pkey PRIMARY KEY (space);

ALTER TABLE ONLY public.keeper_passes
    ADD CONSTRAINT keeper_passes_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.legal_holds
    ADD CONSTRAINT legal_holds_pkey PRIMARY KEY (scope);

ALTER TABLE ONLY public.member_lists
    ADD CONSTRAINT member_lists_pkey PRIMARY KEY (space);

ALTER TABLE ONLY public.names
    ADD CONSTRAINT names_pkey PRIMARY KEY (name, known_at);

ALTER TABLE ONLY public.own_messages
    ADD CONSTRAINT own_messages_pkey PRIMARY KEY (client_id, space);

ALTER TABLE ONLY public.payload_dictionaries
    ADD CONSTRAINT payload_dictionaries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.proof_checkpoints
    ADD CONSTRAINT proof_checkpoints_pkey PRIMARY KEY (size);

ALTER TABLE ONLY public.proof_copies
    ADD CONSTRAINT proof_copies_pkey PRIMARY KEY (place);

ALTER TABLE ONLY public.proof_leaves
    ADD CONSTRAINT proof_leaves_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.proof_log
    ADD CONSTRAINT proof_log_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.proof_pending
    ADD CONSTRAINT proof_pending_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.proof_tiles
    ADD CONSTRAINT proof_tiles_pkey PRIMARY KEY (level, number);

ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (quarantine_key);

ALTER TABLE ONLY public.reactor_counts
    ADD CONSTRAINT reactor_counts_pkey PRIMARY KEY (hour, reactor, outcome, shadow, shard);

ALTER TABLE ONLY public.reactor_daily_counts
    ADD CONSTRAINT reactor_daily_counts_pkey PRIMARY KEY (day, reactor, outcome, shadow);

ALTER TABLE ONLY public.reactor_evaluations
    ADD CONSTRAINT reactor_evaluations_pkey PRIMARY KEY (at, id);

ALTER TABLE ONLY public.reactor_records
    ADD CONSTRAINT reactor_records_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.reactor_runs
    ADD CONSTRAINT reactor_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reactor_runs
    ADD CONSTRAINT reactor_runs_subject_key UNIQUE (reactor, subject, step_id, shadow);

ALTER TABLE ONLY public.reactor_schedules
    ADD CONSTRAINT reactor_schedules_pkey PRIMARY KEY (reactor);

ALTER TABLE ONLY public.reactor_switches
    ADD CONSTRAINT reactor_switches_pkey PRIMARY KEY (reactor);

ALTER TABLE ONLY public.reader_groups
    ADD CONSTRAINT reader_groups_pkey PRIMARY KEY (role_name, space);

ALTER TABLE ONLY public.reporting
    ADD CONSTRAINT reporting_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.rollup_activity
    ADD CONSTRAINT rollup_activity_pkey PRIMARY KEY (space_id, activity_date, user_id);

ALTER TABLE ONLY public.rollup_days
    ADD CONSTRAINT rollup_days_pkey PRIMARY KEY (space_id, activity_date);

ALTER TABLE ONLY public.rollup_emoji
    ADD CONSTRAINT rollup_emoji_pkey PRIMARY KEY (space_id, activity_date, emoji);

ALTER TABLE ONLY public.rollup_hours
    ADD CONSTRAINT rollup_hours_pkey PRIMARY KEY (space_id, hour_at);

ALTER TABLE ONLY public.rollup_members
    ADD CONSTRAINT rollup_members_pkey PRIMARY KEY (activity_date, user_id);

ALTER TABLE ONLY public.rollup_passes
    ADD CONSTRAINT rollup_passes_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.rollup_responses
    ADD CONSTRAINT rollup_responses_pkey PRIMARY KEY (space_id, activity_date);

ALTER TABLE ONLY public.rollup_retention
    ADD CONSTRAINT rollup_retention_pkey PRIMARY KEY (space_id, cohort_week, week_number);

ALTER TABLE ONLY public.rollup_summary
    ADD CONSTRAINT rollup_summary_pkey PRIMARY KEY (space_id, activity_date);

ALTER TABLE ONLY public.schema_compatibility
    ADD CONSTRAINT schema_compatibility_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.silence_checks
    ADD CONSTRAINT silence_checks_pkey PRIMARY KEY (space);

ALTER TABLE ONLY public.spaces
    ADD CONSTRAINT spaces_id_key UNIQUE (id);

ALTER TABLE ONLY public.spaces
    ADD CONSTRAINT spaces_pkey PRIMARY KEY (space);

ALTER TABLE ONLY public.stored_membership_changes
    ADD CONSTRAINT stored_membership_changes_pkey PRIMARY KEY (space_id, membership, event_time, verb_order, event_key, ordinal);

ALTER TABLE ONLY public.stored_memberships
    ADD CONSTRAINT stored_memberships_pkey PRIMARY KEY (space_id, membership);

ALTER TABLE ONLY public.stored_messages
    ADD CONSTRAINT stored_messages_pkey PRIMARY KEY (create_time, space_id, name);

ALTER TABLE ONLY public.stored_messages_unplaced
    ADD CONSTRAINT stored_messages_unplaced_pkey PRIMARY KEY (create_time, space_id, name);

ALTER TABLE ONLY public.stored_reactions
    ADD CONSTRAINT stored_reactions_pkey PRIMARY KEY (space_id, message, reaction);

ALTER TABLE ONLY public.stored_revisions
    ADD CONSTRAINT stored_revisions_pkey PRIMARY KEY (space_id, name, version_time, version_key);

ALTER TABLE ONLY public.subscription_states
    ADD CONSTRAINT subscription_states_pkey PRIMARY KEY (target);

ALTER TABLE ONLY public.trail
    ADD CONSTRAINT trail_pkey PRIMARY KEY (at, action_key);

ALTER TABLE ONLY public.unapplied_events
    ADD CONSTRAINT unapplied_events_pkey PRIMARY KEY (event_time, event_key);

ALTER TABLE ONLY public.unfetched
    ADD CONSTRAINT unfetched_pkey PRIMARY KEY (event_time, event_key, ordinal);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_id_key UNIQUE (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_name);

ALTER TABLE ONLY public.worker_heartbeats
    ADD CONSTRAINT worker_heartbeats_pkey PRIMARY KEY (single);

ALTER TABLE ONLY public.write_slots
    ADD CONSTRAINT write_slots_pkey PRIMARY KEY (space);

CREATE INDEX backfills_gap_idx ON public.backfills USING btree (gap_id, space) WHERE (gap_id IS NOT NULL);

CREATE UNIQUE INDEX backfills_open_idx ON public.backfills USING btree (space, from_time, to_time) WHERE (finished_at IS NULL);

CREATE INDEX coverage_gap_idx ON public.coverage USING btree (repair) WHERE (source = 'gap'::text);

CREATE INDEX coverage_missed_idx ON public.coverage USING btree (from_time) WHERE (cause IS NOT NULL);

CREATE UNIQUE INDEX coverage_open_idx ON public.coverage USING btree (scope) WHERE (to_time IS NULL);

CREATE INDEX coverage_scope_idx ON public.coverage USING btree (scope, from_time);

CREATE UNIQUE INDEX erasures_open_idx ON public.erasures USING btree (member) WHERE (finished_at IS NULL);

CREATE INDEX events_audit_idx ON ONLY public.events USING brin (event_time, type_id int2_minmax_multi_ops, actor_id int4_bloom_ops) WITH (pages_per_range='32');

CREATE INDEX events_space_idx ON ONLY public.events USING btree (space_id, event_time) INCLUDE (actor_id, type_id) WHERE (space_id IS NOT NULL);

CREATE INDEX own_messages_made_at_idx ON public.own_messages USING brin (made_at);

CREATE INDEX quarantine_event_key_idx ON public.quarantine USING btree (event_key);

CREATE INDEX quarantine_received_at_idx ON public.quarantine USING btree (received_at);

CREATE INDEX reactor_evaluations_failed_idx ON public.reactor_evaluations USING btree (at) WHERE (outcome = 'failed'::text);

CREATE INDEX reactor_evaluations_member_idx ON public.reactor_evaluations USING btree (member, at);

CREATE INDEX reactor_evaluations_reactor_idx ON public.reactor_evaluations USING btree (reactor, at);

CREATE INDEX reactor_evaluations_space_idx ON public.reactor_evaluations USING btree (space, at);

CREATE INDEX reactor_runs_admitted_idx ON public.reactor_runs USING btree (reactor, admitted_at) WHERE (admitted_at IS NOT NULL);

CREATE INDEX reactor_runs_due_idx ON public.reactor_runs USING btree (due_at) WHERE ((outcome = 'pending'::text) AND (NOT held));

CREATE INDEX reactor_runs_ended_idx ON public.reactor_runs USING brin (finished_at) WITH (pages_per_range='16');

CREATE INDEX reactor_runs_event_time_idx ON public.reactor_runs USING brin (event_time) WITH (pages_per_range='16');

CREATE INDEX reactor_runs_failed_idx ON public.reactor_runs USING btree (id) WHERE (outcome = 'failed'::text);

CREATE INDEX reactor_runs_finished_idx ON public.reactor_runs USING btree (finished_at) WHERE (outcome = ANY (ARRAY['condition_false'::text, 'left'::text, 'stopped'::text, 'quiet'::text, 'rate_limited'::text, 'loop'::text, 'too_old'::text, 'cancelled'::text]));

CREATE INDEX reactor_runs_loop_idx ON public.reactor_runs USING btree (acts_in, admitted_at) WHERE ((acts_in <> ''::text) AND (admitted_at IS NOT NULL));

CREATE INDEX reactor_runs_member_idx ON public.reactor_runs USING btree (member, id);

CREATE INDEX reactor_runs_pending_idx ON public.reactor_runs USING btree (reactor, space, step_id) WHERE (outcome = ANY (ARRAY['pending'::text, 'unclear'::text]));

CREATE INDEX reactor_runs_space_idx ON public.reactor_runs USING btree (space, id);

CREATE INDEX reactor_runs_speaker_idx ON public.reactor_runs USING btree (speaker) WHERE (speaker IS NOT NULL);

CREATE INDEX rollup_activity_date_idx ON public.rollup_activity USING btree (activity_date);

CREATE INDEX rollup_activity_user_idx ON public.rollup_activity USING btree (user_id, space_id, activity_date);

CREATE INDEX rollup_hours_hour_idx ON public.rollup_hours USING btree (hour_at);

CREATE INDEX rollup_members_user_idx ON public.rollup_members USING btree (user_id, activity_date);

CREATE INDEX rollup_responses_date_idx ON public.rollup_responses USING btree (activity_date);

CREATE INDEX rollup_stays_space_idx ON public.rollup_stays USING btree (space_id, user_id);

CREATE INDEX rollup_summary_date_idx ON public.rollup_summary USING btree (activity_date);

CREATE INDEX stored_membership_changes_time_idx ON public.stored_membership_changes USING btree (event_time);

CREATE INDEX stored_memberships_member_idx ON public.stored_memberships USING btree (member);

CREATE INDEX stored_messages_quoted_idx ON ONLY public.stored_messages USING btree (quoted) WHERE (quoted IS NOT NULL);

CREATE INDEX stored_messages_root_idx ON ONLY public.stored_messages USING btree (split_part(name, '.'::text, 1));

CREATE INDEX stored_messages_thread_idx ON ONLY public.stored_messages USING btree (thread) WHERE (thread <> ''::text);

CREATE INDEX stored_messages_unplaced_quoted_idx ON public.stored_messages_unplaced USING btree (quoted) WHERE (quoted IS NOT NULL);

CREATE INDEX stored_messages_unplaced_split_part_idx ON public.stored_messages_unplaced USING btree (split_part(name, '.'::text, 1));

CREATE INDEX stored_messages_unplaced_thread_idx ON public.stored_messages_unplaced USING btree (thread) WHERE (thread <> ''::text);

CREATE INDEX stored_reactions_added_idx ON public.stored_reactions USING btree (added_at);

CREATE INDEX stored_reactions_time_idx ON public.stored_reactions USING brin (version_time);

CREATE INDEX stored_revisions_time_idx ON public.stored_revisions USING brin (version_time);

CREATE INDEX write_slots_refused_idx ON public.write_slots USING btree (refused_at) WHERE (refused_at IS NOT NULL);

ALTER INDEX public.stored_messages_pkey ATTACH PARTITION public.stored_messages_unplaced_pkey;

ALTER INDEX public.stored_messages_quoted_idx ATTACH PARTITION public.stored_messages_unplaced_quoted_idx;

ALTER INDEX public.stored_messages_root_idx ATTACH PARTITION public.stored_messages_unplaced_split_part_idx;

ALTER INDEX public.stored_messages_thread_idx ATTACH PARTITION public.stored_messages_unplaced_thread_idx;

CREATE TRIGGER keep_message_version BEFORE UPDATE ON public.stored_messages FOR EACH ROW EXECUTE FUNCTION public.keep_message_version();

CREATE TRIGGER keep_name BEFORE INSERT OR UPDATE ON public.spaces FOR EACH ROW WHEN ((isfinite(new.version_time) OR (new.named_at IS NOT NULL))) EXECUTE FUNCTION public.keep_name();

CREATE TRIGGER keep_name BEFORE INSERT OR UPDATE ON public.users FOR EACH ROW WHEN ((new.display_name IS NOT NULL)) EXECUTE FUNCTION public.keep_name();

CREATE TRIGGER note_added AFTER INSERT ON public.stored_membership_changes REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_members();

CREATE TRIGGER note_added AFTER INSERT ON public.stored_memberships REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_members();

CREATE TRIGGER note_added AFTER INSERT ON public.stored_messages REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_messages();

CREATE TRIGGER note_added AFTER INSERT ON public.stored_reactions REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_reactions();

CREATE TRIGGER note_changed AFTER UPDATE ON public.stored_membership_changes REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_members();

CREATE TRIGGER note_changed AFTER UPDATE ON public.stored_memberships REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_members();

CREATE TRIGGER note_changed AFTER UPDATE ON public.stored_messages REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_messages();

CREATE TRIGGER note_changed AFTER UPDATE ON public.stored_reactions REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_reactions();

CREATE TRIGGER note_coverage AFTER INSERT OR UPDATE OF from_time, to_time, source ON public.coverage FOR EACH ROW EXECUTE FUNCTION public.note_coverage();

CREATE TRIGGER note_gone AFTER DELETE ON public.stored_membership_changes REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.note_members();

CREATE TRIGGER note_gone AFTER DELETE ON public.stored_memberships REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.note_members();

CREATE TRIGGER note_gone AFTER DELETE ON public.stored_messages REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.note_messages();

CREATE TRIGGER note_gone AFTER DELETE ON public.stored_reactions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.note_reactions();

CREATE TRIGGER note_new AFTER INSERT ON public.spaces REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_names();

CREATE TRIGGER note_new AFTER INSERT ON public.users REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.note_names();

CREATE TRIGGER note_row AFTER UPDATE ON public.spaces FOR EACH ROW WHEN (((old.deleted_at IS DISTINCT FROM new.deleted_at) OR (old.threading_state IS DISTINCT FROM new.threading_state) OR (old.space_type IS DISTINCT FROM new.space_type))) EXECUTE FUNCTION public.note_row();

CREATE TRIGGER note_row AFTER UPDATE ON public.users FOR EACH ROW WHEN ((old.user_type IS DISTINCT FROM new.user_type)) EXECUTE FUNCTION public.note_row();

CREATE TRIGGER refuse_name BEFORE INSERT ON public.names FOR EACH ROW EXECUTE FUNCTION public.refuse_name();
