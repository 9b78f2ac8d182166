package eventlog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

func lifecycle(id string, t time.Time) events.Delivery {
	d := live(id, t, events.Item{
		Kind: events.KindSubscription, Verb: events.VerbSuspended, Resource: "subscriptions/s1",
		Subscription: &events.Subscription{Name: "subscriptions/s1"},
	})
	d.Event.ID, d.Event.Type = id, "google.workspace.events.subscription.v1.suspended"
	return d
}

func appEvent(id, kind, space, spaceType string, t time.Time) events.Delivery {
	d := live(id, t, events.Item{
		Kind: events.KindInteraction, Verb: events.VerbOther, Space: space, Actor: "users/1",
		Interaction: &events.Interaction{
			Type: kind, User: events.User{Name: "users/1"},
			Space: events.Space{Name: space, DisplayName: "Team", SpaceType: spaceType},
		},
	})
	d.Attributes = nil
	d.Event.ID, d.Event.Source, d.Event.Subject, d.Event.Type = "", "", "", "interaction."+kind
	return d
}

// What may have changed subscriptions asks for one pass of the keeper in a few
// seconds, whatever number of events tell of it.
func TestEventsRequestOnePass(t *testing.T) {
	t.Parallel()
	now := epoch
	s := storetest.New(t, storetest.Options{Now: func() time.Time { return now }})
	passes := func() (n int) {
		t.Helper()
		if err := s.Pool().QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'keep'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	record(t, s,
		live("a", at(1), message(events.VerbCreated, "spaces/S/messages/1", ann, "hello", at(1), time.Time{})),
		appEvent("i0", "MESSAGE", "spaces/S", "SPACE", at(1)))
	if n := passes(); n != 0 {
		t.Errorf("a message asked for %d passes", n)
	}
	record(t, s, lifecycle("l1", at(2)), lifecycle("l2", at(3)))
	record(t, s, appEvent("i1", "ADDED_TO_SPACE", "spaces/S", "SPACE", at(4)))
	if n := passes(); n != 1 {
		t.Errorf("got %d passes for the hints of one slot, want 1", n)
	}
	now = now.Add(time.Minute)
	record(t, s, lifecycle("l1", at(2)))
	if n := passes(); n != 1 {
		t.Errorf("a duplicate asked for another pass: %d", n)
	}
	record(t, s, lifecycle("l3", at(60)))
	if n := passes(); n != 2 {
		t.Errorf("got %d passes for hints a minute apart, want 2", n)
	}
}

func TestFollowedSpaces(t *testing.T) {
	t.Parallel()
	s := storetest.New(t, storetest.Options{Now: clock})
	record(t, s,
		appEvent("a1", "ADDED_TO_SPACE", "spaces/A", "SPACE", at(10)),
		appEvent("b1", "ADDED_TO_SPACE", "spaces/B", "SPACE", at(10)),
		appEvent("b2", "REMOVED_FROM_SPACE", "spaces/B", "SPACE", at(20)),
		appEvent("c1", "ADDED_TO_SPACE", "spaces/C", "DIRECT_MESSAGE", at(10)),
		appEvent("d2", "ADDED_TO_SPACE", "spaces/D", "SPACE", at(30)))
	// These are late.
	record(t, s,
		appEvent("b0", "ADDED_TO_SPACE", "spaces/B", "SPACE", at(5)),
		appEvent("d1", "REMOVED_FROM_SPACE", "spaces/D", "SPACE", at(20)))
	for name, data := range map[string]string{ // as captured, and as older apps see it
		"E": `"type":"DM","singleUserBotDm":true,"spaceType":"DIRECT_MESSAGE"`, "F": `"type":"DM"`, "G": `"spaceType":"GROUP_CHAT"`,
	} {
		ev, bad := events.Decode(nil, fmt.Appendf(nil, `{"type":"ADDED_TO_SPACE","eventTime":%q,"space":{"name":"spaces/%s",%s}}`,
			at(40).Format(time.RFC3339Nano), name, data))
		if bad != nil {
			t.Fatal(bad)
		}
		record(t, s, events.Delivery{MessageID: name, ReceivedAt: at(40), Origin: events.OriginLive, Data: []byte(data), Event: ev})
	}
	types := column(t, s, `SELECT space || ' ' || space_type FROM spaces WHERE space > 'spaces/D' ORDER BY 1`)
	if diff := cmp.Diff([]string{"spaces/E DIRECT_MESSAGE", "spaces/F DIRECT_MESSAGE", "spaces/G GROUP_CHAT"}, types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	got, err := s.FollowedSpaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"spaces/A", "spaces/D"}, got); diff != "" {
		t.Errorf("followed spaces (-want +got):\n%s", diff)
	}
}
