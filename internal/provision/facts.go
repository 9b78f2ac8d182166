package provision

import (
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Settings of the subscription. Their reasons are in terraform/subscription.tf.
const (
	Retention           = 31 * 24 * time.Hour // Pub/Sub's maximum
	AckDeadline         = 60 * time.Second
	MinRetryDelay       = 10 * time.Second
	MaxRetryDelay       = 600 * time.Second
	MaxDeliveryAttempts = 100 // Pub/Sub's maximum
)

const (
	// Chat publishes the events of every Google Chat space.
	Chat = "serviceAccount:chat-api-push@system.gserviceaccount.com"

	publisherRole  = "roles/pubsub.publisher"
	subscriberRole = "roles/pubsub.subscriber"
	viewerRole     = "roles/pubsub.viewer"
)

// Facts are the resources that must exist, in the order in which they must be
// made: a message is lost if its topic has no subscription yet.
type Facts struct {
	Topics        []*pubsubpb.Topic
	Subscriptions []*pubsubpb.Subscription
	Bindings      []Binding
}

// Binding is a role that a member holds on a topic or subscription.
type Binding struct {
	Resource string // full name
	Role     string // "roles/pubsub.publisher"
	Member   string // "serviceAccount:…"
	why      string // what happens without it
	grave    bool
}

// Facts returns the resources that must exist. number is that of the
// subscription's project; worker is the member that pulls, "" to leave its roles
// to others. Unset fields may have any value, but for a filter, ordering and
// exactly-once delivery, which must be off.
func (n Names) Facts(number, worker string) Facts {
	agent := serviceAgent(number)
	f := Facts{
		Topics: []*pubsubpb.Topic{{Name: n.DeadLetterTopic}, {Name: n.Topic}},
		Subscriptions: []*pubsubpb.Subscription{
			{
				Name:                     n.DeadLetterSubscription,
				Topic:                    n.DeadLetterTopic,
				MessageRetentionDuration: durationpb.New(Retention),
				ExpirationPolicy:         &pubsubpb.ExpirationPolicy{}, // never
			},
			{
				Name:                     n.Subscription,
				Topic:                    n.Topic,
				AckDeadlineSeconds:       int32(AckDeadline / time.Second),
				MessageRetentionDuration: durationpb.New(Retention),
				ExpirationPolicy:         &pubsubpb.ExpirationPolicy{}, // never
				RetryPolicy: &pubsubpb.RetryPolicy{
					MinimumBackoff: durationpb.New(MinRetryDelay),
					MaximumBackoff: durationpb.New(MaxRetryDelay),
				},
				DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{
					DeadLetterTopic:     n.DeadLetterTopic,
					MaxDeliveryAttempts: MaxDeliveryAttempts,
				},
			},
		},
		Bindings: []Binding{
			{n.DeadLetterTopic, publisherRole, agent, "Pub/Sub can't move a message there: it is delivered again and again", false},
			{n.Subscription, subscriberRole, agent, "Pub/Sub can't take a message to the dead-letter topic: it is delivered again and again", false},
		},
	}
	if worker != "" {
		f.Bindings = append(f.Bindings,
			Binding{n.Subscription, subscriberRole, worker, "the worker can't pull", true},
			Binding{n.Subscription, viewerRole, worker, "the worker can't see whether the subscription's settings are right", false})
	}
	f.Bindings = append(f.Bindings, Binding{n.Topic, publisherRole, Chat,
		"Google Chat can't publish: it suspends its subscriptions with ENDPOINT_PERMISSION_DENIED", true})
	return f
}

// serviceAgent is the account by which Pub/Sub itself acts for a project.
func serviceAgent(number string) string {
	return "serviceAccount:service-" + number + "@gcp-sa-pubsub.iam.gserviceaccount.com"
}
