-- Why: analysts and reactors ask for the state of things, not for the events that led to it.

-- +goose Up

CREATE TABLE spaces (
  version_time timestamptz NOT NULL,
  payload_as_of timestamptz,
  deleted_at timestamptz,
  version_key uuid NOT NULL,
  named_at timestamptz,
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT spaces_id_key UNIQUE,
  verb_order smallint NOT NULL DEFAULT 0,
  space text COLLATE "C" PRIMARY KEY,
  display_name text,
  space_type text COLLATE "C",
  threading_state text COLLATE "C",
  history_state text COLLATE "C",
  description text
);
COMMENT ON TABLE spaces IS 'Every space that an event named, with what the newest event tells of it. Rows stay for good: the log refers to them.';
COMMENT ON COLUMN spaces.version_time IS 'Time of the state shown; -infinity if only the name is known so far. An older event never overwrites a newer one.';
COMMENT ON COLUMN spaces.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';
COMMENT ON COLUMN spaces.deleted_at IS 'When the space was deleted; null while it exists. Final; what the space was stays, its memberships end.';
COMMENT ON COLUMN spaces.version_key IS 'Event that the state comes from; decides between two of the same time and verb.';
COMMENT ON COLUMN spaces.verb_order IS '2 for a state that an event told, 0 if only the name is known so far.';
COMMENT ON COLUMN spaces.named_at IS 'Time of the event or of Google''s list that the name comes from; null if it came with an interaction. An event of before a list doesn''t change the name.';
COMMENT ON COLUMN spaces.id IS 'Number used in events.space_id.';
COMMENT ON COLUMN spaces.space IS 'spaces/S';
COMMENT ON COLUMN spaces.display_name IS 'Name that people see, from events, interactions and Google''s list of spaces; null if unknown or without one. Earlier ones: names.';
COMMENT ON COLUMN spaces.space_type IS 'SPACE, GROUP_CHAT or DIRECT_MESSAGE; null if unknown.';
COMMENT ON COLUMN spaces.threading_state IS 'THREADED_MESSAGES, GROUPED_MESSAGES or UNTHREADED_MESSAGES; null if unknown.';
COMMENT ON COLUMN spaces.history_state IS 'HISTORY_ON or HISTORY_OFF; null if unknown.';
COMMENT ON COLUMN spaces.description IS 'Description that people see; null if unknown.';

CREATE TABLE users (
  version_time timestamptz NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT users_id_key UNIQUE,
  user_name text COLLATE "C" PRIMARY KEY,
  user_type text COLLATE "C",
  display_name text
);
COMMENT ON TABLE users IS 'Every user that an event named, with what events and lists of members tell of them. Rows stay for good: the log refers to them.';
COMMENT ON COLUMN users.version_time IS 'Time of the interaction or list of members that gave the display name; -infinity without one.';
COMMENT ON COLUMN users.id IS 'Number used in events.actor_id.';
COMMENT ON COLUMN users.user_name IS 'users/U: resource name of the user.';
COMMENT ON COLUMN users.user_type IS 'HUMAN or BOT; null if no event told so far.';
COMMENT ON COLUMN users.display_name IS 'From interaction events and lists of members, as other events carry none; null if neither told it. Earlier ones: names.';

CREATE TABLE names (
  known_at timestamptz NOT NULL,
  name text COLLATE "C" NOT NULL,
  display_name text NOT NULL,
  CONSTRAINT names_pkey PRIMARY KEY (name, known_at)
);
COMMENT ON TABLE names IS 'What spaces and people were called, and since when that is known. The name at a time is the newest of before.';
COMMENT ON COLUMN names.known_at IS 'Time of the event, interaction or list that told the name first; of an event whose content was fetched, the time of fetching.';
COMMENT ON COLUMN names.name IS 'spaces/S or users/U.';
COMMENT ON COLUMN names.display_name IS 'Name that people saw.';

-- A trigger does it because names come in several ways. It also sees rows that
-- are inserted in vain, as what is there is newer.
-- +goose StatementBegin
CREATE FUNCTION keep_name() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  resource text;
  told timestamptz;
BEGIN
  IF TG_TABLE_NAME = 'spaces' THEN
    IF TG_OP = 'INSERT' THEN
      NEW.named_at := COALESCE(NEW.named_at, NULLIF(NEW.version_time, '-infinity'));
    ELSIF NEW.named_at IS NOT DISTINCT FROM OLD.named_at AND isfinite(NEW.version_time) THEN
      IF OLD.named_at > NEW.version_time THEN
        NEW.display_name := OLD.display_name; -- a list was later than the event
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
-- +goose StatementEnd
COMMENT ON FUNCTION keep_name() IS 'Keeps in names what spaces and people were called, and a listed name from events of before the list.';
CREATE TRIGGER keep_name BEFORE INSERT OR UPDATE ON spaces FOR EACH ROW EXECUTE FUNCTION keep_name();
CREATE TRIGGER keep_name BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION keep_name();

