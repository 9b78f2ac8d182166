-- Why: analysts and reactors ask for the state of things, not for the events that led to it.

-- +goose Up

-- Rows of spaces begin with a name alone, and one list tells what all of them are
-- called: more than half of each page is kept free for that, so that a row stays in
-- its page and its two indexes as they are. What people are called comes space by space.
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
) WITH (fillfactor = 40);
COMMENT ON TABLE spaces IS 'Every space that an event named, with what the newest event tells of it. Rows stay for good: the log refers to them.';
COMMENT ON COLUMN spaces.version_time IS 'Time of the state shown; -infinity if only the name is known so far. An older event never overwrites a newer one.';
COMMENT ON COLUMN spaces.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';
COMMENT ON COLUMN spaces.deleted_at IS 'When the space was deleted; null while it exists. Final; what the space was stays, its memberships end.';
COMMENT ON COLUMN spaces.version_key IS 'Event that the state comes from; decides between two of the same time and verb.';
COMMENT ON COLUMN spaces.verb_order IS '2 for a state that an event told, 0 if only the name is known so far.';
COMMENT ON COLUMN spaces.named_at IS 'Time of the event, of the interaction or of Google''s list that the name comes from. What is from before doesn''t change the name.';
COMMENT ON COLUMN spaces.id IS 'Number used in events.space_id.';
COMMENT ON COLUMN spaces.space IS 'spaces/S';
COMMENT ON COLUMN spaces.display_name IS 'Name that people see, from events, interactions and Google''s list of spaces; null if unknown or without one. Earlier ones: names.';
COMMENT ON COLUMN spaces.space_type IS 'SPACE, GROUP_CHAT or DIRECT_MESSAGE; null if unknown.';
COMMENT ON COLUMN spaces.threading_state IS 'THREADED_MESSAGES, GROUPED_MESSAGES or UNTHREADED_MESSAGES, from events and Google''s list of spaces; null if unknown.';
COMMENT ON COLUMN spaces.history_state IS 'HISTORY_ON or HISTORY_OFF; null if unknown.';
COMMENT ON COLUMN spaces.description IS 'Description that people see; null if unknown.';

CREATE TABLE users (
  version_time timestamptz NOT NULL,
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT users_id_key UNIQUE,
  user_name text COLLATE "C" PRIMARY KEY,
  user_type text COLLATE "C",
  display_name text
) WITH (fillfactor = 55);
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
-- +goose StatementEnd
COMMENT ON FUNCTION keep_name() IS 'Keeps in names what spaces and people were called, and a listed name from events of before the list.';
-- Most rows are made for a number only, and tell no name.
CREATE TRIGGER keep_name BEFORE INSERT OR UPDATE ON spaces FOR EACH ROW
  WHEN (isfinite(NEW.version_time) OR NEW.named_at IS NOT NULL) EXECUTE FUNCTION keep_name();
CREATE TRIGGER keep_name BEFORE INSERT OR UPDATE ON users FOR EACH ROW
  WHEN (NEW.display_name IS NOT NULL) EXECUTE FUNCTION keep_name();

-- +goose StatementBegin
CREATE FUNCTION refuse_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE WHEN EXISTS (SELECT FROM erasures WHERE member = NEW.name) THEN NULL ELSE NEW END;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION refuse_name() IS 'Keeps names of people out who were erased.';
CREATE TRIGGER refuse_name BEFORE INSERT ON names FOR EACH ROW EXECUTE FUNCTION refuse_name();

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
COMMENT ON COLUMN event_log.type IS 'ce-type of the event: google.workspace.chat.message.v1.created, …';
COMMENT ON COLUMN event_log.actor IS 'users/U: who sent, joined, left or reacted; null if nobody is named.';
COMMENT ON COLUMN event_log.lag IS 'How long after it happened it was received.';

