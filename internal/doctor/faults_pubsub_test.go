package doctor

import (
	"context"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// setTopic changes settings of the topic in place.
func setTopic(change *pubsubpb.Topic, paths ...string) func(*testing.T, *env) {
	return func(t *testing.T, w *env) {
		change.Name = w.cfg.TopicName()
		_, err := w.pubsub.TopicAdminClient.UpdateTopic(t.Context(), &pubsubpb.UpdateTopicRequest{Topic: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
		try(t, err)
	}
}

// set changes settings of the worker's subscription in place.
func set(change *pubsubpb.Subscription, paths ...string) func(*testing.T, *env) {
	return func(t *testing.T, w *env) {
		change.Name = w.cfg.SubscriptionName()
		w.update(t, change, paths...)
	}
}

func (w *env) update(t *testing.T, change *pubsubpb.Subscription, paths ...string) {
	t.Helper()
	_, err := w.pubsub.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pubsubpb.UpdateSubscriptionRequest{Subscription: change, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
	try(t, err)
}

// drift is what provision says of something that the simulated Pub/Sub
// doesn't have.
func drift(d provision.Drift) func(*testing.T, *env) {
	return func(_ *testing.T, w *env) {
		w.tamper = func(e *examination) {
			real := e.drifts
			e.drifts = func() (drifts, error) {
				found, err := real()
				found.found = append(slices.Clone(found.found), d)
				return found, err
			}
		}
	}
}

// remake makes the worker's subscription anew, with settings that can't be
// changed.
func remake(change func(*testing.T, *env, *pubsubpb.Subscription)) func(*testing.T, *env) {
	return func(t *testing.T, w *env) {
		name := w.cfg.SubscriptionName()
		s, err := w.pubsub.SubscriptionAdminClient.GetSubscription(t.Context(), &pubsubpb.GetSubscriptionRequest{Subscription: name})
		try(t, err)
		w.drop(t, name)
		change(t, w, s)
		_, err = w.pubsub.SubscriptionAdminClient.CreateSubscription(t.Context(), s)
		try(t, err)
		try(t, w.Broker().Grant(name, broker.SubscriberRole, broker.ServiceAgent(w.Project())))
	}
}

func (w *env) drop(t *testing.T, subscription string) {
	t.Helper()
	try(t, w.pubsub.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: subscription}))
}

func topicFaults() []fault {
	return []fault{
		{name: "Pub/Sub away", code: "SK501", inject: func(_ *testing.T, w *env) {
			w.Broker().OnCall(func(context.Context, broker.Call) error { return status.Error(codes.FailedPrecondition, "not now") })
		}, seen: "not now; and 6 more", fix: "run doctor again"},
		{name: "settings may not be read", code: "SK501", want: Warning, inject: func(_ *testing.T, w *env) {
			w.Broker().Deny("pubsub.topics.getIamPolicy", "pubsub.subscriptions.getIamPolicy")
		}, seen: "pubsub.topics.getIamPolicy is missing", fix: "gcloud projects add-iam-policy-binding acme-chat"},
		{name: "Pub/Sub can't be reached", code: "SK501", inject: func(_ *testing.T, w *env) {
			w.Broker().OnCall(func(context.Context, broker.Call) error {
				return status.Error(codes.Unavailable, "dial tcp: no such host")
			})
		}, seen: "no such host", fix: "run doctor again"},
		{name: "no topic", code: "SK502", inject: func(t *testing.T, w *env) {
			try(t, w.pubsub.TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: w.cfg.TopicName()}))
		}, seen: "missing", fix: "gcloud pubsub topics create"},
		{name: "Chat may not publish", code: "SK503", inject: func(t *testing.T, w *env) {
			try(t, w.Broker().Revoke(w.cfg.TopicName(), broker.PublisherRole, provision.Chat))
		}, seen: "ENDPOINT_PERMISSION_DENIED", fix: "--member=serviceAccount:chat-api-push@system.gserviceaccount.com --role=roles/pubsub.publisher"},
		{name: "somebody else may publish", code: "SK504", want: Warning, inject: func(t *testing.T, w *env) {
			try(t, w.Broker().Grant(w.cfg.TopicName(), broker.PublisherRole, "user:eve@example.com"))
		}, seen: "user:eve@example.com", fix: "remove-iam-policy-binding"},
		{name: "storage policy", code: "SK505", want: Warning, inject: setTopic(&pubsubpb.Topic{
			MessageStoragePolicy: &pubsubpb.MessageStoragePolicy{AllowedPersistenceRegions: []string{"europe-west3"}},
		}, "message_storage_policy"), seen: "europe-west3", fix: "--recompute-message-storage-policy"},
		{name: "topic with a schema", code: "SK506", inject: drift(provision.Drift{
			Resource: "projects/acme-chat/topics/chat-events", Field: "schema_settings.schema", Got: "projects/acme-chat/schemas/s", Want: "none", Grave: true,
			Fix: "gcloud pubsub topics update --clear-schema-settings",
		}), seen: "schemas/s, not none", fix: "--clear-schema-settings"},
	}
}

