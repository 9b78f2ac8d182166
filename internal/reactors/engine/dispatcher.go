package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/jobs"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/decide"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// MaxWorkers is how many attempts run at once. Most of them wait for the Chat
// API.
const MaxWorkers = 100

// Options are the settings of a Dispatcher.
type Options struct {
	// WriteInterval is the time between two writes to one space, over all
	// replicas. Google allows one a second, shared by all apps in the space.
	WriteInterval time.Duration
	// ProjectInterval is the time between two writes of the project, over all
	// replicas. Google allows 3,000 a minute. 0: no limit.
	ProjectInterval time.Duration
	// Directory looks up what no event has told; nil: nobody does.
	Directory Directory
	// Now is the clock for due times and ages; default time.Now.
	Now func() time.Time
	// BreakerPause is how long nobody try the other side after a failure that a
	// breaker has opened for; default 150 s.
	BreakerPause time.Duration
	// Tracer traces attempts and what they send; nil: nothing is traced.
	Tracer trace.Tracer
	// Observe is called when a run has ended; default: nothing.
	Observe func(reactors.Run, reactors.Outcome, string)
}

// Dispatcher is the River worker that carries runs on, one attempt at a time.
// Several replicas may run it: River gives each job to one of them, and should
// it give a job out twice, the effect still happens once.
type Dispatcher struct {
	river.WorkerDefaults[reactors.RunArgs]
	ruleSet  *RuleSet
	actions  map[string]reactors.Action
	runs     *runs.Runs
	state    decide.State
	breakers *breakers
	log      *zap.Logger
	opts     Options
}

// NewDispatcher returns a Dispatcher for a RuleSet and the actions that its rules
// may name.
func NewDispatcher(ruleSet *RuleSet, actions []reactors.Action, r *runs.Runs, l *eventlog.Log, log *zap.Logger, opts Options) *Dispatcher {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(reactors.Run, reactors.Outcome, string) {}
	}
	if opts.Tracer == nil {
		opts.Tracer = noop.NewTracerProvider().Tracer("")
	}
	byName := make(map[string]reactors.Action, len(actions))
	for _, a := range actions {
		byName[a.Name()] = a
	}
	d := &Dispatcher{ruleSet: ruleSet, actions: byName, runs: r, state: recorded{r, l}, log: log, opts: opts}
	if opts.Directory != nil {
		d.state = &lookedUpState{State: d.state, eventLog: l, directory: opts.Directory, log: log}
	}
	d.breakers = newBreakers(log, cmp.Or(opts.BreakerPause, openFor))
	return d
}

// jobTimeout bounds one attempt.
const jobTimeout = 30 * time.Second

// shortWait is the longest wait for a write slot within an attempt; for a longer
// one the job is put back, so that others get its place.
const shortWait = 250 * time.Millisecond

// stepPause is how long a step waits at least for the one before it, which may
// wait for a write slot or a breaker.
const stepPause = 2 * time.Second

// Timeout implements river.Worker.
func (d *Dispatcher) Timeout(*river.Job[reactors.RunArgs]) time.Duration { return jobTimeout }

// Work implements river.Worker.
func (d *Dispatcher) Work(ctx context.Context, job *river.Job[reactors.RunArgs]) error {
	wait, err := d.Attempt(ctx, job.Args.RunID)
	switch {
	case errors.Is(err, runs.ErrRunChanged):
		return river.JobSnooze(0)
	case err != nil:
		// A snooze and not an error: River gives up after a number of errors,
		// but only its age ends a run.
		d.log.Warn("run attempt not started; retrying", zap.Int64("run_id", job.Args.RunID), zap.Error(err))
		return river.JobSnooze(retryPause(job.Attempt))
	case wait > 0:
		return river.JobSnooze(wait)
	}
	return nil
}

// Attempt carries a run on as far as it goes now; wait says when to call it
// again, 0 for never. An error is about the database.
func (d *Dispatcher) Attempt(ctx context.Context, runID int64) (wait time.Duration, err error) {
	run, blocked, err := d.runs.BeginAttempt(ctx, runID)
	if errors.Is(err, runs.ErrNoRun) {
		return 0, nil // it has ended, and was pruned
	}
	if err != nil || run.Outcome != reactors.Pending && run.Outcome != reactors.Unclear {
		return 0, err
	}
	if blocked.Paused {
		held, err := d.runs.HoldRun(ctx, run, d.said("paused"))
		if err != nil || held {
			d.breakers.forget(run.ID)
			return 0, err
		}
	}
	ctx, span := d.traceAttempt(ctx, run)
	defer span.End()
	now := d.opts.Now()
	if !blocked.Behind.IsZero() && !now.Before(run.Due) {
		return d.waitFor(ctx, run, blocked.Behind)
	}
	rule := d.ruleSet.Rule(run.Reactor, run.Space)
	unwanted, isUnwanted := decide.Unwanted(rule, run)
	if isUnwanted && now.Sub(run.EventTime) < reactors.Rollout {
		return rolloutPause, nil // a replica with newer rules may want it
	}
	switch {
	case run.Requests == nil && isUnwanted:
		return 0, d.finish(ctx, run, unwanted.Outcome, unwanted.Reason)
	case run.Requests == nil:
		if wait, err := d.decide(ctx, rule, &run); err != nil || run.Requests == nil || run.Outcome != reactors.Pending {
			return wait, err
		}
	case !run.Shadow:
		decision, err := d.stale(ctx, rule, run, unwanted, isUnwanted)
		if err != nil {
			return 0, err
		}
		if decision != nil {
			return d.settle(ctx, rule, run, *decision, blocked.Began)
		}
	}
	if run.Shadow {
		return 0, d.finish(ctx, run, reactors.Shadowed, "")
	}
	return d.act(ctx, rule, run)
}

