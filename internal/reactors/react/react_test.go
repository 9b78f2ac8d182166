package react_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/react"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

const create = "spaces.messages.reactions.create"

var asUser = react.Options{UserAuth: true}

// posted is an environment in which the member has written something.
func posted(t *testing.T) (*chattest.Env, reactors.PrepareContext) {
	t.Helper()
	s := chattest.NewAsUser(t)
	name, err := s.Post(s.Space, s.Member, chattest.Canary)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Run("0.0")
	c.Facts.Message.Name, c.Facts.Message.Text = name, chattest.Canary
	return s, c
}

func TestConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s, c := posted(t)
		return reactorstest.Env{
			Action: react.New(s.Client, asUser), Params: &react.Params{Emoji: "👍"}, Context: c,
			Fail: s.Fail, Canary: chattest.Canary, Effects: func() int { return len(s.Truth().Reactions) }, Writes: s.WrittenSpaces,
		}
	}})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for emoji, want := range map[string]int{
		"👍": 0, "1️⃣": 0, "❤️": 0, "👩🏽‍🚀": 0, "🏴󠁧󠁢󠁥󠁮󠁧󠁿": 0,
		"": 1, ":party:": 1, "thumbs up": 1, "x": 1, "👍 👍": 1, "\xff": 1, strings.Repeat("👍", 17): 1,
	} {
		mistakes := react.New(nil, asUser).Check(&react.Params{Emoji: emoji})
		if len(mistakes) != want || want == 1 && mistakes[0].Field != "emoji" {
			t.Errorf("%q: got %+v, want %d mistakes", emoji, mistakes, want)
		}
	}
	got := react.New(nil, react.Options{}).Check(&react.Params{Emoji: "👍"})
	if len(got) != 1 || got[0].Field != "" || !strings.Contains(got[0].Suggestion, "auth.mode") {
		t.Errorf("as an app: got %+v, want that a person is needed", got)
	}
}

func TestReacts(t *testing.T) {
	t.Parallel()
	s, c := posted(t)
	a := react.New(s.Client, asUser)
	p, err := a.Prepare(&react.Params{Emoji: "🎉"}, c)
	if err != nil {
		t.Fatal(err)
	}
	request := p.Body
	s.Faults(create, simulate.ChatFault{Status: 429}, simulate.ChatFault{DropReply: true})
	if _, err := a.Act(t.Context(), request); !reactors.IsThrottled(err) || reactors.IsPermanent(err) {
		t.Errorf("429: got %v, want an error that a retry mends", err)
	}
	if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) {
		t.Errorf("without an answer: got %v, want an error that a retry mends", err)
	}
	got, err := a.Act(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reactors.Result{Message: c.Facts.Message.Name}, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if l := s.Truth().Reactions; len(l) != 1 || l[0].Message != c.Facts.Message.Name || l[0].Emoji != "🎉" || l[0].User != s.Authority() {
		t.Errorf("got %+v, want one reaction of the person's", l)
	}
}

func TestNothingToReactTo(t *testing.T) {
	t.Parallel()
	s, c := posted(t)
	a := react.New(s.Client, asUser)
	p, err := a.Prepare(&react.Params{Emoji: "👍"}, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(c.Facts.Message.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Act(t.Context(), p.Body); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "isn't there any more") {
		t.Errorf("deleted meanwhile: got %v", err)
	}
	c.Facts.Message.Name = ""
	if _, err := a.Prepare(&react.Params{Emoji: "👍"}, c); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "no message") {
		t.Errorf("a trigger without a message: got %v", err)
	}
}
