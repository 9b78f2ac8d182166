-- Why: an auditor asks who did what, when, where and on what, of all that is recorded, in one shape.

-- +goose Up

CREATE TABLE trail (
  at timestamptz NOT NULL,
  action_key uuid NOT NULL,
  action text COLLATE "C" NOT NULL CONSTRAINT trail_action_check CHECK (action ~ '^[a-z]{1,20}\.[a-z_]{1,40}$'),
  role_name text COLLATE "C" NOT NULL,
  operator text CONSTRAINT trail_operator_check CHECK (length(operator) BETWEEN 1 AND 200),
  target text COLLATE "C" CONSTRAINT trail_target_check CHECK (length(target) BETWEEN 1 AND 500),
  space text COLLATE "C" CONSTRAINT trail_space_check CHECK (length(space) BETWEEN 1 AND 200),
  details json NOT NULL CONSTRAINT trail_details_check CHECK (length(details::text) <= 100000 AND strpos(details::text, E'\n') = 0),
  CONSTRAINT trail_pkey PRIMARY KEY (at, action_key)
);
COMMENT ON TABLE trail IS 'What people did with what is recorded: whose content they looked at, what they exported, erased or changed. Rows are added by analytics.record_action alone.';
COMMENT ON COLUMN trail.at IS 'When, by the database''s clock.';
COMMENT ON COLUMN trail.action_key IS 'Tells it from others of that time.';
COMMENT ON COLUMN trail.action IS 'What was done: access.content_viewed, export.started, … See docs/audit-actions.md.';
COMMENT ON COLUMN trail.role_name IS 'The role that logged in to the database.';
COMMENT ON COLUMN trail.operator IS 'Who that was, as the program told it: the user of the operating system, or of a page; null if it told nobody.';
COMMENT ON COLUMN trail.target IS 'What it was done to, as docs/audit-actions.md says of each; null if it was no one thing.';
COMMENT ON COLUMN trail.space IS 'spaces/S: where that is; null if it is in no space, or in more than one.';
COMMENT ON COLUMN trail.details IS 'What else is to be known: query, reason, numbers.';

-- +goose StatementBegin
CREATE FUNCTION leaf_field(field bytea) RETURNS bytea
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN field IS NULL THEN '-,'::bytea ELSE convert_to(length(field) || ':', 'UTF8') || field || ','::bytea END;
-- +goose StatementEnd
COMMENT ON FUNCTION leaf_field(bytea) IS 'A field of a leaf, as docs/proof.md describes it.';

-- It acts as the owner of the tables, whoever calls it: so a reader adds what it did,
-- and neither says who it is nor when that was.
-- +goose StatementBegin
CREATE FUNCTION analytics.record_action(action text, operator text, target text, space text, details json) RETURNS uuid
  LANGUAGE plpgsql SECURITY DEFINER AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION analytics.record_action(text, text, text, text, json) IS 'Adds a row to the trail and its leaf to the log, and returns its key. Readers may record that they looked at something (access.…) or exported it (export.…).';
REVOKE ALL ON FUNCTION analytics.record_action(text, text, text, text, json) FROM PUBLIC;
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION analytics.record_action(text, text, text, text, json) SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd

-- What is rare among the events of a time, a person's or a kind's, is found without
-- reading them all: rows lie nearly in the order of their time, and for each part of
-- the table this says what is in it.
CREATE INDEX events_audit_idx ON events USING brin (event_time, type_id int2_minmax_multi_ops, actor_id int4_bloom_ops) WITH (pages_per_range = 32);
CREATE INDEX coverage_missed_idx ON coverage (from_time) WHERE cause IS NOT NULL;
CREATE INDEX reactor_runs_ended_idx ON reactor_runs USING brin (finished_at) WITH (pages_per_range = 16);

