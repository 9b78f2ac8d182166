package subscriptions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/store"
)

// Book is what a keeper remembers from one pass to the next, and where it
// puts what it saw. *store.Store is one.
type Book interface {
	SubscriptionStates(ctx context.Context) ([]store.SubscriptionState, error)
	Observe(ctx context.Context, at time.Time, states []store.SubscriptionState) error
}

// Keeper keeps subscriptions alive.
//
//	desired × Google's list × what is remembered ─▶ one action each ─▶ the book
//
// It is level-triggered: every pass looks at all there is, so that a lifecycle
// event that never came, a crash or a pass of another replica changes nothing
// but the time at which it acts.
type Keeper struct {
	manager *Manager
	book    Book
	opts    KeeperOptions
}

// KeeperOptions are the settings of a Keeper.
type KeeperOptions struct {
	// Desired answers what should exist now.
	Desired func(context.Context) ([]Desired, error)
	// Topic is ours: "projects/P/topics/T". Subscriptions of others to it are
	// shown in the book.
	Topic string
	// Budget is how long a pass may take; what it leaves undone is for the
	// next. Default 4m.
	Budget time.Duration
	// Observe is told what was done; nil for nobody.
	Observe func(Action, Result)
	Log     *zap.Logger
}

// NewKeeper returns a keeper; it does nothing until Pass is called.
func NewKeeper(m *Manager, book Book, opts KeeperOptions) *Keeper {
	if opts.Budget == 0 {
		opts.Budget = 4 * time.Minute
	}
	if opts.Observe == nil {
		opts.Observe = func(Action, Result) {}
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	return &Keeper{manager: m, book: book, opts: opts}
}

// Report is what a pass found and did.
type Report struct {
	Actions map[Kind]int
	Failed  int // of the actions
	Left    int // actions for which there was no time
	Parked  int // subscriptions that need a person
	Foreign int // others' on our topic
}

// Pass looks at everything once and acts. An error means that nothing is
// known; trouble with single subscriptions is in the book.
func (k *Keeper) Pass(ctx context.Context) (Report, error) {
	r := Report{Actions: map[Kind]int{}}
	desired, err := k.opts.Desired(ctx)
	if err != nil {
		return r, fmt.Errorf("find out what to watch: %w", err)
	}
	known, err := k.remembered(ctx)
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
	actions := Plan(desired, actual, View{Now: k.manager.Now(), Book: known, Unattended: true})
	slices.SortStableFunc(actions, func(a, b Action) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), expiry(a).Compare(expiry(b)))
	})

	states := make([]store.SubscriptionState, 0, len(actions))
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
			r.Foreign++
			states = append(states, stateOf(s, s.Target, listed))
		}
	}
	// What was done must be remembered even if we are told to stop.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := k.book.Observe(ctx, listed, states); err != nil {
		return r, err
	}
	return r, nil
}

func (k *Keeper) remembered(ctx context.Context) (map[string]store.SubscriptionState, error) {
	list, err := k.book.SubscriptionStates(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]store.SubscriptionState, len(list))
	for _, s := range list {
		known[s.Target] = s
	}
	return known, nil
}

// act carries the action out and says how the subscription is then.
func (k *Keeper) act(ctx context.Context, a Action, known store.SubscriptionState, listed time.Time) store.SubscriptionState {
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
		s.Parked, s.Reason, s.Remedy = true, a.Reason, a.Remedy
		return s
	}
	result := k.manager.Do(ctx, a)
	k.opts.Observe(a, result)
	if result.Err != nil {
		return k.failed(ctx, a, s, known, result.Err)
	}
	k.opts.Log.Info("subscription "+string(result.Outcome), zap.String("target", target),
		zap.String("subscription", result.Subscription.Name), zap.Time("expires", result.Subscription.ExpireTime))
	// It was so when Google changed it; by now it may be otherwise.
	at := latest(listed, latest(result.Subscription.CreateTime, result.Subscription.UpdateTime))
	done := stateOf(result.Subscription, target, at)
	done.Managed, done.Elsewhere = true, result.Subscription.Topic != a.Desired.Topic
	if a.Actual != nil {
		done.Lapse = a.Actual.SuspensionReason
		// Nobody has changed it since we looked, or since it was made. What we
		// saw while nobody wanted it is no part of its coverage.
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

func (k *Keeper) failed(ctx context.Context, a Action, s, known store.SubscriptionState, err error) store.SubscriptionState {
	s.Error = err.Error()
	if ctx.Err() != nil { // we were stopped: it says nothing about the subscription
		s.Reason, s.Remedy, s.Parked = known.Reason, known.Remedy, known.Parked
		return s
	}
	s.Tries = known.Tries + 1
	s.NextTry = k.manager.Now().Add(pause(s.Tries))
	var problem *Problem
	if errors.As(err, &problem) {
		s.Reason, s.Remedy, s.Parked = problem.Cause, problem.Remedy, problem.Lasting()
	}
	if s.State == string(StateActive) { // a renewal can't wait as long as a person can
		s.NextTry, s.Parked = time.Time{}, false
	}
	if s.State == string(StateSuspended) {
		s.Reason = a.Actual.SuspensionReason
	}
	k.opts.Log.Warn("subscription could not be brought in order", zap.String("target", s.Target),
		zap.String("action", string(a.Kind)), zap.Int("tries", s.Tries), zap.Error(err))
	return s
}

// longestWait bounds the time until something that a person has mended is
// noticed.
const longestWait = time.Hour

// pause is how long to wait after so many failures in a row. The first two
// wait for the next pass only: much goes away by itself.
func pause(tries int) time.Duration {
	if tries <= 2 {
		return 0
	}
	return min(10*time.Minute<<min(tries-3, 10), longestWait)
}

// urgency orders actions: first what will soon be lost, then what is, then
// what can wait.
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

// stateOf describes a subscription, or that there is none, as the book does.
func stateOf(s *Subscription, target string, at time.Time) store.SubscriptionState {
	out := store.SubscriptionState{Target: target, Scope: scopeOf(target), ObservedAt: at}
	if s == nil {
		return out
	}
	out.Name, out.UID, out.State, out.Reason = s.Name, s.UID, string(s.State), s.SuspensionReason
	out.EventTypes, out.IncludeResource = s.EventTypes, s.IncludeResource
	out.CreateTime, out.UpdateTime, out.ExpireTime = s.CreateTime, s.UpdateTime, s.ExpireTime
	return out
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
