-- Why: what events that hold names only are about is fetched; what can't be is to be seen.

-- +goose Up

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
  CONSTRAINT unfetched_pkey PRIMARY KEY (event_time, event_key, ordinal)
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

-- 500 rows change in one pass of the keeper, and each once more: within their pages.
CREATE TABLE member_lists (
  requested_at timestamptz,
  listed_at timestamptz,
  space text COLLATE "C" PRIMARY KEY
) WITH (fillfactor = 40);
COMMENT ON TABLE member_lists IS 'When the members of each watched space were listed. The keeper requests the list of a space that is new, and of each once a day.';
COMMENT ON COLUMN member_lists.requested_at IS 'When the keeper last requested the list, by Google''s clock; null if only a person did.';
COMMENT ON COLUMN member_lists.listed_at IS 'Time of the newest list, by Google''s clock; null if there was none yet: who was in the space before it was watched is unknown.';
COMMENT ON COLUMN member_lists.space IS 'spaces/S';

-- +goose Down
DROP TABLE member_lists;
DROP TABLE unfetched;
