package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/spacekeeper/spacekeeper/internal/ingest"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/simulate/workload"
)

const (
	project          = "benchmark"
	topicName        = "projects/benchmark/topics/events"
	subscriptionName = "projects/benchmark/subscriptions/worker"
)

// duplicates is the share of messages that come twice, as at Google.
const duplicates = 0.02

// serveBroker is a Pub/Sub server that lives until its standard input ends.
// It prints its address once it is loaded; at a rate, it begins to publish
// when it reads a line.
func serveBroker(ctx context.Context, t task) error {
	server, err := broker.Start(broker.Options{})
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := ingest.NewClient(ctx, project, server.Addr())
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // the process ends
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName}); err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(ctx, &pubsubpb.Subscription{
		Name: subscriptionName, Topic: topicName, AckDeadlineSeconds: 60,
	}); err != nil {
		return fmt.Errorf("create subscription: %w", err)
	}

	next := messages(t)
	if t.Rate == 0 {
		for range t.Messages {
			if _, err := server.Publish(topicName, next()); err != nil {
				return err
			}
		}
	}
	fmt.Println(server.Addr())
	if t.Rate > 0 {
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			return fmt.Errorf("wait for the start: %w", err)
		}
		if err := publishAt(ctx, server, t, next); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// messages returns the stream of messages that a task is about.
func messages(t task) func() *pubsubpb.PubsubMessage {
	// Ends about now, so that no event is too old or from the future.
	start := time.Now().Add(-time.Duration(t.Messages) * 5 * time.Millisecond).Add(-time.Minute)
	g := workload.New(t.Seed, workload.Options{Start: start, Interval: 5 * time.Millisecond, Duplicates: duplicates})
	if t.Bytes > 0 {
		return bigMessages(g.Next(), t.Bytes)
	}
	return func() *pubsubpb.PubsubMessage {
		m := g.Next()
		return &pubsubpb.PubsubMessage{Attributes: m.Attributes, Data: m.Data, OrderingKey: m.OrderingKey}
	}
}

// bigMessages repeats one event with a field that nobody knows, under ids of
// their own. They share the data, or a backlog of them would not fit into
// memory.
func bigMessages(m workload.Message, size int) func() *pubsubpb.PubsubMessage {
	data := append(bytes.Clone(m.Data[:len(m.Data)-1]), `,"padding":"`...)
	data = append(data, bytes.Repeat([]byte("x"), size-len(data)-2)...)
	data = append(data, `"}`...)
	n := 0
	return func() *pubsubpb.PubsubMessage {
		n++
		attributes := maps.Clone(m.Attributes)
		attributes["ce-id"] += fmt.Sprint(n)
		return &pubsubpb.PubsubMessage{Attributes: attributes, Data: data, OrderingKey: m.OrderingKey}
	}
}

// publishAt publishes at a steady rate, 100 times a second.
func publishAt(ctx context.Context, server *broker.Server, t task, next func() *pubsubpb.PubsubMessage) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	started, sent := time.Now(), 0
	for sent < t.Messages {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		due := min(int(time.Since(started).Seconds()*float64(t.Rate)), t.Messages)
		for ; sent < due; sent++ {
			if _, err := server.Publish(topicName, next()); err != nil {
				return err
			}
		}
	}
	return nil
}
