package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store"
)

// MaxWorkers is how many attempts are under way at once. Most wait for the
// Chat API.
const MaxWorkers = 100

// Options are the settings of a Dispatcher.
type Options struct {
	// WriteInterval is the time between two writes to one space, over all
	// replicas. Google allows one a second, shared by all apps in the space.
	WriteInterval time.Duration
	// ProjectInterval is the time between two writes of the project, over all
	// replicas. Google allows 3,000 a minute. 0: not held back.
	ProjectInterval time.Duration
	// Directory tells names of spaces that no event has told; nil: none.
	Directory Directory
	// Now is the clock that turns and ages are measured by; default time.Now.
	Now func() time.Time
	// Observe is called when a run has ended; default: nothing.
	Observe func(reactors.Run, reactors.Outcome, string)
}

// Dispatcher is the River worker that carries runs on, one attempt at a time.
// Several replicas may run it: River gives each job to one of them, and the
// effect itself is idempotent should a job be given out twice.
type Dispatcher struct {
	river.WorkerDefaults[reactors.RunArgs]
	ruleSet  *RuleSet
	actions  map[string]reactors.Action
	store    *store.Store
	state    State
	breakers *breakers
	log      *zap.Logger
	opts     Options
}

// NewDispatcher returns a Dispatcher for the rules of a RuleSet and the actions
// that they may name.
func NewDispatcher(ruleSet *RuleSet, actions []reactors.Action, s *store.Store, log *zap.Logger, opts Options) *Dispatcher {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Observe == nil {
		opts.Observe = func(reactors.Run, reactors.Outcome, string) {}
	}
	byName := make(map[string]reactors.Action, len(actions))
	for _, a := range actions {
		byName[a.Name()] = a
	}
	d := &Dispatcher{ruleSet: ruleSet, actions: byName, store: s, state: s, log: log, opts: opts}
	if opts.Directory != nil {
		d.state = &namedState{State: s, store: s, directory: opts.Directory, log: log}
	}
	d.breakers = newBreakers(log, openFor)
	return d
}

// jobTimeout bounds one attempt.
const jobTimeout = 30 * time.Second

// shortWait is the longest wait for a turn that an attempt sits out itself;
// for a longer one the job is put back, so that others get its place.
const shortWait = 250 * time.Millisecond

// stepPause is how long a step waits at least for the one before it, which may
// be waiting for its space's turn or for somebody to come back.
const stepPause = 2 * time.Second

// Timeout implements river.Worker.
func (d *Dispatcher) Timeout(*river.Job[reactors.RunArgs]) time.Duration { return jobTimeout }

// Work implements river.Worker.
func (d *Dispatcher) Work(ctx context.Context, job *river.Job[reactors.RunArgs]) error {
	wait, err := d.Attempt(ctx, job.Args.RunID)
	switch {
	case errors.Is(err, store.ErrRunChanged):
		return river.JobSnooze(0)
	case err != nil:
		// A snooze and not an error: River would give up after a number of
		// errors, and what ends our retries is the run's age.
		d.log.Warn("a run could not be carried on and will be tried again", zap.Int64("run_id", job.Args.RunID), zap.Error(err))
		return river.JobSnooze(retryPause(job.Attempt))
	case wait > 0:
		return river.JobSnooze(wait)
	}
	return nil
}

// Attempt carries a run on as far as it goes now; wait says when to call it
// again, 0 for never. An error is about the database.
func (d *Dispatcher) Attempt(ctx context.Context, runID int64) (wait time.Duration, err error) {
	run, hindrance, err := d.store.BeginAttempt(ctx, runID)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil // it has ended, and was pruned
	}
	if err != nil || run.Outcome != reactors.Pending {
		return 0, err
	}
	if hindrance.Paused {
		held, err := d.store.HoldRun(ctx, run, d.said("paused"))
		if err != nil || held {
			return 0, err
		}
	}
	if !hindrance.Behind.IsZero() && !d.opts.Now().Before(run.Due) {
		return d.waitFor(ctx, run, hindrance.Behind)
	}
	if d.mayHaveRuleElsewhere(run) {
		return rolloutPause, nil
	}
	if run.Requests == nil {
		if wait, err := d.decide(ctx, &run); err != nil || run.Requests == nil || run.Outcome != reactors.Pending {
			return wait, err
		}
	} else if wait, over, err := d.stale(ctx, run); err != nil || over || wait > 0 {
		return wait, err
	}
	if run.Shadow {
		return 0, d.finish(ctx, run, reactors.Shadowed, "")
	}
	return d.act(ctx, run)
}

