package rules_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

var monday = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// joined is a change by which a person joins a space.
func joined(space, user string, typ events.UserType) reactors.Change {
	e := &events.Event{
		ID: space + "/spaceEvents/E1", Type: "google.workspace.chat.membership.v1.created", Time: monday,
		Items: []events.Item{{
			Ordinal: 3, Kind: events.KindMembership, Verb: events.VerbCreated,
			Resource: space + "/members/M", Space: space, Actor: user,
			Membership: &events.Membership{Role: "ROLE_MEMBER", Member: events.User{Name: user, Type: typ}},
		}},
	}
	return reactors.Change{Event: e, Item: &e.Items[0], Origin: events.OriginLive, Joined: true}
}

func wrote(space, user, text string, typ events.UserType) reactors.Change {
	e := &events.Event{
		ID: space + "/spaceEvents/E2", Type: "google.workspace.chat.message.v1.created", Time: monday,
		Items: []events.Item{{
			Kind: events.KindMessage, Verb: events.VerbCreated, Resource: space + "/messages/M", Space: space, Actor: user,
			Message: &events.Message{Text: text, Thread: space + "/threads/T", Sender: events.User{Name: user, Type: typ}},
		}},
	}
	return reactors.Change{Event: e, Item: &e.Items[0], Origin: events.OriginLive}
}

const planned = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    spaces: {except: [spaces/X]}
    if: "!member.known_external && space.members > 3"
    wait: 30s
    collapse: {window: 60s, do: [{send: {text: "Welcome {{ group.mentions }}"}}]}
    do: [{send: {text: Hi}}]
  - id: first-week
    on: [member.joined]
    bots: true
    once_per: [event, member, week]
    sequence:
      - {after: 24h, do: [{send: {text: Three tips}}]}
      - {after: 7d, do: [{send: {text: Still there?}}]}
  - id: never
    mode: "off"
    on: [member.joined, message.created]
    do: [{send: {text: Hi}}]
  - id: only-b
    on: member.joined
    spaces: [spaces/B]
    if: member.name != "users/9"
    do: [{send: {text: Hi}}]
  - id: keyword
    mode: live
    on: message.created
    if: message.text.contains("help")
    do: [{send: {text: Hi}}]
  - id: thread
    on: message.created
    once_per: [thread, day]
    quiet_hours: {zone: Pacific/Auckland, allow: daily 00:00-24:00}
    do: [{send: {text: Hi}}]
overrides:
  spaces/C: {welcome: {mode: shadow, wait: 5m, if: }, keyword: {mode: "off"}}
