package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/names"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions"
)

// watched is a terminal with a database, whose keeper and recording are done
// by hand.
type watched struct {
	*terminal
	clock *simulatetest.Clock
	store *storetest.Env
}

func openWatched(t *testing.T, opts simulate.Options) *watched {
	t.Helper()
	clock := newClock()
	opts.Now = clock.Now
	x := &watched{terminal: open(t, opts), clock: clock}
	db := storetest.New(t, storetest.Options{Now: clock.Now})
	x.store = db
	x.env["SPACEKEEPER_DATABASE_DSN"] = db.DSN
	return x
}

// keep is a pass of the worker's keeper, which wants the spaces and what is
// there, and which also says that it is there.
func (x *watched) keep(spaces ...simulate.SpaceInfo) {
	x.t.Helper()
	m, err := subscriptions.New(x.t.Context(), subscriptions.Options{
		Endpoint: x.env["SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT"], Now: x.clock.Now,
	})
	if err != nil {
		x.t.Fatal(err)
	}
	defer m.Close()
	k := subscriptions.NewKeeper(m, x.store, subscriptions.KeeperOptions{
		Topic: "projects/" + x.ws.Project() + "/topics/chat-events",
		Desired: func(context.Context) (list []subscriptions.Desired, err error) {
			there, err := m.List(x.t.Context())
			for _, s := range spaces {
				if !slices.ContainsFunc(there, func(one subscriptions.Subscription) bool { return one.Scope() == s.Name }) {
					list = append(list, subscriptions.Desired{Scope: s.Name, Topic: there[0].Topic, EventTypes: there[0].EventTypes, IncludeResource: true})
				}
			}
			for _, s := range there {
				list = append(list, subscriptions.Desired{Scope: s.Scope(), Topic: s.Topic, EventTypes: s.EventTypes, IncludeResource: s.IncludeResource})
			}
			return list, err
		},
	})
	if _, err := k.Pass(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	var list []names.Space
	for _, s := range x.ws.Spaces() {
		list = append(list, names.Space{Name: s.Name, DisplayName: s.DisplayName})
	}
	if _, err := names.Listed(x.t.Context(), x.store.Store, x.clock.Now(), list); err != nil {
		x.t.Fatal(err)
	}
	if err := x.store.Heartbeat(x.t.Context(), x.clock.Now(), 7*24*time.Hour); err != nil {
		x.t.Fatal(err)
	}
}

// post records a message of the space, as if it had come in two seconds late.
func (x *watched) post(space string, n int) {
	x.t.Helper()
	at, name := x.clock.Now(), fmt.Sprintf("%s/messages/%d.%d", space, n, x.clock.Now().Unix())
	id := fmt.Sprintf("%s/spaceEvents/%d-%d", space, n, at.Unix())
	const created = "google.workspace.chat.message.v1.created"
	if _, err := x.store.Record(x.t.Context(), []events.Delivery{{
		MessageID: "m" + id, PublishTime: at.Add(time.Second), ReceivedAt: at.Add(2 * time.Second),
		Attributes: map[string]string{"ce-id": id, "ce-type": created}, Data: []byte(`{}`), Origin: events.OriginLive,
		Event: &events.Event{ID: id, Source: "//workspaceevents.googleapis.com/subscriptions/s", Type: created, Time: at, Items: []events.Item{{
			Kind: events.KindMessage, Verb: events.VerbCreated, Resource: name, Space: space, Actor: "users/1",
			Message: &events.Message{Name: name, Sender: events.User{Name: "users/1", Type: events.UserHuman}, CreateTime: at, Text: "hello"},
		}}},
	}}); err != nil {
		x.t.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 5, TTL: simulate.TTL{Data: 8 * time.Hour}})
	x.config("workspace: {spaces: [$A, $B, $C, $D]}")
	x.run(cli.Failed, "status")
	x.run(cli.OK, "apply")
	x.keep()
	spaces := x.ws.Spaces()
	for i := range 30 {
		x.post(spaces[i%2].Name, i)
	}
	x.clock.Advance(time.Minute)
	x.keep()
	for _, format := range cli.Formats() {
		x.run(cli.OK, "status", "-o", format)
	}
	// B is suspended for two hours, C is deleted by hand, D differs, and E is
	// somebody else's idea.
	x.clock.Advance(59 * time.Minute)
	name := x.name(spaces[1].Name)
	if err := x.ws.Suspend(name, "APP_SCOPE_REVOKED"); err != nil {
		t.Fatal(err)
	}
	x.run(cli.OK, "delete", spaces[2].Name)
	if _, err := x.ws.AddUnmanaged(simulate.Unmanaged{
		Target: "//chat.googleapis.com/" + spaces[4].Name, Topic: "projects/" + x.ws.Project() + "/topics/chat-events",
		EventTypes: []string{"google.workspace.chat.message.v1.created"},
	}); err != nil {
		t.Fatal(err)
	}
	x.ws.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if c.Method == "subscriptions.create" {
			return simulate.EventsFault{Status: 403}
		}
		return simulate.EventsFault{}
	})
	x.config(`workspace: {spaces: [$A, $B, $C], targets: [{target: $D, event_types: [google.workspace.chat.message.v1.created]}]}`)
	x.keep(spaces[2])
	for _, format := range cli.Formats() {
		x.run(cli.Failed, "status", "-o", format)
	}
	// The worker is gone, and nobody renews.
	x.clock.Advance(6 * time.Hour)
	x.run(cli.Failed, "status")
	x.compare("status")
}

func (x *terminal) name(scope string) string {
	x.t.Helper()
	for line := range strings.Lines(x.run(cli.OK, "list", "-o", "wide")) {
		if fields := strings.Fields(line); fields[0] == scope {
			return fields[len(fields)-1]
		}
	}
	x.t.Fatalf("%s has no subscription", scope)
	return ""
}

func TestStatusWithoutADatabase(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{})
	x.run(cli.Failed, "status")
	x.run(cli.OK, "apply")
	x.run(cli.OK, "status")
	x.run(cli.OK, "status", "-o", "json")
	x.compare("status-without-a-database")
}

// A watch looks again until it is interrupted, whatever it sees.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 1})
	ctx, cancel := context.WithCancel(t.Context())
	x.ctx = ctx
	looks := 0
	x.wait = func(context.Context, time.Duration) error {
		switch looks++; looks {
		case 1:
			x.ws.SetEventsFaults(func(simulate.EventsCall) simulate.EventsFault { return simulate.EventsFault{Status: 403} })
		case 2:
			x.ws.SetEventsFaults(nil)
			other := *x
			other.ctx, other.transcript = nil, strings.Builder{}
			other.run(cli.OK, "apply")
		case 3:
			cancel()
		}
		return ctx.Err()
	}
	x.run(cli.Interrupted, "status", "--watch")
	x.run(cli.Misused, "status", "--watch", "--interval", "1ms")
	x.compare("status-watch")
}
