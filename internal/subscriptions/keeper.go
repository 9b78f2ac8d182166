package subscriptions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// StateStore keeps the states of subscriptions from one pass to the next.
// *coverage.Coverage is one.
type StateStore interface {
	SubscriptionStates(ctx context.Context) ([]coverage.SubscriptionState, error)
	Observe(ctx context.Context, at time.Time, states []coverage.SubscriptionState) error
}

// Keeper keeps subscriptions alive.
//
//	desired × Google's list × known states ─▶ one action each ─▶ StateStore
//
// It is level-triggered: every pass looks at all there is, so that a lifecycle
// event that never came, a crash or a pass of another replica changes nothing
// but the time at which it acts.
type Keeper struct {
	manager *Manager
	states  StateStore
	opts    KeeperOptions
}

// KeeperOptions are the settings of a Keeper.
type KeeperOptions struct {
	// Desired answers what should exist now.
	Desired func(context.Context) ([]Desired, error)
	// Topic is ours: "projects/P/topics/T". States of others' subscriptions to
	// it are saved, too.
	Topic string
	// Budget is how long a pass may take; the next pass does the rest.
	// Default 4m.
	Budget time.Duration
	// Observe is called with each action that was carried out; nil for nobody.
	Observe func(Action, Result)
	Log     *zap.Logger
}

// defaultBudget is that of a pass.
const defaultBudget = 4 * time.Minute

// NewKeeper returns a keeper; it does nothing until Pass is called.
func NewKeeper(m *Manager, states StateStore, opts KeeperOptions) *Keeper {
	opts.Budget = cmp.Or(opts.Budget, defaultBudget)
	opts.Log = cmp.Or(opts.Log, zap.NewNop())
	if opts.Observe == nil {
		opts.Observe = func(Action, Result) {}
	}
	return &Keeper{manager: m, states: states, opts: opts}
}

// Report is what a pass found and did.
type Report struct {
	Actions   map[Kind]int
	Failed    int // of the actions
	Left      int // actions for which there was no time
	Parked    int // subscriptions that need a person
	Unmanaged int // others' on our topic
}

// Pass compares all subscriptions once and acts. It returns an error if it
// could not compare them, or not save their states; the failure of a single
// subscription is in its state.
func (k *Keeper) Pass(ctx context.Context) (Report, error) {
	r := Report{Actions: map[Kind]int{}}
	desired, err := k.opts.Desired(ctx)
	if err != nil {
		return r, fmt.Errorf("find out what to watch: %w", err)
	}
	known, err := k.known(ctx)
	if err != nil {
		return r, err
	}
	began := k.manager.opts.Now()
	actual, err := k.manager.List(ctx)
	if err != nil {
		return r, err
	}
	// What the list says was so when it was asked for, at the latest.
	listed := began.Add(k.manager.Skew()).UTC()
	actions := Plan(desired, actual, View{Now: k.manager.Now(), Known: known, Unattended: true})
	slices.SortStableFunc(actions, func(a, b Action) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), expiry(a).Compare(expiry(b)))
	})

	states := make([]coverage.SubscriptionState, 0, len(actions))
	wanted := map[string]bool{}
	for _, a := range actions {
		wanted[sameTarget(a.Desired.Target())] = true
		r.Actions[a.Kind]++
		if ctx.Err() != nil || k.manager.opts.Now().Sub(began) > k.opts.Budget {
			if a.Kind.Mutates() {
				r.Left++
				a.Kind = Keep
			}
		}
		s := k.act(ctx, a, known[a.Desired.Target()], listed)
		if s.Error != "" {
			r.Failed++
		}
		if s.Parked {
			r.Parked++
		}
		states = append(states, s)
	}
	for i := range actual {
		s := &actual[i]
		if s.Topic == k.opts.Topic && !wanted[sameTarget(s.Target)] {
			r.Unmanaged++
			states = append(states, stateOf(s, s.Target, listed))
		}
	}
	// Save what was done even if the worker stops.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := k.states.Observe(ctx, listed, states); err != nil {
		return r, err
	}
	return r, nil
}

func (k *Keeper) known(ctx context.Context) (map[string]coverage.SubscriptionState, error) {
	list, err := k.states.SubscriptionStates(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]coverage.SubscriptionState, len(list))
	for _, s := range list {
		known[s.Target] = s
	}
	return known, nil
}

