package simulate

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/workspaceevents/v1"
)

const (
	subActive    = "ACTIVE"
	subSuspended = "SUSPENDED"
)

// registry holds the Workspace Events subscriptions. The Workspace's lock
// guards it.
//
//	create ──▶ (operation pending) ──▶ ACTIVE ⇄ SUSPENDED
//	                                      │         │
//	                                      ▼         ▼
//	                               deleted, by call or at its expiry
type registry struct {
	byName         map[string]*subscription
	created        int // ever, for uids
	operations     map[string]*operation
	operationsMade int
}

type subscription struct {
	name    string // "subscriptions/S"
	uid     string
	target  string // full resource name
	topic   string
	types   []string // sorted
	payload payloadOptions
	state   string
	reason  string // of a suspension
	version int    // counts changes, for the etag

	createTime time.Time
	updateTime time.Time
	expireTime time.Time
	liveFrom   time.Time // when the operation that creates it is done
}

type payloadOptions struct {
	includeResource bool
	fieldMask       string
}

func (reg *registry) init() {
	reg.byName = map[string]*subscription{}
	reg.operations = map[string]*operation{}
}

const customerPrefix = "//admin.googleapis.com/customers/"

func spaceTarget(space string) string { return "//chat.googleapis.com/" + space }

// subscriptionName is made as Google's was seen to be: of the target and the app, so that a
// subscription that is made again has the same name.
func subscriptionName(target, app string) string {
	app = strings.TrimPrefix(app, "users/")
	kind, key := "chat-spaces-", "s:"+strings.TrimPrefix(target, spaceTarget("spaces/"))
	if customer, ok := strings.CutPrefix(target, customerPrefix); ok {
		kind, key = "chat-customers-", "c:"+customer
	}
	return "subscriptions/" + kind + base64.RawURLEncoding.EncodeToString([]byte(key+"::"+app))
}

// expire deletes the subscriptions whose time has come.
func (reg *registry) expire(now time.Time) {
	maps.DeleteFunc(reg.byName, func(_ string, s *subscription) bool { return !now.Before(s.expireTime) })
}

// find looks a live subscription up by its id or its uid.
func (reg *registry) find(id string, now time.Time) *subscription {
	s := reg.byName["subscriptions/"+id]
	if s == nil {
		for _, other := range reg.byName {
			if other.uid == id {
				s = other
			}
		}
	}
	if s == nil || now.Before(s.liveFrom) {
		return nil
	}
	return s
}

// live lists the subscriptions by name.
func (reg *registry) live(now time.Time) []*subscription {
	var list []*subscription
	for _, name := range slices.Sorted(maps.Keys(reg.byName)) {
		if s := reg.byName[name]; !now.Before(s.liveFrom) {
			list = append(list, s)
		}
	}
	return list
}

// receivers lists who gets an event of the (single) type in the space.
func (reg *registry) receivers(space, eventType string, now time.Time) []*subscription {
	reg.expire(now)
	target := spaceTarget(space)
	var list []*subscription
	for _, s := range reg.byName {
		wanted := s.target == target || strings.HasPrefix(s.target, customerPrefix)
		if wanted && s.state == subActive && !now.Before(s.liveFrom) && slices.Contains(s.types, eventType) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *subscription) int { return strings.Compare(a.name, b.name) })
	return list
}

// suspend stops the delivery to one subscription: what happens until it is
// reactivated is lost to it.
func (reg *registry) suspend(s *subscription, reason string, now time.Time) {
	if s.state == subSuspended {
		return
	}
	s.state, s.reason = subSuspended, reason
	s.touch(now)
}

func (reg *registry) suspendTarget(target, reason string, now time.Time) {
	for _, s := range reg.byName {
		if s.target == target {
			reg.suspend(s, reason, now)
		}
	}
}

// Suspend suspends a subscription for the given reason, such as
// "ENDPOINT_PERMISSION_DENIED". No lifecycle event is sent.
func (w *Workspace) Suspend(subscription, reason string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.state.now()
	w.subs.expire(now)
	s := w.subs.find(strings.TrimPrefix(subscription, "subscriptions/"), now)
	if s == nil {
		return fmt.Errorf("suspend: there is no subscription %q", subscription)
	}
	w.subs.suspend(s, reason, now)
	return nil
}

func (s *subscription) touch(now time.Time) {
	s.version++
	s.updateTime = now
}

func (s *subscription) etag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", s.uid, s.version))
	return hex.EncodeToString(sum[:8])
}

// maxTTL is the longest life that Google grants: seven days without data, four
// hours with. (A day with domain-wide delegation, which the app doesn't use.)
func (s *subscription) maxTTL() time.Duration {
	if s.payload.includeResource {
		return 4 * time.Hour
	}
	return 7 * 24 * time.Hour
}

// setExpiry grants a life. Both arguments are as in a request: ttl in
// seconds ("3600s"), expireTime in RFC 3339; "" or "0s" is the maximum.
func (s *subscription) setExpiry(ttl, expireTime string, now time.Time) *apiError {
	limit := now.Add(s.maxTTL())
	switch {
	case ttl != "" && expireTime != "":
		return invalid("Invalid value: oneof field 'expiration' is already set. Cannot set 'ttl' and 'expireTime'.")
	case expireTime != "":
		at, err := time.Parse(time.RFC3339Nano, expireTime)
		if err != nil {
			return invalid("Invalid value at 'subscription.expire_time': %q", expireTime)
		}
		if !at.After(now) {
			return invalid("The subscription expiration time must be in the future.")
		}
		if at.After(limit) {
			return invalid("The subscription expiration time exceeds the maximum allowed.")
		}
		s.expireTime = at.UTC()
		return nil
	}
	life := time.Duration(0)
	if ttl != "" {
		var err error
		if life, err = time.ParseDuration(ttl); err != nil || !strings.HasSuffix(ttl, "s") || life < 0 || strings.ContainsAny(ttl, "mhnuµ") {
			return invalid("Invalid value at 'subscription.ttl': %q", ttl)
		}
	}
	if life > s.maxTTL() {
		return invalid("The subscription expiration time exceeds the maximum allowed.")
	}
	if life == 0 {
		life = s.maxTTL()
	}
	s.expireTime = now.Add(life).UTC()
	return nil
}

func (s *subscription) render() *workspaceevents.Subscription {
	out := &workspaceevents.Subscription{
		Name:                 s.name,
		Uid:                  s.uid,
		TargetResource:       s.target,
		EventTypes:           s.types,
		NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: s.topic},
		State:                s.state,
		SuspensionReason:     s.reason,
		CreateTime:           stamp(s.createTime),
		UpdateTime:           stamp(s.updateTime),
		ExpireTime:           stamp(s.expireTime),
		Etag:                 s.etag(),
	}
	if s.payload != (payloadOptions{}) {
		out.PayloadOptions = &workspaceevents.PayloadOptions{
			IncludeResource: s.payload.includeResource,
			FieldMask:       s.payload.fieldMask,
		}
	}
	return out
}