// rolloutPause is how long a replica leaves a run to those that may have newer
// rules; they get about as many of its jobs.
const rolloutPause = 10 * time.Second

// moveSteps keeps the distance of the steps after a run that comes at a time. It comes
// before the run's own change: if the worker is killed between them, it comes again.
func (d *Dispatcher) moveSteps(ctx context.Context, run reactors.Run, at time.Time) error {
	rule := d.ruleSet.Rule(run.Reactor, run.Space)
	if rule == nil {
		return nil
	}
	later := rule.Following(run.StepID, at)
	if len(later) == 0 {
		return nil
	}
	return d.runs.MoveSteps(ctx, run, later)
}

// waitFor lets a step wait for the one before it, which is due at a time: the
// step is due then, too, and its age counts from then.
func (d *Dispatcher) waitFor(ctx context.Context, run reactors.Run, due time.Time) (wait time.Duration, err error) {
	if due.After(run.Due) {
		if err := d.moveSteps(ctx, run, due); err != nil {
			return 0, err
		}
		if err := d.runs.PostponeRun(ctx, run, due, d.said("waits for the step before it")); err != nil {
			return 0, err
		}
	}
	return max(stepPause, due.Sub(d.opts.Now())), nil
}

// decide try what becomes of the run; it has requests afterwards if there is
// something to do.
func (d *Dispatcher) decide(ctx context.Context, rule *rules.Rule, run *reactors.Run) (wait time.Duration, err error) {
	now := d.opts.Now()
	if wait, err := d.yield(ctx, rule, *run, now); err != nil || wait > 0 {
		return wait, err
	}
	decision, err := decide.Wanted(ctx, rule, *run, d.state, now)
	if err != nil {
		return 0, err
	}
	var trace []reactors.TraceEntry
	for _, line := range decision.Trace {
		trace = append(trace, d.said(line))
	}
	switch {
	case decision.Requests != nil:
		run.Requests = decision.Requests
		return 0, d.runs.PrepareRun(ctx, *run, runs.Prepared{
			Requests: run.Requests, Messages: ownMessages(run.Requests), Trace: trace,
			Collapses: store.Column(decision.Speaks, func(r *reactors.Run) int64 { return r.ID }),
		})
	case decision.Outcome == reactors.Pending:
		if !decision.Until.Equal(run.Due) {
			if err := d.moveSteps(ctx, *run, decision.Until); err != nil {
				return 0, err
			}
			if err := d.runs.PostponeRun(ctx, *run, decision.Until, trace...); err != nil {
				return 0, err
			}
		}
		return max(decision.Until.Sub(now), time.Millisecond), nil
	}
	run.Outcome = decision.Outcome
	return 0, d.finish(ctx, *run, decision.Outcome, decision.Reason, trace...)
}

// The oldest run of a large group sends for all. The others wait for it: if each
// looked for the others, the look-ups would grow with the square of their number.
const (
	groupPause = 500 * time.Millisecond
	maxYields  = 10 // attempts for each older run; then that may be stuck
)

// yield says how long the run leaves it to an older one to speak for both; 0 for
// not at all.
func (d *Dispatcher) yield(ctx context.Context, rule *rules.Rule, run reactors.Run, now time.Time) (wait time.Duration, err error) {
	if rule.Collapse == nil || now.Before(run.Due) {
		return 0, nil
	}
	others, older, err := d.runs.Group(ctx, run, run.EventTime.Add(rule.Collapse.Window), now)
	if err != nil || older == 0 || run.Attempts > maxYields*older || others+1 <= rule.Collapse.Over {
		return 0, err
	}
	return groupPause, nil
}

// stale says how a run ends that was prepared in an earlier attempt and is now
// unwanted, too old or about somebody who has left; nil if it should go on. A
// run whose first request is done goes on, unless it is too old.
func (d *Dispatcher) stale(
	ctx context.Context, rule *rules.Rule, run reactors.Run, unwanted decide.Decision, isUnwanted bool,
) (*decide.Decision, error) {
	begun := run.Requests[0].Done
	if isUnwanted && (!begun || rule == nil) { // without its rule nothing tells when it is too old
		return &unwanted, nil
	}
	now := d.opts.Now()
	if decision, over := decide.TooOld(rule, run, now); over {
		return &decision, nil
	}
	if begun || !rule.Stay || run.Member == "" {
		return nil, nil
	}
	told, err := d.state.FactsOfAll(ctx, []reactors.Run{run}, reactors.NeedMember, now)
	if err != nil || told[0].Member.IsMember {
		return nil, err
	}
	speaks, err := d.runs.SpeaksForOthers(ctx, run.ID)
	if err != nil || speaks {
		return nil, err // those who are still there have nobody else
	}
	decision := decide.Decision{Outcome: reactors.Left, Reason: decide.MemberLeft}
	return &decision, nil
}

