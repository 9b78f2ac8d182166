package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/subscriptions/report"
)

func newClock() *simulatetest.Clock {
	return simulatetest.NewClock(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
}

func TestRenewReactivateDelete(t *testing.T) {
	t.Parallel()
	clock := newClock()
	x := open(t, simulate.Options{Spaces: 3, Now: clock.Now})
	x.run(cli.OK, "apply")
	x.transcript.Reset()
	clock.Advance(3*time.Hour + 29*time.Minute)
	x.run(cli.OK, "renew", "$A")
	x.run(cli.OK, "list")
	x.run(cli.OK, "renew", "--all", "-o", "name")
	x.run(cli.Failed, "renew", "subscriptions/absent")
	x.suspend()
	x.run(cli.OK, "reactivate", "$A")
	x.run(cli.OK, "reactivate", "--all", "-o", "yaml")
	x.ws.SetCondition(simulate.ApprovalMissing, true)
	x.suspend()
	x.run(cli.Failed, "reactivate", "--all")
	x.ws.SetCondition(simulate.ApprovalMissing, false)
	for _, format := range cli.Formats() {
		x.run(cli.OK, "delete", x.ws.Spaces()[0].Name, "-o", format)
		x.run(cli.OK, "apply", "-o", "name")
	}
	x.run(cli.Failed, "delete", x.ws.Spaces()[0].Name, "spaces/Absent", x.ws.Spaces()[1].Name)
	x.compare("manual")
}

func TestSpacesList(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 4})
	x.config("workspace: {spaces: [$A, $C]}")
	x.run(cli.OK, "apply")
	x.suspend()
	x.config("workspace: {spaces: [$A, $B]}")
	x.transcript.Reset()
	for _, format := range cli.Formats() {
		x.run(cli.OK, "spaces", "list", "-o", format)
	}
	x.run(cli.Misused, "spaces")
	x.compare("spaces")
	// What it prints as YAML is a configuration.
	file := filepath.Join(x.dir, "pasted.yaml")
	if err := os.WriteFile(file, []byte(x.run(cli.OK, "spaces", "list", "-o", "yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, func(string) string { return "" })
	if err != nil || len(cfg.Workspace.Spaces) != 4 {
		t.Errorf("got %v, %v", cfg.Workspace.Spaces, err)
	}
}

func TestSpacesOfAUser(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 2, Users: 2, Auth: simulate.AuthUser})
	x.config("auth: {mode: user, token_file: " + x.token() + "}\nworkspace: {targets: [{target: spaces/-}]}")
	x.run(cli.OK, "spaces", "list")
	x.run(cli.OK, "apply")
	x.run(cli.OK, "spaces", "list")
	x.run(cli.OK, "list")
	x.run(cli.OK, "plan", "--detailed-exitcode")
	x.compare("spaces-of-a-user")
}

// A name can't break out of the line that it stands on.
func TestOneLine(t *testing.T) {
	t.Parallel()
	if got := report.SpacesYAML([]report.SpaceRow{{Space: "spaces/A", DisplayName: "a\nb: \x1b[31mc\u202e"}}); strings.Count(got, "\n") != 3 || strings.ContainsAny(got, "\x1b\u202e") {
		t.Errorf("got %q", got)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 3})
	x.run(cli.OK, "apply")
	for _, line := range []string{"delete ", "renew $A ", "apply -o ", "status --in"} {
		x.run(cli.OK, append([]string{"__complete"}, strings.Split(line, " ")...)...)
	}
	x.ws.SetCondition(simulate.Unauthenticated, true)
	x.run(cli.OK, "__complete", "delete", "")
	x.compare("completion")
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x.ctx = ctx
	for _, command := range []string{"plan", "apply", "list"} {
		x.run(cli.Interrupted, command)
	}
}

func TestNoSpaces(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: -1})
	x.env["SPACEKEEPER_WORKSPACE_SPACES"] = "spaces/A"
	x.run(cli.OK, "spaces", "list")
	if !strings.Contains(x.transcript.String(), "add the Chat app to a space") {
		t.Errorf("it says\n%s", x.transcript.String())
	}
}
