-- Why: rules have steps, modes, limits and a story of each run, and every evaluation has to be accounted for.

-- +goose Up

UPDATE schema_compatibility SET oldest_binary = 6; -- binaries of before know no outcome

ALTER TABLE reactor_runs RENAME COLUMN state TO outcome;
ALTER TABLE reactor_runs
  DROP CONSTRAINT reactor_runs_subject_key,
  DROP CONSTRAINT reactor_runs_state_check,
  DROP CONSTRAINT reactor_runs_finished_check,
  DROP COLUMN request,
  ADD COLUMN due_at timestamptz,
  ADD COLUMN admitted_at timestamptz,
  ADD COLUMN slot_refused_at timestamptz,
  ADD COLUMN speaker bigint,
  ADD COLUMN step smallint NOT NULL DEFAULT 0 CONSTRAINT reactor_runs_step_check CHECK (step >= 0),
  ADD COLUMN shadow boolean NOT NULL DEFAULT false,
  ADD COLUMN held boolean NOT NULL DEFAULT false,
  ADD COLUMN step_id text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN trigger text COLLATE "C" NOT NULL DEFAULT 'member.joined',
  ADD COLUMN acts_in text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN hash text COLLATE "C" NOT NULL DEFAULT '',
  ADD COLUMN facts json NOT NULL DEFAULT '{}',
  ADD COLUMN requests json,
  ADD COLUMN trace json NOT NULL DEFAULT '[]';
UPDATE reactor_runs
SET outcome = CASE outcome WHEN 'parked' THEN 'failed' WHEN 'expired' THEN 'too_old' WHEN 'skipped' THEN 'left' WHEN 'pending' THEN 'cancelled' ELSE outcome END,
    finished_at = COALESCE(finished_at, now()),
    due_at = event_time;
DROP INDEX reactor_runs_open_idx;
ALTER TABLE reactor_runs
  ALTER COLUMN due_at SET NOT NULL,
  ALTER COLUMN trigger DROP DEFAULT,
  ALTER COLUMN hash DROP DEFAULT,
  ADD CONSTRAINT reactor_runs_outcome_check CHECK (outcome IN ('pending', 'unclear', 'sent', 'shadow', 'collapsed', 'condition_false',
    'left', 'stopped', 'already_done', 'quiet', 'rate_limited', 'loop', 'too_old', 'cancelled', 'failed')),
  ADD CONSTRAINT reactor_runs_finished_check CHECK (outcome = 'unclear' OR (outcome = 'pending') = (finished_at IS NULL)),
  ADD CONSTRAINT reactor_runs_subject_key UNIQUE (reactor, subject, step_id, shadow);
CREATE INDEX reactor_runs_pending_idx ON reactor_runs (reactor, space, step_id) WHERE outcome IN ('pending', 'unclear');
CREATE INDEX reactor_runs_admitted_idx ON reactor_runs (reactor, admitted_at) WHERE admitted_at IS NOT NULL;
CREATE INDEX reactor_runs_speaker_idx ON reactor_runs (speaker) WHERE speaker IS NOT NULL;
CREATE INDEX reactor_runs_loop_idx ON reactor_runs (acts_in, admitted_at) WHERE acts_in <> '' AND admitted_at IS NOT NULL;
-- For reactors runs, which lists the newest in a space, about a person, or that failed.
CREATE INDEX reactor_runs_space_idx ON reactor_runs (space, id);
CREATE INDEX reactor_runs_member_idx ON reactor_runs (member, id);
CREATE INDEX reactor_runs_failed_idx ON reactor_runs (id) WHERE outcome = 'failed';
-- For metrics: which run has been due for longest.
CREATE INDEX reactor_runs_due_idx ON reactor_runs (due_at) WHERE outcome = 'pending' AND NOT held;
-- For analytics, which counts those of a time: they lie nearly in the order of their events.
CREATE INDEX reactor_runs_event_time_idx ON reactor_runs USING brin (event_time) WITH (pages_per_range = 16);
-- For what is dropped after 60 days.
CREATE INDEX reactor_runs_finished_idx ON reactor_runs (finished_at)
  WHERE outcome IN ('condition_false', 'left', 'stopped', 'quiet', 'rate_limited', 'loop', 'too_old', 'cancelled');
-- Runs stay for good, and each is rewritten some five times until it ends: a fifth of
-- the table, from which on it would be vacuumed, is millions of dead rows.
ALTER TABLE reactor_runs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

