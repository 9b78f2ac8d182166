// Package dm is the action "dm": it writes to the member in the direct message
// that they have with the Chat app.
//
// # What it promises
//
// The message is there exactly once, as that of send is.
//
// # What the caller must do
//
// Nothing but what reactors.Action asks for. Which space it is only Google
// knows, so no write slot can be reserved; in a direct message hardly anybody else
// writes.
//
// # What happens on failure
//
// An app can't begin a direct message. If there is none, that is a permanent
// error which says how one comes to be. Other errors come marked by gchat.
//
// # Concurrency
//
// An Action keeps nothing: it may be used by any number of goroutines.
package dm

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Chat is what the action needs of the Chat API.
type Chat interface {
	FindDirectMessage(ctx context.Context, user string) (space string, err error)
	CreateMessage(context.Context, gchat.CreateMessage) (gchat.Message, error)
	MessageByClientID(ctx context.Context, space, clientID string) (m gchat.Message, found bool, err error)
}

// Params are the action's parameters.
type Params struct {
	Text reactors.ChatText `yaml:"text" or:"card" doc:"The text, in Chat's markup; may hold placeholders."`
	Card reactors.Card     `yaml:"card" doc:"Cards as Google's card builder gives them (cardsV2), or the name of a file that holds them; their texts may hold placeholders."`
}

// Action writes to a member.
type Action struct {
	reactors.Described[Params]
	chat Chat
}

// New returns the action. Chat may be nil where nothing is acted on.
func New(chat Chat) *Action { return &Action{reactors.Describe[Params]("dm", reactors.Acts), chat} }

// Check implements [reactors.Action].
func (*Action) Check(params any) []reactors.ParamError {
	p := params.(*Params)
	return gchat.ContentErrors(p.Text, p.Card)
}

// request is what is stored: all that every attempt sends.
type request struct {
	User      string          `json:"user"`
	Text      string          `json:"text,omitempty"`
	Cards     json.RawMessage `json:"cards,omitempty"`
	RequestID string          `json:"request_id"`
	MessageID string          `json:"message_id"`
}

// Prepare implements [reactors.Action].
func (*Action) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*Params)
	r := request{
		User: c.Run.Member, Text: p.Text.Value, Cards: p.Card.Value,
		RequestID: c.IDs.Request(c.Label), MessageID: c.IDs.Message(c.Label),
	}
	if r.User == "" {
		return reactors.Prepared{}, c.Errorf("there is nobody to write to: the trigger has no member")
	}
	if strings.TrimSpace(r.Text) == "" && len(r.Cards) == 0 {
		return reactors.Prepared{}, c.Errorf("nothing is left of the text after filling in")
	}
	if err := gchat.CheckContent(r.Text, r.Cards); err != nil {
		return reactors.Prepared{}, c.Errorf("%w", err)
	}
	prepared, err := c.Encode(r, "a direct message to "+c.Run.Trigger.Who())
	prepared.Write, prepared.To = &reactors.Write{MessageIDs: []string{r.MessageID}}, r.User
	return prepared, err
}

// Act implements [reactors.Action].
func (a *Action) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("dm", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	space, err := a.chat.FindDirectMessage(ctx, r.User)
	if err != nil {
		return reactors.Result{}, err
	}
	m, err := a.chat.CreateMessage(ctx, gchat.CreateMessage{
		Space: space, Text: r.Text, Cards: r.Cards, RequestID: r.RequestID, MessageID: r.MessageID,
	})
	return reactors.Result{Message: m.Name}, err
}

// Settled implements [reactors.Action].
func (a *Action) Settled(ctx context.Context, raw json.RawMessage) (bool, error) {
	r, err := reactors.ReadRequest[request]("dm", raw)
	if err != nil {
		return false, err
	}
	space, err := a.chat.FindDirectMessage(ctx, r.User)
	if errors.Is(err, gchat.ErrNoDirectMessage) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, found, err := a.chat.MessageByClientID(ctx, space, r.MessageID)
	return found, err
}
