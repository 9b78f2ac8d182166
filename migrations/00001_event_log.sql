-- Why: the append-only log of every event is what all else can be derived from; what can't be read goes to the quarantine.

-- +goose Up

CREATE TABLE schema_compatibility (
  oldest_binary bigint NOT NULL,
  single boolean PRIMARY KEY DEFAULT true CONSTRAINT schema_compatibility_single_check CHECK (single)
);
INSERT INTO schema_compatibility (oldest_binary) VALUES (1);
COMMENT ON TABLE schema_compatibility IS 'One row: which binaries this schema works with. A migration that only adds leaves it as it is.';
COMMENT ON COLUMN schema_compatibility.oldest_binary IS 'The lowest version of the schema that a binary has to know. A migration that takes away what older binaries need raises it.';
COMMENT ON COLUMN schema_compatibility.single IS 'Always true: there is one row.';

-- +goose StatementBegin
CREATE FUNCTION event_key(ce_id text) RETURNS uuid
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN encode(substring(sha256(convert_to(ce_id, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid;
-- +goose StatementEnd
COMMENT ON FUNCTION event_key(text) IS
  'The key of a Chat event with this ce-id. Of a lifecycle event: event_key(source || E''\n'' || id); of an interaction: event_key(E''interaction\n'' || Pub/Sub message id).';

-- +goose StatementBegin
CREATE FUNCTION full_name(name text, base text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE
    WHEN name LIKE '//%' THEN substr(name, 2)
    WHEN name LIKE '/%' THEN base || name
    ELSE name
  END;
-- +goose StatementEnd
COMMENT ON FUNCTION full_name(text, text) IS
  'The name that events holds in short form: /X stands for base/X, and //X for /X; everything else is as it was.';

CREATE TABLE event_types (
  id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ce_type text COLLATE "C" NOT NULL CONSTRAINT event_types_ce_type_key UNIQUE,
  kind text COLLATE "C" NOT NULL,
  verb text COLLATE "C" NOT NULL
);
COMMENT ON TABLE event_types IS 'The event types seen so far; events refers to them by number to stay small.';
COMMENT ON COLUMN event_types.id IS 'Number used in events.type_id.';
COMMENT ON COLUMN event_types.ce_type IS 'CloudEvents type as received, for example google.workspace.chat.message.v1.created; interaction.MESSAGE and so on for interaction events.';
COMMENT ON COLUMN event_types.kind IS 'What sort of resource such an event is about: message, membership, reaction, space, subscription, interaction, unknown, …';
COMMENT ON COLUMN event_types.verb IS 'What happened to it: created, updated, deleted, …; other for interactions and unknown types.';

CREATE TABLE event_sources (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text COLLATE "C" NOT NULL CONSTRAINT event_sources_source_key UNIQUE
);
COMMENT ON TABLE event_sources IS 'The CloudEvents sources seen so far: which Workspace Events subscription delivered an event.';
COMMENT ON COLUMN event_sources.id IS 'Number used in events.source_id.';
COMMENT ON COLUMN event_sources.source IS 'ce-source as received, for example //workspaceevents.googleapis.com/subscriptions/S; empty for interaction events.';

CREATE TABLE payload_dictionaries (
  id smallint PRIMARY KEY CONSTRAINT payload_dictionaries_id_check CHECK (id > 0),
  dictionary bytea NOT NULL
);
COMMENT ON TABLE payload_dictionaries IS 'The raw-content zstd dictionaries that payloads were compressed with. A row here is needed as long as any payload names it.';
COMMENT ON COLUMN payload_dictionaries.id IS 'Number used in events.payload_codec.';
COMMENT ON COLUMN payload_dictionaries.dictionary IS 'Content of the dictionary, saved as the file dictionary: zstd -d -D dictionary reads a payload; so does any library that takes raw content as a dictionary. subscriber events show does both.';

-- Columns stand in the order of their alignment, so that no byte is lost to padding.
CREATE TABLE events (
  event_time timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  publish_time timestamptz,
  event_key uuid NOT NULL,
  source_id integer NOT NULL,
  space_id integer,
  actor_id integer,
  type_id smallint NOT NULL,
  ordinal smallint NOT NULL CONSTRAINT events_ordinal_check CHECK (ordinal >= 0),
  payload_codec smallint NOT NULL CONSTRAINT events_payload_codec_check CHECK (payload_codec >= 0),
  origin "char" NOT NULL CONSTRAINT events_origin_check CHECK (origin IN ('l', 'b')),
  ce_id text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  message_id text COLLATE "C",
  payload bytea,
  CONSTRAINT events_pkey PRIMARY KEY (event_time, event_key, ordinal)
) PARTITION BY RANGE (event_time);
-- Payloads come compressed: a second try by Postgres would only cost time.
ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL;
-- The key begins with the time: what comes in goes to the end of the index, so
-- that few of its pages are written between two checkpoints, and history is
-- read in its order. A random key would dirty a page of its own for each event.
-- The other index answers "this space": its newest must be found without reading
-- all, and who wrote how many messages without the rows, each of which is on
-- another page. Whoever looks for an event brings its time along.
CREATE INDEX events_space_idx ON events (space_id, event_time) INCLUDE (actor_id, type_id) WHERE space_id IS NOT NULL;
COMMENT ON TABLE events IS 'Every item of every event, exactly once and for good. Read it through the view event_log. A partition holds one month (UTC) of event_time.';
COMMENT ON COLUMN events.event_time IS 'When it happened: ce-time; eventTime for interactions. The same on every redelivery, which is why it may be part of the key.';
COMMENT ON COLUMN events.received_at IS 'When this system got the first copy; the first live one, if there is one.';
COMMENT ON COLUMN events.publish_time IS 'When Pub/Sub took the first copy; null for a backfill.';
COMMENT ON COLUMN events.event_key IS 'Identity of the event; see the function event_key.';
COMMENT ON COLUMN events.source_id IS 'Which subscription delivered the first copy: event_sources.id.';
COMMENT ON COLUMN events.type_id IS 'Type of the event: event_types.id.';
COMMENT ON COLUMN events.ordinal IS 'Position of the item in a batch event, from 0; 0 for all others.';
COMMENT ON COLUMN events.payload_codec IS '0: the payload is as received; n: zstd frames that need payload_dictionaries.id = n as raw content; the frames don''t name it.';
COMMENT ON COLUMN events.origin IS 'l: live, delivered by Pub/Sub, perhaps after a backfill had fetched it: the bytes are those delivered. b: backfill, fetched later; its payload shows the resource as it was when fetched (received_at), not at event_time.';
COMMENT ON COLUMN events.ce_id IS 'ce-id; /E stands for spaces/S/spaceEvents/E. Empty for interactions. event_log shows it in full.';
COMMENT ON COLUMN events.space_id IS 'Where it happened: spaces.id; null where there is no space.';
COMMENT ON COLUMN events.actor_id IS 'The sender, the member, who reacted: users.id; null if the payload does not tell.';
COMMENT ON COLUMN events.resource IS 'Name of the resource the item is about; /messages/M stands for spaces/S/messages/M. May be empty for unknown types. event_log shows it in full.';
COMMENT ON COLUMN events.message_id IS 'Pub/Sub message id of the first copy; null for a backfill.';
COMMENT ON COLUMN events.payload IS 'Exactly the bytes received, perhaps compressed (payload_codec). With one item of each copy that told something of its own: another item of the event is in the bytes of one of them, of its own origin if it can be.';

CREATE TABLE quarantine (
  quarantine_key uuid PRIMARY KEY,
  event_key uuid,
  received_at timestamptz NOT NULL,
  publish_time timestamptz,
  message_id text COLLATE "C" NOT NULL,
  ordering_key text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL CONSTRAINT quarantine_reason_check CHECK (reason <> ''),
  detail text NOT NULL,
  attributes json NOT NULL,
  data bytea NOT NULL
);
CREATE INDEX quarantine_received_at_idx ON quarantine (received_at);
-- Answers whether an event that Google lists is here.
CREATE INDEX quarantine_event_key_idx ON quarantine (event_key);
COMMENT ON TABLE quarantine IS 'Messages that could not be recorded as events, kept whole so that nothing is lost.';
COMMENT ON COLUMN quarantine.quarantine_key IS 'Hash of message id, attributes and data: the same message is kept once.';
COMMENT ON COLUMN quarantine.event_key IS 'event_key of its ce-id, under which a Chat event would be recorded; null without one.';
COMMENT ON COLUMN quarantine.received_at IS 'When this system got the first copy.';
COMMENT ON COLUMN quarantine.publish_time IS 'When Pub/Sub took it; null for a backfill.';
COMMENT ON COLUMN quarantine.message_id IS 'Pub/Sub message id; empty for a backfill.';
COMMENT ON COLUMN quarantine.ordering_key IS 'Pub/Sub ordering key.';
COMMENT ON COLUMN quarantine.reason IS 'Short stable code; absurd_time and rejected_by_database are the store''s own, the others the decoder''s.';
COMMENT ON COLUMN quarantine.detail IS 'For people: what was wrong. Never message text.';
COMMENT ON COLUMN quarantine.attributes IS 'Pub/Sub attributes as received.';
COMMENT ON COLUMN quarantine.data IS 'Exactly the bytes received.';

CREATE TABLE legal_holds (
  since timestamptz NOT NULL DEFAULT now(),
  scope text COLLATE "C" PRIMARY KEY CONSTRAINT legal_holds_scope_check CHECK (scope ~ '^(spaces|users)/[^/]+$'),
  reason text NOT NULL CONSTRAINT legal_holds_reason_check CHECK (reason <> '')
);
COMMENT ON TABLE legal_holds IS 'Spaces and people of whom nothing may be erased or dropped. Whoever erases or drops reads it in the same transaction.';
COMMENT ON COLUMN legal_holds.since IS 'Since when, by the database''s clock.';
COMMENT ON COLUMN legal_holds.scope IS 'spaces/S: all that happened there. users/U: all that this person or app did, and was told.';
COMMENT ON COLUMN legal_holds.reason IS 'As whoever ordered it said.';

CREATE TABLE erasures (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  after_time timestamptz NOT NULL DEFAULT '-infinity',
  after_key uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  after_number bigint NOT NULL DEFAULT -1,
  member text COLLATE "C" NOT NULL CONSTRAINT erasures_member_check CHECK (member ~ '^users/[^/]+$'),
  part text COLLATE "C" NOT NULL DEFAULT '',
  counts jsonb NOT NULL DEFAULT '{}',
  names text[] NOT NULL
);
CREATE UNIQUE INDEX erasures_open_idx ON erasures (member) WHERE finished_at IS NULL;
COMMENT ON TABLE erasures IS 'People whose content and names were erased, or are being. What comes later of before asked_at is recorded without.';
COMMENT ON COLUMN erasures.id IS 'Number of the erasure.';
COMMENT ON COLUMN erasures.asked_at IS 'When it began: what happened before is erased.';
COMMENT ON COLUMN erasures.finished_at IS 'When all was erased; null while it isn''t.';
COMMENT ON COLUMN erasures.after_time IS 'How far its part is, in time.';
COMMENT ON COLUMN erasures.after_key IS 'How far its part is, among keys.';
COMMENT ON COLUMN erasures.after_number IS 'How far its part is, among numbers.';
COMMENT ON COLUMN erasures.member IS 'users/U: Google''s number of the person, which stays.';
COMMENT ON COLUMN erasures.part IS 'Which part is under way.';
COMMENT ON COLUMN erasures.counts IS 'How many rows of each kind were erased, and were kept for a legal hold.';
COMMENT ON COLUMN erasures.names IS 'How the person is called, while it is looked for; empty in the end.';

-- +goose StatementBegin
CREATE FUNCTION erasures_version() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT count(*) FROM erasures) || ' ' || (SELECT concat_ws(' ', count(*), max(since)) FROM legal_holds);
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION erasures_version() IS 'Another one for each change of who is erased, and of what is held.';

-- Whoever begins an erasure locks the table: so it waits for all transactions that
-- have called this, and those that call it later know of the erasure.
-- +goose StatementBegin
CREATE FUNCTION check_erasures(known text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF known IS DISTINCT FROM erasures_version() THEN
    RAISE serialization_failure USING MESSAGE = 'erasures or legal holds have changed meanwhile';
  END IF;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION check_erasures(text) IS 'Fails if erasures_version() is another one than the caller knows. Whoever writes what people say calls it in the same transaction.';

-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION erasures_version() SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION check_erasures(text) SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION check_erasures(text);
DROP FUNCTION erasures_version();
DROP TABLE erasures;
DROP TABLE legal_holds;
DROP TABLE quarantine;
DROP TABLE events;
DROP TABLE payload_dictionaries;
DROP TABLE event_sources;
DROP TABLE event_types;
DROP FUNCTION full_name(text, text);
DROP FUNCTION event_key(text);
DROP TABLE schema_compatibility;
