package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

const (
	// before is applied first.
	before = `
workspace:
  spaces: [$A, $B, $C]
  targets:
    - target: $D
      include_resource: false
`
	// after adds, changes, replaces, keeps and leaves one out.
	after = `
workspace:
  spaces: [$A]
  targets:
    - target: $B
      event_types: [google.workspace.chat.message.v1.created, google.workspace.chat.reaction.v1.created]
    - target: $D
    - target: "name:Design*"
      include_resource: false
    - target: "name:Nothing like it"
`
)

// change brings a Workspace to where everything that a plan knows is to be
// done.
func change(t *testing.T) *terminal {
	t.Helper()
	x := open(t, simulate.Options{Spaces: 6})
	x.config(before)
	x.run(cli.OK, "apply")
	x.suspend()
	if _, err := x.ws.AddUnmanaged(simulate.Unmanaged{
		Target: "//chat.googleapis.com/" + x.ws.Spaces()[4].Name, EventTypes: config.EventTypes(),
		Topic: "projects/" + x.ws.Project() + "/topics/somebody/chat-events",
	}); err != nil {
		t.Fatal(err)
	}
	x.config(after)
	x.transcript.Reset()
	return x
}

// suspend suspends the subscription of the first space; what it was suspended
// for is mended at once.
func (x *terminal) suspend() {
	x.t.Helper()
	want := x.ws.Spaces()[0].Name
	for line := range strings.Lines(x.run(cli.OK, "list", "-o", "wide")) {
		if fields := strings.Fields(line); fields[0] == want {
			name := fields[len(fields)-1]
			if err := x.ws.Suspend(name, "APP_SCOPE_REVOKED"); err != nil {
				x.t.Fatal(err)
			}
			if err := x.ws.Mend(name); err != nil {
				x.t.Fatal(err)
			}
			return
		}
	}
	x.t.Fatalf("%s has no subscription", want)
}

func TestPlanAndApply(t *testing.T) {
	t.Parallel()
	x := change(t)
	for _, format := range cli.Formats() {
		x.run(cli.OK, "plan", "-o", format)
	}
	x.run(cli.Pending, "plan", "--detailed-exitcode", "--prune")
	x.run(cli.Failed, "apply") // nobody is there to agree to a replacement
	x.answers = "no\n"
	x.run(cli.Failed, "apply", "--prune")
	x.answers = "y\n"
	x.run(cli.OK, "apply")
	x.run(cli.OK, "plan", "--detailed-exitcode")
	x.answers = ""
	x.run(cli.Failed, "apply", "--prune")
	x.run(cli.OK, "apply", "--prune", "--yes")
	x.run(cli.OK, "plan", "--detailed-exitcode", "-o", "yaml")
	x.compare("plan")
}

func TestPlanFile(t *testing.T) {
	t.Parallel()
	x := change(t)
	x.run(cli.OK, "plan", "--prune", "--out", "$DIR/plan.json")
	x.run(cli.OK, "apply", "$DIR/plan.json")
	x.run(cli.OK, "apply", "$DIR/plan.json") // it is done
	x.run(cli.OK, "plan", "--detailed-exitcode", "--prune")
	x.compare("plan-file")
	fromStdout := x.run(cli.OK, "plan", "-o", "json")
	x.run(cli.OK, "plan", "--out", "$DIR/plan.json")
	if kept, err := os.ReadFile(filepath.Join(x.dir, "plan.json")); err != nil || string(kept) != fromStdout {
		t.Errorf("the file and what is printed differ (%v)", err)
	}
}

// What has changed since a plan was made is found out before anything is done.
func TestPlanFileOutOfDate(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct {
		do   func(x *terminal)
		says string
	}{
		"configured differently": {func(x *terminal) {
			x.config(strings.Replace(after, "message.v1.created", "message.v1.deleted", 1))
		}, "asks for something else"},
		"configured no more": {func(x *terminal) {
			x.config("workspace:\n  spaces: [$A]\n")
		}, "isn't configured any more"},
		"configured besides": {func(x *terminal) {
			x.config(strings.Replace(after, "spaces: [$A]", "spaces: [$A, $E]", 1))
		}, "not in the plan"},
		"another topic": {func(x *terminal) { x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "another" }, "plan is for the topic"},
		"suspended": {func(x *terminal) {
			name := x.run(cli.OK, "list", "-o", "name")
			for line := range strings.Lines(name) {
				if err := x.ws.Suspend(strings.TrimSpace(line), "OTHER"); err != nil {
					x.t.Fatal(err)
				}
			}
		}, "its subscription has changed"},
		"deleted": {func(x *terminal) {
			for line := range strings.Lines(x.run(cli.OK, "list", "-o", "name")) {
				x.run(cli.OK, "delete", strings.TrimSpace(line))
			}
		}, "its subscription has changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := open(t, simulate.Options{Spaces: 6})
			x.config(before)
			x.run(cli.OK, "apply")
			x.config(after)
			x.run(cli.OK, "plan", "--prune", "--out", "$DIR/plan.json")
			change.do(x)
			before := x.run(cli.OK, "list", "-o", "json")
			x.transcript.Reset()
			x.run(cli.Failed, "apply", "$DIR/plan.json")
			if !strings.Contains(x.transcript.String(), change.says) || !strings.Contains(x.transcript.String(), "plan again") {
				t.Errorf("it doesn't say %q:\n%s", change.says, x.transcript.String())
			}
			if after := x.run(cli.OK, "list", "-o", "json"); after != before {
				t.Error("something was changed")
			}
		})
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{})
	x.paints = true
	x.run(cli.OK, "plan")
	x.run(cli.OK, "apply")
	x.run(cli.OK, "list")
	x.transcript.WriteString("")
	x.compare("colours")
}
