package simulate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// suspensionReasons are Google's (fact sheet §3.4).
var suspensionReasons = []string{
	"USER_SCOPE_REVOKED", "APP_SCOPE_REVOKED", "RESOURCE_DELETED",
	userLost, appLost,
	"ENDPOINT_PERMISSION_DENIED", "ENDPOINT_NOT_FOUND", "ENDPOINT_RESOURCE_EXHAUSTED",
	"OTHER", "ERROR_TYPE_UNSPECIFIED",
}

const (
	userLost = "USER_AUTHORIZATION_FAILURE"
	appLost  = "APP_AUTHORIZATION_FAILURE"
)

// SuspensionReasons lists all reasons that a suspension can have.
func SuspensionReasons() []string { return slices.Clone(suspensionReasons) }

// Suspend suspends a subscription for the given reason, such as
// "ENDPOINT_PERMISSION_DENIED", until the reason is mended and the
// subscription reactivated. A suspended one gets one more reason, which isn't
// shown until it is reactivated. A lifecycle event is sent unless the
// endpoint is the reason.
func (w *Workspace) Suspend(subscription, reason string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(suspensionReasons, reason) {
		return fmt.Errorf("suspend %s: Google knows no reason %q", subscription, reason)
	}
	s, err := w.findSubscription(subscription)
	if err != nil {
		return fmt.Errorf("suspend: %w", err)
	}
	if !slices.Contains(s.causes, reason) {
		s.causes = append(s.causes, reason)
	}
	w.suspend(s, reason, w.state.now())
	return nil
}

// Mend takes away reasons that [Workspace.Suspend] gave, or all of them if
// none is named. The subscription stays suspended until it is reactivated. A
// user who has lost access can't be mended.
func (w *Workspace) Mend(subscription string, reasons ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.findSubscription(subscription)
	if err != nil {
		return fmt.Errorf("mend: %w", err)
	}
	if len(reasons) == 0 {
		reasons = slices.Clone(s.causes)
	}
	for _, r := range reasons {
		if r == userLost {
			return fmt.Errorf("mend %s: %s can't be mended", subscription, r)
		}
		if !slices.Contains(s.causes, r) {
			return fmt.Errorf("mend %s: it isn't suspended by hand for %q", subscription, r)
		}
	}
	s.causes = slices.DeleteFunc(s.causes, func(c string) bool { return slices.Contains(reasons, c) })
	return nil
}

// ExpireAfter cuts the subscription's life to d from now, whatever was
// granted; 0 deletes it at once.
func (w *Workspace) ExpireAfter(subscription string, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.findSubscription(subscription)
	if err != nil {
		return fmt.Errorf("expire: %w", err)
	}
	now := w.state.now()
	s.expireTime = now.Add(d).UTC()
	s.lives++
	s.rendered = nil
	w.subs.schedule(s, now)
	w.advance(now)
	return nil
}

func (w *Workspace) findSubscription(name string) (*subscription, error) {
	now := w.state.now()
	w.advance(now)
	s := w.subs.find(strings.TrimPrefix(name, "subscriptions/"), now)
	if s == nil {
		return nil, fmt.Errorf("there is no subscription %q", name)
	}
	return s, nil
}

// suspend stops the delivery to one subscription: what happens until it is
// reactivated is lost to it.
func (w *Workspace) suspend(s *subscription, reason string, now time.Time) {
	if s.state == subSuspended || !w.subs.holds(s) {
		return
	}
	s.state, s.reason = subSuspended, reason
	s.touch(now)
	w.subs.goDark(s, now)
	w.tell(LifecycleSuspended, s, now)
}

// suspendSpace suspends the subscriptions of one space that lost chooses.
func (w *Workspace) suspendSpace(space, reason string, lost func(*subscription) bool) {
	for _, s := range slices.Clone(w.subs.bySpace[spaceTarget(space)]) {
		if lost(s) {
			w.suspend(s, reason, w.state.now())
		}
	}
}

// endpointReason is why Pub/Sub didn't take a message.
func (w *Workspace) endpointReason(topic string, err error) string {
	switch status.Code(err) {
	case codes.PermissionDenied:
		return "ENDPOINT_PERMISSION_DENIED"
	case codes.ResourceExhausted:
		return "ENDPOINT_RESOURCE_EXHAUSTED"
	}
	if !w.emitter.publisher.TopicExists(topic) {
		return "ENDPOINT_NOT_FOUND"
	}
	return "OTHER"
}

// remaining lists what still stands in the way of the subscription.
func (w *Workspace) remaining(s *subscription) []string {
	list := slices.Clone(s.causes)
	if space, ok := strings.CutPrefix(s.target, spaceTarget("")); ok && s.target != allSpaces {
		switch sp := w.state.spaces[space]; {
		case sp == nil || sp.deleted:
			list = append(list, "RESOURCE_DELETED")
		case s.owner.user != "" && !sp.isJoined(s.owner.user):
			list = append(list, userLost)
		case s.owner.user == "" && !sp.isJoined(w.state.app):
			list = append(list, appLost)
		}
	}
	if s.reason == userLost {
		list = append(list, userLost)
	}
	if !w.emitter.publisher.TopicExists(s.topic) {
		list = append(list, "ENDPOINT_NOT_FOUND")
	} else if p, ok := w.emitter.publisher.(interface{ MayPublish(topic string) bool }); ok && !p.MayPublish(s.topic) {
		list = append(list, "ENDPOINT_PERMISSION_DENIED")
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// reactivate is subscriptions.reactivate: it checks that everything is mended
// and keeps the expiry.
func (a *eventsAPI) reactivate(r *eventsRequest) (any, *apiError) {
	s, apiErr := a.subscription(r, r.id)
	if apiErr != nil {
		return nil, apiErr
	}
	if apiErr := a.checkScopes(s.types, s.target); apiErr != nil {
		return nil, apiErr
	}
	precondition := func(message string) *apiError {
		return &apiError{code: http.StatusBadRequest, status: "FAILED_PRECONDITION", message: message}
	}
	if s.state != subSuspended {
		return nil, precondition("The subscription is not suspended.")
	}
	if left := a.w.remaining(s); len(left) > 0 {
		return nil, precondition("The subscription can't be reactivated because of these errors: " + strings.Join(left, ", ") + ".")
	}
	return a.perform(r, "Reactivate", s.name, func() rawJSON {
		s.state, s.reason = subActive, ""
		s.touch(r.now)
		a.w.subs.goLive(s, r.now)
		return s.render()
	})
}

// SubscriptionTo returns the name of the oldest subscription to a single
// space, "" if there is none.
func (w *Workspace) SubscriptionTo(space string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(w.state.now())
	if list := w.subs.bySpace[spaceTarget(space)]; len(list) > 0 {
		return list[0].name
	}
	return ""
}
