package simulate

import (
	"fmt"
	"slices"
)

// Unmanaged is a subscription that somebody else makes.
type Unmanaged struct {
	Target          string // full resource name
	Topic           string // "projects/P/topics/T"
	EventTypes      []string
	IncludeResource bool
	User            string // "users/U" who authorizes it; "" for an app
	App             string // number of another app; "" for ours
}

// AddUnmanaged makes a subscription that isn't the keeper's: another user's,
// another app's, or, if neither is named, one that a colleague made by hand
// with our app's credentials. Only the last is in the caller's lists; each
// delivers to its topic, and lives as long as one of the caller's. Who may
// subscribe to what isn't checked.
func (w *Workspace) AddUnmanaged(u Unmanaged) (name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.state.now()
	w.advance(now)
	s := &subscription{
		owner: owner{u.User, w.state.app}, target: u.Target, topic: u.Topic, state: subActive,
		payload:    payloadOptions{includeResource: u.IncludeResource},
		createTime: now, updateTime: now, liveFrom: now,
	}
	if u.App != "" {
		s.owner.app = u.App
	}
	s.otherOwner = s.owner != w.owner()
	if apiErr := checkTargetForm(u.Target); apiErr != nil {
		return "", fmt.Errorf("add an unmanaged subscription: %w", apiErr)
	}
	types, apiErr := checkTypes(u.EventTypes, u.Target)
	if apiErr != nil {
		return "", fmt.Errorf("add an unmanaged subscription to %s: %w", u.Target, apiErr)
	}
	s.types = types
	if apiErr := s.setExpiry("", "", w.events.longest(s.payload), now); apiErr != nil {
		return "", fmt.Errorf("add an unmanaged subscription to %s: %w", u.Target, apiErr)
	}
	s.name = subscriptionName(s.target, s.owner)
	if slices.Contains(w.subs.names, s.name) {
		return "", fmt.Errorf("add an unmanaged subscription to %s: %s is there already", u.Target, s.name)
	}
	w.subs.add(s)
	w.setAlarm()
	return s.name, nil
}
