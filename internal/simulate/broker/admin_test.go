package broker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestCreateSubscriptionChecksItsSettings(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	valid := func() *pubsubpb.Subscription {
		return &pubsubpb.Subscription{Name: "projects/p/subscriptions/other", Topic: topicName}
	}
	tests := []struct {
		name   string
		change func(*pubsubpb.Subscription)
		want   codes.Code
	}{
		{"exists", func(s *pubsubpb.Subscription) { s.Name = subName }, codes.AlreadyExists},
		{"short name", func(s *pubsubpb.Subscription) { s.Name = "projects/p/subscriptions/ab" }, codes.InvalidArgument},
		{"reserved name", func(s *pubsubpb.Subscription) { s.Name = "projects/p/subscriptions/google" }, codes.InvalidArgument},
		{"wrong collection", func(s *pubsubpb.Subscription) { s.Name = "projects/p/topics/other" }, codes.InvalidArgument},
		{"unknown topic", func(s *pubsubpb.Subscription) { s.Topic = "projects/p/topics/nowhere" }, codes.NotFound},
		{"ack deadline", func(s *pubsubpb.Subscription) { s.AckDeadlineSeconds = 9 }, codes.InvalidArgument},
		{"long ack deadline", func(s *pubsubpb.Subscription) { s.AckDeadlineSeconds = 601 }, codes.InvalidArgument},
		{"retention", func(s *pubsubpb.Subscription) { s.MessageRetentionDuration = durationpb.New(32 * 24 * time.Hour) }, codes.InvalidArgument},
		{"filter", func(s *pubsubpb.Subscription) { s.Filter = "attributes.x" }, codes.InvalidArgument},
		{"long filter", func(s *pubsubpb.Subscription) { s.Filter = "attributes:" + strings.Repeat("x", 256) }, codes.InvalidArgument},
		{"attempts", func(s *pubsubpb.Subscription) {
			s.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: topicName, MaxDeliveryAttempts: 4}
		}, codes.InvalidArgument},
		{"no dead-letter topic", func(s *pubsubpb.Subscription) {
			s.DeadLetterPolicy = &pubsubpb.DeadLetterPolicy{DeadLetterTopic: "projects/p/topics/nowhere"}
		}, codes.NotFound},
		{"backoff", func(s *pubsubpb.Subscription) {
			s.RetryPolicy = &pubsubpb.RetryPolicy{MinimumBackoff: durationpb.New(601 * time.Second)}
		}, codes.InvalidArgument},
		{"exactly once", func(s *pubsubpb.Subscription) { s.EnableExactlyOnceDelivery = true }, codes.Unimplemented},
		{"valid", func(*pubsubpb.Subscription) {}, codes.OK},
	}
	for _, tt := range tests {
		s := valid()
		tt.change(s)
		if _, err := f.client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); status.Code(err) != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestUpdateSubscriptionFollowsItsMask(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, &pubsubpb.Subscription{Labels: map[string]string{"a": "b"}})
	update := func(s *pubsubpb.Subscription, paths ...string) (*pubsubpb.Subscription, error) {
		s.Name = subName
		return f.client.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pubsubpb.UpdateSubscriptionRequest{
			Subscription: s, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths},
		})
	}
	got, err := update(&pubsubpb.Subscription{AckDeadlineSeconds: 60, Labels: map[string]string{"c": "d"}}, "ack_deadline_seconds")
	if err != nil {
		t.Fatal(err)
	}
	if got.AckDeadlineSeconds != 60 || got.Labels["a"] != "b" || got.Topic != topicName || got.State != pubsubpb.Subscription_ACTIVE {
		t.Errorf("got %v", got)
	}
	for _, paths := range [][]string{nil, {"filter"}, {"topic"}, {"enable_message_ordering"}, {"nonsense"}} {
		if _, err := update(&pubsubpb.Subscription{}, paths...); status.Code(err) != codes.InvalidArgument {
			t.Errorf("mask %q: got %v", paths, err)
		}
	}
	if _, err := update(&pubsubpb.Subscription{AckDeadlineSeconds: 5}, "ack_deadline_seconds"); status.Code(err) != codes.InvalidArgument {
		t.Errorf("ack deadline of 5 s: got %v", err)
	}
}

func TestListsArePagedAndDeletionIsSeen(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	f.subscribe(t, &pubsubpb.Subscription{Name: "projects/p/subscriptions/another", Topic: topicName})
	names := func() (out []string) {
		it := f.client.SubscriptionAdminClient.ListSubscriptions(t.Context(), &pubsubpb.ListSubscriptionsRequest{Project: "projects/p", PageSize: 1})
		for {
			s, err := it.Next()
			if errors.Is(err, iterator.Done) {
				return out
			}
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, s.Name+" of "+s.Topic)
		}
	}
	want := []string{"projects/p/subscriptions/another of " + topicName, subName + " of " + topicName}
	if diff := cmp.Diff(want, names()); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	if err := f.client.TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: topicName}); err != nil {
		t.Fatal(err)
	}
	want = []string{"projects/p/subscriptions/another of _deleted-topic_", subName + " of _deleted-topic_"}
	if diff := cmp.Diff(want, names()); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	_, err := f.Publish(topicName, &pubsubpb.PubsubMessage{Data: []byte("a")})
	if status.Code(err) != codes.NotFound || f.TopicExists(topicName) {
		t.Errorf("publish to a deleted topic: %v", err)
	}
}

