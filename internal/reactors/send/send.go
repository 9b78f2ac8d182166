package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// Sender is what Action needs of the Chat API.
type Sender interface {
	CreateMessage(context.Context, gchat.CreateMessage) (gchat.Message, error)
	MessageByClientID(ctx context.Context, space, clientID string) (m gchat.Message, found bool, err error)
}

// Where a message goes.
const (
	toSpace   = "space"
	toPrivate = "private"
	toThread  = "thread"
	fallNone  = "none"
	fallSpace = "space"
)

// Params are the action's parameters.
type Params struct {
	To        string             `yaml:"to" pattern:"^(|space|private|thread|{space})$" doc:"Where to: space (everybody; the default), private (only the member sees it), thread (a reply in the thread of the trigger's message), or another space such as spaces/AAAA."`
	Fallback  string             `yaml:"fallback" doc:"Where to if Google refuses a private message: space, or none (the default)." enum:"space,none"`
	Text      reactors.ChatText  `yaml:"text" or:"card" doc:"The text, in Chat's markup; may hold placeholders."`
	Card      reactors.Card      `yaml:"card" doc:"Cards as Google's card builder gives them (cardsV2), or the name of a file that holds them; their texts may hold placeholders."`
	ThreadKey reactors.PlainText `yaml:"thread_key" doc:"Messages with the same key in a space share a thread; may hold placeholders."`
}

// Action sends a message.
type Action struct {
	reactors.Described[Params]
	chat Sender
}

// New returns the action. The Sender may be nil where nothing is acted on.
func New(chat Sender) *Action { return &Action{reactors.Describe[Params]("send", reactors.Acts), chat} }

// ownThread finds the name of a thread where a key should stand.
var ownThread = regexp.MustCompile(`\{\{\s*(string\()?\s*message\.thread\s*\)?\s*\}\}`)

// Check implements [reactors.Action].
func (*Action) Check(params any) []reactors.ParamError {
	p := params.(*Params)
	mistakes := gchat.ContentErrors(p.Text, p.Card)
	add := func(field, message, suggestion string) {
		mistakes = append(mistakes, reactors.BadParam(field, message, suggestion))
	}
	if ownThread.MatchString(p.ThreadKey.Source) {
		add("thread_key", "thread_key begins a thread of its own, and this is the name of one that there is", "say to: thread for a reply in it")
	}
	switch p.To {
	case "", toSpace, toPrivate:
	case toThread:
		if p.ThreadKey.Source != "" {
			add("thread_key", "thread_key names another thread than to: thread does", "leave one of them out")
		}
	default:
		if !events.IsWrittenSpace(p.To) {
			suggestion := wording.Word(p.To, []string{toSpace, toPrivate, toThread})
			if !strings.HasPrefix(suggestion, "did you mean") {
				suggestion = "for example spaces/AAQAxyz; its name is in its URL"
			}
			add("to", "to must be space, private, thread or the name of a space", suggestion)
		}
	}
	switch p.Fallback {
	case "", fallNone:
	case fallSpace:
		if p.To != toPrivate {
			add("fallback", "fallback is for private messages only", "say to: private, or leave fallback out")
		}
	default:
		add("fallback", "fallback must be space or none", "")
	}
	return mistakes
}

// ActsIn is the space that a message goes to; "" for the trigger's.
func (*Action) ActsIn(params any) string {
	if to := params.(*Params).To; events.IsWrittenSpace(to) {
		return to
	}
	return ""
}

// request is what is stored: all that every attempt sends.
type request struct {
	Space             string          `json:"space"`
	Viewer            string          `json:"viewer,omitempty"`
	Text              string          `json:"text,omitempty"`
	Cards             json.RawMessage `json:"cards,omitempty"`
	Thread            string          `json:"thread,omitempty"`
	ThreadKey         string          `json:"thread_key,omitempty"`
	RequestID         string          `json:"request_id"`
	MessageID         string          `json:"message_id"`
	FallbackRequestID string          `json:"fallback_request_id,omitempty"`
	FallbackMessageID string          `json:"fallback_message_id,omitempty"` // "": there is no fallback
}

