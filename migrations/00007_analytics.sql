-- Why: analysts and dashboards need names and meanings that stay as they are while the tables below them change.

-- +goose Up

CREATE SCHEMA analytics;
COMMENT ON SCHEMA analytics IS 'Version 1. What analysts and dashboards read: the only part of the database that is promised to stay as it is. Times are timestamptz; days (…_date) are those of the reporting zone. NULL is unknown, or a share of nothing; it is never 0.';

CREATE TABLE reporting (
  changed_at timestamptz NOT NULL DEFAULT now(),
  single boolean PRIMARY KEY DEFAULT true CONSTRAINT reporting_single_check CHECK (single),
  -- A zone that Postgres doesn't know would make every view fail.
  zone text NOT NULL DEFAULT 'UTC' CONSTRAINT reporting_zone_check CHECK (timezone(zone, '2026-01-01 00:00:00+00'::timestamptz) IS NOT NULL)
);
INSERT INTO reporting DEFAULT VALUES;
COMMENT ON TABLE reporting IS 'One row: how the schema analytics counts days.';
COMMENT ON COLUMN reporting.changed_at IS 'Since when the zone is this one.';
COMMENT ON COLUMN reporting.single IS 'Always true: there is one row.';
COMMENT ON COLUMN reporting.zone IS 'IANA name of the zone in which days begin and end. The worker writes it at its start: analytics.zone in its configuration.';

CREATE TABLE reader_groups (
  role_name text COLLATE "C" NOT NULL,
  space text COLLATE "C" NOT NULL,
  CONSTRAINT reader_groups_pkey PRIMARY KEY (role_name, space)
);
COMMENT ON TABLE reader_groups IS 'Which spaces the readers of a group see in the schema analytics. Who belongs to no group sees all that a reader may.';
COMMENT ON COLUMN reader_groups.role_name IS 'Role of Postgres whose members are confined to the spaces of its rows.';
COMMENT ON COLUMN reader_groups.space IS 'spaces/S';

-- Roles are asked for once in a query, not for each row: whoever reads this takes
-- its columns by (SELECT … FROM reader_rights). A superuser is a member of all roles.
CREATE VIEW reader_rights AS
SELECT pg_has_role(n.nspowner, 'MEMBER') OR NOT EXISTS (
         SELECT FROM reader_groups g JOIN pg_roles r ON r.rolname = g.role_name WHERE pg_has_role(r.oid, 'MEMBER')
       ) AS all_spaces,
       pg_has_role(COALESCE((SELECT oid FROM pg_roles WHERE rolname = 'spacekeeper_content'), n.nspowner), 'MEMBER') AS content
FROM pg_namespace n
WHERE n.nspname = 'analytics';
COMMENT ON VIEW reader_rights IS 'One row: what whoever asks may see in the schema analytics.';
COMMENT ON COLUMN reader_rights.all_spaces IS 'Whether all spaces: as the owner of the schema, or as no member of a role in reader_groups.';
COMMENT ON COLUMN reader_rights.content IS 'Whether text of messages: as a member of the role spacekeeper_content; where there is no such role, of the owner of the schema.';

