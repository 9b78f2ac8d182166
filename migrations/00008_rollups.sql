-- Why: numbers of months must come in milliseconds, and be right however late events come, and in whatever order.

-- +goose Up

-- What a transaction changes it notes here, and a pass adds to the rollups what it
-- finds. A transaction that commits after the pass has rows of its own, which the
-- next one finds: no order of commits leaves anything out. There is no key, so that
-- transactions don't wait for each other. A row for each message would cost more than
-- all else of a note: a statement makes one, and what is read whole isn't compressed.
CREATE TABLE rollup_changes (
  quarters integer[] NOT NULL,
  space_ids integer[] NOT NULL,
  user_ids integer[] NOT NULL,
  states smallint[] NOT NULL,
  number smallint NOT NULL CONSTRAINT rollup_changes_number_check CHECK (number IN (1, -1))
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE rollup_changes
  ALTER quarters SET STORAGE EXTERNAL, ALTER space_ids SET STORAGE EXTERNAL, ALTER user_ids SET STORAGE EXTERNAL, ALTER states SET STORAGE EXTERNAL;
COMMENT ON TABLE rollup_changes IS 'Messages and reactions that came, went or changed since the last pass over the rollups: a row for each statement. What stands at one place of the lists belongs together.';
COMMENT ON COLUMN rollup_changes.quarters IS 'When each was sent or added, in quarters of an hour since 1970 (UTC): the hours and days of all zones begin with one.';
COMMENT ON COLUMN rollup_changes.space_ids IS 'spaces.id of each.';
COMMENT ON COLUMN rollup_changes.user_ids IS 'Who sent each or reacted: users.id; 0 if unknown.';
COMMENT ON COLUMN rollup_changes.states IS 'Messages: the sum of 1 for a reply, 2 if it was edited, 4 if it was deleted. Reactions: 8 for one that is there, 9 for one that was removed.';
COMMENT ON COLUMN rollup_changes.number IS '1: they are in this state now. -1: they are no longer.';

CREATE TABLE rollup_marks (
  kind "char" NOT NULL CONSTRAINT rollup_marks_kind_check CHECK (kind IN ('c', 'm', 's', 'u')),
  id integer NOT NULL,
  from_time timestamptz,
  to_time timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
COMMENT ON TABLE rollup_marks IS 'What else has changed since the last pass, and has to be read anew.';
COMMENT ON COLUMN rollup_marks.kind IS 'c: the coverage of a space. m: who was in a space. s: whether a space has threads. u: whether somebody is a person or an app.';
COMMENT ON COLUMN rollup_marks.id IS 'spaces.id, 0 for all of them; of u users.id.';
COMMENT ON COLUMN rollup_marks.from_time IS 'Of c: since when.';
COMMENT ON COLUMN rollup_marks.to_time IS 'Of c: until when.';

CREATE TABLE rollup_days (
  space_id integer NOT NULL,
  activity_date date NOT NULL,
  parts smallint NOT NULL,
  CONSTRAINT rollup_days_pkey PRIMARY KEY (space_id, activity_date)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
COMMENT ON TABLE rollup_days IS 'Days of spaces of which rollups are to be computed anew. Only passes write it.';
COMMENT ON COLUMN rollup_days.space_id IS 'spaces.id; 0 for all spaces together.';
COMMENT ON COLUMN rollup_days.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN rollup_days.parts IS 'Sum of what has changed: 1 activity, 2 reactions, 4 messages, 8 members, 16 coverage; and of what is due: 32 retention of who joined in the week, 64 to read messages and reactions anew, 128 reactions received.';

CREATE TABLE rollup_passes (
  refreshed_at timestamptz NOT NULL DEFAULT '-infinity',
  content_at timestamptz NOT NULL DEFAULT '-infinity',
  covered_until timestamptz,
  turned date,
  rebuild_from date,
  rebuild_day date,
  rebuild_until date,
  rebuild_space integer,
  zone text,
  single boolean PRIMARY KEY DEFAULT true CONSTRAINT rollup_passes_single_check CHECK (single)
);
INSERT INTO rollup_passes DEFAULT VALUES;
COMMENT ON TABLE rollup_passes IS 'One row: how far the rollups are. Whoever makes a pass locks the table.';
COMMENT ON COLUMN rollup_passes.refreshed_at IS 'All that was committed before is in the rollups, apart from those of content_at.';
COMMENT ON COLUMN rollup_passes.content_at IS 'The same of responses, emoji and received reactions, which cost more and may come later.';
COMMENT ON COLUMN rollup_passes.covered_until IS 'Up to when the keeper had looked at the subscriptions at the last pass; null: never.';
COMMENT ON COLUMN rollup_passes.turned IS 'The newest day that all watched spaces have a row of; null: none.';
COMMENT ON COLUMN rollup_passes.rebuild_from IS 'The first day that a rebuild computes anew; null: there is no rebuild.';
COMMENT ON COLUMN rollup_passes.rebuild_day IS 'The next day that it reads from messages and reactions; null: all are read.';
COMMENT ON COLUMN rollup_passes.rebuild_until IS 'The last one.';
COMMENT ON COLUMN rollup_passes.rebuild_space IS 'The highest spaces.id that it has to sum up when all days are read; 0: all spaces together, from rebuild_from on.';
COMMENT ON COLUMN rollup_passes.zone IS 'The reporting zone that the rollups'' days are of; null: no pass yet.';
COMMENT ON COLUMN rollup_passes.single IS 'Always true: there is one row.';

CREATE TABLE rollup_activity (
  activity_date date NOT NULL,
  space_id integer NOT NULL,
  user_id integer NOT NULL,
  messages integer NOT NULL,
  replies integer NOT NULL,
  edited integer NOT NULL,
  deleted integer NOT NULL,
  given integer NOT NULL,
  present integer NOT NULL,
  received integer NOT NULL DEFAULT 0,
  CONSTRAINT rollup_activity_pkey PRIMARY KEY (space_id, activity_date, user_id)
) WITH (fillfactor = 90);
CREATE INDEX rollup_activity_user_idx ON rollup_activity (user_id, space_id, activity_date);
CREATE INDEX rollup_activity_date_idx ON rollup_activity (activity_date);
COMMENT ON TABLE rollup_activity IS 'What each member did in each space on each day. Read it through analytics.agg_activity_daily.';
COMMENT ON COLUMN rollup_activity.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN rollup_activity.space_id IS 'spaces.id';
COMMENT ON COLUMN rollup_activity.user_id IS 'users.id; 0 if unknown.';
COMMENT ON COLUMN rollup_activity.messages IS 'Messages sent, those deleted since included.';
COMMENT ON COLUMN rollup_activity.replies IS 'Those of them that are replies.';
COMMENT ON COLUMN rollup_activity.edited IS 'Those of them that were edited, those deleted since included.';
COMMENT ON COLUMN rollup_activity.deleted IS 'Those of them that were deleted.';
COMMENT ON COLUMN rollup_activity.given IS 'Reactions added, those removed since included.';
COMMENT ON COLUMN rollup_activity.present IS 'Those of them that are there now.';
COMMENT ON COLUMN rollup_activity.received IS 'Reactions that others added that day to messages of the member.';

CREATE TABLE rollup_members (
  activity_date date NOT NULL,
  user_id integer NOT NULL,
  spaces integer NOT NULL,
  messages integer NOT NULL,
  threads integer NOT NULL,
  replies integer NOT NULL,
  edited integer NOT NULL,
  deleted integer NOT NULL,
  given integer NOT NULL,
  present integer NOT NULL,
  CONSTRAINT rollup_members_pkey PRIMARY KEY (activity_date, user_id)
) WITH (fillfactor = 90);
CREATE INDEX rollup_members_user_idx ON rollup_members (user_id, activity_date);
COMMENT ON TABLE rollup_members IS 'What each member did on each day, over all spaces. Read it through analytics.agg_activity_member_daily.';
COMMENT ON COLUMN rollup_members.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN rollup_members.user_id IS 'users.id; 0 if unknown.';
COMMENT ON COLUMN rollup_members.spaces IS 'In how many spaces.';
COMMENT ON COLUMN rollup_members.messages IS 'As in rollup_activity.';
COMMENT ON COLUMN rollup_members.threads IS 'Messages that began a thread in spaces with threads.';
COMMENT ON COLUMN rollup_members.replies IS 'Replies in spaces with threads.';
COMMENT ON COLUMN rollup_members.edited IS 'As in rollup_activity.';
COMMENT ON COLUMN rollup_members.deleted IS 'As in rollup_activity.';
COMMENT ON COLUMN rollup_members.given IS 'As in rollup_activity.';
COMMENT ON COLUMN rollup_members.present IS 'As in rollup_activity.';

CREATE TABLE rollup_hours (
  hour_at timestamptz NOT NULL,
  space_id integer NOT NULL,
  messages integer NOT NULL,
  messages_human integer NOT NULL,
  messages_app integer NOT NULL,
  reactions integer NOT NULL,
  CONSTRAINT rollup_hours_pkey PRIMARY KEY (space_id, hour_at)
) WITH (fillfactor = 90);
CREATE INDEX rollup_hours_hour_idx ON rollup_hours (hour_at);
COMMENT ON TABLE rollup_hours IS 'What was done in each space in each hour. Read it through analytics.agg_space_hourly.';
COMMENT ON COLUMN rollup_hours.hour_at IS 'Begin of the hour of the reporting zone.';
COMMENT ON COLUMN rollup_hours.space_id IS 'spaces.id; 0 for all spaces together.';
COMMENT ON COLUMN rollup_hours.messages IS 'Messages sent, those deleted since included.';
COMMENT ON COLUMN rollup_hours.messages_human IS 'Those of people.';
COMMENT ON COLUMN rollup_hours.messages_app IS 'Those of apps.';
COMMENT ON COLUMN rollup_hours.reactions IS 'Reactions added, those removed since included.';

CREATE TABLE rollup_summary (
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
  source text COLLATE "C",
  CONSTRAINT rollup_summary_pkey PRIMARY KEY (space_id, activity_date)
) WITH (fillfactor = 80);
CREATE INDEX rollup_summary_date_idx ON rollup_summary (activity_date);
COMMENT ON TABLE rollup_summary IS 'Each day of each space that was watched, or active within 28 days. Read it through analytics.agg_summary_daily.';
COMMENT ON COLUMN rollup_summary.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN rollup_summary.space_id IS 'spaces.id; 0 for all spaces together.';
COMMENT ON COLUMN rollup_summary.dau IS 'People who wrote or reacted that day.';
COMMENT ON COLUMN rollup_summary.wau IS 'The same within the seven days that end with it.';
COMMENT ON COLUMN rollup_summary.mau IS 'The same within 28 days.';
COMMENT ON COLUMN rollup_summary.posting_1d IS 'People who wrote that day.';
COMMENT ON COLUMN rollup_summary.posting_7d IS 'The same within the seven days that end with it.';
COMMENT ON COLUMN rollup_summary.posting_28d IS 'The same within 28 days.';
COMMENT ON COLUMN rollup_summary.messages IS 'Messages sent, those deleted since included.';
COMMENT ON COLUMN rollup_summary.messages_human IS 'Those of people.';
COMMENT ON COLUMN rollup_summary.messages_app IS 'Those of apps.';
COMMENT ON COLUMN rollup_summary.threads IS 'Those that began a thread, if the space has threads.';
COMMENT ON COLUMN rollup_summary.replies IS 'Those that are replies, if it has.';
COMMENT ON COLUMN rollup_summary.edited IS 'Those that were edited, those deleted since included.';
COMMENT ON COLUMN rollup_summary.deleted IS 'Those that were deleted.';
COMMENT ON COLUMN rollup_summary.reactions IS 'Reactions added that day that are there now.';
COMMENT ON COLUMN rollup_summary.joins IS 'People''s stays that began.';
COMMENT ON COLUMN rollup_summary.leaves IS 'People''s stays that ended.';
COMMENT ON COLUMN rollup_summary.members IS 'People in the space at the day''s end; null if nothing had told yet who is.';
COMMENT ON COLUMN rollup_summary.coverage IS 'Share of the day, up to the keeper''s last look, that was covered; null if nobody had asked for it.';
COMMENT ON COLUMN rollup_summary.source IS 'live, backfill, gap or none: what most of it was; null with coverage.';

CREATE TABLE rollup_stays (
  known_at timestamptz NOT NULL,
  left_at timestamptz,
  space_id integer NOT NULL,
  user_id integer NOT NULL,
  joined boolean NOT NULL
);
CREATE INDEX rollup_stays_space_idx ON rollup_stays (space_id, user_id);
COMMENT ON TABLE rollup_stays IS 'membership_intervals by numbers, as the rollups count them.';
COMMENT ON COLUMN rollup_stays.known_at IS 'When it began, or since when it is known.';
COMMENT ON COLUMN rollup_stays.left_at IS 'When it ended; null while it goes on.';
COMMENT ON COLUMN rollup_stays.space_id IS 'spaces.id';
COMMENT ON COLUMN rollup_stays.user_id IS 'users.id';
COMMENT ON COLUMN rollup_stays.joined IS 'Whether it began at known_at.';

CREATE TABLE rollup_emoji (
  activity_date date NOT NULL,
  space_id integer NOT NULL,
  reactions integer NOT NULL,
  members integer NOT NULL,
  emoji text COLLATE "C" NOT NULL,
  CONSTRAINT rollup_emoji_pkey PRIMARY KEY (space_id, activity_date, emoji)
);
COMMENT ON TABLE rollup_emoji IS 'Reactions of each day. Read it through analytics.agg_emoji_daily.';
COMMENT ON COLUMN rollup_emoji.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN rollup_emoji.space_id IS 'spaces.id; 0 for all spaces together.';
COMMENT ON COLUMN rollup_emoji.reactions IS 'Those added that day that are there now.';
COMMENT ON COLUMN rollup_emoji.members IS 'How many gave them.';
COMMENT ON COLUMN rollup_emoji.emoji IS 'Folded: see folded_emoji.';

CREATE TABLE rollup_responses (
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
  response_seconds integer[] NOT NULL,
  CONSTRAINT rollup_responses_pkey PRIMARY KEY (space_id, activity_date)
);
CREATE INDEX rollup_responses_date_idx ON rollup_responses (activity_date);
COMMENT ON TABLE rollup_responses IS 'What became of the threads that people began on each day. Read it through analytics.agg_response_daily.';
COMMENT ON COLUMN rollup_responses.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN rollup_responses.space_id IS 'spaces.id; 0 for all spaces with threads together.';
COMMENT ON COLUMN rollup_responses.roots IS 'First messages of people, without those that were deleted.';
COMMENT ON COLUMN rollup_responses.answered IS 'Those to which another person replied within seven days.';
COMMENT ON COLUMN rollup_responses.reacted_only IS 'Those of the others to which another person reacted within seven days.';
COMMENT ON COLUMN rollup_responses.depth_0 IS 'Those without a reply within seven days, by anybody; deleted ones don''t count.';
COMMENT ON COLUMN rollup_responses.depth_1 IS 'Those with one.';
COMMENT ON COLUMN rollup_responses.depth_2 IS 'Those with two.';
COMMENT ON COLUMN rollup_responses.depth_3_5 IS 'Those with three to five.';
COMMENT ON COLUMN rollup_responses.depth_6_10 IS 'Those with six to ten.';
COMMENT ON COLUMN rollup_responses.depth_11 IS 'Those with more.';
COMMENT ON COLUMN rollup_responses.response_seconds IS 'How long each of the answered ones waited for that reply, the shortest first.';

CREATE TABLE rollup_retention (
  cohort_week date NOT NULL,
  space_id integer NOT NULL,
  joiners integer NOT NULL,
  active integer NOT NULL,
  week_number smallint NOT NULL,
  CONSTRAINT rollup_retention_pkey PRIMARY KEY (space_id, cohort_week, week_number)
);
COMMENT ON TABLE rollup_retention IS 'How many of those who joined in a week were active in the weeks after. Read it through analytics.agg_retention_weekly.';
COMMENT ON COLUMN rollup_retention.cohort_week IS 'Monday of the week in which they joined, in the reporting zone.';
COMMENT ON COLUMN rollup_retention.space_id IS 'spaces.id; 0 for all spaces together.';
COMMENT ON COLUMN rollup_retention.joiners IS 'People who joined in that week.';
COMMENT ON COLUMN rollup_retention.active IS 'Those of them who wrote or reacted in the week.';
COMMENT ON COLUMN rollup_retention.week_number IS '0 for the week in which they joined, to 12.';

-- Reactions of a day are found without reading all.
CREATE INDEX stored_reactions_added_idx ON stored_reactions (added_at);

-- Triggers note the changes: they see every way in which rows come and go.
-- The seconds of a time aren't known to be immutable, which would cost a call for each message.
-- +goose StatementBegin
CREATE FUNCTION quarter_of(t timestamptz) RETURNS integer
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN floor(date_part('epoch', t - timestamptz '1970-01-01 00:00:00+00') / 900)::integer;
-- +goose StatementEnd
COMMENT ON FUNCTION quarter_of(timestamptz) IS 'The quarter of an hour since 1970 (UTC) in which a time is.';

-- +goose StatementBegin
CREATE FUNCTION message_state(deleted_at timestamptz, edited_at timestamptz, is_reply boolean) RETURNS smallint
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ((deleted_at IS NOT NULL)::integer * 4 + (edited_at IS NOT NULL)::integer * 2 + is_reply::integer)::smallint;
-- +goose StatementEnd
COMMENT ON FUNCTION message_state(timestamptz, timestamptz, boolean) IS 'As in rollup_changes.states.';

-- +goose StatementBegin
CREATE FUNCTION note_messages() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION note_messages() IS 'Notes in rollup_changes what a statement changes of messages of which is known when they were sent.';
CREATE TRIGGER note_added AFTER INSERT ON stored_messages REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_messages();
CREATE TRIGGER note_changed AFTER UPDATE ON stored_messages REFERENCING OLD TABLE AS gone NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION note_messages();
CREATE TRIGGER note_gone AFTER DELETE ON stored_messages REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_messages();

-- +goose StatementBegin
CREATE FUNCTION note_reactions() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION note_reactions() IS 'Notes in rollup_changes what a statement changes of reactions of which is known when they were added.';
CREATE TRIGGER note_added AFTER INSERT ON stored_reactions REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_reactions();
CREATE TRIGGER note_changed AFTER UPDATE ON stored_reactions REFERENCING OLD TABLE AS gone NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION note_reactions();
CREATE TRIGGER note_gone AFTER DELETE ON stored_reactions REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_reactions();

-- +goose StatementBegin
CREATE FUNCTION note_members() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION note_members() IS 'Notes in rollup_marks in which spaces a statement changes who was there when.';
CREATE TRIGGER note_added AFTER INSERT ON stored_membership_changes REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION note_members();
CREATE TRIGGER note_changed AFTER UPDATE ON stored_membership_changes REFERENCING OLD TABLE AS gone NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION note_members();
CREATE TRIGGER note_gone AFTER DELETE ON stored_membership_changes REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION note_members();
CREATE TRIGGER note_added AFTER INSERT ON stored_memberships REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_members();
CREATE TRIGGER note_changed AFTER UPDATE ON stored_memberships REFERENCING OLD TABLE AS gone NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION note_members();
CREATE TRIGGER note_gone AFTER DELETE ON stored_memberships REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_members();

-- +goose StatementBegin
CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION note_row() IS 'Notes in rollup_marks what becomes known of a user or a space that rollups rest on.';
-- +goose StatementBegin
CREATE FUNCTION note_names() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION note_names() IS 'Notes in rollup_marks users and spaces of which something was known before they had a number.';
CREATE TRIGGER note_new AFTER INSERT ON users REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_names();
CREATE TRIGGER note_row AFTER UPDATE ON users FOR EACH ROW
  WHEN (OLD.user_type IS DISTINCT FROM NEW.user_type) EXECUTE FUNCTION note_row();
CREATE TRIGGER note_new AFTER INSERT ON spaces REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_names();
CREATE TRIGGER note_row AFTER UPDATE ON spaces FOR EACH ROW
  WHEN (OLD.deleted_at IS DISTINCT FROM NEW.deleted_at OR OLD.threading_state IS DISTINCT FROM NEW.threading_state
    OR OLD.space_type IS DISTINCT FROM NEW.space_type)
  EXECUTE FUNCTION note_row();

-- +goose StatementBegin
CREATE FUNCTION note_coverage() RETURNS trigger LANGUAGE plpgsql AS $$
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
-- +goose StatementEnd
COMMENT ON FUNCTION note_coverage() IS 'Notes in rollup_marks of which times the coverage has changed. What is dropped because it is old stays in the rollups.';
CREATE TRIGGER note_coverage AFTER INSERT OR UPDATE OF from_time, to_time, source ON coverage
  FOR EACH ROW EXECUTE FUNCTION note_coverage();

-- They find their tables whatever the session's search_path is.
-- +goose StatementBegin
DO $$
DECLARE
  f text;
BEGIN
  FOREACH f IN ARRAY ARRAY['note_messages', 'note_reactions', 'note_members', 'note_row', 'note_names', 'note_coverage'] LOOP
    EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', f, current_schema());
  END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION seconds_of(times tstzmultirange) RETURNS double precision
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN COALESCE((SELECT sum(date_part('epoch', upper(r) - lower(r))) FROM unnest(times) AS r), 0);
-- +goose StatementEnd
COMMENT ON FUNCTION seconds_of(tstzmultirange) IS 'How long times last together; 0 for none.';

-- Tables of one row are never analyzed, and taken for a thousand: views read them by LIMIT 1.
-- All spaces together are a space of their own, for whoever may see them all.
CREATE VIEW rollup_spaces AS
SELECT id, space AS space_id, is_threaded(threading_state, space_type) AS is_threaded FROM readable_spaces
UNION ALL
SELECT 0, 'all', true WHERE (SELECT all_spaces FROM reader_rights);
COMMENT ON VIEW rollup_spaces IS 'The spaces of the rollups that whoever asks may see.';
COMMENT ON COLUMN rollup_spaces.id IS 'spaces.id; 0 for all spaces together.';
COMMENT ON COLUMN rollup_spaces.space_id IS 'spaces/S, or all.';
COMMENT ON COLUMN rollup_spaces.is_threaded IS 'Whether people answer in threads there; null if unknown.';

CREATE VIEW analytics.agg_activity_daily WITH (security_barrier) AS
SELECT a.activity_date, p.space_id, u.user_name AS member_id, u.user_type AS member_type, a.messages,
       CASE WHEN p.is_threaded THEN a.messages - a.replies END AS threads_started,
       CASE WHEN p.is_threaded THEN a.replies END AS replies,
       a.given AS reactions_given, a.received AS reactions_received
FROM rollup_activity a
JOIN rollup_spaces p ON p.id = a.space_id
LEFT JOIN users u ON u.id = a.user_id;
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

CREATE VIEW analytics.agg_activity_member_daily WITH (security_barrier) AS
SELECT m.activity_date, u.user_name AS member_id, u.user_type AS member_type, m.spaces, m.messages, m.given AS reactions_given
FROM rollup_members m
LEFT JOIN users u ON u.id = m.user_id
WHERE (SELECT all_spaces FROM reader_rights);
COMMENT ON VIEW analytics.agg_activity_member_daily IS 'What each member did on each day, over all spaces. The reader of a group sees no row of it.';
COMMENT ON COLUMN analytics.agg_activity_member_daily.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN analytics.agg_activity_member_daily.member_id IS 'users/U; null for what nobody knows who did it.';
COMMENT ON COLUMN analytics.agg_activity_member_daily.member_type IS 'HUMAN or BOT; null if unknown.';
COMMENT ON COLUMN analytics.agg_activity_member_daily.spaces IS 'In how many spaces the member wrote or reacted.';
COMMENT ON COLUMN analytics.agg_activity_member_daily.messages IS 'Messages sent, those deleted since included.';
COMMENT ON COLUMN analytics.agg_activity_member_daily.reactions_given IS 'Reactions added, those taken back since included.';

CREATE VIEW analytics.agg_space_hourly WITH (security_barrier) AS
SELECT h.hour_at, (h.hour_at AT TIME ZONE r.zone)::date AS activity_date, extract(isodow FROM h.hour_at AT TIME ZONE r.zone)::integer AS iso_weekday,
       extract(hour FROM h.hour_at AT TIME ZONE r.zone)::integer AS hour_of_day, p.space_id,
       h.messages, h.messages_human, h.messages_app, h.reactions
FROM rollup_hours h
JOIN rollup_spaces p ON p.id = h.space_id
CROSS JOIN (SELECT zone FROM reporting LIMIT 1) r;
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

-- +goose StatementBegin
CREATE FUNCTION covered(coverage real, starts_at timestamptz, ends_at timestamptz, looked_until timestamptz) RETURNS double precision
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE
    WHEN looked_until >= ends_at THEN coverage
    -- Of what nobody has looked at yet, a quarter of an hour is forgiven.
    ELSE coverage * LEAST(1, GREATEST(0, date_part('epoch', looked_until - starts_at))
      / NULLIF(date_part('epoch', LEAST(ends_at, GREATEST(looked_until, now() - interval '15 minutes')) - starts_at), 0))
  END;
-- +goose StatementEnd
COMMENT ON FUNCTION covered(real, timestamptz, timestamptz, timestamptz) IS 'Share of a day, as far as it has gone by, that was covered: coverage is the share up to looked_until.';

CREATE VIEW analytics.agg_summary_daily WITH (security_barrier) AS
SELECT s.activity_date, p.space_id, day_start(s.activity_date + 1, r.zone) <= now() AS is_complete,
       s.dau, s.wau, s.mau, s.posting_1d, s.posting_7d, s.posting_28d, s.messages, s.messages_human, s.messages_app,
       CASE WHEN p.is_threaded THEN s.threads END AS threads_started, CASE WHEN p.is_threaded THEN s.replies END AS replies,
       s.edited, s.deleted, s.reactions, s.joins, s.leaves, s.members,
       covered(s.coverage, day_start(s.activity_date, r.zone), day_start(s.activity_date + 1, r.zone), x.covered_until) AS coverage_ratio
FROM rollup_summary s
JOIN rollup_spaces p ON p.id = s.space_id
CROSS JOIN (SELECT zone FROM reporting LIMIT 1) r
CROSS JOIN (SELECT covered_until FROM rollup_passes LIMIT 1) x;
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

CREATE VIEW analytics.agg_response_daily WITH (security_barrier) AS
SELECT d.activity_date, p.space_id, d.roots, d.answered, d.reacted_only, d.roots - d.answered - d.reacted_only AS unanswered, d.response_seconds,
       d.depth_0, d.depth_1, d.depth_2, d.depth_3_5, d.depth_6_10, d.depth_11
FROM rollup_responses d
JOIN rollup_spaces p ON p.id = d.space_id
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

CREATE VIEW analytics.agg_emoji_daily WITH (security_barrier) AS
SELECT e.activity_date, p.space_id, e.emoji, e.reactions, e.members
FROM rollup_emoji e
JOIN rollup_spaces p ON p.id = e.space_id;
COMMENT ON VIEW analytics.agg_emoji_daily IS 'How often each emoji was added on each day, in each space and in all together (space_id all).';
COMMENT ON COLUMN analytics.agg_emoji_daily.activity_date IS 'The day on which it was added, in the reporting zone.';
COMMENT ON COLUMN analytics.agg_emoji_daily.space_id IS 'spaces/S, or all, which readers of groups don''t see.';
COMMENT ON COLUMN analytics.agg_emoji_daily.emoji IS 'Without the tone of its skin; the short name of a custom one. Reactions of which it is unknown are not here.';
COMMENT ON COLUMN analytics.agg_emoji_daily.reactions IS 'How often, those taken back since left out.';
COMMENT ON COLUMN analytics.agg_emoji_daily.members IS 'By how many people and apps.';

CREATE VIEW analytics.agg_retention_weekly WITH (security_barrier) AS
SELECT w.cohort_week, p.space_id, w.week_number::integer AS week_number, w.joiners, w.active
FROM rollup_retention w
JOIN rollup_spaces p ON p.id = w.space_id;
COMMENT ON VIEW analytics.agg_retention_weekly IS 'How many of the people who joined in a week were active in the weeks after. A week has a row when it has ended.';
COMMENT ON COLUMN analytics.agg_retention_weekly.cohort_week IS 'Monday of the week in which they joined, in the reporting zone.';
COMMENT ON COLUMN analytics.agg_retention_weekly.space_id IS 'spaces/S, or all (joined any, active in any), which readers of groups don''t see.';
COMMENT ON COLUMN analytics.agg_retention_weekly.week_number IS '0 for the week in which they joined, to 12.';
COMMENT ON COLUMN analytics.agg_retention_weekly.joiners IS 'Different people who joined in that week: the same for all week numbers.';
COMMENT ON COLUMN analytics.agg_retention_weekly.active IS 'Those of them who wrote or reacted in the space in the week.';

CREATE VIEW analytics.coverage WITH (security_barrier) AS
SELECT s.activity_date, p.space_id,
       COALESCE(covered(s.coverage, day_start(s.activity_date, r.zone), day_start(s.activity_date + 1, r.zone), x.covered_until), 0) AS covered_ratio,
       COALESCE(s.source, 'none') AS source
FROM rollup_summary s
JOIN rollup_spaces p ON p.id = s.space_id
CROSS JOIN (SELECT zone FROM reporting LIMIT 1) r
CROSS JOIN (SELECT covered_until FROM rollup_passes LIMIT 1) x;
COMMENT ON VIEW analytics.coverage IS 'Of which share of each day the events are there, for each space and for all together (space_id all).';
COMMENT ON COLUMN analytics.coverage.activity_date IS 'The day, in the reporting zone.';
COMMENT ON COLUMN analytics.coverage.space_id IS 'spaces/S, or all, which readers of groups don''t see.';
COMMENT ON COLUMN analytics.coverage.covered_ratio IS '0 to 1, of the day as far as it has gone by: seen live, or fetched later.';
COMMENT ON COLUMN analytics.coverage.source IS 'What most of the day was: live, backfill (fetched later), gap (asked for and missing) or none (nobody had asked for it).';

CREATE VIEW analytics.coverage_gaps WITH (security_barrier) AS
SELECT COALESCE(p.space, g.scope) AS space_id, g.from_time AS gap_from, g.to_time AS gap_to, g.cause, g.state
FROM coverage_gaps g
LEFT JOIN readable_spaces p ON p.space = g.scope
WHERE p.space IS NOT NULL OR g.scope NOT LIKE 'spaces/%' OR g.scope = 'spaces/-' OR (SELECT all_spaces FROM reader_rights);
COMMENT ON VIEW analytics.coverage_gaps IS 'What was not seen and was not fetched later, as now known.';
COMMENT ON COLUMN analytics.coverage_gaps.space_id IS 'spaces/S; spaces/-, users/U or customers/C for a subscription to more than one space: events of any of them may be missing.';
COMMENT ON COLUMN analytics.coverage_gaps.gap_from IS 'When it began.';
COMMENT ON COLUMN analytics.coverage_gaps.gap_to IS 'When it ended; null while it goes on.';
COMMENT ON COLUMN analytics.coverage_gaps.cause IS 'Why: expired, deleted, missing, changed, elsewhere, worker_outage, restored, silent_loss, or Google''s reason for a suspension.';
COMMENT ON COLUMN analytics.coverage_gaps.state IS 'open (still going on), pending (it is being fetched), impossible, or acknowledged: impossible, and a person knows.';

CREATE VIEW analytics.rollup_state WITH (security_barrier) AS
SELECT r.rollup,
       CASE WHEN x.rebuild_from IS NULL THEN x.turned ELSE x.rebuild_from - 1 END AS through_date,
       CASE
         WHEN r.refreshed_at IS NULL THEN NULL
         WHEN w.waiting = 0 THEN 0
         ELSE GREATEST(0, round(extract(epoch FROM now() - r.refreshed_at)::numeric, 1))
       END AS behind_seconds,
       w.waiting, r.refreshed_at
FROM rollup_passes x
CROSS JOIN LATERAL (
  SELECT rollup, content, NULLIF(CASE WHEN content THEN x.content_at ELSE x.refreshed_at END, '-infinity') AS refreshed_at
  FROM (VALUES ('agg_activity_daily', false), ('agg_activity_member_daily', false), ('agg_emoji_daily', true), ('agg_response_daily', true),
    ('agg_retention_weekly', false), ('agg_space_hourly', false), ('agg_summary_daily', false), ('coverage', false)) AS r (rollup, content)
) r
CROSS JOIN LATERAL (
  SELECT (SELECT COALESCE(sum(cardinality(quarters)), 0) FROM rollup_changes) + (SELECT count(*) FROM rollup_marks)
    + (SELECT count(*) FROM rollup_days d WHERE r.content OR d.parts & 57 <> 0) AS waiting
) w;
COMMENT ON VIEW analytics.rollup_state IS 'How far each rollup is.';
COMMENT ON COLUMN analytics.rollup_state.rollup IS 'Name of the view.';
COMMENT ON COLUMN analytics.rollup_state.through_date IS 'The newest day that it has, in the reporting zone; while it is being rebuilt, the last day that is done. Null before the first pass.';
COMMENT ON COLUMN analytics.rollup_state.behind_seconds IS 'For how long what waits may have waited; 0 if nothing does, null before the first pass. Up to a minute too much after a quiet time.';
COMMENT ON COLUMN analytics.rollup_state.waiting IS 'How many changes, and days of spaces, are to be taken up.';
COMMENT ON COLUMN analytics.rollup_state.refreshed_at IS 'All that was committed before is in it; null before the first pass.';

-- +goose StatementBegin
CREATE FUNCTION percentile_of(ascending integer[], share double precision) RETURNS double precision
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ascending[1 + floor(share * (cardinality(ascending) - 1))::integer]
    + (share * (cardinality(ascending) - 1) - floor(share * (cardinality(ascending) - 1)))
    * (ascending[1 + ceil(share * (cardinality(ascending) - 1))::integer] - ascending[1 + floor(share * (cardinality(ascending) - 1))::integer]);
-- +goose StatementEnd
COMMENT ON FUNCTION percentile_of(integer[], double precision) IS 'percentile_cont of numbers that are in order; null of none.';

CREATE VIEW analytics.timeseries WITH (security_barrier) AS
SELECT day_start(s.activity_date, r.zone) AS "time", p.space_id, m.metric, CASE m.metric
         WHEN 'members' THEN NULLIF(s.members::double precision, n.unseen)
         WHEN 'joins' THEN NULLIF(s.joins, n.unseen)
         WHEN 'leaves' THEN NULLIF(s.leaves, n.unseen)
         WHEN 'net_growth' THEN NULLIF(s.joins - s.leaves, n.unseen)
         WHEN 'dau' THEN NULLIF(s.dau, n.unseen)
         WHEN 'wau' THEN NULLIF(s.wau, n.unseen)
         WHEN 'mau' THEN NULLIF(s.mau, n.unseen)
         WHEN 'posting_1d' THEN NULLIF(s.posting_1d, n.unseen)
         WHEN 'posting_7d' THEN NULLIF(s.posting_7d, n.unseen)
         WHEN 'posting_28d' THEN NULLIF(s.posting_28d, n.unseen)
         WHEN 'stickiness' THEN CASE WHEN s.coverage > 0 OR s.dau + s.messages > 0 THEN s.dau::double precision / NULLIF(s.mau, 0) END
         WHEN 'messages' THEN NULLIF(s.messages_human, n.unseen)
         WHEN 'messages_app' THEN NULLIF(s.messages_app, n.unseen)
         WHEN 'messages_per_poster' THEN s.messages_human::double precision / NULLIF(s.posting_1d, 0)
         WHEN 'reply_coverage' THEN d.answered::double precision / NULLIF(d.roots, 0)
         WHEN 'first_response_p50' THEN percentile_of(d.response_seconds, 0.5)
         WHEN 'first_response_p90' THEN percentile_of(d.response_seconds, 0.9)
         WHEN 'unanswered' THEN d.roots - d.answered
         WHEN 'response_by_reaction' THEN d.reacted_only::double precision / NULLIF(d.roots, 0)
         WHEN 'reactions_per_message' THEN s.reactions::double precision / NULLIF(s.messages_human, 0)
         WHEN 'edit_rate' THEN 1000 * s.edited::double precision / NULLIF(s.messages, 0)
         WHEN 'delete_rate' THEN 1000 * s.deleted::double precision / NULLIF(s.messages, 0)
         WHEN 'coverage' THEN covered(s.coverage, day_start(s.activity_date, r.zone), day_start(s.activity_date + 1, r.zone), x.covered_until)
       END AS value
FROM rollup_summary s
JOIN rollup_spaces p ON p.id = s.space_id
CROSS JOIN (SELECT zone FROM reporting LIMIT 1) r
LEFT JOIN rollup_responses d ON d.space_id = s.space_id AND d.activity_date = s.activity_date AND p.is_threaded
CROSS JOIN (SELECT covered_until FROM rollup_passes LIMIT 1) x
-- Nothing was seen of it: unknown, and not 0.
CROSS JOIN LATERAL (SELECT CASE WHEN COALESCE(s.coverage, 0) = 0 THEN 0 END AS unseen) n
-- Who asks for one metric doesn't have the others computed.
CROSS JOIN (VALUES
  ('members'), ('joins'), ('leaves'), ('net_growth'), ('dau'), ('wau'), ('mau'), ('posting_1d'), ('posting_7d'),
  ('posting_28d'), ('stickiness'), ('messages'), ('messages_app'), ('messages_per_poster'), ('reply_coverage'),
  ('first_response_p50'), ('first_response_p90'), ('unanswered'), ('response_by_reaction'), ('reactions_per_message'),
  ('edit_rate'), ('delete_rate'), ('coverage')
) AS m (metric);
COMMENT ON VIEW analytics.timeseries IS 'Every metric that has a value for each day, as one long table: a panel is one line of SQL. Metrics are defined in metric_definitions.';
COMMENT ON COLUMN analytics.timeseries."time" IS 'When the day begins in the reporting zone.';
COMMENT ON COLUMN analytics.timeseries.space_id IS 'spaces/S, or all, which readers of groups don''t see.';
COMMENT ON COLUMN analytics.timeseries.metric IS 'As in metric_definitions.';
COMMENT ON COLUMN analytics.timeseries.value IS 'The value of that day. Null where there is none: of an empty denominator, or where nothing was seen of a day on which nothing is known to have happened.';

-- +goose Down
DROP VIEW analytics.timeseries;
DROP VIEW analytics.rollup_state;
DROP VIEW analytics.coverage_gaps;
DROP VIEW analytics.coverage;
DROP VIEW analytics.agg_retention_weekly;
DROP VIEW analytics.agg_emoji_daily;
DROP VIEW analytics.agg_response_daily;
DROP VIEW analytics.agg_summary_daily;
DROP VIEW analytics.agg_space_hourly;
DROP VIEW analytics.agg_activity_member_daily;
DROP VIEW analytics.agg_activity_daily;
DROP VIEW rollup_spaces;
DROP FUNCTION seconds_of(tstzmultirange);
DROP FUNCTION percentile_of(integer[], double precision);
DROP FUNCTION covered(real, timestamptz, timestamptz, timestamptz);
DROP TRIGGER note_added ON stored_messages;
DROP TRIGGER note_changed ON stored_messages;
DROP TRIGGER note_gone ON stored_messages;
DROP TRIGGER note_added ON stored_reactions;
DROP TRIGGER note_changed ON stored_reactions;
DROP TRIGGER note_gone ON stored_reactions;
DROP TRIGGER note_added ON stored_membership_changes;
DROP TRIGGER note_changed ON stored_membership_changes;
DROP TRIGGER note_gone ON stored_membership_changes;
DROP TRIGGER note_added ON stored_memberships;
DROP TRIGGER note_changed ON stored_memberships;
DROP TRIGGER note_gone ON stored_memberships;
DROP TRIGGER note_new ON users;
DROP TRIGGER note_row ON users;
DROP TRIGGER note_new ON spaces;
DROP TRIGGER note_row ON spaces;
DROP TRIGGER note_coverage ON coverage;
DROP FUNCTION note_coverage();
DROP FUNCTION note_names();
DROP FUNCTION note_row();
DROP FUNCTION note_members();
DROP FUNCTION note_reactions();
DROP FUNCTION note_messages();
DROP FUNCTION message_state(timestamptz, timestamptz, boolean);
DROP FUNCTION quarter_of(timestamptz);
DROP INDEX stored_reactions_added_idx;
DROP TABLE rollup_retention;
DROP TABLE rollup_responses;
DROP TABLE rollup_emoji;
DROP TABLE rollup_stays;
DROP TABLE rollup_summary;
DROP TABLE rollup_hours;
DROP TABLE rollup_members;
DROP TABLE rollup_activity;
DROP TABLE rollup_passes;
DROP TABLE rollup_days;
DROP TABLE rollup_marks;
DROP TABLE rollup_changes;
