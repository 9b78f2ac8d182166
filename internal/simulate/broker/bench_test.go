package broker_test

import (
	"context"
	"fmt"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// BenchmarkPull is the ceiling of every consumer: a no-op handler over a
// backlog of messages as large as a Chat event.
func BenchmarkPull(b *testing.B) {
	for _, c := range []struct{ streams, outstanding int }{{1, 1000}, {1, 10_000}, {4, 10_000}} {
		b.Run(fmt.Sprintf("streams=%d/outstanding=%d", c.streams, c.outstanding), func(b *testing.B) {
			f := start(b, broker.Options{}, nil)
			attributes := map[string]string{
				"ce-id":              "spaces/AAQAO1heGsE/spaceEvents/MTc2NzQwNjY5Mjg4NjYzOV82X2NyZWF0ZWQ",
				"ce-source":          "//workspaceevents.googleapis.com/subscriptions/chat-spaces-czpBQVFBTzFoZUdzRTox",
				"ce-type":            "google.workspace.chat.message.v1.created",
				"ce-subject":         "//chat.googleapis.com/spaces/AAQAO1heGsE",
				"ce-time":            "2026-01-03T02:18:12.886639Z",
				"ce-specversion":     "1.0",
				"ce-datacontenttype": "application/json",
			}
			data := make([]byte, 1000)
			for range b.N {
				if _, err := f.Publish(topicName, &pubsubpb.PubsubMessage{Data: data, Attributes: attributes}); err != nil {
					b.Fatal(err)
				}
			}
			b.ResetTimer()
			stop := f.receive(b, func(s *pubsub.Subscriber) {
				s.ReceiveSettings.NumGoroutines = c.streams
				s.ReceiveSettings.MaxOutstandingMessages = c.outstanding
			}, func(_ context.Context, m *pubsub.Message) { m.Ack() })
			if err := f.WaitIdle(b.Context(), subName); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			if err := stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
