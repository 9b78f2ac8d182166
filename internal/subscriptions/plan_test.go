package subscriptions_test

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

const topic = "projects/my-project/topics/chat-events"

func desired(space string) subscriptions.Desired {
	return subscriptions.Desired{Scope: space, Topic: topic, EventTypes: config.EventTypes(), IncludeResource: true}
}

func actual(change func(*subscriptions.Subscription)) subscriptions.Subscription {
	s := subscriptions.Subscription{
		Name: "subscriptions/chat-spaces-1", Target: "//chat.googleapis.com/spaces/A", Topic: topic,
		EventTypes: config.EventTypes(), IncludeResource: true, State: subscriptions.StateActive,
	}
	change(&s)
	return s
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		actual func(*subscriptions.Subscription)
		want   subscriptions.Kind
		says   string
	}{
		{"right", func(*subscriptions.Subscription) {}, subscriptions.Keep, ""},
		{"types in another order", func(s *subscriptions.Subscription) { s.EventTypes = append(s.EventTypes[5:10:10], s.EventTypes[:5]...) }, subscriptions.Keep, ""},
		{"types missing", func(s *subscriptions.Subscription) { s.EventTypes = s.EventTypes[:8] }, subscriptions.Update, "add space"},
		{"types exchanged", func(s *subscriptions.Subscription) { s.EventTypes = append(s.EventTypes[:9:9], "x") }, subscriptions.Update, "add space.deleted; drop x"},
		{"types too many", func(s *subscriptions.Subscription) { s.EventTypes = append(s.EventTypes, "x") }, subscriptions.Update, "drop x"},
		{"another space", func(s *subscriptions.Subscription) { s.Target = "//chat.googleapis.com/spaces/B" }, subscriptions.Create, "no subscription yet"},
		{"another kind of target", func(s *subscriptions.Subscription) { s.Target = "//cloudidentity.googleapis.com/users/1" }, subscriptions.Create, ""},
		{"deleted", func(s *subscriptions.Subscription) { s.State = subscriptions.StateDeleted }, subscriptions.Create, ""},
		{"another topic", func(s *subscriptions.Subscription) { s.Topic = "projects/my-project/topics/production" }, subscriptions.Replace, "go to projects/my-project/topics/production"},
		{"another payload", func(s *subscriptions.Subscription) { s.IncludeResource = false }, subscriptions.Replace, "include_resource: false"},
		{"fields left out", func(s *subscriptions.Subscription) { s.FieldMask = "message.sender" }, subscriptions.Replace, "message.sender"},
		{"suspended", func(s *subscriptions.Subscription) {
			s.State, s.SuspensionReason = subscriptions.StateSuspended, "ENDPOINT_PERMISSION_DENIED"
		}, subscriptions.Reactivate, "ENDPOINT_PERMISSION_DENIED"},
		{"suspended for good", func(s *subscriptions.Subscription) {
			s.State, s.SuspensionReason = subscriptions.StateSuspended, "USER_AUTHORIZATION_FAILURE"
		}, subscriptions.Replace, "USER_AUTHORIZATION_FAILURE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plan := func(view subscriptions.View) subscriptions.Action {
				actions := subscriptions.Plan([]subscriptions.Desired{desired("spaces/A")}, []subscriptions.Subscription{actual(c.actual)}, view)
				if len(actions) != 1 {
					t.Fatalf("got %d actions, want 1", len(actions))
				}
				return actions[0]
			}
			got := plan(subscriptions.View{})
			if got.Kind != c.want || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s (%s), want %s (…%s…)", got.Kind, got.Reason, c.want, c.says)
			}
			if c.want == subscriptions.Replace { // which nobody does unseen
				if got := plan(subscriptions.View{Unattended: true}); got.Kind != subscriptions.Refuse || !strings.Contains(got.Remedy, "subscribe-setup apply") {
					t.Errorf("unattended: got %s (%s)", got.Kind, got.Remedy)
				}
			}
			if (got.Actual == nil) != (c.want == subscriptions.Create) {
				t.Errorf("got actual %v for %s", got.Actual, got.Kind)
			}
		})
	}
}

func TestPlanKeepsTheOrderOfTheConfiguration(t *testing.T) {
	t.Parallel()
	actions := subscriptions.Plan(
		[]subscriptions.Desired{desired("spaces/C"), desired("spaces/A"), desired("spaces/B")},
		[]subscriptions.Subscription{actual(func(*subscriptions.Subscription) {})}, subscriptions.View{})
	var got []string
	for _, a := range actions {
		got = append(got, a.Desired.Scope+" "+string(a.Kind))
	}
	if want := "spaces/C create, spaces/A keep, spaces/B create"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestPlanOfWideTargets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scope, target string
		want          subscriptions.Kind
	}{
		{"spaces/-", "//chat.googleapis.com/spaces/-", subscriptions.Keep},
		{"users/1", "//cloudidentity.googleapis.com/users/1", subscriptions.Keep},
		{"users/1", "//cloudidentity.googleapis.com/users/2", subscriptions.Create},
		{"customers/C1", "//admin.googleapis.com/customers/C1", subscriptions.Keep},
		{"customers/my_customer", "//admin.googleapis.com/customers/C1", subscriptions.Keep},
		{"spaces/A", "//chat.googleapis.com/spaces/-", subscriptions.Create},
	} {
		actions := subscriptions.Plan([]subscriptions.Desired{desired(c.scope)},
			[]subscriptions.Subscription{actual(func(s *subscriptions.Subscription) { s.Target = c.target })}, subscriptions.View{})
		if got := actions[0].Kind; got != c.want {
			t.Errorf("%s with a subscription to %s: got %s, want %s", c.scope, c.target, got, c.want)
		}
	}
}

func TestPlanOfOrphans(t *testing.T) {
	t.Parallel()
	to := func(scope, topic string) subscriptions.Subscription {
		return actual(func(s *subscriptions.Subscription) {
			s.Name, s.Target, s.Topic = "subscriptions/"+scope, subscriptions.TargetOf(scope), topic
		})
	}
	there := []subscriptions.Subscription{
		to("spaces/Other", topic), to("spaces/A", topic), to("spaces/Elsewhere", topic+"-2"), to("users/1", topic),
	}
	for name, c := range map[string]struct {
		view subscriptions.View
		want string
	}{
		"of no topic": {subscriptions.View{}, "spaces/A keep"},
		"kept":        {subscriptions.View{Topic: topic}, "spaces/A keep, spaces/Other orphan, users/1 orphan"},
		"pruned":      {subscriptions.View{Topic: topic, Prune: true}, "spaces/A keep, spaces/Other prune, users/1 prune"},
	} {
		var got []string
		for _, a := range subscriptions.Plan([]subscriptions.Desired{desired("spaces/A")}, there, c.view) {
			got = append(got, a.Desired.Scope+" "+string(a.Kind))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}
