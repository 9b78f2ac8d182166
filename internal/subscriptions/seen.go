package subscriptions

import (
	"context"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/store/coverage"
)

// Seen is what a [Keeper] saw at its last pass: what was desired, and what
// delivers to our topic. Google isn't asked for it.
type Seen struct {
	At            time.Time // by Google's clock; zero if no keeper has looked yet
	Subscriptions []Subscription
}

// LastSeen reads what the keeper saved.
func LastSeen(ctx context.Context, db *coverage.Coverage) (Seen, error) {
	at, err := db.LastPass(ctx) // first, so that nothing looks younger than it is
	if err != nil || at.IsZero() {
		return Seen{}, err
	}
	states, err := db.SubscriptionStates(ctx)
	if err != nil {
		return Seen{}, err
	}
	seen := Seen{At: at}
	for _, s := range states {
		if s.Name == "" {
			continue // it is desired, and there is none
		}
		one := Subscription{
			Name: s.Name, UID: s.UID, Target: s.Target, Topic: s.Topic, EventTypes: s.EventTypes,
			IncludeResource: s.IncludeResource, FieldMask: s.FieldMask, State: State(s.State),
			ExpireTime: s.ExpireTime, CreateTime: s.CreateTime, UpdateTime: s.UpdateTime,
		}
		if one.State == StateSuspended {
			one.SuspensionReason = s.Reason
		}
		seen.Subscriptions = append(seen.Subscriptions, one)
	}
	return seen, nil
}

// Late reports whether the keeper, which looks every interval, should have
// looked again long ago.
func (s Seen) Late(now time.Time, interval time.Duration) bool {
	return now.Sub(s.At) > 3*interval+defaultBudget
}