COMMENT ON TABLE reactor_runs IS 'What rules wanted done, a row for each step, and how it ended. Exists if and only if its event is recorded. One that ended for a condition is kept as a sample; reactor_outcomes counts them all.';
COMMENT ON COLUMN reactor_runs.outcome IS 'pending, unclear (it may have been sent; that is looked up while finished_at is null), or how it ended: sent, shadow (would have been sent), collapsed (another run spoke for it), condition_false, left, stopped, quiet, rate_limited, loop, too_old, cancelled (the rule is gone or off), failed (a person must look).';
COMMENT ON COLUMN reactor_runs.reactor IS 'Id of the rule.';
COMMENT ON COLUMN reactor_runs.subject IS 'What once_per made of the event: there is one run for it, each step and mode. #2 and so on: once_per.for was over, and it began again.';
COMMENT ON COLUMN reactor_runs.step IS 'Place of the step in its sequence when it was planned, from 0: it waits for those before it.';
COMMENT ON COLUMN reactor_runs.step_id IS 'By which its rule knows the step, wherever it stands: its id, or its after. Empty without a sequence.';
COMMENT ON COLUMN reactor_runs.shadow IS 'Planned in shadow mode: nothing is sent.';
COMMENT ON COLUMN reactor_runs.acts_in IS 'spaces/S, if its rule reacts to apps, too, and to each message or event anew: the space in which an app may answer what it does, which is counted, so that two apps don''t answer each other for ever. Empty for none.';
COMMENT ON COLUMN reactor_runs.slot_refused_at IS 'When Google had last refused a write there as the slot was given: after another refusal the slot counts no more.';
COMMENT ON COLUMN reactor_runs.held IS 'It waits without a job until its rule is resumed.';
COMMENT ON COLUMN reactor_runs.trigger IS 'member.joined and so on.';
COMMENT ON COLUMN reactor_runs.hash IS 'Of the rule when it was planned.';
COMMENT ON COLUMN reactor_runs.due_at IS 'When it is due; max_age counts from here.';
COMMENT ON COLUMN reactor_runs.admitted_at IS 'When it passed its limits and counted towards them, or will.';
COMMENT ON COLUMN reactor_runs.speaker IS 'Of one that has collapsed: the number of the run that speaks for it.';
COMMENT ON COLUMN reactor_runs.space IS 'spaces/S: where the event happened; empty for none.';
COMMENT ON COLUMN reactor_runs.member IS 'users/U: whom the event is about; empty for nobody.';
COMMENT ON COLUMN reactor_runs.facts IS 'What the event told, as conditions and texts see it. May hold message text.';
COMMENT ON COLUMN reactor_runs.requests IS 'What its actions send, stored before the first attempt, the same for each; null before that.';
COMMENT ON COLUMN reactor_runs.trace IS 'Its story, for people: a list of {at, what}.';

