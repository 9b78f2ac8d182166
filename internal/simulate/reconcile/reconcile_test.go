package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/memberships"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const topic = "projects/p/topics/t"

// delivery is a batch event with so many messages.
func delivery(id string, items int) events.Delivery {
	now := time.Now()
	ev := &events.Event{
		ID: "spaces/S/spaceEvents/" + id, Source: "//workspaceevents.googleapis.com/subscriptions/s",
		Type: "google.workspace.chat.message.v1.batchCreated", Time: now, Batch: true,
	}
	for i := range items {
		name := fmt.Sprintf("spaces/S/messages/%s.%d", id, i)
		ev.Items = append(ev.Items, events.Item{
			Ordinal: i, Kind: events.KindMessage, Verb: events.VerbCreated, Resource: name, Space: "spaces/S",
			Message: &events.Message{Name: name, CreateTime: now},
		})
	}
	return events.Delivery{MessageID: "m-" + id, ReceivedAt: now, Data: []byte(`{}`), Origin: events.OriginLive, Event: ev}
}

func garbage(id string) events.Delivery {
	return events.Delivery{
		MessageID: id, ReceivedAt: time.Now(), Data: []byte("x"), Origin: events.OriginLive,
		Malformed: &events.Malformed{Reason: "bad_json", Detail: "test", Offset: -1},
	}
}

