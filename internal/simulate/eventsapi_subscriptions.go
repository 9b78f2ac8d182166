package simulate

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/workspaceevents/v1"
)

// create is subscriptions.create.
func (a *eventsAPI) create(r *eventsRequest) (any, *apiError) {
	var in workspaceevents.Subscription
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	s := &subscription{
		owner: a.w.owner(), target: in.TargetResource, state: subActive,
		createTime: r.now, updateTime: r.now, liveFrom: r.now.Add(a.w.opts.OperationDelay),
	}
	apiErr := checkTargetForm(s.target)
	if apiErr != nil {
		return nil, apiErr
	}
	if s.types, apiErr = checkTypes(in.EventTypes, s.target); apiErr != nil {
		return nil, apiErr
	}
	if in.PayloadOptions != nil {
		s.payload = payloadOptions{in.PayloadOptions.IncludeResource, in.PayloadOptions.FieldMask}
	}
	if s.payload.fieldMask != "" && !s.payload.includeResource {
		return nil, invalid("payload_options.field_mask requires payload_options.include_resource.")
	}
	if apiErr := s.setExpiry(in.Ttl, in.ExpireTime, a.longest(s.payload), r.now); apiErr != nil {
		return nil, apiErr
	}
	if in.NotificationEndpoint != nil {
		s.topic = in.NotificationEndpoint.PubsubTopic
	}
	if apiErr := cmp.Or(a.checkScopes(s.types, s.target), a.checkEndpoint(s.topic), a.checkTarget(s.target)); apiErr != nil {
		return nil, apiErr
	}
	s.name = subscriptionName(s.target, s.owner)
	if a.w.subs.byName[s.name] != nil {
		return nil, a.alreadySubscribed(s.name)
	}
	if r.validateOnly {
		return a.preview(r, "Create", s.name, s.render())
	}
	return a.perform(r, "Create", s.name, func() rawJSON {
		a.w.subs.add(s)
		return s.render()
	})
}

// alreadySubscribed is the answer to a second subscription for one target.
func (a *eventsAPI) alreadySubscribed(current string) *apiError {
	e := conflict("Subscription associated with the resource already exists.")
	if a.w.opts.BareConflicts {
		return e
	}
	return e.withInfo("SUBSCRIPTION_ALREADY_EXISTS", eventsService, map[string]string{"current_subscription": current})
}

// get is subscriptions.get.
func (a *eventsAPI) get(r *eventsRequest) (any, *apiError) {
	s, apiErr := a.subscription(r, r.id)
	if apiErr != nil {
		return nil, apiErr
	}
	return s.render(), nil
}

// subscription finds one of the caller's. What Google answers for somebody
// else's isn't documented.
func (a *eventsAPI) subscription(r *eventsRequest, id string) (*subscription, *apiError) {
	s := a.w.subs.find(id, r.now)
	switch {
	case s == nil:
		return nil, notFound("Subscription not found: subscriptions/%s.", id)
	case s.owner != a.w.owner():
		return nil, denied("The caller does not have permission to access subscriptions/%s.", id)
	}
	return s, nil
}

// patch is subscriptions.patch. It doesn't end a suspension.
func (a *eventsAPI) patch(r *eventsRequest) (any, *apiError) {
	s, apiErr := a.subscription(r, r.id)
	if apiErr != nil {
		return nil, apiErr
	}
	var in workspaceevents.Subscription
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	if in.Etag != "" && in.Etag != s.etag() {
		return nil, aborted()
	}
	changed := *s
	if apiErr := changed.apply(&in, r.URL.Query().Get("updateMask"), a.longest(s.payload), r); apiErr != nil {
		return nil, apiErr
	}
	if apiErr := a.checkScopes(changed.types, s.target); apiErr != nil {
		return nil, apiErr
	}
	changed.touch(r.now)
	if r.validateOnly {
		return a.preview(r, "Update", s.name, changed.render())
	}
	return a.perform(r, "Update", s.name, func() rawJSON {
		renewed := changed.lives != s.lives
		*s = changed
		if renewed {
			a.w.subs.schedule(s, r.now)
		}
		return s.render()
	})
}

// apply takes the masked fields over.
func (s *subscription) apply(in *workspaceevents.Subscription, updateMask string, longest time.Duration, r *eventsRequest) *apiError {
	var ttl, expireTime, types bool // what changes
	switch updateMask {
	case "":
		// All fields that are present; those that can't change are an error.
		if in.TargetResource != "" && in.TargetResource != s.target ||
			in.NotificationEndpoint != nil && in.NotificationEndpoint.PubsubTopic != s.topic {
			return invalid("Only expire_time, ttl and event_types can be updated.")
		}
		ttl, expireTime, types = in.Ttl != "", in.ExpireTime != "", len(in.EventTypes) > 0
	case "*":
		ttl, expireTime, types = true, true, true
	default:
		for path := range strings.SplitSeq(updateMask, ",") {
			switch strings.TrimSpace(path) {
			case "ttl":
				ttl = true
			case "expire_time", "expireTime":
				expireTime = true
			case "event_types", "eventTypes":
				types = true
			default:
				return invalid("Invalid update mask path %q: only expire_time, ttl and event_types can be updated.", path)
			}
		}
	}
	if types {
		var apiErr *apiError
		if s.types, apiErr = checkTypes(in.EventTypes, s.target); apiErr != nil {
			return apiErr
		}
	}
	switch {
	case ttl && expireTime:
		return s.setExpiry(in.Ttl, in.ExpireTime, longest, r.now)
	case ttl:
		return s.setExpiry(in.Ttl, "", longest, r.now)
	case expireTime:
		return s.setExpiry("", in.ExpireTime, longest, r.now)
	case !types:
		return invalid("Nothing to update.")
	}
	return nil
}

func aborted() *apiError {
	return &apiError{code: http.StatusConflict, status: "ABORTED", message: "The etag does not match the subscription's."}
}

// delete is subscriptions.delete.
func (a *eventsAPI) delete(r *eventsRequest) (any, *apiError) {
	allowMissing, apiErr := flag(r.Request, "allowMissing")
	if apiErr != nil {
		return nil, apiErr
	}
	name := "subscriptions/" + r.id
	s, apiErr := a.subscription(r, r.id)
	missing := apiErr != nil && apiErr.code == http.StatusNotFound && allowMissing
	switch {
	case apiErr != nil && !missing:
		return nil, apiErr
	case !missing:
		name = s.name
		if etag := r.URL.Query().Get("etag"); etag != "" && etag != s.etag() {
			return nil, aborted()
		}
	}
	if r.validateOnly {
		return a.preview(r, "Delete", name, nil)
	}
	return a.perform(r, "Delete", name, func() rawJSON {
		if !missing {
			a.w.subs.remove(s, r.now)
		}
		return nil
	})
}
