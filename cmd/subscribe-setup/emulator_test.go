package main

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// With an emulator of Pub/Sub, which has no policies and no Resource Manager
// beside it, pubsub.manage makes what is missing and asks for no credentials.
func TestManageWithAnEmulator(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", t.TempDir()+"/none") // as at a desk without any
	x := openWithPubSub(t, simulate.Options{})
	x.ws.Broker().OnCall(func(_ context.Context, c broker.Call) error {
		if strings.HasSuffix(c.Method, "IamPolicy") {
			return status.Error(codes.Unimplemented, "no such method")
		}
		return nil
	})
	delete(x.env, "SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT")
	x.env["SPACEKEEPER_PUBSUB_SUBSCRIPTION"], x.env["SPACEKEEPER_PUBSUB_MANAGE"] = "worker", "true"
	x.run(cli.OK, "plan")
	x.says(true, "worker")
	x.run(cli.OK, "apply")
	x.says(false, "credential")
	if _, err := x.ws.Broker().Stats("projects/" + x.ws.Project() + "/subscriptions/worker"); err != nil {
		t.Errorf("the Pub/Sub subscription isn't made: %v", err)
	}
}

// An emulator of Pub/Sub is looked at before apply, too, if apply makes nothing
// there; what can't be told of it says why.
func TestPreWithAnEmulator(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", t.TempDir()+"/none")
	x := openWithPubSub(t, simulate.Options{})
	delete(x.env, "SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT")
	delete(x.env, "SPACEKEEPER_SERVICE_USAGE_ENDPOINT")
	x.env["SPACEKEEPER_PUBSUB_SUBSCRIPTION"] = "absent"
	told := x.run(cli.Failed, "doctor", "--pre")
	if !strings.Contains(told, "√ the settings can be read") || !strings.Contains(told, "× SK507 the subscription is there") {
		t.Errorf("Pub/Sub isn't looked at:\n%s", told)
	}
	x.env["SPACEKEEPER_PUBSUB_MANAGE"] = "true"
	told = x.run(cli.Failed, "doctor", "--pre") // its clock is the simulation's
	const why = "SK301 the Pub/Sub API is on: what stands for Google here has no list of APIs; Pub/Sub is asked once apply has made what is missing there"
	if !strings.Contains(told, why) || strings.Contains(told, "SK507") {
		t.Errorf("it doesn't say why Pub/Sub isn't looked at:\n%s", told)
	}
}
