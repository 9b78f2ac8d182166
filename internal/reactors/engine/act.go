package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// act carries the requests out that aren't done, in their order.
func (d *Dispatcher) act(ctx context.Context, run reactors.Run) (wait time.Duration, err error) {
	for i := range run.Requests {
		request := &run.Requests[i]
		if request.Done {
			continue
		}
		action, ok := d.actions[request.Action]
		if !ok {
			return 0, d.finish(ctx, run, reactors.Failed, fmt.Sprintf("this worker has no action %q: leave the run, or start a version that has it", request.Action))
		}
		writesTo, isWriter := target(action, request)
		guards := breakersOf(request.Action, writesTo, isWriter)
		permit, wait := d.breakers.allow(guards, run.EventTime)
		if wait > 0 {
			return wait, nil
		}
		if isWriter {
			if wait, err := d.turn(ctx, run, writesTo); err != nil || wait > 0 {
				permit.unused()
				return wait, err
			}
		}
		result, err := attempt(ctx, action, request)
		permit.done(err)
		if err != nil {
			return d.after(ctx, run, request, writesTo, d.breakers.wait(guards, run.EventTime), err)
		}
		request.Done, request.Result = true, result
		if i < len(run.Requests)-1 {
			if err := d.store.ProgressRun(ctx, run, d.said(request.Action+" done"+noted(result))); err != nil {
				return 0, err
			}
		}
	}
	return 0, d.finish(ctx, run, reactors.Sent, run.Requests[len(run.Requests)-1].Result.Note)
}

// target is the space that a request writes to, if its action writes to Chat.
func target(action reactors.Action, request *reactors.Request) (space string, isWriter bool) {
	if w, ok := action.(reactors.ChatWriter); ok {
		return w.WritesTo(request.Body), true
	}
	return "", false
}

// attempt lets the action act. One that panics always will: a person has to
// look, and the breakers must learn how the attempt ended.
func attempt(ctx context.Context, action reactors.Action, request *reactors.Request) (result reactors.Result, err error) {
	defer func() {
		if recover() != nil { // what it says may quote a text
			err = reactors.Permanent(fmt.Errorf("the action %q has a fault and gave up", request.Action))
		}
	}()
	return action.Act(ctx, request.Body)
}

func noted(r reactors.Result) string {
	if r.Note == "" {
		return ""
	}
	return ": " + r.Note
}

// turn waits until the run may write to the space, if that is soon; wait is
// how long to come back after, if it isn't.
func (d *Dispatcher) turn(ctx context.Context, run reactors.Run, space string) (wait time.Duration, err error) {
	var own time.Duration
	if space != "" {
		if own, err = d.store.ReserveWrite(ctx, space, run.ID, d.opts.WriteInterval); err != nil {
			return 0, err
		}
		if own > shortWait {
			// The queue is looked at now and then: who came back at the very
			// time would be late, and so too close to the next.
			return own - shortWait, nil
		}
	}
	if d.opts.ProjectInterval > 0 {
		projects, taken, err := d.store.TakeProjectWrite(ctx, d.opts.ProjectInterval, shortWait)
		if err != nil {
			return 0, err
		}
		if !taken {
			return max(projects, time.Millisecond), nil
		}
		own = max(own, projects)
	}
	return 0, pause(ctx, own)
}

// throttledTurns is how many turns of a space pass after a refusal for its
// quota, so that what was written lately is forgotten: the next would be
// refused, too.
const throttledTurns = 5

// after decides what comes after an attempt that ended with an error. opens is
// how long it takes until a breaker lets somebody try again, if one is open.
func (d *Dispatcher) after(ctx context.Context, run reactors.Run, request *reactors.Request, writesTo string, opens time.Duration, err error) (time.Duration, error) {
	if reactors.IsPermanent(err) {
		return 0, d.finish(ctx, run, reactors.Failed, err.Error())
	}
	if ctx.Err() != nil {
		return 0, err // the worker stops; the job comes back
	}
	request.Tries++
	wait, asked := reactors.RetryDelay(err)
	if !asked {
		wait = cmp.Or(opens, retryPause(request.Tries))
	}
	wait = max(wait, time.Millisecond) // 0 would be never
	if reactors.IsThrottled(err) && writesTo != "" {
		if !asked {
			wait = max(wait, throttledTurns*d.opts.WriteInterval)
		}
		if err := d.store.SlowDown(ctx, writesTo, wait); err != nil {
			return 0, err
		}
	}
	d.log.Warn("a run did not go through and will be tried again",
		zap.Int64("run_id", run.ID), zap.String("reactor", run.Reactor), zap.String("space", run.Space),
		zap.String("action", request.Action), zap.Int("attempt", request.Tries), zap.Duration("retry_in", wait), zap.Error(err))
	return wait, d.store.ProgressRun(ctx, run, d.said(fmt.Sprintf("try %d of %s did not go through, again in %s: %v", request.Tries, request.Action, wait.Round(time.Millisecond), err)))
}
