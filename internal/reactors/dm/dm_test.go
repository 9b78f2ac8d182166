package dm_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

var params = &dm.Params{Text: reactors.ChatText{Source: chattest.Canary, Value: chattest.Canary}}

// acquainted is an environment in which the member has written to the app.
func acquainted(t *testing.T) (s *chattest.Env, direct string) {
	t.Helper()
	s = chattest.New(t)
	direct, err := s.WriteToApp(s.Member, "hi")
	if err != nil {
		t.Fatal(err)
	}
	return s, direct
}

func prepare(t *testing.T, a *dm.Action, c reactors.PrepareContext) json.RawMessage {
	t.Helper()
	request, err := a.Prepare(params, c)
	if err != nil {
		t.Fatal(err)
	}
	return request.Body
}

func TestSaysWhichMessageItSends(t *testing.T) {
	t.Parallel()
	c := reactors.PrepareContext{Run: reactors.Run{Member: "users/1"}, Label: "hello"}
	p, err := dm.New(nil).Prepare(params, c)
	if want := (&reactors.Write{MessageIDs: []string{c.IDs.Message("hello")}}); err != nil || !cmp.Equal(p.Write, want) {
		t.Errorf("writes %+v, %v, want %+v", p.Write, err, want)
	}
}

func TestConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s, _ := acquainted(t)
		return reactorstest.Env{
			Action: dm.New(s.Client), Params: params, Context: s.Run("0.0"), Fail: s.Fail, Canary: chattest.Canary,
			Effects: func() int { return len(s.Truth().AppMessages) }, Writes: s.WrittenSpaces,
		}
	}})
}

func TestWritesToTheMember(t *testing.T) {
	t.Parallel()
	s, direct := acquainted(t)
	a := dm.New(s.Client)
	request := prepare(t, a, s.Run("hello"))
	settled := func() bool {
		done, err := a.Settled(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if settled() {
		t.Error("settled before it was sent")
	}
	s.Faults("spaces.messages.create", simulate.ChatFault{Status: 429, RetryAfter: 3 * time.Second})
	if _, err := a.Act(t.Context(), request); reactors.IsPermanent(err) || !reactors.IsThrottled(err) {
		t.Errorf("429: got %v, want an error that a retry mends", err)
	}
	got, err := a.Act(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	l := s.Truth().AppMessages
	if len(l) != 1 || l[0].Space != direct || l[0].Name != got.Message || l[0].Text != chattest.Canary || l[0].ClientID != s.Run("hello").IDs.Message("hello") {
		t.Errorf("got %+v and %+v, want one message in %s", got, l, direct)
	}
	if !settled() {
		t.Error("not settled after it was sent")
	}
}

// However often a message is tried, Google is given one request id for it.
func TestAttemptsShareTheirRequestID(t *testing.T) {
	t.Parallel()
	s, _ := acquainted(t)
	request := prepare(t, dm.New(nil), s.Run("hello"))
	s.Faults("spaces.messages.create", simulate.ChatFault{Status: 503}, simulate.ChatFault{Status: 503})
	for range 3 {
		_, _ = dm.New(s.Client).Act(t.Context(), request) // two fail
	}
	id := s.Run("hello").IDs.Request("hello")
	if diff := cmp.Diff([]string{id, id, id}, s.Requests()); diff != "" {
		t.Errorf("request ids (-want +got):\n%s", diff)
	}
}

func TestWithoutADirectMessage(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := dm.New(s.Client)
	request := prepare(t, a, s.Run("hello"))
	_, err := a.Act(t.Context(), request)
	if !reactors.IsPermanent(err) || !errors.Is(err, gchat.ErrNoDirectMessage) || !strings.Contains(err.Error(), "write to the app first") {
		t.Errorf("got %v, want how a direct message comes to be", err)
	}
	if done, err := a.Settled(t.Context(), request); done || err != nil {
		t.Errorf("settled %t, %v", done, err)
	}
	s.Faults("spaces.findDirectMessage", simulate.ChatFault{Status: 503}, simulate.ChatFault{Status: 503})
	if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) {
		t.Errorf("503: got %v, want an error that a retry mends", err)
	}
	if _, err := a.Settled(t.Context(), request); err == nil {
		t.Error("settled, though nobody could look")
	}
}

func TestRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	a := dm.New(nil)
	run := reactors.Run{Member: "users/1"}
	for name, c := range map[string]struct {
		params dm.Params
		run    reactors.Run
		says   string
	}{
		"nobody":          {*params, reactors.Run{}, "nobody to write to"},
		"nothing is left": {dm.Params{Text: reactors.ChatText{Source: "{{ x }}", Value: " "}}, run, "nothing is left"},
		"too much":        {dm.Params{Text: reactors.ChatText{Value: strings.Repeat("x", 32_001)}}, run, "32001 bytes"},
	} {
		if _, err := a.Prepare(&c.params, reactors.PrepareContext{Run: c.run, Label: "hello"}); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want a permanent error with %q", name, err, c.says)
		}
	}
	if got := a.Check(&dm.Params{}); len(got) != 1 {
		t.Errorf("neither text nor card: got %+v, want a problem", got)
	}
}
