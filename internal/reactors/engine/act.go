package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/googleapis/gax-go/v2"
	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
)

// act carries out the requests that aren't done, in order. wait says when to
// call it again; 0 for never.
func (d *Dispatcher) act(ctx context.Context, rule *rules.Rule, run reactors.Run) (wait time.Duration, err error) {
	for i := range run.Requests {
		request := &run.Requests[i]
		if request.Done {
			continue
		}
		action, ok := d.actions[request.Action]
		if !ok {
			return 0, d.finish(ctx, run, reactors.Failed, fmt.Sprintf("this worker has no action %q: leave the run, or start a version that has it", request.Action))
		}
		try := d.askFor(rule, run, request)
		permit, wait := d.breakers.allow(try)
		if wait > 0 {
			return wait, nil
		}
		if wait, err := d.writeSlot(ctx, run, request); err != nil || wait > 0 {
			permit.unused()
			return wait, err
		}
		sending, ended := d.traceSend(ctx, request.Action)
		result, err := attempt(sending, action, request)
		ended(err)
		if errors.Is(ctx.Err(), context.Canceled) { // the worker stops: that says nothing of the other side
			permit.unused()
		} else {
			permit.done(err)
		}
		if err != nil {
			return d.after(ctx, run, request, try, err)
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

// askFor is the run's ask to make an attempt at the request.
func (d *Dispatcher) askFor(rule *rules.Rule, run reactors.Run, request *reactors.Request) ask {
	a := ask{run: run.ID, event: run.EventTime, tries: request.Tries, to: breakersOf(request)}
	a.host = request.To != "" && len(a.to) == 1
	if rule != nil {
		a.left = rule.MaxAge - d.opts.Now().Sub(run.Due)
	}
	return a
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

// quotas are how far apart requests are that count towards them, over all replicas;
// of reactions Google also allows five a second in a space.
var quotas = map[reactors.Quota]time.Duration{
	reactors.MembershipWrites: 250 * time.Millisecond,
	reactors.ReactionWrites:   200 * time.Millisecond,
}

// lateForQuota is how long a run keeps its turn in a quota that is counted by the minute.
const lateForQuota = 10 * time.Second

// paceOf returns the pace that a request has to keep; ok is false for none.
func (d *Dispatcher) paceOf(r *reactors.Request) (pace runs.Pace, ok bool) {
	if interval := quotas[r.Quota]; interval > 0 {
		return runs.Pace{Name: string(r.Quota), Interval: interval, Late: lateForQuota}, true
	}
	if r.Write == nil {
		return runs.Pace{}, false
	}
	to := cmp.Or(r.Write.Space, r.To)
	return runs.Pace{Name: to, Interval: d.opts.WriteInterval}, to != ""
}

// writeSlot waits for the run's slot to make the request, if that is soon;
// otherwise wait says when to come back.
func (d *Dispatcher) writeSlot(ctx context.Context, run reactors.Run, request *reactors.Request) (wait time.Duration, err error) {
	var own time.Duration
	if pace, ok := d.paceOf(request); ok {
		if own, err = d.runs.ReserveWrite(ctx, pace, run.ID); err != nil {
			return 0, err
		}
		if own > shortWait {
			// River looks at its queue now and then: a job that is due at the
			// very time would start late, and so too close to the next.
			return own - shortWait, nil
		}
	}
	if request.Write != nil && d.opts.ProjectInterval > 0 {
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

// throttledSlots is how many write slots pass unused after Google refused a
// write for a quota: earlier, the next would be refused, too.
const throttledSlots = 5

// after decides what follows an attempt that ended with an error.
func (d *Dispatcher) after(ctx context.Context, run reactors.Run, request *reactors.Request, try ask, err error) (
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
		try.tries = request.Tries
		wait = cmp.Or(d.breakers.refused(try), retryPause(request.Tries))
	}
	wait = max(wait, time.Millisecond) // 0 would be never
	if pace, ok := d.paceOf(request); ok && reactors.IsThrottled(err) {
		if !asked {
			wait = max(wait, throttledSlots*pace.Interval)
		}
		if err := d.runs.SlowDown(ctx, pace.Name, wait); err != nil {
			return 0, err
		}
	}
	d.log.Warn("run not carried out; retrying",
		zap.Int64("run_id", run.ID), zap.String("reactor", run.Reactor), zap.String("space", run.Space),
		zap.String("action", request.Action), zap.Int("attempt", request.Tries), zap.Duration("retry_in", wait), zap.Error(err))
	story := fmt.Sprintf("try %d of %s did not go through, again in %s: %v", request.Tries, request.Action, wait.Round(time.Millisecond), err)
	return wait, d.runs.ProgressRun(ctx, run, d.said(story))
}
