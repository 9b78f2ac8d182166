// Package welcome greets people who join a space, by a private message.
//
// # What it promises
//
// A person is greeted once in a space, however often they join it and however
// often the event is delivered: the request and message ids are made of the
// space and the person alone. Bots are never greeted, and nobody is because of
// a backfilled event. Where events hold names only, a join is one once its
// membership has been fetched: the greeting comes by that much later.
//
// # What happens on failure
//
// Errors come marked by gchat: the dispatcher retries what a retry can mend
// and parks the rest.
package welcome

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/gchat"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Name is the reactor's name in the ledger.
const Name = "welcome"

// Chat is what the reactor needs of the Chat API.
type Chat interface {
	CreateMessage(context.Context, gchat.CreateMessage) (gchat.Message, error)
	MessageByClientID(ctx context.Context, space, clientID string) (m gchat.Message, found bool, err error)
}

// Options say what to send, and for how long after somebody has joined.
type Options struct {
	Text   string        // "{member}" becomes a mention of the person
	MaxAge time.Duration // 0: no limit
}

// Reactor is the welcome reactor.
type Reactor struct {
	chat Chat
	opts Options
}

// New returns the reactor.
func New(chat Chat, opts Options) *Reactor { return &Reactor{chat, opts} }

// Name implements reactors.Reactor.
func (*Reactor) Name() string { return Name }

// MaxAge implements reactors.Reactor.
func (r *Reactor) MaxAge() time.Duration { return r.opts.MaxAge }

// request is what is stored with the run: all that an attempt sends.
type request struct {
	Text      string `json:"text"`
	Viewer    string `json:"viewer"`
	RequestID string `json:"request_id"`
	MessageID string `json:"message_id"`
}

// Plan implements reactors.Reactor.
func (r *Reactor) Plan(c reactors.Change) ([]reactors.Run, error) {
	if !c.Joined || c.Origin != events.OriginLive {
		return nil, nil
	}
	m := c.Item.Membership
	if m == nil || m.Member.Type != events.UserHuman || m.Member.Name == "" {
		return nil, nil
	}
	subject := c.Item.Space + " " + m.Member.Name
	rendered, err := json.Marshal(request{
		// The mention is by id: Chat shows the name, and no name that
		// somebody has chosen can smuggle markup into our message.
		Text:      strings.ReplaceAll(r.opts.Text, "{member}", "<"+m.Member.Name+">"),
		Viewer:    m.Member.Name,
		RequestID: uuid.NewSHA1(requestSpace, []byte(Name+" "+subject)).String(),
		MessageID: messageID(subject),
	})
	if err != nil {
		return nil, fmt.Errorf("render the welcome of %s: %w", subject, err)
	}
	return []reactors.Run{{
		Reactor: Name, Subject: subject, Space: c.Item.Space, Member: m.Member.Name,
		EventTime: c.Event.Time, Request: rendered,
	}}, nil
}

// requestSpace is the namespace of our request ids (UUID version 5).
var requestSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/spacekeeper/spacekeeper"))

// messageID derives an id that Chat accepts: "client-", then lower-case
// letters, digits and dashes, 63 characters in all at most.
func messageID(subject string) string {
	sum := sha256.Sum256([]byte(Name + " " + subject))
	return "client-welcome-" + hex.EncodeToString(sum[:20])
}

// Act implements reactors.Reactor.
func (r *Reactor) Act(ctx context.Context, run reactors.Run) error {
	req, err := parse(run)
	if err != nil {
		return err
	}
	_, err = r.chat.CreateMessage(ctx, gchat.CreateMessage{
		Space: run.Space, Text: req.Text, PrivateViewer: req.Viewer,
		RequestID: req.RequestID, MessageID: req.MessageID,
	})
	return err
}

// Settled implements reactors.Settler.
func (r *Reactor) Settled(ctx context.Context, run reactors.Run) (bool, error) {
	req, err := parse(run)
	if err != nil {
		return false, err
	}
	_, found, err := r.chat.MessageByClientID(ctx, run.Space, req.MessageID)
	return found, err
}

func parse(run reactors.Run) (req request, err error) {
	if err := json.Unmarshal(run.Request, &req); err != nil {
		return req, reactors.Permanent(fmt.Errorf("read the stored request of run %d: %w", run.ID, err))
	}
	return req, nil
}
