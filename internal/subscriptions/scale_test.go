package subscriptions_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// Planning, and then applying, takes at most twice the time that Google's
// quota of 100 writes a minute needs for its calls, even if Google takes a
// second to answer each.
func TestThousandsAreBoundByTheQuota(t *testing.T) {
	t.Parallel()
	spaces := 300
	if storetest.Full() {
		spaces = 10_000
	}
	synctest.Test(t, func(t *testing.T) {
		ws, err := simulate.Start(t.Context(), simulate.Options{
			Spaces: spaces, Users: -1, Publisher: simulatetest.Deaf{Topic: "chat-events"}, NoListen: true, Now: time.Now,
			TTL: simulate.TTL{Data: 7 * 24 * time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		ws.SetEventsFaults(func(simulate.EventsCall) simulate.EventsFault {
			return simulate.EventsFault{Latency: time.Second}
		})
		m, err := subscriptions.New(t.Context(), subscriptions.Options{Endpoint: ws.WorkspaceEventsEndpoint(), Transport: ws.InProcess()})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		var want []subscriptions.Desired
		for _, s := range ws.Spaces() {
			want = append(want, subscriptions.Desired{
				Scope: s.Name, Topic: "projects/" + ws.Project() + "/topics/chat-events", EventTypes: config.EventTypes(), IncludeResource: true,
			})
		}
		timed := func(what string, writes int, do func()) {
			begin := time.Now()
			do()
			needed := time.Duration(writes) * time.Minute / 100
			t.Logf("%s of %d spaces: %s; the quota needs %s", what, spaces, time.Since(begin), needed)
			if took := time.Since(begin); took > 2*needed {
				t.Errorf("%s took %s, want at most twice %s", what, took, needed)
			} else if said := subscriptions.TakesAbout(writes); took > 2*said+time.Minute || said > 2*took+time.Minute {
				t.Errorf("%s took %s, and about %s was expected", what, took, said)
			}
		}
		var actions []subscriptions.Action
		timed("plan", spaces, func() {
			there, err := m.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			actions = subscriptions.Plan(want, there, subscriptions.View{})
			for v := range m.ValidateAll(t.Context(), actions) {
				if v.Err != nil {
					t.Fatal(v.Err)
				}
			}
		})
		timed("apply", spaces, func() {
			for r := range m.DoAll(t.Context(), actions) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
		})
		// Once all is well, there is nothing but the list: a call for each hundred.
		timed("plan of what is right", spaces/100+1, func() {
			there, err := m.List(t.Context())
			if err != nil || len(there) != spaces {
				t.Fatalf("got %d subscriptions, %v", len(there), err)
			}
		})
	})
}