CREATE VIEW event_log AS
SELECT e.event_time, t.kind, t.verb, t.ce_type AS type, p.space, u.user_name AS actor, full_name(e.resource, p.space) AS resource,
       CASE e.origin WHEN 'l' THEN 'live' ELSE 'backfill' END AS origin,
       e.received_at, e.publish_time, e.received_at - e.event_time AS lag,
       full_name(e.ce_id, p.space || '/spaceEvents') AS ce_id, e.ordinal, s.source, e.message_id, e.event_key,
       e.space_id, e.actor_id
FROM events e
JOIN event_types t ON t.id = e.type_id
JOIN event_sources s ON s.id = e.source_id
LEFT JOIN spaces p ON p.id = e.space_id
LEFT JOIN users u ON u.id = e.actor_id;
COMMENT ON VIEW event_log IS 'The event log in readable form. lag is how long after the event it was received. The newest of a space with millions of events come at once for WHERE space_id = (SELECT id FROM spaces WHERE space = ''spaces/S''); by space, all of them are read first.';

CREATE TABLE memberships (
  version_time timestamptz NOT NULL,
  payload_as_of timestamptz,
  version_key uuid NOT NULL,
  verb_order smallint NOT NULL,
  space text COLLATE "C" NOT NULL,
  membership text COLLATE "C" NOT NULL,
  member text COLLATE "C",
  state text COLLATE "C" CONSTRAINT memberships_state_check CHECK (state <> ''),
  role text COLLATE "C",
  affiliation text COLLATE "C",
  source text COLLATE "C" NOT NULL DEFAULT 'event' CONSTRAINT memberships_source_check CHECK (source IN ('event', 'list')),
  CONSTRAINT memberships_pkey PRIMARY KEY (space, membership)
);
CREATE INDEX memberships_member_idx ON memberships (member);
COMMENT ON TABLE memberships IS 'Who is in which space now, as far as events and lists tell. Join and leave times: membership_intervals.';
COMMENT ON COLUMN memberships.version_time IS 'Time of the state shown; -infinity if no event told a state so far.';
COMMENT ON COLUMN memberships.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';
COMMENT ON COLUMN memberships.version_key IS 'Event that the state comes from; decides between two of the same time and verb. Zeros for a list.';
COMMENT ON COLUMN memberships.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted membership; decides between two of the same time. 0 for a list: an event of the same time is newer. 4 for the end that the deletion of the space brought.';
COMMENT ON COLUMN memberships.space IS 'spaces/S';
COMMENT ON COLUMN memberships.membership IS 'spaces/S/members/M, which is all that a deletion tells. M is the number of a user; of a Google Group group-G, or another id.';
COMMENT ON COLUMN memberships.member IS 'Whose it is: users/U, or groups/G for a Google Group; null if no event told and the name does not either.';
COMMENT ON COLUMN memberships.state IS 'JOINED, INVITED or NOT_A_MEMBER; null if unknown (payloads without resource data).';
COMMENT ON COLUMN memberships.role IS 'ROLE_MEMBER, ROLE_MANAGER, …; null if unknown or not a member.';
COMMENT ON COLUMN memberships.affiliation IS 'INTERNAL, EXTERNAL, …; null if unknown or not a member.';
COMMENT ON COLUMN memberships.source IS 'event, or list for what Google''s list of members told and no newer event.';

