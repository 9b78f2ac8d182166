package provision

import (
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Commands are the gcloud commands that make the facts in an empty project.
func (f Facts) Commands() []string {
	var list []string
	for _, t := range f.Topics {
		list = append(list, createTopic(t))
	}
	for _, s := range f.Subscriptions {
		list = append(list, createSubscription(s, s.Name))
	}
	for _, b := range f.Bindings {
		list = append(list, b.command("add"))
	}
	return list
}

func createTopic(t *pubsubpb.Topic) string {
	return gcloud(t.Name, "create", t.Name)
}

// createSubscription is the command for a subscription like s.
func createSubscription(s *pubsubpb.Subscription, name string) string {
	var flags []string
	for _, f := range subscriptionFields() {
		if f.flag == "" {
			continue
		}
		switch value := f.show(s); value {
		case "", none, "false": // gcloud's defaults
		default:
			flags = append(flags, f.flag+"="+near(value, name))
		}
	}
	return gcloud(name, "create", name, flags...)
}

// updateSubscription is the command that gives a subscription what want has in
// f. The settings of one policy go together: gcloud replaces it whole.
func updateSubscription(want *pubsubpb.Subscription, f field[*pubsubpb.Subscription]) string {
	var flags []string
	for _, other := range subscriptionFields() {
		if other.mask() != f.mask() {
			continue
		}
		switch value := other.show(want); value {
		case "false":
			flags = append(flags, "--no-"+strings.TrimPrefix(other.flag, "--"))
		default:
			flags = append(flags, other.flag+"="+near(value, want.Name))
		}
	}
	return gcloud(want.Name, "update", want.Name, flags...)
}

func (b Binding) command(verb string) string {
	return gcloud(b.Resource, verb+"-iam-policy-binding", b.Resource, "--member="+b.Member, "--role="+b.Role)
}

func gcloud(resource, verb, name string, flags ...string) string {
	words := append([]string{"gcloud", "pubsub", kind(resource) + "s", verb, id(name), "--project=" + project(resource)}, flags...)
	return strings.Join(words, " ")
}

// near shortens the full name of a topic that is in the same project as the
// resource it is for.
func near(value, resource string) string {
	return strings.TrimPrefix(value, "projects/"+project(resource)+"/topics/")
}
