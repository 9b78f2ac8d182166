package provision_test

import (
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(conformancetest.Main(m, "cloudresourcemanager.projects.get"),
		// opencensus starts its worker when the client library is linked in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
	)
}

const (
	topic      = "projects/p/topics/chat-events"
	worker     = "projects/p/subscriptions/chat-events-worker"
	deadTopic  = "projects/p/topics/chat-events-dead-letter"
	deadSub    = "projects/p/subscriptions/chat-events-dead-letter"
	workerSelf = "serviceAccount:spacekeeper@p.iam.gserviceaccount.com"
	setupSelf  = "serviceAccount:spacekeeper-setup@p.iam.gserviceaccount.com"
)

// world is a Pub/Sub with a real client that owns the project.
type world struct {
	*broker.Server
	client *pubsub.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := broker.Start(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client, err := pubsub.NewClient(t.Context(), "p", server.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return &world{server, client}
}

func (w *world) provisioner(t *testing.T, change ...func(*provision.Options)) *provision.Provisioner {
	t.Helper()
	o := provision.Options{
		Topic: topic, Subscription: worker, DeadLetterTopic: deadTopic, ProjectNumber: broker.ProjectNumber("p"),
		Worker: workerSelf, Member: setupSelf, ClientOptions: w.ClientOptions(),
	}
	for _, fn := range change {
		fn(&o)
	}
	p, err := provision.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// make makes everything and wants nothing to be left.
func (w *world) make(t *testing.T) (*provision.Provisioner, []provision.Change) {
	t.Helper()
	p := w.provisioner(t)
	done, left, err := p.Make(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Fatalf("left %v", left)
	}
	return p, done
}

func (w *world) update(t *testing.T, s *pubsubpb.Subscription, paths ...string) {
	t.Helper()
	if _, err := w.client.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pubsubpb.UpdateSubscriptionRequest{Subscription: s, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) get(t *testing.T, name string) *pubsubpb.Subscription {
	t.Helper()
	s, err := w.client.SubscriptionAdminClient.GetSubscription(t.Context(), &pubsubpb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// replace deletes the worker's subscription and makes it otherwise.
func (w *world) replace(t *testing.T, s *pubsubpb.Subscription) {
	t.Helper()
	err := w.client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: worker})
	if err != nil {
		t.Fatal(err)
	}
	s.Name = worker
	if _, err := w.client.SubscriptionAdminClient.CreateSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
