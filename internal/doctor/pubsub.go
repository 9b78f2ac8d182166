package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/provision"
)

// place is one of the four resources in Pub/Sub.
type place string

const (
	topic            place = "topic"
	worker           place = "subscription"
	deadTopic        place = "dead-letter topic"
	deadSubscription place = "dead-letter subscription"
)

// aspect is what one check looks at: fields of a resource.
type aspect struct {
	code   string
	name   string
	where  place
	needs  string   // codes, first of all that the resource is there; "" for that itself
	fields []string // as provision names them
}

const (
	existence     = "existence"
	publisherRole = "roles/pubsub.publisher"
)

// aspects divide up everything that provision compares.
func aspects() []aspect {
	return []aspect{
		{"SK502", "the topic is there", topic, "", []string{existence}},
		{"SK503", "Google Chat may publish to the topic", topic, "SK502", []string{publisherRole}},
		{"SK504", "nobody else may publish to the topic", topic, "SK502", []string{publisherRole}},
		{"SK505", "the topic takes messages from every region", topic, "SK502", []string{"message_storage_policy.allowed_persistence_regions"}},
		{"SK506", "the topic takes events as they are", topic, "SK502", []string{"schema_settings.schema", "message_transforms"}},
		{"SK507", "the subscription is there", worker, "", []string{existence}},
		{"SK508", "the subscription gets the topic's messages", worker, "SK507 SK502", []string{"topic", "detached"}},
		{"SK509", "the worker pulls from the subscription", worker, "SK507", []string{"delivery"}},
		{"SK510", "the subscription leaves nothing out", worker, "SK507", []string{"filter", "message_transforms"}},
		{"SK511", "the subscription never expires", worker, "SK507", []string{"expiration_policy.ttl"}},
		{"SK512", "the subscription keeps messages for 31 days", worker, "SK507", []string{"message_retention_duration"}},
		{"SK513", "messages come again after a pause", worker, "SK507", []string{"retry_policy.minimum_backoff", "retry_policy.maximum_backoff"}},
		{"SK514", "the acknowledgement deadline is right", worker, "SK507", []string{"ack_deadline_seconds"}},
		{"SK515", "the subscription doesn't order messages", worker, "SK507", []string{"enable_message_ordering"}},
		{"SK516", "exactly-once delivery is off", worker, "SK507", []string{"enable_exactly_once_delivery"}},
		{"SK517", "what can't be delivered becomes a dead letter", worker, "SK507", []string{"dead_letter_policy.dead_letter_topic", "dead_letter_policy.max_delivery_attempts"}},
		{"SK518", "the dead-letter topic is there", deadTopic, "", []string{existence}},
		{"SK519", "a subscription keeps dead letters", deadSubscription, "SK518", nil}, // everything about it
		{"SK520", "Pub/Sub may publish dead letters", deadTopic, "SK518", []string{publisherRole}},
		{"SK521", "Pub/Sub may take dead letters from the subscription", worker, "SK507", []string{"roles/pubsub.subscriber"}},
	}
}

// firstDeadLetter begins the aspects that are a group of their own.
const firstDeadLetter = "SK517"

func pubsubChecks() []check {
	list := []check{{
		code: "SK501", group: groupPubSub, name: "the settings can be read", needs: []string{"SK203", "SK301"}, run: settingsReadable,
	}}
	for _, a := range aspects() {
		group := groupPubSub
		if a.code >= firstDeadLetter {
			group = groupDeadLetters
		}
		list = append(list, check{
			code: a.code, group: group, name: a.name, needs: append(strings.Fields(a.needs), "SK501"), run: a.run,
		})
	}
	return list
}

func settingsReadable(_ context.Context, e *examination) finding {
	if e.cfg.PubSub.Subscription == "" { // apply doesn't need it, the worker does
		return failed("pubsub.subscription isn't set", "set it to the Pub/Sub subscription that the worker pulls from, or pubsub.manage to have apply make one")
	}
	d, err := e.drifts()
	if err != nil {
		return failed(firstOf(err), "run doctor again; the error names what is in the way")
	}
	if len(d.unread) > 0 {
		var seen, fix []string
		for _, denied := range d.unread {
			seen, fix = append(seen, denied.Permission+" is missing"), append(fix, denied.Grant)
		}
		return warning(some(slices.Compact(seen)), slices.Compact(fix)...)
	}
	if d.noPolicies {
		return fine("but for the policies: %v", provision.ErrNoPolicies)
	}
	return fine("topic %s, subscription %s", short(e.cfg.TopicName()), short(e.cfg.SubscriptionName()))
}