-- +goose StatementBegin
CREATE FUNCTION audit_record(at timestamptz, key text) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN (lpad(to_hex((date_part('epoch', at) * 1000000)::bigint), 14, '0') || key) COLLATE "C";
-- +goose StatementEnd
COMMENT ON FUNCTION audit_record(timestamptz, text) IS 'The id of an audit record: its time in microseconds, as 14 hexadecimal digits, and what tells it from others of that time. So ids are in the order of time.';

CREATE VIEW message_versions AS
SELECT version_time, event_time, payload_as_of, version_key, space_id, verb_order, attachments, name, split_part(name, '.', 1) AS root, text
FROM stored_messages
WHERE text IS NOT NULL
UNION ALL
SELECT version_time, event_time, payload_as_of, version_key, space_id, verb_order, attachments, name, split_part(name, '.', 1), text
FROM stored_revisions
WHERE text IS NOT NULL;
COMMENT ON VIEW message_versions IS 'Every version of every message that has a text, one for each event that told it. Ask by space_id, name and root.';
COMMENT ON COLUMN message_versions.root IS 'What name begins with: the index of stored_messages has it.';

-- The views audit_… have the same columns, which analytics.audit_log describes. What
-- costs a look-up is told by a sub-select: who doesn't ask for it doesn't pay.
CREATE VIEW audit_events WITH (security_barrier) AS
SELECT audit_record(a.event_time, 'e' || replace(a.event_key::text, '-', '') || a.ordinal) AS record_id,
       a.event_time AS occurred_at,
       a.received_at AS recorded_at,
       a.kind AS category,
       a.action,
       a.actor AS actor_id,
       (
         SELECT n.display_name FROM names n WHERE n.name = a.actor AND n.known_at <= a.event_time ORDER BY n.known_at DESC LIMIT 1
       ) AS actor_name,
       a.actor_kind,
       a.space AS space_id,
       (
         SELECT n.display_name FROM names n WHERE n.name = a.space AND n.known_at <= a.event_time ORDER BY n.known_at DESC LIMIT 1
       ) AS space_name,
       (CASE a.kind WHEN 'reaction' THEN 'message' ELSE a.kind END) COLLATE "C" AS target_type,
       (CASE a.kind
         WHEN 'space' THEN a.space
         WHEN 'reaction' THEN full_name(a.name, a.space || '/messages')
         ELSE full_name(a.resource, a.space)
       END) COLLATE "C" AS target_id,
       CASE WHEN a.kind = 'space' THEN (
         SELECT n.display_name FROM names n WHERE n.name = a.space AND n.known_at <= a.event_time ORDER BY n.known_at DESC LIMIT 1
       ) END AS target_name,
       (
         SELECT full_name(CASE m.thread WHEN '' THEN split_part(m.name, '.', 1) ELSE m.thread END, a.space || '/threads')
         FROM stored_messages m
         WHERE split_part(m.name, '.', 1) = split_part(a.name, '.', 1) AND m.space_id = a.space_number AND m.name = a.name
       ) COLLATE "C" AS thread_id,
       (
         SELECT CASE WHEN m.create_time > '-infinity' THEN m.create_time END
         FROM stored_messages m
         WHERE split_part(m.name, '.', 1) = split_part(a.name, '.', 1) AND m.space_id = a.space_number AND m.name = a.name
       ) AS target_created_at,
       CASE
         WHEN a.action IN ('message.edited', 'message.deleted') THEN (
           SELECT json_strip_nulls(json_build_object(
             'text', CASE WHEN (SELECT content FROM reader_rights) THEN v.text END, 'characters', char_length(v.text),
             'attachments', v.attachments, 'as_of', v.payload_as_of))
           FROM message_versions v
           WHERE v.root = split_part(a.name, '.', 1) AND v.space_id = a.space_number AND v.name = a.name AND (a.action = 'message.deleted' OR v.version_time < COALESCE((
             SELECT o.version_time
             FROM message_versions o
             WHERE o.root = split_part(a.name, '.', 1) AND o.space_id = a.space_number AND o.name = a.name AND o.version_key = a.event_key
             LIMIT 1
           ), a.event_time))
           ORDER BY v.version_time DESC, v.event_time DESC, v.verb_order DESC, v.version_key DESC
           LIMIT 1
         )
         WHEN a.action = 'reaction.removed' THEN (
           SELECT json_build_object('emoji', r.emoji)
           FROM stored_reactions r
           WHERE r.space_id = a.space_number AND r.message = a.name AND r.reaction = a.reaction AND r.emoji IS NOT NULL
         )
         WHEN a.kind = 'space' THEN (
           SELECT json_build_object('display_name', n.display_name)
           FROM names n
           WHERE n.name = a.space AND n.known_at < a.event_time
           ORDER BY n.known_at DESC
           LIMIT 1
         )
       END AS prior_state,
       CASE
         WHEN a.action IN ('message.created', 'message.edited') THEN (
           SELECT json_strip_nulls(json_build_object(
             'text', CASE WHEN (SELECT content FROM reader_rights) THEN v.text END, 'characters', char_length(v.text),
             'attachments', v.attachments, 'as_of', v.payload_as_of))
           FROM message_versions v
           WHERE v.root = split_part(a.name, '.', 1) AND v.space_id = a.space_number AND v.name = a.name AND v.version_key = a.event_key
           LIMIT 1
         )
         WHEN a.action = 'message.deleted' THEN (
           SELECT json_build_object('deletion_class', lower(replace(m.deletion_type, '_VIA_APP', '')))
           FROM stored_messages m
           WHERE split_part(m.name, '.', 1) = split_part(a.name, '.', 1) AND m.space_id = a.space_number AND m.name = a.name
             AND m.deletion_type IS NOT NULL
         )
         WHEN a.action = 'reaction.added' THEN (
           SELECT json_build_object('emoji', r.emoji)
           FROM stored_reactions r
           WHERE r.space_id = a.space_number AND r.message = a.name AND r.reaction = a.reaction AND r.emoji IS NOT NULL
         )
         WHEN a.action = 'space.updated' THEN (
           SELECT json_build_object('display_name', n.display_name)
           FROM names n
           WHERE n.name = a.space AND n.known_at <= a.event_time
           ORDER BY n.known_at DESC
           LIMIT 1
         )
       END AS resulting_state,
       CASE a.action
         WHEN 'message.edited' THEN (
           SELECT array_remove(ARRAY[CASE WHEN v.text <> o.text THEN 'text' END, CASE WHEN v.attachments <> o.attachments THEN 'attachments' END], NULL)
           FROM message_versions v
           JOIN message_versions o ON o.root = v.root AND o.space_id = v.space_id AND o.name = v.name AND o.version_time < v.version_time
           WHERE v.root = split_part(a.name, '.', 1) AND v.space_id = a.space_number AND v.name = a.name AND v.version_key = a.event_key
           ORDER BY o.version_time DESC, o.event_time DESC, o.verb_order DESC, o.version_key DESC
           LIMIT 1
         )
         WHEN 'space.updated' THEN (
           SELECT array_remove(ARRAY[CASE WHEN lag(n.display_name) OVER (ORDER BY n.known_at) <> n.display_name AND n.known_at = a.event_time THEN 'name' END], NULL)
           FROM names n
           WHERE n.name = a.space AND n.known_at <= a.event_time
           ORDER BY n.known_at DESC
           LIMIT 1
         )
       END AS changed,
       a.source,
       a.told_by
