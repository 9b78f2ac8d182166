package simulate

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/chat/v1"
	"google.golang.org/api/workspaceevents/v1"
)

type published struct{ Attributes, Data, Key string }

func (v *world) subscribeAll(t *testing.T) {
	t.Helper()
	for _, s := range v.Spaces() {
		v.subscribe(t, func(in *workspaceevents.Subscription) { in.TargetResource = spaceTarget(s.Name) })
	}
}

func (v *world) published() []published {
	var list []published
	for _, m := range v.pubsub.take() {
		list = append(list, published{cmp.Diff(nil, m.Attributes), string(m.Data), m.OrderingKey})
	}
	return list
}

func TestSameSeedSameActivity(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) []published {
		v := newWorld(t, Options{Seed: seed})
		v.subscribeAll(t)
		check(t, v.Run(t.Context(), Activity{Steps: 500}))
		return v.published()
	}
	first, second, other := run(1), run(1), run(2)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs with one seed (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, other) {
		t.Error("another seed gives the same activity")
	}
}

// What the app writes in between doesn't change what people do.
func TestAppDoesNotDisturbPeople(t *testing.T) {
	t.Parallel()
	run := func(app bool) []string {
		v := newWorld(t, Options{Seed: 3})
		v.subscribeAll(t)
		for range 5 {
			check(t, v.Run(t.Context(), Activity{Steps: 1, Seed: 9}))
			if app {
				v.clock.Advance(time.Second)
				_, err := v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "hello"}).Do()
				check(t, err)
			}
		}
		check(t, v.Run(t.Context(), Activity{Steps: 200}))
		var names []string
		for _, s := range v.Spaces() {
			for _, m := range v.state.spaces[s.Name].order {
				if m.sender != v.App() {
					names = append(names, m.name+" "+m.text)
				}
			}
		}
		return names
	}
	if diff := cmp.Diff(run(false), run(true)); diff != "" {
		t.Errorf("people's messages (-alone +with app):\n%s", diff)
	}
}

func TestJoinsInLedger(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{Spaces: 1})
	a, b, c, bot := v.outsider(), v.outsider(), v.outsider(), v.AddUser(true)
	check(t, v.AddMembers(v.space, a)) // nobody listens yet
	v.subscribe(t)
	check(t, v.AddMembers(v.space, b, bot))
	check(t, v.Invite(v.space, c))
	check(t, v.Accept(v.space, c))
	check(t, v.RemoveMember(v.space, b))
	check(t, v.AddMembers(v.space, b))
	check(t, v.SetRole(v.space, b, "ROLE_MANAGER")) // no join
	type join struct {
		User           string
		Bot, Published bool
	}
	var got []join
	known := map[string]bool{}
	for _, e := range v.Truth().Events {
		known[e.ID] = true
	}
	for _, j := range v.Truth().Joins {
		got = append(got, join{j.User, j.Bot, j.Published})
		if known[j.EventID] != j.Published {
			t.Errorf("%+v: its event isn't in the truth", j)
		}
	}
	if diff := cmp.Diff([]join{{a, false, false}, {b, false, true}, {bot, true, true}, {c, false, true}, {b, false, true}}, got); diff != "" {
		t.Errorf("joins (-want +got):\n%s", diff)
	}
}

func TestRunEndsWithContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	v := newWorld(t, Options{OnEvent: func(Event) {
		if steps++; steps == 5 {
			cancel()
		}
	}})
	check(t, v.Run(ctx, Activity{Rate: 10_000}))
	if steps != 5 {
		t.Errorf("got %d events, want 5", steps)
	}
}

func TestOnEvent(t *testing.T) {
	t.Parallel()
	var got []Event
	v := newWorld(t, Options{OnEvent: func(e Event) { got = append(got, e) }})
	v.subscribe(t)
	who := v.people[0]
	must(v.Post(v.space, who, "hello"))
	_, err := v.chat.Spaces.Messages.Create(v.space, &chat.Message{Text: "psst", PrivateMessageViewer: &chat.User{Name: who}}).Do()
	check(t, err)
	l := v.Truth()
	want := []Event{
		{
			ID: l.Events[0].ID, Type: chatType + "message.v1.created", Space: v.space, SpaceDisplay: v.Spaces()[0].DisplayName,
			Time: l.Events[0].Time, Deliveries: 1,
			Items: []EventItem{{Resource: "?", Actor: who, ActorDisplay: "?", Text: "hello"}},
		},
		{
			ID: l.Events[1].ID, Type: chatType + "message.v1.created", Space: v.space, SpaceDisplay: v.Spaces()[0].DisplayName,
			Time: l.Events[1].Time, Deliveries: 1,
			Items: []EventItem{{Resource: l.AppMessages[0].Name, Actor: v.App(), ActorDisplay: "Spacekeeper", Text: "psst", Viewer: who}},
		},
	}
	if diff := cmp.Diff(want, got, ignoreUnknown); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestMadeUpNamesAreDistinct(t *testing.T) {
	t.Parallel()
	people, spaces := map[string]bool{}, map[string]bool{}
	for n := range len(firstNames) * len(lastNames) {
		people[personName(11, n)] = true
	}
	for n := range 200 {
		spaces[spaceTitle(11, n)] = true
	}
	if len(people) != len(firstNames)*len(lastNames) || len(spaces) != 200 {
		t.Errorf("got %d people and %d spaces", len(people), len(spaces))
	}
	v := newWorld(t, Options{Users: 1000, Spaces: 100})
	users := v.Users()
	slices.Sort(users)
	if n := len(slices.Compact(users)); n != 1000 || len(v.Spaces()) != 100 {
		t.Errorf("got %d users and %d spaces", n, len(v.Spaces()))
	}
}

func TestMembersFollowChanges(t *testing.T) {
	t.Parallel()
	v := newWorld(t, Options{})
	a, b := v.outsider(), v.outsider()
	before := v.Members(v.space)
	wantMembers := func(after string, plus ...string) {
		t.Helper()
		want := append(plus, before...)
		slices.Sort(want)
		if diff := cmp.Diff(want, v.Members(v.space)); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", after, diff)
		}
	}
	check(t, v.AddMembers(v.space, a))
	wantMembers("joining", a)
	check(t, v.Invite(v.space, b))
	wantMembers("the invitation", a)
	check(t, v.Accept(v.space, b))
	wantMembers("accepting it", a, b)
	check(t, v.RemoveMember(v.space, a))
	wantMembers("leaving", b)
	if v.Members(v.space)[0] = "spoilt"; v.Members(v.space)[0] == "spoilt" {
		t.Error("the caller can change who is in the space")
	}
}