`

// brief is an intent without what is the same in all of a test.
type brief struct {
	Reactor, Subject string
	Shadow, MayLoop  bool
	Outcome          reactors.Outcome
	Reason           string
	Due              []time.Duration
	Facts            bool
}

func briefly(intents []reactors.Intent) []brief {
	var list []brief
	for _, i := range intents {
		b := brief{i.Reactor, i.Subject, i.Shadow, i.ActsIn == i.Space, i.Outcome, i.Reason, nil, i.Facts != nil}
		for _, s := range i.Steps {
			b.Due = append(b.Due, s.Due.Sub(i.EventTime))
		}
		list = append(list, b)
	}
	return list
}

func TestPlan(t *testing.T) {
	t.Parallel()
	s := parse(t, planned)
	welcome := brief{Reactor: "welcome", Subject: "spaces/A users/1", Due: []time.Duration{time.Minute}, Facts: true}
	firstWeek := brief{
		Reactor: "first-week", Subject: "users/1 spaces/A/spaceEvents/E1#3 2026-W02", Shadow: true, MayLoop: true,
		Due: []time.Duration{24 * time.Hour, 7 * 24 * time.Hour}, Facts: true,
	}
	with := func(b brief, f func(*brief)) brief { f(&b); return b }
	backfilled := joined("spaces/A", "users/1", events.UserHuman)
	backfilled.Origin = events.OriginBackfill
	invited := joined("spaces/A", "users/1", events.UserHuman)
	invited.Joined = false
	guest := joined("spaces/A", "users/1", events.UserHuman)
	guest.Item.Membership.Affiliation = "EXTERNAL"
	for _, c := range []struct {
		name   string
		change reactors.Change
		want   []brief
	}{
		{"a person joins", joined("spaces/A", "users/1", events.UserHuman), []brief{welcome, firstWeek}},
		{"an app joins", joined("spaces/A", "users/1", events.UserBot), []brief{firstWeek}},
		{"in an excepted space", joined("spaces/X", "users/1", events.UserHuman), []brief{
			with(firstWeek, func(b *brief) { b.Subject = "users/1 spaces/X/spaceEvents/E1#3 2026-W02" }),
		}},
		{"in an included space, but not that person", joined("spaces/B", "users/9", events.UserHuman), []brief{
			with(welcome, func(b *brief) { b.Subject = "spaces/B users/9" }),
			with(firstWeek, func(b *brief) { b.Subject = "users/9 spaces/B/spaceEvents/E1#3 2026-W02" }),
			{
				Reactor: "only-b", Subject: "spaces/B users/9", Shadow: true,
				Outcome: reactors.ConditionFalse, Reason: `if: member.name != "users/9"`,
			},
		}},
		{"where an override holds", joined("spaces/C", "users/1", events.UserHuman), []brief{
			with(welcome, func(b *brief) {
				b.Subject, b.Shadow, b.Due = "spaces/C users/1", true, []time.Duration{5 * time.Minute}
			}),
			with(firstWeek, func(b *brief) { b.Subject = "users/1 spaces/C/spaceEvents/E1#3 2026-W02" }),
		}},
		{"the event's part of a condition is false", guest, []brief{
			{
				Reactor: "welcome", Subject: "spaces/A users/1", Outcome: reactors.ConditionFalse,
				Reason: `if: !member.known_external && space.members > 3`,
			},
			firstWeek,
		}},
		{"caught up on", backfilled, nil},
		{"no transition", invited, nil},
		{"a message", wrote("spaces/A", "users/1", "please help", events.UserHuman), []brief{
			{Reactor: "keyword", Subject: "spaces/A/messages/M", Due: []time.Duration{0}, Facts: true},
			{Reactor: "thread", Subject: "spaces/A/threads/T 2026-01-05", Shadow: true, Due: []time.Duration{0}, Facts: true},
		}},
		{"a message by an app", wrote("spaces/A", "users/2", "please help", events.UserBot), nil},
		{"a message where an override is off", wrote("spaces/C", "users/1", "please help", events.UserHuman), []brief{
			{Reactor: "thread", Subject: "spaces/C/threads/T 2026-01-05", Shadow: true, Due: []time.Duration{0}, Facts: true},
		}},
	} {
		got := briefly(s.PlanAll(c.change))
		if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestPlannedFactsAreTheChange(t *testing.T) {
	t.Parallel()
	s := parse(t, planned)
	c := joined("spaces/A", "users/1", events.UserHuman)
	intents := s.PlanAll(c)
	in := intents[0]
	run := reactors.Run{Trigger: in.Trigger, Space: in.Space, Member: in.Member, EventTime: in.EventTime}
	if err := run.ReadFacts(in.Facts); err != nil {
		t.Fatal(err)
	}
	want := reactors.FactsOf(c, reactors.MemberJoined)
	if diff := cmp.Diff(want, run.Facts, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if &intents[0].Facts[0] != &intents[1].Facts[0] {
		t.Error("the facts of a change are kept more than once")
	}
	for _, i := range intents {
		if i.Trigger != reactors.MemberJoined || i.Space != "spaces/A" || i.Member != "users/1" || !i.EventTime.Equal(monday) {
			t.Errorf("%+v isn't about the change", i)
		}
		if r := s.Rule(i.Reactor, i.Space); r == nil || i.Hash != r.Hash {
			t.Errorf("%s: hash %s isn't its rule's", i.Reactor, i.Hash)
		}
	}
	// The same facts from elsewhere ask for the same.
	again := s.PlanFacts(want, monday, "spaces/A/spaceEvents/E1#3")
	if diff := cmp.Diff(intents, again); diff != "" {
		t.Errorf("planned by facts (-change +facts):\n%s", diff)
	}
}

// What tells two events apart must not be lost where it isn't known.
func TestUnknownSubjectsStayApart(t *testing.T) {
	t.Parallel()
	s := parse(t, `