CREATE TABLE stored_memberships (
  version_time timestamptz NOT NULL,
  payload_as_of timestamptz,
  version_key uuid NOT NULL,
  space_id integer NOT NULL,
  verb_order smallint NOT NULL,
  membership text COLLATE "C" NOT NULL,
  member text COLLATE "C",
  state text COLLATE "C" CONSTRAINT stored_memberships_state_check CHECK (state <> ''),
  role text COLLATE "C",
  affiliation text COLLATE "C",
  source text COLLATE "C" NOT NULL DEFAULT 'event' CONSTRAINT stored_memberships_source_check CHECK (source IN ('event', 'list')),
  CONSTRAINT stored_memberships_pkey PRIMARY KEY (space_id, membership)
) WITH (fillfactor = 90);
-- Answers "in which spaces is this person".
CREATE INDEX stored_memberships_member_idx ON stored_memberships (member);
COMMENT ON TABLE stored_memberships IS 'Who is in which space now, as far as events and lists tell. Read it through the view memberships.';
COMMENT ON COLUMN stored_memberships.version_time IS 'Time of the state shown; -infinity if no event told a state so far.';
COMMENT ON COLUMN stored_memberships.payload_as_of IS 'Null for a state that its event held. When it was fetched, if it came with a backfill or for an event that held names only.';
COMMENT ON COLUMN stored_memberships.version_key IS 'Event that the state comes from; decides between two of the same time and verb. Zeros for a list.';
COMMENT ON COLUMN stored_memberships.space_id IS 'spaces.id';
COMMENT ON COLUMN stored_memberships.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted membership; decides between two of the same time. 0 for a list: an event of the same time is newer. 4 for the end that the deletion of the space brought.';
COMMENT ON COLUMN stored_memberships.membership IS '/M stands for spaces/S/members/M, which is all that a deletion tells. M is the number of a user; of a Google Group group-G, or another id.';
COMMENT ON COLUMN stored_memberships.member IS 'Whose it is: users/U, or groups/G for a Google Group; null if no event told and the name does not either.';
COMMENT ON COLUMN stored_memberships.state IS 'JOINED, INVITED or NOT_A_MEMBER; null if unknown (payloads without resource data).';
COMMENT ON COLUMN stored_memberships.role IS 'ROLE_MEMBER, ROLE_MANAGER, …; null if unknown or not a member.';
COMMENT ON COLUMN stored_memberships.affiliation IS 'INTERNAL, EXTERNAL, …; null if unknown or not a member.';
COMMENT ON COLUMN stored_memberships.source IS 'event, or list for what Google''s list of members told and no newer event.';

CREATE VIEW memberships AS
SELECT m.version_time, m.payload_as_of, m.version_key, m.verb_order, p.space, full_name(m.membership, p.space || '/members') AS membership,
       m.member, m.state, m.role, m.affiliation, m.source, m.space_id
FROM stored_memberships m
JOIN spaces p ON p.id = m.space_id;
COMMENT ON VIEW memberships IS 'Who is in which space now, as far as events and lists tell. Join and leave times: membership_intervals.';

