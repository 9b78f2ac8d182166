package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
)

// What Google refuses is explained by plan and by apply: which target, why,
// and what to do. Nothing is changed by half: what could be set up is, and
// what was there stays.
func TestBadInput(t *testing.T) {
	t.Parallel()
	on := func(c simulate.Condition) func(*terminal) {
		return func(x *terminal) { x.ws.SetCondition(c, true) }
	}
	configured := func(text string) func(*terminal) {
		return func(x *terminal) { x.config(text) }
	}
	var transcript strings.Builder
	for _, c := range []struct {
		name string
		opts simulate.Options
		do   func(*terminal)
		want int
	}{
		{"credentials that aren't accepted", simulate.Options{}, on(simulate.Unauthenticated), cli.Failed},
		{"the API is off", simulate.Options{}, on(simulate.EventsAPIDisabled), cli.Failed},
		{"no Chat app is configured", simulate.Options{}, on(simulate.AppNotConfigured), cli.Failed},
		{"scopes are missing", simulate.Options{}, on(simulate.ScopesMissing), cli.Failed},
		{"no administrator has approved", simulate.Options{}, on(simulate.ApprovalMissing), cli.Failed},
		{"no such topic", simulate.Options{}, func(x *terminal) { x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "absent" }, cli.Failed},
		{"a topic of another project", simulate.Options{}, func(x *terminal) {
			x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "projects/another-project/topics/chat-events"
		}, cli.Misconfigured},
		{"no such space", simulate.Options{}, configured("workspace: {spaces: [$A, spaces/Absent]}"), cli.Failed},
		{"the app isn't in the space", simulate.Options{}, func(x *terminal) {
			if err := x.ws.RemoveMember(x.ws.Spaces()[1].Name, x.ws.App()); err != nil {
				x.t.Fatal(err)
			}
		}, cli.Failed},
		{"an event type that no space has", simulate.Options{},
			configured("workspace: {targets: [{target: $A, event_types: [google.workspace.chat.availability.v1.updated]}]}"), cli.Misconfigured},
		{"a batch type", simulate.Options{},
			configured("workspace: {targets: [{target: $A, event_types: [google.workspace.chat.message.v1.batchCreated]}]}"), cli.Misconfigured},
		{"all spaces as an app", simulate.Options{}, configured("workspace: {targets: [{target: spaces/-}]}"), cli.Misconfigured},
		{"another user", simulate.Options{Auth: simulate.AuthUser, Users: 3}, func(x *terminal) {
			x.config("auth: {mode: user, token_file: " + x.token() + "}\nworkspace: {targets: [{target: " + x.ws.Users()[1] + "}]}")
		}, cli.Failed},
		{"the user isn't in the space", simulate.Options{Auth: simulate.AuthUser, Users: 3}, func(x *terminal) {
			if err := x.ws.RemoveMember(x.ws.Spaces()[1].Name, x.ws.Authority()); err != nil {
				x.t.Fatal(err)
			}
			x.config("auth: {mode: user, token_file: " + x.token() + "}\nworkspace: {spaces: [$A, $B]}")
		}, cli.Failed},
		{"the Chat API is away, and names are to be resolved", simulate.Options{}, func(x *terminal) {
			x.ws.SetChatFaults(func(simulate.ChatCall) simulate.ChatFault { return simulate.ChatFault{Status: 503} })
			x.config(`workspace: {targets: [{target: "name:*"}]}`)
		}, cli.Failed},
	} {
		x := open(t, c.opts)
		c.do(x)
		x.run(c.want, "plan")
		x.run(c.want, "apply")
		transcript.WriteString("# " + c.name + "\n" + x.transcript.String())
		if c.want == cli.Misconfigured {
			continue
		}
		// Once it is mended, applying goes on from there.
		for _, condition := range []simulate.Condition{
			simulate.Unauthenticated, simulate.EventsAPIDisabled, simulate.AppNotConfigured, simulate.ScopesMissing, simulate.ApprovalMissing,
		} {
			x.ws.SetCondition(condition, false)
		}
		x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "chat-events"
		before := strings.Count(x.run(cli.OK, "list", "-o", "name"), "\n")
		if strings.Contains(x.transcript.String(), "] created") != (before > 0) {
			t.Errorf("%s: %d subscriptions are there after\n%s", c.name, before, x.transcript.String())
		}
	}
	all := &terminal{t: t}
	all.transcript.WriteString(transcript.String())
	all.compare("bad-input")
}

// Where very many targets have the same problem, a few stand for all.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	x := open(t, simulate.Options{Spaces: 15})
	x.env["SPACEKEEPER_PUBSUB_TOPIC"] = "absent"
	for _, c := range []struct{ command, says string }{
		{"plan", "… and 12 more: the topic"}, {"apply", "… and 12 more: the topic"}, {"status", "… and 5 more"},
	} {
		x.transcript.Reset()
		x.run(cli.Failed, c.command)
		if !strings.Contains(x.transcript.String(), c.says) {
			t.Errorf("%s doesn't say %q:\n%s", c.command, c.says, x.transcript.String())
		}
	}
}

// token makes a file with a user's consent.
func (x *terminal) token() string {
	file := filepath.Join(x.dir, "token.json")
	text := `{"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return file
}
