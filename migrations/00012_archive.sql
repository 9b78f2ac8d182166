-- Why: the bytes of old months are worth keeping, and not worth the database's room.

-- +goose Up

ALTER TABLE proof_leaves
  ADD COLUMN contents bytea CONSTRAINT proof_leaves_contents_check CHECK (length(contents) / 32 = length(refs) / 27 AND length(contents) % 32 = 0);
ALTER TABLE proof_leaves ALTER COLUMN contents SET STORAGE EXTERNAL;
COMMENT ON COLUMN proof_leaves.contents IS 'Where bytes were taken out of the log: 32 bytes for each leaf, the salted hash of what it lacks, or zeros; the salt is then that of the leaf. Null where none were.';

-- +goose StatementBegin
CREATE FUNCTION strip_month(stripped date) RETURNS bigint
  LANGUAGE plpgsql AS $$
DECLARE
  since CONSTANT text := to_char(date_trunc('month', stripped::timestamp), 'YYYY-MM-01 00:00:00+00');
  until CONSTANT text := to_char(date_trunc('month', stripped::timestamp) + interval '1 month', 'YYYY-MM-01 00:00:00+00');
  old record;
  columns text;
  stripped_rows bigint;
BEGIN
  -- Who waits for a lock is waited for by those who record.
  PERFORM set_config('lock_timeout', '3s', true);
  SELECT c.relname, array_to_string(c.reloptions, ', ') AS settings INTO STRICT old
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'events'::regclass AND c.relname ~ ('^events' || to_char(stripped, '_YYYY_MM') || '(_\d+)?$') AND NOT i.inhdetachpending;
  EXECUTE format('LOCK TABLE %I IN SHARE ROW EXCLUSIVE MODE', old.relname);
  EXECUTE format('SELECT count(payload) FROM %I', old.relname) INTO stripped_rows;
  SELECT string_agg(CASE attname WHEN 'payload' THEN 'NULL' WHEN 'payload_codec' THEN '0' ELSE quote_ident(attname) END, ', ' ORDER BY attnum) INTO columns
  FROM pg_attribute
  WHERE attrelid = 'events'::regclass AND attnum > 0 AND NOT attisdropped;
  -- A new table has no dead rows: so the disk is free at once, and the lock of all
  -- months is held as long as it takes to name one table in the place of another.
  EXECUTE format('CREATE TABLE events_stripped (LIKE %I INCLUDING ALL, CONSTRAINT stripped_month CHECK (event_time >= %L AND event_time < %L)) WITH (%s)',
    old.relname, since, until, old.settings);
  EXECUTE format('INSERT INTO events_stripped SELECT %s FROM %I', columns, old.relname);
  EXECUTE format('ALTER TABLE events DETACH PARTITION %I', old.relname);
  EXECUTE format('ALTER TABLE events ATTACH PARTITION events_stripped FOR VALUES FROM (%L) TO (%L)', since, until);
  ALTER TABLE events_stripped DROP CONSTRAINT stripped_month;
  EXECUTE format('DROP TABLE %I', old.relname);
  EXECUTE format('ALTER TABLE events_stripped RENAME TO %I', old.relname);
  RETURN stripped_rows;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION strip_month(date) IS 'Takes the bytes of a month''s events out of the log, and tells of how many; nothing else of them changes. Whoever owns the tables may call it.';
REVOKE ALL ON FUNCTION strip_month(date) FROM PUBLIC;
-- +goose StatementBegin
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION strip_month(date) SET search_path = %I, pg_temp', current_schema());
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION strip_month(date);
ALTER TABLE proof_leaves DROP COLUMN contents;