// rolloutPause is for how long a run is left to replicas that may have newer
// rules: as many jobs come to those that still have the old ones.
const rolloutPause = 10 * time.Second

// mayHaveRuleElsewhere reports whether a run that our rules don't want is so
// young that a replica with newer ones may have planned it, and will want it.
func (d *Dispatcher) mayHaveRuleElsewhere(run reactors.Run) bool {
	_, over := gone(d.ruleSet.Rule(run.Reactor, run.Space), run)
	return over && d.opts.Now().Sub(run.EventTime) < reactors.Rollout
}

// waitFor lets a step wait for one before it, whose turn comes at a time: so
// does its own, and its age counts from then.
func (d *Dispatcher) waitFor(ctx context.Context, run reactors.Run, turn time.Time) (wait time.Duration, err error) {
	if turn.After(run.Due) {
		if err := d.store.PostponeRun(ctx, run, turn, d.said("waits for the step before it")); err != nil {
			return 0, err
		}
	}
	return max(stepPause, turn.Sub(d.opts.Now())), nil
}

// decide asks what becomes of the run; it has requests afterwards if there is
// something to do.
func (d *Dispatcher) decide(ctx context.Context, run *reactors.Run) (wait time.Duration, err error) {
	now := d.opts.Now()
	rule := d.ruleSet.Rule(run.Reactor, run.Space)
	if wait, err := d.yield(ctx, rule, *run, now); err != nil || wait > 0 {
		return wait, err
	}
	decision, err := Decide(ctx, rule, *run, d.state, now)
	if err != nil {
		return 0, err
	}
	trace := d.say(decision.Trace)
	switch {
	case decision.Requests != nil:
		run.Requests = decision.Requests
		return 0, d.store.PrepareRun(ctx, *run, store.Prepared{
			Requests: run.Requests, Messages: d.messages(*run), Collapses: ids(decision.Speaks), Trace: trace,
		})
	case decision.Outcome == reactors.Pending && decision.Until.After(run.Due):
		if err := d.store.PostponeRun(ctx, *run, decision.Until, trace...); err != nil {
			return 0, err
		}
		return max(decision.Until.Sub(now), time.Millisecond), nil
	case decision.Outcome == reactors.Pending:
		return max(decision.Until.Sub(now), time.Millisecond), nil
	}
	run.Outcome = decision.Outcome
	return 0, d.finish(ctx, *run, decision.Outcome, decision.Reason, trace...)
}

// The oldest run of a large group speaks for all. The others give it a while
// for that: if each looked around by itself, their look-ups would be the square
// of their number, and all but one for nothing.
const (
	groupPause = 500 * time.Millisecond
	mostYields = 10 // attempts; then the oldest one may be stuck
)

// yield answers how long the run should leave it to an older one to speak for
// both; 0 for not at all.
func (d *Dispatcher) yield(ctx context.Context, rule *rules.Rule, run reactors.Run, now time.Time) (wait time.Duration, err error) {
	if rule == nil || rule.Collapse == nil || now.Before(run.Due) || run.Attempts > mostYields {
		return 0, nil
	}
	others, older, err := d.store.Group(ctx, run, run.EventTime.Add(rule.Collapse.Window), now)
	if err != nil || !older || others+1 <= rule.Collapse.Over {
		return 0, err
	}
	return groupPause, nil
}

// stale ends a run that was prepared in an earlier attempt and isn't wanted any
// more, unless that attempt went through without our knowing. wait is when to
// come back if that can't be found out now.
func (d *Dispatcher) stale(ctx context.Context, run reactors.Run) (wait time.Duration, over bool, err error) {
	if run.Shadow {
		return 0, false, nil
	}
	rule := d.ruleSet.Rule(run.Reactor, run.Space)
	begun := run.Requests[0].Done // then it is brought to its end, if it isn't too old
	decision, over := Decision{}, false
	if !begun || rule == nil { // nothing else could tell when it is too old
		decision, over = gone(rule, run)
	}
	if !over {
		decision, over = tooOld(rule, run, d.opts.Now())
	}
	if !over && !begun && rule.Stay && run.Member != "" {
		f, err := d.state.Facts(ctx, run, reactors.NeedMember, d.opts.Now())
		if err != nil {
			return 0, false, err
		}
		if !f.Member.IsMember {
			speaks, err := d.store.SpeaksForOthers(ctx, run.ID)
			if err != nil || speaks {
				return 0, false, err // those who are still there have nobody else
			}
			decision, over = ended(reactors.Left, "the person isn't in the space any more"), true
		}
	}
	if !over {
		return 0, false, nil
	}
	if done, wait := d.settled(ctx, run); done || wait > 0 {
		return wait, false, nil // if it is done, act will find out the same, and go on
	}
	return 0, true, d.finish(ctx, run, decision.Outcome, decision.Reason)
}

