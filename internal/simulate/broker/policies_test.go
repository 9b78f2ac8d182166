package broker_test

import (
	"testing"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

const chat = "serviceAccount:chat-api-push@system.gserviceaccount.com"

func (f *fixture) topicPolicy(t *testing.T, version int32) *iampb.Policy {
	t.Helper()
	p, err := f.client.TopicAdminClient.GetIamPolicy(t.Context(), &iampb.GetIamPolicyRequest{
		Resource: topicName, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: version},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f *fixture) setPolicy(t *testing.T, resource string, p *iampb.Policy) error {
	t.Helper()
	_, err := f.client.SubscriptionAdminClient.SetIamPolicy(t.Context(), &iampb.SetIamPolicyRequest{Resource: resource, Policy: p})
	return err
}

func TestPoliciesAreReplacedByEtag(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	mine := f.topicPolicy(t, 3)
	theirs := f.topicPolicy(t, 3)
	mine.Bindings = append(mine.Bindings, &iampb.Binding{Role: broker.PublisherRole, Members: []string{chat}}, &iampb.Binding{Role: "roles/pubsub.viewer"})
	if err := f.setPolicy(t, topicName, mine); err != nil {
		t.Fatal(err)
	}
	if err := f.setPolicy(t, topicName, theirs); status.Code(err) != codes.Aborted {
		t.Errorf("with an old etag: got %v, want Aborted", err)
	}
	got := f.topicPolicy(t, 0)
	want := []*iampb.Binding{{Role: broker.PublisherRole, Members: []string{chat}}} // empty bindings are dropped
	if diff := cmp.Diff(want, got.Bindings, protocmp.Transform()); diff != "" {
		t.Errorf("bindings (-want +got):\n%s", diff)
	}
	if err := f.setPolicy(t, topicName, &iampb.Policy{}); err != nil {
		t.Errorf("without an etag: %v", err)
	}
	if err := f.setPolicy(t, "projects/p/topics/nowhere", &iampb.Policy{}); status.Code(err) != codes.NotFound {
		t.Errorf("no such topic: got %v", err)
	}
}

func TestConditionsAreHiddenFromOldCallers(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	binding := &iampb.Binding{}
	if err := protojson.Unmarshal([]byte(`{"role": "roles/pubsub.publisher", "members": ["`+chat+`"], "condition": {"title": "t", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}}`), binding); err != nil {
		t.Fatal(err)
	}
	if err := f.setPolicy(t, topicName, &iampb.Policy{Bindings: []*iampb.Binding{binding}}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a condition in version 0: got %v", err)
	}
	if err := f.setPolicy(t, topicName, &iampb.Policy{Version: 3, Bindings: []*iampb.Binding{binding}}); err != nil {
		t.Fatal(err)
	}
	if got := f.topicPolicy(t, 3).Bindings[0]; got.Condition == nil || got.Role != broker.PublisherRole {
		t.Errorf("version 3: got %v", got)
	}
	old := f.topicPolicy(t, 0)
	if got := old.Bindings[0]; got.Condition != nil || got.Role == broker.PublisherRole {
		t.Errorf("version 0: got %v", got)
	}
	if err := f.setPolicy(t, topicName, old); status.Code(err) != codes.InvalidArgument {
		t.Errorf("written back without its condition: got %v", err)
	}
}

func TestPoliciesAreChecked(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	for _, tt := range []struct {
		role, member string
		want         codes.Code
	}{
		{broker.PublisherRole, chat, codes.OK},
		{broker.PublisherRole, broker.ServiceAgent(project), codes.OK},
		{"projects/p/roles/checker", "group:operators@example.com", codes.OK},
		{"roles/pubsub.pusher", chat, codes.InvalidArgument},
		{broker.PublisherRole, "chat-api-push@system.gserviceaccount.com", codes.InvalidArgument},
		{broker.PublisherRole, broker.ServiceAgent("another"), codes.InvalidArgument}, // nobody has that number
	} {
		err := f.setPolicy(t, topicName, &iampb.Policy{Bindings: []*iampb.Binding{{Role: tt.role, Members: []string{tt.member}}}})
		if status.Code(err) != tt.want {
			t.Errorf("%s to %s: got %v, want %v", tt.role, tt.member, err, tt.want)
		}
	}
}

func TestPrincipalsNeedTheRole(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	p := f.As(chat)
	message := &pubsubpb.PubsubMessage{Data: []byte("a"), OrderingKey: "k"}
	publish := func(want codes.Code) {
		t.Helper()
		_, err := p.Publish(topicName, message)
		if status.Code(err) != want || p.MayPublish(topicName) == (want == codes.PermissionDenied) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	publish(codes.PermissionDenied)
	f.grant(t, topicName, broker.PublisherRole, chat)
	publish(codes.OK)
	if _, err := p.Publish("projects/p/topics/nowhere", message); status.Code(err) != codes.NotFound {
		t.Errorf("no such topic: got %v", err)
	}
	f.updateTopic(t, &pubsubpb.Topic{MessageStoragePolicy: &pubsubpb.MessageStoragePolicy{AllowedPersistenceRegions: []string{"europe-west1"}}}, "message_storage_policy")
	publish(codes.FailedPrecondition)
	f.updateTopic(t, &pubsubpb.Topic{}, "message_storage_policy")
	publish(codes.OK)
	if err := f.Revoke(topicName, broker.PublisherRole, chat); err != nil {
		t.Fatal(err)
	}
	publish(codes.PermissionDenied)
	if s := f.stats(t); s.Published != 2 {
		t.Errorf("published %d, want 2", s.Published)
	}
}
