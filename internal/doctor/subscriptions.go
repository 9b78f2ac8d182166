package doctor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store"
	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

func subscriptionChecks() []check {
	const group = groupSubscriptions
	listed := []string{"SK303", "SK302"}
	return []check{
		{code: "SK701", group: group, name: "everything is subscribed to", needs: listed, run: withPlan(nothingMissing)},
		{code: "SK702", group: group, name: "no subscription is suspended", needs: listed, run: withPlan(nothingSuspended)},
		{code: "SK703", group: group, name: "subscriptions are as configured", needs: listed, run: withPlan(nothingDiffers)},
		{code: "SK704", group: group, name: "subscriptions are renewed in time", needs: listed, run: withPlan(nothingEnds)},
		{code: "SK705", group: group, name: "there are no others on the topic", needs: listed, run: withPlan(nothingUnconfigured)},
		{code: "SK706", group: group, name: "a worker is running", needs: []string{"SK602"}, run: withStore(workerAlive)},
		{code: "SK707", group: group, name: "nothing has been missed", needs: []string{"SK602"}, run: withStore(nothingMissed)},
		{code: "SK708", group: group, name: "everything could be read", needs: []string{"SK602"}, run: withEventLog(nothingQuarantined)},
	}
}

// plan compares what is desired and can be watched with what there is.
func (e *examination) plan() ([]subscriptions.Action, error) {
	a, err := e.access()
	if err != nil {
		return nil, err
	}
	listed, err := e.listed()
	if err != nil {
		return nil, err
	}
	desired, err := e.desired()
	if err != nil {
		return nil, err
	}
	actions := subscriptions.Plan(desired, listed.subscriptions, subscriptions.View{Topic: e.cfg.TopicName()})
	return slices.DeleteFunc(actions, func(action subscriptions.Action) bool { // SK402 has said so
		return slices.Contains(a.denied, action.Desired.Scope) || slices.Contains(a.gone, action.Desired.Scope)
	}), nil
}

// unanswered is the finding if Google gave no answer to judge.
func unanswered(err error) finding {
	return failed(err.Error(), "run doctor again; the error names what is in the way")
}

// chosen are the scopes of the actions that meet the condition.
func chosen(actions []subscriptions.Action, condition func(subscriptions.Action) bool) []string {
	var scopes []string
	for _, a := range actions {
		if condition(a) {
			scopes = append(scopes, a.Desired.Scope)
		}
	}
	return scopes
}

const applyFix = "subscribe-setup plan, then subscribe-setup apply"

func nothingMissing(_ context.Context, e *examination, actions []subscriptions.Action) finding {
	missing := chosen(actions, func(a subscriptions.Action) bool { return a.Kind == subscriptions.Create })
	if len(missing) > 0 {
		return failed("nothing watches "+some(missing), applyFix).about(missing...)
	}
	n := len(chosen(actions, func(a subscriptions.Action) bool { return a.Kind != subscriptions.Orphan }))
	if there, _ := e.listed(); !there.seenAt.IsZero() {
		ago := max(e.opts.Now().Add(e.ahead()).Sub(there.seenAt), 0)
		return fine("%d subscriptions, seen %s ago by the keeper", n, ago.Round(time.Second))
	}
	return fine("%d subscriptions", n)
}

func suspended(a subscriptions.Action) bool {
	return a.Actual != nil && a.Actual.State == subscriptions.StateSuspended && a.Kind != subscriptions.Orphan
}

func nothingSuspended(_ context.Context, _ *examination, actions []subscriptions.Action) finding {
	var seen, fix []string
	for _, a := range actions {
		if !suspended(a) {
			continue
		}
		seen = append(seen, a.Desired.Scope+" ("+a.Actual.SuspensionReason+")")
		if a.Remedy != "" {
			fix = appendNew(fix, a.Remedy)
		}
	}
	if len(seen) > 0 {
		return failed("no events come from "+some(seen), append(fix, "then subscribe-setup apply, or wait for the worker: it tries again by itself")...).
			about(chosen(actions, suspended)...)
	}
	return fine("none is")
}

