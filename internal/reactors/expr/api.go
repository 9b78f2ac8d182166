package expr

import "fmt"

// Error is what is wrong with an expression or a template.
type Error struct {
	Offset     int    // in bytes, of where it begins to be wrong
	Message    string // "undefined field 'nam'"
	Suggestion string // "did you mean name?"; may be empty
}

func (e *Error) Error() string {
	if e.Suggestion == "" {
		return e.Message
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Suggestion)
}
