package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/engine"
	"github.com/spacekeeper/spacekeeper/internal/store/eventlog/facts"
)

// directory answers as Chat does; a nil function is one that nobody may ask.
type directory struct {
	spaceName func() (string, error)
	person    func() (facts.Person, error)
	message   func() (events.Message, error)

	mu    sync.Mutex
	asked []string
}

func (d *directory) ask(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what)
}

func (d *directory) SpaceName(context.Context, string) (string, string, error) {
	d.ask("space")
	name, err := d.spaceName()
	return name, "SPACE", err
}

func (d *directory) Person(_ context.Context, _, user string) (facts.Person, error) {
	d.ask(user)
	return d.person()
}

func (d *directory) Message(_ context.Context, name string) (events.Message, error) {
	d.ask(name)
	return d.message()
}

// ask lets the dispatcher look things up in d.
func (s *env) ask(d *directory) {
	s.Dispatcher = engine.NewDispatcher(s.ruleSet, []reactors.Action{s.action}, s.store.Runs, s.store.Log, zap.NewNop(), engine.Options{
		WriteInterval: time.Microsecond, Now: s.clock, Directory: d,
	})
}

const greeting = `
reactors:
  - id: welcome
    mode: live
    on: member.joined
    do: [{say: {text: "Welcome to {{ space.display_name }}"}}]
`

// Four people join a space at once before any event has told its name. While the
// first one's run looks it up, the others' wait: nobody is greeted without it.
func TestNameUnderWay(t *testing.T) {
	t.Parallel()
	s := newEnv(t, greeting)
	s.join("users/1", "users/2", "users/3", "users/4")
	runs := s.runs()
	d := &directory{}
	d.spaceName = func() (string, error) {
		var others sync.WaitGroup
		for _, r := range runs[1:] {
			others.Go(func() {
				if wait, err := s.Attempt(t.Context(), r.ID); err == nil {
					t.Errorf("run %d has not waited: it comes back in %s", r.ID, wait)
				}
			})
		}
		others.Wait()
		if said := s.action.texts(); len(said) > 0 {
			t.Errorf("said meanwhile: %q", said)
		}
		return "Team News", nil
	}
	s.ask(d)
	for _, r := range runs {
		s.attempt(r.ID)
	}
	if got, want := s.action.texts(), slices.Repeat([]string{"Welcome to Team News"}, 4); !slices.Equal(got, want) {
		t.Errorf("said %q", got)
	}
	if !slices.Equal(d.asked, []string{"space"}) {
		t.Errorf("asked for %q", d.asked)
	}
}

// A look-up that fails is tried again soon, and the run waits for it; but not for
// ever, and not if nobody can tell.
func TestNameNotRead(t *testing.T) {
	t.Parallel()
	unavailable := errors.New("Chat is away")
	for _, tt := range []struct {
		name   string
		err    error
		waited time.Duration
		want   []string // nil: it waits
	}{
		{"at once", unavailable, 0, nil},
		{"for longer than a minute", unavailable, 61 * time.Second, []string{"Welcome to this space"}},
		{"what nobody can tell", reactors.Permanent(unavailable), 0, []string{"Welcome to this space"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, greeting)
			s.join("users/1")
			s.ask(&directory{spaceName: func() (string, error) { return "", tt.err }})
			s.wait(tt.waited)
			run := s.runs()[0].ID
			if _, err := s.Attempt(t.Context(), run); (err != nil) != (tt.want == nil) {
				t.Errorf("the attempt: %v", err)
			}
			if got := s.action.texts(); !slices.Equal(got, tt.want) {
				t.Errorf("said %q, want %q", got, tt.want)
			}
			if tt.want != nil {
				return
			}
			// Another replica finds out.
			s.ask(&directory{spaceName: func() (string, error) { return "Team News", nil }})
			s.attempt(run)
			if got := s.action.texts(); !slices.Equal(got, []string{"Welcome to Team News"}) {
				t.Errorf("said %q once it was known", got)
			}
		})
	}
}