// Prepare implements [reactors.Action].
func (*Action) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	p := params.(*Params)
	r := request{
		Space: c.Run.Space, Text: p.Text.Value, Cards: p.Card.Value, ThreadKey: p.ThreadKey.Value,
		RequestID: c.IDs.Request(c.Label), MessageID: c.IDs.Message(c.Label),
	}
	switch p.To {
	case "", toSpace:
	case toPrivate:
		if c.Run.Member == "" {
			return reactors.Prepared{}, c.Errorf("there is nobody to send it to: the trigger has no member")
		}
		if c.Run.Trigger == reactors.MemberLeft && p.Fallback != fallSpace {
			return reactors.Prepared{}, c.Errorf("whoever left sees nothing in the space any more: say fallback: space, or to: space")
		}
		r.Viewer = c.Run.Member
		if p.Fallback == fallSpace {
			r.FallbackRequestID, r.FallbackMessageID = c.IDs.Request(fallback(c.Label)), c.IDs.Message(fallback(c.Label))
		}
	case toThread:
		if c.Facts.Message.Thread == "" {
			if c.Facts.Message.Name != "" {
				return reactors.Prepared{}, c.Errorf("there is no thread to reply in: nobody can tell that of the message")
			}
			return reactors.Prepared{}, c.Errorf("there is no thread to reply in: the trigger has no message")
		}
		r.Thread, r.ThreadKey = c.Facts.Message.Thread, ""
	default:
		r.Space = p.To
	}
	if r.Space == "" {
		return reactors.Prepared{}, c.Errorf("there is no space to send it to: name one, as in to: spaces/AAAA")
	}
	return encode(c, r, p.effect(c.Run.Trigger), r.Text, r.Cards, reactors.Write{Space: r.Space, MessageIDs: r.messageIDs()})
}

// effect says in words where the message goes and to whom.
func (p *Params) effect(t reactors.Trigger) string {
	switch p.To {
	case toPrivate:
		s := "a message, privately to " + t.Who()
		if p.Fallback == fallSpace {
			s += ", or to everybody in the space if Google refuses that"
		}
		return s
	case toThread:
		return "a reply in the thread of the message, to everybody in the space"
	}
	s := "a message to everybody in "
	if p.To == "" || p.To == toSpace {
		s += "the space"
	} else {
		s += p.To
	}
	if p.ThreadKey.Value != "" {
		s += fmt.Sprintf(", in the thread with the key %q", p.ThreadKey.Value)
	}
	return s
}

// fallback is the label of what is sent instead.
func fallback(label string) string { return label + "/fallback" }

// messageIDs are those that a message may have: the fallback has its own.
func (r request) messageIDs() []string {
	return slices.DeleteFunc([]string{r.MessageID, r.FallbackMessageID}, func(id string) bool { return id == "" })
}

// encode checks the content of a request and writes it.
func encode(
	c reactors.PrepareContext, request any, effect, text string, cards json.RawMessage, w reactors.Write,
) (reactors.Prepared, error) {
	if strings.TrimSpace(text) == "" && len(cards) == 0 {
		return reactors.Prepared{}, c.Errorf("nothing is left of the text after filling in")
	}
	if err := gchat.CheckContent(text, cards); err != nil {
		return reactors.Prepared{}, c.Errorf("%w", err)
	}
	p, err := c.Encode(request, effect)
	p.Write = &w
	return p, err
}

// noteFallback is kept with a run for people.
const noteFallback = "sent to the space instead"

// Act implements [reactors.Action].
func (a *Action) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("send", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	m := gchat.CreateMessage{
		Space: r.Space, Text: r.Text, Cards: r.Cards, PrivateViewer: r.Viewer, Thread: r.Thread, ThreadKey: r.ThreadKey,
		RequestID: r.RequestID, MessageID: r.MessageID,
	}
	if r.FallbackMessageID == "" {
		return a.send(ctx, m, "")
	}
	// An attempt before this one may have got as far as the fallback; since
	// then the person may have come back, so that the first way is open again.
	if result, done, err := a.find(ctx, r.Space, r.FallbackMessageID, noteFallback); done || err != nil {
		return result, err
	}
	result, err := a.send(ctx, m, "")
	if !reactors.IsPermanent(err) || errors.Is(err, gchat.ErrSentBefore) {
		return result, err
	}
	// Or it was sent, and the person has left since.
	if result, done, err := a.find(ctx, r.Space, r.MessageID, ""); done || err != nil {
		return result, err
	}
	m.PrivateViewer, m.RequestID, m.MessageID = "", r.FallbackRequestID, r.FallbackMessageID
	return a.send(ctx, m, noteFallback)
}

func (a *Action) send(ctx context.Context, m gchat.CreateMessage, note string) (reactors.Result, error) {
	sent, err := a.chat.CreateMessage(ctx, m)
	if err != nil {
		return reactors.Result{}, err
	}
	return reactors.Result{Message: sent.Name, Note: note}, nil
}

// find looks whether the message was sent. Where the app may not look, it goes
// on as if it hadn't been.
func (a *Action) find(ctx context.Context, space, id, note string) (result reactors.Result, found bool, err error) {
	m, found, err := a.chat.MessageByClientID(ctx, space, id)
	if err != nil && !reactors.IsPermanent(err) {
		return reactors.Result{}, false, err
	}
	return reactors.Result{Message: m.Name, Note: note}, found, nil
}

// Settled implements [reactors.Action].
func (a *Action) Settled(ctx context.Context, raw json.RawMessage) (bool, error) {
	r, err := reactors.ReadRequest[request]("send", raw)
	if err != nil {
		return false, err
	}
	for _, id := range r.messageIDs() {
		if _, found, err := a.chat.MessageByClientID(ctx, r.Space, id); found || err != nil {
			return found, err
		}
	}
	return false, nil
}