CREATE TABLE stored_membership_changes (
  event_time timestamptz NOT NULL,
  fetched_at timestamptz,
  event_key uuid NOT NULL,
  space_id integer NOT NULL,
  ordinal smallint NOT NULL,
  verb_order smallint GENERATED ALWAYS AS (
    CASE WHEN origin = 's' THEN 0 WHEN verb = 'created' THEN 1 WHEN verb = 'updated' THEN 2 ELSE 3 END
  ) STORED,
  origin "char" NOT NULL CONSTRAINT stored_membership_changes_origin_check CHECK (origin IN ('l', 'b', 's')),
  membership text COLLATE "C" NOT NULL,
  verb text COLLATE "C" NOT NULL CONSTRAINT stored_membership_changes_verb_check CHECK (verb IN ('created', 'updated', 'deleted')),
  state text COLLATE "C" CONSTRAINT stored_membership_changes_state_check CHECK (state <> ''),
  role text COLLATE "C",
  member_type text COLLATE "C",
  CONSTRAINT stored_membership_changes_pkey PRIMARY KEY (space_id, membership, event_time, verb_order, event_key, ordinal)
);
-- Answers who joined and left in a time, the newest first.
CREATE INDEX stored_membership_changes_time_idx ON stored_membership_changes (event_time);
COMMENT ON TABLE stored_membership_changes IS 'Every membership event, and what lists of members added to them. Read it through the view membership_changes.';
COMMENT ON COLUMN stored_membership_changes.event_time IS 'When it happened (the API''s own createTime of a membership is not to be trusted). Of a list: when it was asked for; the change came earlier.';
COMMENT ON COLUMN stored_membership_changes.fetched_at IS 'Null if the event held state and role. When they were fetched, if they came with a backfill or for an event that held names only: they are of this time.';
COMMENT ON COLUMN stored_membership_changes.event_key IS 'The event: events.event_key. Zeros for a list.';
COMMENT ON COLUMN stored_membership_changes.space_id IS 'spaces.id';
COMMENT ON COLUMN stored_membership_changes.ordinal IS 'Item of the event: events.ordinal.';
COMMENT ON COLUMN stored_membership_changes.verb_order IS 'Decides between two of the same time: 0 for a list, 1 created, 2 updated, 3 deleted.';
COMMENT ON COLUMN stored_membership_changes.origin IS 'l: live. b: backfill. s: a list of members that told something new.';
COMMENT ON COLUMN stored_membership_changes.membership IS '/M stands for spaces/S/members/M; stored_memberships says whose it is.';
COMMENT ON COLUMN stored_membership_changes.verb IS 'created, updated or deleted.';
COMMENT ON COLUMN stored_membership_changes.state IS 'State after the change; null if the payload did not tell. deleted always means NOT_A_MEMBER.';
COMMENT ON COLUMN stored_membership_changes.role IS 'Role after the change; null if the payload did not tell.';
COMMENT ON COLUMN stored_membership_changes.member_type IS 'HUMAN or BOT; null if the payload did not tell.';

CREATE VIEW membership_changes AS
SELECT c.event_time, c.fetched_at, c.event_key, c.ordinal, c.verb_order, c.origin, p.space,
       full_name(c.membership, p.space || '/members') AS membership, c.verb, c.state, c.role, c.member_type, c.space_id
FROM stored_membership_changes c
JOIN spaces p ON p.id = c.space_id;
COMMENT ON VIEW membership_changes IS 'Every membership event, and what lists of members added to them. Rows are never dropped; what was fetched later is filled in. Whatever order events arrive in, their rows are the same in the end.';

-- Every window is divided by space and member, so that who asks for one of them
-- reads no other.
CREATE VIEW membership_intervals AS
WITH known AS (
  SELECT p.space, p.deleted_at, m.member, m.role, m.affiliation, c.space_id, c.membership, c.event_time, c.event_key, c.ordinal, c.verb_order,
         c.verb, c.origin, c.state = 'JOINED' AS inside,
         lead(c.verb) OVER w AS next_verb, lead(c.state) OVER w AS next_state, lead(c.event_time) OVER w AS next_time
  FROM stored_membership_changes c
  JOIN stored_memberships m ON m.space_id = c.space_id AND m.membership = c.membership
  JOIN spaces p ON p.id = c.space_id
  WHERE c.state IS NOT NULL AND m.member IS NOT NULL
  WINDOW w AS (PARTITION BY p.space, c.space_id, m.member, c.membership ORDER BY c.event_time, c.verb_order, c.event_key, c.ordinal)
), told AS (
  SELECT space, deleted_at, member, role, affiliation, space_id, membership, event_time, event_key, ordinal, verb_order, verb, inside,
         lag(inside) OVER w AS was_inside
  FROM known
  -- A list may show somebody who joined while it was read: the event has the time.
  WHERE NOT (origin = 's' AND inside AND next_verb = 'created' AND next_state = 'JOINED'
    AND next_time < event_time + interval '10 minutes') IS TRUE
  WINDOW w AS (PARTITION BY space, space_id, member, membership ORDER BY event_time, verb_order, event_key, ordinal)
), turns AS (
  -- Only the changes between inside and outside; the first known one always counts.
  SELECT space, deleted_at, member, role, affiliation, space_id, membership, event_time, verb, inside, was_inside,
         lead(event_time) OVER (PARTITION BY space, space_id, member, membership ORDER BY event_time, verb_order, event_key, ordinal) AS next_time
  FROM told
  WHERE was_inside IS NULL OR was_inside <> inside
)
SELECT space, member,
       CASE WHEN inside AND (was_inside IS NOT NULL OR verb = 'created') THEN event_time END AS joined_at,
       LEAST(CASE WHEN inside THEN next_time ELSE event_time END, deleted_at) AS left_at,
       full_name(membership, space || '/members') AS membership, event_time AS known_at, space_id,
       CASE WHEN inside AND next_time IS NULL AND deleted_at IS NULL THEN role END AS role,
       CASE WHEN inside AND next_time IS NULL AND deleted_at IS NULL THEN affiliation END AS affiliation