-- The counts of the hour are updated again and again: half a page is kept free for
-- their new versions. A day's rows go at once, a fourteenth of all. The hour comes first: what is read and what is rolled up are
-- hours of all rules.
CREATE TABLE reactor_counts (
  hour timestamptz NOT NULL,
  count bigint NOT NULL,
  sampled integer NOT NULL DEFAULT 0,
  shard smallint NOT NULL,
  shadow boolean NOT NULL,
  reactor text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  PRIMARY KEY (hour, reactor, outcome, shadow, shard)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE reactor_counts IS 'How often each outcome came in each hour of the last two weeks; read reactor_outcomes.';
COMMENT ON COLUMN reactor_counts.hour IS 'Beginning of the hour in which it ended.';
COMMENT ON COLUMN reactor_counts.count IS 'How often.';
COMMENT ON COLUMN reactor_counts.sampled IS 'How many of these wanted to be samples: of the first 50 each is one.';
COMMENT ON COLUMN reactor_counts.shard IS 'From 0 to 3: runs that end at once count in different rows.';
COMMENT ON COLUMN reactor_counts.shadow IS 'In shadow mode.';
COMMENT ON COLUMN reactor_counts.reactor IS 'Id of the rule.';
COMMENT ON COLUMN reactor_counts.outcome IS 'As in reactor_runs.';

CREATE TABLE reactor_daily_counts (
  day timestamptz NOT NULL,
  count bigint NOT NULL,
  shadow boolean NOT NULL,
  reactor text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  PRIMARY KEY (day, reactor, outcome, shadow)
);
COMMENT ON TABLE reactor_daily_counts IS 'How often each outcome came on each day before those of which reactor_counts has the hours.';
COMMENT ON COLUMN reactor_daily_counts.day IS 'Beginning of the day in UTC.';
COMMENT ON COLUMN reactor_daily_counts.count IS 'How often.';
COMMENT ON COLUMN reactor_daily_counts.shadow IS 'In shadow mode.';
COMMENT ON COLUMN reactor_daily_counts.reactor IS 'Id of the rule.';
COMMENT ON COLUMN reactor_daily_counts.outcome IS 'As in reactor_runs.';

CREATE VIEW reactor_outcomes AS
SELECT hour AS since, interval '1 hour' AS lasting, reactor, outcome, shadow, sum(count)::bigint AS count
FROM reactor_counts
GROUP BY hour, reactor, outcome, shadow
UNION ALL
SELECT day, interval '1 day', reactor, outcome, shadow, count
FROM reactor_daily_counts;
COMMENT ON VIEW reactor_outcomes IS 'How often each rule came to each outcome: by hour for the last two weeks, by day before. Counts every evaluation that reached a trigger. How runs ended is exact; of evaluations that led to none, those of the last seconds may be missing, and of a process that was killed they are.';
COMMENT ON COLUMN reactor_outcomes.since IS 'Begin of the hour, or of the day, in UTC.';
COMMENT ON COLUMN reactor_outcomes.lasting IS 'An hour or a day.';

CREATE TABLE reactor_evaluations (
  id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL,
  event_time timestamptz NOT NULL,
  shadow boolean NOT NULL,
  reactor text COLLATE "C" NOT NULL,
  trigger text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  space text COLLATE "C" NOT NULL,
  member text COLLATE "C" NOT NULL,
  reason text,
  PRIMARY KEY (at, id),
  CONSTRAINT reactor_evaluations_outcome_check CHECK (outcome IN ('condition_false', 'already_done', 'failed'))
) WITH (
  -- Rows are only added, and dropped each hour when they are two weeks old: a 300th of
  -- the table. Vacuumed twice a day, new rows take the place of those, and the newest
  -- are known to the planner.
  autovacuum_vacuum_scale_factor = 0.03, autovacuum_vacuum_insert_scale_factor = 0.03, autovacuum_analyze_scale_factor = 0.03
);
-- For reactors runs, which lists the newest of a rule, a space or a person.
CREATE INDEX reactor_evaluations_reactor_idx ON reactor_evaluations (reactor, at);
CREATE INDEX reactor_evaluations_space_idx ON reactor_evaluations (space, at);
CREATE INDEX reactor_evaluations_member_idx ON reactor_evaluations (member, at);
CREATE INDEX reactor_evaluations_failed_idx ON reactor_evaluations (at) WHERE outcome = 'failed';
COMMENT ON TABLE reactor_evaluations IS 'Evaluations that led to no run: up to 50 of each hour, rule and outcome, kept for two weeks.';
COMMENT ON COLUMN reactor_evaluations.id IS 'Tells those of one time apart.';
COMMENT ON COLUMN reactor_evaluations.at IS 'When it was saved, some seconds after the rule was asked.';
COMMENT ON COLUMN reactor_evaluations.event_time IS 'Of the event that pulled its trigger.';
COMMENT ON COLUMN reactor_evaluations.shadow IS 'In shadow mode.';
COMMENT ON COLUMN reactor_evaluations.reactor IS 'Id of the rule.';
COMMENT ON COLUMN reactor_evaluations.trigger IS 'member.joined and so on.';
COMMENT ON COLUMN reactor_evaluations.outcome IS 'condition_false, already_done, or failed: the condition could not be told.';
COMMENT ON COLUMN reactor_evaluations.subject IS 'What once_per made of the event.';
COMMENT ON COLUMN reactor_evaluations.space IS 'spaces/S; empty for none.';
COMMENT ON COLUMN reactor_evaluations.member IS 'users/U; empty for nobody.';
COMMENT ON COLUMN reactor_evaluations.reason IS 'Which condition, or what was done.';

CREATE TABLE reactor_switches (
  paused_at timestamptz NOT NULL DEFAULT now(),
  reactor text COLLATE "C" PRIMARY KEY,
  reason text
);
COMMENT ON TABLE reactor_switches IS 'Rules that are paused. An empty name is the kill switch of all.';
COMMENT ON COLUMN reactor_switches.paused_at IS 'Since when.';
COMMENT ON COLUMN reactor_switches.reactor IS 'Id of the rule; empty for all.';
COMMENT ON COLUMN reactor_switches.reason IS 'As whoever paused it said.';

CREATE TABLE reactor_schedules (
  seen_until timestamptz NOT NULL,
  reactor text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE reactor_schedules IS 'Up to when the times of a rule''s schedule have had their runs. An empty name is when all were last looked at.';
COMMENT ON COLUMN reactor_schedules.seen_until IS 'Times up to this one are done with.';
COMMENT ON COLUMN reactor_schedules.reactor IS 'Id of the rule; empty for all.';

CREATE TABLE reactor_records (
  recorded_at timestamptz NOT NULL DEFAULT now(),
  event_time timestamptz NOT NULL,
  key text COLLATE "C" PRIMARY KEY,
  reactor text COLLATE "C" NOT NULL,
  space text COLLATE "C" NOT NULL,
  member text COLLATE "C" NOT NULL,
  name text NOT NULL,
  value text
);
COMMENT ON TABLE reactor_records IS 'What the record action of rules has noted.';
COMMENT ON COLUMN reactor_records.recorded_at IS 'When it was noted.';
COMMENT ON COLUMN reactor_records.event_time IS 'Of the event.';
COMMENT ON COLUMN reactor_records.key IS 'Made of rule and subject: noted once.';
COMMENT ON COLUMN reactor_records.reactor IS 'Id of the rule.';
COMMENT ON COLUMN reactor_records.space IS 'spaces/S; empty for none.';
COMMENT ON COLUMN reactor_records.member IS 'users/U; empty for nobody.';
COMMENT ON COLUMN reactor_records.name IS 'As the rule says.';
COMMENT ON COLUMN reactor_records.value IS 'As the rule says; null for none.';

CREATE TABLE own_messages (
  made_at timestamptz NOT NULL DEFAULT now(),
  run_id bigint NOT NULL,
  space text COLLATE "C" NOT NULL,
  client_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (client_id, space)
) WITH (
  -- Rows are only added. Until a vacuum the BRIN index knows nothing of new pages, so
  -- that the hourly upkeep reads them all.
  autovacuum_vacuum_insert_scale_factor = 0.02
);
COMMENT ON TABLE own_messages IS 'Ids that runs give to the messages they send, known before they are sent: so an event tells our own messages from those of other apps.';
CREATE INDEX own_messages_made_at_idx ON own_messages USING brin (made_at);
COMMENT ON COLUMN own_messages.made_at IS 'When the id was made; the row is dropped 400 days later.';
COMMENT ON COLUMN own_messages.run_id IS 'The run.';
COMMENT ON COLUMN own_messages.space IS 'spaces/S; empty for a direct message, whose space only Google knows.';
COMMENT ON COLUMN own_messages.client_id IS 'client-…, as in clientAssignedMessageId.';

ALTER TABLE write_slots
  ADD COLUMN given_at timestamptz,
  ADD COLUMN paused_until timestamptz,
  ADD COLUMN refused_at timestamptz,
  ADD COLUMN slowed_at timestamptz,
  ADD COLUMN slowed numeric NOT NULL DEFAULT 1 CONSTRAINT write_slots_slowed_check CHECK (slowed >= 1);
CREATE INDEX write_slots_refused_idx ON write_slots (refused_at) WHERE refused_at IS NOT NULL;
COMMENT ON TABLE write_slots IS 'Paces writes to a space over all replicas, by the clock of the database. The empty space paces all writes of the project.';
COMMENT ON COLUMN write_slots.given_at IS 'The slot that was given last; null: none so far.';
COMMENT ON COLUMN write_slots.paused_until IS 'Until when nobody may write since Google has asked for patience; null: it never did.';
COMMENT ON COLUMN write_slots.refused_at IS 'When Google last refused a write for the quota of the space; null: never.';
COMMENT ON COLUMN write_slots.slowed_at IS 'When the slots were last put further apart; null: never.';
COMMENT ON COLUMN write_slots.slowed IS 'By how much the slots are further apart than configured until five minutes after refused_at: other apps write there, too.';

-- Who looks at a view in psql reads what its columns mean, as in the tables that
-- they come from.
-- +goose StatementBegin
DO $$
DECLARE
  shown record;
BEGIN
  FOR shown IN
    SELECT DISTINCT ON (v.oid, a.attnum) v.oid::regclass AS view, a.attname AS name, d.description
    FROM pg_class v
    JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0 AND col_description(v.oid, a.attnum) IS NULL
    JOIN pg_rewrite r ON r.ev_class = v.oid
    JOIN pg_depend p ON p.classid = 'pg_rewrite'::regclass AND p.objid = r.oid AND p.refclassid = 'pg_class'::regclass
    JOIN pg_attribute b ON b.attrelid = p.refobjid AND b.attnum = p.refobjsubid AND b.attname = a.attname
    JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = b.attrelid AND d.objsubid = b.attnum
    WHERE v.relkind = 'v' AND v.relnamespace = current_schema()::regnamespace
    ORDER BY v.oid, a.attnum, b.attrelid
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.name, shown.description);
  END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE write_slots DROP COLUMN slowed, DROP COLUMN slowed_at, DROP COLUMN refused_at, DROP COLUMN paused_until, DROP COLUMN given_at;
COMMENT ON TABLE write_slots IS 'Paces writes to a space over all replicas, by the clock of the database.';
DROP TABLE own_messages;
DROP TABLE reactor_records;
DROP TABLE reactor_schedules;
DROP TABLE reactor_switches;
DROP TABLE reactor_evaluations;
DROP VIEW reactor_outcomes;
DROP TABLE reactor_daily_counts;
DROP TABLE reactor_counts;
ALTER TABLE reactor_runs RESET (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
DROP INDEX reactor_runs_finished_idx;
DROP INDEX reactor_runs_event_time_idx;
DROP INDEX reactor_runs_failed_idx;
DROP INDEX reactor_runs_member_idx;
DROP INDEX reactor_runs_space_idx;
DROP INDEX reactor_runs_loop_idx;
DROP INDEX reactor_runs_admitted_idx;
DROP INDEX reactor_runs_due_idx;
DROP INDEX reactor_runs_pending_idx;
-- The older schema has one run for a subject, and fewer outcomes.
DELETE FROM reactor_runs WHERE shadow OR step > 0 OR outcome NOT IN ('pending', 'sent', 'failed', 'too_old', 'left', 'collapsed');
DELETE FROM reactor_runs r
WHERE EXISTS (SELECT FROM reactor_runs o WHERE o.reactor = r.reactor AND o.subject = r.subject AND o.id < r.id);
ALTER TABLE reactor_runs
  DROP CONSTRAINT reactor_runs_subject_key,
  DROP CONSTRAINT reactor_runs_outcome_check,
  DROP CONSTRAINT reactor_runs_finished_check;
UPDATE reactor_runs
SET outcome = CASE outcome WHEN 'failed' THEN 'parked' WHEN 'too_old' THEN 'expired' WHEN 'left' THEN 'skipped' WHEN 'collapsed' THEN 'sent' ELSE outcome END;
ALTER TABLE reactor_runs
  DROP COLUMN trace, DROP COLUMN requests, DROP COLUMN facts, DROP COLUMN hash, DROP COLUMN trigger, DROP COLUMN held, DROP COLUMN speaker, DROP COLUMN slot_refused_at,
  DROP COLUMN acts_in, DROP COLUMN shadow, DROP COLUMN step, DROP COLUMN step_id, DROP COLUMN admitted_at, DROP COLUMN due_at,
  ADD COLUMN request json NOT NULL DEFAULT 'null';
ALTER TABLE reactor_runs ALTER COLUMN request DROP DEFAULT;
ALTER TABLE reactor_runs RENAME COLUMN outcome TO state;
ALTER TABLE reactor_runs
  ADD CONSTRAINT reactor_runs_state_check CHECK (state IN ('pending', 'sent', 'parked', 'expired', 'skipped')),
  ADD CONSTRAINT reactor_runs_finished_check CHECK ((state = 'pending') = (finished_at IS NULL)),
  ADD CONSTRAINT reactor_runs_subject_key UNIQUE (reactor, subject);
CREATE INDEX reactor_runs_open_idx ON reactor_runs (created_at) WHERE state IN ('pending', 'parked');
COMMENT ON TABLE reactor_runs IS 'Every effect that a reactor asked for, and how it ended. Exists if and only if its event is recorded.';
COMMENT ON COLUMN reactor_runs.state IS 'pending, sent, parked (a person must look), expired (too old when it was taken up) or skipped (the member had left).';
COMMENT ON COLUMN reactor_runs.reactor IS 'Name of the reactor.';
COMMENT ON COLUMN reactor_runs.subject IS 'What the effect is about; there is one run for it, ever.';
COMMENT ON COLUMN reactor_runs.space IS 'spaces/S: the space written to.';
COMMENT ON COLUMN reactor_runs.member IS 'users/U: skipped if not in the space any more; empty for none.';
COMMENT ON COLUMN reactor_runs.request IS 'The rendered request, the same for every attempt.';
UPDATE schema_compatibility SET oldest_binary = 1;
