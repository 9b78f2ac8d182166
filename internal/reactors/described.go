package reactors

import (
	"context"
	"encoding/json"
)

// Described is what an action says of itself, for actions to embed. P are its
// parameters. An action that sends messages has a Settled of its own.
type Described[P any] struct {
	name string
	kind Kind
}

// Describe returns the description of an action.
func Describe[P any](name string, kind Kind) Described[P] { return Described[P]{name, kind} }

// Name implements [Action].
func (d Described[P]) Name() string { return d.name }

// Kind implements [Action].
func (d Described[P]) Kind() Kind { return d.kind }

// Params implements [Action].
func (Described[P]) Params() any { return new(P) }

// Settled implements [Action] for those that send no message.
func (Described[P]) Settled(context.Context, json.RawMessage) (bool, error) { return false, nil }
