package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/riverqueue/river"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// ErrRunChanged says that a run isn't any more as it was when the attempt
// began: it was asked for again, or another attempt was faster. Its job has to
// look at it anew.
var ErrRunChanged = errors.New("the run has changed meanwhile")

// runColumns are those of a whole run, in the order of scanRun.
const runColumns = `r.id, r.reactor, r.step, r.step_id, r.subject, r.shadow, r.trigger, r.space, r.member, r.acts_in,
	r.event_time, r.due_at, r.hash, r.facts, r.outcome, COALESCE(r.reason, ''), r.attempts, r.requests, r.trace`

func scanRun(row pgx.Row, more ...any) (run reactors.Run, err error) {
	var facts, requests, trace []byte
	targets := append([]any{
		&run.ID, &run.Reactor, &run.Step, &run.StepID, &run.Subject, &run.Shadow, &run.Trigger, &run.Space, &run.Member, &run.ActsIn,
		&run.EventTime, &run.Due, &run.Hash, &facts, &run.Outcome, &run.Reason, &run.Attempts, &requests, &trace,
	}, more...)
	if err := row.Scan(targets...); err != nil {
		return run, err
	}
	run.EventTime, run.Due = run.EventTime.UTC(), run.Due.UTC()
	if err := run.ReadFacts(facts); err != nil {
		return run, fmt.Errorf("read the facts of run %d: %w", run.ID, err)
	}
	if requests != nil {
		if err := json.Unmarshal(requests, &run.Requests); err != nil {
			return run, fmt.Errorf("read the requests of run %d: %w", run.ID, err)
		}
	}
	if err := json.Unmarshal(trace, &run.Trace); err != nil {
		return run, fmt.Errorf("read the trace of run %d: %w", run.ID, err)
	}
	return run, nil
}

func collectRun(row pgx.CollectableRow) (reactors.Run, error) { return scanRun(row) }

// Blocked is why a pending run may not go on for now.
type Blocked struct {
	Paused bool      // its rule, or every rule, is switched off
	Behind time.Time // a step before it hasn't ended, which is due then; zero: there is none
	Began  bool      // its write slot has come: an attempt may have used it, and not noted what came of it
}

// BeginAttempt returns a run, and counts the attempt if the run hasn't ended.
func (s *Runs) BeginAttempt(ctx context.Context, runID int64) (run reactors.Run, blocked Blocked, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	var behind pgtype.Timestamptz
	run, err = scanRun(s.pool.QueryRow(ctx, `
		UPDATE reactor_runs r
		SET attempts = attempts + 1
		WHERE id = $1 AND finished_at IS NULL
		RETURNING `+runColumns+`, COALESCE(r.slot_at <= clock_timestamp(), false), `+pausedColumn+`, CASE WHEN r.step > 0 THEN (
				SELECT max(p.due_at)
				FROM reactor_runs p
				WHERE p.reactor = r.reactor AND p.subject = r.subject AND p.shadow = r.shadow AND p.step < r.step AND p.outcome = 'pending'
			) END`, runID), &blocked.Began, &blocked.Paused, &behind)
	blocked.Behind = store.ZeroTime(behind)
	if errors.Is(err, pgx.ErrNoRows) {
		run, err = s.Run(ctx, runID)
	}
	if err != nil {
		return reactors.Run{}, Blocked{}, fmt.Errorf("read reactor run %d: %w", runID, err)
	}
	return run, blocked, nil
}

// ErrNoRun says that there is no such run.
var ErrNoRun = errors.New("there is no such run")

// Run returns a run as it stands, or [ErrNoRun].
func (s *Runs) Run(ctx context.Context, runID int64) (reactors.Run, error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	run, err := scanRun(s.pool.QueryRow(ctx, `
		SELECT `+runColumns+`
		FROM reactor_runs r
		WHERE r.id = $1`, runID))
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoRun
	}
	return run, err
}

// Prepared is what an attempt has decided before it acts.
type Prepared struct {
	Requests  []reactors.Request
	Messages  []OwnMessage // that the requests will send
	Collapses []int64      // runs that this one speaks for
	Trace     []reactors.TraceEntry
}

// OwnMessage is a message that a run sends, by the id that it gives it. The
// space is empty if only Google knows it: the ids differ from run to run.
type OwnMessage struct {
	Space    string
	ClientID string // "client-…"
}

// forUpdate locks several runs in the order in which Claim does, so that no two
// transactions wait for each other's.
const forUpdate = `
				ORDER BY reactor, subject, step, step_id, shadow
				FOR UPDATE`

