-- Why: what was not seen must be as visible as what was, and a gap is closed only by a backfill that is complete.

-- +goose Up

-- A pass of the keeper finds nearly all as they were. It says so in one row here, and
-- changes rows of subscription_states only where they differ: with a time in each,
-- 10,000 of them wrote 18 MB of log in every pass.
CREATE TABLE keeper_passes (
  listed_at timestamptz NOT NULL,
  first_expiry timestamptz,
  single boolean PRIMARY KEY DEFAULT true CONSTRAINT keeper_passes_single_check CHECK (single),
  states json
);
COMMENT ON TABLE keeper_passes IS 'One row: the newest pass of the keeper that was saved. All that subscription_states holds was so at that time.';
COMMENT ON COLUMN keeper_passes.listed_at IS 'When it asked Google for the list of subscriptions, by Google''s clock.';
COMMENT ON COLUMN keeper_passes.first_expiry IS 'When the first of our subscriptions will expire that are active or suspended; null: there was none.';
COMMENT ON COLUMN keeper_passes.states IS 'How many subscriptions there were in each state, of all that subscription_states holds: so metrics needn''t count them.';
COMMENT ON COLUMN keeper_passes.single IS 'Always true: there is one row.';

-- Half of each page is free for new versions of its rows: renewals come in the order
-- in which the rows were made, so that one transaction changes all rows of a page, and
-- the index stays as it is.
CREATE TABLE subscription_states (
  observed_at timestamptz NOT NULL,
  confirmed_at timestamptz,
  create_time timestamptz,
  update_time timestamptz,
  expire_time timestamptz,
  granted_at timestamptz,
  next_try_at timestamptz,
  tries integer NOT NULL DEFAULT 0 CONSTRAINT subscription_states_tries_check CHECK (tries >= 0),
  managed boolean NOT NULL,
  delivers boolean NOT NULL,
  parked boolean NOT NULL,
  include_resource boolean NOT NULL,
  target text COLLATE "C" PRIMARY KEY,
  scope text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  uid text COLLATE "C",
  topic text COLLATE "C",
  field_mask text COLLATE "C",
  state text COLLATE "C" CONSTRAINT subscription_states_state_check CHECK (state IN ('ACTIVE', 'SUSPENDED', 'DELETED')),
  reason text COLLATE "C",
  remedy text,
  error text,
  event_types text[] COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE subscription_states IS 'Workspace Events subscriptions as the keeper last saw them, one per target. Times are of Google''s clock.';
COMMENT ON COLUMN subscription_states.observed_at IS 'When the keeper first saw it so. It was so again at keeper_passes.listed_at.';
COMMENT ON COLUMN subscription_states.confirmed_at IS 'What happened up to then was published to us; while delivers is true, what happened up to keeper_passes.listed_at, too.';
COMMENT ON COLUMN subscription_states.create_time IS 'When Google made it. A later one under the same name is another subscription.';
COMMENT ON COLUMN subscription_states.update_time IS 'When Google last changed it.';
COMMENT ON COLUMN subscription_states.expire_time IS 'When Google deletes it unless it is renewed.';
COMMENT ON COLUMN subscription_states.granted_at IS 'When its present lifetime was granted: expire_time less this is how long Google grants.';
COMMENT ON COLUMN subscription_states.next_try_at IS 'When a suspended one is tried again.';
COMMENT ON COLUMN subscription_states.tries IS 'How often in a row it was tried without success.';
COMMENT ON COLUMN subscription_states.managed IS 'False for one that others made on our topic: it is shown and never touched.';
COMMENT ON COLUMN subscription_states.delivers IS 'Whether it is ACTIVE and publishes to our topic.';
COMMENT ON COLUMN subscription_states.parked IS 'True while a person has to mend something: see remedy.';
COMMENT ON COLUMN subscription_states.include_resource IS 'Whether its events carry content or names only.';
COMMENT ON COLUMN subscription_states.target IS 'Full name of what is watched, for example //chat.googleapis.com/spaces/S.';
COMMENT ON COLUMN subscription_states.scope IS 'The same as in coverage.scope.';
COMMENT ON COLUMN subscription_states.name IS 'subscriptions/S. It follows from the target: one that is made anew has the same.';
COMMENT ON COLUMN subscription_states.uid IS 'Google''s id of it.';
COMMENT ON COLUMN subscription_states.topic IS 'Where its events go: projects/P/topics/T.';
COMMENT ON COLUMN subscription_states.field_mask IS 'Which parts its events carry, in Google''s words; NULL for all.';
COMMENT ON COLUMN subscription_states.state IS 'In Google''s words; NULL if there is none.';
COMMENT ON COLUMN subscription_states.reason IS 'Why it is suspended, in Google''s words, or why it is parked.';
COMMENT ON COLUMN subscription_states.remedy IS 'What a person has to do.';
COMMENT ON COLUMN subscription_states.error IS 'What went wrong at the last attempt to mend it.';
COMMENT ON COLUMN subscription_states.event_types IS 'What it delivers, by Google''s names; batch forms come along.';

CREATE TABLE coverage (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  from_time timestamptz NOT NULL,
  to_time timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  repaired_at timestamptz,
  asked_at timestamptz,
  acknowledged_at timestamptz,
  events integer,
  scope text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL CONSTRAINT coverage_source_check CHECK (source IN ('live', 'backfill', 'gap')),
  cause text COLLATE "C",
  repair text COLLATE "C" CONSTRAINT coverage_repair_check CHECK (repair IN ('pending', 'impossible')),
  detail text,
  acknowledgement text,
  CONSTRAINT coverage_acknowledged_check CHECK ((acknowledged_at IS NULL) = (acknowledgement IS NULL)),
  CONSTRAINT coverage_times_check CHECK (to_time IS NULL OR to_time >= from_time),
  CONSTRAINT coverage_open_check CHECK (to_time IS NOT NULL OR source IN ('live', 'gap')),
  CONSTRAINT coverage_gap_check CHECK ((source = 'live') = (cause IS NULL)),
  CONSTRAINT coverage_repair_source_check CHECK ((repair IS NOT NULL) = (source = 'gap' AND to_time IS NOT NULL))
);
CREATE UNIQUE INDEX coverage_open_idx ON coverage (scope) WHERE to_time IS NULL;
CREATE INDEX coverage_scope_idx ON coverage (scope, from_time);
CREATE INDEX coverage_gap_idx ON coverage (repair) WHERE source = 'gap';
COMMENT ON TABLE coverage IS 'What was watched when, per scope: intervals that do not overlap. Time between them was not asked for.';
COMMENT ON COLUMN coverage.id IS 'Number of the interval; jobs that repair a gap name it.';
COMMENT ON COLUMN coverage.from_time IS 'Begin, by Google''s clock.';
COMMENT ON COLUMN coverage.to_time IS 'End; NULL for the one interval of a scope that goes on: a live one is sure up to the end that coverage_intervals tells.';
COMMENT ON COLUMN coverage.created_at IS 'When the interval was first written.';
COMMENT ON COLUMN coverage.repaired_at IS 'When the backfill that closed the gap was complete.';
COMMENT ON COLUMN coverage.asked_at IS 'When a person asked for the events of a time that was not watched, by Google''s clock; null of other gaps.';
COMMENT ON COLUMN coverage.acknowledged_at IS 'When a person acknowledged that the gap can''t be repaired.';
COMMENT ON COLUMN coverage.events IS 'How many events that backfill added.';
COMMENT ON COLUMN coverage.scope IS 'spaces/S; for a subscription to more than one space spaces/-, users/U or customers/C: it covers every space that its authority sees.';
COMMENT ON COLUMN coverage.source IS 'live: a subscription was ACTIVE. backfill: it was not, and the events were fetched later. gap: they are missing.';
COMMENT ON COLUMN coverage.cause IS 'Why there was a gap: Google''s suspension reason, expired, deleted, missing, changed, elsewhere, worker_outage, restored or silent_loss.';
COMMENT ON COLUMN coverage.repair IS 'Of a gap that has ended: pending until its backfill is complete, or impossible; detail says why.';
COMMENT ON COLUMN coverage.detail IS 'For people: why it can''t be repaired.';
COMMENT ON COLUMN coverage.acknowledgement IS 'What that person gave as the reason.';

CREATE VIEW coverage_intervals AS
SELECT c.scope, c.from_time,
       COALESCE(c.to_time, CASE c.source WHEN 'live' THEN GREATEST(c.from_time, s.confirmed_at) ELSE now() END) AS to_time,
       c.source, c.cause, c.repair, c.detail, c.to_time IS NULL AS goes_on, c.id
FROM coverage c
LEFT JOIN (
  SELECT scope, max(CASE WHEN delivers THEN GREATEST(confirmed_at, listed_at) ELSE confirmed_at END) AS confirmed_at
  FROM subscription_states
  LEFT JOIN keeper_passes ON true
  WHERE managed
  GROUP BY scope
) s ON s.scope = c.scope;
COMMENT ON VIEW coverage_intervals IS 'coverage with an end for intervals that go on: a live one has been confirmed up to it, a gap lasts until now.';
COMMENT ON COLUMN coverage_intervals.goes_on IS 'Whether it has no end yet: to_time is how far it is known.';

CREATE VIEW coverage_gaps AS
SELECT scope, from_time, to_time, COALESCE(to_time, now()) - from_time AS length, cause,
       CASE WHEN to_time IS NULL THEN 'open' WHEN acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE repair END AS state,
       detail, acknowledgement, id
FROM coverage
WHERE source = 'gap';
COMMENT ON VIEW coverage_gaps IS 'What has not been seen, and why. state: open (still going on), pending (its backfill is under way), impossible, or acknowledged: impossible, and a person knows.';
COMMENT ON COLUMN coverage_gaps.length IS 'How long it is; until now if it goes on.';
COMMENT ON COLUMN coverage_gaps.state IS 'open (still going on), pending (its backfill is under way), impossible, or acknowledged (impossible, and a person knows).';

-- The cursor moves with each page of events, and no index holds it: within its page.
CREATE TABLE backfills (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  gap_id bigint,
  from_time timestamptz NOT NULL,
  to_time timestamptz NOT NULL,
  cursor_time timestamptz NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  seen integer NOT NULL DEFAULT 0,
  recorded integer NOT NULL DEFAULT 0,
  space text COLLATE "C" NOT NULL,
  error text,
  CONSTRAINT backfills_times_check CHECK (from_time < to_time AND cursor_time >= from_time)
) WITH (fillfactor = 80);
CREATE INDEX backfills_gap_idx ON backfills (gap_id, space) WHERE gap_id IS NOT NULL;
CREATE UNIQUE INDEX backfills_open_idx ON backfills (space, from_time, to_time) WHERE finished_at IS NULL;
COMMENT ON TABLE backfills IS 'Fetches of past events of a space. One that was interrupted goes on at its cursor.';
COMMENT ON COLUMN backfills.id IS 'Number of the backfill.';
COMMENT ON COLUMN backfills.gap_id IS 'The interval of coverage that it repairs; NULL if a person asked for it.';
COMMENT ON COLUMN backfills.from_time IS 'Begin of the range.';
COMMENT ON COLUMN backfills.to_time IS 'End of the range.';
COMMENT ON COLUMN backfills.cursor_time IS 'Events up to here are recorded.';
COMMENT ON COLUMN backfills.started_at IS 'When it began.';
COMMENT ON COLUMN backfills.finished_at IS 'When it ended, with or without success; NULL while it goes on.';
COMMENT ON COLUMN backfills.seen IS 'Events that Google listed.';
COMMENT ON COLUMN backfills.recorded IS 'Those of them that were new.';
COMMENT ON COLUMN backfills.space IS 'spaces/S';
COMMENT ON COLUMN backfills.error IS 'Why it ended without success.';

CREATE TABLE followed_spaces (
  changed_at timestamptz NOT NULL,
  present boolean NOT NULL,
  space text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE followed_spaces IS 'Spaces that the Chat app was added to or removed from, by its interaction events.';
COMMENT ON COLUMN followed_spaces.changed_at IS 'Time of the newest of those events.';
COMMENT ON COLUMN followed_spaces.present IS 'Whether it says that the app is in the space.';
COMMENT ON COLUMN followed_spaces.space IS 'spaces/S';

CREATE TABLE worker_heartbeats (
  heartbeat_at timestamptz NOT NULL,
  database_id text COLLATE "C",
  single boolean PRIMARY KEY DEFAULT true CONSTRAINT worker_heartbeats_single_check CHECK (single)
);
COMMENT ON TABLE worker_heartbeats IS 'One row: the newest heartbeat of a worker.';
COMMENT ON COLUMN worker_heartbeats.heartbeat_at IS 'The newest of any replica.';
COMMENT ON COLUMN worker_heartbeats.database_id IS 'Server, timeline and oid of the database at that time. If it is another one by now, it is a copy; null where the server doesn''t tell.';
COMMENT ON COLUMN worker_heartbeats.single IS 'Always true: there is one row.';

-- A hundred rows change at once, each within its page.
CREATE TABLE silence_checks (
  event_time timestamptz NOT NULL,
  checked_at timestamptz NOT NULL,
  space text COLLATE "C" PRIMARY KEY
) WITH (fillfactor = 50);
COMMENT ON TABLE silence_checks IS 'Spaces that were silent for longer than they use to be, and of which Google was asked whether that is so.';
COMMENT ON COLUMN silence_checks.event_time IS 'Since when the space was silent.';
COMMENT ON COLUMN silence_checks.checked_at IS 'When Google was asked last; it is again when the silence has doubled.';
COMMENT ON COLUMN silence_checks.space IS 'spaces/S';

-- +goose Down
DROP TABLE silence_checks;
DROP TABLE worker_heartbeats;
DROP TABLE followed_spaces;
DROP TABLE backfills;
DROP VIEW coverage_gaps;
DROP VIEW coverage_intervals;
DROP TABLE coverage;
DROP TABLE subscription_states;
DROP TABLE keeper_passes;
