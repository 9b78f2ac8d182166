package subscriptions_test

import (
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

const topic = "projects/my-project/topics/chat-events"

func desired(space string) subscriptions.Desired {
	return subscriptions.Desired{Space: space, Topic: topic, EventTypes: config.EventTypes(), IncludeResource: true}
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
		{"types missing", func(s *subscriptions.Subscription) { s.EventTypes = s.EventTypes[:8] }, subscriptions.Update, "2 to add, 0 to remove"},
		{"types too many", func(s *subscriptions.Subscription) { s.EventTypes = append(s.EventTypes, "x") }, subscriptions.Update, "0 to add, 1 to remove"},
		{"another space", func(s *subscriptions.Subscription) { s.Target = "//chat.googleapis.com/spaces/B" }, subscriptions.Create, "no subscription yet"},
		{"another kind of target", func(s *subscriptions.Subscription) { s.Target = "//cloudidentity.googleapis.com/users/1" }, subscriptions.Create, ""},
		{"deleted", func(s *subscriptions.Subscription) { s.State = subscriptions.StateDeleted }, subscriptions.Create, ""},
		{"another topic", func(s *subscriptions.Subscription) { s.Topic = "projects/my-project/topics/production" }, subscriptions.Refuse, "go to projects/my-project/topics/production"},
		{"another payload", func(s *subscriptions.Subscription) { s.IncludeResource = false }, subscriptions.Refuse, "include_resource: false"},
		{"fields left out", func(s *subscriptions.Subscription) { s.FieldMask = "message.sender" }, subscriptions.Refuse, "message.sender"},
		{"suspended", func(s *subscriptions.Subscription) {
			s.State, s.SuspensionReason = subscriptions.StateSuspended, "ENDPOINT_PERMISSION_DENIED"
		}, subscriptions.Reactivate, "ENDPOINT_PERMISSION_DENIED"},
		{"suspended for good", func(s *subscriptions.Subscription) {
			s.State, s.SuspensionReason = subscriptions.StateSuspended, "USER_AUTHORIZATION_FAILURE"
		}, subscriptions.Refuse, "USER_AUTHORIZATION_FAILURE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			actions := subscriptions.Plan([]subscriptions.Desired{desired("spaces/A")}, []subscriptions.Subscription{actual(c.actual)}, subscriptions.View{})
			if len(actions) != 1 {
				t.Fatalf("got %d actions, want 1", len(actions))
			}
			got := actions[0]
			if got.Kind != c.want || !strings.Contains(got.Reason, c.says) {
				t.Errorf("got %s (%s), want %s (…%s…)", got.Kind, got.Reason, c.want, c.says)
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
		got = append(got, a.Desired.Space+" "+string(a.Kind))
	}
	if want := "spaces/C create, spaces/A keep, spaces/B create"; strings.Join(got, ", ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
