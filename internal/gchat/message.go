package gchat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// CreateMessage is a request to send one message, with a text or cards or both.
// RequestID and MessageID make it idempotent and are required. In a direct
// message there are no threads.
type CreateMessage struct {
	Space         string          // "spaces/S"
	Text          string          // in Chat's text syntax
	Cards         json.RawMessage // a cardsV2 list; nil for none
	PrivateViewer string          // "users/U" who alone sees the message; "" for the whole space
	RequestID     string          // a UUID: Google answers a repeated one with the first message
	MessageID     string          // "client-…": at most 63 of a-z, 0-9 and "-"; unique in the space
	Thread        string          // "spaces/S/threads/T" to reply in, or a new one if it is gone; "" for none
	ThreadKey     string          // starts or continues the app's own thread of that key; "" for a new thread
}

// Message is a message of the app as Google knows it.
type Message struct {
	Name       string    // "spaces/S/messages/M", by Google's own id
	Thread     string    // "spaces/S/threads/T"
	Sender     string    // "users/U": the app's own user id
	CreateTime time.Time // zero if Google didn't say: an answer to a repeated request may be partial
	Deleted    bool      // only its tombstone is left
}

// ErrSentBefore says that a message can't be sent because it was.
var ErrSentBefore = errors.New("it was sent before, says Google Chat, but it can't be found; it may have been removed")

// maxThreadKey is Google's limit, in characters.
const maxThreadKey = 4000

// check finds what Google would refuse, or take for something else.
func (m CreateMessage) check() error {
	switch {
	case !events.IsSpace(m.Space):
		return fmt.Errorf("%q is not a space's name", m.Space)
	case m.PrivateViewer != "" && !events.IsUser(m.PrivateViewer):
		return fmt.Errorf("%q is not a user's name", m.PrivateViewer)
	case m.RequestID == "":
		return errors.New("the request has no request id")
	case !events.IsClientID(m.MessageID):
		return fmt.Errorf("%q is not a client message id", m.MessageID)
	case m.Thread != "" && m.ThreadKey != "":
		return errors.New("it names a thread and a key of one")
	case m.Thread != "" && !strings.HasPrefix(m.Thread, m.Space+"/threads/"):
		return fmt.Errorf("%q is not a thread of the space", m.Thread)
	case utf8.RuneCountInString(m.ThreadKey) > maxThreadKey:
		return fmt.Errorf("the thread key is longer than %d characters", maxThreadKey)
	}
	return CheckContent(m.Text, m.Cards)
}

// CreateMessage sends the message, or finds that an earlier attempt did. A nil
// error means that it exists exactly once.
func (c *Client) CreateMessage(ctx context.Context, m CreateMessage) (Message, error) {
	if err := m.check(); err != nil {
		return Message{}, reactors.Permanent(fmt.Errorf("send message %q to %q: %w", m.MessageID, m.Space, err))
	}
	created, err := c.create(ctx, m)
	if err == nil {
		return messageOf(created), nil
	}
	failure := classify(err)
	if failure.outcome == refused || failure.outcome == notSent || ctx.Err() != nil {
		return Message{}, failure.mark("send a message to "+m.Space, textsIn(m.Text, m.Cards)...)
	}

	// The outcome is unclear, or the id is taken: look.
	existing, found, lookErr := c.MessageByClientID(ctx, m.Space, m.MessageID)
	switch {
	case found:
		return existing, nil
	case failure.outcome == idTaken && lookErr == nil:
		return Message{}, reactors.Permanent(fmt.Errorf("send a message to %s as %s: %w", m.Space, m.MessageID, ErrSentBefore))
	case failure.outcome == idTaken && reactors.IsPermanent(lookErr):
		// The app may write but not read here. The id is the app's own and
		// is used for nothing else, so that it's taken is proof enough.
		return Message{Name: m.Space + "/messages/" + m.MessageID}, nil
	}
	return Message{}, failure.mark("send a message to "+m.Space, textsIn(m.Text, m.Cards)...)
}

func (c *Client) create(ctx context.Context, m CreateMessage) (*chat.Message, error) {
	cards, err := cardsOf(m.Cards)
	if err != nil {
		return nil, err
	}
	body := &chat.Message{Text: m.Text, CardsV2: cards}
	if m.PrivateViewer != "" {
		body.PrivateMessageViewer = &chat.User{Name: m.PrivateViewer}
	}
	call := c.service.Spaces.Messages.Create(m.Space, body)
	if m.Thread != "" || m.ThreadKey != "" {
		body.Thread = &chat.Thread{Name: m.Thread, ThreadKey: m.ThreadKey}
		// Without the option Google ignores the thread (fact sheet §6.2).
		call.MessageReplyOption("REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
	}
	return do(ctx, c, call.RequestId(m.RequestID).MessageId(m.MessageID))
}

// MessageByClientID looks a message up by the id that the app gave it. A
// message that isn't there is no error.
func (c *Client) MessageByClientID(ctx context.Context, space, clientID string) (m Message, found bool, err error) {
	return c.lookUp(ctx, space+"/messages/"+clientID)
}

// lookUp reads a message as the app.
func (c *Client) lookUp(ctx context.Context, name string) (m Message, found bool, err error) {
	if !events.IsMessage(name) {
		return Message{}, false, reactors.Permanent(fmt.Errorf("look up a message: %q is not a message's name", name))
	}
	got, err := do(ctx, c, c.service.Spaces.Messages.Get(name))
	if code(err) == http.StatusNotFound {
		return Message{}, false, nil
	}
	if err != nil {
		return Message{}, false, classify(err).mark("look up " + name)
	}
	return messageOf(got), true, nil
}

func messageOf(m *chat.Message) Message {
	out := Message{Name: m.Name, Deleted: m.DeleteTime != ""}
	if m.Thread != nil {
		out.Thread = m.Thread.Name
	}
	if m.Sender != nil {
		out.Sender = m.Sender.Name
	}
	created, _ := time.Parse(time.RFC3339Nano, m.CreateTime)
	out.CreateTime = created.UTC()
	return out
}
