package provision_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
)

// The commands that a person without the role is given grant it.
func TestMissingPermissions(t *testing.T) {
	t.Parallel()
	const grant = "gcloud projects add-iam-policy-binding p --member=" + setupSelf + " --role=roles/"
	for permission, want := range map[string]string{
		"pubsub.topics.get":                 "read topic chat-events-dead-letter: pubsub.topics.get is missing; grant it with: " + grant + "pubsub.viewer",
		"pubsub.topics.create":              "create topic chat-events-dead-letter: pubsub.topics.create is missing; grant it with: " + grant + "pubsub.editor",
		"pubsub.subscriptions.get":          "read subscription chat-events-dead-letter: pubsub.subscriptions.get is missing; grant it with: " + grant + "pubsub.viewer",
		"pubsub.subscriptions.create":       "create subscription chat-events-dead-letter: pubsub.subscriptions.create is missing; grant it with: " + grant + "pubsub.editor",
		"pubsub.topics.attachSubscription":  "attach a subscription to topic chat-events-dead-letter: pubsub.topics.attachSubscription is missing; grant it with: " + grant + "pubsub.subscriber",
		"pubsub.topics.getIamPolicy":        "read the policy of topic chat-events-dead-letter: pubsub.topics.getIamPolicy is missing; grant it with: " + grant + "iam.securityReviewer",
		"pubsub.topics.setIamPolicy":        "change the policy of topic chat-events-dead-letter: pubsub.topics.setIamPolicy is missing; grant it with: " + grant + "pubsub.admin",
		"pubsub.subscriptions.getIamPolicy": "read the policy of subscription chat-events-worker: pubsub.subscriptions.getIamPolicy is missing; grant it with: " + grant + "iam.securityReviewer",
		"pubsub.subscriptions.setIamPolicy": "change the policy of subscription chat-events-worker: pubsub.subscriptions.setIamPolicy is missing; grant it with: " + grant + "pubsub.admin",
	} {
		t.Run(permission, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Deny(permission)
			p := w.provisioner(t)
			_, _, err := p.Make(t.Context())
			var denied *provision.PermissionError
			if !errors.As(err, &denied) || denied.Permission != permission || status.Code(err) != codes.PermissionDenied {
				t.Fatalf("got %v", err)
			}
			if got := err.Error(); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			w.Permit(permission)
			if _, left, err := p.Make(t.Context()); err != nil || len(left) > 0 {
				t.Errorf("once it is granted: left %v, %v", left, err)
			}
		})
	}
	t.Run("update", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		p, _ := w.make(t)
		w.update(t, &pubsubpb.Subscription{Name: worker}, "expiration_policy")
		w.Deny("pubsub.subscriptions.update")
		_, _, err := p.Make(t.Context())
		if want := "change subscription chat-events-worker: pubsub.subscriptions.update is missing; grant it with: " + grant + "pubsub.editor"; err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
}

// One unreadable resource doesn't hide what is wrong with another.
func TestCheckGoesOnWithoutPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.make(t)
	check(t, w.Revoke(worker, broker.SubscriberRole, workerSelf))
	w.Deny("pubsub.topics.get", "pubsub.topics.getIamPolicy")
	drifts, err := p.Check(t.Context())
	if len(drifts) != 1 || drifts[0].Resource != worker {
		t.Errorf("got %v", drifts)
	}
	if got := strings.Count(err.Error(), "is missing; grant it with"); got != 4 {
		t.Errorf("got %d errors, want one for each topic's settings and policy: %v", got, err)
	}
}

