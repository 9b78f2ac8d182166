package reactors

import (
	"context"
	"encoding/json"
	"fmt"
)

// Action is something that a rule can do. Every action is a package of its
// own, stands in the list of package actions, and passes reactorstest.Action.
//
// An action works in two steps. Prepare is pure: it turns the parameters,
// rendered for one run, into the request that is stored. Act sends the request,
// as often as it takes; the effect happens once, whatever answers are lost.
type Action interface {
	// Name is the key in a rule's do list.
	Name() string
	// Kind tells rules what the action does, before they prepare anything.
	Kind() Kind
	// Params returns a pointer to a new struct that a rule's parameters are
	// read into. Its yaml tags name them; fields of the types ChatText,
	// PlainText and Card may hold placeholders and are rendered for each run.
	// A doc tag describes a field for editors.
	Params() any
	// Check finds mistakes in parameters as a rule gives them, before anything
	// is rendered.
	Check(params any) []ParamError
	// Prepare makes the request of an action from its rendered parameters. It
	// is pure: the same call gives the same bytes. An error is permanent.
	Prepare(params any, c PrepareContext) (Prepared, error)
	// Act makes the effect happen. It is called again with the same request
	// after a crash or an error that isn't permanent. A nil error means that
	// the effect took place, now or earlier; see [Permanent] and [RetryAfter]
	// for the others. Errors hold no texts, names or secrets.
	Act(ctx context.Context, request json.RawMessage) (Result, error)
	// Settled reports whether an earlier Act took effect although its answer was
	// lost. The engine asks only for requests whose Write has MessageIDs; other
	// actions return false and nil.
	Settled(ctx context.Context, request json.RawMessage) (bool, error)
}

// Kind is what rules must know of an action before they prepare it.
type Kind int

// Kinds of actions. In doubt an action is Acts.
const (
	Acts     Kind = iota // it changes something in Chat, so that other events may follow
	Observes             // it changes nothing in Chat, so that no event can follow
	Composes             // it asks for other actions: see Prepared.Instead
)

// Prepared is a request and what the engine has to know of it before Act.
type Prepared struct {
	// Body is what every Act gets.
	Body json.RawMessage
	// Write is nil for a request that sends, changes and deletes no message. A
	// request that does so without saying it would exceed Chat's quota:
	// reactorstest refuses such an action.
	Write *Write
	// To is whom the request reaches if it writes no message into a space that is
	// known: a space or a person of Chat, such as spaces/S, or a host. If that fails
	// for several runs, all that reaches the same is put off. "": nobody knows, and
	// all requests of the action count as one.
	To string
	// Quota is one of Google's that the request counts towards besides; "": none.
	Quota Quota
	// Effect says where it goes and to whom, for people who look at a rule before
	// it acts: "a message, privately to whoever joined". It isn't stored.
	Effect string
	// Instead are requests of other actions that take this one's place in the
	// run. Each waits for its own write slot and is done once.
	Instead []Request
}

// Quota is a quota of the project that is counted over all spaces: requests wait for
// their turn in it.
type Quota string

// The quotas: 300 changes of memberships in a minute, and 600 reactions (fact sheet §6.3).
const (
	MembershipWrites Quota = "membership writes"
	ReactionWrites   Quota = "reaction writes"
)

// Write is a message sent, changed or deleted. Chat allows a space one a second
// (fact sheet §6.3), so that the request waits for the space's write slot.
type Write struct {
	Space      string   `json:"space,omitempty"`       // "spaces/S"; "" if only Google knows which
	MessageIDs []string `json:"message_ids,omitempty"` // client-assigned ids of the messages that it may send
}

// PrepareContext is what an action knows of the run besides its parameters.
type PrepareContext struct {
	Run   Run
	Facts Facts  // with the state that the rule needs
	Label string // of this action: unique in the rule
	IDs   IDs    // for messages and requests
}

// Encode writes a request as the Body of a [Prepared], with its Effect.
func (c PrepareContext) Encode(request any, effect string) (Prepared, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return Prepared{}, c.Errorf("%w", err)
	}
	return Prepared{Body: raw, Effect: effect}, nil
}

// Errorf returns the permanent error of an action that can't be prepared.
func (c PrepareContext) Errorf(format string, args ...any) error {
	return Permanent(fmt.Errorf("prepare %q: "+format, append([]any{c.Label}, args...)...))
}

// ReadRequest reads a stored request. Its error is permanent and doesn't quote
// the request, as the decoder's might.
func ReadRequest[T any](action string, raw json.RawMessage) (request T, err error) {
	if json.Unmarshal(raw, &request) != nil {
		return request, Permanent(fmt.Errorf("read the stored request: it isn't one of %s", action))
	}
	return request, nil
}

// ParamError is a mistake in a parameter.
type ParamError struct {
	Field      string // as in the yaml tag; "" for the action as a whole
	Message    string // "to must be space, private or thread"
	Suggestion string // what to write instead; may be empty
	// Unready is for what may pass: the rule can stand, and Prepare says the same
	// of its runs as long as it lasts.
	Unready bool
}

// BadParam returns a ParamError.
func BadParam(field, message, suggestion string) ParamError {
	return ParamError{Field: field, Message: message, Suggestion: suggestion}
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
