package simulate

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Types that have rules of their own here.
var (
	messageCreated = events.TypeName(events.KindMessage, events.VerbCreated)
	spaceDeleted   = events.TypeName(events.KindSpace, events.VerbDeleted)
)

var (
	topicName = regexp.MustCompile(`^projects/([^/]+)/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	idForm    = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

// TTL is the longest life that is granted to a subscription (fact sheet
// §3.3).
type TTL struct {
	Data  time.Duration // with the resource's data; 0 means 4 h, or 24 h when impersonating
	Names time.Duration // without; 0 means 7 days
}

// SetTTL replaces what is granted from now on.
func (w *Workspace) SetTTL(ttl TTL) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opts.TTL = ttl
}

// SetOperationDelay replaces [Options.OperationDelay] from now on.
func (w *Workspace) SetOperationDelay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opts.OperationDelay = d
}

// longest is the longest life of a subscription with this payload.
func (a *eventsAPI) longest(p payloadOptions) time.Duration {
	switch ttl := a.w.opts.TTL; {
	case !p.includeResource:
		return cmp.Or(ttl.Names, 7*24*time.Hour)
	case a.w.opts.Auth == AuthImpersonate:
		return cmp.Or(ttl.Data, 24*time.Hour)
	default: // the app's own limit isn't documented; it is taken to be a user's
		return cmp.Or(ttl.Data, 4*time.Hour)
	}
}

// checkTypes answers with the types sorted and once each.
func checkTypes(types []string, target string) ([]string, *apiError) {
	if len(types) == 0 {
		return nil, invalid("Missing event types.")
	}
	of := events.OfSpaces
	switch {
	case strings.HasPrefix(target, customerPrefix):
		of = events.OfCustomers
	case strings.HasPrefix(target, userPrefix):
		of = events.OfUsers
	}
	valid := events.TypeNames(of)
	for _, t := range types {
		if !slices.Contains(valid, t) {
			return nil, invalid("The event type %q is not supported for the target resource.", t)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(types))), nil
}

// checkTargetForm accepts the names of the four kinds of target.
func checkTargetForm(target string) *apiError {
	if target == "" {
		return invalid("Missing target resource.")
	}
	for _, prefix := range []string{customerPrefix, userPrefix, spaceTarget("spaces/")} {
		if id, ok := strings.CutPrefix(target, prefix); ok && idForm.MatchString(id) && target != userPrefix+"me" {
			return nil
		}
	}
	return invalid("Invalid target resource %q.", target)
}

// checkTarget accepts what the caller may subscribe to: a space that it is in
// and, as an app, the whole customer; as a user, that user and all of their
// spaces.
func (a *eventsAPI) checkTarget(target string) *apiError {
	user := a.w.authority
	customer := strings.HasPrefix(target, customerPrefix)
	id, ofUser := strings.CutPrefix(target, userPrefix)
	switch {
	case customer && user != "":
		return denied("Subscriptions to %s require app authentication.", target)
	case (ofUser || target == allSpaces) && user == "":
		return denied("Subscriptions to %s require user authentication.", target)
	case ofUser && user != "users/"+id:
		return denied("The authenticated user can't subscribe to the events of users/%s.", id)
	case customer, ofUser, target == allSpaces:
		return nil
	}
	space := strings.TrimPrefix(target, spaceTarget(""))
	s := a.w.state.spaces[space]
	switch {
	case s == nil || s.deleted:
		return notFound("The target resource %s was not found.", target)
	case !s.isJoined(a.w.caller()) && user == "":
		return denied("The Chat app is not a member of %s.", space)
	case !s.isJoined(a.w.caller()):
		return denied("The authenticated user is not a member of %s.", space)
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