// lookFor bounds how long after its due time it is looked up whether a run took effect.
const lookFor = 7 * 24 * time.Hour

// settle ends a run as decided, unless its next request may have taken effect in an
// attempt of which no result is known: began says that there was one. Then somebody
// looks; where that can't be done, the run is unclear, and wait says when to look again.
func (d *Dispatcher) settle(
	ctx context.Context, rule *rules.Rule, run reactors.Run, decision decide.Decision, began bool,
) (wait time.Duration, err error) {
	next := slices.IndexFunc(run.Requests, func(r reactors.Request) bool { return !r.Done })
	if next < 0 {
		return d.act(ctx, rule, run)
	}
	request := &run.Requests[next]
	action := d.actions[request.Action]
	if action == nil || request.Write == nil || len(request.Write.MessageIDs) == 0 || request.Tries == 0 && !began {
		return 0, d.finish(ctx, run, decision.Outcome, decision.Reason)
	}
	reason := "it may have been sent, and nobody could look; otherwise " + string(decision.Outcome) + ": " + decision.Reason
	try := d.askFor(rule, run, request)
	try.left = lookFor
	permit, wait := d.breakers.allow(try)
	if wait == 0 {
		done, err := action.Settled(ctx, request.Body)
		permit.done(err)
		switch {
		case err == nil && done && next == len(run.Requests)-1:
			return d.act(ctx, rule, run) // it finds out the same, and more
		case err == nil:
			request.Done = done
			return 0, d.finish(ctx, run, decision.Outcome, decision.Reason)
		case reactors.IsPermanent(err):
			return 0, d.finish(ctx, run, reactors.Unclear, reason+"; "+err.Error())
		}
		wait = cmp.Or(d.breakers.refused(try), retryPause(run.Attempts))
	}
	switch {
	case d.opts.Now().Sub(run.Due) > lookFor:
		return 0, d.finish(ctx, run, reactors.Unclear, reason)
	case run.Outcome == reactors.Pending:
		d.log.Warn("run unclear; looking again whether it took effect",
			zap.Int64("run_id", run.ID), zap.String("reactor", run.Reactor), zap.String("space", run.Space))
		if err := d.runs.SetUnclear(ctx, run, reason, d.said("unclear: "+reason)); err != nil {
			return 0, err
		}
	}
	return wait, nil
}

func (d *Dispatcher) finish(ctx context.Context, run reactors.Run, o reactors.Outcome, reason string, trace ...reactors.TraceEntry) error {
	what := string(o)
	if reason != "" {
		what += ": " + reason
	}
	if now := d.opts.Now(); now.Sub(run.Due) > reactors.Late && run.Outcome != reactors.Unclear {
		if err := d.moveSteps(ctx, run, now); err != nil {
			return err
		}
	}
	if err := d.runs.FinishRun(ctx, run, o, reason, append(trace, d.said(what))...); err != nil {
		return err
	}
	d.breakers.forget(run.ID)
	traceOutcome(ctx, o)
	switch {
	case o == reactors.Failed:
		d.log.Error("run failed; a person must look at it", zap.Int64("run_id", run.ID),
			zap.String("reactor", run.Reactor), zap.String("space", run.Space), zap.String("reason", reason))
	case o == reactors.Unclear:
		d.log.Error("run stays unclear; a person may look whether it took effect", zap.Int64("run_id", run.ID),
			zap.String("reactor", run.Reactor), zap.String("space", run.Space), zap.String("reason", reason))
	case o == reactors.Looping && reason != decide.OwnMessage:
		d.log.Warn("run suppressed; apps may be answering each other", zap.Int64("run_id", run.ID),
			zap.String("reactor", run.Reactor), zap.String("space", run.Space), zap.String("reason", reason))
	}
	d.opts.Observe(run, o, reason)
	return nil
}

func (d *Dispatcher) said(what string) reactors.TraceEntry {
	return reactors.TraceEntry{At: d.opts.Now().UTC(), What: what}
}

// ownMessages are the messages that the requests may send, so that their events
// are recognised as caused by us.
func ownMessages(requests []reactors.Request) (all []runs.OwnMessage) {
	for _, r := range requests {
		if r.Write == nil {
			continue
		}
		for _, id := range r.Write.MessageIDs {
			all = append(all, runs.OwnMessage{Space: r.Write.Space, ClientID: id})
		}
	}
	return all
}

// AddWorkers makes d the worker of runs.
func (d *Dispatcher) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, d); err != nil {
		return fmt.Errorf("register the dispatcher: %w", err)
	}
	return nil
}

func retryPause(attempt int) time.Duration { return jobs.Backoff(attempt - 1) }

// recorded is the [decide.State] of what is recorded: of runs, and of what they are
// about.
type recorded struct {
	*runs.Runs
	*eventlog.Log
}