CREATE TABLE membership_changes (
  event_time timestamptz NOT NULL,
  fetched_at timestamptz,
  event_key uuid NOT NULL,
  ordinal smallint NOT NULL,
  verb_order smallint GENERATED ALWAYS AS (
    CASE WHEN origin = 's' THEN 0 WHEN verb = 'created' THEN 1 WHEN verb = 'updated' THEN 2 ELSE 3 END
  ) STORED,
  origin "char" NOT NULL CONSTRAINT membership_changes_origin_check CHECK (origin IN ('l', 'b', 's')),
  space text COLLATE "C" NOT NULL,
  membership text COLLATE "C" NOT NULL,
  verb text COLLATE "C" NOT NULL CONSTRAINT membership_changes_verb_check CHECK (verb IN ('created', 'updated', 'deleted')),
  state text COLLATE "C" CONSTRAINT membership_changes_state_check CHECK (state <> ''),
  role text COLLATE "C",
  member_type text COLLATE "C",
  CONSTRAINT membership_changes_pkey PRIMARY KEY (space, membership, event_time, verb_order, event_key, ordinal)
);
COMMENT ON TABLE membership_changes IS 'Every membership event, and what lists of members added to them. Rows are never dropped; what was fetched later is filled in. Whatever order events arrive in, their rows are the same in the end.';
COMMENT ON COLUMN membership_changes.event_time IS 'When it happened (the API''s own createTime of a membership is not to be trusted). Of a list: when it was asked for; the change came earlier.';
COMMENT ON COLUMN membership_changes.fetched_at IS 'Null if the event held state and role. When they were fetched, if they came with a backfill or for an event that held names only: they are of this time.';
COMMENT ON COLUMN membership_changes.event_key IS 'The event: events.event_key. Zeros for a list.';
COMMENT ON COLUMN membership_changes.ordinal IS 'Item of the event: events.ordinal.';
COMMENT ON COLUMN membership_changes.verb_order IS 'Decides between two of the same time: 0 for a list, 1 created, 2 updated, 3 deleted.';
COMMENT ON COLUMN membership_changes.origin IS 'l: live. b: backfill. s: a list of members that told something new.';
COMMENT ON COLUMN membership_changes.space IS 'spaces/S';
COMMENT ON COLUMN membership_changes.membership IS 'spaces/S/members/M; memberships says whose it is.';
COMMENT ON COLUMN membership_changes.verb IS 'created, updated or deleted.';
COMMENT ON COLUMN membership_changes.state IS 'State after the change; null if the payload did not tell. deleted always means NOT_A_MEMBER.';
COMMENT ON COLUMN membership_changes.role IS 'Role after the change; null if the payload did not tell.';
COMMENT ON COLUMN membership_changes.member_type IS 'HUMAN or BOT; null if the payload did not tell.';

CREATE VIEW membership_intervals AS
WITH known AS (
  SELECT p.deleted_at, c.space, m.member, c.membership, c.event_time, c.event_key, c.ordinal, c.verb_order, c.verb, c.origin, c.state = 'JOINED' AS inside,
         lead(c.verb) OVER w AS next_verb, lead(c.state) OVER w AS next_state, lead(c.event_time) OVER w AS next_time
  FROM membership_changes c
  JOIN memberships m ON m.space = c.space AND m.membership = c.membership
  JOIN spaces p ON p.space = c.space
  WHERE c.state IS NOT NULL AND m.member IS NOT NULL
  WINDOW w AS (PARTITION BY c.space, m.member, c.membership ORDER BY c.event_time, c.verb_order, c.event_key, c.ordinal)
), told AS (
  SELECT deleted_at, space, member, membership, event_time, event_key, ordinal, verb_order, verb, inside, lag(inside) OVER w AS was_inside
  FROM known
  -- A list may show somebody who joined while it was read: the event has the time.
  WHERE NOT (origin = 's' AND inside AND next_verb = 'created' AND next_state = 'JOINED'
    AND next_time < event_time + interval '10 minutes') IS TRUE
  WINDOW w AS (PARTITION BY space, member, membership ORDER BY event_time, verb_order, event_key, ordinal)
), turns AS (
  -- Only the changes between inside and outside; the first known one always counts.
  SELECT deleted_at, space, member, membership, event_time, verb, inside, was_inside,
         lead(event_time) OVER (PARTITION BY space, member, membership ORDER BY event_time, verb_order, event_key, ordinal) AS next_time
  FROM told
  WHERE was_inside IS NULL OR was_inside <> inside
)
SELECT space, member,
       CASE WHEN inside AND (was_inside IS NOT NULL OR verb = 'created') THEN event_time END AS joined_at,
       LEAST(CASE WHEN inside THEN next_time ELSE event_time END, deleted_at) AS left_at,
       membership
FROM turns
WHERE (inside OR was_inside IS NULL AND verb = 'deleted') AND event_time <= COALESCE(deleted_at, 'infinity');
COMMENT ON VIEW membership_intervals IS 'Who was in which space from when to when. joined_at is null for members from before recording began, left_at for those who are in the space now. Where a space was deleted, all of them end. What only a list told has the time of the list.';

