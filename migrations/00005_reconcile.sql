-- Why: who joined before anybody watched is known from lists, and what events that hold names only are about from fetching: neither may pass for an event.

-- +goose Up

ALTER TABLE memberships
  ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT 'event'
    CONSTRAINT memberships_source_check CHECK (source IN ('event', 'list'));
COMMENT ON TABLE memberships IS 'Who is in which space now, as far as events and lists tell. Join and leave times: membership_intervals.';
COMMENT ON COLUMN memberships.source IS 'event, or list for what Google''s list of members told and no newer event.';
COMMENT ON COLUMN memberships.version_key IS 'Event that the state comes from; decides between two of the same time. Zeros for a list: an event of the same time is newer.';

ALTER TABLE membership_changes
  ADD COLUMN fetched_at timestamptz,
  DROP CONSTRAINT membership_changes_origin_check,
  ADD CONSTRAINT membership_changes_origin_check CHECK (origin IN ('l', 'b', 's'));
COMMENT ON COLUMN membership_changes.fetched_at IS 'Set for an event that held names only: state and role were fetched, and are of this time.';
COMMENT ON TABLE membership_changes IS 'Every membership event, append-only, and what lists of members added to them. Whatever order events arrive in, their rows are the same in the end.';
COMMENT ON COLUMN membership_changes.event_time IS 'When it happened (the API''s own createTime of a membership is not to be trusted). Of a list: when it was asked for; the change came earlier.';
COMMENT ON COLUMN membership_changes.event_key IS 'The event: events.event_key. Zeros for a list.';
COMMENT ON COLUMN membership_changes.origin IS 'l: live. b: backfill; state and role are then those of the time of fetching, not of event_time. s: a list of members that told something new.';

CREATE OR REPLACE VIEW membership_intervals AS
WITH known AS (
  SELECT space, member, event_time, event_key, ordinal, verb, origin, state = 'JOINED' AS inside,
         lead(verb) OVER w AS next_verb, lead(state) OVER w AS next_state, lead(event_time) OVER w AS next_time
  FROM membership_changes
  WHERE state IS NOT NULL
  WINDOW w AS (PARTITION BY space, member ORDER BY event_time, event_key, ordinal)
), told AS (
  SELECT space, member, event_time, event_key, ordinal, verb, inside, lag(inside) OVER w AS was_inside
  FROM known
  -- A list may show somebody who joined while it was read: the event has the time.
  WHERE NOT (origin = 's' AND inside AND next_verb = 'created' AND next_state = 'JOINED'
    AND next_time < event_time + interval '10 minutes') IS TRUE
  WINDOW w AS (PARTITION BY space, member ORDER BY event_time, event_key, ordinal)
), turns AS (
  -- Only the changes between inside and outside; the first known one always counts.
  SELECT space, member, event_time, verb, inside, was_inside,
         lead(event_time) OVER (PARTITION BY space, member ORDER BY event_time, event_key, ordinal) AS next_time
  FROM told
  WHERE was_inside IS NULL OR was_inside <> inside
)
SELECT space, member,
       CASE WHEN was_inside IS NOT NULL OR verb = 'created' THEN event_time END AS joined_at,
       next_time AS left_at
FROM turns
WHERE inside
UNION ALL
SELECT space, member, NULL, event_time
FROM turns
WHERE NOT inside AND was_inside IS NULL AND verb = 'deleted';
COMMENT ON VIEW membership_intervals IS 'Who was in which space from when to when. joined_at is null for members from before recording began, left_at for those who are in the space now. What only a list told has the time of the list.';

