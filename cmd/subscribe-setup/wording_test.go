package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// says fails unless the last command's transcript has the text.
func (x *terminal) says(want bool, text string) {
	x.t.Helper()
	if strings.Contains(x.transcript.String(), text) != want {
		x.t.Errorf("%q in it: want %v:\n%s", text, want, x.transcript.String())
	}
	x.transcript.Reset()
}

func TestWhatIsChangedByHandWakesTheKeeper(t *testing.T) {
	t.Parallel()
	x := openWatched(t, simulate.Options{})
	x.run(cli.OK, "apply")
	passes := func() int {
		var n int
		if err := x.store.Pool().QueryRow(t.Context(), `DELETE FROM river_job WHERE kind = 'keep' RETURNING 1`).Scan(&n); err != nil {
			return 0
		}
		return n
	}
	passes()
	if err := x.ws.Suspend(x.name(x.ws.Spaces()[0].Name), "OTHER"); err != nil {
		t.Fatal(err)
	}
	if err := x.ws.Mend(x.name(x.ws.Spaces()[0].Name)); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"reactivate", "renew", "delete"} {
		x.run(cli.OK, command, "$A")
		if passes() != 1 {
			t.Errorf("%s asks for no pass of the keeper", command)
		}
	}
}

// What the authorizing user can't see any more delivers nothing: that is red.
func TestLostAuthorizationIsASuspension(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{})
	x.run(cli.OK, "apply")
	if err := x.ws.Suspend(x.name(x.ws.Spaces()[0].Name), "USER_AUTHORIZATION_FAILURE"); err != nil {
		t.Fatal(err)
	}
	x.transcript.Reset()
	x.run(cli.Failed, "status", "-o", "json")
	x.says(true, `"health": "suspended"`)
}

func TestOrphansAndUntriedTargetsAreCountedAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 3})
	x.config("workspace: {spaces: [$A, $B]}")
	x.run(cli.OK, "apply")
	x.config("workspace: {spaces: [$B]}")
	x.run(cli.OK, "apply")
	x.says(true, "1 unchanged, 1 not configured and kept")
	names := strings.Fields(x.run(cli.OK, "list", "-o", "name"))
	if !slices.IsSorted(names) {
		t.Errorf("got %v, want them in order", names)
	}
	x.run(cli.OK, "delete", "$A")
	x.config("workspace: {spaces: [$A, $B, $C]}")
	ctx, interrupt := context.WithCancel(t.Context())
	x.ctx = ctx
	x.ws.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if c.Method == "subscriptions.create" {
			interrupt()
		}
		return simulate.EventsFault{}
	})
	x.transcript.Reset()
	x.run(cli.Interrupted, "apply")
	x.says(false, "failed")
}

func TestUnknownCommandsGetASuggestion(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, env: map[string]string{}}
	x.run(cli.Misused, "aply")
	x.says(true, "did you mean apply?")
	x.run(cli.Misused, "spaces", "lst")
	x.says(true, "did you mean list?")
}