// andFollowers finds a run, $1, and the steps after it.
const andFollowers = `
				SELECT $1
				UNION ALL
				SELECT r.id
				FROM reactor_runs e
				JOIN reactor_runs r ON r.reactor = e.reactor AND r.subject = e.subject AND r.shadow = e.shadow AND r.step > e.step
				WHERE e.id = $1`

// PrepareRun stores what a run is about to do. It is one transaction with the
// end of the runs that it speaks for: so nobody is left out and nobody is
// spoken for twice, whatever crashes. The error is [ErrRunChanged] if one of
// them isn't pending any more.
func (s *Runs) PrepareRun(ctx context.Context, run reactors.Run, p Prepared) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	requests, err := json.Marshal(p.Requests)
	if err != nil {
		return fmt.Errorf("prepare reactor run %d: %w", run.ID, err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if len(p.Collapses) > 0 {
			// All runs of a group are due at once, and each would speak for the others.
			if _, err := tx.Exec(ctx, `
				SELECT id
				FROM reactor_runs
				WHERE id = $1 OR id = ANY($2)`+forUpdate, run.ID, p.Collapses); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, `
			UPDATE reactor_runs
			SET requests = @requests, due_at = LEAST(due_at, @now), trace = `+longerTrace("@trace")+`
			WHERE id = @id AND outcome = 'pending' AND attempts = @attempts AND event_time = @event_time AND requests IS NULL`,
			pgx.NamedArgs{
				"id": run.ID, "requests": requests, "trace": traceJSON(p.Trace),
				"attempts": run.Attempts, "event_time": run.EventTime, "now": s.db.Now().UTC(),
			})
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return ErrRunChanged
		}
		if !run.Shadow {
			if err := ownMessages(ctx, tx, run.ID, p.Messages); err != nil {
				return err
			}
		}
		return s.collapse(ctx, tx, run, p.Collapses)
	})
	if err != nil {
		return fmt.Errorf("prepare reactor run %d: %w", run.ID, err)
	}
	return nil
}

func ownMessages(ctx context.Context, tx pgx.Tx, runID int64, messages []OwnMessage) error {
	if len(messages) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO own_messages (run_id, space, client_id)
		SELECT $1, space, client_id
		FROM unnest($2::text[], $3::text[]) AS m (space, client_id)
		ON CONFLICT DO NOTHING`, runID, store.Column(messages, func(m *OwnMessage) string { return m.Space }),
		store.Column(messages, func(m *OwnMessage) string { return m.ClientID }))
	return err
}

func (s *Runs) collapse(ctx context.Context, tx pgx.Tx, run reactors.Run, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	now := s.db.Now().UTC()
	tag, err := tx.Exec(ctx, `
		UPDATE reactor_runs
		SET outcome = 'collapsed', finished_at = $3, admitted_at = NULL, speaker = $1, reason = format('run %s speaks for it', $1::bigint)
		WHERE id = ANY($2) AND outcome = 'pending' AND requests IS NULL`, run.ID, ids, now)
	if err != nil {
		return err
	}
	if int(tag.RowsAffected()) != len(ids) {
		return ErrRunChanged
	}
	collapsed := tally{now.Truncate(time.Hour), run.Reactor, reactors.Collapsed, run.Shadow}
	_, err = count(ctx, tx, []tally{collapsed}, map[tally]counted{collapsed: {n: len(ids)}})
	return err
}

// SpeaksForOthers reports whether runs have collapsed into this one.
func (s *Runs) SpeaksForOthers(ctx context.Context, runID int64) (speaks bool, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM reactor_runs WHERE speaker = $1)`, runID).Scan(&speaks); err != nil {
		return false, fmt.Errorf("read the runs grouped under run %d: %w", runID, err)
	}
	return speaks, nil
}

// ProgressRun stores what has come of the requests so far. The run has used its
// write slot, and needs another for what comes next.
func (s *Runs) ProgressRun(ctx context.Context, run reactors.Run, trace ...reactors.TraceEntry) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	requests, err := json.Marshal(run.Requests)
	if err == nil {
		_, err = s.pool.Exec(ctx, `
			UPDATE reactor_runs
			SET requests = $2, slot_at = NULL, trace = `+longerTrace("$3")+`
			WHERE id = $1 AND finished_at IS NULL`, run.ID, requests, traceJSON(trace))
	}
	if err != nil {
		return fmt.Errorf("save result of run %d: %w", run.ID, err)
	}
	return nil
}

