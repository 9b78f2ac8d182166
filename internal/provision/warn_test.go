package provision_test

import (
	"context"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// warn lists what a worker's start logs.
func (w *world) warn(t *testing.T) (lines []string) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	provision.Warn(t.Context(), w.client.SubscriptionAdminClient, provision.Options{Topic: topic, Subscription: worker, DeadLetterTopic: deadTopic}, zap.New(core))
	for _, entry := range logs.All() {
		line := entry.Level.String() + ": " + entry.Message
		for _, field := range []string{"field", "got", "want", "permission"} {
			if value, ok := entry.ContextMap()[field].(string); ok {
				line += " " + field + "=" + value
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// Row P13: as many warnings as there are drifts.
func TestWarn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(t)
	if got := w.warn(t); len(got) > 0 {
		t.Errorf("nothing has drifted: got %q", got)
	}
	w.update(t, &pubsubpb.Subscription{Name: worker, AckDeadlineSeconds: 60}, "expiration_policy", "message_retention_duration", "dead_letter_policy")
	const is = "warn: Pub/Sub subscription differs from what the worker needs field="
	want := []string{
		is + "message_retention_duration got=7d want=31d",
		is + "expiration_policy.ttl got=31d want=never",
		is + "dead_letter_policy.dead_letter_topic got=none want=" + deadTopic,
		is + "dead_letter_policy.max_delivery_attempts got=none want=100",
	}
	if diff := cmp.Diff(want, w.warn(t)); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	w.Deny("pubsub.subscriptions.get")
	want = []string{"info: settings of the Pub/Sub subscription not checked: the worker may not read them permission=pubsub.subscriptions.get"}
	if diff := cmp.Diff(want, w.warn(t)); diff != "" {
		t.Errorf("without permission (-want +got):\n%s", diff)
	}
	w.OnCall(func(context.Context, broker.Call) error { return status.Error(codes.Internal, "no") })
	want = []string{"warn: settings of the Pub/Sub subscription not checked"}
	if diff := cmp.Diff(want, w.warn(t)); diff != "" {
		t.Errorf("with an error (-want +got):\n%s", diff)
	}
}