FROM (
  SELECT e.event_time, e.received_at, e.event_key, e.ordinal, e.space_id AS space_number, t.kind, e.resource, p.space,
         (CASE t.kind || '.' || t.verb
           WHEN 'message.updated' THEN 'message.edited'
           WHEN 'reaction.created' THEN 'reaction.added'
           WHEN 'reaction.deleted' THEN 'reaction.removed'
           WHEN 'subscription.expiration_reminder' THEN 'subscription.expiring'
           ELSE t.kind || '.' || t.verb
         END) COLLATE "C" AS action,
         '/' || split_part(e.resource, '/', 3) AS name, '/' || split_part(e.resource, '/', 5) AS reaction,
         u.user_name AS actor,
         (CASE
           WHEN t.kind = 'subscription' THEN 'google'
           WHEN u.user_type = 'HUMAN' THEN 'person'
           WHEN u.user_type = 'BOT' THEN 'app'
           ELSE 'unknown'
         END) COLLATE "C" AS actor_kind,
         (CASE e.origin WHEN 'l' THEN 'live' ELSE 'backfill' END) COLLATE "C" AS source,
         (t.kind || '.' || t.verb) COLLATE "C" AS told_by
  FROM events e
  JOIN event_types t ON t.id = e.type_id AND t.kind IN ('message', 'reaction', 'space', 'subscription')
  LEFT JOIN readable_spaces p ON p.id = e.space_id
  -- Google doesn't tell who deleted a message, even if an event should name somebody.
  LEFT JOIN users u ON u.id = e.actor_id AND (t.kind = 'reaction' OR t.kind = 'message' AND t.verb <> 'deleted')
  WHERE p.id IS NOT NULL OR e.space_id IS NULL AND (SELECT all_spaces FROM reader_rights)
) a;