// settled reports whether the request that comes next took effect in an attempt
// that didn't learn of it. If such an attempt was made and nobody can look now,
// wait says when to look again.
func (d *Dispatcher) settled(ctx context.Context, run reactors.Run) (done bool, wait time.Duration) {
	next := slices.IndexFunc(run.Requests, func(r reactors.Request) bool { return !r.Done })
	if next < 0 {
		return true, 0
	}
	request := &run.Requests[next]
	action := d.actions[request.Action]
	s, ok := action.(reactors.Settler)
	if !ok {
		return false, 0
	}
	if request.Tries == 0 || d.opts.Now().Sub(run.Due) > lookFor {
		done, err := s.Settled(ctx, request.Body)
		return err == nil && done, 0
	}
	writesTo, isWriter := target(action, request)
	guards := breakersOf(request.Action, writesTo, isWriter)
	permit, wait := d.breakers.allow(guards, run.EventTime)
	if wait > 0 {
		return false, wait
	}
	done, err := s.Settled(ctx, request.Body)
	permit.done(err)
	if err != nil && !reactors.IsPermanent(err) {
		return false, cmp.Or(d.breakers.wait(guards, run.EventTime), retryPause(request.Tries))
	}
	return done, 0
}

// lookFor bounds how long after its turn a run waits for somebody to be able to
// look what became of it.
const lookFor = 24 * time.Hour

func (d *Dispatcher) finish(ctx context.Context, run reactors.Run, o reactors.Outcome, reason string, trace ...reactors.TraceEntry) error {
	what := string(o)
	if reason != "" {
		what += ": " + reason
	}
	if err := d.store.FinishRun(ctx, run, o, reason, append(trace, d.said(what))...); err != nil {
		return err
	}
	switch {
	case o == reactors.Failed:
		d.log.Error("a run has failed: a person has to look at it", zap.Int64("run_id", run.ID),
			zap.String("reactor", run.Reactor), zap.String("space", run.Space), zap.String("reason", reason))
	case o == reactors.Looping && reason != ownMessage:
		d.log.Warn("a reaction was left out, as apps seem to answer each other", zap.Int64("run_id", run.ID),
			zap.String("reactor", run.Reactor), zap.String("space", run.Space), zap.String("reason", reason))
	}
	d.opts.Observe(run, o, reason)
	return nil
}

func (d *Dispatcher) said(what string) reactors.TraceEntry {
	return reactors.TraceEntry{At: d.opts.Now().UTC(), What: what}
}

func (d *Dispatcher) say(lines []string) (trace []reactors.TraceEntry) {
	for _, l := range lines {
		trace = append(trace, d.said(l))
	}
	return trace
}

// messages are those that the run's requests will send, so that their events
// are known for our own.
func (d *Dispatcher) messages(run reactors.Run) (all []store.OwnMessage) {
	for _, r := range run.Requests {
		m, ok := d.actions[r.Action].(reactors.Messenger)
		if !ok {
			continue
		}
		var space string
		if w, ok := d.actions[r.Action].(reactors.ChatWriter); ok {
			space = w.WritesTo(r.Body)
		}
		for _, id := range m.MessageIDs(r.Body) {
			all = append(all, store.OwnMessage{Space: space, ClientID: id})
		}
	}
	return all
}

func ids(runs []reactors.Run) (list []int64) {
	for _, r := range runs {
		list = append(list, r.ID)
	}
	return list
}

// AddWorkers makes d the worker of runs.
func (d *Dispatcher) AddWorkers(workers *river.Workers) error {
	if err := river.AddWorkerSafely(workers, d); err != nil {
		return fmt.Errorf("register the dispatcher: %w", err)
	}
	return nil
}

// retryPause is Google's truncated exponential backoff: 2^n seconds and up to
// one more, at most about a minute.
func retryPause(attempt int) time.Duration {
	return time.Second<<min(max(attempt-1, 0), 6) + rand.N(time.Second)
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), context.Cause(ctx))
	}
}
