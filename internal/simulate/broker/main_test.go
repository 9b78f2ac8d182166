package broker_test

import (
	"context"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// opencensus starts its worker when the client library is linked in.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
		// The client's keep-alive goroutine notices up to 10 s late that its stream is gone.
		goleak.IgnoreTopFunction("cloud.google.com/go/pubsub/v2.(*messageIterator).streamKeepAliveHandler"),
	)
}

const (
	project   = "p"
	topicName = "projects/p/topics/events"
	subName   = "projects/p/subscriptions/worker"
)

// fixture is a broker with one topic, one subscription and a real client.
type fixture struct {
	*broker.Server
	client *pubsub.Client
}

func start(t testing.TB, o broker.Options, sub *pubsubpb.Subscription) *fixture {
	t.Helper()
	server, err := broker.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client, err := pubsub.NewClient(t.Context(), project, server.ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	f := &fixture{server, client}
	if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topicName}); err != nil {
		t.Fatal(err)
	}
	if sub == nil {
		sub = &pubsubpb.Subscription{}
	}
	sub.Name, sub.Topic = subName, topicName
	f.subscribe(t, sub)
	return f
}

func (f *fixture) subscribe(t testing.TB, sub *pubsubpb.Subscription) {
	t.Helper()
	if _, err := f.client.SubscriptionAdminClient.CreateSubscription(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) grant(t testing.TB, resource, role, member string) {
	t.Helper()
	if err := f.Grant(resource, role, member); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) publish(t testing.TB, texts ...string) []string {
	t.Helper()
	var batch []*pubsubpb.PubsubMessage
	for _, text := range texts {
		batch = append(batch, &pubsubpb.PubsubMessage{Data: []byte(text)})
	}
	ids, err := f.Publish(topicName, batch...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (f *fixture) stats(t testing.TB) broker.Stats {
	t.Helper()
	s, err := f.Stats(subName)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pull takes up to n messages by a unary pull.
func (f *fixture) pull(t testing.TB, n int32) []*pubsubpb.ReceivedMessage {
	t.Helper()
	r, err := f.client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{
		Subscription: subName, MaxMessages: n,
		//nolint:staticcheck // deprecated, and the only way to pull from an empty subscription without waiting
		ReturnImmediately: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.ReceivedMessages
}

func (f *fixture) ack(t testing.TB, messages ...*pubsubpb.ReceivedMessage) {
	t.Helper()
	req := &pubsubpb.AcknowledgeRequest{Subscription: subName}
	for _, m := range messages {
		req.AckIds = append(req.AckIds, m.AckId)
	}
	if err := f.client.SubscriptionAdminClient.Acknowledge(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) modify(t testing.TB, seconds int32, messages ...*pubsubpb.ReceivedMessage) {
	t.Helper()
	req := &pubsubpb.ModifyAckDeadlineRequest{Subscription: subName, AckDeadlineSeconds: seconds}
	for _, m := range messages {
		req.AckIds = append(req.AckIds, m.AckId)
	}
	if err := f.client.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), req); err != nil {
		t.Fatal(err)
	}
}

// receive runs Receive in the background until the test calls stop, which
// waits for it and returns its error.
func (f *fixture) receive(t testing.TB, configure func(*pubsub.Subscriber), handle func(context.Context, *pubsub.Message)) (stop func() error) {
	t.Helper()
	sub := f.client.Subscriber(subName)
	if configure != nil {
		configure(sub)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sub.Receive(ctx, handle) }()
	return func() error {
		cancel()
		return <-done
	}
}
