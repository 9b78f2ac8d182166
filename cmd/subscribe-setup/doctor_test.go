package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/googleapis/gax-go/v2"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/cli/clitest"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/doctor"
	"github.com/spacekeeper/spacekeeper/internal/provision"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/broker"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const topicName = "projects/spacekeeper-demo/topics/chat-events"

// openHealthy is a terminal with a set-up in which all is well.
func openHealthy(t *testing.T) *terminal {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ws, err := simulate.Start(t.Context(), simulate.Options{Seed: 1, Spaces: 2, App: "100000000000000000042"})
	must(err)
	t.Cleanup(func() { must(ws.Close()) })
	role := storetest.NewRole(t)
	db := storetest.New(t, storetest.Options{})
	_, err = db.Pool().Exec(t.Context(), "DO $$ BEGIN EXECUTE format('GRANT %I TO "+role+"', current_user); END $$")
	must(err)
	must(db.Heartbeat(t.Context(), time.Now(), time.Hour))
	p, err := provision.New(t.Context(), provision.Options{
		Topic: topicName, Subscription: "projects/spacekeeper-demo/subscriptions/chat-events-worker", DeadLetterTopic: topicName + "-dead-letter",
		ProjectNumber: broker.ProjectNumber(ws.Project()), ClientOptions: ws.Broker().ClientOptions(),
	})
	must(err)
	defer p.Close()
	_, _, err = p.Make(t.Context())
	must(err)

	x := &terminal{t: t, ws: ws, dir: t.TempDir(), wait: gax.Sleep, env: map[string]string{
		"SPACEKEEPER_PROJECT":                   ws.Project(),
		"SPACEKEEPER_PUBSUB_TOPIC":              "chat-events",
		"SPACEKEEPER_PUBSUB_SUBSCRIPTION":       "chat-events-worker",
		"SPACEKEEPER_WORKSPACE_SPACES":          ws.Spaces()[0].Name + "," + ws.Spaces()[1].Name,
		"SPACEKEEPER_DATABASE_DSN":              storetest.WithRole(db.DSN, role),
		"SPACEKEEPER_WORKSPACE_EVENTS_ENDPOINT": conformancetest.Proxy(t, ws.WorkspaceEventsEndpoint()),
		"SPACEKEEPER_CHAT_ENDPOINT":             conformancetest.Proxy(t, ws.ChatEndpoint()),
		"SPACEKEEPER_SERVICE_USAGE_ENDPOINT":    ws.ServiceUsageEndpoint(),
		"PUBSUB_EMULATOR_HOST":                  ws.PubSubAddr(),
	}}
	x.rules("live")
	x.run(cli.OK, "apply", "--yes")
	x.transcript.Reset()
	return x
}

// rules writes a file with a rule in this mode.
func (x *terminal) rules(mode string) {
	x.t.Helper()
	file := filepath.Join(x.dir, "reactors.yaml")
	text := "reactors:\n  - id: welcome\n    mode: " + mode + "\n    on: member.joined\n    do: [{ send: { to: private, text: Welcome! } }]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
	x.env["SPACEKEEPER_REACTORS_FILE"] = file
}

// steady hides what a doctor's report tells of this very run.
func (x *terminal) steady() {
	text := x.transcript.String()
	text = regexp.MustCompile(`spacekeeper_test_\d+_\d+`).ReplaceAllString(text, "ROLE")
	for pattern, with := range map[string]string{
		`Postgres [^"\n]+ as ROLE`:    "Postgres VERSION as ROLE",
		`seen \d+s ago`:               "seen 0s ago",
		`all rules since [0-9TZ:-]+`:  "all rules since TIME",
		`the first ends in [0-9hms]+`: "the first ends in 4h0m0s",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, with)
	}
	x.transcript.Reset()
	x.transcript.WriteString(text)
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	x := openHealthy(t)
	x.run(cli.OK, "doctor")
	x.run(cli.OK, "doctor", "-o", "wide")
	x.run(cli.OK, "doctor", "-o", "json")
	x.run(cli.OK, "doctor", "--pre")
	x.run(cli.OK, "doctor", "-o", "name")

	if err := x.ws.Broker().Grant(topicName, broker.PublisherRole, "user:eve@example.com"); err != nil {
		t.Fatal(err)
	}
	x.run(cli.OK, "doctor") // a warning is allowed
	if err := x.ws.Broker().Revoke(topicName, broker.PublisherRole, provision.Chat); err != nil {
		t.Fatal(err)
	}
	x.ws.SetCondition(simulate.EventsAPIDisabled, true)
	x.run(cli.Failed, "doctor")
	x.run(cli.Failed, "doctor", "-o", "name")
	x.env["LANG"] = "C"
	x.run(cli.Failed, "doctor")
	x.steady()
	x.compare("doctor")
}