CREATE VIEW audit_members WITH (security_barrier) AS
SELECT audit_record(a.event_time, CASE a.origin WHEN 's' THEN 'l' || a.space_number || a.membership ELSE 'm' || replace(a.event_key::text, '-', '') || a.ordinal END) AS record_id,
       a.event_time AS occurred_at,
       (SELECT e.received_at FROM events e WHERE e.event_time = a.event_time AND e.event_key = a.event_key AND e.ordinal = a.ordinal) AS recorded_at,
       'member' COLLATE "C" AS category,
       (a.target_type || CASE
         WHEN a.state = 'JOINED' AND (a.prior_state <> 'JOINED' OR a.prior_state IS NULL AND a.verb = 'created') THEN '.joined'
         WHEN a.state <> 'JOINED' AND (a.prior_state = 'JOINED' OR a.prior_state IS NULL AND a.verb = 'deleted') THEN '.left'
         WHEN a.state = 'INVITED' AND (a.prior_state <> 'INVITED' OR a.prior_state IS NULL) THEN '.invited'
         WHEN a.state = 'JOINED' AND a.verb <> 'created' AND a.role <> a.prior_role THEN '.role_changed'
         WHEN a.origin = 's' AND a.prior_state IS NULL THEN '.listed'
         ELSE '.updated'
       END) COLLATE "C" AS action,
       NULL::text COLLATE "C" AS actor_id,
       NULL::text AS actor_name,
       'unknown' COLLATE "C" AS actor_kind,
       a.space AS space_id,
       (SELECT n.display_name FROM names n WHERE n.name = a.space AND n.known_at <= a.event_time ORDER BY n.known_at DESC LIMIT 1) AS space_name,
       a.target_type COLLATE "C" AS target_type,
       a.member AS target_id,
       (SELECT n.display_name FROM names n WHERE n.name = a.member AND n.known_at <= a.event_time ORDER BY n.known_at DESC LIMIT 1) AS target_name,
       NULL::text COLLATE "C" AS thread_id,
       NULL::timestamptz AS target_created_at,
       CASE WHEN a.prior_state IS NOT NULL THEN json_strip_nulls(json_build_object('state', a.prior_state, 'role', a.prior_role)) END AS prior_state,
       CASE WHEN a.state IS NOT NULL THEN json_strip_nulls(json_build_object('state', a.state, 'role', a.role, 'as_of', a.fetched_at)) END AS resulting_state,
       CASE WHEN a.prior_state IS NOT NULL AND a.state IS NOT NULL THEN array_remove(ARRAY[
         CASE WHEN a.state <> a.prior_state THEN 'state' END, CASE WHEN a.role <> a.prior_role THEN 'role' END], NULL) END AS changed,
       a.source,
       a.told_by
