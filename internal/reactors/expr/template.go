package expr

import (
	"context"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Template is text with placeholders.
type Template struct{ source string }

// Chat compiles the text of a Chat message.
func (e *Env) Chat(src string) (*Template, error) { return &Template{src}, nil }

// Plain compiles text that nothing interprets.
func (e *Env) Plain(src string) (*Template, error) { return &Template{src}, nil }

// CardText compiles a text of a card.
func (e *Env) CardText(src string) (*Template, error) { return &Template{src}, nil }

// Render fills in the placeholders.
func (t *Template) Render(context.Context, *reactors.Facts, time.Time) (string, error) {
	return "", errNoValue
}

// Needs returns the state that the placeholders read.
func (t *Template) Needs() reactors.Needs { return 0 }

// HasPlaceholders reports whether rendering depends on anything.
func (t *Template) HasPlaceholders() bool { return false }
