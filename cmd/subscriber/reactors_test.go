package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/cli"
	"github.com/spacekeeper/spacekeeper/internal/config"
	"github.com/spacekeeper/spacekeeper/internal/conformancetest"
	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/actions"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/store/runs"
	"github.com/spacekeeper/spacekeeper/internal/store/storetest"
)

const ruleFile = "testdata/reactors.yaml"

// session is what somebody sees who calls commands one after the other.
type session struct {
	t    *testing.T
	env  environ
	seen strings.Builder
}

var (
	stamps = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	clocks = regexp.MustCompile(`\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?`)
	walls  = regexp.MustCompile(`[A-Z][a-z]{2} \d\d [A-Z][a-z]{2} \d\d:\d\d`)
	hashes = regexp.MustCompile(`("?hash"?:? "?)[0-9a-f]{12}`)
	uuids  = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|client-[0-9a-f]{40}`)
)

func (s *session) call(args ...string) string {
	s.t.Helper()
	args = append([]string{"reactors"}, args...)
	code, stdout, stderr := call(s.t, s.env, args...)
	text := transcript(args, code, stdout, stderr)
	text = stamps.ReplaceAllString(text, "TIME")
	text = clocks.ReplaceAllStringFunc(text, func(c string) string { return "MM-DD hh:mm:ss.sss"[:len(c)] })
	text = walls.ReplaceAllString(text, "DAY DD MMM hh:mm")
	text = uuids.ReplaceAllString(hashes.ReplaceAllString(text, "${1}HASH"), "ID")
	s.seen.WriteString(text)
	return stdout
}

func TestReactorsOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	broken := write("broken.yaml", "reactors:\n  - id: a\n    on: member.join\n    dew: []\n")
	failing := write("failing.yaml", `reactors:
  - {id: a, on: member.joined, wait: 1m, do: [{send: {text: "Hi {{ member.mention }}"}}]}
tests:
  - {name: says hello, reactor: a, given: [join@0], expect: {texts: ["Hello <users/1>"]}}
  - {name: stays silent, reactor: a, given: [{at: 0, do: join, bot: true}], expect: {sent: 1}}
`)
	doubtful := write("doubtful.yaml", `reactors:
  - {id: a, on: member.joined, do: [{send: {text: "**Hi** {{ member.mention }}"}}]}
`)
	s := &session{t: t, env: environ{"SPACEKEEPER_REACTORS_FILE": ruleFile}}
	s.call("lint")
	s.call("lint", "--file", broken)
	s.call("lint", "--file", failing)
	s.call("test")
	s.call("test", "--file", failing)
	s.call("test", "--file", broken)
	s.call("lint", "--file", doubtful)
	s.call("preview", "welcome")
	s.call("preview", "week", "--member", "users/5")
	s.call("preview", "welcome", "--svg", filepath.Join(dir, "card.svg"))
	s.call("preview", "week", "--svg", filepath.Join(dir, "none.svg"))
	s.call("preview", "nobody")
	s.call("preview", "welcome", "--send-to", "users/1")
	s.call("preview", "welcome", "--send-to", "Anna", "--space", "spaces/A")
	s.call("list")
	s.env = environ{}
	s.call("lint")
	if schema := s.call("schema"); !strings.Contains(schema, `"reactors"`) {
		t.Error("the schema doesn't describe reactors")
	}
	seen, _, _ := strings.Cut(strings.ReplaceAll(s.seen.String(), dir, "DIR"), "$ subscriber reactors schema")
	golden(t, "reactors-file", seen)
}

func TestReactorsWrongUse(t *testing.T) {
	t.Parallel()
	s := &session{t: t, env: environ{"SPACEKEEPER_REACTORS_FILE": ruleFile}}
	for _, args := range [][]string{
		{}, {"lint", "a", "b"}, {"replay"}, {"replay", "welcome", "--all"}, {"replay", "welcome", "--since", "20"},
		{"replay", "welcome", "--since", "1d", "--until", "2d"}, {"replay", "--all", "--limit", "0"}, {"replay", "--all", "--outcome", "lost"}, {"diff"},
		{"runs", "--outcome", "lost"}, {"runs", "--limit", "0"}, {"runs", "show", "x"}, {"retry", "-1"}, {"retry"}, {"retry", "3", "--failed"}, {"retry", "3", "--since", "1d"},
		{"runs", "--member", "Anna"}, {"lint", "reactors.yaml"},
		{"pause"}, {"resume", "welcome", "--all"},
		{"list", "-o", "yaml"},
	} {
		s.call(args...)
	}
	if n := strings.Count(s.seen.String(), "(exit 64)"); n != 21 {
		t.Errorf("%d of 21 are wrong use", n)
	}
	golden(t, "reactors-wrong-use", s.seen.String())
}

// past records that people join and write, in a space, by the rules of a file.
func past(t *testing.T, dsn, space string) *storetest.Env {
	t.Helper()
	list, err := actions.List(config.Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Load(ruleFile, rules.Options{Actions: list})
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, dsn, storetest.Options{Planner: engine.NewRuleSet(set)})
	began := time.Now().Add(-3 * time.Hour).UTC().Truncate(time.Second)
	join := func(user string) string {
		return fmt.Sprintf(`{"membership":{"name":"%s/members/%s","state":"JOINED","role":"ROLE_MEMBER","member":{"name":"users/%s","type":"HUMAN"}}}`, space, user, user)
	}
	for i, e := range []struct{ typ, data string }{
		{"membership.v1.created", join("1")},
		{"membership.v1.created", join("2")},
		{"membership.v1.deleted", fmt.Sprintf(`{"membership":{"name":"%s/members/2","state":"NOT_A_MEMBER"}}`, space)},
		{"membership.v1.created", join("3")},
		{"message.v1.created", fmt.Sprintf(`{"message":{"name":"%s/messages/M","sender":{"name":"users/1","type":"HUMAN"},"createTime":%q,"text":"help me","thread":{"name":"%[1]s/threads/T"}}}`, space, began.Format(time.RFC3339))},
		{"message.v1.created", fmt.Sprintf(`{"message":{"name":"%s/messages/N","sender":{"name":"users/1","type":"HUMAN"},"createTime":%q,"text":"thanks","thread":{"name":"%[1]s/threads/T"}}}`, space, began.Format(time.RFC3339))},
		{"reaction.v1.created", fmt.Sprintf(`{"reaction":{"name":"%s/messages/M/reactions/R","user":{"name":"users/3","type":"HUMAN"},"emoji":{"unicode":"👍"}}}`, space)},
	} {
		at := began.Add(time.Duration(i) * 30 * time.Second)
		attributes := map[string]string{
			"ce-id": fmt.Sprintf("%s/spaceEvents/E%d", space, i), "ce-source": "//workspaceevents.googleapis.com/subscriptions/s1",
			"ce-type": "google.workspace.chat." + e.typ, "ce-specversion": "1.0", "ce-datacontenttype": "application/json",
			"ce-subject": "//chat.googleapis.com/" + space, "ce-time": at.Format(time.RFC3339),
		}
		event, malformed := events.Decode(attributes, []byte(e.data))
		if malformed != nil {
			t.Fatal(malformed)
		}
		if _, err := db.Record(t.Context(), []events.Delivery{{
			MessageID: fmt.Sprint(i), PublishTime: at, ReceivedAt: at, Attributes: attributes, Data: []byte(e.data), Origin: events.OriginLive, Event: event,
		}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// One run was tried and refused, one found that its member had left.
	claimed, err := db.List(t.Context(), runs.Filter{Reactor: "welcome"})
	if err != nil || len(claimed) != 3 {
		t.Fatalf("got %d runs of welcome, error %v", len(claimed), err)
	}
	finish := func(id int64, o reactors.Outcome, reason string) {
		run, _, err := db.BeginAttempt(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := db.Facts(t.Context(), run, set.Rule(run.Reactor, run.Space).Needs(run.StepID), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if o == reactors.Failed {
			if run.Requests, err = set.Rule(run.Reactor, run.Space).Render(t.Context(), run, facts, time.Now(), false); err != nil {
				t.Fatal(err)
			}
			if err := db.PrepareRun(t.Context(), run, runs.Prepared{Requests: run.Requests}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.FinishRun(t.Context(), run, o, reason, reactors.TraceEntry{At: time.Now(), What: string(o) + ": " + reason}); err != nil {
			t.Fatal(err)
		}
	}
	finish(claimed[2].ID, reactors.Failed, "Google Chat refuses: add the app to the space")
	finish(claimed[1].ID, reactors.Left, "the person isn't in the space any more")
	return db
}

func TestReactorsOfAStore(t *testing.T) {
	t.Parallel()
	ws, err := simulate.Start(t.Context(), simulate.Options{Seed: 9, Spaces: 1, Users: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	space := ws.Spaces()[0].Name
	dsn := migratedDatabase(t)
	db := past(t, dsn, space)
	other := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(other, []byte(`reactors:
  - {id: welcome, mode: live, on: member.joined, wait: 1m, do: [{send: {text: "Hello {{ member.mention }}"}}]}
  - {id: answer, mode: live, on: message.created, do: [{send: {to: thread, text: "You wrote: {{ message.text }}"}}]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	more := filepath.Join(t.TempDir(), "more.yaml")
	if err := os.WriteFile(more, []byte(`reactors:
  - {id: digest, on: schedule, cron: "0 9 * * mon", zone: UTC, do: [{send: {text: "{{ space.week.messages }} messages\n{{ space.week.top_messages }}"}}]}
  - {id: edits, on: message.edited, do: [{send: {text: "{{ member.mention }}: {{ message.text }}"}}]}
  - {id: twin, on: message.edited, spaces: [spaces/TWIN1], do: [{send: {text: "{{ space.display_name }} has {{ space.members }}"}}]}
  - {id: siem, on: member.joined, do: [{webhook: {url: "https://siem.example.com", secret_file: secret}}]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	if err := os.WriteFile(broken, []byte("reactors:\n  - id: a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	misspelt := filepath.Join(t.TempDir(), "misspelt.yaml")
	if err := os.WriteFile(misspelt, []byte(`reactors:
  - {id: a, on: member.joined, if: space.display_name == "Taem", do: [{send: {text: "Hello"}}]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, env: environ{
		"SPACEKEEPER_REACTORS_FILE": ruleFile, "SPACEKEEPER_DATABASE_DSN": dsn,
		"SPACEKEEPER_CHAT_ENDPOINT": conformancetest.Proxy(t, ws.ChatEndpoint()),
	}}
	if _, err := db.Pool().Exec(t.Context(), `
		UPDATE spaces SET display_name = 'Team';
		UPDATE users SET display_name = 'Anna' WHERE user_name = 'users/1';
		INSERT INTO spaces (version_time, version_key, space, display_name)
		SELECT '-infinity', '00000000-0000-0000-0000-000000000000', 'spaces/TWIN' || n, 'Twins' FROM generate_series(1, 2) n`); err != nil {
		t.Fatal(err)
	}
	s.call("list")
	s.call("runs")
	s.call("runs", "--reactor", "wellcome")
	s.call("runs", "--reactor", "welcome", "--member", "users/9")
	s.call("runs", "--outcome", "condition_false", "--since", "1d", "-o", "json")
	s.call("runs", "--member", "users/9")
	s.call("runs", "--space", "team", "--limit", "1")
	s.call("runs", "--space", "Tean")
	s.call("runs", "--space", "Twins")
	s.call("retry", "--failed", "--space", "AAQA")
	s.call("runs", "show", "3")
	s.call("runs", "show", "3", "--content")
	s.call("runs", "show", "6", "-o", "json")
	s.call("runs", "show", "1", "--as-test")
	made := s.call("runs", "show", "6", "--as-test")
	s.call("runs", "show", "999")
	s.call("replay", "welcome", "--since", "1d")
	s.call("replay", "--all", "--since", "1d", "--space", space)
	s.call("replay", "--all", "--since", "1d", "--space", "Team", "--outcome", "stopped", "--limit", "1")
	s.call("replay", "welcome", "--since", "1h", "-o", "json")
	s.call("replay", "welcome", "--since", "1d", "--outcome", "left", "-o", "json")
	s.call("diff", other, "--since", "1d")
	s.call("diff", ruleFile)
	s.call("preview", "answer", "--space", space)
	var member string
	for _, m := range ws.Members(space) {
		if m != ws.App() {
			member = m
		}
	}
	s.call("preview", "welcome", "--space", space, "--send-to", member)
	s.call("pause", "welcom")
	s.call("pause", "welcome", "--reason", "too many")
	s.call("retry", "6")
	s.call("retry", "--failed", "--reactor", "wek")
	s.call("retry", "--failed", "--reactor", "week")
	s.call("retry", "--failed", "--reactor", "welcome", "--space", space)
	s.call("retry", "3")
	s.call("retry", "999")
	s.call("retry", "--failed", "--since", "1d")
	s.call("pause", "welcome")
	if switches, err := db.Switches(t.Context()); err != nil || len(switches) != 1 || switches[0].Reason != "too many" {
		t.Errorf("paused once more: got %+v, error %v, want the reason from before", switches, err)
	}
	s.call("pause", "--all")
	s.call("list")
	s.call("resume", "welcome")
	s.call("resume", "welcome")
	s.call("pause", "answer")
	s.call("resume", "--all")
	s.call("resume", "answer")
	s.call("list", "--file", broken)
	s.call("lint", "--file", misspelt)
	s.env["SPACEKEEPER_REACTORS_FILE"] = more
	s.call("list")
	s.call("preview", "digest", "--space", space)
	s.call("preview", "edits", "--space", space)
	s.call("preview", "twin", "--space", "Team")
	s.call("preview", "twin")
	s.call("preview", "siem", "--space", space, "--send-to", member)
	s.env["SPACEKEEPER_REACTORS_FILE"] = ruleFile
	id := strings.TrimPrefix(space, "spaces/")
	seen := strings.ReplaceAll(s.seen.String(), id, strings.Repeat("A", len(id)))
	seen = strings.ReplaceAll(seen, member, "users/MEMBER")
	golden(t, "reactors-store", strings.NewReplacer(other, "other.yaml", broken, "broken.yaml", misspelt, "misspelt.yaml").Replace(seen))

	// The test that was made of a run passes, with the rules that it came of.
	text, err := os.ReadFile(ruleFile)
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?s)          card:[^\n]*\n|tests:.*`).ReplaceAll(text, nil)
	if err := os.WriteFile(other, append(text, made...), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := call(t, s.env, "reactors", "test", "--file", other); code != cli.OK {
		t.Errorf("the test made of a run: %s%s", stdout, stderr)
	}
	if switches, err := db.Switches(t.Context()); err != nil || len(switches) > 0 {
		t.Errorf("%v is still paused, error %v", switches, err)
	}
}
