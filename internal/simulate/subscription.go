package simulate

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/workspaceevents/v1"
)

const (
	subActive    = "ACTIVE"
	subSuspended = "SUSPENDED"
)

// subscription is one Workspace Events subscription.
type subscription struct {
	name       string // "subscriptions/S"
	uid        string
	owner      owner
	otherOwner bool   // another owner's than the caller
	target     string // full resource name
	topic      string
	types      []string // sorted
	payload    payloadOptions
	state      string
	reason     string   // of a suspension
	causes     []string // by hand, until they are mended
	version    int      // counts changes, for the etag
	lives      int      // counts how often an expiry was granted

	rendered rawJSON // nil after a change

	createTime time.Time
	updateTime time.Time
	expireTime time.Time
	liveFrom   time.Time // when the operation that creates it is done
}

// owner is who a subscription belongs to: nobody else sees it, and each owner
// can have one for a target.
type owner struct {
	user string // "users/U" who authorized it; "" for the app itself
	app  string // "users/A", or another app's number
}

type payloadOptions struct {
	includeResource bool
	fieldMask       string
}

const (
	customerPrefix = "//admin.googleapis.com/customers/"
	userPrefix     = "//cloudidentity.googleapis.com/users/"
	allSpaces      = "//chat.googleapis.com/spaces/-"
)

func spaceTarget(space string) string { return "//chat.googleapis.com/" + space }

// subscriptionName is made as Google's was seen to be: of the target, the
// user and the app, so that a subscription that is made again has the same
// name.
func subscriptionName(target string, o owner) string {
	kind, key := "chat-spaces-", "s:"+strings.TrimPrefix(target, spaceTarget("spaces/"))
	if customer, ok := strings.CutPrefix(target, customerPrefix); ok {
		kind, key = "chat-customers-", "c:"+customer
	}
	if user, ok := strings.CutPrefix(target, userPrefix); ok {
		kind, key = "chat-users-", "u:"+user
	}
	key += ":" + strings.TrimPrefix(o.user, "users/") + ":" + strings.TrimPrefix(o.app, "users/")
	return "subscriptions/" + kind + base64.RawURLEncoding.EncodeToString([]byte(key))
}

// wants reports whether the subscription takes events of the (single) type
// now.
func (s *subscription) wants(eventType string, now time.Time) bool {
	return s.state == subActive && !now.Before(s.liveFrom) && slices.Contains(s.types, eventType)
}

func (s *subscription) touch(now time.Time) {
	s.version++
	s.updateTime = now
	s.rendered = nil
}

func (s *subscription) etag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", s.uid, s.version))
	return hex.EncodeToString(sum[:8])
}

// setExpiry grants a life. Both arguments are as in a request: ttl in
// seconds ("3600s"), expireTime in RFC 3339; "" or "0s" is the maximum.
func (s *subscription) setExpiry(ttl, expireTime string, longest time.Duration, now time.Time) *apiError {
	var life time.Duration
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
		life = at.Sub(now)
	case ttl != "":
		var err error
		if life, err = time.ParseDuration(ttl); err != nil || !strings.HasSuffix(ttl, "s") || life < 0 || strings.ContainsAny(ttl, "mhnuµ") {
			return invalid("Invalid value at 'subscription.ttl': %q", ttl)
		}
	}
	if life > longest {
		return invalid("The subscription expiration time exceeds the maximum allowed.")
	}
	s.expireTime = now.Add(cmp.Or(life, longest)).UTC()
	s.lives++
	return nil
}

// render is the resource as JSON. It is kept until the next change, as lists
// hold very many.
func (s *subscription) render() rawJSON {
	if s.rendered != nil {
		return s.rendered
	}
	out := workspaceevents.Subscription{
		Name:                 s.name,
		Uid:                  s.uid,
		TargetResource:       s.target,
		EventTypes:           s.types,
		NotificationEndpoint: &workspaceevents.NotificationEndpoint{PubsubTopic: s.topic},
		State:                s.state,
		SuspensionReason:     s.reason,
		Authority:            s.owner.user,
		UserAuthority:        s.owner.user,
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
	type plain workspaceevents.Subscription // without the library's slow MarshalJSON
	raw, err := json.Marshal(plain(out))
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", s.name, err)) // only our own strings come here
	}
	s.rendered = raw
	return raw
}