FROM (
  SELECT c.event_time, c.event_key, c.ordinal, c.space_id AS space_number, c.membership, c.origin, c.verb, c.state, c.role, c.fetched_at, p.space, m.member,
         CASE WHEN m.member LIKE 'groups/%' THEN 'group' ELSE 'member' END AS target_type,
         b.state AS prior_state, b.role AS prior_role,
         (CASE c.origin WHEN 'l' THEN 'live' WHEN 'b' THEN 'backfill' ELSE 'reconcile' END) COLLATE "C" AS source,
         (CASE c.origin WHEN 's' THEN 'member_list' ELSE 'membership.' || c.verb END) COLLATE "C" AS told_by
  FROM stored_membership_changes c
  JOIN readable_spaces p ON p.id = c.space_id
  LEFT JOIN stored_memberships m ON m.space_id = c.space_id AND m.membership = c.membership
  LEFT JOIN LATERAL (
    SELECT o.state, o.role
    FROM stored_membership_changes o
    WHERE o.space_id = c.space_id AND o.membership = c.membership AND o.state IS NOT NULL
      AND (o.event_time, o.verb_order, o.event_key, o.ordinal) < (c.event_time, c.verb_order, c.event_key, c.ordinal)
      -- As in membership_intervals: a list may show somebody who joined while it was read.
      AND NOT (o.origin = 's' AND o.state = 'JOINED' AND c.verb = 'created' AND c.state = 'JOINED'
        AND c.event_time < o.event_time + interval '10 minutes') IS TRUE
    ORDER BY o.event_time DESC, o.verb_order DESC, o.event_key DESC, o.ordinal DESC
    LIMIT 1
  ) b ON true
  WHERE c.event_time <= COALESCE(p.deleted_at, 'infinity') AND NOT (c.origin = 's' AND c.state = 'JOINED' AND (
    SELECT o.verb = 'created' AND o.state = 'JOINED' AND o.event_time < c.event_time + interval '10 minutes'
    FROM stored_membership_changes o
    WHERE o.space_id = c.space_id AND o.membership = c.membership AND o.state IS NOT NULL AND o.event_time >= c.event_time AND o.verb_order > 0
    ORDER BY o.event_time, o.verb_order, o.event_key, o.ordinal
    LIMIT 1
  )) IS TRUE
) a;

CREATE VIEW audit_gaps WITH (security_barrier) AS
SELECT audit_record(a.at, 'g' || c.id || '-' || a.step) AS record_id,
       a.at AS occurred_at,
       CASE a.step WHEN 'opened' THEN c.created_at WHEN 'closed' THEN a.at WHEN 'acknowledged' THEN a.at END AS recorded_at,
       'gap' COLLATE "C" AS category,
       ('gap.' || a.step) COLLATE "C" AS action,
       NULL::text COLLATE "C" AS actor_id,
       NULL::text AS actor_name,
       (CASE a.step WHEN 'acknowledged' THEN 'unknown' ELSE 'spacekeeper' END) COLLATE "C" AS actor_kind,
       p.space AS space_id,
       (SELECT n.display_name FROM names n WHERE n.name = p.space AND n.known_at <= a.at ORDER BY n.known_at DESC LIMIT 1) AS space_name,
       'coverage' COLLATE "C" AS target_type,
       c.scope AS target_id,
       NULL::text AS target_name,
       NULL::text COLLATE "C" AS thread_id,
       NULL::timestamptz AS target_created_at,
       NULL::json AS prior_state,
       json_strip_nulls(json_build_object('from', c.from_time, 'to', c.to_time, 'cause', c.cause, 'repair', CASE WHEN a.step <> 'opened' THEN c.repair END,
         'events', CASE a.step WHEN 'closed' THEN c.events END, 'acknowledgement', CASE a.step WHEN 'acknowledged' THEN c.acknowledgement END)) AS resulting_state,
       NULL::text[] AS changed,
       'live' COLLATE "C" AS source,
       'coverage' COLLATE "C" AS told_by