// PostponeRun gives a run another time, from which its age is counted; one that
// was asked for again meanwhile comes no earlier than it was.
func (s *Runs) PostponeRun(ctx context.Context, run reactors.Run, due time.Time, trace ...reactors.TraceEntry) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `
		UPDATE reactor_runs
		SET due_at = CASE event_time WHEN $4 THEN $2 ELSE GREATEST(due_at, $2) END, trace = `+longerTrace("$3")+`
		WHERE id = $1 AND outcome = 'pending'`, run.ID, due, traceJSON(trace), run.EventTime); err != nil {
		return fmt.Errorf("postpone reactor run %d: %w", run.ID, err)
	}
	return nil
}

// MoveSteps makes steps after a run due no earlier than at these times.
func (s *Runs) MoveSteps(ctx context.Context, run reactors.Run, steps []reactors.PlannedStep) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	q := &pgx.Batch{}
	q.Queue(`
			SELECT id
			FROM reactor_runs
			WHERE id IN (`+andFollowers+`
			)`+forUpdate, run.ID)
	q.Queue(`
		UPDATE reactor_runs r
		SET due_at = GREATEST(r.due_at, s.due_at)
		FROM unnest($4::text[], $5::timestamptz[]) AS s (step_id, due_at)
		WHERE r.reactor = $1 AND r.subject = $2 AND r.shadow = $3 AND r.step_id = s.step_id
			AND r.outcome = 'pending' AND r.requests IS NULL`, run.Reactor, run.Subject, run.Shadow,
		store.Column(steps, func(s *reactors.PlannedStep) string { return s.ID }),
		store.Column(steps, func(s *reactors.PlannedStep) time.Time { return store.Microseconds(s.Due) }))
	if err := s.pool.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("move the steps after reactor run %d: %w", run.ID, err)
	}
	return nil
}

// SetUnclear says that nobody knows whether a pending run took effect. The error is
// [ErrRunChanged] if it was asked for again meanwhile.
func (s *Runs) SetUnclear(ctx context.Context, run reactors.Run, reason string, trace ...reactors.TraceEntry) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `
		UPDATE reactor_runs
		SET outcome = 'unclear', reason = $4, trace = `+longerTrace("$5")+`
		WHERE id = $1 AND outcome = 'pending' AND attempts = $2 AND event_time = $3`,
		run.ID, run.Attempts, run.EventTime, store.Clean(reason), traceJSON(trace))
	if err == nil && tag.RowsAffected() != 1 {
		err = ErrRunChanged
	}
	if err != nil {
		return fmt.Errorf("set reactor run %d unclear: %w", run.ID, err)
	}
	return nil
}

// FinishRun ends a run that hasn't ended, with what came of its requests; it does
// nothing to one that has. Where the person has left or the rule says
// stop, the steps after it end, too; where nothing was done, so do the runs
// that it speaks for. The error is [ErrRunChanged] if it was to
// end without anything done and was asked for again meanwhile.
func (s *Runs) FinishRun(
	ctx context.Context, run reactors.Run, outcome reactors.Outcome, reason string, trace ...reactors.TraceEntry,
) error {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	if err := s.finish(ctx, run, outcome, store.Clean(reason), trace); err != nil {
		return fmt.Errorf("finish reactor run %d as %s: %w", run.ID, outcome, err)
	}
	return nil
}

