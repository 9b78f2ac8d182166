package expr

import (
	"context"
	"errors"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Env is what expressions may refer to.
type Env struct{}

var errSkeleton = errors.New("evaluate: the evaluator is not in place")

// NewEnv returns the environment with all variables but group.
func NewEnv() (*Env, error) { return &Env{}, nil }

// For returns an environment with the variables that all these triggers fill.
func (e *Env) For(triggers []reactors.Trigger) *Env { _ = triggers; return e }

// ForGroup returns an environment with group.
func (e *Env) ForGroup() *Env { return e }

// Variables lists the variables that a trigger fills.
func Variables(t reactors.Trigger) []string { _ = t; return nil }

// Condition compiles a condition.
func (e *Env) Condition(src string) (*Condition, error) { return &Condition{source: src}, nil }

// Condition is an expression that is true or false.
type Condition struct{ source string }

// Eval says whether the condition holds.
func (c *Condition) Eval(context.Context, *reactors.Facts, time.Time) (bool, error) {
	return false, errSkeleton
}

// Needs returns the state that the condition reads.
func (c *Condition) Needs() reactors.Needs { return 0 }

// AtEvent returns what of the condition can be told without state; nil for
// nothing.
func (c *Condition) AtEvent() *Condition { return nil }

// Source returns the condition as it was written.
func (c *Condition) Source() string { return c.source }
