// Package react is the action "react": it puts an emoji on the message that
// pulled the trigger, as the person whom Spacekeeper acts for.
//
// # What it promises
//
// The emoji is there once, however often it is tried: one that is there
// already is a success.
//
// # What the caller must do
//
// Say whether a person's credentials are configured. Google lets no app react;
// without a person a rule that reacts is a mistake, which Check reports.
//
// # What happens on failure
//
// Errors come marked by gchat. A message that has been deleted meanwhile is a
// permanent error.
//
// # Concurrency
//
// An Action keeps nothing: it may be used by any number of goroutines.
package react

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Chat is what the action needs of the Chat API.
type Chat interface {
	CreateReaction(ctx context.Context, message, emoji string) error
}

// Options are the settings of an Action.
type Options struct {
	UserAuth bool // auth.mode is user or impersonate
}

// Params are the action's parameters.
type Params struct {
	Emoji string `yaml:"emoji" required:"true" pattern:"^([^\\x00-\\x7f]|[^: \\t\\n][^ \\t\\n]*[^\\x00-\\x7f])[^ \\t\\n]*$" doc:"The emoji itself, such as 👍. Custom emoji can't be used."`
}

// Action reacts.
type Action struct {
	reactors.Described[Params]
	chat Chat
	opts Options
}

// New returns the action. Chat may be nil where nothing is acted on.
func New(chat Chat, opts Options) *Action {
	return &Action{reactors.Describe[Params]("react", reactors.Acts), chat, opts}
}

// longest is well above the longest emoji that there is, in bytes.
const longest = 64

// Check implements [reactors.Action].
func (a *Action) Check(params any) (mistakes []reactors.ParamError) {
	add := func(field, message, suggestion string) {
		mistakes = append(mistakes, reactors.BadParam(field, message, suggestion))
	}
	switch emoji := params.(*Params).Emoji; {
	case emoji == "":
		add("emoji", "emoji is missing", `for example emoji: "👍"`)
	case strings.HasPrefix(emoji, ":"):
		add("emoji", "emoji must be the emoji itself, not its name", `for example emoji: "👍"; custom emoji can't be used`)
	case !utf8.ValidString(emoji), len(emoji) > longest, !strings.ContainsFunc(emoji, beyondASCII), strings.ContainsAny(emoji, " \t\n"):
		add("emoji", "emoji isn't an emoji", `for example emoji: "👍"`)
	}
	if !a.opts.UserAuth {
		add("", "only people can react in Google Chat, not an app", "set auth.mode to user or impersonate")
	}
	return mistakes
}

func beyondASCII(r rune) bool { return r > '\x7f' }

// request is what is stored.
type request struct {
	Message string `json:"message"`
	Emoji   string `json:"emoji"`
	Label   string `json:"label"`
}

// Prepare implements [reactors.Action].
func (*Action) Prepare(params any, c reactors.PrepareContext) (reactors.Prepared, error) {
	r := request{c.Facts.Message.Name, params.(*Params).Emoji, c.Label}
	if c.Run.Trigger == reactors.MessageDeleted {
		return reactors.Prepared{}, c.Errorf("there is no message to react to: it is deleted")
	}
	if r.Message == "" {
		return reactors.Prepared{}, c.Errorf("there is no message to react to: the trigger has none")
	}
	p, err := c.Encode(r, r.Emoji+" to the message, by the person whom the worker acts for")
	p.To, p.Quota = events.SpaceOf(r.Message), reactors.ReactionWrites
	return p, err
}

// Act implements [reactors.Action].
func (a *Action) Act(ctx context.Context, raw json.RawMessage) (reactors.Result, error) {
	r, err := reactors.ReadRequest[request]("react", raw)
	if err != nil {
		return reactors.Result{}, err
	}
	return reactors.Result{Message: r.Message}, a.chat.CreateReaction(ctx, r.Message, r.Emoji)
}
