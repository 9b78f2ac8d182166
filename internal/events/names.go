package events

import "strings"

// Hosts that full resource names (ce-source, ce-subject) begin with.
const (
	chatHost          = "//chat.googleapis.com/"
	subscriptionsHost = "//workspaceevents.googleapis.com/"
)

// SpaceOf returns the "spaces/S" that a resource lives in, or "" if there is
// none: for names below a space, for a user's read state of a space, and for
// the full form that ce-subject has ("//chat.googleapis.com/spaces/S"). The
// wildcard "spaces/-" is no space.
func SpaceOf(name string) string {
	name = strings.TrimPrefix(name, chatHost)
	if user := UserOf(name); user != "" {
		name = strings.TrimPrefix(name[len(user):], "/")
	}
	space := firstTwo(name, "spaces/")
	if space == "spaces/-" {
		return ""
	}
	return space
}

// UserOf returns the "users/U" that a user's own resource belongs to, such as
// "users/U/availability", or "".
func UserOf(name string) string {
	return firstTwo(name, "users/")
}

// MemberUser returns the "users/U" that "spaces/S/members/U" stands for, or "".
func MemberUser(name string) string {
	space := firstTwo(name, "spaces/")
	id, ok := strings.CutPrefix(name[len(space):], "/members/")
	if space == "" || !ok || !isSegment(id) {
		return ""
	}
	return "users/" + id
}

// MessageOf returns the "spaces/S/messages/M" that a message, or a reaction
// below it, belongs to, or "".
func MessageOf(name string) string {
	space := firstTwo(name, "spaces/")
	if space == "" {
		return ""
	}
	message := firstTwo(strings.TrimPrefix(name[len(space):], "/"), "messages/")
	if message == "" {
		return ""
	}
	return name[:len(space)+1+len(message)]
}

// SubscriptionName returns the "subscriptions/S" of a ce-source
// ("//workspaceevents.googleapis.com/subscriptions/S"), or "".
func SubscriptionName(source string) string {
	name, ok := strings.CutPrefix(source, subscriptionsHost)
	if !ok || !isPair(name, "subscriptions/") {
		return ""
	}
	return name
}

// validName reports whether name has the form that names of the kind have.
func validName(kind Kind, name string) bool {
	switch kind {
	case KindMessage:
		return MessageOf(name) == name
	case KindMembership:
		return MemberUser(name) != ""
	case KindReaction:
		// The id may be base64, in which a slash is a digit like any other.
		message := MessageOf(name)
		id, ok := strings.CutPrefix(name[len(message):], "/reactions/")
		return message != "" && ok && isPlain(id)
	case KindSpace:
		return isPair(name, "spaces/")
	case KindSubscription:
		return isPair(name, "subscriptions/")
	case KindSpaceReadState, KindThreadReadState, KindAvailability:
		// Formed like users/U/…; the rest is documented for the API only, not for events.
		return UserOf(name) != "" && isPlain(name)
	default:
		return false
	}
}

// firstTwo returns the first two segments of name if the first is the
// collection and the second isn't empty, or "".
func firstTwo(name, collection string) string {
	id, ok := strings.CutPrefix(name, collection)
	if !ok {
		return ""
	}
	if slash := strings.IndexByte(id, '/'); slash >= 0 {
		id = id[:slash]
	}
	if !isPlain(id) {
		return ""
	}
	return name[:len(collection)+len(id)]
}

// isPair reports whether name is the collection and one id, no more.
func isPair(name, collection string) bool {
	return name != "" && firstTwo(name, collection) == name
}

// isSegment reports whether s can be one segment of a name.
func isSegment(s string) bool {
	return isPlain(s) && strings.IndexByte(s, '/') < 0
}

// isPlain reports whether s is not empty and free of white space and control
// characters, which no resource name has.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}