-- +goose StatementBegin
CREATE FUNCTION is_threaded(threading_state text, space_type text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN threading_state IN ('THREADED_MESSAGES', 'GROUPED_MESSAGES') THEN true
    WHEN threading_state = 'UNTHREADED_MESSAGES' OR space_type IN ('DIRECT_MESSAGE', 'GROUP_CHAT') THEN false
  END;
-- +goose StatementEnd
COMMENT ON FUNCTION is_threaded(text, text) IS 'Whether people answer in threads in a space of this threading_state and space_type; null if that is unknown.';

-- +goose StatementBegin
CREATE FUNCTION is_reply(name text, thread text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN split_part(name, '.', 2) NOT IN ('', substr(split_part(name, '.', 1), 2)) OR COALESCE(thread, '') <> '';
-- +goose StatementEnd
COMMENT ON FUNCTION is_reply(text, text) IS 'Whether a message, by stored_messages.name and thread, is not the first one of its thread: T.R is an answer in the thread T, and T.T its first message.';

-- +goose StatementBegin
CREATE FUNCTION folded_emoji(emoji text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN translate(emoji, U&'\+01F3FB\+01F3FC\+01F3FD\+01F3FE\+01F3FF\FE0F', '');
-- +goose StatementEnd
COMMENT ON FUNCTION folded_emoji(text) IS 'An emoji without the tone of its skin, and without the sign that asks for its picture: all thumbs are one.';

-- Nothing in it is less immutable than it says, and it isn't STRICT, so that Postgres puts its
-- body in its place: an hour is taken from a time in UTC, as of a timestamptz that depends on the session.
-- +goose StatementBegin
CREATE FUNCTION day_start(day date, zone text) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN ((day::timestamp AT TIME ZONE zone AT TIME ZONE 'UTC' - interval '1 hour') AT TIME ZONE 'UTC' AT TIME ZONE zone)::date = day
      THEN (day::timestamp AT TIME ZONE zone AT TIME ZONE 'UTC' - interval '1 hour') AT TIME ZONE 'UTC'
    ELSE day::timestamp AT TIME ZONE zone
  END;
-- +goose StatementEnd
COMMENT ON FUNCTION day_start(date, text) IS 'When a day begins in a zone. Where clocks are set back at one in the morning it has two midnights: the first counts. Where they are set forward at midnight it has none: the day begins an hour later.';

CREATE VIEW readable_spaces AS
SELECT s.version_time, s.payload_as_of, s.deleted_at, s.version_key, s.named_at, s.id, s.verb_order, s.space, s.display_name, s.space_type,
       s.threading_state, s.history_state, s.description
FROM spaces s
WHERE (SELECT all_spaces FROM reader_rights)
   OR s.space IN (SELECT g.space FROM reader_groups g JOIN pg_roles r ON r.rolname = g.role_name WHERE pg_has_role(r.oid, 'MEMBER'));
COMMENT ON VIEW readable_spaces IS 'The rows of spaces that whoever asks may see in the schema analytics: see reader_groups.';

CREATE VIEW analytics.about WITH (security_barrier) AS
SELECT (SELECT max(version_id) FROM goose_db_version WHERE is_applied) AS schema_version, c.oldest_binary, p.zone,
       r.all_spaces AS sees_all_spaces, r.content AS sees_text
FROM reader_rights r
CROSS JOIN schema_compatibility c
CROSS JOIN reporting p;
COMMENT ON VIEW analytics.about IS 'One row: of which version the database is, and what whoever asks may see.';
COMMENT ON COLUMN analytics.about.schema_version IS 'Number of the newest migration that was carried out.';
COMMENT ON COLUMN analytics.about.oldest_binary IS 'The lowest schema_version that a program has to know to work with this one.';
COMMENT ON COLUMN analytics.about.zone IS 'IANA name of the reporting zone.';
COMMENT ON COLUMN analytics.about.sees_all_spaces IS 'False for the reader of a group, who sees its spaces alone, and nothing of all together.';
COMMENT ON COLUMN analytics.about.sees_text IS 'Whether text of messages is shown.';

CREATE VIEW analytics.dim_spaces WITH (security_barrier) AS
SELECT p.space AS space_id, p.display_name, p.space_type, is_threaded(p.threading_state, p.space_type) AS is_threaded,
       p.deleted_at IS NULL AND CASE
         -- Keepers look at least once an hour.
         WHEN (SELECT listed_at FROM keeper_passes) > now() - interval '2 hours' THEN COALESCE(c.source = 'live', (
           SELECT EXISTS (
             SELECT FROM coverage w WHERE w.to_time IS NULL AND w.source = 'live' AND (w.scope NOT LIKE 'spaces/%' OR w.scope = 'spaces/-')
           )
         ))
       END AS is_watched,
       (SELECT min(e.event_time) FROM events e WHERE e.space_id = p.id) AS first_seen_at, p.deleted_at
FROM readable_spaces p
LEFT JOIN coverage c ON c.scope = p.space AND c.to_time IS NULL;
COMMENT ON VIEW analytics.dim_spaces IS 'Every space that an event named, deleted ones included.';
COMMENT ON COLUMN analytics.dim_spaces.space_id IS 'spaces/S, Google''s name of the space: it never changes.';
COMMENT ON COLUMN analytics.dim_spaces.display_name IS 'Name that people see now; null if unknown, or without one, as direct messages are. Earlier ones: dim_space_names.';
COMMENT ON COLUMN analytics.dim_spaces.space_type IS 'SPACE, GROUP_CHAT or DIRECT_MESSAGE; null if unknown.';
COMMENT ON COLUMN analytics.dim_spaces.is_threaded IS 'Whether people answer in threads. False for direct messages and group chats; null if nothing told it.';
COMMENT ON COLUMN analytics.dim_spaces.is_watched IS 'Whether a subscription covers the space now: one of its own, or, if it has none, a wider one. Null if nobody has looked at the subscriptions for two hours.';
COMMENT ON COLUMN analytics.dim_spaces.first_seen_at IS 'Time of the first event of the space in the log; null if there is none. Backfilled events count with the time when they happened.';
COMMENT ON COLUMN analytics.dim_spaces.deleted_at IS 'When the space was deleted; null while it exists.';

CREATE VIEW analytics.dim_space_names WITH (security_barrier) AS
SELECT space AS space_id, display_name, known_at AS valid_from, lead(known_at) OVER (PARTITION BY space ORDER BY known_at) AS valid_to
FROM (
  SELECT p.space, n.display_name, n.known_at,
         n.display_name IS DISTINCT FROM lag(n.display_name) OVER (PARTITION BY p.space ORDER BY n.known_at) AS is_new
  FROM names n
  JOIN readable_spaces p ON p.space = n.name
) n
WHERE is_new;
COMMENT ON VIEW analytics.dim_space_names IS 'What each space was called, and when. The name at a time t: valid_from <= t AND (valid_to > t OR valid_to IS NULL).';
COMMENT ON COLUMN analytics.dim_space_names.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.dim_space_names.display_name IS 'Name that people saw.';
COMMENT ON COLUMN analytics.dim_space_names.valid_from IS 'Since when the name is known. The first one may be older than that.';
COMMENT ON COLUMN analytics.dim_space_names.valid_to IS 'When the next name was known; null for the one of now.';

CREATE VIEW analytics.dim_members WITH (security_barrier) AS
SELECT u.user_name AS member_id, u.display_name, u.user_type AS member_type,
       CASE WHEN a.is_external THEN 'external' WHEN a.is_internal THEN 'internal' ELSE 'unknown' END AS affiliation
FROM users u
LEFT JOIN (
  SELECT m.member, bool_or(m.affiliation IN ('EXTERNAL', 'MANAGED_EXTERNAL')) AS is_external, bool_or(m.affiliation = 'INTERNAL') AS is_internal
  FROM stored_memberships m
  JOIN readable_spaces p ON p.id = m.space_id
  GROUP BY m.member
) a ON a.member = u.user_name
WHERE (SELECT all_spaces FROM reader_rights) OR a.member IS NOT NULL;
COMMENT ON VIEW analytics.dim_members IS 'Every person and app that sent, reacted, joined or was listed; who was only mentioned is not among them. The reader of a group sees those who are or were members of its spaces.';
COMMENT ON COLUMN analytics.dim_members.member_id IS 'users/U, Google''s name of the person or app: it never changes.';
COMMENT ON COLUMN analytics.dim_members.display_name IS 'Name that people see; null if nothing told it, as with user authentication for most.';
COMMENT ON COLUMN analytics.dim_members.member_type IS 'HUMAN or BOT (a Chat app); null if nothing told it. Who is neither counts in totals only.';
COMMENT ON COLUMN analytics.dim_members.affiliation IS 'internal, external (outside of the organization, in whichever space they are) or unknown: Google tells it of present members only, and not of all.';

CREATE VIEW analytics.dim_dates WITH (security_barrier) AS
SELECT activity_date, activity_date - (iso_weekday - 1) AS week_start, iso_weekday, date_trunc('month', activity_date)::date AS month_start,
       iso_weekday >= 6 AS is_weekend, starts_at, ends_at, round(extract(epoch FROM ends_at - starts_at) / 3600, 2) AS hours, zone
FROM (
  SELECT d.zone, d.activity_date, extract(isodow FROM d.activity_date)::integer AS iso_weekday,
         day_start(d.activity_date, d.zone) AS starts_at, day_start(d.activity_date + 1, d.zone) AS ends_at
  FROM (
    SELECT r.zone, r.first + generate_series(0, r.today - r.first) AS activity_date
    FROM (
      SELECT zone, ((SELECT min(event_time) FROM events) AT TIME ZONE zone)::date AS first, (now() AT TIME ZONE zone)::date AS today
      FROM reporting
      LIMIT 1 -- never analyzed, the table is taken for one of a thousand rows
    ) r
  ) d
) d;
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

CREATE VIEW analytics.fct_messages WITH (security_barrier) AS
SELECT full_name(m.name, p.space || '/messages') AS message_id, p.space AS space_id, u.user_name AS member_id, u.user_type AS sender_type,
       m.sent_at, (m.sent_at AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date,
       full_name(CASE m.thread WHEN '' THEN split_part(m.name, '.', 1) ELSE m.thread END, p.space || '/threads') AS thread_id,
       CASE WHEN is_threaded(p.threading_state, p.space_type) THEN NOT is_reply(m.name, m.thread) END AS is_root,
       CASE WHEN is_threaded(p.threading_state, p.space_type) THEN is_reply(m.name, m.thread) END AS is_reply,
       CASE
         WHEN m.edited_at IS NOT NULL THEN true
         WHEN m.text IS NOT NULL THEN false
         WHEN m.deleted_at IS NOT NULL THEN (SELECT false FROM stored_revisions r WHERE r.space_id = m.space_id AND r.name = m.name LIMIT 1)
       END AS is_edited,
       m.edited_at, m.deleted_at, lower(replace(m.deletion_type, '_VIA_APP', '')) AS deletion_class,
       CASE WHEN m.text IS NOT NULL THEN COALESCE(cardinality(string_to_array(m.mentions, ' ')), 0) END AS mentions,
       m.attachments::integer AS attachments, char_length(m.text) AS characters,
       full_name(m.quoted, p.space || '/messages') AS quoted_message_id,
       CASE WHEN (SELECT content FROM reader_rights) THEN m.text END AS text
FROM (
  SELECT create_time AS sent_at, edited_at, deleted_at, space_id, sender_id, attachments, name, thread, quoted, deletion_type, mentions, text
  FROM stored_messages
  WHERE create_time >= '2015-01-01 00:00:00+00'
  UNION ALL
  SELECT NULL, edited_at, deleted_at, space_id, sender_id, attachments, name, thread, quoted, deletion_type, mentions, text
  FROM stored_messages_unplaced
) m
JOIN readable_spaces p ON p.id = m.space_id
LEFT JOIN users u ON u.id = m.sender_id;
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

CREATE VIEW analytics.fct_message_versions WITH (security_barrier) AS
SELECT full_name(v.name, p.space || '/messages') AS message_id, p.space AS space_id, v.version_time AS version_at, v.is_current,
       CASE WHEN v.payload_as_of IS NULL THEN 'live' ELSE 'backfill' END AS source,
       v.attachments::integer AS attachments, char_length(v.text) AS characters,
       CASE WHEN (SELECT content FROM reader_rights) THEN v.text END AS text
FROM (
  SELECT r.version_time, r.payload_as_of, r.space_id, r.attachments, r.name, r.text, false AS is_current
  FROM stored_revisions r
  -- The same version can come live and by backfill, of two events: the live one is better proof, and the current one is the message's.
  -- A look-up for each row: whoever asks for a time would else read all versions to leave some out.
  WHERE (
    SELECT true
    FROM stored_revisions o
    WHERE o.space_id = r.space_id AND o.name = r.name AND o.version_time = r.version_time AND o.text = r.text
      AND o.attachments IS NOT DISTINCT FROM r.attachments
      AND (COALESCE(o.payload_as_of, '-infinity'), o.version_key) < (COALESCE(r.payload_as_of, '-infinity'), r.version_key)
    LIMIT 1
  ) IS NULL AND (
    SELECT true
    FROM stored_messages m
    WHERE split_part(m.name, '.', 1) = split_part(r.name, '.', 1) AND m.space_id = r.space_id AND m.name = r.name
      AND m.version_time = r.version_time AND m.text = r.text AND m.attachments IS NOT DISTINCT FROM r.attachments
    LIMIT 1
  ) IS NULL
  UNION ALL
  SELECT version_time, payload_as_of, space_id, attachments, name, text, true
  FROM stored_messages
  WHERE text IS NOT NULL
) v
JOIN readable_spaces p ON p.id = v.space_id;
COMMENT ON VIEW analytics.fct_message_versions IS 'Every version of every message: what it said, and until when. Earlier ones are found by version_at; of current ones, all are read.';
COMMENT ON COLUMN analytics.fct_message_versions.message_id IS 'spaces/S/messages/M';
COMMENT ON COLUMN analytics.fct_message_versions.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.fct_message_versions.version_at IS 'When it was sent or edited so.';
COMMENT ON COLUMN analytics.fct_message_versions.is_current IS 'Whether it is what the message says now; false for all versions of a deleted message.';
COMMENT ON COLUMN analytics.fct_message_versions.source IS 'live: seen as it happened. backfill: fetched later; what it said before, if it was edited more than once in between, is unknown.';
COMMENT ON COLUMN analytics.fct_message_versions.attachments IS 'How many attachments it had.';
COMMENT ON COLUMN analytics.fct_message_versions.characters IS 'Length of its text in characters.';
COMMENT ON COLUMN analytics.fct_message_versions.text IS 'What it said. Null for all who are not granted the role spacekeeper_content (the owner, where there is no such role).';

CREATE VIEW analytics.fct_mentions WITH (security_barrier) AS
SELECT full_name(m.name, p.space || '/messages') AS message_id, p.space AS space_id, CASE WHEN i.user_id <> 'all' THEN 'users/' || ltrim(i.user_id, '+') END AS member_id, u.user_name AS mentioned_by,
       CASE WHEN i.user_id = 'all' THEN 'all' WHEN i.user_id LIKE '+%' THEN 'add' ELSE 'mention' END AS mention_type,
       m.create_time AS sent_at, (m.create_time AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date
FROM stored_messages m
CROSS JOIN LATERAL unnest(string_to_array(m.mentions, ' ')) AS i (user_id)
JOIN readable_spaces p ON p.id = m.space_id
LEFT JOIN users u ON u.id = m.sender_id
WHERE m.mentions IS NOT NULL AND m.create_time >= '2015-01-01 00:00:00+00';
COMMENT ON VIEW analytics.fct_mentions IS 'Who is mentioned in a message as it is now, each once. Those of a deleted message are dropped with its text.';
COMMENT ON COLUMN analytics.fct_mentions.message_id IS 'spaces/S/messages/M';
COMMENT ON COLUMN analytics.fct_mentions.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.fct_mentions.member_id IS 'users/U: who is mentioned; null for @all.';
COMMENT ON COLUMN analytics.fct_mentions.mentioned_by IS 'users/U: who sent the message; null if unknown.';
COMMENT ON COLUMN analytics.fct_mentions.mention_type IS 'mention; add, which brought the person or app into the space; or all, which means everybody there.';
COMMENT ON COLUMN analytics.fct_mentions.sent_at IS 'When the message was sent.';
COMMENT ON COLUMN analytics.fct_mentions.activity_date IS 'Day of sent_at in the reporting zone.';

CREATE VIEW analytics.fct_reactions WITH (security_barrier) AS
SELECT full_name(r.reaction, full_name(r.message, p.space || '/messages') || '/reactions') AS reaction_id,
       full_name(r.message, p.space || '/messages') AS message_id, p.space AS space_id, u.user_name AS member_id, u.user_type AS member_type,
       r.emoji, folded_emoji(r.emoji) AS emoji_folded, r.added_at, r.removed_at, r.present AS is_present,
       (r.added_at AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date
FROM stored_reactions r
JOIN readable_spaces p ON p.id = r.space_id
LEFT JOIN users u ON u.id = r.user_id;
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

CREATE VIEW analytics.fct_memberships WITH (security_barrier) AS
SELECT p.space AS space_id, i.member AS member_id, u.user_type AS member_type,
       CASE WHEN i.affiliation IN ('EXTERNAL', 'MANAGED_EXTERNAL') THEN 'external' WHEN i.affiliation = 'INTERNAL' THEN 'internal' ELSE 'unknown' END
         AS affiliation,
       i.role, i.joined_at, i.left_at, i.known_at
FROM membership_intervals i
JOIN readable_spaces p ON p.space = i.space
LEFT JOIN users u ON u.user_name = i.member;
COMMENT ON VIEW analytics.fct_memberships IS 'Who was in which space from when to when: a row for each stay. Members at a time t: known_at <= t AND (left_at > t OR left_at IS NULL). Those who are in a space through a Google Group are not among them, the group is.';
COMMENT ON COLUMN analytics.fct_memberships.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.fct_memberships.member_id IS 'users/U, or groups/G for a Google Group.';
COMMENT ON COLUMN analytics.fct_memberships.member_type IS 'HUMAN or BOT; null if unknown, and for a Google Group.';
COMMENT ON COLUMN analytics.fct_memberships.affiliation IS 'internal, external (outside of the organization) or unknown, as for all who have left: Google tells it of present members only.';
COMMENT ON COLUMN analytics.fct_memberships.role IS 'ROLE_MEMBER, ROLE_MANAGER, … now; null if unknown, or if the member has left.';
COMMENT ON COLUMN analytics.fct_memberships.joined_at IS 'When the stay began; null for members from before recording began.';
COMMENT ON COLUMN analytics.fct_memberships.left_at IS 'When it ended; null for those who are in the space now. The deletion of the space ends all.';
COMMENT ON COLUMN analytics.fct_memberships.known_at IS 'Since when it is known: joined_at, or when a member from before was first seen. What only a list of members told has the time of the list.';

CREATE VIEW analytics.fct_membership_changes WITH (security_barrier) AS
WITH known AS (
  SELECT p.space, m.member, c.space_id, c.membership, c.event_time, c.event_key, c.ordinal, c.verb_order, c.verb, c.state, c.role, c.origin,
         c.member_type, lead(c.verb) OVER w AS next_verb, lead(c.state) OVER w AS next_state, lead(c.event_time) OVER w AS next_time
  FROM stored_membership_changes c
  JOIN readable_spaces p ON p.id = c.space_id AND c.event_time <= COALESCE(p.deleted_at, 'infinity')
  LEFT JOIN stored_memberships m ON m.space_id = c.space_id AND m.membership = c.membership
  -- What an event doesn't tell is no state between two others.
  WINDOW w AS (PARTITION BY p.space, c.space_id, c.membership, c.state IS NULL ORDER BY c.event_time, c.verb_order, c.event_key, c.ordinal)
), told AS (
  SELECT space, member, event_time, verb, state, role, origin, member_type, state = 'JOINED' AS inside,
         lag(state) OVER w AS old_state, lag(role) OVER w AS old_role
  FROM known
  -- As in membership_intervals: a list may show somebody who joined while it was read.
  WHERE NOT (origin = 's' AND state = 'JOINED' AND next_verb = 'created' AND next_state = 'JOINED'
    AND next_time < event_time + interval '10 minutes') IS TRUE
  WINDOW w AS (PARTITION BY space, space_id, membership, state IS NULL ORDER BY event_time, verb_order, event_key, ordinal)
)
SELECT t.space AS space_id, t.member AS member_id, COALESCE(t.member_type, u.user_type) AS member_type, t.event_time AS changed_at,
       (t.event_time AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date,
       CASE
         WHEN inside AND (old_state <> 'JOINED' OR old_state IS NULL AND verb = 'created') THEN 'joined'
         WHEN NOT inside AND (old_state = 'JOINED' OR old_state IS NULL AND verb = 'deleted') THEN 'left'
         WHEN state = 'INVITED' AND old_state IS DISTINCT FROM 'INVITED' THEN 'invited'
         WHEN inside AND role <> old_role THEN 'role_changed'
         ELSE 'other'
       END AS change,
       t.role, CASE t.origin WHEN 'l' THEN 'live' WHEN 'b' THEN 'backfill' ELSE 'list' END AS source
FROM told t
LEFT JOIN users u ON u.user_name = t.member;
COMMENT ON VIEW analytics.fct_membership_changes IS 'Every change of a membership that an event or a list of members told. Those that joined are the begins of the stays in fct_memberships, those that left their ends, but for the end that the deletion of a space brings.';
COMMENT ON COLUMN analytics.fct_membership_changes.space_id IS 'spaces/S';
COMMENT ON COLUMN analytics.fct_membership_changes.member_id IS 'users/U, or groups/G for a Google Group; null if nothing told whose membership it is.';
COMMENT ON COLUMN analytics.fct_membership_changes.member_type IS 'HUMAN or BOT; null if unknown, and for a Google Group.';
COMMENT ON COLUMN analytics.fct_membership_changes.changed_at IS 'When it happened. What only a list told has the time of the list: it happened before.';
COMMENT ON COLUMN analytics.fct_membership_changes.activity_date IS 'Day of changed_at in the reporting zone.';
COMMENT ON COLUMN analytics.fct_membership_changes.change IS 'joined (was outside before), left (was inside before), role_changed, invited, or other: nothing of these, or unknown.';
COMMENT ON COLUMN analytics.fct_membership_changes.role IS 'ROLE_MEMBER, ROLE_MANAGER, … after the change; null if unknown or not a member.';
COMMENT ON COLUMN analytics.fct_membership_changes.source IS 'live: seen as it happened. backfill: the event was fetched later. list: only Google''s list of members showed it.';

CREATE VIEW analytics.fct_reactor_runs WITH (security_barrier) AS
SELECT r.id AS run_id, r.reactor, r.step_id, NULLIF(r.space, '') AS space_id, NULLIF(r.member, '') AS member_id, r.trigger,
       r.event_time AS triggered_at, (r.event_time AT TIME ZONE (SELECT zone FROM reporting))::date AS activity_date,
       r.due_at, r.finished_at, r.outcome, r.shadow AS is_shadow
FROM reactor_runs r
LEFT JOIN readable_spaces p ON p.space = r.space
WHERE p.space IS NOT NULL OR (SELECT all_spaces FROM reader_rights);
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

-- The columns of readable_spaces mean what they mean in spaces.
-- +goose StatementBegin
DO $$
DECLARE
  shown record;
BEGIN
  FOR shown IN
    SELECT a.attname AS name, d.description
    FROM pg_attribute a
    JOIN pg_attribute b ON b.attrelid = 'spaces'::regclass AND b.attname = a.attname
    JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = b.attrelid AND d.objsubid = b.attnum
    WHERE a.attrelid = 'readable_spaces'::regclass AND a.attnum > 0
  LOOP
    EXECUTE format('COMMENT ON COLUMN readable_spaces.%I IS %L', shown.name, shown.description);
  END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP VIEW analytics.fct_reactor_runs;
DROP VIEW analytics.fct_membership_changes;
DROP VIEW analytics.fct_memberships;
DROP VIEW analytics.fct_reactions;
DROP VIEW analytics.fct_mentions;
DROP VIEW analytics.fct_message_versions;
DROP VIEW analytics.fct_messages;
DROP VIEW analytics.dim_dates;
DROP VIEW analytics.dim_members;
DROP VIEW analytics.dim_space_names;
DROP VIEW analytics.dim_spaces;
DROP VIEW analytics.about;
DROP VIEW readable_spaces;
DROP FUNCTION day_start(date, text);
DROP FUNCTION folded_emoji(text);
DROP FUNCTION is_reply(text, text);
DROP FUNCTION is_threaded(text, text);
DROP VIEW reader_rights;
DROP TABLE reader_groups;
DROP TABLE reporting;
DROP SCHEMA analytics;