CREATE TABLE unfetched (
  event_time timestamptz NOT NULL,
  tried_at timestamptz NOT NULL DEFAULT now(),
  event_key uuid NOT NULL,
  ordinal smallint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  space text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL CONSTRAINT unfetched_reason_check CHECK (reason IN ('gone', 'denied', 'refused', 'malformed')),
  detail text,
  CONSTRAINT unfetched_pkey PRIMARY KEY (event_key, ordinal)
);
COMMENT ON TABLE unfetched IS 'Events that held names only and whose resource could not be fetched: what they were about stays unknown.';
COMMENT ON COLUMN unfetched.event_time IS 'When it happened: events.event_time.';
COMMENT ON COLUMN unfetched.tried_at IS 'When it was given up.';
COMMENT ON COLUMN unfetched.event_key IS 'The event: events.event_key.';
COMMENT ON COLUMN unfetched.ordinal IS 'Item of the event: events.ordinal.';
COMMENT ON COLUMN unfetched.kind IS 'message, membership, reaction or space.';
COMMENT ON COLUMN unfetched.resource IS 'Full name of what was to be fetched.';
COMMENT ON COLUMN unfetched.space IS 'spaces/S';
COMMENT ON COLUMN unfetched.reason IS 'gone: it does not exist any more. denied: the app was not allowed to read it for a day. refused: Google did not accept the call, or the database the content. malformed: the answer could not be understood.';
COMMENT ON COLUMN unfetched.detail IS 'For people: what exactly was said.';

CREATE TABLE member_lists (
  requested_at timestamptz,
  listed_at timestamptz,
  space text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE member_lists IS 'When the members of each watched space were listed. The keeper requests the list of a space that is new, and of each once a day.';
COMMENT ON COLUMN member_lists.requested_at IS 'When the keeper last requested the list, by Google''s clock; null if only a person did.';
COMMENT ON COLUMN member_lists.listed_at IS 'Time of the newest list, by Google''s clock; null if there was none yet: who was in the space before it was watched is unknown.';
COMMENT ON COLUMN member_lists.space IS 'spaces/S';

-- +goose Down
DROP TABLE member_lists;
DROP TABLE unfetched;
DELETE FROM membership_changes WHERE origin = 's';
CREATE OR REPLACE VIEW membership_intervals AS
WITH known AS (
  SELECT space, member, event_time, event_key, ordinal, verb, state = 'JOINED' AS inside,
         lag(state = 'JOINED') OVER w AS was_inside
  FROM membership_changes
  WHERE state IS NOT NULL
  WINDOW w AS (PARTITION BY space, member ORDER BY event_time, event_key, ordinal)
), turns AS (
  -- Only the changes between inside and outside; the first known one always counts.
  SELECT space, member, event_time, verb, inside, was_inside,
         lead(event_time) OVER (PARTITION BY space, member ORDER BY event_time, event_key, ordinal) AS next_time
  FROM known
  WHERE was_inside IS NULL OR was_inside <> inside
)
SELECT space, member,
       CASE WHEN was_inside IS NOT NULL OR verb = 'created' THEN event_time END AS joined_at,
       next_time AS left_at
FROM turns
WHERE inside
UNION ALL
SELECT space, member, NULL, event_time
FROM turns
WHERE NOT inside AND was_inside IS NULL AND verb = 'deleted';
COMMENT ON VIEW membership_intervals IS 'Who was in which space from when to when. joined_at is null for members from before recording began, left_at for those who are in the space now.';
COMMENT ON COLUMN membership_changes.origin IS 'l: live. b: backfill; state and role are then those of the time of fetching, not of event_time.';
COMMENT ON COLUMN membership_changes.event_key IS 'The event: events.event_key.';
COMMENT ON COLUMN membership_changes.event_time IS 'When it happened (the API''s own createTime of a membership is not to be trusted).';
COMMENT ON TABLE membership_changes IS 'Every membership event, append-only. Whatever order events arrive in, the rows are the same in the end.';
ALTER TABLE membership_changes
  DROP COLUMN fetched_at,
  DROP CONSTRAINT membership_changes_origin_check,
  ADD CONSTRAINT membership_changes_origin_check CHECK (origin IN ('l', 'b'));
COMMENT ON COLUMN memberships.version_key IS 'Event that the state comes from; decides between two of the same time.';
COMMENT ON TABLE memberships IS 'Who is in which space now, as far as events tell. Join and leave times: membership_intervals.';
ALTER TABLE memberships DROP COLUMN source;
