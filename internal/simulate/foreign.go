package simulate

import (
	"fmt"
	"slices"
)

// Foreign is a subscription that somebody else makes.
type Foreign struct {
	Target          string // full resource name
	Topic           string // "projects/P/topics/T"
	EventTypes      []string
	IncludeResource bool
	User            string // "users/U" who authorizes it; "" for an app
	App             string // number of another app; "" for ours
}

// AddForeign makes a subscription that isn't the keeper's: another user's,
// another app's, or, if neither is named, one that a colleague made by hand
// with our app's credentials. Only the last is in the caller's lists; each
// delivers to its topic, and lives as long as one of the caller's. Who may
// subscribe to what isn't checked.
func (w *Workspace) AddForeign(f Foreign) (name string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.state.now()
	w.advance(now)
	s := &subscription{
		owner: owner{f.User, w.state.app}, target: f.Target, topic: f.Topic, state: subActive,
		payload:    payloadOptions{includeResource: f.IncludeResource},
		createTime: now, updateTime: now, liveFrom: now,
	}
	if f.App != "" {
		s.owner.app = f.App
	}
	s.foreign = s.owner != w.owner()
	if apiErr := checkTargetForm(f.Target); apiErr != nil {
		return "", fmt.Errorf("add a foreign subscription: %w", apiErr)
	}
	types, apiErr := checkTypes(f.EventTypes, f.Target)
	if apiErr != nil {
		return "", fmt.Errorf("add a foreign subscription to %s: %w", f.Target, apiErr)
	}
	s.types = types
	if apiErr := s.setExpiry("", "", w.events.longest(s.payload), now); apiErr != nil {
		return "", fmt.Errorf("add a foreign subscription to %s: %w", f.Target, apiErr)
	}
	s.name = subscriptionName(s.target, s.owner)
	if slices.Contains(w.subs.names, s.name) {
		return "", fmt.Errorf("add a foreign subscription to %s: %s is there already", f.Target, s.name)
	}
	w.subs.add(s)
	w.setAlarm()
	return s.name, nil
}