func TestCheckNamesEveryDifference(t *testing.T) {
	t.Parallel()
	published := func(id string, items int) simulate.PublishedEvent {
		return simulate.PublishedEvent{ID: "spaces/S/spaceEvents/" + id, Items: items, Topic: topic}
	}
	started := time.Now().Add(-time.Minute)
	none := Row{What: "welcomes"}
	for name, tt := range map[string]struct {
		truth    simulate.Truth
		recorded []events.Delivery
		want     Report
	}{
		"exact": {
			simulate.Truth{Events: []simulate.PublishedEvent{published("a", 2), published("a", 2)}, Garbage: []simulate.Garbage{{Topic: topic, MessageID: "g"}}},
			[]events.Delivery{delivery("a", 2), garbage("g")},
			Report{{What: "events", Wanted: 1, Got: 1}, {What: "items of events", Wanted: 2, Got: 2}, {What: "malformed messages", Wanted: 1, Got: 1}},
		},
		"an event is lost": {
			simulate.Truth{Events: []simulate.PublishedEvent{published("a", 1), published("b", 3)}},
			[]events.Delivery{delivery("a", 1)},
			Report{{What: "events", Wanted: 2, Got: 1, Lost: 1}, {What: "items of events", Wanted: 4, Got: 1, Lost: 3}, {What: "malformed messages"}},
		},
		"an item of a batch is lost": {
			simulate.Truth{Events: []simulate.PublishedEvent{published("a", 3)}},
			[]events.Delivery{delivery("a", 2)},
			Report{{What: "events", Wanted: 1, Got: 1}, {What: "items of events", Wanted: 3, Got: 2, Lost: 1}, {What: "malformed messages"}},
		},
		"an event nobody published": {
			simulate.Truth{},
			[]events.Delivery{delivery("a", 2), garbage("g")},
			Report{{What: "events", Got: 1, Unexpected: 1}, {What: "items of events", Got: 2, Unexpected: 2}, {What: "malformed messages", Got: 1, Unexpected: 1}},
		},
		"garbage is lost": {
			simulate.Truth{Garbage: []simulate.Garbage{{Topic: topic, MessageID: "g"}}},
			[]events.Delivery{},
			Report{{What: "events"}, {What: "items of events"}, {What: "malformed messages", Wanted: 1, Lost: 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := storetest.New(t, storetest.Options{})
			// What was there before is none of this run's business.
			old := []events.Delivery{delivery("old", 1), garbage("old")}
			for i := range old {
				old[i].ReceivedAt = started.Add(-time.Minute)
			}
			if _, err := env.Record(t.Context(), old); err != nil {
				t.Fatal(err)
			}
			if _, err := env.Record(t.Context(), tt.recorded); err != nil {
				t.Fatal(err)
			}
			got, err := Check(t.Context(), env.Pool(), tt.truth, topic, started, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(tt.want, none), got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if want := name == "exact"; got.Exact() != want {
				t.Errorf("Exact = %t, want %t", got.Exact(), want)
			}
			var table strings.Builder
			if err := got.Write(&table); err != nil {
				t.Fatal(err)
			}
			if says := strings.Contains(table.String(), "DIFFERS"); says == got.Exact() {
				t.Errorf("the table says:\n%s", table.String())
			}
		})
	}
}

// Who was listed has a display name in the database, and the right one.
func TestNamesNameEveryDifference(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	if _, err := memberships.NewLists(env.Store).Reconcile(t.Context(), memberships.Listing{Space: "spaces/S", AsOf: time.Now(), Members: []memberships.Member{
		{Membership: "spaces/S/members/1", Name: "users/1", Type: events.UserHuman, DisplayName: "Ada Zhang", State: events.MembershipJoined},
		{Membership: "spaces/S/members/2", Name: "users/2", Type: events.UserHuman, DisplayName: "Bruno Abbott", State: events.MembershipJoined},
		{Membership: "spaces/S/members/3", Name: "users/3", Type: events.UserHuman, State: events.MembershipJoined},
	}}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		listed map[string]string
		want   Row
	}{
		"exact":        {map[string]string{"users/1": "Ada Zhang", "users/2": "Bruno Abbott"}, Row{Wanted: 2, Got: 2}},
		"without one":  {map[string]string{"users/1": "Ada Zhang", "users/3": "Carla"}, Row{Wanted: 2, Got: 1, Lost: 1}},
		"not recorded": {map[string]string{"spaces/T": "Team", "users/1": "Ada Zhang"}, Row{Wanted: 2, Got: 1, Lost: 1}},
		"another":      {map[string]string{"users/1": "Ada Zhang", "users/2": "Bruno A."}, Row{Wanted: 2, Got: 2, Unexpected: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.What = "display names"
			got, err := Names(t.Context(), env.Pool(), simulate.Truth{Listed: tt.listed}, 0)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
}

func TestCheckWelcomes(t *testing.T) {
	t.Parallel()
	join := func(user string) simulate.Join {
		return simulate.Join{Space: "spaces/S", User: user, Published: true}
	}
	unseen := func(user string) simulate.Join { return simulate.Join{Space: "spaces/S", User: user} }
	sent := func(user string) simulate.AppMessage { return simulate.AppMessage{Space: "spaces/S", Viewer: user} }
	for name, tt := range map[string]struct {
		joins   []simulate.Join
		sent    []simulate.AppMessage
		members []string
		want    Row
	}{
		"exact":                      {[]simulate.Join{join("users/1")}, []simulate.AppMessage{sent("users/1")}, []string{"users/1"}, Row{Wanted: 1, Got: 1}},
		"joined twice, greeted once": {[]simulate.Join{join("users/1"), join("users/1")}, []simulate.AppMessage{sent("users/1")}, []string{"users/1"}, Row{Wanted: 1, Got: 1}},
		"missing":                    {[]simulate.Join{join("users/1")}, nil, []string{"users/1"}, Row{Wanted: 1, Lost: 1}},
		"doubled":                    {[]simulate.Join{join("users/1")}, []simulate.AppMessage{sent("users/1"), sent("users/1")}, []string{"users/1"}, Row{Wanted: 1, Got: 2, Doubled: 1}},
		"uncalled for":               {nil, []simulate.AppMessage{sent("users/1")}, nil, Row{Got: 1, Unexpected: 1}},
		"left, greeted":              {[]simulate.Join{join("users/1")}, []simulate.AppMessage{sent("users/1")}, nil, Row{Wanted: 1, Got: 1}},
		"left, not greeted":          {[]simulate.Join{join("users/1")}, nil, nil, Row{}},
		"a bot":                      {[]simulate.Join{{Space: "spaces/S", User: "users/9", Bot: true, Published: true}}, nil, []string{"users/9"}, Row{}},
		"before the subscription":    {[]simulate.Join{unseen("users/1")}, nil, []string{"users/1"}, Row{}},
		"back, unseen":               {[]simulate.Join{join("users/1"), unseen("users/1")}, nil, []string{"users/1"}, Row{}},
		"greeted, back, unseen":      {[]simulate.Join{join("users/1"), unseen("users/1")}, []simulate.AppMessage{sent("users/1")}, []string{"users/1"}, Row{Wanted: 1, Got: 1}},
		"unseen, back":               {[]simulate.Join{unseen("users/1"), join("users/1")}, nil, []string{"users/1"}, Row{Wanted: 1, Lost: 1}},
		"a public message":           {nil, []simulate.AppMessage{{Space: "spaces/S"}}, nil, Row{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.want.What = "welcomes"
			got := checkWelcomes(simulate.Truth{Joins: tt.joins, AppMessages: tt.sent}, func(string) []string { return tt.members })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

// busy is a broker that is never idle.
type busy struct{}

func (busy) WaitIdle(context.Context, string) error { return errors.New("3 messages left") }

func TestDrainThatDoesNotEndIsUnknown(t *testing.T) {
	t.Parallel()
	env := storetest.New(t, storetest.Options{})
	if err := Drain(t.Context(), env.Pool(), busy{}, "s"); err == nil || !strings.HasPrefix(err.Error(), "outcome unknown") {
		t.Errorf("Drain = %v, want an error that says the outcome is unknown", err)
	}
}