reactors:
  - id: a
    on: message.created
    once_per: [thread]
    do: [{send: {text: Hi}}]
  - id: b
    on: space.added
    do: [{send: {text: Hi}}]
`)
	c := wrote("spaces/A", "users/1", "", events.UserHuman)
	c.Item.Message.Thread = ""
	if got, want := s.PlanAll(c)[0].Subject, "spaces/A/spaceEvents/E2#0"; got != want {
		t.Errorf("without a thread the subject is %q, want %q", got, want)
	}
	e := &events.Event{Type: "interaction.ADDED_TO_SPACE", Time: monday, Items: []events.Item{{
		Kind: events.KindInteraction, Verb: events.VerbOther, Space: "spaces/A", Actor: "users/1",
		Interaction: &events.Interaction{Type: "ADDED_TO_SPACE"},
	}}}
	added := reactors.Change{Event: e, Item: &e.Items[0], Origin: events.OriginLive}
	if got, want := s.PlanAll(added)[0].Subject, "interaction.ADDED_TO_SPACE@2026-01-05T09:00:00Z spaces/A users/1#0"; got != want {
		t.Errorf("of an interaction the subject is %q, want %q", got, want)
	}
}

func TestDaysAndWeeksOfSubjects(t *testing.T) {
	t.Parallel()
	s := parse(t, `
reactors:
  - id: a
    on: member.joined
    once_per: [week, day, member]
    quiet_hours: {zone: Pacific/Auckland, allow: daily 00:00-24:00}
    do: [{send: {text: Hi}}]
`)
	f := reactors.Facts{Trigger: reactors.MemberJoined, Member: reactors.MemberFacts{Name: "users/1"}}
	sunday := time.Date(2026, time.January, 4, 20, 0, 0, 0, time.UTC)
	if got, want := s.PlanFacts(f, sunday, "k")[0].Subject, "users/1 2026-01-05 2026-W02"; got != want {
		t.Errorf("subject %q, want %q: the order is fixed, days are those of the rule's zone", got, want)
	}
}

// A run is refused for what the event tells of match, and asked for all of
// both when its turn comes, even where a condition ends in a comment.
func TestMatchIsPartOfTheCondition(t *testing.T) {
	t.Parallel()
	s := parse(t, `
reactors:
  - id: a
    on: member.joined
    spaces: {match: space.name.startsWith("spaces/T") && space.members > 3}
    if: |
      member.role == "ROLE_MEMBER" // not managers
    do: [{send: {text: Hi}}]
`)
	f := reactors.Facts{Trigger: reactors.MemberJoined}
	f.Space.Name, f.Member.Role = "spaces/A", "ROLE_MEMBER"
	got := s.PlanFacts(f, monday, "k")[0]
	if want := `spaces.match: space.name.startsWith("spaces/T") && space.members > 3`; got.Outcome != reactors.ConditionFalse || got.Reason != want {
		t.Errorf("elsewhere it is %q because of %q, want %q because of %q", got.Outcome, got.Reason, reactors.ConditionFalse, want)
	}
	for _, c := range []struct {
		role    string
		members int
		want    bool
	}{{"ROLE_MEMBER", 4, true}, {"ROLE_MEMBER", 3, false}, {"ROLE_MANAGER", 4, false}} {
		f.Space.Name, f.Member.Role, f.Space.Members = "spaces/T1", c.role, c.members
		got, err := s.Rule("a", "spaces/T1").If.Eval(context.Background(), &f, monday)
		if err != nil || got != c.want {
			t.Errorf("%s, %d members: %t, %v; want %t", c.role, c.members, got, err, c.want)
		}
	}
}