FROM turns
WHERE (inside OR was_inside IS NULL AND verb = 'deleted') AND event_time <= COALESCE(deleted_at, 'infinity');
COMMENT ON VIEW membership_intervals IS 'Who was in which space from when to when. joined_at is null for members from before recording began, left_at for those who are in the space now. Where a space was deleted, all of them end. What only a list told has the time of the list.';
COMMENT ON COLUMN membership_intervals.joined_at IS 'Null for members from before recording began.';
COMMENT ON COLUMN membership_intervals.left_at IS 'Null for those who are in the space now.';
COMMENT ON COLUMN membership_intervals.role IS 'Of those who are in the space now; null if unknown.';
COMMENT ON COLUMN membership_intervals.affiliation IS 'Of those who are in the space now: INTERNAL, EXTERNAL, …; null if unknown.';
COMMENT ON COLUMN membership_intervals.known_at IS 'Since when it is known: joined_at, or the first event of a member from before.';

-- Rows are told apart by when their message was sent: what comes in goes to the
-- end of the index, and a month that retention cuts is a partition.
CREATE TABLE stored_messages (
  create_time timestamptz NOT NULL,
  version_time timestamptz NOT NULL,
  event_time timestamptz NOT NULL,
  deleted_at timestamptz,
  edited_at timestamptz,
  payload_as_of timestamptz,
  version_key uuid NOT NULL,
  space_id integer NOT NULL,
  sender_id integer,
  verb_order smallint NOT NULL,
  attachments smallint,
  name text COLLATE "C" NOT NULL,
  thread text COLLATE "C",
  quoted text COLLATE "C",
  deletion_type text COLLATE "C",
  mentions text COLLATE "C",
  text text,
  CONSTRAINT stored_messages_pkey PRIMARY KEY (create_time, space_id, name),
  CONSTRAINT stored_messages_deleted_check CHECK (deleted_at IS NULL OR (text IS NULL AND attachments IS NULL AND mentions IS NULL))
) PARTITION BY RANGE (create_time);
-- Of events that hold names only nobody knows when their message was sent. It is
-- here until something tells, if it ever does.
CREATE TABLE stored_messages_unplaced PARTITION OF stored_messages FOR VALUES FROM (MINVALUE) TO ('2015-01-01 00:00:00+00') WITH (fillfactor = 90);
-- T.R is a message of the thread T, and T.T the first one: one small index finds
-- a message by its name alone, and those of a thread.
CREATE INDEX stored_messages_root_idx ON stored_messages (split_part(name, '.', 1));
CREATE INDEX stored_messages_thread_idx ON stored_messages (thread) WHERE thread <> '';
CREATE INDEX stored_messages_quoted_idx ON stored_messages (quoted) WHERE quoted IS NOT NULL;
COMMENT ON TABLE stored_messages IS 'Every message with its current text. Read it through the view messages. A partition holds one month (UTC) of create_time.';
COMMENT ON COLUMN stored_messages.create_time IS 'When it was sent; -infinity if nothing told it so far.';
COMMENT ON COLUMN stored_messages.version_time IS 'Time of the version shown: of the last edit, else of the event; -infinity if only the name is known so far. An older event never overwrites a newer one.';
COMMENT ON COLUMN stored_messages.event_time IS 'Time of the event that the version comes from; decides between two of the same version_time.';
COMMENT ON COLUMN stored_messages.deleted_at IS 'When it was deleted; null while it exists. Final: nothing brings a deleted message back.';
COMMENT ON COLUMN stored_messages.edited_at IS 'Time of its last version that is an edit, also when it was deleted since; null if none is known.';
COMMENT ON COLUMN stored_messages.payload_as_of IS 'Null for a version seen live. When it was fetched for a backfilled one: the text is of that time.';
COMMENT ON COLUMN stored_messages.version_key IS 'Event that the version comes from; decides between two of the same time and verb.';
COMMENT ON COLUMN stored_messages.space_id IS 'spaces.id';
COMMENT ON COLUMN stored_messages.sender_id IS 'Who sent it: users.id; null if unknown.';
COMMENT ON COLUMN stored_messages.verb_order IS '1 for a created, 2 for an updated, 3 for a deleted message; decides between two of the same time.';
COMMENT ON COLUMN stored_messages.attachments IS 'Number of attachments; null if unknown or deleted.';
COMMENT ON COLUMN stored_messages.name IS '/M stands for spaces/S/messages/M.';
COMMENT ON COLUMN stored_messages.thread IS '/T stands for spaces/S/threads/T; empty for the one that the name begins with; null if unknown.';
COMMENT ON COLUMN stored_messages.quoted IS '/M stands for spaces/S/messages/M, which it quotes; null if it quotes none, or if nothing told it.';
COMMENT ON COLUMN stored_messages.deletion_type IS 'Who deleted it: CREATOR, SPACE_OWNER, ADMIN, …; null if unknown or not deleted.';
COMMENT ON COLUMN stored_messages.text IS 'Current text; null if unknown or deleted.';
COMMENT ON COLUMN stored_messages.mentions IS 'Whom the current text mentions, each once, as U for users/U, with spaces between; +U if the mention added them to the space; all for everybody there. Null for nobody, and if unknown or deleted.';

