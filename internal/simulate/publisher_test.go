package simulate

import (
	"testing"

	"google.golang.org/api/workspaceevents/v1"

	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// Whether Chat may publish is what the topic's policy says.
func TestChatNeedsTheTopicsPublisherRole(t *testing.T) {
	t.Parallel()
	v := &world{}
	v.start(t, Options{})
	topic, subscription, err := v.CreateTopic(t.Context(), "events", "worker")
	check(t, err)
	made := v.subscribe(t, func(in *workspaceevents.Subscription) { in.NotificationEndpoint.PubsubTopic = topic })
	post := func(state string, published int64) {
		t.Helper()
		must(v.Post(v.space, v.people[0], "hello"))
		if got := must(v.get(made.Name)); got.State != state {
			t.Errorf("got %s %q, want %s", got.State, got.SuspensionReason, state)
		}
		if got := must(v.Broker().Stats(subscription)).Published; got != published {
			t.Errorf("published %d, want %d", got, published)
		}
	}
	reactivate := func() error {
		_, err := v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
		return err
	}
	post("ACTIVE", 1)
	check(t, v.Broker().Revoke(topic, broker.PublisherRole, ChatPublisher))
	post("SUSPENDED", 1)
	if got := must(v.get(made.Name)); got.SuspensionReason != "ENDPOINT_PERMISSION_DENIED" {
		t.Errorf("got reason %q", got.SuspensionReason)
	}
	wantError(t, reactivate(), 400, "FAILED_PRECONDITION")
	check(t, v.Broker().Grant(topic, broker.PublisherRole, ChatPublisher))
	check(t, reactivate())
	post("ACTIVE", 2)
}