func TestOtherRefusals(t *testing.T) {
	t.Parallel()
	switchedOff, err := status.New(codes.PermissionDenied, "Cloud Pub/Sub API has not been used in project 1 before or it is disabled.").
		WithDetails(&errdetails.ErrorInfo{Reason: "SERVICE_DISABLED", Domain: "googleapis.com"})
	check(t, err)
	tests := map[string]struct {
		method string
		answer error
		want   string
	}{
		"API off": {"GetTopic", switchedOff.Err(),
			"read topic chat-events-dead-letter: the Pub/Sub API is switched off; run: gcloud services enable pubsub.googleapis.com --project=p: "},
		"domains": {"SetIamPolicy", status.Error(codes.FailedPrecondition, "One or more users named in the policy do not belong to a permitted customer, perhaps due to an organization policy."),
			"iam.allowedPolicyMemberDomains keeps Google's accounts out; an organization policy administrator must allow chat-api-push@system.gserviceaccount.com"},
		"no agent yet": {"SetIamPolicy", status.Error(codes.InvalidArgument, "Service account service-1@gcp-sa-pubsub.iam.gserviceaccount.com does not exist."),
			"run: gcloud beta services identity create --service=pubsub.googleapis.com --project=p, and again after a minute"},
		"anything else": {"CreateSubscription", status.Error(codes.ResourceExhausted, "quota"),
			"create subscription chat-events-dead-letter: rpc error: code = ResourceExhausted desc = quota"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.OnCall(func(_ context.Context, c broker.Call) error {
				if c.Method == tt.method {
					return tt.answer
				}
				return nil
			})
			if _, _, err := w.provisioner(t).Make(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s in it", err, tt.want)
			}
		})
	}
}

func TestNamesMustBeFull(t *testing.T) {
	t.Parallel()
	if _, err := provision.New(t.Context(), provision.Options{Topic: topic, Subscription: "worker", DeadLetterTopic: deadTopic}); err == nil || !strings.Contains(err.Error(), `"worker" is not a full name`) {
		t.Errorf("got %v", err)
	}
}

// The number of the project, which Pub/Sub's own account has in its name, is
// asked for; where that isn't possible, only what needs it fails.
func TestProjectNumber(t *testing.T) {
	t.Parallel()
	ws, err := simulate.Start(t.Context(), simulate.Options{Project: "p", Spaces: -1})
	check(t, err)
	t.Cleanup(func() { check(t, ws.Close()) })
	w := &world{Server: ws.Broker()}
	asking := func(o *provision.Options) {
		o.ProjectNumber, o.ResourceManager, o.ResourceManagerEndpoint = "", conformancetest.Check(t, ws.InProcess()), ws.ResourceManagerEndpoint()
	}
	p := w.provisioner(t, asking)
	fails := func(want string) {
		t.Helper()
		if _, _, err := p.Make(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
	ws.SetCondition(simulate.ManagerAPIOff, true)
	fails("run: gcloud services enable cloudresourcemanager.googleapis.com --project=p")
	ws.SetCondition(simulate.ManagerAPIOff, false)
	ws.SetCondition(simulate.ProjectHidden, true)
	fails("run: gcloud projects add-iam-policy-binding p --member=" + setupSelf + " --role=roles/browser")
	drifts, err := p.Check(t.Context())
	check(t, err)
	const agent = "serviceAccount:service-$(gcloud projects describe p --format='value(projectNumber)')@gcp-sa-pubsub.iam.gserviceaccount.com"
	if len(drifts) != 5 || !strings.Contains(drifts[0].Fix, " --member="+agent+" ") {
		t.Errorf("got %v", drifts)
	}
	ws.SetCondition(simulate.ProjectHidden, false)
	if _, left, err := p.Make(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	// Once the roles are there, any project's account will do.
	unasked := w.provisioner(t, asking, func(o *provision.Options) { o.ResourceManager = nil })
	if done, left, err := unasked.Make(t.Context()); err != nil || len(done)+len(left) > 0 {
		t.Errorf("done %v, left %v, %v", done, left, err)
	}
	wrong := w.provisioner(t, func(o *provision.Options) { o.ProjectNumber = "1" })
	if drifts, err := wrong.Check(t.Context()); err != nil || len(drifts) != 2 {
		t.Errorf("another project's account: got %v, %v", drifts, err)
	}
	stuck := w.provisioner(t, asking, func(o *provision.Options) { o.ResourceManager = canceled{} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stuck.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// canceled is a transport that nothing comes through.
type canceled struct{}

func (canceled) RoundTrip(r *http.Request) (*http.Response, error) { return nil, r.Context().Err() }
