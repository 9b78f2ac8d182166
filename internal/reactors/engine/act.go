package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// act carries out the requests that aren't done, in order. wait says when to
// call it again; 0 for never.
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
		guards := breakersOf(request)
		permit, wait := d.breakers.allow(guards, run.EventTime)
		if wait > 0 {
			return wait, nil
		}
		if request.Write != nil {
			if wait, err := d.writeSlot(ctx, run, request.Write.Space); err != nil || wait > 0 {
				permit.unused()
				return wait, err
			}
		}
		result, err := attempt(ctx, action, request)
		permit.done(err)
		if err != nil {
			return d.after(ctx, run, request, d.breakers.wait(guards, run.EventTime), err)
		}
		request.Done, request.Result = true, result
		if i < len(run.Requests)-1 {
			if err := d.runs.ProgressRun(ctx, run, d.said(request.Action+" done"+noted(result))); err != nil {
				return 0, err
			}
		}
	}
	return 0, d.finish(ctx, run, reactors.Sent, run.Requests[len(run.Requests)-1].Result.Note)
}

// attempt lets the action act. A panic becomes a permanent error, since the
// action would panic again: a person has to look at it. The breakers learn of
// it as of any other error.
func attempt(ctx context.Context, action reactors.Action, request *reactors.Request) (result reactors.Result, err error) {
	defer func() {
		if recover() != nil { // its value may quote a text
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

// writeSlot waits for the run's slot to write to the space, if that is soon;
// otherwise wait says when to come back.
func (d *Dispatcher) writeSlot(ctx context.Context, run reactors.Run, space string) (wait time.Duration, err error) {
	var own time.Duration
	if space != "" {
		if own, err = d.runs.ReserveWrite(ctx, space, run.ID, d.opts.WriteInterval); err != nil {
			return 0, err
		}
		if own > shortWait {
			// River looks at its queue now and then: a job that is due at the
			// very time would start late, and so too close to the next.
			return own - shortWait, nil
		}
	}
	if d.opts.ProjectInterval > 0 {
		project, taken, err := d.runs.TakeProjectWrite(ctx, d.opts.ProjectInterval, shortWait)
		if err != nil {
			return 0, err
		}
		if !taken {
			return max(project, time.Millisecond), nil
		}
		own = max(own, project)
	}
	if own <= 0 {
		return 0, nil
	}
	return 0, gax.Sleep(ctx, own)
}

// throttledSlots is how many write slots of a space pass unused after Google
// refused a write for the space's quota: earlier, the next would be refused, too.
const throttledSlots = 5

// after decides what follows an attempt that ended with an error. opens is how
// long an open breaker refuses attempts; 0 if none is open.
func (d *Dispatcher) after(ctx context.Context, run reactors.Run, request *reactors.Request, opens time.Duration, err error) (
	time.Duration, error,
) {
	if reactors.IsPermanent(err) {
		return 0, d.finish(ctx, run, reactors.Failed, err.Error())
	}
	if ctx.Err() != nil {
		return 0, err // the worker stops; River gives the job out again
	}
	request.Tries++
	wait, asked := reactors.RetryDelay(err)
	if !asked {
		wait = cmp.Or(opens, retryPause(request.Tries))
	}
	wait = max(wait, time.Millisecond) // 0 would be never
	if w := request.Write; reactors.IsThrottled(err) && w != nil && w.Space != "" {
		if !asked {
			wait = max(wait, throttledSlots*d.opts.WriteInterval)
		}
		if err := d.runs.SlowDown(ctx, w.Space, wait); err != nil {
			return 0, err
		}
	}
	d.log.Warn("run not carried out; retrying",
		zap.Int64("run_id", run.ID), zap.String("reactor", run.Reactor), zap.String("space", run.Space),
		zap.String("action", request.Action), zap.Int("attempt", request.Tries), zap.Duration("retry_in", wait), zap.Error(err))
	story := fmt.Sprintf("try %d of %s did not go through, again in %s: %v", request.Tries, request.Action, wait.Round(time.Millisecond), err)
	return wait, d.runs.ProgressRun(ctx, run, d.said(story))
}
