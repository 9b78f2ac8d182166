package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/simulatetest"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	storetest.Safe() // as doctor wants it
	// Started by an init function below the Pub/Sub client; never ends.
	os.Exit(storetest.Main(conformancetest.Main(m,
		"workspaceevents.subscriptions.create", "workspaceevents.subscriptions.delete", "workspaceevents.subscriptions.get",
		"workspaceevents.subscriptions.list", "workspaceevents.subscriptions.patch", "workspaceevents.subscriptions.reactivate",
		"chat.spaces.list",
	), goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")))
}

// terminal runs commands against a simulated Workspace whose clock stands
// still, and keeps a transcript.
type terminal struct {
	t          *testing.T
	ctx        context.Context // nil for the test's
	ws         *simulate.Workspace
	env        map[string]string
	dir        string // $DIR of command lines
	answers    string // typed by somebody; "" if nobody is there
	paints     bool
	wait       func(context.Context, time.Duration) error
	now        func() time.Time
	transcript strings.Builder
}

func open(t *testing.T, opts simulate.Options) *terminal {
	t.Helper()
	opts.Publisher = simulatetest.Deaf{Topic: "chat-events"}
	return openWithPubSub(t, opts)
}

// openWithPubSub has a Pub/Sub server, unless opts bring a Publisher.
func openWithPubSub(t *testing.T, opts simulate.Options) *terminal {
	t.Helper()
	opts.Seed, opts.App = 1, "100000000000000000042"
	if opts.Spaces == 0 {
		opts.Spaces = 2
	}
	if opts.Users == 0 {
		opts.Users = -1
	}
	if opts.Now == nil {
		opts.Now = func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }
	}
	ws, err := simulate.Start(t.Context(), opts)
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
	return &terminal{t: t, ws: ws, dir: t.TempDir(), now: opts.Now, env: map[string]string{
		"SPACEKEEPER_PROJECT":                   ws.Project(),
		"SPACEKEEPER_PUBSUB_TOPIC":              "chat-events",
		"SPACEKEEPER_WORKSPACE_SPACES":          strings.Join(spaces, ","),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT": conformancetest.Proxy(t, ws.WorkspaceEventsEndpoint()),
		"PUBSUB_EMULATOR_HOST":                  ws.PubSubAddr(),
		"SPACEKEEPER_RESOURCE_MANAGER_ENDPOINT": conformancetest.Proxy(t, ws.ResourceManagerEndpoint()),
		"SPACEKEEPER_CHAT_ENDPOINT":             conformancetest.Proxy(t, ws.ChatEndpoint()),
	}}
}

// exitAny is for commands that may fail.
const exitAny = -1

// config writes a configuration file beside what the environment says.
func (x *terminal) config(text string) {
	x.t.Helper()
	for i, s := range x.ws.Spaces() {
		text = strings.ReplaceAll(text, "$"+string(rune('A'+i)), s.Name)
	}
	if err := os.WriteFile(filepath.Join(x.dir, "spacekeeper.yaml"), []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
	delete(x.env, "SPACEKEEPER_WORKSPACE_SPACES")
	x.env["CONFIG"] = filepath.Join(x.dir, "spacekeeper.yaml")
}

// run executes one command; $A stands for the first space and $DIR for a
// directory.
func (x *terminal) run(want int, args ...string) (stdout string) {
	x.t.Helper()
	args = append([]string{}, args...)
	for i := range args {
		if strings.Contains(args[i], "$A") {
			args[i] = strings.ReplaceAll(args[i], "$A", x.ws.Spaces()[0].Name)
		}
	}
	shown := strings.Join(args, " ")
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "$DIR", x.dir)
	}
	if file := x.env["CONFIG"]; file != "" {
		args = append(args, "--config", file)
	}
	ctx := x.ctx
	if ctx == nil {
		ctx = x.t.Context()
	}
	var out, messages bytes.Buffer
	code := run(ctx, args, cli.Env{
		In: strings.NewReader(x.answers), Out: &out, Err: &messages, Getenv: func(name string) string { return x.env[name] },
		Interactive: x.answers != "", Paints: x.paints, Wait: x.wait, Now: x.now,
	})
	if code != want && want != exitAny {
		x.t.Errorf("subscribe-setup %s: got exit code %d, want %d", strings.Join(args, " "), code, want)
	}
	fmt.Fprintf(&x.transcript, "$ subscribe-setup %s\n%s", shown, x.mask(out.String()))
	for line := range strings.Lines(x.mask(messages.String())) {
		x.transcript.WriteString("2> " + strings.TrimSuffix(line, "\n") + "\n")
	}
	fmt.Fprintf(&x.transcript, "(exit %d)\n\n", code)
	return out.String()
}

var uid = regexp.MustCompile(`(uid"?: "?)[^",\n]+`)

// mask hides what isn't the same in every run.
func (x *terminal) mask(text string) string {
	text = uid.ReplaceAllString(text, "${1}U")
	if x.dir != "" {
		text = strings.ReplaceAll(text, x.dir, "DIR")
	}
	return text
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
	x := open(t, simulate.Options{})
	x.run(cli.OK, "list")
	x.run(cli.OK, "list", "-o", "json")
	x.run(cli.OK, "apply")
	x.run(cli.OK, "apply")
	x.run(cli.OK, "list")
	x.env["SPACEKEEPER_WORKSPACE_EVENT_TYPES"] = "google.workspace.chat.membership.v1.created"
	x.run(cli.OK, "apply", "-o", "json")
	for _, format := range cli.Formats() {
		x.run(cli.OK, "list", "-o", format)
		x.run(cli.OK, "renew", "$A", "-o", format)
		x.run(cli.OK, "apply", "-o", format)
	}
	x.run(cli.OK, "delete", "$A")
	x.run(cli.Failed, "delete", "$A")
	x.run(cli.OK, "list")
	x.compare("session")
}

func TestApplyFailures(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{})
	x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "absent"
	x.run(cli.Failed, "apply")
	x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "chat-events"
	good := x.env["SPACEKEEPER_WORKSPACE_SPACES"]
	x.env["SPACEKEEPER_WORKSPACE_SPACES"] = good + ",spaces/Absent"
	x.run(cli.Failed, "plan")
	x.run(cli.Failed, "apply")
	x.run(cli.Failed, "apply", "-o", "json")
	x.compare("failures")
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, env: map[string]string{}}
	x.run(cli.Misused)
	x.run(cli.Misused, "aply")
	x.run(cli.Misused, "apply", "now", "then")
	x.run(cli.Misused, "apply", "plan.json", "--prune")
	x.run(cli.Misused, "apply", "--dry-run")
	x.run(cli.Misused, "list", "-o", "xml")
	x.run(cli.Misused, "delete")
	x.run(cli.Misused, "delete", "chat-spaces-1")
	x.run(cli.Misconfigured, "apply")
	x.run(cli.Misconfigured, "list", "--config", "testdata/wrong.yaml")
	x.run(cli.Misconfigured, "list", "--config", "testdata/absent.yaml")
	x.run(cli.Failed, "apply", "testdata/absent.json")
	x.run(cli.Failed, "apply", "testdata/wrong.yaml")
	x.compare("wrong-use")
}

func TestVersion(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t}
	if got := x.run(cli.OK, "version"); !strings.HasPrefix(got, "subscribe-setup version ") || !strings.Contains(got, "go1.") {
		t.Errorf("got %q", got)
	}
}