// firstOf is the first of joined errors, which are mostly the same for each
// resource.
func firstOf(err error) string {
	first, more, _ := strings.Cut(err.Error(), "\n")
	if more != "" {
		first += fmt.Sprintf("; and %d more", strings.Count(more, "\n")+1)
	}
	return first
}

func (a aspect) run(_ context.Context, e *examination) finding {
	d, err := e.drifts()
	if err != nil {
		return skipped("%s", firstOf(err))
	}
	resource := e.nameOf(a.where)
	permission := "get"
	if slices.ContainsFunc(a.fields, func(f string) bool { return strings.HasPrefix(f, "roles/") }) {
		permission = "getIamPolicy"
		if d.noPolicies {
			return skipped("%v", provision.ErrNoPolicies)
		}
	}
	for _, denied := range d.unread {
		if denied.Resource == resource && strings.HasSuffix(denied.Permission, "."+permission) {
			return skipped("%s is missing; see SK501", denied.Permission)
		}
	}
	f := finding{outcome: OK}
	var seen []string
	for _, drift := range d.found {
		if drift.Resource != resource || !a.covers(drift) {
			continue
		}
		f.outcome = worse(f.outcome, drift)
		seen = append(seen, describe(drift))
		f.fix = appendNew(f.fix, drift.Fix)
		f.subjects = []string{resource}
	}
	f.seen = strings.Join(seen, "; ")
	return f
}

func describe(d provision.Drift) string {
	switch {
	case !strings.HasPrefix(d.Field, "roles/"):
		return fmt.Sprintf("%s: %s, not %s: %s", d.Field, d.Got, d.Want, d.Why)
	case d.Got == "not granted":
		return fmt.Sprintf("%s lacks %s: %s", strings.TrimPrefix(d.Want, "serviceAccount:"), d.Field, d.Why)
	}
	return fmt.Sprintf("%s has %s: %s", d.Got, d.Field, d.Why)
}

// covers tells the two aspects of the right to publish apart, too.
func (a aspect) covers(d provision.Drift) bool {
	switch {
	case a.fields == nil:
		return true
	case a.code == "SK503":
		return d.Field == publisherRole && d.Want == provision.Chat
	case a.code == "SK504":
		return d.Field == publisherRole && d.Want != provision.Chat
	}
	return slices.Contains(a.fields, d.Field)
}

func worse(o Outcome, d provision.Drift) Outcome {
	if d.Grave || o == Failed {
		return Failed
	}
	return Warning
}

func (e *examination) nameOf(p place) string {
	switch p {
	case topic:
		return e.cfg.TopicName()
	case worker:
		return e.cfg.SubscriptionName()
	case deadTopic:
		return e.cfg.DeadLetterTopicName()
	}
	return strings.Replace(e.cfg.DeadLetterTopicName(), "/topics/", "/subscriptions/", 1)
}

func short(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// compare asks Pub/Sub for everything at once. What the caller may not read
// is no error: the rest is judged all the same.
func (e *examination) compare(ctx context.Context) (drifts, error) {
	opts, err := provision.OptionsAs(e.cfg)
	if err != nil {
		return drifts{}, err
	}
	p, err := provision.New(ctx, opts)
	if err != nil {
		return drifts{}, err
	}
	defer p.Close() //nolint:errcheck // it only read
	defer (&http.Client{Transport: opts.ResourceManager}).CloseIdleConnections()
	var d drifts
	d.found, err = p.Check(ctx)
	var others []error
	for _, err := range flatten(err) {
		var denied *provision.PermissionError
		switch {
		case errors.As(err, &denied):
			d.unread = append(d.unread, denied)
		case errors.Is(err, provision.ErrNoPolicies):
			d.noPolicies = true
		default:
			others = append(others, err)
		}
	}
	return d, errors.Join(others...)
}

const cloudScope = "https://www.googleapis.com/auth/cloud-platform.read-only"

// flatten takes joined errors apart.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}
