package broker_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

func TestPublishAndReceiveThroughTheClient(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	publisher := f.client.Publisher(topicName)
	publisher.EnableMessageOrdering = true
	sent := &pubsub.Message{
		Data:        []byte("hello"),
		Attributes:  map[string]string{"ce-type": "google.workspace.chat.message.v1.created", "empty": ""},
		OrderingKey: "//workspaceevents.googleapis.com/subscriptions/s",
	}
	id, err := publisher.Publish(t.Context(), sent).Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	publisher.Stop()

	got := make(chan *pubsub.Message, 1)
	stop := f.receive(t, nil, func(_ context.Context, m *pubsub.Message) {
		m.Ack()
		got <- m
	})
	m := <-got
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if m.ID != id || m.PublishTime.IsZero() || m.DeliveryAttempt != nil {
		t.Errorf("got id %q, publish time %v, delivery attempt %v", m.ID, m.PublishTime, m.DeliveryAttempt)
	}
	if string(m.Data) != "hello" || m.OrderingKey != sent.OrderingKey {
		t.Errorf("got data %q, ordering key %q", m.Data, m.OrderingKey)
	}
	if diff := cmp.Diff(map[string]string{"ce-type": "google.workspace.chat.message.v1.created", "empty": ""}, m.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if s := f.stats(t); s.Acked != 1 || s.Delivered != 1 || s.Outstanding != 0 || s.Backlog != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestManyMessagesOverSeveralStreams(t *testing.T) {
	t.Parallel()
	const total = 20_000
	f := start(t, broker.Options{}, nil)
	want := map[string]bool{}
	for i := range total {
		for _, id := range f.publish(t, fmt.Sprint(i)) {
			want[id] = true
		}
	}
	var mu sync.Mutex
	seen := map[string]int{}
	stop := f.receive(t, func(s *pubsub.Subscriber) {
		s.ReceiveSettings.NumGoroutines = 3
		s.ReceiveSettings.MaxOutstandingMessages = 10_000
	}, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		seen[m.ID]++
		mu.Unlock()
		m.Ack()
	})
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for id := range want {
		if seen[id] != 1 {
			t.Fatalf("message %s was delivered %d times", id, seen[id])
		}
	}
	if s := f.stats(t); len(seen) != total || s.Acked != total || s.Expired != 0 || s.MaxOutstanding > 30_000 {
		t.Errorf("%d messages seen, stats %+v", len(seen), s)
	}
}

func TestFlowControlByMessages(t *testing.T) {
	t.Parallel()
	const limit, total = 10, 200
	f := start(t, broker.Options{Now: newClock().Now}, nil)
	for i := range total {
		f.publish(t, fmt.Sprint(i))
	}
	var held, most atomic.Int64
	stop := f.receive(t, func(s *pubsub.Subscriber) { s.ReceiveSettings.MaxOutstandingMessages = limit },
		func(_ context.Context, m *pubsub.Message) {
			n := held.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			held.Add(-1)
			m.Ack()
		})
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if s := f.stats(t); s.MaxOutstanding != limit || most.Load() > limit || s.Acked != total {
		t.Errorf("the client held %d at once, stats %+v", most.Load(), s)
	}
}

func TestOneBatchWakesEveryStreamThatHasRoom(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{Now: newClock().Now}, nil)
	var streams []pubsubpb.Subscriber_StreamingPullClient
	for range 3 {
		stream, err := f.client.SubscriptionAdminClient.StreamingPull(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = stream.Send(&pubsubpb.StreamingPullRequest{Subscription: subName, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: 1})
		if err != nil {
			t.Fatal(err)
		}
		// A pong says that the stream is there and waits.
		if err := stream.Send(&pubsubpb.StreamingPullRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stream)
	}
	f.publish(t, "a", "b", "c")
	for _, stream := range streams {
		if in, err := stream.Recv(); err != nil || len(in.ReceivedMessages) != 1 {
			t.Errorf("got %v, %v", in, err)
		}
	}
}

func TestFlowControlByBytes(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	big := make([]byte, 9_900_000)
	const total = 5
	for range total {
		if _, err := f.Publish(topicName, &pubsubpb.PubsubMessage{Data: big}); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := f.client.SubscriptionAdminClient.StreamingPull(t.Context(), gax.WithGRPCOptions(grpc.MaxCallRecvMsgSize(20<<20)))
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&pubsubpb.StreamingPullRequest{
		Subscription: subName, StreamAckDeadlineSeconds: 60, MaxOutstandingBytes: 15_000_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	var held []string
	for received := 0; received < total; {
		in, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range in.ReceivedMessages {
			received++
			if !bytes.Equal(m.Message.Data, big) {
				t.Fatal("the data has changed on its way")
			}
			held = append(held, m.AckId)
		}
		if len(held) == 2 {
			if err := stream.Send(&pubsubpb.StreamingPullRequest{AckIds: held}); err != nil {
				t.Fatal(err)
			}
			held = nil
		}
	}
	// The second message was begun below the limit, the third wasn't.
	if s := f.stats(t); s.MaxOutstanding != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestShutdownDrainsWhatIsHeld(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	f.publish(t, "a", "b", "c")
	held, release := make(chan struct{}, 3), make(chan struct{})
	stop := f.receive(t, nil, func(_ context.Context, m *pubsub.Message) {
		held <- struct{}{}
		<-release
		m.Ack()
	})
	for range 3 {
		<-held
	}
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	close(release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if s := f.stats(t); s.Acked != 3 || s.Backlog != 0 || s.Nacked != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestNackBringsTheMessageBack(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{Now: newClock().Now}, nil) // time stands still: no lease expires
	f.publish(t, "a")
	var deliveries atomic.Int64
	stop := f.receive(t, nil, func(_ context.Context, m *pubsub.Message) {
		if deliveries.Add(1) < 3 {
			m.Nack()
			return
		}
		m.Ack()
	})
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if s := f.stats(t); s.Nacked != 2 || s.Delivered != 3 || s.Redelivered != 2 || s.Acked != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestOrderingKeysKeepTheirOrder(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, &pubsubpb.Subscription{EnableMessageOrdering: true})
	const keys, each = 4, 5
	for i := range each {
		for k := range keys {
			_, err := f.Publish(topicName, &pubsubpb.PubsubMessage{Data: fmt.Append(nil, i), OrderingKey: fmt.Sprint(k)})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var mu sync.Mutex
	got := map[string]string{}
	nacked := false
	stop := f.receive(t, nil, func(_ context.Context, m *pubsub.Message) {
		mu.Lock()
		defer mu.Unlock()
		if string(m.Data) == "2" && !nacked {
			nacked = true
			m.Nack()
			return
		}
		got[m.OrderingKey] += string(m.Data)
		m.Ack()
	})
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"0": "01234", "1": "01234", "2": "01234", "3": "01234"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order by key (-want +got):\n%s", diff)
	}
}
