package rules_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

const base = `
reactors:
  - id: welcome
    on: member.joined
    limit: {per_space: 20/h, per_member: 1/2d}
    still: member.is_member
    do:
      - send: {text: Hi, to: space}
      - send: {text: Bye}
overrides:
  spaces/A:
    welcome:
      do[0].send.text: Hallo
      limit.per_reactor: 5/m
      still:
      wait: 1m
  spaces/B:
    welcome:
      mode: live
      limit: {per_space: 1/d}
      do: [{send: {text: Salut}}]
`

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := parse(t, `
reactors:
  - {id: a, on: member.joined, do: [{send: {text: a}}]}
  - {id: b, on: [member.joined, member.left], do: [{send: {text: a}}]}
  - {id: c, on: message.created, sequence: [{after: 0, do: [{send: {text: a}}]}]}
  - {id: d, on: member.joined, stay: false, max_age: 1w, collapse: {window: 1m, do: [{send: {text: a}}]}, do: [{send: {text: a}}]}
`)
	type defaults struct {
		Mode    rules.Mode
		Stay    bool
		OncePer []string
		MaxAge  time.Duration
		Over    int
	}
	var got []defaults
	for _, r := range s.Rules() {
		d := defaults{r.Mode, r.Stay, r.OncePer, r.MaxAge, 0}
		if r.Collapse != nil {
			d.Over = r.Collapse.Over
		}
		got = append(got, d)
	}
	want := []defaults{
		{rules.Shadow, true, []string{"space", "member"}, 10 * time.Minute, 0},
		{rules.Shadow, false, []string{"event"}, 10 * time.Minute, 0},
		{rules.Shadow, false, []string{"message"}, 24 * time.Hour, 0},
		{rules.Shadow, false, []string{"space", "member"}, 7 * 24 * time.Hour, 5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestOverridesAreMerged(t *testing.T) {
	t.Parallel()
	s := parse(t, base)
	type said struct {
		Mode   rules.Mode
		Wait   time.Duration
		Still  bool
		Texts  []string
		Limits []reactors.Limit
	}
	of := func(space string) said {
		r := s.Rule("welcome", space)
		w := said{Mode: r.Mode, Wait: r.Steps[0].After.For, Still: r.Still != nil, Limits: r.Limits}
		for _, d := range r.Steps[0].Do {
			w.Texts = append(w.Texts, d.Params.(*sendParams).Text.Source)
		}
		return w
	}
	perMember := reactors.Limit{Per: reactors.PerMember, Max: 1, Window: 48 * time.Hour}
	for space, want := range map[string]said{
		"": {rules.Shadow, 0, true, []string{"Hi", "Bye"}, []reactors.Limit{
			{Per: reactors.PerSpace, Max: 20, Window: time.Hour}, perMember,
		}},
		"spaces/A": {rules.Shadow, time.Minute, false, []string{"Hallo", "Bye"}, []reactors.Limit{
			{Per: reactors.PerSpace, Max: 20, Window: time.Hour}, perMember, {Per: reactors.PerReactor, Max: 5, Window: time.Minute},
		}},
		"spaces/B": {rules.Live, 0, true, []string{"Salut"}, []reactors.Limit{
			{Per: reactors.PerSpace, Max: 1, Window: 24 * time.Hour}, perMember,
		}},
	} {
		if diff := cmp.Diff(want, of(space)); diff != "" {
			t.Errorf("in %q (-want +got):\n%s", space, diff)
		}
	}
	if s.Rule("welcome", "spaces/C") != s.Rules()[0] || s.Rule("other", "") != nil {
		t.Error("a space without overrides must have the rule itself, an unknown id none")
	}
}

// A rule's hash goes by what it says, not by how it is written.
func TestHash(t *testing.T) {
	t.Parallel()
	const src = "reactors:\n  - {id: a, on: member.joined, wait: 1m, do: [{send: {text: Hi, card: c.yaml}}]}\n"
	hash := func(src, card string) string {
		t.Helper()
		s, err := rules.Parse("x.yaml", []byte(src), options(map[string]string{"c.yaml": card}))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Hash) != 12 || len(s.Rules()[0].Hash) != 12 {
			t.Errorf("hashes %q and %q, want 12 characters", s.Hash, s.Rules()[0].Hash)
		}
		return s.Hash + s.Rules()[0].Hash
	}
	const card = "header: {title: a}"
	same := hash(src, card)
	for name, other := range map[string]string{
		"another order and a description": "reactors:\n  - on: member.joined\n    description: x\n    do:\n      - send: {card: c.yaml, text: \"Hi\"}\n    id: a\n    wait: 1m\n",
		"a comment":                       "# x\n" + src,
	} {
		if hash(other, card) != same {
			t.Errorf("%s: another hash, want the same", name)
		}
	}
	for name, other := range map[string]string{
		"another text": replace(src, "Hi", "Ho"),
		"another wait": replace(src, "1m", "2m"),
		"live":         replace(src, "wait:", "mode: live, wait:"),
	} {
		if hash(other, card) == same {
			t.Errorf("%s: the same hash, want another", name)
		}
	}
	o := options(map[string]string{"c.yaml": card})
	o.Actions = []reactors.Action{send{digest: "another"}}
	if found, err := rules.Parse("x.yaml", []byte(src), o); err != nil || found.Hash+found.Rules()[0].Hash == same {
		t.Errorf("another digest: the same hash, or %v; want another", err)
	}
	if hash(src, "header: {title: b}") == same {
		t.Error("another card: the same hash, want another")
	}
	if hash(src+"overrides: {spaces/A: {a: {wait: 3m}}}", card) == same {
		t.Error("an override: the same hash of the file, want another")
	}
}

func TestTests(t *testing.T) {
	t.Parallel()
	s := parse(t, `
reactors:
  - {id: a, on: member.joined, spaces: [spaces/A, spaces/B], do: [{send: {text: a}}]}
tests:
  - name: short
    reactor: a
    given: [join@0, message@5m, react@1h30m, leave@1d]
    expect: {sent: 1, left: 0, texts: ["a"]}
  - name: long
    reactor: a
    start: 2026-03-29T01:00:00+01:00
    given:
      - {at: 10m, do: member.role_changed, member: users/7, space: spaces/B, role: ROLE_MANAGER, bot: true}
      - {do: message, at: 10m, text: hello, thread: spaces/A/threads/T}
      - {do: react, at: 10m, emoji: "🎉"}
    expect: {condition_false: 2}
`)
	member := func(at time.Duration, t reactors.Trigger) rules.TestEvent {
		return rules.TestEvent{At: at, Trigger: t, Member: "users/1", Space: "spaces/A", Role: "ROLE_MEMBER"}
	}
	want := []rules.Test{
		{
			Name: "short", Reactor: "a", Start: monday, Line: 5,
			Events: []rules.TestEvent{
				member(0, reactors.MemberJoined),
				{At: 5 * time.Minute, Trigger: reactors.MessageCreated, Member: "users/1", Space: "spaces/A", Message: "spaces/A/messages/test-2", Thread: "spaces/A/threads/test-2"},
				{At: 90 * time.Minute, Trigger: reactors.ReactionAdded, Member: "users/1", Space: "spaces/A", Message: "spaces/A/messages/test-2", Thread: "spaces/A/threads/test-2", Emoji: "👍"},
				member(24*time.Hour, reactors.MemberLeft),
			},
			Expect: map[reactors.Outcome]int{reactors.Sent: 1, reactors.Left: 0}, Texts: []string{"a"},
		},
		{
			Name: "long", Reactor: "a", Start: time.Date(2026, time.March, 29, 0, 0, 0, 0, time.UTC), Line: 9,
			Events: []rules.TestEvent{
				{At: 10 * time.Minute, Trigger: reactors.MemberRoleChanged, Member: "users/7", Space: "spaces/B", Role: "ROLE_MANAGER", Bot: true},
				{At: 10 * time.Minute, Trigger: reactors.MessageCreated, Member: "users/1", Space: "spaces/A", Message: "spaces/A/messages/test-2", Thread: "spaces/A/threads/T", Text: "hello"},
				{At: 10 * time.Minute, Trigger: reactors.ReactionAdded, Member: "users/1", Space: "spaces/A", Message: "spaces/A/messages/test-2", Thread: "spaces/A/threads/T", Emoji: "🎉"},
			},
			Expect: map[reactors.Outcome]int{reactors.ConditionFalse: 2},
		},
	}
	if diff := cmp.Diff(want, s.Tests(), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
}

func TestLoadFindsCardsBesideTheFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "rules")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, s string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(card string) error {
		write("reactors.yaml", "reactors:\n  - {id: a, on: member.joined, do: [{send: {card: "+card+"}}]}\n")
		_, err := rules.Load(filepath.Join(dir, "reactors.yaml"), rules.Options{Actions: []reactors.Action{send{}}})
		return err
	}
	write("card.yaml", "header: {title: Hi}")
	write("../above.yaml", "header: {title: Hi}")
	if err := load("card.yaml"); err != nil {
		t.Errorf("a card beside the file: %v", err)
	}
	for _, card := range []string{"/etc/passwd", "../above.yaml", filepath.Join(dir, "card.yaml")} {
		var e *rules.Error
		if err := load(card); !errors.As(err, &e) {
			t.Errorf("card %s: %v, want a problem", card, err)
		}
	}
	if _, err := rules.Load(filepath.Join(dir, "no.yaml"), rules.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want that it doesn't exist", err)
	}
}

