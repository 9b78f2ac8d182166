package main

import (
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// Where pubsub.manage is on, apply makes what it publishes to, first.
func TestApplyMakesPubSub(t *testing.T) {
	t.Parallel()
	x := openWithPubSub(t, simulate.Options{Spaces: 1})
	x.config("pubsub: {manage: true}\nworkspace: {spaces: [$A]}")
	x.run(cli.Misconfigured, "plan") // the Pub/Sub subscription has no name
	x.env["SPACEKEEPER_PUBSUB_SUBSCRIPTION"] = "spacekeeper"
	x.run(cli.Pending, "plan", "--detailed-exitcode")
	x.run(cli.OK, "plan", "-o", "yaml")
	x.answers = "y\n"
	x.run(cli.OK, "apply")
	x.answers = ""
	x.run(cli.OK, "plan", "--detailed-exitcode")
	x.run(cli.OK, "apply")
	// Somebody has changed what apply can mend, and what it can't.
	client, err := pubsub.NewClient(t.Context(), x.ws.Project(), x.ws.Broker().ClientOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	name := "projects/" + x.ws.Project() + "/subscriptions/spacekeeper"
	if err := client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pubsubpb.DeleteSubscriptionRequest{Subscription: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: name, Topic: "projects/" + x.ws.Project() + "/topics/chat-events", EnableMessageOrdering: true,
	}); err != nil {
		t.Fatal(err)
	}
	x.run(cli.Pending, "plan", "--detailed-exitcode")
	x.run(cli.OK, "apply")
	x.run(cli.OK, "plan", "--detailed-exitcode")
	x.compare("pubsub")
	if strings.Contains(x.transcript.String(), "127.0.0.1") {
		t.Error("the transcript differs from run to run")
	}
}