func TestPublishChecksTheLimits(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	many := map[string]string{}
	for i := range 101 {
		many[strings.Repeat("k", i+1)] = ""
	}
	for name, m := range map[string]*pubsubpb.PubsubMessage{
		"empty":        {},
		"large":        {Data: make([]byte, 10_000_001)},
		"many":         {Attributes: many},
		"long key":     {Attributes: map[string]string{strings.Repeat("k", 257): ""}},
		"long value":   {Attributes: map[string]string{"k": strings.Repeat("v", 1025)}},
		"no UTF-8":     {Attributes: map[string]string{"k": "\xff"}},
		"reserved key": {Attributes: map[string]string{"googclient": ""}},
		"ordering key": {Data: []byte("a"), OrderingKey: strings.Repeat("k", 1025)},
	} {
		if _, err := f.Publish(topicName, m); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got := f.pull(t, 10); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	message := map[string]string{"ce-type": "google.workspace.chat.message.v1.created", "empty": "", "a/b": `say "x"`}
	for filter, want := range map[string]bool{
		`hasPrefix(attributes.ce-type, "google.workspace.chat.")`:                true,
		`hasPrefix(attributes.ce-type,"google.workspace.events.")`:               false,
		`hasPrefix(attributes.missing, "")`:                                      false,
		`attributes:empty`:                                                       true,
		`attributes:missing`:                                                     false,
		`attributes.empty = ""`:                                                  true,
		`attributes."a/b" = "say \"x\""`:                                         true,
		`attributes.missing != "x"`:                                              true,
		`NOT attributes:empty`:                                                   false,
		`-attributes:missing AND attributes:empty`:                               true,
		`attributes:missing OR (attributes:empty AND attributes.ce-type != "x")`: true,
		`attributes:missing AND attributes:empty`:                                false,
	} {
		s := &pubsubpb.Subscription{Name: "projects/p/subscriptions/filtered", Topic: topicName, Filter: filter}
		f.subscribe(t, s)
		if _, err := f.Publish(topicName, &pubsubpb.PubsubMessage{Attributes: message}); err != nil {
			t.Fatal(err)
		}
		stats, err := f.Stats(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if got := stats.Published == 1; got != want || stats.Published+stats.Filtered != 1 {
			t.Errorf("%s: got %v, want %v", filter, got, want)
		}
		if err := f.client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: s.Name}); err != nil {
			t.Fatal(err)
		}
	}
	for _, filter := range []string{
		`attributes`, `attributes.`, `attributes:`, `attributes.a = b`, `attributes.a = "b`, `hasPrefix(attributes.a)`, `data = "x"`,
		`attributes:a attributes:b`, `attributes:a AND attributes:b OR attributes:c`, `(attributes:a`, `attributes:a "x"`, `NOT`, `é`,
	} {
		s := &pubsubpb.Subscription{Name: "projects/p/subscriptions/filtered", Topic: topicName, Filter: filter}
		if _, err := f.client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", filter, err)
		}
	}
}

func TestMalformedAckIDsAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	for _, ids := range [][]string{{"nonsense"}, nil, {""}} {
		err := f.client.SubscriptionAdminClient.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: subName, AckIds: ids})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: got %v", ids, err)
		}
	}
}

func TestTopicsAreAdministered(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	topics := f.client.TopicAdminClient
	if _, err := topics.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName}); status.Code(err) != codes.AlreadyExists {
		t.Errorf("created twice: got %v", err)
	}
	for name, topic := range map[string]*pubsubpb.Topic{
		"retention": {Name: "projects/p/topics/more", MessageRetentionDuration: durationpb.New(32 * 24 * time.Hour)},
		"no region": {Name: "projects/p/topics/more", MessageStoragePolicy: &pubsubpb.MessageStoragePolicy{}},
		"name":      {Name: "projects/p/topics/googol"},
	} {
		if _, err := topics.CreateTopic(t.Context(), topic); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
	_, err := topics.UpdateTopic(t.Context(), &pubsubpb.UpdateTopicRequest{Topic: &pubsubpb.Topic{Name: topicName}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"name"}}})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("renamed: got %v", err)
	}
	f.grant(t, topicName, broker.PublisherRole, chat)
	if err := topics.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: topicName}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"get": func() error {
			_, err := topics.GetTopic(t.Context(), &pubsubpb.GetTopicRequest{Topic: topicName})
			return err
		}(),
		"delete": topics.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: topicName}),
		"grant":  f.Grant(topicName, broker.PublisherRole, chat),
	} {
		if status.Code(err) != codes.NotFound {
			t.Errorf("%s: got %v, want NotFound", name, err)
		}
	}
	if _, err := topics.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName}); err != nil {
		t.Fatal(err)
	}
	if f.As(chat).MayPublish(topicName) {
		t.Error("a new topic has the policy of an old one")
	}
	// The old one's subscription gets nothing of the new one's.
	f.publish(t, "a")
	if s := f.stats(t); s.Published != 0 {
		t.Errorf("stats %+v", s)
	}
}
