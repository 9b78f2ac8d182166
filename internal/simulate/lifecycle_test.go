package simulate

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/workspaceevents/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// told decodes the lifecycle events since the last call: "kind at time".
func (v *world) told(t *testing.T) (list []string) {
	t.Helper()
	for _, m := range v.pubsub.takeLifecycle() {
		e, malformed := events.Decode(m.Attributes, m.Data)
		if malformed != nil {
			t.Fatalf("%s: %v", m.Data, malformed)
		}
		it := e.Items[0]
		if it.Kind != events.KindSubscription || it.Subscription.Name == "" || m.OrderingKey != m.Attributes["ce-source"] {
			t.Fatalf("got %+v", e)
		}
		what := fmt.Sprintf("%s after %s", it.Verb, e.Time.Sub(start))
		if it.Subscription.SuspensionReason != "" {
			what += " for " + it.Subscription.SuspensionReason
		}
		list = append(list, what)
	}
	return list
}

func TestReminders(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	v.subscribe(t, func(in *workspaceevents.Subscription) { in.PayloadOptions = nil }) // for 7 days
	other := spaceTarget(v.Spaces()[1].Name)
	v.subscribe(t, func(in *workspaceevents.Subscription) { in.TargetResource = other }) // for 4 hours
	third := v.subscribe(t, func(in *workspaceevents.Subscription) {
		in.TargetResource, in.Ttl = spaceTarget(v.Spaces()[2].Name), "3600s" // no time for a reminder
	})
	v.clock.Advance(59 * time.Minute)
	_, err := v.events.Subscriptions.Patch(third.Name, &workspaceevents.Subscription{Ttl: "7200s"}).UpdateMask("ttl").Do()
	check(t, err)
	v.clock.Advance(8 * 24 * time.Hour)
	v.Tick()
	want := []string{
		"expiration_reminder after 1h59m0s", "expired after 2h59m0s", // of the third; of its former end nothing is told
		"expiration_reminder after 3h0m0s", "expired after 4h0m0s",
		"expiration_reminder after 156h0m0s", "expiration_reminder after 167h0m0s", "expired after 168h0m0s",
	}
	if diff := cmp.Diff(want, v.told(t)); diff != "" {
		t.Errorf("lifecycle events (-want +got):\n%s", diff)
	}
	if n := len(v.Truth().Lifecycle); n != 7 {
		t.Errorf("got %d in the truth", n)
	}
}

func TestWithhold(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{Withhold: LifecycleKinds()})
	live := func() {
		made := v.subscribe(t)
		v.clock.Advance(3*time.Hour + time.Minute)
		v.Tick()
		check(t, v.Suspend(made.Name, "OTHER"))
		check(t, v.Mend(made.Name))
		_, err := v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
		check(t, err)
		v.clock.Advance(time.Hour)
		v.Tick()
	}
	live()
	if got := v.told(t); got != nil {
		t.Errorf("got %v, want all withheld", got)
	}
	for _, e := range v.Truth().Lifecycle {
		if e.Published {
			t.Errorf("the truth says that %+v was published", e)
		}
	}
	v.Withhold(LifecycleReminder)
	live()
	if got := v.told(t); len(got) != 2 {
		t.Errorf("got %v, want all but the reminder", got)
	}
	v.Withhold()
	live()
	if got := v.told(t); len(got) != 3 {
		t.Errorf("got %v, want all", got)
	}
	if n := len(v.Truth().Lifecycle); n != 9 {
		t.Errorf("got %d in the truth, want 9", n)
	}
}

func TestSuspendedEvent(t *testing.T) {
	t.Parallel()
	for _, camel := range []bool{false, true} {
		for _, reason := range SuspensionReasons() {
			v := unserved(t, Options{CamelCase: camel})
			made := v.subscribe(t)
			v.clock.Advance(time.Minute)
			check(t, v.Suspend(made.Name, reason))
			var want []string
			if !slices.Contains([]string{"ENDPOINT_PERMISSION_DENIED", "ENDPOINT_NOT_FOUND", "ENDPOINT_RESOURCE_EXHAUSTED"}, reason) {
				want = []string{"suspended after 1m0s for " + reason}
			}
			if diff := cmp.Diff(want, v.told(t)); diff != "" {
				t.Errorf("%s, camelCase %t (-want +got):\n%s", reason, camel, diff)
			}
			v.clock.Advance(5 * time.Hour) // it ends on schedule
			if _, err := v.get(made.Name); err == nil {
				t.Errorf("%s: a suspended subscription outlived its end", reason)
			}
		}
	}
}