CREATE VIEW messages AS
SELECT m.version_time, m.event_time, m.create_time, m.deleted_at, m.payload_as_of, m.version_key, m.verb_order,
       m.attachments, full_name(m.name, p.space || '/messages') AS message, p.space, u.user_name AS sender,
       full_name(CASE m.thread WHEN '' THEN split_part(m.name, '.', 1) ELSE m.thread END, p.space || '/threads') AS thread,
       m.deletion_type, m.text, m.space_id, m.sender_id
FROM stored_messages m
JOIN spaces p ON p.id = m.space_id
LEFT JOIN users u ON u.id = m.sender_id;
COMMENT ON VIEW messages IS 'Every message with its current text. Earlier versions: message_history. Those of a time come at once; those of a space are found by their time, or through event_log.';
COMMENT ON COLUMN messages.create_time IS 'When it was sent; -infinity if unknown: a null in its place would be found by no index.';
COMMENT ON COLUMN messages.message IS 'spaces/S/messages/M';
COMMENT ON COLUMN messages.sender IS 'users/U: who sent it; null if unknown.';

CREATE TABLE stored_revisions (
  version_time timestamptz NOT NULL,
  event_time timestamptz NOT NULL,
  payload_as_of timestamptz,
  version_key uuid NOT NULL,
  space_id integer NOT NULL,
  verb_order smallint NOT NULL,
  attachments smallint,
  name text COLLATE "C" NOT NULL,
  text text,
  CONSTRAINT stored_revisions_pkey PRIMARY KEY (space_id, name, version_time, version_key)
);
CREATE INDEX stored_revisions_time_idx ON stored_revisions USING brin (version_time);
COMMENT ON TABLE stored_revisions IS 'Versions of messages that are no longer current, written by the trigger keep_message_version. Read them through message_history.';
COMMENT ON COLUMN stored_revisions.version_time IS 'Time of this version: of the edit, else of the event.';
COMMENT ON COLUMN stored_revisions.event_time IS 'Time of the event that the version comes from.';
COMMENT ON COLUMN stored_revisions.payload_as_of IS 'Null for a version seen live; when it was fetched for a backfilled one.';
COMMENT ON COLUMN stored_revisions.version_key IS 'Event that the version comes from.';
COMMENT ON COLUMN stored_revisions.space_id IS 'spaces.id';
COMMENT ON COLUMN stored_revisions.verb_order IS '1 for a created, 2 for an updated message.';
COMMENT ON COLUMN stored_revisions.attachments IS 'Number of attachments.';
COMMENT ON COLUMN stored_revisions.name IS '/M stands for spaces/S/messages/M.';
COMMENT ON COLUMN stored_revisions.text IS 'Text of this version.';

