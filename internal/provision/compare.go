package provision

import (
	"cmp"
	"fmt"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// missing is the drift of a resource that does not exist.
func missing(name, command, why string) Drift {
	return Drift{Resource: name, Field: existence, Got: "missing", Want: "there", Why: why, Fix: command, Mend: InPlace, Grave: true}
}

func compareTopic(live, want *pubsubpb.Topic) []Drift {
	return compare(topicFields(), live, want, want.Name, func(f field[*pubsubpb.Topic]) string {
		flag := map[string]string{
			"message_storage_policy.allowed_persistence_regions": "--recompute-message-storage-policy",
			"schema_settings.schema":                             "--clear-schema-settings",
			"message_transforms":                                 "--clear-message-transforms",
		}[f.path]
		return gcloud(want.Name, "update", want.Name, flag)
	})
}

func compareSubscription(live, want *pubsubpb.Subscription) []Drift {
	return compare(subscriptionFields(), live, want, want.Name, func(f field[*pubsubpb.Subscription]) string {
		switch {
		case f.mend == Recreate:
			return replaceSubscription(want)
		case f.path == "delivery" && live.GetPushConfig().GetPushEndpoint() != "":
			return gcloud(want.Name, "modify-push-config", want.Name, "--push-endpoint=")
		case f.path == "delivery":
			return replaceSubscription(want)
		case f.path == "message_transforms":
			return gcloud(want.Name, "update", want.Name, "--clear-message-transforms")
		}
		return updateSubscription(want, f)
	})
}

// replaceSubscription is the command that makes another subscription. The first
// stays, as it may hold messages that nobody has read. That of the dead-letter
// topic can have no other name.
func replaceSubscription(want *pubsubpb.Subscription) string {
	if want.DeadLetterPolicy == nil {
		return createSubscription(want, want.Name) + "  # once you have looked at what the old one holds, and deleted it"
	}
	return fmt.Sprintf("%s  # then let the worker empty %s, and name the new one in the configuration", createSubscription(want, want.Name+"-2"), id(want.Name))
}

// compare compares all fields that want sets.
func compare[T any](fields []field[T], live, want T, name string, fix func(field[T]) string) []Drift {
	var drifts []Drift
	for _, f := range fields {
		got, wanted := f.show(live), f.show(want)
		if wanted == "" || got == wanted {
			continue
		}
		drifts = append(drifts, Drift{
			Resource: name, Field: f.path, Got: cmp.Or(got, none), Want: wanted,
			Why: f.why, Fix: fix(f), Mend: f.mend, Grave: f.grave,
		})
	}
	return drifts
}

// servesOthers reports whether the subscription serves somebody else, so that we
// must not change it.
func servesOthers(drifts []Drift) bool {
	for _, d := range drifts {
		for _, f := range subscriptionFields() {
			if f.own && f.path == d.Field {
				return true
			}
		}
	}
	return false
}
