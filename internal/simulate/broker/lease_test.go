package broker_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 3, 2, 18, 12, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(s *broker.Server, d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	s.Tick()
}

func texts(messages []*pubsubpb.ReceivedMessage) string {
	var all []string
	for _, m := range messages {
		all = append(all, string(m.Message.Data))
	}
	return strings.Join(all, " ")
}

func TestLeaseExpiresAndIsExtended(t *testing.T) {
	t.Parallel()
	c := newClock()
	f := start(t, broker.Options{Now: c.Now}, &pubsubpb.Subscription{AckDeadlineSeconds: 20})
	f.publish(t, "kept", "lost")
	first := f.pull(t, 10)
	if got := texts(first); got != "kept lost" {
		t.Fatalf("first pull got %q", got)
	}
	f.modify(t, 60, first[0])
	c.advance(f.Server, 20*time.Second-1)
	if got := texts(f.pull(t, 10)); got != "" {
		t.Fatalf("before the deadline got %q", got)
	}
	c.advance(f.Server, 1)
	again := f.pull(t, 10)
	if got := texts(again); got != "lost" {
		t.Fatalf("after the deadline got %q", got)
	}
	f.ack(t, first...) // the second lease of these two has ended: that ack is too late
	c.advance(f.Server, 20*time.Second)
	last := f.pull(t, 10)
	if got := texts(last); got != "lost" {
		t.Fatalf("after the late ack got %q", got)
	}
	f.ack(t, last...)
	f.ack(t, last...) // again: no error
	want := broker.Stats{
		Published: 2, Delivered: 4, Redelivered: 2, RedeliveredAfterAck: 1, Acked: 2, LateAcks: 1, Expired: 2,
		MaxOutstanding: 2, MaxOutstandingBytes: 8,
	}
	if got := f.stats(t); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDroppedAckBringsTheMessageBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	f := start(t, broker.Options{Now: c.Now}, nil)
	f.publish(t, "a", "b")
	if err := f.DropAcks(subName, 1); err != nil {
		t.Fatal(err)
	}
	f.ack(t, f.pull(t, 10)...)
	c.advance(f.Server, 10*time.Second)
	again := f.pull(t, 10)
	if len(again) != 1 {
		t.Fatalf("got %q", texts(again))
	}
	f.ack(t, again...)
	if s := f.stats(t); s.DroppedAcks != 1 || s.RedeliveredAfterAck != 1 || s.Acked != 2 || s.Backlog != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestRetryPolicyBacksOff(t *testing.T) {
	t.Parallel()
	c := newClock()
	f := start(t, broker.Options{Now: c.Now}, &pubsubpb.Subscription{RetryPolicy: &pubsubpb.RetryPolicy{
		MinimumBackoff: durationpb.New(10 * time.Second), MaximumBackoff: durationpb.New(30 * time.Second),
	}})
	f.publish(t, "a")
	for _, delay := range []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second, 30 * time.Second} {
		got := f.pull(t, 1)
		if len(got) != 1 {
			t.Fatalf("nothing to pull before the backoff of %v", delay)
		}
		f.modify(t, 0, got...)
		c.advance(f.Server, delay-1)
		if early := f.pull(t, 1); len(early) != 0 {
			t.Fatalf("the message came back before %v", delay)
		}
		c.advance(f.Server, 1)
	}
}

func TestDeadLetterTopicGetsWhatKeepsFailing(t *testing.T) {
	t.Parallel()
	const deadTopic, deadSub = "projects/p/topics/dead", "projects/p/subscriptions/dead"
	c := newClock()
	f := start(t, broker.Options{Now: c.Now}, nil)
	policy := &pubsubpb.Subscription{Name: subName, DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: deadTopic, MaxDeliveryAttempts: 5}}
	update := &pubsubpb.UpdateSubscriptionRequest{Subscription: policy, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"dead_letter_policy"}}}
	if _, err := f.client.SubscriptionAdminClient.UpdateSubscription(t.Context(), update); status.Code(err) != codes.NotFound {
		t.Fatalf("without the dead-letter topic: got %v, want NotFound", err)
	}
	createTopic := func() {
		t.Helper()
		if _, err := f.client.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: deadTopic}); err != nil {
			t.Fatal(err)
		}
	}
	createTopic()
	if _, err := f.client.SubscriptionAdminClient.UpdateSubscription(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	if err := f.client.TopicAdminClient.DeleteTopic(t.Context(), &pubsubpb.DeleteTopicRequest{Topic: deadTopic}); err != nil {
		t.Fatal(err)
	}
	f.publish(t, "bad")
	fail := func(attempt int32) {
		t.Helper()
		got := f.pull(t, 1)
		if len(got) != 1 || got[0].DeliveryAttempt != attempt {
			t.Fatalf("attempt %d: got %v", attempt, got)
		}
		if attempt%2 == 0 {
			c.advance(f.Server, 10*time.Second) // an expired lease counts like a nack
			return
		}
		f.modify(t, 0, got...)
	}
	for attempt := range int32(5) {
		fail(attempt + 1)
	}
	fail(6) // the dead-letter topic is gone: the message is kept and comes again
	createTopic()
	f.subscribe(t, &pubsubpb.Subscription{Name: deadSub, Topic: deadTopic})
	fail(7) // Pub/Sub itself needs a role on both ends
	f.grant(t, deadTopic, broker.PublisherRole, broker.ServiceAgent(project))
	fail(8)
	f.grant(t, subName, broker.SubscriberRole, broker.ServiceAgent(project))
	fail(9)
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
	dead, err := f.client.SubscriptionAdminClient.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: deadSub, MaxMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(dead.ReceivedMessages) != 1 {
		t.Fatalf("dead letters: %v", dead.ReceivedMessages)
	}
	a := dead.ReceivedMessages[0].Message.Attributes
	if a["CloudPubSubDeadLetterSourceDeliveryCount"] != "9" || a["CloudPubSubDeadLetterSourceSubscription"] != "worker" ||
		a["CloudPubSubDeadLetterSourceSubscriptionProject"] != "p" || a["CloudPubSubDeadLetterSourceTopicPublishTime"] == "" {
		t.Errorf("attributes %v", a)
	}
	if s := f.stats(t); s.DeadLettered != 1 || s.DeadLetterRefused != 4 || s.Nacked != 5 || s.Expired != 4 {
		t.Errorf("stats %+v", s)
	}
	f.publish(t, "worse")
	for attempt := range int32(5) {
		fail(attempt + 1)
	}
	if err := f.WaitIdle(t.Context(), subName); err != nil {
		t.Fatal(err)
	}
}

func TestMessagesOutliveNoRetention(t *testing.T) {
	t.Parallel()
	c := newClock()
	f := start(t, broker.Options{Now: c.Now}, &pubsubpb.Subscription{MessageRetentionDuration: durationpb.New(10 * time.Minute)})
	f.publish(t, "old")
	c.advance(f.Server, 10*time.Minute)
	f.publish(t, "new")
	c.advance(f.Server, 1)
	if got := texts(f.pull(t, 10)); got != "new" {
		t.Errorf("got %q", got)
	}
}

func TestWaitIdleGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	f := start(t, broker.Options{}, nil)
	f.publish(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.WaitIdle(ctx, subName); err == nil {
		t.Error("idle with a message in the backlog")
	}
}
