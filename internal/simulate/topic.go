package simulate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// ChatPublisher is the member as which Chat publishes events.
const ChatPublisher = "serviceAccount:chat-api-push@system.gserviceaccount.com"

// CreateTopic creates, in the Workspace's project, what somebody makes with
// gcloud before anything else: a topic that Chat may publish to, a subscription
// to it, and a dead-letter topic with one of its own. It answers with the full
// names of the first two.
func (w *Workspace) CreateTopic(ctx context.Context, topicID, subscriptionID string) (topic, subscription string, err error) {
	if w.servers.broker == nil {
		return "", "", errors.New("create topic: the Workspace has no Pub/Sub server of its own")
	}
	client, err := pubsub.NewClient(ctx, w.project, w.servers.broker.ClientOptions()...)
	if err != nil {
		return "", "", fmt.Errorf("create topic %q: %w", topicID, err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	inProject := "projects/" + w.project
	topic, subscription = inProject+"/topics/"+topicID, inProject+"/subscriptions/"+subscriptionID
	dead := topicID + "-dead-letter"
	for _, name := range []string{inProject + "/topics/" + dead, topic} {
		if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: name}); err != nil {
			return "", "", fmt.Errorf("create topic %q: %w", name, err)
		}
	}
	month := durationpb.New(31 * 24 * time.Hour)
	for _, s := range []*pubsubpb.Subscription{
		{
			Name: inProject + "/subscriptions/" + dead, Topic: inProject + "/topics/" + dead,
			MessageRetentionDuration: month, ExpirationPolicy: &pubsubpb.ExpirationPolicy{}, // never
		},
		{
			Name: subscription, Topic: topic, AckDeadlineSeconds: 60,
			MessageRetentionDuration: month, ExpirationPolicy: &pubsubpb.ExpirationPolicy{}, // never
			RetryPolicy: &pubsubpb.RetryPolicy{
				MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(600 * time.Second),
			},
			DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: inProject + "/topics/" + dead, MaxDeliveryAttempts: 100},
		},
	} {
		if _, err := client.SubscriptionAdminClient.CreateSubscription(ctx, s); err != nil {
			return "", "", fmt.Errorf("create subscription %q: %w", s.Name, err)
		}
	}
	agent := broker.ServiceAgent(w.project)
	if err := errors.Join(
		w.servers.broker.Grant(inProject+"/topics/"+dead, broker.PublisherRole, agent),
		w.servers.broker.Grant(subscription, broker.SubscriberRole, agent),
		w.servers.broker.Grant(topic, broker.PublisherRole, ChatPublisher),
	); err != nil {
		return "", "", fmt.Errorf("let Chat publish to topic %q: %w", topicID, err)
	}
	return topic, subscription, nil
}