func TestReactivateTellsWhatRemains(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	made := v.subscribe(t)
	check(t, v.Suspend(made.Name, "APP_SCOPE_REVOKED"))
	check(t, v.Suspend(made.Name, "OTHER"))
	check(t, v.RemoveMember(v.space, v.App()))
	v.pubsub.gone = true
	left := []string{"APP_AUTHORIZATION_FAILURE", "APP_SCOPE_REVOKED", "ENDPOINT_NOT_FOUND", "OTHER"}
	if got, err := v.get(made.Name); err != nil || got.SuspensionReason != "APP_SCOPE_REVOKED" {
		t.Errorf("got %+v, %v: want the first reason", got, err)
	}
	for _, mend := range []func() error{
		func() error { return v.AddMembers(v.space, v.App()) },
		func() error { return v.Mend(made.Name, "APP_SCOPE_REVOKED") },
		func() error { v.pubsub.gone = false; return nil },
		func() error { return v.Mend(made.Name) },
	} {
		_, err := v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
		wantError(t, err, 400, "FAILED_PRECONDITION")
		var got []string
		for _, r := range append([]string{userLost}, SuspensionReasons()...) {
			if containsWord(err.Error(), r) {
				got = append(got, r)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(left, slices.Compact(got)); diff != "" {
			t.Errorf("what remains (-want +got):\n%s", diff)
		}
		check(t, mend())
		left = left[1:]
	}
	// Renewing doesn't end a suspension.
	patched := subscriptionIn(t, must(v.events.Subscriptions.Patch(made.Name, &workspaceevents.Subscription{Ttl: "0s"}).UpdateMask("ttl").Do()))
	if patched.State != subSuspended {
		t.Errorf("got %s after a patch", patched.State)
	}
	check(t, skip(v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()))

	for name, err := range map[string]error{
		"an unknown reason":         v.Suspend(made.Name, "TIRED"),
		"an unknown subscription":   v.Suspend("subscriptions/none", "OTHER"),
		"what isn't harmed":         v.Mend(made.Name, "OTHER"),
		"nobody's":                  v.Mend("subscriptions/none"),
		"the end of nobody's":       v.ExpireAfter("subscriptions/none", 0),
		"a user who lost access":    v.Mend(made.Name, userLost),
		"a reason of somebody else": v.Mend(made.Name, "APP_SCOPE_REVOKED"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A user's subscription ends with the user's membership, for good.
func TestUserLeaves(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{Auth: AuthUser})
	made := v.subscribe(t)
	check(t, v.RemoveMember(v.space, v.App())) // not the app's business
	if got := must(v.get(made.Name)); got.State != subActive {
		t.Fatalf("got %s", got.SuspensionReason)
	}
	check(t, v.RemoveMember(v.space, v.Authority()))
	check(t, v.AddMembers(v.space, v.Authority()))
	if got := must(v.get(made.Name)); got.SuspensionReason != userLost {
		t.Fatalf("got %s %q", got.State, got.SuspensionReason)
	}
	_, err := v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
	wantError(t, err, 400, "FAILED_PRECONDITION")
	check(t, skip(v.events.Subscriptions.Delete(made.Name).Do()))
	v.subscribe(t)
}

// guarded is a Pub/Sub whose topic Chat may or may not publish to.
type guarded struct {
	*recorder
	code codes.Code
}

func (g *guarded) Publish(name string, messages ...*pubsubpb.PubsubMessage) ([]string, error) {
	if g.code != codes.OK {
		return nil, status.Error(g.code, "no")
	}
	return g.recorder.Publish(name, messages...)
}

func (g *guarded) MayPublish(string) bool { return g.code != codes.PermissionDenied }

func TestEndpointTrouble(t *testing.T) {
	t.Parallel()
	for code, reason := range map[codes.Code]string{
		codes.PermissionDenied:  "ENDPOINT_PERMISSION_DENIED",
		codes.ResourceExhausted: "ENDPOINT_RESOURCE_EXHAUSTED",
		codes.Unavailable:       "OTHER",
	} {
		v := &world{clock: &clock{t: start}, pubsub: newRecorder()}
		endpoint := &guarded{recorder: v.pubsub}
		v.start(t, Options{Now: v.clock.Now, Publisher: endpoint, NoListen: true})
		endpoint.code = code
		made := v.subscribe(t) // is accepted, and then delivers nothing
		must(v.Post(v.space, v.people[0], "lost"))
		if got := must(v.get(made.Name)); got.SuspensionReason != reason {
			t.Errorf("%s: got %s %q", code, got.State, got.SuspensionReason)
		}
		_, err := v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
		if code == codes.PermissionDenied {
			wantError(t, err, 400, "FAILED_PRECONDITION")
			endpoint.code = codes.OK
			_, err = v.events.Subscriptions.Reactivate(made.Name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()
		}
		check(t, err)
	}
}

func TestExpireAfter(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{})
	made := v.subscribe(t)
	check(t, v.ExpireAfter(made.Name, time.Minute))
	if got := must(v.get(made.Name)); got.ExpireTime != stamp(start.Add(time.Minute)) {
		t.Errorf("got expiry %s", got.ExpireTime)
	}
	check(t, v.ExpireAfter(made.Name, 0))
	_, err := v.get(made.Name)
	wantError(t, err, 404, "NOT_FOUND")
	if diff := cmp.Diff([]string{"expired after 0s"}, v.told(t)); diff != "" {
		t.Errorf("lifecycle events (-want +got):\n%s", diff)
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	v := unserved(t, Options{OperationDelay: time.Minute})
	target := spaceTarget(v.space)
	create := func() string {
		_, err := v.events.Subscriptions.Create(v.wanted()).Do()
		check(t, err)
		return subscriptionName(target, v.owner())
	}
	name := create() // live after a minute
	v.clock.Advance(11 * time.Minute)
	check(t, v.Suspend(name, "OTHER"))
	check(t, v.Mend(name))
	v.clock.Advance(2 * time.Minute)
	check(t, skip(v.events.Subscriptions.Reactivate(name, &workspaceevents.ReactivateSubscriptionRequest{}).Do()))
	v.clock.Advance(7 * time.Minute)
	check(t, skip(v.events.Subscriptions.Delete(name).Do()))
	v.clock.Advance(4 * time.Minute)
	create()
	v.clock.Advance(10 * time.Hour) // expires on the way

	type span struct{ From, To time.Duration }
	var got []span
	for _, i := range v.Coverage(target) {
		got = append(got, span{i.From.Sub(start), i.To.Sub(start)})
	}
	want := []span{{1 * time.Minute, 11 * time.Minute}, {13 * time.Minute, 20 * time.Minute}, {25 * time.Minute, 4*time.Hour + 24*time.Minute}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("coverage (-want +got):\n%s", diff)
	}
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	for _, tt := range []struct {
		from, to, want int // minutes
	}{
		{0, 30, 1 + 2 + 5}, {2, 11, 0}, {12, 12, 0}, {12, 13, 1}, {14, 22, 2}, {263, 270, 6}, {300, 400, 100},
	} {
		if got := v.Uncovered(target, at(tt.from), at(tt.to)); got != time.Duration(tt.want)*time.Minute {
			t.Errorf("from %d to %d: got %s uncovered, want %d min", tt.from, tt.to, got, tt.want)
		}
	}
	if n := v.MaxLive(target); n != 1 {
		t.Errorf("got %d live at once", n)
	}
	if got := v.Uncovered("//chat.googleapis.com/spaces/none", at(0), at(9)); got != 9*time.Minute {
		t.Errorf("nobody's target: got %s uncovered", got)
	}
}