CREATE TABLE messages (
  version_time timestamptz NOT NULL,
  event_time timestamptz NOT NULL,
  create_time timestamptz,
  deleted_at timestamptz,
  payload_as_of timestamptz,
  version_key uuid NOT NULL,
  verb_order smallint NOT NULL,
  attachments smallint,
  message text COLLATE "C" PRIMARY KEY,
  space text COLLATE "C" NOT NULL,
  sender text COLLATE "C",
  thread text COLLATE "C",
  deletion_type text COLLATE "C",
  text text,
  CONSTRAINT messages_deleted_check CHECK (deleted_at IS NULL OR (text IS NULL AND attachments IS NULL))
);
COMMENT ON TABLE messages IS 'Every message with its current text. Earlier versions: message_history. All messages of a space: message BETWEEN ''spaces/S/messages/'' AND ''spaces/S/messages0''.';
COMMENT ON COLUMN messages.version_time IS 'Time of the version shown: of the last edit, else of the event; -infinity if only the name is known so far. An older event never overwrites a newer one.';
COMMENT ON COLUMN messages.event_time IS 'Time of the event that the version comes from; decides between two of the same version_time.';
COMMENT ON COLUMN messages.create_time IS 'When it was sent; null if unknown.';
COMMENT ON COLUMN messages.deleted_at IS 'When it was deleted; null while it exists. Final: nothing brings a deleted message back.';
COMMENT ON COLUMN messages.payload_as_of IS 'Null for a version seen live. When it was fetched for a backfilled one: the text is of that time.';
COMMENT ON COLUMN messages.version_key IS 'Event that the version comes from; decides between two of the same time and verb.';
COMMENT ON COLUMN messages.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted message; decides between two of the same time.';
COMMENT ON COLUMN messages.attachments IS 'Number of attachments; null if unknown or deleted.';
COMMENT ON COLUMN messages.message IS 'spaces/S/messages/M';
COMMENT ON COLUMN messages.space IS 'spaces/S';
COMMENT ON COLUMN messages.sender IS 'users/U; null if unknown.';
COMMENT ON COLUMN messages.thread IS 'spaces/S/threads/T; null if unknown.';
COMMENT ON COLUMN messages.deletion_type IS 'Who deleted it: CREATOR, SPACE_OWNER, ADMIN, …; null if unknown or not deleted.';
COMMENT ON COLUMN messages.text IS 'Current text; null if unknown or deleted.';

CREATE TABLE message_revisions (
  version_time timestamptz NOT NULL,
  payload_as_of timestamptz,
  version_key uuid NOT NULL,
  attachments smallint,
  message text COLLATE "C" NOT NULL,
  text text,
  CONSTRAINT message_revisions_pkey PRIMARY KEY (message, version_time, version_key)
);
COMMENT ON TABLE message_revisions IS 'Versions of messages that are no longer current, written by the trigger keep_message_version. Read them through message_history.';
COMMENT ON COLUMN message_revisions.version_time IS 'Time of this version: of the edit, else of the event.';
COMMENT ON COLUMN message_revisions.payload_as_of IS 'Null for a version seen live; when it was fetched for a backfilled one.';
COMMENT ON COLUMN message_revisions.version_key IS 'Event that the version comes from.';
COMMENT ON COLUMN message_revisions.attachments IS 'Number of attachments.';
COMMENT ON COLUMN message_revisions.message IS 'spaces/S/messages/M';
COMMENT ON COLUMN message_revisions.text IS 'Text of this version.';

-- Whenever two versions of a message meet, the newer stays in messages and
-- the other moves to message_revisions. A trigger does it because it sees the
-- row that is really there, under its lock: a statement in the store would
-- have to read the row first, and another writer could change it in between.
-- +goose StatementBegin
CREATE FUNCTION keep_message_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  winner messages%ROWTYPE;
  loser messages%ROWTYPE;
BEGIN
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
    INSERT INTO message_revisions AS r (message, version_time, version_key, payload_as_of, attachments, text)
    VALUES (loser.message, loser.version_time, loser.version_key, loser.payload_as_of, loser.attachments, loser.text)
    ON CONFLICT (message, version_time, version_key) DO UPDATE
    SET payload_as_of = excluded.payload_as_of, attachments = excluded.attachments, text = excluded.text
    WHERE COALESCE(excluded.payload_as_of, '-infinity') < COALESCE(r.payload_as_of, '-infinity');
  END IF;
  -- What never changes is filled in from whichever version tells it.
  winner.create_time := COALESCE(winner.create_time, loser.create_time);
  winner.sender := COALESCE(winner.sender, loser.sender);
  winner.thread := COALESCE(winner.thread, loser.thread);
  winner.deletion_type := COALESCE(winner.deletion_type, loser.deletion_type);
  IF winner = OLD THEN
    RETURN NULL;
  END IF;
  RETURN winner;