func nothingDiffers(_ context.Context, _ *examination, actions []subscriptions.Action) finding {
	var seen []string
	differs := func(a subscriptions.Action) bool {
		return !suspended(a) && (a.Kind == subscriptions.Update || a.Kind == subscriptions.Replace)
	}
	for _, a := range actions {
		if differs(a) {
			seen = append(seen, a.Desired.Scope+" ("+a.Reason+")")
		}
	}
	if len(seen) > 0 {
		return failed(some(seen), applyFix).about(chosen(actions, differs)...)
	}
	return fine("all are")
}

// nothingEnds: the worker renews at half of the lifetime. Where a quarter is
// left, it hasn't.
func nothingEnds(_ context.Context, e *examination, actions []subscriptions.Action) finding {
	now := e.opts.Now().Add(e.ahead())
	soonest := time.Duration(0)
	late := func(a subscriptions.Action) bool {
		s := a.Actual
		if s == nil || a.Kind == subscriptions.Orphan || s.ExpireTime.IsZero() {
			return false
		}
		changed := s.CreateTime
		if s.UpdateTime.After(changed) {
			changed = s.UpdateTime
		}
		left := s.ExpireTime.Sub(now)
		if left < s.ExpireTime.Sub(changed)/4 {
			return true
		}
		if soonest == 0 || left < soonest {
			soonest = left
		}
		return false
	}
	scopes := chosen(actions, late)
	if len(scopes) > 0 {
		return failed("less than a quarter of its lifetime is left of "+some(scopes)+"; then Google deletes it",
			"start the worker: subscriber run", "or renew by hand: subscribe-setup renew").about(scopes...)
	}
	if soonest == 0 {
		return fine("there is none")
	}
	return fine("the first ends in %s", soonest.Round(time.Minute))
}

func nothingUnconfigured(_ context.Context, _ *examination, actions []subscriptions.Action) finding {
	orphans := chosen(actions, func(a subscriptions.Action) bool { return a.Kind == subscriptions.Orphan })
	if len(orphans) > 0 {
		return warning("not in the configuration: "+some(orphans),
			"add them under workspace, or delete them: subscribe-setup apply --prune").about(orphans...)
	}
	return fine("there are none")
}

// A worker saves a heartbeat about once a minute.
const (
	heartbeatLate = 5 * time.Minute
	heartbeatGone = 15 * time.Minute
)

func workerAlive(ctx context.Context, e *examination, s *store.Store) finding {
	last, err := coverage.New(s).LastHeartbeat(ctx)
	switch silence := e.opts.Now().Add(e.ahead()).Sub(last); {
	case err != nil:
		return unqueried(err)
	case last.IsZero():
		return failed("none has ever been seen", "subscriber run")
	case silence > heartbeatGone:
		return failed("none since "+last.UTC().Format(time.RFC3339), "subscriber run")
	case silence > heartbeatLate:
		return warning(fmt.Sprintf("none for %s", silence.Round(time.Second)), "look at the worker's log: it saves a heartbeat once a minute")
	default:
		return fine("seen %s ago", max(silence, 0).Round(time.Second))
	}
}

func nothingMissed(ctx context.Context, _ *examination, s *store.Store) finding {
	gaps, err := coverage.New(s).Gaps(ctx)
	if err != nil {
		return unqueried(err)
	}
	var open, lost []string
	for _, g := range gaps {
		switch text := fmt.Sprintf("%s from %s (%s)", g.Scope, g.From.Format(time.RFC3339), g.Cause); g.State {
		case coverage.GapOpen:
			open = append(open, text)
		case coverage.GapImpossible:
			lost = append(lost, text)
		}
	}
	switch {
	case len(open) > 0:
		return warning("going on: "+some(open), "mend what the other checks name; the worker then fetches what was missed")
	case len(lost) > 0:
		return warning("can't be fetched any more: "+some(lost), "nothing brings it back; subscriber gaps list shows why, and subscriber gaps acknowledge keeps that you know")
	}
	return fine("%d gaps are being filled", len(gaps))
}

func nothingQuarantined(ctx context.Context, e *examination, l *eventlog.Log) finding {
	n, reason, err := l.Quarantined(ctx, e.opts.Now().Add(-24*time.Hour))
	switch {
	case err != nil:
		return unqueried(err)
	case n > 0:
		return warning(fmt.Sprintf("%d messages of the last 24 hours are in quarantine, the last for %s", n, reason),
			"SELECT received_at, reason, detail FROM quarantine ORDER BY received_at DESC shows them; an update of subscriber may be able to read them")
	}
	return fine("in the last 24 hours")
}