FROM coverage c
CROSS JOIN LATERAL (VALUES ('opened', c.from_time), ('ended', c.to_time), ('closed', c.repaired_at), ('acknowledged', c.acknowledged_at)) a (step, at)
LEFT JOIN readable_spaces p ON p.space = c.scope
WHERE c.cause IS NOT NULL AND a.at IS NOT NULL AND (p.space IS NOT NULL OR (SELECT all_spaces FROM reader_rights));

CREATE VIEW audit_runs WITH (security_barrier) AS
SELECT audit_record(r.finished_at, 'r' || r.id) AS record_id,
       r.finished_at AS occurred_at,
       r.finished_at AS recorded_at,
       'reactor' COLLATE "C" AS category,
       (CASE r.outcome WHEN 'sent' THEN 'reactor.sent' WHEN 'failed' THEN 'reactor.failed' WHEN 'unclear' THEN 'reactor.unclear' ELSE 'reactor.suppressed' END) COLLATE "C" AS action,
       NULL::text COLLATE "C" AS actor_id,
       NULL::text AS actor_name,
       'spacekeeper' COLLATE "C" AS actor_kind,
       NULLIF(r.space, '') AS space_id,
       (SELECT n.display_name FROM names n WHERE n.name = NULLIF(r.space, '') AND n.known_at <= r.finished_at ORDER BY n.known_at DESC LIMIT 1) AS space_name,
       'rule' COLLATE "C" AS target_type,
       r.reactor AS target_id,
       NULL::text AS target_name,
       NULL::text COLLATE "C" AS thread_id,
       NULL::timestamptz AS target_created_at,
       NULL::json AS prior_state,
       json_strip_nulls(json_build_object('outcome', r.outcome, 'trigger', r.trigger, 'step', NULLIF(r.step_id, ''), 'member', NULLIF(r.member, ''),
         'shadow', CASE WHEN r.shadow THEN true END)) AS resulting_state,
       NULL::text[] AS changed,
       'live' COLLATE "C" AS source,
       'reactor' COLLATE "C" AS told_by
FROM reactor_runs r
LEFT JOIN readable_spaces p ON p.space = r.space
WHERE r.finished_at IS NOT NULL AND (p.space IS NOT NULL OR (SELECT all_spaces FROM reader_rights));

CREATE VIEW audit_trail WITH (security_barrier) AS
SELECT audit_record(t.at, 'a' || replace(t.action_key::text, '-', '')) AS record_id,
       t.at AS occurred_at,
       t.at AS recorded_at,
       split_part(t.action, '.', 1) COLLATE "C" AS category,
       t.action,
       'roles/' || t.role_name AS actor_id,
       t.operator AS actor_name,
       'operator' COLLATE "C" AS actor_kind,
       t.space AS space_id,
       (SELECT n.display_name FROM names n WHERE n.name = t.space AND n.known_at <= t.at ORDER BY n.known_at DESC LIMIT 1) AS space_name,
       (CASE split_part(t.action, '.', 1) WHEN 'erasure' THEN 'member' WHEN 'policy' THEN 'policy' WHEN 'reactor' THEN 'rule' ELSE 'records' END) COLLATE "C" AS target_type,
       t.target AS target_id,
       NULL::text AS target_name,
       NULL::text COLLATE "C" AS thread_id,
       NULL::timestamptz AS target_created_at,
       NULL::json AS prior_state,
       t.details AS resulting_state,
       NULL::text[] AS changed,
       'live' COLLATE "C" AS source,
       'trail' COLLATE "C" AS told_by
FROM trail t
WHERE (SELECT all_spaces FROM reader_rights);
COMMENT ON VIEW audit_events IS 'Audit records of messages, reactions, spaces and subscriptions: one for each event.';
COMMENT ON VIEW audit_members IS 'Audit records of memberships: one for each event, and for what lists of members added.';
COMMENT ON VIEW audit_gaps IS 'Audit records of what was not seen: when it began, ended, was fetched later or acknowledged.';
COMMENT ON VIEW audit_runs IS 'Audit records of what rules did: one for each run that has ended.';
COMMENT ON VIEW audit_trail IS 'Audit records of what people did with what is recorded: one for each row of trail, for those who see all spaces.';