// Steps that a new file has no more are named, so that somebody can be told.
func TestGone(t *testing.T) {
	t.Parallel()
	file := func(steps string) *rules.Set {
		return parse(t, "reactors:\n  - {id: week, on: member.joined, sequence: ["+steps+"]}\n  - {id: a, on: member.joined, do: [{send: {text: a}}]}\n")
	}
	const one, two, three = "{after: 1m, do: [{send: {text: a}}]}", "{id: tip, after: 1d, do: [{send: {text: a}}]}", "{after: 3d, do: [{send: {text: a}}]}"
	before := file(one + ", " + two + ", " + three)
	for name, c := range map[string]struct {
		next string
		want []string
	}{
		"one in front":            {"{after: 1s, do: [{send: {text: b}}]}, " + one + ", " + two + ", " + three, nil},
		"one taken out":           {one + ", " + three, []string{"week tip"}},
		"one put off and renamed": {one + ", " + two + ", {after: 4d, do: [{send: {text: a}}]}", []string{"week 3d"}},
		"put off, with its id":    {one + ", " + two + ", {id: 3d, after: 4d, do: [{send: {text: a}}]}", nil},
	} {
		if diff := cmp.Diff(c.want, before.Gone(file(c.next))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	base := "reactors: [{id: week, on: member.joined, sequence: [" + one + ", " + two + "]}]\n"
	override := base + "overrides: {spaces/A: {week: {\"sequence[0].after\": 2m}}}\n"
	if diff := cmp.Diff([]string{"week 1m in spaces/A"}, parse(t, base).Gone(parse(t, override))); diff != "" {
		t.Errorf("a step that an override puts off (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"week 2m in spaces/A"}, parse(t, override).Gone(parse(t, base))); diff != "" {
		t.Errorf("a step of an override that is gone (-want +got):\n%s", diff)
	}
	if gone := before.Gone(&rules.Set{}); len(gone) > 0 {
		t.Errorf("of rules that are gone themselves: %q", gone)
	}
}

func TestSchemaNamesWhatIsDecoded(t *testing.T) {
	t.Parallel()
	raw := rules.JSONSchema([]reactors.Action{send{}, react{}})
	var schema struct {
		Properties map[string]struct {
			Items struct {
				Properties map[string]struct {
					Description string
					Enum        []string
				}
			}
		}
		Definitions struct {
			Do struct {
				Properties map[string]struct {
					Properties map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	rule := schema.Properties["reactors"].Items.Properties
	if len(rule) != 21 {
		t.Errorf("%d keys of a reactor, want 21", len(rule))
	}
	for key, k := range rule {
		if k.Description == "" {
			t.Errorf("%s isn't described", key)
		}
	}
	if diff := cmp.Diff([]string{"off", "shadow", "live", ""}, rule["mode"].Enum); diff != "" {
		t.Errorf("modes, and none (-want +got):\n%s", diff)
	}
	params := schema.Definitions.Do.Properties["send"].Properties
	for _, key := range []string{"id", "to", "text", "card", "pause", "more", "sub"} {
		if params[key] == nil {
			t.Errorf("the parameter %s of send is missing", key)
		}
	}
	if schema.Definitions.Do.Properties["react"].Properties["emoji"] == nil {
		t.Error("the parameter emoji of react is missing")
	}
}

func TestDeepNestingIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for _, open := range []string{"[", "{a: ", "- ", "? "} {
		_, err := rules.Parse("x.yaml", []byte(strings.Repeat(open, 50_000)), options(nil))
		var e *rules.Error
		if !errors.As(err, &e) || e.Mistakes[0].Message != "nested too deeply" {
			t.Errorf("%q: %v, want that it is nested too deeply", open, err)
		}
	}
}

// A set waits for what its rules wait for, and for what may end a wait.
func TestKindsOfASet(t *testing.T) {
	t.Parallel()
	const joined = "reactors: [{id: a, on: member.joined, wait: 1d, do: [{send: {text: a}}]}]\n"
	const override = "overrides: {spaces/A: {a: {until: member.messages_in_space > 0}}}\n"
	all := []events.Kind{events.KindMembership, events.KindMessage, events.KindReaction}
	for src, want := range map[string][]events.Kind{
		joined: all[:1], joined + override: all,
		strings.Replace(joined, "wait: 1d", "wait: 1d, until: member.messages_in_space > 0", 1): all,
	} {
		if diff := cmp.Diff(want, parse(t, src).Kinds()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
	}
}
