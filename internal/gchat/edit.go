package gchat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"google.golang.org/api/chat/v1"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// UpdateMessage is a request to change one of the app's messages. An empty text
// or card stays as it is.
type UpdateMessage struct {
	Name  string          // "spaces/S/messages/M", by Google's id or the client's
	Text  string          // in Chat's text syntax
	Cards json.RawMessage // a cardsV2 list
}

// UpdateMessage changes the message. Once it is gone the error is also ErrGone.
// Doing it again does no harm, so an unclear outcome isn't settled.
func (c *Client) UpdateMessage(ctx context.Context, m UpdateMessage) (Message, error) {
	doing := "change " + m.Name
	if !events.IsMessage(m.Name) {
		return Message{}, reactors.Permanent(fmt.Errorf("change a message: %q is not a message's name", m.Name))
	}
	if err := CheckContent(m.Text, m.Cards); err != nil {
		return Message{}, reactors.Permanent(fmt.Errorf("%s: %w", doing, err))
	}
	updated, err := c.patch(ctx, m)
	if err == nil {
		return messageOf(updated), nil
	}
	failure := classify(err)
	texts := textsIn(m.Text, m.Cards)
	if failure.outcome == refused && c.isGone(ctx, m.Name, err) {
		failure.words = "the message isn't there any more: it was deleted, or never sent"
		failure.err = &markedError{ErrGone, redact(err, texts...)}
	}
	return Message{}, failure.mark(doing, texts...)
}

func (c *Client) patch(ctx context.Context, m UpdateMessage) (*chat.Message, error) {
	cards, err := cardsOf(m.Cards)
	if err != nil {
		return nil, err
	}
	var mask []string
	if m.Text != "" {
		mask = append(mask, "text")
	}
	if len(cards) > 0 {
		mask = append(mask, "cards_v2")
	}
	body := &chat.Message{Text: m.Text, CardsV2: cards}
	return do(ctx, c, c.service.Spaces.Messages.Patch(m.Name, body).UpdateMask(strings.Join(mask, ",")))
}

// DeleteMessage deletes one of the app's messages, by Google's id or the
// client's. A nil error means that it isn't there, now or from before.
func (c *Client) DeleteMessage(ctx context.Context, name string) error {
	if !events.IsMessage(name) {
		return reactors.Permanent(fmt.Errorf("delete a message: %q is not a message's name", name))
	}
	_, err := do(ctx, c, c.service.Spaces.Messages.Delete(name))
	if err == nil {
		return nil
	}
	failure := classify(err)
	if failure.outcome != notSent && ctx.Err() == nil && c.isGone(ctx, name, err) {
		return nil
	}
	return failure.mark("delete " + name)
}

// isGone reports whether the message isn't there, after a write to it ended
// with err. Google doesn't say how it answers for a tombstone.
func (c *Client) isGone(ctx context.Context, name string, err error) bool {
	if notFound(err) {
		return true
	}
	m, found, lookErr := c.lookUp(ctx, name)
	return lookErr == nil && (!found || m.Deleted)
}
