package send_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/simulate"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

const create = "spaces.messages.create"

var (
	refused     = simulate.ChatFault{Status: http.StatusForbidden}
	unavailable = simulate.ChatFault{Status: http.StatusServiceUnavailable}
	dropped     = simulate.ChatFault{DropReply: true}
)

func prepare(t *testing.T, a reactors.Action, params any, c reactors.PrepareContext) json.RawMessage {
	t.Helper()
	request, _ := prepareWrite(t, a, params, c)
	return request
}

func prepareWrite(t *testing.T, a reactors.Action, params any, c reactors.PrepareContext) (request json.RawMessage, w reactors.Write) {
	t.Helper()
	p, err := a.Prepare(params, c)
	if err != nil {
		t.Fatal(err)
	}
	return p.Body, *p.Write
}

func act(t *testing.T, a reactors.Action, request json.RawMessage) reactors.Result {
	t.Helper()
	result, err := a.Act(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestCheck(t *testing.T) {
	t.Parallel()
	text := chatText("hi")
	key := reactors.PlainText{Source: "k"}
	for name, c := range map[string]struct {
		params send.Params
		want   []string // fields
	}{
		"a text":              {send.Params{Text: text}, nil},
		"a card":              {send.Params{Card: chatCard("hi")}, nil},
		"all of it":           {send.Params{To: "private", Fallback: "space", Text: text, Card: chatCard("hi"), ThreadKey: key}, nil},
		"a thread":            {send.Params{To: "thread", Text: text, Fallback: "none"}, nil},
		"another space":       {send.Params{To: "spaces/AAQA_x-1", Text: text}, nil},
		"nothing to say":      {send.Params{}, []string{""}},
		"a bad card":          {send.Params{Card: reactors.Card{Source: "card"}}, []string{"card"}},
		"somewhere":           {send.Params{To: "everybody", Text: text}, []string{"to"}},
		"a space's URL":       {send.Params{To: "spaces/A/threads/T", Text: text}, []string{"to"}},
		"a fallback for none": {send.Params{Text: text, Fallback: "space"}, []string{"fallback"}},
		"a bad fallback":      {send.Params{To: "private", Text: text, Fallback: "thread"}, []string{"fallback"}},
		"two threads":         {send.Params{To: "thread", Text: text, ThreadKey: key}, []string{"thread_key"}},
		"several":             {send.Params{To: "x", Fallback: "x"}, []string{"", "to", "fallback"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, p := range send.New(nil).Check(&c.params) {
				got = append(got, p.Field)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("mistakes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPrepareRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	run := reactors.Run{Reactor: "rule", Subject: "s", Space: "spaces/A", Member: "users/1"}
	for name, c := range map[string]struct {
		params send.Params
		change func(*reactors.Run)
		says   string
	}{
		"nobody":           {send.Params{To: "private", Text: chatText("hi")}, func(r *reactors.Run) { r.Member = "" }, "nobody to send it to"},
		"no thread":        {send.Params{To: "thread", Text: chatText("hi")}, nil, "no thread"},
		"nowhere":          {send.Params{Text: chatText("hi")}, func(r *reactors.Run) { r.Space = "" }, "no space"},
		"nothing is left":  {send.Params{Text: chatText(" \n")}, nil, "nothing is left"},
		"too much":         {send.Params{Text: chatText(strings.Repeat("ä", 16_001))}, nil, "32002 bytes"},
		"a card gone awry": {send.Params{Card: reactors.Card{Value: json.RawMessage(`[{"card":{"haeder":{}}}]`)}}, nil, "haeder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run
			if c.change != nil {
				c.change(&r)
			}
			_, err := send.New(nil).Prepare(&c.params, reactors.PrepareContext{Run: r, Label: "hello", IDs: reactors.IDsOf(r)})
			if !reactors.IsPermanent(err) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "hello") {
				t.Errorf("got %v, want a permanent error with %q", err, c.says)
			}
		})
	}
}

func TestWhereMessagesGo(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	other, err := s.CreateSpace("Owners", s.Member)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := s.Post(s.Space, s.Member, "how?")
	if err != nil {
		t.Fatal(err)
	}
	thread := s.Space + "/threads/" + strings.Split(strings.TrimPrefix(asked, s.Space+"/messages/"), ".")[0]
	a := send.New(s.Client)
	for label, c := range map[string]struct {
		params send.Params
		want   simulate.AppMessage
	}{
		"to-space":   {send.Params{To: "space"}, simulate.AppMessage{Space: s.Space}},
		"to-private": {send.Params{To: "private", Fallback: "space"}, simulate.AppMessage{Space: s.Space, Viewer: s.Member}},
		"to-thread":  {send.Params{To: "thread"}, simulate.AppMessage{Space: s.Space, Thread: thread}},
		"to-other":   {send.Params{To: other, Card: chatCard("hi")}, simulate.AppMessage{Space: other, Cards: true}},
	} {
		params, run := c.params, s.Run(label)
		params.Text = chatText("the text of " + label)
		run.Facts.Message.Thread = thread
		request, write := prepareWrite(t, a, &params, run)
		if got := write.Space; got != c.want.Space {
			t.Errorf("%s: writes to %q, want %q", label, got, c.want.Space)
		}
		result := act(t, a, request)
		sent := s.Truth().AppMessages
		got := sent[len(sent)-1]
		if ids := write.MessageIDs; got.Name != result.Message || result.Note != "" || ids[0] != got.ClientID {
			t.Errorf("%s: got result %+v and ids %q of %+v", label, result, ids, got)
		}
		if got.Space != c.want.Space || got.Viewer != c.want.Viewer || got.Cards != c.want.Cards || got.Text != params.Text.Value ||
			c.want.Thread != "" && got.Thread != c.want.Thread {
			t.Errorf("%s: got %+v, want %+v", label, got, c.want)
		}
	}
}

func TestMessagesOfAKeyShareAThread(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := send.New(s.Client)
	for _, label := range []string{"one", "two"} {
		params := &send.Params{Text: chatText(label), ThreadKey: reactors.PlainText{Value: "joins-2026-11"}}
		act(t, a, prepare(t, a, params, s.Run(label)))
	}
	if l := s.Truth().AppMessages; l[0].Thread != l[1].Thread {
		t.Errorf("got threads %s and %s, want one", l[0].Thread, l[1].Thread)
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	params := &send.Params{To: "private", Fallback: "space", Text: chatText("Welcome!")}
	start := func(t *testing.T) (*chattest.Env, *send.Action, json.RawMessage, string) {
		s := chattest.New(t)
		c := s.Run("hello")
		c.Run.Member = s.AddUser(false) // not in the space
		a := send.New(s.Client)
		return s, a, prepare(t, a, params, c), c.Run.Member
	}
	// want checks that there is one message, to everybody or not.
	want := func(t *testing.T, s *chattest.Env, viewer, note string, result reactors.Result) {
		t.Helper()
		l := s.Truth().AppMessages
		if len(l) != 1 || l[0].Viewer != viewer || l[0].Text != "Welcome!" {
			t.Fatalf("got %+v, want one message with viewer %q", l, viewer)
		}
		if result.Message != l[0].Name || result.Note != note {
			t.Errorf("got %+v, want note %q", result, note)
		}
	}
	const note = "sent to the space instead"

	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s, a, request, _ := start(t)
		if done, err := a.Settled(t.Context(), request); done || err != nil {
			t.Errorf("before: settled %t, %v", done, err)
		}
		want(t, s, "", note, act(t, a, request))
		want(t, s, "", note, act(t, a, request))
		if done, err := a.Settled(t.Context(), request); !done || err != nil {
			t.Errorf("after: settled %t, %v", done, err)
		}
	})
	// Nobody noted that the fallback was sent, and now the first way is open.
	t.Run("the person comes back", func(t *testing.T) {
		t.Parallel()
		s, a, request, member := start(t)
		act(t, a, request)
		if err := s.AddMembers(s.Space, member); err != nil {
			t.Fatal(err)
		}
		want(t, s, "", note, act(t, a, request))
	})
	// Nobody noted that the private one was sent, Google has forgotten the
	// request's id, and now it would refuse.
	t.Run("the person leaves", func(t *testing.T) {
		t.Parallel()
		s, a, request, member := start(t)
		if err := s.AddMembers(s.Space, member); err != nil {
			t.Fatal(err)
		}
		act(t, a, request)
		s.Faults(create, refused)
		want(t, s, member, "", act(t, a, request))
	})
	t.Run("not while the first way may open", func(t *testing.T) {
		t.Parallel()
		s, a, request, member := start(t)
		if err := s.AddMembers(s.Space, member); err != nil {
			t.Fatal(err)
		}
		s.Faults(create, unavailable)
		if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) {
			t.Errorf("got %v, want an error that a retry mends", err)
		}
		want(t, s, member, "", act(t, a, request))
	})
	t.Run("not while nobody can look", func(t *testing.T) {
		t.Parallel()
		s, a, request, _ := start(t)
		s.Faults("spaces.messages.get", unavailable)
		if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) || len(s.Truth().AppMessages) != 0 {
			t.Errorf("first look: got %v, want an error that a retry mends", err)
		}
		s.Faults("spaces.messages.get", simulate.ChatFault{}, unavailable)
		if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) || len(s.Truth().AppMessages) != 0 {
			t.Errorf("second look: got %v, want an error that a retry mends", err)
		}
	})
	t.Run("where the app may not look", func(t *testing.T) {
		t.Parallel()
		s, a, request, _ := start(t)
		s.Faults("spaces.messages.get", refused, refused)
		want(t, s, "", note, act(t, a, request))
	})
	t.Run("not for one that was sent and is gone", func(t *testing.T) {
		t.Parallel()
		s, a, request, _ := start(t)
		s.Faults(create, simulate.ChatFault{Status: http.StatusConflict})
		if _, err := a.Act(t.Context(), request); !errors.Is(err, gchat.ErrSentBefore) || len(s.Truth().AppMessages) != 0 {
			t.Errorf("got %v, want that it was sent before", err)
		}
	})
	t.Run("refused as well", func(t *testing.T) {
		t.Parallel()
		s, a, request, _ := start(t)
		if err := s.RemoveMember(s.Space, s.App()); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Act(t.Context(), request); !reactors.IsPermanent(err) || !strings.Contains(err.Error(), "add it to the space") {
			t.Errorf("got %v, want a permanent error", err)
		}
	})
}

// A shadow run and a live one, and two labels, have ids of their own; two
// attempts don't.
func TestIDs(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := send.New(nil)
	ids := func(label string, shadow bool) string {
		c := s.Run(label)
		c.Run.Shadow = shadow
		c.IDs = reactors.IDsOf(c.Run)
		_, write := prepareWrite(t, a, &send.Params{Text: chatText("hi")}, c)
		return write.MessageIDs[0]
	}
	first, again := ids("a", false), ids("a", false)
	if first != again || first == ids("b", false) || first == ids("a", true) {
		t.Error("the ids don't follow from run and label")
	}
}

// However often a message is tried, and by however many processes, Google is
// given one request id for it: what was stored, not what an attempt draws.
func TestAttemptsShareTheirRequestID(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	alone, everybody := s.Run("alone"), s.Run("everybody")
	alone.Run.Member = s.AddUser(false) // not in the space: the fallback is used
	for name, c := range map[string]struct {
		params *send.Params
		run    reactors.PrepareContext
		faults []simulate.ChatFault
		want   []string // labels
	}{
		"to everybody": {
			&send.Params{Text: chatText("hi")}, everybody,
			[]simulate.ChatFault{unavailable, unavailable}, []string{"everybody", "everybody", "everybody"},
		},
		"the fallback": {
			&send.Params{To: "private", Fallback: "space", Text: chatText("hi")}, alone,
			[]simulate.ChatFault{refused, unavailable, refused, unavailable},
			[]string{"alone", "alone/fallback", "alone", "alone/fallback", "alone", "alone/fallback"},
		},
	} {
		before := len(s.Requests())
		request := prepare(t, send.New(nil), c.params, c.run)
		s.Faults(create, c.faults...)
		for range 2 {
			if _, err := send.New(s.Client).Act(t.Context(), request); err == nil {
				t.Fatalf("%s: an attempt succeeded, want two that fail", name)
			}
		}
		act(t, send.New(s.Client), request)
		var want []string
		for _, label := range c.want {
			want = append(want, c.run.IDs.Request(label))
		}
		if diff := cmp.Diff(want, s.Requests()[before:]); diff != "" {
			t.Errorf("%s: request ids (-want +got):\n%s", name, diff)
		}
	}
}

func TestErrorsOfGoogle(t *testing.T) {
	t.Parallel()
	s := chattest.New(t)
	a := send.New(s.Client)
	request := prepare(t, a, &send.Params{Text: chatText(chattest.Canary)}, s.Run("hello"))
	s.Faults(create, simulate.ChatFault{Status: 429, RetryAfter: 7 * time.Second}, simulate.ChatFault{Status: 404}, unavailable)
	_, busy := a.Act(t.Context(), request)
	if wait, _ := reactors.RetryDelay(busy); wait != 7*time.Second || !reactors.IsThrottled(busy) {
		t.Errorf("429: got %v, want a retry after 7 s", busy)
	}
	if _, err := a.Act(t.Context(), request); !reactors.IsPermanent(err) {
		t.Errorf("404: got %v, want a permanent error", err)
	}
	if _, err := a.Act(t.Context(), request); err == nil || reactors.IsPermanent(err) || reactors.IsThrottled(err) {
		t.Errorf("503: got %v, want an error that a retry mends", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Act(ctx, request); !errors.Is(err, context.Canceled) || reactors.IsPermanent(err) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
}
