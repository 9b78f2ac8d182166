package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	// Started by an init function below the Pub/Sub client; never ends.
	goleak.VerifyTestMain(conformancetest.Main(m,
		"workspaceevents.subscriptions.create", "workspaceevents.subscriptions.delete", "workspaceevents.subscriptions.list",
	), goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// deafBroker has the one topic and keeps nothing.
type deafBroker struct{}

func (deafBroker) Publish(string, ...*pubsubpb.PubsubMessage) ([]string, error) { return nil, nil }
func (deafBroker) TopicExists(name string) bool                                 { return strings.HasSuffix(name, "/chat-events") }

// terminal runs commands against a simulated Workspace whose clock stands
// still, and keeps a transcript.
type terminal struct {
	t          *testing.T
	env        map[string]string
	transcript strings.Builder
}

func open(t *testing.T) *terminal {
	t.Helper()
	ws, err := simulate.Start(t.Context(), simulate.Options{
		Seed: 1, Spaces: 2, Users: -1, App: "100000000000000000042", Publisher: deafBroker{},
		Now: func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	var spaces []string
	for _, s := range ws.Spaces() {
		spaces = append(spaces, s.Name)
	}
	return &terminal{t: t, env: map[string]string{
		"SPACEKEEPER_PROJECT":                   ws.Project(),
		"SPACEKEEPER_PUBSUB_TOPIC":              "chat-events",
		"SPACEKEEPER_WORKSPACE_SPACES":          strings.Join(spaces, ","),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT": conformancetest.Proxy(t, ws.WorkspaceEventsEndpoint()),
	}}
}

// run executes one command; $A stands for the first space.
func (x *terminal) run(want int, args ...string) (stdout string) {
	x.t.Helper()
	spaces := strings.Split(x.env["SPACEKEEPER_WORKSPACE_SPACES"], ",")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$A", spaces[0])
	}
	var out, messages bytes.Buffer
	code := run(x.t.Context(), append([]string{}, args...), func(name string) string { return x.env[name] }, &out, &messages)
	if code != want {
		x.t.Errorf("subscribe-setup %s: got exit code %d, want %d", strings.Join(args, " "), code, want)
	}
	fmt.Fprintf(&x.transcript, "$ subscribe-setup %s\n%s", strings.Join(args, " "), out.String())
	for line := range strings.Lines(messages.String()) {
		x.transcript.WriteString("2> " + line)
	}
	fmt.Fprintf(&x.transcript, "(exit %d)\n\n", code)
	return out.String()
}

// compare holds the transcript against its golden file.
func (x *terminal) compare(name string) {
	x.t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(x.transcript.String()), 0o644); err != nil {
			x.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		x.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), x.transcript.String()); diff != "" {
		x.t.Errorf("%s (-want +got; -update rewrites it):\n%s", file, diff)
	}
}

func TestApplyListDelete(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.run(exitOK, "list")
	x.run(exitOK, "list", "-o", "json")
	x.run(exitOK, "apply")
	x.run(exitOK, "apply")
	x.run(exitOK, "list")
	x.env["SPACEKEEPER_WORKSPACE_EVENT_TYPES"] = "google.workspace.chat.membership.v1.created"
	x.run(exitOK, "apply", "-o", "json")
	x.run(exitOK, "list", "-o", "json")
	x.run(exitOK, "delete", "$A")
	x.run(exitFailed, "delete", "$A")
	x.run(exitOK, "list")
	x.compare("session")
}

func TestApplyFailures(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "absent"
	x.run(exitFailed, "apply")
	x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "chat-events"
	good := x.env["SPACEKEEPER_WORKSPACE_SPACES"]
	x.env["SPACEKEEPER_WORKSPACE_SPACES"] = good + ",spaces/Absent"
	x.run(exitFailed, "apply")
	x.env["SPACEKEEPER_WORKSPACE_INCLUDE_RESOURCE"] = "false"
	x.env["SPACEKEEPER_WORKSPACE_SPACES"] = good
	x.run(exitFailed, "apply")
	x.compare("failures")
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, env: map[string]string{}}
	x.run(exitUsage)
	x.run(exitUsage, "aply")
	x.run(exitUsage, "apply", "now")
	x.run(exitUsage, "apply", "--dry-run")
	x.run(exitUsage, "list", "-o", "xml")
	x.run(exitUsage, "delete")
	x.run(exitUsage, "delete", "chat-spaces-1")
	x.run(exitConfig, "apply")
	x.run(exitConfig, "list", "--config", "testdata/wrong.yaml")
	x.run(exitConfig, "list", "--config", "testdata/absent.yaml")
	x.compare("wrong-use")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t}
	if got := x.run(exitOK, "version"); !strings.HasPrefix(got, "subscribe-setup ") || !strings.Contains(got, "go1.") {
		t.Errorf("got %q", got)
	}
}
