package config

import (
	"regexp"
	"strings"
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

var (
	spaceName    = regexp.MustCompile(`^spaces/[A-Za-z0-9_-]+$`)
	userName     = regexp.MustCompile(`^users/[0-9]{1,30}$`)
	customerName = regexp.MustCompile(`^customers/(my_customer|C[A-Za-z0-9]{1,30})$`)
)

const namePrefix = "name:"

// Kind is what the target is; "" if its text is not a target's.
func (t Target) Kind() TargetKind {
	switch {
	case t.Target == "spaces/-":
		return KindSpaces
	case spaceName.MatchString(t.Target):
		return KindSpace
	case userName.MatchString(t.Target):
		return KindUser
	case customerName.MatchString(t.Target):
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

const eventPrefix = "google.workspace.chat."

// EventTypes returns the ten event types that a subscription to a space can
// name (fact sheet §1.1). Batch forms are delivered along with them.
func EventTypes() []string {
	return []string{
		eventPrefix + "message.v1.created",
		eventPrefix + "message.v1.updated",
		eventPrefix + "message.v1.deleted",
		eventPrefix + "membership.v1.created",
		eventPrefix + "membership.v1.updated",
		eventPrefix + "membership.v1.deleted",
		eventPrefix + "reaction.v1.created",
		eventPrefix + "reaction.v1.deleted",
		eventPrefix + "space.v1.updated",
		eventPrefix + "space.v1.deleted",
	}
}

// AllEventTypes returns every event type that a subscription to anything of
// Chat can name: the ten of spaces first, then those of users.
func AllEventTypes() []string {
	return append(EventTypes(),
		eventPrefix+"spaceReadState.v1.updated",
		eventPrefix+"threadReadState.v1.updated",
		eventPrefix+"availability.v1.updated",
	)
}

// EventTypes returns the event types that a subscription to this kind of
// target can name (fact sheet §1.1).
func (k TargetKind) EventTypes() []string {
	all := AllEventTypes()
	switch k {
	case KindUser:
		return append(all[3:6:6], all[10:]...)
	case KindCustomer:
		return all[:12] // no app may know of availability
	}
	return all[:10]
}