END
$$;
-- +goose StatementEnd
-- They find their tables whatever the session's search_path is.
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION keep_message_version() SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION keep_name() SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION keep_message_version() IS 'Keeps the newest version of a message in messages and moves the other to message_revisions. That goes for UPDATE by hand, too: a text that is no newer version is refused (UPDATE 0), and one that is leaves the old text in message_revisions. So nothing can be erased by hand, whatever is updated.';
CREATE TRIGGER keep_message_version BEFORE UPDATE ON messages
  FOR EACH ROW EXECUTE FUNCTION keep_message_version();

CREATE VIEW message_history AS
SELECT DISTINCT ON (message, version_time, text, attachments)
       message, version_time, text, attachments, payload_as_of, is_current, version_key
FROM (
  SELECT message, version_time, text, attachments, payload_as_of, false AS is_current, version_key
  FROM message_revisions
  UNION ALL
  SELECT message, version_time, text, attachments, payload_as_of, true, version_key
  FROM messages
  WHERE text IS NOT NULL
) v
-- The same version can come live and by backfill: the live one is better proof.
ORDER BY message, version_time, text, attachments, is_current DESC, payload_as_of NULLS FIRST, version_key;
COMMENT ON VIEW message_history IS 'All versions of every message in order of time, deleted messages included. is_current is false for all versions of a deleted one.';

CREATE TABLE reactions (
  version_time timestamptz NOT NULL,
  added_at timestamptz,
  removed_at timestamptz,
  version_key uuid NOT NULL,
  verb_order smallint NOT NULL,
  present boolean NOT NULL,
  reaction text COLLATE "C" PRIMARY KEY,
  message text COLLATE "C" NOT NULL,
  user_name text COLLATE "C",
  emoji text COLLATE "C",
  CONSTRAINT reactions_times_check CHECK (added_at IS NOT NULL OR removed_at IS NOT NULL)
);
CREATE INDEX reactions_message_idx ON reactions (message);
COMMENT ON TABLE reactions IS 'Every reaction that ever was; WHERE present for those that are there now. Adding the same emoji again gives the same name again.';
COMMENT ON COLUMN reactions.version_time IS 'Time of the newest event about it.';
COMMENT ON COLUMN reactions.added_at IS 'When it was last added; null if no such event was seen.';
COMMENT ON COLUMN reactions.removed_at IS 'When it was last removed; null if never.';
COMMENT ON COLUMN reactions.version_key IS 'The newest event; decides between two of the same time and verb.';
COMMENT ON COLUMN reactions.verb_order IS '1 for an added, 3 for a removed reaction; decides between two of the same time.';
COMMENT ON COLUMN reactions.present IS 'Whether it is there now.';
COMMENT ON COLUMN reactions.reaction IS 'spaces/S/messages/M/reactions/R';
COMMENT ON COLUMN reactions.message IS 'spaces/S/messages/M';
COMMENT ON COLUMN reactions.user_name IS 'users/U: who reacted; null if unknown.';
COMMENT ON COLUMN reactions.emoji IS 'The character, or the short name of a custom emoji; null if unknown.';

CREATE TABLE unapplied_events (
  event_time timestamptz NOT NULL,
  marked_at timestamptz NOT NULL DEFAULT now(),
  event_key uuid PRIMARY KEY,
  space text COLLATE "C" NOT NULL,
  detail text NOT NULL
);
COMMENT ON TABLE unapplied_events IS 'Events that are in the log and not in the projections, because a projection refused them. subscriber projections rebuild applies them and removes the row.';
COMMENT ON COLUMN unapplied_events.event_time IS 'When it happened: events.event_time.';
COMMENT ON COLUMN unapplied_events.marked_at IS 'When the projection refused it.';
COMMENT ON COLUMN unapplied_events.event_key IS 'The event: events.event_key.';
COMMENT ON COLUMN unapplied_events.space IS 'spaces/S; empty where there is no space.';
COMMENT ON COLUMN unapplied_events.detail IS 'What refused it: SQLSTATE, table and constraint. Never message text.';

-- +goose Down
DROP TABLE unapplied_events;
DROP TABLE reactions;
DROP VIEW message_history;
DROP TABLE message_revisions;
DROP TABLE messages;
DROP FUNCTION keep_message_version();
DROP VIEW membership_intervals;
DROP TABLE membership_changes;
DROP TABLE memberships;
DROP VIEW event_log;
DROP TABLE users;
DROP TABLE spaces;
DROP FUNCTION keep_name();
DROP TABLE names;
