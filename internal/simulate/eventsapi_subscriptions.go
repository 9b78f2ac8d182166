package simulate

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/workspaceevents/v1"
)

// chatEventTypes are the types that a space's or a customer's subscription can
// ask for. Batch and lifecycle types come by themselves.
var chatEventTypes = []string{
	chatType + "message.v1.created", chatType + "message.v1.updated", chatType + "message.v1.deleted",
	chatType + "membership.v1.created", chatType + "membership.v1.updated", chatType + "membership.v1.deleted",
	chatType + "reaction.v1.created", chatType + "reaction.v1.deleted",
	chatType + "space.v1.updated", chatType + "space.v1.deleted",
}

var topicName = regexp.MustCompile(`^projects/([^/]+)/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)

// create is subscriptions.create.
func (a *eventsAPI) create(r *eventsRequest) (any, *apiError) {
	var in workspaceevents.Subscription
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	validateOnly, apiErr := flag(r.Request, "validateOnly")
	if apiErr != nil {
		return nil, apiErr
	}
	reg := &a.w.subs
	s := &subscription{
		target: in.TargetResource, state: subActive,
		createTime: r.now, updateTime: r.now, liveFrom: r.now.Add(a.w.opts.OperationDelay),
	}
	if s.types, apiErr = checkTypes(in.EventTypes); apiErr != nil {
		return nil, apiErr
	}
	if in.PayloadOptions != nil {
		s.payload = payloadOptions{in.PayloadOptions.IncludeResource, in.PayloadOptions.FieldMask}
	}
	if s.payload.fieldMask != "" && !s.payload.includeResource {
		return nil, invalid("payload_options.field_mask requires payload_options.include_resource.")
	}
	if apiErr := s.setExpiry(in.Ttl, in.ExpireTime, r.now); apiErr != nil {
		return nil, apiErr
	}
	if in.NotificationEndpoint != nil {
		s.topic = in.NotificationEndpoint.PubsubTopic
	}
	if apiErr := a.checkEndpoint(s.topic); apiErr != nil {
		return nil, apiErr
	}
	if apiErr := a.checkTarget(s.target); apiErr != nil {
		return nil, apiErr
	}
	s.name = subscriptionName(s.target, a.w.state.app)
	if reg.byName[s.name] != nil {
		return nil, a.conflict(s.name)
	}
	if validateOnly {
		return a.preview("Create", s.name, s.render(), r.now)
	}
	reg.created++
	s.uid = fmt.Sprintf("uid-%s-%d", strings.TrimPrefix(s.name, "subscriptions/"), reg.created)
	reg.byName[s.name] = s
	return a.begin("Create", s.name, s.render(), r.now)
}

// conflict is the answer to a second subscription for one target.
func (a *eventsAPI) conflict(current string) *apiError {
	e := &apiError{
		code: http.StatusConflict, status: "ALREADY_EXISTS",
		message: "Subscription associated with the resource already exists.",
	}
	if !a.w.opts.BareConflicts {
		e.details = []any{map[string]any{
			"@type":    "type.googleapis.com/google.rpc.ErrorInfo",
			"reason":   "SUBSCRIPTION_ALREADY_EXISTS",
			"domain":   "workspaceevents.googleapis.com",
			"metadata": map[string]string{"current_subscription": current},
		}}
	}
	return e
}

// checkTypes answers with the types sorted and once each.
func checkTypes(types []string) ([]string, *apiError) {
	if len(types) == 0 {
		return nil, invalid("Missing event types.")
	}
	for _, t := range types {
		if !slices.Contains(chatEventTypes, t) {
			return nil, invalid("The event type %q is not supported for the target resource.", t)
		}
	}
	sorted := slices.Clone(types)
	slices.Sort(sorted)
	return slices.Compact(sorted), nil
}

// checkTarget accepts what a Chat app may subscribe to: a space that it is in,
// and the whole customer. spaces/- and users need a user's authority.
func (a *eventsAPI) checkTarget(target string) *apiError {
	if customer, ok := strings.CutPrefix(target, customerPrefix); ok && customer != "" && !strings.Contains(customer, "/") {
		return nil
	}
	id, ok := strings.CutPrefix(target, spaceTarget("spaces/"))
	switch {
	case target == "":
		return invalid("Missing target resource.")
	case !ok || id == "" || strings.Contains(id, "/"):
		return invalid("Invalid target resource %q.", target)
	case id == "-":
		return denied("Subscriptions to %s require user authentication.", target)
	}
	s := a.w.state.spaces["spaces/"+id]
	if s == nil || s.deleted {
		return notFound("The target resource %s was not found.", target)
	}
	if !s.isJoined(a.w.state.app) {
		return denied("The Chat app is not a member of spaces/%s.", id)
	}
	return nil
}

func (a *eventsAPI) checkEndpoint(topic string) *apiError {
	match := topicName.FindStringSubmatch(topic)
	switch {
	case topic == "":
		return invalid("Missing notification endpoint.")
	case match == nil:
		return invalid("Invalid Pub/Sub topic %q.", topic)
	case match[1] != a.w.project:
		return invalid("The Pub/Sub topic %s must be in the project %s.", topic, a.w.project)
	case !a.w.emitter.publisher.TopicExists(topic):
		return notFound("The Pub/Sub topic %s was not found.", topic)
	}
	return nil
}

// get is subscriptions.get.
func (a *eventsAPI) get(r *eventsRequest) (any, *apiError) {
	s, apiErr := a.subscription(r, r.PathValue("id"))
	if apiErr != nil {
		return nil, apiErr
	}
	return s.render(), nil
}

func (a *eventsAPI) subscription(r *eventsRequest, id string) (*subscription, *apiError) {
	s := a.w.subs.find(id, r.now)
	if s == nil {
		return nil, notFound("Subscription not found: subscriptions/%s.", id)
	}
	return s, nil
}

// patch is subscriptions.patch.
func (a *eventsAPI) patch(r *eventsRequest) (any, *apiError) {
	s, apiErr := a.subscription(r, r.PathValue("id"))
	if apiErr != nil {
		return nil, apiErr
	}
	var in workspaceevents.Subscription
	if apiErr := decodeStrict(r.body, &in); apiErr != nil {
		return nil, apiErr
	}
	validateOnly, apiErr := flag(r.Request, "validateOnly")
	if apiErr != nil {
		return nil, apiErr
	}
	if in.Etag != "" && in.Etag != s.etag() {
		return nil, aborted()
	}
	changed := *s
	if apiErr := changed.apply(&in, r.URL.Query().Get("updateMask"), r); apiErr != nil {
		return nil, apiErr
	}
	changed.touch(r.now)
	if validateOnly {
		return a.preview("Update", s.name, changed.render(), r.now)
	}
	*s = changed
	return a.begin("Update", s.name, changed.render(), r.now)
}

// apply takes the masked fields over.
func (s *subscription) apply(in *workspaceevents.Subscription, updateMask string, r *eventsRequest) *apiError {
	var paths []string
	switch updateMask {
	case "":
		// All fields that are present; those that can't change are an error.
		if in.TargetResource != "" && in.TargetResource != s.target ||
			in.NotificationEndpoint != nil && in.NotificationEndpoint.PubsubTopic != s.topic {
			return invalid("Only expire_time, ttl and event_types can be updated.")
		}
		for path, present := range map[string]bool{"ttl": in.Ttl != "", "expire_time": in.ExpireTime != "", "event_types": len(in.EventTypes) > 0} {
			if present {
				paths = append(paths, path)
			}
		}
	case "*":
		paths = []string{"ttl", "expire_time", "event_types"}
	default:
		for path := range strings.SplitSeq(updateMask, ",") {
			switch strings.TrimSpace(path) {
			case "ttl":
				paths = append(paths, "ttl")
			case "expire_time", "expireTime":
				paths = append(paths, "expire_time")
			case "event_types", "eventTypes":
				paths = append(paths, "event_types")
			default:
				return invalid("Invalid update mask path %q: only expire_time, ttl and event_types can be updated.", path)
			}
		}
	}
	if len(paths) == 0 {
		return invalid("Nothing to update.")
	}
	if slices.Contains(paths, "event_types") {
		types, apiErr := checkTypes(in.EventTypes)
		if apiErr != nil {
			return apiErr
		}
		s.types = types
	}
	var ttl, expireTime string
	if slices.Contains(paths, "ttl") {
		ttl = in.Ttl
	}
	if slices.Contains(paths, "expire_time") {
		expireTime = in.ExpireTime
	}
	if ttl == "" && expireTime == "" && !slices.Contains(paths, "ttl") && !slices.Contains(paths, "expire_time") {
		return nil
	}
	return s.setExpiry(ttl, expireTime, r.now)
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
	validateOnly, apiErr := flag(r.Request, "validateOnly")
	if apiErr != nil {
		return nil, apiErr
	}
	name := "subscriptions/" + r.PathValue("id")
	s, apiErr := a.subscription(r, r.PathValue("id"))
	switch {
	case apiErr != nil && allowMissing && validateOnly:
		return a.preview("Delete", name, struct{}{}, r.now)
	case apiErr != nil && allowMissing:
		return a.begin("Delete", name, struct{}{}, r.now)
	case apiErr != nil:
		return nil, apiErr
	}
	if etag := r.URL.Query().Get("etag"); etag != "" && etag != s.etag() {
		return nil, aborted()
	}
	if validateOnly {
		return a.preview("Delete", s.name, struct{}{}, r.now)
	}
	delete(a.w.subs.byName, s.name)
	return a.begin("Delete", s.name, struct{}{}, r.now)
}

// reactivate is subscriptions.reactivate: it checks that everything is mended
// and keeps the expiry.
func (a *eventsAPI) reactivate(r *eventsRequest) (any, *apiError) {
	id, ok := strings.CutSuffix(r.PathValue("idAndVerb"), ":reactivate")
	if !ok {
		return unknownMethod(r.Request)
	}
	s, apiErr := a.subscription(r, id)
	if apiErr != nil {
		return nil, apiErr
	}
	precondition := func(message string) *apiError {
		return &apiError{code: http.StatusBadRequest, status: "FAILED_PRECONDITION", message: message}
	}
	if s.state != subSuspended {
		return nil, precondition("The subscription is not suspended.")
	}
	var remaining []string
	if s.reason == "USER_AUTHORIZATION_FAILURE" {
		remaining = append(remaining, s.reason)
	}
	if apiErr := a.checkTarget(s.target); apiErr != nil {
		remaining = append(remaining, apiErr.message)
	}
	if apiErr := a.checkEndpoint(s.topic); apiErr != nil {
		remaining = append(remaining, apiErr.message)
	}
	if len(remaining) > 0 {
		return nil, precondition("The subscription can't be reactivated: " + strings.Join(remaining, "; "))
	}
	s.state, s.reason = subActive, ""
	s.touch(r.now)
	return a.begin("Reactivate", s.name, s.render(), r.now)
}
