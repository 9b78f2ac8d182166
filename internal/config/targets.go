package config

import (
	"strings"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// TargetKind says what a target is.
type TargetKind string

const (
	KindSpace    TargetKind = "space"    // "spaces/AAQA…"
	KindName     TargetKind = "name"     // "name:Team *", any number of spaces
	KindSpaces   TargetKind = "spaces"   // "spaces/-"
	KindUser     TargetKind = "user"     // "users/123…"
	KindCustomer TargetKind = "customer" // "customers/my_customer"
)

const namePrefix = "name:"

// Kind is what the target is; "" if its text is not a target's.
func (t Target) Kind() TargetKind {
	switch {
	case t.Target == events.AllSpaces:
		return KindSpaces
	case events.IsWrittenSpace(t.Target):
		return KindSpace
	case events.IsAccount(t.Target):
		return KindUser
	case events.IsCustomer(t.Target):
		return KindCustomer
	case strings.HasPrefix(t.Target, namePrefix):
		return KindName
	}
	return ""
}

// Matches reports whether a space of this display name is meant by a target
// of [KindName]: * stands for any text, ? for one character, and anything
// else for itself, in upper or lower case as written.
func (t Target) Matches(displayName string) bool {
	pattern, ok := strings.CutPrefix(t.Target, namePrefix)
	return ok && glob([]rune(pattern), []rune(displayName))
}

// glob takes the shortest text for each * and, where that fails, lengthens
// only the last one: an earlier one could gain nothing.
func glob(pattern, text []rune) bool {
	star, resume := -1, 0
	p := 0
	for t := 0; t < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// EventTypes returns the event types that a subscription to a space can
// name. Batch forms are delivered along with them.
func EventTypes() []string { return events.TypeNames(events.OfSpaces) }

// AllEventTypes returns every event type that a subscription to anything of
// Chat can name: those of spaces first, then those of users.
func AllEventTypes() []string {
	return events.TypeNames(events.OfSpaces | events.OfUsers | events.OfCustomers)
}

// EventTypes returns the event types that a subscription to this kind of
// target can name.
func (k TargetKind) EventTypes() []string {
	switch k {
	case KindUser:
		return events.TypeNames(events.OfUsers)
	case KindCustomer:
		return events.TypeNames(events.OfCustomers)
	}
	return EventTypes()
}
