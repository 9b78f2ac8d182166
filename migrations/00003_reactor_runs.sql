-- Why: an effect must be asked for in the transaction that records its cause, and at most once.

-- +goose Up

CREATE TABLE reactor_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_time timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  slot_at timestamptz,
  attempts integer NOT NULL DEFAULT 0 CONSTRAINT reactor_runs_attempts_check CHECK (attempts >= 0),
  state text COLLATE "C" NOT NULL DEFAULT 'pending'
    CONSTRAINT reactor_runs_state_check CHECK (state IN ('pending', 'sent', 'parked', 'expired', 'skipped')),
  reactor text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  space text COLLATE "C" NOT NULL,
  member text COLLATE "C" NOT NULL,
  reason text,
  request json NOT NULL,
  CONSTRAINT reactor_runs_subject_key UNIQUE (reactor, subject),
  CONSTRAINT reactor_runs_finished_check CHECK ((state = 'pending') = (finished_at IS NULL))
);
CREATE INDEX reactor_runs_open_idx ON reactor_runs (created_at) WHERE state IN ('pending', 'parked');
COMMENT ON TABLE reactor_runs IS 'Every effect that a reactor asked for, and how it ended. Exists if and only if its event is recorded.';
COMMENT ON COLUMN reactor_runs.id IS 'Number of the run; its River job carries it.';
COMMENT ON COLUMN reactor_runs.event_time IS 'Time of the newest event that asked for it; its age is counted from here.';
COMMENT ON COLUMN reactor_runs.created_at IS 'When it was first asked for.';
COMMENT ON COLUMN reactor_runs.finished_at IS 'When it ended; null while pending.';
COMMENT ON COLUMN reactor_runs.slot_at IS 'Its write slot, when it may write to its space; null if it has none so far.';
COMMENT ON COLUMN reactor_runs.attempts IS 'Attempts begun since it was last asked for.';
COMMENT ON COLUMN reactor_runs.state IS 'pending, sent, parked (a person must look), expired (too old when it was taken up) or skipped (the member had left).';
COMMENT ON COLUMN reactor_runs.reactor IS 'Name of the reactor.';
COMMENT ON COLUMN reactor_runs.subject IS 'What the effect is about; there is one run for it, ever.';
COMMENT ON COLUMN reactor_runs.space IS 'spaces/S: the space written to.';
COMMENT ON COLUMN reactor_runs.member IS 'users/U: skipped if not in the space any more; empty for none.';
COMMENT ON COLUMN reactor_runs.reason IS 'Why it ended as it did; null if there is nothing to say.';
COMMENT ON COLUMN reactor_runs.request IS 'The rendered request, the same for every attempt.';

-- A slot moves with every write: its row changes within its page.
CREATE TABLE write_slots (
  space text COLLATE "C" PRIMARY KEY,
  next_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE write_slots IS 'Paces writes to a space over all replicas, by the clock of the database.';
COMMENT ON COLUMN write_slots.space IS 'spaces/S';
COMMENT ON COLUMN write_slots.next_at IS 'When the next run may write to it.';

-- +goose Down
DROP TABLE write_slots;
DROP TABLE reactor_runs;
