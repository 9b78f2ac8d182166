package main

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// status and list show what the keeper saw, and cost no call of Google's quota.
func TestSeenByTheKeeper(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 3})
	x.config("workspace: {spaces: [$A, $B, $C]}")
	x.run(cli.OK, "apply")
	var calls atomic.Int64
	x.ws.SetEventsFaults(func(simulate.EventsCall) (none simulate.EventsFault) {
		calls.Add(1)
		return
	})
	x.ws.SetChatFaults(func(simulate.ChatCall) (none simulate.ChatFault) {
		calls.Add(1)
		return
	})
	asks := func(want bool, code int, args ...string) (out string) {
		t.Helper()
		calls.Store(0)
		out = x.run(code, args...)
		if n := calls.Load(); n > 0 != want {
			t.Errorf("%s: %d calls to Google", strings.Join(args, " "), n)
		}
		return out
	}
	asks(true, cli.Failed, "status") // no keeper has looked, and there is no worker
	asks(true, cli.OK, "list")
	x.keep()
	x.clock.Advance(3 * time.Minute)
	asks(false, cli.OK, "status")
	asks(false, cli.OK, "status", "-o", "json")
	asks(false, cli.OK, "list", "-o", "wide")

	// What has changed since shows with --fresh only.
	spaces := x.ws.Spaces()
	x.run(cli.OK, "delete", spaces[0].Name)
	asks(false, cli.OK, "status", "-o", "name")
	if got := asks(true, cli.Failed, "status", "--fresh", "-o", "name"); got != spaces[0].Name+"\n" {
		t.Errorf("--fresh shows %q as unhealthy, want the one that was deleted", got)
	}
	asks(true, cli.OK, "list", "--fresh")

	// What the configuration asks for is compared all the same.
	x.config("workspace: {spaces: [$A, $B], targets: [{target: $C, include_resource: false}]}")
	asks(false, cli.Failed, "status")

	// A keeper that hasn't looked for long is a problem of its own.
	x.config("workspace: {spaces: [$A, $B, $C]}")
	x.clock.Advance(time.Hour)
	if err := x.store.Heartbeat(t.Context(), x.clock.Now(), 7*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	asks(false, cli.Failed, "status")
	x.config("{workspace: {spaces: [$A, $B, $C]}, keeper: {enabled: false}}")
	asks(true, cli.Failed, "status")
	x.compare("seen")
}

// A suspended subscription shows for Google's reason, also where a person has to
// replace it.
func TestSeenSuspended(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{Spaces: 2})
	x.config("workspace: {spaces: [$A, $B]}")
	x.run(cli.OK, "apply")
	x.clock.Advance(time.Minute)
	for i, reason := range []string{"APP_SCOPE_REVOKED", "USER_AUTHORIZATION_FAILURE"} {
		if err := x.ws.Suspend(x.name(x.ws.Spaces()[i].Name), reason); err != nil {
			t.Fatal(err)
		}
	}
	x.ws.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if c.Method == "subscriptions.reactivate" {
			return simulate.EventsFault{Status: 400}
		}
		return simulate.EventsFault{}
	})
	x.keep()
	fresh := x.run(cli.Failed, "status", "--fresh", "-o", "wide")
	seen := x.run(cli.Failed, "status", "-o", "wide")
	if want := strings.ReplaceAll(fresh, "asked of Google now", "seen 0s ago by the keeper; --fresh asks Google"); seen != want {
		t.Errorf("the keeper saw\n%s, and Google says\n%s", seen, fresh)
	}
}