// Who is external is asked of Chat where no event tells; if nobody can tell, the
// rule says what holds.
func TestExternalIsLookedUp(t *testing.T) {
	t.Parallel()
	const text = `
reactors:
  - id: known
    mode: live
    on: member.joined
    if: member.known_external
    do: [{say: {text: "known {{ member.name }}"}}]
  - id: maybe
    mode: live
    on: member.joined
    if: member.maybe_external
    do: [{say: {text: "maybe {{ member.name }}"}}]
`
	for _, tt := range []struct {
		affiliation string
		err         error
		want        []string
	}{
		{"EXTERNAL", nil, []string{"known users/1", "maybe users/1"}},
		{"INTERNAL", nil, nil},
		{"", nil, []string{"maybe users/1"}},
		{"", reactors.Permanent(errors.New("the app may not read it")), []string{"maybe users/1"}},
	} {
		t.Run(fmt.Sprint(tt.affiliation, tt.err != nil), func(t *testing.T) {
			t.Parallel()
			s := newEnv(t, text)
			s.ask(&directory{person: func() (facts.Person, error) { return facts.Person{Type: "HUMAN", Affiliation: tt.affiliation}, tt.err }})
			s.join("users/1")
			s.attemptAll()
			if got := s.action.texts(); !slices.Equal(got, tt.want) {
				t.Errorf("said %q, want %q", got, tt.want)
			}
		})
	}
}

// Google tells of who has left no more than the name: what they were is known from
// before. A rule about people minds people, and none about an app.
func TestWhoHasLeft(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: bye
    mode: live
    on: member.left
    bots: true
    if: member.type == "HUMAN"
    do: [{say: {text: "Bye {{ member.name }}"}}]
  - id: people
    mode: live
    on: member.left
    do: [{say: {text: "{{ member.name }} is away"}}]
`)
	s.join("users/1")
	app := member(events.VerbCreated, space, "users/2")
	app.Membership.Member.Type = events.UserBot
	s.record(app)
	s.wait(time.Second)
	s.leave("users/1")
	s.leave("users/2")
	s.attemptAll()
	got := s.action.texts()
	slices.Sort(got)
	if !slices.Equal(got, []string{"Bye users/1", "users/1 is away"}) {
		t.Errorf("said %q, runs %v", got, s.outcomes())
	}
}

// A reaction to a message of before recording began: the message is read from Chat.
func TestMessageIsLookedUp(t *testing.T) {
	t.Parallel()
	s := newEnv(t, `
reactors:
  - id: forward
    mode: live
    on: reaction.added
    if: message.text.contains("vpn")
    do: [{say: {text: "{{ message.author_mention }}: {{ message.text }} {{ message.thread }}"}}]
`)
	d := &directory{message: func() (events.Message, error) {
		return events.Message{Text: "the vpn is down", Sender: events.User{Name: "users/9"}, Thread: space + "/threads/T"}, nil
	}}
	s.ask(d)
	react := func(message string) {
		name := message + "/reactions/1"
		s.record(events.Item{
			Kind: events.KindReaction, Verb: events.VerbCreated, Resource: name, Space: space, Actor: "users/1",
			Reaction: &events.Reaction{Name: name, Message: message, User: events.User{Name: "users/1", Type: events.UserHuman}, Unicode: "🚨"},
		})
	}
	react(space + "/messages/T.M")
	s.post("users/8", events.UserHuman, "vpn, recorded")
	recorded := fmt.Sprintf("%s/messages/m%d", space, 1)
	react(recorded)
	s.attemptAll()
	want := []string{"<users/9>: the vpn is down spaces/S/threads/T", "<users/8>: vpn, recorded spaces/S/threads/t"}
	if got := s.action.texts(); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	if !slices.Equal(d.asked, []string{space + "/messages/T.M"}) {
		t.Errorf("asked for %q", d.asked)
	}
}
