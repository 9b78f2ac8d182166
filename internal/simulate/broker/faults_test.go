package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestFailStreamsEndsReceiveUntilHealed(t *testing.T) {
	t.Parallel()
	for _, code := range []codes.Code{codes.NotFound, codes.PermissionDenied} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			f := start(t, broker.Options{}, nil)
			f.publish(t, "a")
			got := make(chan struct{})
			handle := func(_ context.Context, m *pubsub.Message) { m.Ack(); got <- struct{}{} }
			done := make(chan error, 1)
			go func() { done <- f.client.Subscriber(subName).Receive(t.Context(), handle) }()
			<-got
			if err := f.WaitIdle(t.Context(), subName); err != nil {
				t.Fatal(err)
			}
			if err := f.FailStreams(subName, code); err != nil {
				t.Fatal(err)
			}
			if err := <-done; status.Code(err) != code {
				t.Fatalf("the open stream ended with %v", err)
			}
			if err := f.client.Subscriber(subName).Receive(t.Context(), handle); status.Code(err) != code {
				t.Fatalf("a new stream ended with %v", err)
			}
			if err := f.Heal(subName); err != nil {
				t.Fatal(err)
			}
			f.publish(t, "b")
			stop := f.receive(t, nil, handle)
			<-got
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestDeletedSubscriptionEndsReceive(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	f.publish(t, "a")
	got := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- f.client.Subscriber(subName).Receive(t.Context(), func(_ context.Context, m *pubsub.Message) { m.Ack(); got <- struct{}{} })
	}()
	<-got
	err := f.client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: subName})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; status.Code(err) != codes.NotFound {
		t.Errorf("the stream ended with %v", err)
	}
}

func TestBrokenStreamsReconnectAndLeasesStay(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	f.publish(t, "held")
	held, release, got := make(chan struct{}), make(chan struct{}), make(chan string)
	stop := f.receive(t, nil, func(_ context.Context, m *pubsub.Message) {
		if string(m.Data) == "held" {
			close(held) // a second delivery would panic
			<-release
		}
		m.Ack()
		got <- string(m.Data)
	})
	<-held
	for i := range 3 {
		if err := f.BreakStreams(subName); err != nil {
			t.Fatal(err)
		}
		f.publish(t, fmt.Sprint(i))
		if text := <-got; text != fmt.Sprint(i) {
			t.Fatalf("got %q after break %d", text, i)
		}
	}
	close(release)
	<-got
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if s := f.stats(t); s.Delivered != 4 || s.Acked != 4 {
		t.Errorf("stats %+v", s)
	}
}

func TestOldStreamsAreClosed(t *testing.T) {
	t.Parallel()
	c := newClock()
	f := start(t, broker.Options{Now: c.Now, StreamAge: time.Minute}, nil)
	stream, err := f.client.SubscriptionAdminClient.StreamingPull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pubsubpb.StreamingPullRequest{Subscription: subName, StreamAckDeadlineSeconds: 10}); err != nil {
		t.Fatal(err)
	}
	f.publish(t, "a")
	if _, err := stream.Recv(); err != nil { // the stream is open
		t.Fatal(err)
	}
	c.advance(f.Server, time.Minute)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v, want Unavailable", err)
	}
}

func TestFrozenStreamsAreSilentUntilHealed(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	stream, err := f.client.SubscriptionAdminClient.StreamingPull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := func(in *pubsubpb.StreamingPullRequest) {
		t.Helper()
		if err := stream.Send(in); err != nil {
			t.Fatal(err)
		}
	}
	send(&pubsubpb.StreamingPullRequest{Subscription: subName, StreamAckDeadlineSeconds: 10, ProtocolVersion: 1})
	send(&pubsubpb.StreamingPullRequest{})
	if pong, err := stream.Recv(); err != nil || len(pong.ReceivedMessages) != 0 {
		t.Fatalf("a ping was answered with %v, %v", pong, err)
	}
	if err := f.FreezeStreams(subName); err != nil {
		t.Fatal(err)
	}
	f.publish(t, "a")
	send(&pubsubpb.StreamingPullRequest{})
	if err := f.Heal(subName); err != nil {
		t.Fatal(err)
	}
	if in, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Fatalf("the frozen stream sent %v, %v", in, err)
	}
	got := make(chan struct{})
	stop := f.receive(t, nil, func(_ context.Context, m *pubsub.Message) { m.Ack(); close(got) })
	<-got
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestDuplicateStoresTwice(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	if err := f.Duplicate(topicName, 2); err != nil {
		t.Fatal(err)
	}
	f.publish(t, "a", "b", "c")
	got := f.pull(t, 10)
	if texts(got) != "a a b b c" || got[0].Message.MessageId == got[1].Message.MessageId {
		t.Errorf("got %v", got)
	}
}
