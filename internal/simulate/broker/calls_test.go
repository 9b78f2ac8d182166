package broker_test

import (
	"context"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func (f *fixture) updateTopic(t *testing.T, topic *pubsubpb.Topic, paths ...string) {
	t.Helper()
	topic.Name = topicName
	if _, err := f.client.TopicAdminClient.UpdateTopic(t.Context(), &pubsubpb.UpdateTopicRequest{Topic: topic, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}}); err != nil {
		t.Fatal(err)
	}
}

// Each permission is the one, and the only one, that its call needs.
func TestDeniedPermissions(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	topics, subs := f.client.TopicAdminClient, f.client.SubscriptionAdminClient
	ctx := t.Context()
	calls := map[string]func() error{
		"pubsub.topics.get": func() error {
			_, err := topics.GetTopic(ctx, &pubsubpb.GetTopicRequest{Topic: topicName})
			return err
		},
		"pubsub.topics.create": func() error {
			_, err := topics.CreateTopic(ctx, &pubsubpb.Topic{Name: "projects/p/topics/more"})
			return err
		},
		"pubsub.topics.update": func() error {
			_, err := topics.UpdateTopic(ctx, &pubsubpb.UpdateTopicRequest{Topic: &pubsubpb.Topic{Name: topicName}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
			return err
		},
		"pubsub.topics.list": func() error {
			_, err := topics.ListTopics(ctx, &pubsubpb.ListTopicsRequest{Project: "projects/p"}).Next()
			return err
		},
		"pubsub.topics.getIamPolicy": func() error {
			_, err := topics.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: topicName})
			return err
		},
		"pubsub.topics.setIamPolicy": func() error {
			_, err := topics.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: topicName, Policy: &iampb.Policy{}})
			return err
		},
		"pubsub.topics.attachSubscription": func() error {
			_, err := subs.CreateSubscription(ctx, &pubsubpb.Subscription{Name: "projects/p/subscriptions/more", Topic: topicName})
			return err
		},
		"pubsub.subscriptions.create": func() error {
			_, err := subs.CreateSubscription(ctx, &pubsubpb.Subscription{Name: "projects/p/subscriptions/most", Topic: topicName})
			return err
		},
		"pubsub.subscriptions.get": func() error {
			_, err := subs.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: subName})
			return err
		},
		"pubsub.subscriptions.update": func() error {
			_, err := subs.UpdateSubscription(ctx, &pubsubpb.UpdateSubscriptionRequest{Subscription: &pubsubpb.Subscription{Name: subName}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
			return err
		},
		"pubsub.subscriptions.getIamPolicy": func() error {
			_, err := subs.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: subName})
			return err
		},
		"pubsub.subscriptions.setIamPolicy": func() error {
			_, err := subs.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: subName, Policy: &iampb.Policy{}})
			return err
		},
		"pubsub.subscriptions.consume": func() error {
			return subs.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{Subscription: subName, AckIds: []string{"0000000000000000"}})
		},
	}
	for permission, call := range calls {
		f.Deny(permission)
		if err := call(); status.Code(err) != codes.PermissionDenied {
			t.Errorf("without %s: got %v", permission, err)
		}
		f.Permit(permission)
		if err := call(); err != nil {
			t.Errorf("with all but not %s: %v", permission, err)
		}
	}
	f.Deny("pubsub.topics.update")
	got, err := topics.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: topicName, Permissions: []string{"pubsub.topics.get", "pubsub.topics.update"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"pubsub.topics.get"}, got.Permissions); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}

func TestCallsAreIntercepted(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	var calls []broker.Call
	f.OnCall(func(_ context.Context, c broker.Call) error {
		calls = append(calls, c)
		if c.Resource == "projects/p/topics/before" && !c.Done || c.Resource == "projects/p/topics/after" && c.Done {
			return status.Error(codes.Internal, "by order")
		}
		return nil
	})
	for _, name := range []string{"before", "after"} {
		if _, err := f.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/p/topics/" + name}); status.Code(err) != codes.Internal {
			t.Errorf("%s: got %v", name, err)
		}
	}
	f.OnCall(nil)
	if f.TopicExists("projects/p/topics/before") || !f.TopicExists("projects/p/topics/after") {
		t.Error("an error before the call must have no effect, one after it must not undo it")
	}
	want := []broker.Call{
		{Method: "CreateTopic", Resource: "projects/p/topics/before"},
		{Method: "CreateTopic", Resource: "projects/p/topics/after"},
		{Method: "CreateTopic", Resource: "projects/p/topics/after", Done: true},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestExpirationPolicy(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	create := func(id string, policy *pubsubpb.ExpirationPolicy) (*pubsubpb.Subscription, error) {
		return f.client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: "projects/p/subscriptions/" + id, Topic: topicName, ExpirationPolicy: policy})
	}
	if got, err := create("unset", nil); err != nil || got.ExpirationPolicy.GetTtl().AsDuration() != 31*24*time.Hour {
		t.Errorf("by default: got %v, %v", got, err)
	}
	if got, err := create("never", &pubsubpb.ExpirationPolicy{}); err != nil || got.ExpirationPolicy == nil || got.ExpirationPolicy.Ttl != nil {
		t.Errorf("never: got %v, %v", got, err)
	}
	if _, err := create("soon", &pubsubpb.ExpirationPolicy{Ttl: durationpb.New(time.Hour)}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an hour: got %v", err)
	}
}