func (s *Runs) finish(ctx context.Context, run reactors.Run, outcome reactors.Outcome, reason string, trace []reactors.TraceEntry) error {
	var requests []byte
	if run.Requests != nil {
		var err error
		if requests, err = json.Marshal(run.Requests); err != nil {
			return err
		}
	}
	done := func(r reactors.Request) bool { return r.Done }
	shard, sample := run.ID%countShards, 0
	if outcome == reactors.ConditionFalse {
		shard, sample = 0, 1
	}
	endsFollowers := outcome == reactors.Left || outcome == reactors.Stopped
	now := s.db.Now().UTC()
	unsaid := outcome.Reopens() && !slices.ContainsFunc(run.Requests, done)
	var ended int
	var sampled int64
	q := &pgx.Batch{} // one round trip and one commit
	if endsFollowers || unsaid {
		q.Queue(`
			SELECT id
			FROM reactor_runs
			WHERE id IN (`+andFollowers+`
				UNION ALL
				SELECT id
				FROM reactor_runs
				WHERE speaker = $1
			)`+forUpdate, run.ID)
	}
	q.Queue(`
		WITH ended AS (
			UPDATE reactor_runs
			SET outcome = @outcome, reason = NULLIF(@reason, ''), finished_at = @now,
				requests = COALESCE(@requests::json, requests), trace = `+longerTrace("@trace")+`
			-- A claim makes the run younger and sets its attempts to 0: so
			-- together they tell whether it is the one that was looked at.
			WHERE id = @id AND finished_at IS NULL AND (@acted OR attempts = @attempts AND event_time = @event_time)
			RETURNING id, reactor, subject, step, shadow
		), followers AS (
			UPDATE reactor_runs r
			SET outcome = @outcome, reason = NULLIF(@reason, ''), finished_at = @now
			FROM ended e
			WHERE @ends_followers AND r.reactor = e.reactor AND r.subject = e.subject AND r.shadow = e.shadow AND r.step > e.step
				AND r.outcome = 'pending' AND r.requests IS NULL
			RETURNING r.id
		), unsaid AS (
			UPDATE reactor_runs r
			SET outcome = @outcome, reason = NULLIF(@reason, ''), finished_at = @now, speaker = NULL
			FROM ended e
			WHERE @unsaid AND r.speaker = e.id AND r.outcome = 'collapsed'
			RETURNING r.id
		), counted AS (
			INSERT INTO reactor_counts AS c (hour, shard, sampled, count, reactor, outcome, shadow)
			SELECT date_trunc('hour', @now::timestamptz, 'UTC'), @shard, @sampled,
				1 + (SELECT count(*) FROM followers) + (SELECT count(*) FROM unsaid), reactor, @outcome, shadow
			FROM ended
			ON CONFLICT (hour, reactor, outcome, shadow, shard) DO UPDATE SET
				count = c.count + excluded.count,
				sampled = c.sampled + excluded.sampled
			RETURNING sampled
		)
		SELECT (SELECT count(*) FROM ended), COALESCE((SELECT max(sampled) FROM counted), 0)`,
		pgx.NamedArgs{
			"id": run.ID, "attempts": run.Attempts, "event_time": run.EventTime,
			"outcome": string(outcome), "reason": reason, "requests": requests, "trace": traceJSON(trace),
			"acted":          !outcome.Reopens(),
			"ends_followers": endsFollowers, "unsaid": unsaid,
			"now": now, "shard": shard, "sampled": sample,
		}).QueryRow(func(row pgx.Row) error { return row.Scan(&ended, &sampled) })
	err := s.pool.SendBatch(ctx, q).Close()
	if err != nil {
		return err
	}
	if ended == 0 {
		return s.whyNotEnded(ctx, run.ID)
	}
	if outcome == reactors.ConditionFalse && sampled > samplesPerHour && run.Trigger != reactors.Schedule {
		// The sample of this hour is full, and nothing was done that a claim
		// would have to protect. A schedule's is looked for again and again.
		_, err = s.pool.Exec(ctx, `DELETE FROM reactor_runs WHERE id = $1 AND outcome = 'condition_false'`, run.ID)
	}
	return err
}

// lostAfter is how long after its turn a run is looked for among the jobs.
const lostAfter = 10 * time.Minute

// RequestLostRuns inserts jobs for runs that haven't ended and whose job is gone, and returns
// how many there were: somebody has cancelled or deleted it, or it has failed
// too often.
func (s *Runs) RequestLostRuns(ctx context.Context) (lost int, err error) {
	ctx, cancel := s.db.WithTimeout(ctx)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT id
			FROM reactor_runs r
			WHERE outcome IN ('pending', 'unclear') AND finished_at IS NULL AND NOT held AND due_at < $1 AND NOT EXISTS (
				SELECT FROM river_job j
				WHERE j.kind = $2 AND j.args->>'run_id' = r.id::text AND j.finalized_at IS NULL
			)`+forUpdate+` SKIP LOCKED`, s.db.Now().UTC().Add(-lostAfter), reactors.RunArgs{}.Kind())
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		lost = len(ids)
		return s.insertJobs(ctx, tx, store.Column(ids, func(id *int64) river.InsertManyParams { return jobOf(*id) }))
	})
	if err != nil {
		return 0, fmt.Errorf("request runs whose jobs were lost: %w", err)
	}
	return lost, nil
}

func (s *Runs) whyNotEnded(ctx context.Context, runID int64) error {
	var pending bool
	err := s.pool.QueryRow(ctx, `
		SELECT finished_at IS NULL
		FROM reactor_runs
		WHERE id = $1`, runID).Scan(&pending)
	if err == nil && pending {
		return ErrRunChanged
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// maxTrace bounds how much is kept of a run's story.
const maxTrace = 100

func longerTrace(param string) string {
	return fmt.Sprintf(`CASE WHEN json_array_length(trace) < %d THEN (trace::jsonb || %s::jsonb)::json ELSE trace END`, maxTrace, param)
}

func traceJSON(trace []reactors.TraceEntry) string {
	if len(trace) == 0 {
		return "[]"
	}
	raw, err := json.Marshal(trace)
	if err != nil {
		return "[]" // a time out of range: not worth failing a run for
	}
	return store.Clean(string(raw))
}