// What the runbooks tell people to do works, and does no harm where nothing is wrong.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	x := openHealthy(t)
	for _, args := range clitest.Runbooks(t, "subscribe-setup") {
		x.run(cli.OK, args...)
	}
}

func TestDoctorOnRules(t *testing.T) {
	t.Parallel()
	x := openHealthy(t)
	x.rules("shadow")
	if got := x.run(cli.OK, "doctor", "-o", "name"); got != "SK902\n" {
		t.Errorf("of a rule that is tried out: got %q", got)
	}
	db := storetest.Open(t, x.env["SPACEKEEPER_DATABASE_DSN"], storetest.Options{MaxConns: 1})
	if err := db.Pause(t.Context(), runs.AllReactors, "too many at once"); err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	show := func(want int) {
		t.Helper()
		_, section, _ := strings.Cut(x.run(want, "doctor"), "\nReactors\n")
		told.WriteString(x.mask("Reactors\n" + section + "\n"))
	}
	show(cli.OK)
	x.rules("alive")
	show(cli.Failed)
	delete(x.env, "SPACEKEEPER_REACTORS_FILE")
	show(cli.OK)
	x.transcript.Reset()
	x.transcript.WriteString(told.String())
	x.steady()
	x.compare("doctor-rules")
}

// TestDoctorJSON: the report can be read back.
func TestDoctorJSON(t *testing.T) {
	t.Parallel()
	x := openHealthy(t)
	x.ws.SetCondition(simulate.ApprovalMissing, true)
	var report doctor.Report
	if err := json.Unmarshal([]byte(x.run(cli.Failed, "doctor", "-o", "json")), &report); err != nil {
		t.Fatal(err)
	}
	r := report.Result("SK205")
	if report.Version != 1 || report.Outcome != doctor.Failed || r.Outcome != doctor.Failed || r.Doc != "docs/doctor/identity.md#sk205" || len(r.Fix) == 0 {
		t.Errorf("got version %d, %s and %+v", report.Version, report.Outcome, r)
	}
}

func TestDoctorWrongUse(t *testing.T) {
	t.Parallel()
	x := &terminal{t: t, env: map[string]string{}}
	x.run(cli.Misused, "doctor", "now")
	x.run(cli.Misused, "doctor", "--probe", "room")
	x.run(cli.Misused, "doctor", "--probe", "")
	x.run(cli.Misused, "doctor", "--probe", "spaces/-")
	x.run(cli.Misused, "doctor", "--pre", "--probe", "spaces/AAQA1")
	x.run(cli.Misused, "doctor", "--timeout", "1m")
	x.run(cli.Misused, "doctor", "--probe", "spaces/AAQA1", "--timeout", "0s")
	x.run(cli.Misconfigured, "doctor", "--probe", "spaces/AAQA1")
	x.run(cli.Misconfigured, "doctor", "--config", "testdata/wrong.yaml")
	x.run(cli.Misconfigured, "doctor", "--pre", "-o", "name", "--config", "testdata/absent.yaml")
	x.compare("doctor-wrong-use")
}

func TestDoctorProbe(t *testing.T) {
	t.Parallel()
	x := openHealthy(t)
	x.ws.SetChatFaults(func(c simulate.ChatCall) (f simulate.ChatFault) {
		if c.Method == "spaces.messages.create" {
			f.Status = 403
		}
		return f
	})
	x.answers = "somebody is there"
	x.run(exitAny, "doctor", "--probe", "$A", "--timeout", "1ns", "-o", "json")
	if got := x.transcript.String(); !strings.Contains(got, "Please post any message there now") {
		t.Errorf("nobody was asked: %s", got)
	}
	x.ws.SetChatFaults(nil)
	if err := x.ws.Broker().Revoke(topicName, broker.PublisherRole, provision.Chat); err != nil {
		t.Fatal(err)
	}
	out := x.run(cli.Failed, "doctor", "--probe", "$A", "--timeout", "1ns")
	for _, want := range []string{"√ the message is posted: spaces/", "× Google may publish the event: SK503", "Look first at: Google may publish the event."} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
}

// What the administrator gets is filled in from the configuration alone: it
// needs no Google, no database and no terminal.
func TestAdminMessage(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{})
	text := x.run(cli.OK, "doctor", "--admin-message")
	for _, part := range []string{x.ws.Project(), "chat.app.messages.readonly", "chat.app.memberships.readonly", "chat.app.spaces.readonly"} {
		if !strings.Contains(text, part) {
			t.Errorf("it lacks %s:\n%s", part, text)
		}
	}
	for _, args := range [][]string{{"--pre"}, {"--probe", "spaces/AAQA"}, {"-o", "json"}} {
		x.run(cli.Misused, append([]string{"doctor", "--admin-message"}, args...)...)
	}
}