// act carries the action out and returns the subscription's state after it.
func (k *Keeper) act(ctx context.Context, a Action, known coverage.SubscriptionState, listed time.Time) coverage.SubscriptionState {
	target := a.Desired.Target()
	s := stateOf(a.Actual, target, listed)
	s.Managed = true
	if a.Actual != nil {
		s.Elsewhere = a.Actual.Topic != a.Desired.Topic
		s.GrantedAt, _ = grantedAt(a.Actual, known)
	}
	switch a.Kind {
	case Keep:
		return s
	case Wait:
		s.Reason, s.Remedy, s.Error = a.Reason, a.Remedy, known.Error
		s.Parked, s.Tries, s.NextTry = known.Parked, known.Tries, known.NextTry
		return s
	case Refuse:
		s.Parked, s.Remedy = true, a.Remedy
		if s.State != string(StateSuspended) { // else Google's word for it stays
			s.Reason = a.Reason
		}
		return s
	}
	result := k.manager.Do(ctx, a)
	k.opts.Observe(a, result)
	if result.Err != nil {
		return k.failed(ctx, a, s, known, result.Err)
	}
	k.opts.Log.Info("subscription "+string(result.Outcome), zap.String("target", target),
		zap.String("subscription", result.Subscription.Name), zap.Time("expires", result.Subscription.ExpireTime))
	// Google's answer tells the state when it made the change, not now.
	at := latest(listed, result.Subscription.CreateTime, result.Subscription.UpdateTime)
	done := stateOf(result.Subscription, target, at)
	done.Managed, done.Elsewhere = true, result.Subscription.Topic != a.Desired.Topic
	if a.Actual != nil {
		done.Lapse = a.Actual.SuspensionReason
		// Touched: it was active, and nobody changed it since we last saw it or
		// since it was created. What we saw before it was managed doesn't count.
		unchanged := a.Actual.CreateTime
		if known.Managed {
			unchanged = latest(unchanged, known.ObservedAt)
		}
		done.Touched = a.Actual.State == StateActive && !a.Actual.UpdateTime.Truncate(time.Microsecond).After(unchanged)
	}
	done.GrantedAt = s.GrantedAt
	if !same(result.Subscription.ExpireTime, s.ExpireTime) {
		done.GrantedAt = latest(result.Subscription.UpdateTime, result.Subscription.CreateTime)
	}
	return done
}

func (k *Keeper) failed(ctx context.Context, a Action, s, known coverage.SubscriptionState, err error) coverage.SubscriptionState {
	s.Error = err.Error()
	if ctx.Err() != nil { // the worker stops: the subscription may be fine
		s.Reason, s.Remedy, s.Parked = known.Reason, known.Remedy, known.Parked
		return s
	}
	s.Tries = known.Tries + 1
	s.NextTry = k.manager.Now().Add(pause(s.Tries))
	var failure *Error
	if errors.As(err, &failure) {
		s.Reason, s.Remedy, s.Parked = failure.Cause, failure.Remedy, failure.Lasting()
	}
	if s.State == string(StateActive) { // it would expire while a renewal waits
		s.NextTry, s.Parked = time.Time{}, false
	}
	if s.State == string(StateSuspended) {
		s.Reason = a.Actual.SuspensionReason
	}
	k.opts.Log.Warn("subscription not changed; retrying later", zap.String("target", s.Target),
		zap.String("action", string(a.Kind)), zap.Int("tries", s.Tries), zap.Error(err))
	return s
}

// maxPause bounds how long the keeper takes to notice that a person has
// removed the cause of a failure.
const maxPause = time.Hour

// pause returns the wait after so many failures in a row. After the first two
// the next pass tries again: many causes go away by themselves.
func pause(tries int) time.Duration {
	if tries <= 2 {
		return 0
	}
	return min(10*time.Minute<<min(tries-3, 10), maxPause)
}

// urgency orders actions: first subscriptions that expire soon, then targets
// that deliver nothing now, then the rest.
func urgency(a Action) int {
	switch a.Kind {
	case Reactivate:
		return 1
	case Create:
		return 2
	case Renew:
		return 0 // those with the least time left come first among them
	case Update:
		return 3
	}
	return 4
}

func expiry(a Action) time.Time {
	if a.Actual == nil {
		return time.Time{}
	}
	return a.Actual.ExpireTime
}

// stateOf returns the state of a subscription, which is nil if there is none.
func stateOf(s *Subscription, target string, at time.Time) coverage.SubscriptionState {
	out := coverage.SubscriptionState{Target: target, Scope: scopeOf(target), ObservedAt: at}
	if s == nil {
		return out
	}
	out.Name, out.UID, out.State, out.Reason = s.Name, s.UID, string(s.State), s.SuspensionReason
	out.EventTypes, out.IncludeResource, out.FieldMask, out.Topic = s.EventTypes, s.IncludeResource, s.FieldMask, s.Topic
	out.CreateTime, out.UpdateTime, out.ExpireTime = s.CreateTime, s.UpdateTime, s.ExpireTime
	return out
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
