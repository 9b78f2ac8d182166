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
	x.paints = true
	x.run(cli.Failed, "status")
	x.says(true, "\x1b[31m×\x1b[0m")
	x.run(cli.OK, "list")
	x.says(true, "\x1b[31mSUSPENDED (USER_AUTHORIZATION_FAILURE)\x1b[0m")
}

func TestOrphansAndUntriedTargetsAreCountedAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 3})
	x.config("workspace: {spaces: [$A, $B]}")
	x.run(cli.OK, "apply")
	x.config("workspace: {spaces: [$B]}")
	x.run(cli.OK, "apply")
	x.says(true, "1 unchanged, 1 not configured and kept")
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
	x.run(cli.Misused, "help", "aply")
	x.says(true, "did you mean apply?")
	x.run(cli.Misused, "completion", "bsh")
	x.says(true, "did you mean bash")
}

func TestUnknownFlagsGetASuggestion(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, env: map[string]string{}}
	for args, says := range map[string]string{
		"apply --prun": "did you mean --prune?", "apply -prune": "did you mean --prune?", "list --outputs=json": "did you mean --output?",
		"list --confg x": "did you mean --config?", "list --nonsense": `unknown flag --nonsense for "subscribe-setup list" (see`,
		"list -x": `unknown flag -x for "subscribe-setup list" (see`, "list --=x": "write it as --name, or --name=value",
	} {
		x.run(cli.Misused, strings.Fields(args)...)
		x.says(true, says)
	}
}

// List is in the order of what is watched, whatever Google's is.
func TestListIsInOrder(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 40})
	var spaces []string
	for _, s := range x.ws.Spaces() {
		spaces = append(spaces, s.Name)
	}
	slices.Sort(spaces)
	delete(x.env, "SPACEKEEPER_WORKSPACE_SPACES")
	for i := range spaces { // made in the reverse order
		x.env["SPACEKEEPER_WORKSPACE_SPACES"] = spaces[len(spaces)-1-i]
		x.run(cli.OK, "apply")
	}
	var listed []string
	for _, line := range strings.Split(strings.TrimSpace(x.run(cli.OK, "list")), "\n")[1:] {
		listed = append(listed, strings.Fields(line)[0])
	}
	if !slices.Equal(listed, spaces) {
		t.Errorf("got %v, want %v", listed, spaces)
	}
}

// What a plan asks for and is there already is no change: half done, it does the rest.
func TestHalfDonePlanIsFinished(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 12})
	x.run(cli.OK, "plan", "--out", "$DIR/plan.json")
	ctx, interrupt := context.WithCancel(t.Context())
	x.ctx = ctx
	made := 0
	x.ws.SetEventsFaults(func(c simulate.EventsCall) simulate.EventsFault {
		if c.Method == "subscriptions.create" {
			if made++; made == 2 {
				interrupt()
			}
		}
		return simulate.EventsFault{}
	})
	x.run(cli.Interrupted, "apply", "$DIR/plan.json")
	x.ws.SetEventsFaults(nil)
	x.ctx = nil
	if n := strings.Count(x.run(cli.OK, "list", "-o", "name"), "\n"); n == 0 || n == 12 {
		t.Fatalf("%d of 12 are there: the plan isn't half done", n)
	}
	x.run(cli.OK, "apply", "$DIR/plan.json")
	if n := strings.Count(x.run(cli.OK, "list", "-o", "name"), "\n"); n != 12 {
		t.Errorf("%d of 12 are there", n)
	}
}

// The project of the environment is taken, and what comes next is named.
func TestInitSaysWhatComesNext(t *testing.T) {
	t.Parallel()
	x := initIn(t, "")
	x.env["SPACEKEEPER_PROJECT"] = "my-project"
	x.run(cli.OK, "init", "--config", "$DIR/spacekeeper.yaml", "--follow")
	for _, next := range []string{"subscriber migrate up", "subscribe-setup doctor --pre", "subscribe-setup spaces list"} {
		if !strings.Contains(x.transcript.String(), next) {
			t.Errorf("it doesn't name %q:\n%s", next, x.transcript.String())
		}
	}
	if text := x.written(); !strings.Contains(text, "project: my-project") {
		t.Errorf("it writes\n%s", text)
	}
	x.env["SPACEKEEPER_PROJECT"] = "My Project"
	x.transcript.Reset()
	x.run(cli.Misused, "init", "--force", "--config", "$DIR/spacekeeper.yaml", "--follow")
	x.says(true, `SPACEKEEPER_PROJECT "My Project" is not a project id`)
}
