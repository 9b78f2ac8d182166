package send_test

import (
	"encoding/json"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/reactorstest"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
	"github.com/spacekeeper/spacekeeper/internal/simulate/chattest"
)

func chatText(s string) reactors.ChatText { return reactors.ChatText{Source: s, Value: s} }

// chatCard is a card with a title.
func chatCard(title string) reactors.Card {
	source := []any{map[string]any{"card": map[string]any{"header": map[string]any{"title": title}}}}
	raw, _ := json.Marshal(source)
	return reactors.Card{Source: source, Value: raw}
}

func TestSendConforms(t *testing.T) {
	t.Parallel()
	for name, params := range map[string]send.Params{
		"space":   {Text: chatText(chattest.Canary), ThreadKey: reactors.PlainText{Source: "k", Value: "k"}},
		"private": {To: "private", Text: chatText(chattest.Canary), Card: chatCard(chattest.Canary)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
				s := chattest.New(t)
				return reactorstest.Env{
					Action: send.New(s.Client), Params: &params, Context: s.Run("0.0"), Fail: s.Fail, Canary: chattest.Canary,
					Effects: func() int { return len(s.Truth().AppMessages) }, Writes: s.WrittenSpaces,
				}
			}})
		})
	}
}

// TestFallbackConforms has a private message that Google never takes.
func TestFallbackConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s := chattest.New(t)
		c := s.Run("0.0")
		c.Run.Member = s.AddUser(false) // who isn't in the space
		return reactorstest.Env{
			Action: send.New(s.Client), Params: &send.Params{To: "private", Fallback: "space", Text: chatText(chattest.Canary)},
			Context: c, Canary: chattest.Canary,
			Fail: func(f reactorstest.Fault) {
				if f == reactorstest.Refused { // both ways
					s.Fail(reactorstest.None)
					s.Faults("spaces.messages.create", refused, refused)
					return
				}
				s.Fail(f)
			},
			Effects: func() int { return len(s.Truth().AppMessages) }, Writes: s.WrittenSpaces,
		}
	}})
}

// sent is an environment in which a run has sent a message as the action "hello".
func sent(t *testing.T, params send.Params) *chattest.Env {
	t.Helper()
	s := chattest.New(t)
	a := send.New(s.Client)
	act(t, a, prepare(t, a, &params, s.Run("hello")))
	return s
}

func TestUpdateConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s := sent(t, send.Params{Text: chatText("before")})
		return reactorstest.Env{
			Action: send.NewUpdate(s.Client), Params: &send.UpdateParams{Of: "hello", Text: chatText(chattest.Canary)},
			Context: s.Run("0.1"), Fail: s.Fail, Canary: chattest.Canary, Writes: s.WrittenSpaces,
			Effects: func() int { // the message says it, however often it was told to
				if s.Truth().AppMessages[0].Text == chattest.Canary {
					return 1
				}
				return 0
			},
		}
	}})
}

func TestDeleteConforms(t *testing.T) {
	t.Parallel()
	reactorstest.Action(t, reactorstest.Harness{New: func(t *testing.T) reactorstest.Env {
		s := sent(t, send.Params{Text: chatText("before")})
		return reactorstest.Env{
			Action: send.NewDelete(s.Client), Params: &send.DeleteParams{Of: "hello"},
			Context: s.Run("0.1"), Fail: s.Fail, Canary: chattest.Canary, Writes: s.WrittenSpaces,
			Effects: func() int {
				if s.Truth().AppMessages[0].Deleted {
					return 1
				}
				return 0
			},
		}
	}})
}
