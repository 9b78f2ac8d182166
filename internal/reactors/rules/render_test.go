package rules_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

const rendered = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    stay: false
    if: space.members > 1
    collapse: {window: 60s, over: 2, do: [{send: {text: "Welcome {{ group.mentions }}!"}}]}
    do:
      - send:
          id: hello
          text: "Hi {{ member.mention }}, {{{{ welcome"
          key: "{{ member.name }}"
          card: cards/welcome.yaml
          more: ["{{ member.role }}", plain]
          named: {a: "{{ space.name }}"}
          sub: {text: "{{ space.display_name }}"}
      - send: {text: Bye}
  - id: steps
    on: member.joined
    still: member.messages_in_space == 0
    stop_when: message_count
    sequence:
      - {after: 1h, do: [{send: {text: one}}]}
      - {after: 2h, if: space.week.messages > 1, do: [{send: {text: "two {{ member.name }}"}}]}
`

const card = `{"cardsV2": [{"cardId": "c", "card": {"header": {"title": "Hi {{ member.display_name }}", "subtitle": "R&D <b>"},
  "sections": [{"collapsible": true, "widgets": [{"divider": {}}, {"image": {"imageUrl": "https://example.com/a.png"}}], "n": 2, "f": 1.5, "none": null}]}}]}`

func renderSet(t *testing.T) *rules.Set {
	t.Helper()
	src := replace(rendered, "message_count", "member.messages_in_space > 0")
	s, err := rules.Parse("reactors.yaml", []byte(src), options(map[string]string{"cards/welcome.yaml": card}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func facts() reactors.Facts {
	f := reactors.Facts{Trigger: reactors.MemberJoined}
	f.Space = reactors.SpaceFacts{Name: "spaces/A", DisplayName: "Team"}
	f.Member = reactors.MemberFacts{Name: "users/1", Role: "ROLE_MEMBER", DisplayName: "<A> & co", Mention: reactors.Mention{User: "users/1"}}
	return f
}

func bodies(t *testing.T, requests []reactors.Request) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, r := range requests {
		var m map[string]any
		if err := json.Unmarshal(r.Body, &m); err != nil {
			t.Fatal(err)
		}
		m["request"] = r.Action + " " + r.Label
		list = append(list, m)
	}
	return list
}

func TestRender(t *testing.T) {
	t.Parallel()
	s := renderSet(t)
	r := s.Rule("welcome", "spaces/A")
	run := reactors.Run{Reactor: "welcome", Subject: "spaces/A users/1"}
	got, err := r.Render(context.Background(), run, facts(), monday, false)
	if err != nil {
		t.Fatal(err)
	}
	var wantCard any
	if err := json.Unmarshal([]byte(`[{"cardId": "c", "card": {"header": {"title": "Hi &lt;A&gt; &amp; co", "subtitle": "R&D <b>"},
		"sections": [{"collapsible": true, "widgets": [{"divider": {}}, {"image": {"imageUrl": "https://example.com/a.png"}}], "n": 2, "f": 1.5, "none": null}]}}]`), &wantCard); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{
			"request": "send hello", "label": "hello", "to": "space", "text": "Hi <users/1>, {{ welcome|ROLE_MEMBER|plain",
			"key": "users/1", "card": wantCard, "named.a": "spaces/A", "sub": "Team",
		},
		{"request": "send 0.1", "label": "0.1", "to": "space", "text": "Bye", "key": ""},
	}
	if diff := cmp.Diff(want, bodies(t, got)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}

	// The rule hasn't changed by that: nothing of one person is left for another.
	p := r.Steps[0].Do[0].Params.(*sendParams)
	if left := p.Text.Value + p.Key.Value + p.More[0].Value + p.Named["a"].Value + p.Sub.Text.Value + string(p.Card.Value); left != "" {
		t.Errorf("the rule keeps %q", left)
	}
	f := facts()
	f.Member = reactors.MemberFacts{Name: "users/2", Mention: reactors.Mention{User: "users/2"}}
	got, err = r.Render(context.Background(), run, f, monday, false)
	if err != nil {
		t.Fatal(err)
	}
	if text := bodies(t, got)[0]["text"]; text != "Hi <users/2>, {{ welcome||plain" {
		t.Errorf("the second text is %q", text)
	}
}

func TestRenderCollapsedAndSteps(t *testing.T) {
	t.Parallel()
	s := renderSet(t)
	run := reactors.Run{Reactor: "welcome"}
	f := facts().Grouped([]string{"users/1", "users/2"})
	got, err := s.Rule("welcome", "").Render(context.Background(), run, f, monday, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{"request": "send collapse.0", "label": "collapse.0", "to": "space", "text": "Welcome <users/1> and <users/2>!", "key": ""}}
	if diff := cmp.Diff(want, bodies(t, got)); diff != "" {
		t.Errorf("collapsed (-want +got):\n%s", diff)
	}
	got, err = s.Rule("steps", "").Render(context.Background(), reactors.Run{Reactor: "steps", StepID: "2h"}, facts(), monday, false)
	if err != nil {
		t.Fatal(err)
	}
	want = []map[string]any{{"request": "send 2h.0", "label": "2h.0", "to": "space", "text": "two users/1", "key": ""}}
	if diff := cmp.Diff(want, bodies(t, got)); diff != "" {
		t.Errorf("second step (-want +got):\n%s", diff)
	}
}

func TestRenderErrorsArePermanent(t *testing.T) {
	t.Parallel()
	s := renderSet(t)
	for name, c := range map[string]struct {
		step      string
		collapsed bool
	}{"no such step": {step: "3h"}, "no do": {}, "not collapsed": {collapsed: true}} {
		_, err := s.Rule("steps", "").Render(context.Background(), reactors.Run{Reactor: "steps", StepID: c.step}, facts(), monday, c.collapsed)
		if !reactors.IsPermanent(err) {
			t.Errorf("%s: %v, want a permanent error", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Rule("steps", "").Render(ctx, reactors.Run{Reactor: "steps", StepID: "2h"}, facts(), monday, false)
	if err != nil && (reactors.IsPermanent(err) || !errors.Is(err, context.Canceled)) {
		t.Errorf("cancelled: %v, want no permanent error", err)
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	s := renderSet(t)
	for _, c := range []struct {
		rule string
		step string
		want reactors.Needs
	}{
		{"welcome", "", reactors.NeedSpaceActivity | reactors.NeedSpace | reactors.NeedMember}, // if, sub.text, the card
		{"welcome", "1h", 0},
		{"steps", "1h", reactors.NeedMember | reactors.NeedPosts}, // stay, still
		{"steps", "2h", reactors.NeedMember | reactors.NeedPosts | reactors.NeedWeek},
	} {
		if got := s.Rule(c.rule, "").Needs(c.step); got != c.want {
			t.Errorf("%s, step %q needs %b, want %b", c.rule, c.step, got, c.want)
		}
	}
}