CREATE VIEW analytics.audit_log WITH (security_barrier) AS
SELECT record_id, occurred_at, recorded_at, category, action, actor_id, actor_name, actor_kind, space_id, space_name, target_type, target_id,
       target_name, thread_id, target_created_at, prior_state, resulting_state, changed, source, told_by
FROM audit_events
UNION ALL
SELECT record_id, occurred_at, recorded_at, category, action, actor_id, actor_name, actor_kind, space_id, space_name, target_type, target_id,
       target_name, thread_id, target_created_at, prior_state, resulting_state, changed, source, told_by
FROM audit_members
UNION ALL
SELECT record_id, occurred_at, recorded_at, category, action, actor_id, actor_name, actor_kind, space_id, space_name, target_type, target_id,
       target_name, thread_id, target_created_at, prior_state, resulting_state, changed, source, told_by
FROM audit_gaps
UNION ALL
SELECT record_id, occurred_at, recorded_at, category, action, actor_id, actor_name, actor_kind, space_id, space_name, target_type, target_id,
       target_name, thread_id, target_created_at, prior_state, resulting_state, changed, source, told_by
FROM audit_runs
UNION ALL
SELECT record_id, occurred_at, recorded_at, category, action, actor_id, actor_name, actor_kind, space_id, space_name, target_type, target_id,
       target_name, thread_id, target_created_at, prior_state, resulting_state, changed, source, told_by
FROM audit_trail;
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

CREATE VIEW analytics.proof WITH (security_barrier) AS
SELECT l.size AS leaves, l.edge, l.sealed_at, (SELECT c.note FROM proof_checkpoints c ORDER BY c.size DESC LIMIT 1) AS checkpoint
FROM proof_log l
WHERE (SELECT all_spaces FROM reader_rights);
COMMENT ON VIEW analytics.proof IS 'How far the log of docs/proof.md is, by which nothing recorded can be changed unseen: one row, for those who see all spaces.';
COMMENT ON COLUMN analytics.proof.leaves IS 'Number of leaves.';
COMMENT ON COLUMN analytics.proof.edge IS 'The roots of the largest full subtrees, from left to right: they make the root.';
COMMENT ON COLUMN analytics.proof.sealed_at IS 'When leaves were last added; null for an empty log.';
COMMENT ON COLUMN analytics.proof.checkpoint IS 'The newest signed checkpoint; null without one.';

-- The columns of the other views mean what they mean in it, or in the tables that they come from.
-- +goose StatementBegin
DO $$
DECLARE
  shown record;
BEGIN
  FOR shown IN
    SELECT a.attrelid::regclass AS view, a.attname AS name, d.description
    FROM pg_class v
    JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0 AND col_description(v.oid, a.attnum) IS NULL
    JOIN pg_attribute b ON b.attname = a.attname
      AND b.attrelid = CASE v.relname WHEN 'message_versions' THEN 'stored_messages'::regclass ELSE 'analytics.audit_log'::regclass END
    JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = b.attrelid AND d.objsubid = b.attnum
    WHERE v.relkind = 'v' AND v.relnamespace = current_schema()::regnamespace AND (v.relname LIKE 'audit\_%' OR v.relname = 'message_versions')
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.name, shown.description);
  END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW analytics.proof;
DROP VIEW analytics.audit_log;
DROP VIEW audit_trail;
DROP VIEW audit_runs;
DROP VIEW audit_gaps;
DROP VIEW audit_members;
DROP VIEW audit_events;
DROP VIEW message_versions;
DROP FUNCTION audit_record(timestamptz, text);
DROP FUNCTION analytics.record_action(text, text, text, text, json);
DROP FUNCTION leaf_field(bytea);
DROP TABLE trail;
DROP INDEX reactor_runs_ended_idx;
DROP INDEX coverage_missed_idx;
DROP INDEX events_audit_idx;