-- Whenever two versions of a message meet, the newer stays in stored_messages
-- and the other moves to stored_revisions. A trigger does it because it sees the
-- row that is really there, under its lock: a statement in the store would
-- have to read the row first, and another writer could change it in between.
-- +goose StatementBegin
CREATE FUNCTION keep_message_version() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
-- Who records need not own the tables: an owner could alter the log. So this acts
-- as the owner, and does no more than add a month to a table that is divided.
-- +goose StatementBegin
CREATE FUNCTION make_partition(divided text, month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
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
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION make_partition(text, date) IS 'Adds the month (UTC) of a day to events or stored_messages, unless it is there. It acts as the owner of the tables; the worker may call it.';
REVOKE ALL ON FUNCTION make_partition(text, date) FROM PUBLIC;

-- +goose StatementBegin
CREATE FUNCTION direct_messages(member text) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION direct_messages(text) IS 'The direct messages that somebody is in, users/U: as spaces/S.';

-- They find their tables whatever the session's search_path is.
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION make_partition(text, date) SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION keep_message_version() SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION keep_name() SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION direct_messages(text) SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION refuse_name() SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION keep_message_version() IS 'Keeps the newest version of a message in stored_messages and moves the other to stored_revisions. That goes for UPDATE by hand, too: a text that is no newer version is refused (UPDATE 0), and one that is leaves the old text in stored_revisions. So nothing can be erased by hand, whatever is updated; subscriber erase sets spacekeeper.erasing.';
CREATE TRIGGER keep_message_version BEFORE UPDATE ON stored_messages
  FOR EACH ROW EXECUTE FUNCTION keep_message_version();

CREATE VIEW message_history AS
SELECT DISTINCT ON (message, version_time, text, attachments)
       message, version_time, text, attachments, payload_as_of, is_current, version_key
FROM (
  SELECT full_name(r.name, p.space || '/messages') AS message, r.version_time, r.text, r.attachments, r.payload_as_of, false AS is_current, r.version_key
  FROM stored_revisions r
  JOIN spaces p ON p.id = r.space_id
  UNION ALL
  SELECT full_name(m.name, p.space || '/messages'), m.version_time, m.text, m.attachments, m.payload_as_of, true, m.version_key
  FROM stored_messages m
  JOIN spaces p ON p.id = m.space_id
  WHERE m.text IS NOT NULL
) v
-- The same version can come live and by backfill: the live one is better proof.
ORDER BY message, version_time, text, attachments, is_current DESC, payload_as_of NULLS FIRST, version_key;
COMMENT ON VIEW message_history IS 'All versions of every message in order of time, deleted messages included. is_current is false for all versions of a deleted one.';
COMMENT ON COLUMN message_history.message IS 'spaces/S/messages/M';
COMMENT ON COLUMN message_history.is_current IS 'Whether it is the text of now; false for all versions of a deleted message.';

CREATE TABLE stored_reactions (
  version_time timestamptz NOT NULL,
  added_at timestamptz,
  removed_at timestamptz,
  version_key uuid NOT NULL,
  space_id integer NOT NULL,
  user_id integer,
  verb_order smallint NOT NULL,
  present boolean NOT NULL,
  message text COLLATE "C" NOT NULL,
  reaction text COLLATE "C" NOT NULL,
  emoji text COLLATE "C",
  CONSTRAINT stored_reactions_pkey PRIMARY KEY (space_id, message, reaction),
  CONSTRAINT stored_reactions_times_check CHECK (added_at IS NOT NULL OR removed_at IS NOT NULL)
) WITH (fillfactor = 90);
CREATE INDEX stored_reactions_time_idx ON stored_reactions USING brin (version_time);
COMMENT ON TABLE stored_reactions IS 'Every reaction that ever was. Read it through the view reactions.';
COMMENT ON COLUMN stored_reactions.version_time IS 'Time of the newest event about it.';
COMMENT ON COLUMN stored_reactions.added_at IS 'When it was last added; null if no such event was seen.';
COMMENT ON COLUMN stored_reactions.removed_at IS 'When it was last removed; null if never.';
COMMENT ON COLUMN stored_reactions.version_key IS 'The newest event; decides between two of the same time and verb.';
COMMENT ON COLUMN stored_reactions.space_id IS 'spaces.id';
COMMENT ON COLUMN stored_reactions.user_id IS 'Who reacted: users.id; null if unknown.';
COMMENT ON COLUMN stored_reactions.verb_order IS '1 for an added, 3 for a removed reaction; decides between two of the same time.';
COMMENT ON COLUMN stored_reactions.present IS 'Whether it is there now.';
COMMENT ON COLUMN stored_reactions.message IS '/M stands for spaces/S/messages/M.';
COMMENT ON COLUMN stored_reactions.reaction IS '/R stands for spaces/S/messages/M/reactions/R.';
COMMENT ON COLUMN stored_reactions.emoji IS 'The character, or the short name of a custom emoji; null if unknown.';

CREATE VIEW reactions AS
SELECT r.version_time, r.added_at, r.removed_at, r.version_key, r.verb_order, r.present,
       full_name(r.reaction, full_name(r.message, p.space || '/messages') || '/reactions') AS reaction,
       full_name(r.message, p.space || '/messages') AS message, u.user_name, r.emoji, p.space, r.space_id, r.user_id
FROM stored_reactions r
JOIN spaces p ON p.id = r.space_id
LEFT JOIN users u ON u.id = r.user_id;
COMMENT ON VIEW reactions IS 'Every reaction that ever was; WHERE present for those that are there now. Adding the same emoji again gives the same name again.';

CREATE TABLE unapplied_events (
  event_time timestamptz NOT NULL,
  marked_at timestamptz NOT NULL DEFAULT now(),
  event_key uuid NOT NULL,
  space text COLLATE "C" NOT NULL,
  detail text NOT NULL,
  CONSTRAINT unapplied_events_pkey PRIMARY KEY (event_time, event_key)
);
COMMENT ON TABLE unapplied_events IS 'Events that are in the log and not in the projections, because a projection refused them. subscriber projections rebuild applies them and removes the row.';
COMMENT ON COLUMN unapplied_events.event_time IS 'When it happened: events.event_time.';
COMMENT ON COLUMN unapplied_events.marked_at IS 'When the projection refused it.';
COMMENT ON COLUMN unapplied_events.event_key IS 'The event: events.event_key.';
COMMENT ON COLUMN unapplied_events.space IS 'spaces/S; empty where there is no space.';
COMMENT ON COLUMN unapplied_events.detail IS 'What refused it: SQLSTATE, table and constraint. Never message text.';

-- An advisory lock can be taken by whoever may log in.
CREATE TABLE projection_locks ();
COMMENT ON TABLE projection_locks IS 'Always empty: its locks are those of transactions that write projections. Readers may not take them.';
-- +goose StatementBegin
CREATE FUNCTION lock_projections(mode text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('LOCK TABLE projection_locks IN %s MODE', mode);
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION lock_projections(text) SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION lock_projections(text) IS 'Locks projection_locks. LOCK itself is refused in a pipeline, though that is a transaction.';

-- +goose Down
DROP FUNCTION lock_projections(text);
DROP TABLE projection_locks;
DROP TABLE unapplied_events;
DROP VIEW reactions;
DROP TABLE stored_reactions;
DROP VIEW message_history;
DROP TABLE stored_revisions;
DROP VIEW messages;
DROP TABLE stored_messages;
DROP FUNCTION keep_message_version();
DROP FUNCTION make_partition(text, date);
DROP VIEW membership_intervals;
DROP VIEW membership_changes;
DROP TABLE stored_membership_changes;
DROP VIEW memberships;
DROP TABLE stored_memberships;
DROP VIEW event_log;
DROP TABLE users;
DROP TABLE spaces;
DROP FUNCTION keep_name();
DROP TABLE names;
DROP FUNCTION refuse_name();
DROP FUNCTION direct_messages(text);
