-- Why: who reads the log has to be able to prove that nothing in it was changed, taken out or put in.

-- +goose Up

CREATE TABLE proof_pending (
  added_at timestamptz NOT NULL DEFAULT now(),
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entries bytea NOT NULL
);
-- Hashes can't be compressed.
ALTER TABLE proof_pending ALTER COLUMN entries SET STORAGE EXTERNAL;
COMMENT ON TABLE proof_pending IS 'What was recorded and isn''t in the tree yet: one row of each transaction. Whoever seals takes rows out in the transaction that puts them into the tree, so none is skipped, whenever it commits.';
COMMENT ON COLUMN proof_pending.added_at IS 'When its transaction began.';
COMMENT ON COLUMN proof_pending.id IS 'In this order they go into the tree, among those that are seen together.';
COMMENT ON COLUMN proof_pending.entries IS '75 bytes each: what it is about (27, as in proof_leaves.refs), the salt (16) and the hash of the leaf (32).';

CREATE TABLE proof_tiles (
  number bigint NOT NULL,
  level smallint NOT NULL CONSTRAINT proof_tiles_level_check CHECK (level >= 0),
  hashes bytea NOT NULL CONSTRAINT proof_tiles_hashes_check CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
  CONSTRAINT proof_tiles_pkey PRIMARY KEY (level, number)
);
ALTER TABLE proof_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE proof_tiles IS 'The Merkle tree (RFC 6962), in tiles of 256 hashes. It only grows.';
COMMENT ON COLUMN proof_tiles.number IS 'Which tile of the level, from 0.';
COMMENT ON COLUMN proof_tiles.level IS '0 for leaves; n for the roots of full tiles of level n-1.';
COMMENT ON COLUMN proof_tiles.hashes IS 'Up to 256 hashes of 32 bytes.';

CREATE TABLE proof_leaves (
  first_time timestamptz NOT NULL,
  last_time timestamptz NOT NULL,
  number bigint NOT NULL CONSTRAINT proof_leaves_pkey PRIMARY KEY,
  refs bytea NOT NULL CONSTRAINT proof_leaves_refs_check CHECK (length(refs) BETWEEN 27 AND 6912 AND length(refs) % 27 = 0),
  salts bytea NOT NULL CONSTRAINT proof_leaves_salts_check CHECK (length(salts) / 16 = length(refs) / 27 AND length(salts) % 16 = 0)
);
ALTER TABLE proof_leaves ALTER COLUMN salts SET STORAGE EXTERNAL;
COMMENT ON TABLE proof_leaves IS 'What the leaves of each tile of level 0 are about.';
COMMENT ON COLUMN proof_leaves.first_time IS 'The earliest time in refs.';
COMMENT ON COLUMN proof_leaves.last_time IS 'The latest time in refs.';
COMMENT ON COLUMN proof_leaves.number IS 'proof_tiles.number of level 0.';
COMMENT ON COLUMN proof_leaves.refs IS '27 bytes for each leaf: kind (e an event, u an event that was changed since, q what went to the quarantine, r what left it, a what is in the trail), time (microseconds since 1970, 8 bytes), key (16) and ordinal (2), numbers with their highest byte first.';
COMMENT ON COLUMN proof_leaves.salts IS '16 random bytes for each leaf: zeros once what it is about was erased.';

CREATE TABLE proof_log (
  sealed_at timestamptz,
  size bigint NOT NULL DEFAULT 0 CONSTRAINT proof_log_size_check CHECK (size >= 0),
  single boolean PRIMARY KEY DEFAULT true CONSTRAINT proof_log_single_check CHECK (single),
  edge bytea NOT NULL DEFAULT ''
);
INSERT INTO proof_log DEFAULT VALUES;
COMMENT ON TABLE proof_log IS 'One row: how far the tree is.';
COMMENT ON COLUMN proof_log.sealed_at IS 'When leaves were last added; null for an empty tree.';
COMMENT ON COLUMN proof_log.size IS 'Number of leaves.';
COMMENT ON COLUMN proof_log.single IS 'Always true: there is one row.';
COMMENT ON COLUMN proof_log.edge IS 'The roots of the largest full subtrees, from left to right: what is needed to add leaves.';

CREATE TABLE proof_checkpoints (
  signed_at timestamptz NOT NULL DEFAULT now(),
  size bigint NOT NULL CONSTRAINT proof_checkpoints_pkey PRIMARY KEY,
  note text NOT NULL
);
COMMENT ON TABLE proof_checkpoints IS 'What the log''s key has signed: copies of them are worth more elsewhere.';
COMMENT ON COLUMN proof_checkpoints.signed_at IS 'When, by the database''s clock.';
COMMENT ON COLUMN proof_checkpoints.size IS 'Number of leaves then.';
COMMENT ON COLUMN proof_checkpoints.note IS 'The signed note: origin, size, root, signature.';

CREATE TABLE proof_copies (
  tried_at timestamptz NOT NULL DEFAULT now(),
  failing_since timestamptz,
  size bigint NOT NULL DEFAULT 0,
  place text NOT NULL CONSTRAINT proof_copies_pkey PRIMARY KEY
);
COMMENT ON TABLE proof_copies IS 'Where checkpoints are copied to, out of reach of whoever may change this database.';
COMMENT ON COLUMN proof_copies.tried_at IS 'When a worker last began to copy one.';
COMMENT ON COLUMN proof_copies.failing_since IS 'Since when none could be copied; null: the last one could.';
COMMENT ON COLUMN proof_copies.size IS 'Size of the newest checkpoint that is there.';
COMMENT ON COLUMN proof_copies.place IS 'A directory, a bucket, or the host of an address with a hash of the whole.';

-- +goose Down
DROP TABLE proof_copies;
DROP TABLE proof_checkpoints;
DROP TABLE proof_log;
DROP TABLE proof_leaves;
DROP TABLE proof_tiles;
DROP TABLE proof_pending;