func subscriptionFaults() []fault {
	return []fault{
		{name: "no subscription", code: "SK507", inject: func(t *testing.T, w *env) { w.drop(t, w.cfg.SubscriptionName()) },
			seen: "missing", fix: "gcloud pubsub subscriptions create"},
		{name: "subscription of another topic", code: "SK508", inject: remake(func(t *testing.T, w *env, s *pubsubpb.Subscription) {
			s.Topic = "projects/acme-chat/topics/other-topic"
			_, err := w.pubsub.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: s.Topic})
			try(t, err)
		}), seen: "other-topic", fix: "gcloud pubsub subscriptions create"},
		{name: "push subscription", code: "SK509", inject: drift(provision.Drift{
			Resource: "projects/acme-chat/subscriptions/chat-events-worker", Field: "delivery", Got: "push", Want: "pull", Grave: true,
			Fix: "gcloud pubsub subscriptions modify-push-config",
		}), seen: "push, not pull", fix: "modify-push-config"},
		{name: "filter", code: "SK510", inject: remake(func(_ *testing.T, _ *env, s *pubsubpb.Subscription) {
			s.Filter = `attributes:"ce-type"`
		}), seen: "filter", fix: "gcloud pubsub subscriptions create"},
		{name: "expiring subscription", code: "SK511", want: Warning, inject: set(&pubsubpb.Subscription{
			ExpirationPolicy: &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(31 * 24 * time.Hour)},
		}, "expiration_policy"), seen: "31d, not never", fix: "--expiration-period=never"},
		{name: "short retention", code: "SK512", want: Warning, inject: set(&pubsubpb.Subscription{
			MessageRetentionDuration: durationpb.New(7 * 24 * time.Hour),
		}, "message_retention_duration"), seen: "7d, not 31d", fix: "--message-retention-duration=31d"},
		{name: "no retry policy", code: "SK513", want: Warning, inject: set(&pubsubpb.Subscription{}, "retry_policy"),
			seen: "none, not 10s", fix: "--min-retry-delay=10s"},
		{name: "short ack deadline", code: "SK514", want: Warning, inject: set(&pubsubpb.Subscription{AckDeadlineSeconds: 10}, "ack_deadline_seconds"),
			seen: "10, not 60", fix: "--ack-deadline=60"},
		{name: "ordering", code: "SK515", want: Warning, inject: remake(func(_ *testing.T, _ *env, s *pubsubpb.Subscription) {
			s.EnableMessageOrdering = true
		}), seen: "true, not false", fix: "gcloud pubsub subscriptions create"},
		{name: "exactly-once delivery", code: "SK516", want: Warning, inject: drift(provision.Drift{
			Resource: "projects/acme-chat/subscriptions/chat-events-worker", Field: "enable_exactly_once_delivery", Got: "true", Want: "false",
			Fix: "--no-enable-exactly-once-delivery",
		}), seen: "true, not false", fix: "exactly-once"},
	}
}

func deadLetterFaults() []fault {
	return []fault{
		{name: "no dead-letter policy", code: "SK517", want: Warning, inject: set(&pubsubpb.Subscription{}, "dead_letter_policy"),
			seen: "dead_letter_topic", fix: "--dead-letter-topic="},
		{name: "no dead-letter topic", code: "SK518", inject: func(t *testing.T, w *env) {
			try(t, w.pubsub.TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: w.cfg.DeadLetterTopicName()}))
		}, seen: "missing", fix: "gcloud pubsub topics create"},
		{name: "nobody keeps dead letters", code: "SK519", inject: func(t *testing.T, w *env) {
			w.drop(t, "projects/acme-chat/subscriptions/chat-events-dead-letter")
		}, seen: "missing", fix: "gcloud pubsub subscriptions create"},
		{name: "dead letters expire", code: "SK519", want: Warning, inject: func(t *testing.T, w *env) {
			w.update(t, &pubsubpb.Subscription{
				Name: "projects/acme-chat/subscriptions/chat-events-dead-letter", MessageRetentionDuration: durationpb.New(24 * time.Hour),
			}, "message_retention_duration")
		}, seen: "1d, not 31d", fix: "--message-retention-duration=31d"},
		{name: "Pub/Sub may not publish dead letters", code: "SK520", want: Warning, inject: func(t *testing.T, w *env) {
			try(t, w.Broker().Revoke(w.cfg.DeadLetterTopicName(), broker.PublisherRole, broker.ServiceAgent(w.Project())))
		}, seen: "gcp-sa-pubsub", fix: "gcloud pubsub topics add-iam-policy-binding"},
		{name: "another project's Pub/Sub may take dead letters", code: "SK521", want: Warning, inject: func(t *testing.T, w *env) {
			name := w.cfg.SubscriptionName()
			try(t, w.Broker().Revoke(name, broker.SubscriberRole, broker.ServiceAgent(w.Project())))
			_, err := w.pubsub.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/other-project/topics/any"})
			try(t, err)
			try(t, w.Broker().Grant(name, broker.SubscriberRole, broker.ServiceAgent("other-project")))
		}, seen: "lacks roles/pubsub.subscriber", fix: broker.ServiceAgent("acme-chat")},
		{name: "Pub/Sub may not take dead letters", code: "SK521", want: Warning, inject: func(t *testing.T, w *env) {
			try(t, w.Broker().Revoke(w.cfg.SubscriptionName(), broker.SubscriberRole, broker.ServiceAgent(w.Project())))
		}, seen: "gcp-sa-pubsub", fix: "gcloud pubsub subscriptions add-iam-policy-binding"},
	}
}
