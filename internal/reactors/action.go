package reactors

import (
	"context"
	"encoding/json"
)

// Action is something that a rule can do. Every action is a package of its
// own, registered in main's explicit list, and passes reactorstest.Action.
//
// An action works in two steps. Prepare is pure: it makes of the parameters,
// rendered for one run, the request that is stored. Act sends it, as often as
// it takes; the effect happens once, whatever becomes of the answers.
type Action interface {
	// Name is the key in a rule's do list.
	Name() string
	// Params returns a pointer to a new struct that a rule's parameters are
	// read into. Its yaml tags name them; fields of the types ChatText,
	// PlainText and Card may hold placeholders and are rendered for each run.
	// A doc tag describes a field for editors.
	Params() any
	// Check finds what is wrong with parameters that were read, before
	// anything is rendered.
	Check(params any) []ParamError
	// Prepare makes the request of an action from its rendered parameters. It
	// is pure: the same call gives the same bytes. An error is permanent.
	Prepare(params any, c PrepareContext) (json.RawMessage, error)
	// Act makes the effect happen. It is called again with the same request
	// after a crash or an error that isn't permanent. A nil error means that
	// the effect took place, now or earlier; see [Permanent] and [RetryAfter]
	// for the others. Errors hold no texts, names or secrets.
	Act(ctx context.Context, request json.RawMessage) (Result, error)
}

// ChatWriter is an Action that writes to a space: it waits for the space's
// turn.
type ChatWriter interface {
	// WritesTo returns "spaces/S" that the request writes to; "" if only Google
	// knows which that is.
	WritesTo(request json.RawMessage) string
}

// Observer is an Action that does nothing in Chat, so that no event can follow
// from it.
type Observer interface {
	Observes()
}

// Composer is an Action that asks for others. Where its request holds any, they
// take its place in the run: each waits for its own turn and is done once.
type Composer interface {
	Compose(request json.RawMessage) ([]Request, error)
}

// Messenger is an Action whose requests say by which ids their messages will be
// known.
type Messenger interface {
	// MessageIDs returns the client-assigned ids of the messages that the
	// request may send.
	MessageIDs(request json.RawMessage) []string
}

// Settler is an Action that can tell whether an earlier attempt took effect
// although its answer was lost.
type Settler interface {
	Settled(ctx context.Context, request json.RawMessage) (bool, error)
}

// PrepareContext is what an action knows of the run besides its parameters.
type PrepareContext struct {
	Run   Run
	Facts Facts  // with the state that the rule needs
	Label string // of this action: unique in the rule
	IDs   IDs    // for messages and requests
}

// ParamError is something wrong with a parameter.
type ParamError struct {
	Field   string // as in the yaml tag; "" for the action as a whole
	Message string // "to must be space, private or thread"
	Hint    string // what to write instead; may be empty
}

// ChatText is text for a message, in Chat's markup, with {{ }} placeholders.
// What placeholders bring can't become markup, a link or a mention, unless it
// is a Mention.
type ChatText struct {
	Source string // as in the rule
	Value  string // rendered
}

// PlainText is text with {{ }} placeholders that nothing interprets.
type PlainText struct {
	Source string
	Value  string
}

// Card is a cardsV2 list as Google's card builder gives it, inline or from a
// file, with placeholders in its texts. What they bring is escaped.
type Card struct {
	Source any             // maps, lists and strings; nil for none
	Value  json.RawMessage // rendered
}
