package events

import (
	"regexp"
	"strings"
)

// AllSpaces is the wildcard that stands for all spaces of a user. It names no space.
const AllSpaces = "spaces/-"

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
	if space == AllSpaces {
		return ""
	}
	return space
}

var spaceOrUser = regexp.MustCompile(`\b(?:spaces|users)/[A-Za-z0-9_-]+/?`)

// ReplaceNames returns a text with what f makes of each space and person that it
// names. What lives in a space stays as it is.
func ReplaceNames(text string, f func(name string) string) string {
	return spaceOrUser.ReplaceAllStringFunc(text, func(name string) string {
		if strings.HasSuffix(name, "/") {
			return name
		}
		return f(name)
	})
}

// UserOf returns the "users/U" that a user's own resource belongs to, such as
// "users/U/availability", or "".
func UserOf(name string) string {
	return firstTwo(name, "users/")
}

// MemberUser returns the "users/U" whose membership "spaces/S/members/U" is, if
// U is the number of an account, or "". Whom another name stands for, such as
// that of a Google Group's membership, only an event or a list can tell.
func MemberUser(name string) string {
	if user := "users/" + memberID(name); IsAccount(user) {
		return user
	}
	return ""
}

// memberID returns the M of "spaces/S/members/M", or "".
func memberID(name string) string {
	space := firstTwo(name, "spaces/")
	id, ok := strings.CutPrefix(name[len(space):], "/members/")
	if space == "" || !ok || !isSegment(id) {
		return ""
	}
	return id
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

// IsSpace reports whether name is "spaces/S". Like the functions above it takes
// any id that Google may come up with.
func IsSpace(name string) bool { return name != "" && SpaceOf(name) == name }

// IsUser reports whether name is "users/U".
func IsUser(name string) bool { return isPair(name, "users/") }

// IsMessage reports whether name is "spaces/S/messages/M".
func IsMessage(name string) bool { return name != "" && MessageOf(name) == name }

// IsSubscription reports whether name is "subscriptions/S".
func IsSubscription(name string) bool { return isPair(name, "subscriptions/") }

// IsClientID reports whether id can be a message id of our own, which Google
// takes in place of its own.
func IsClientID(id string) bool {
	rest, ok := strings.CutPrefix(id, "client-")
	return ok && 0 < len(rest) && len(rest) <= 56 && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// MemberName returns the "spaces/S/members/U" of "spaces/S" and "users/U".
func MemberName(space, user string) string {
	return space + "/members/" + strings.TrimPrefix(user, "users/")
}

// What people write, in the configuration and in rules, is held to stricter
// forms, so that a slip is found before Google answers with an error. Where two
// of them differ, the comment says why.

// SpacePattern and UserPattern are [IsWrittenSpace] and [IsWrittenUser] for JSON
// schemas.
const (
	SpacePattern = "^spaces/[A-Za-z0-9_-]+$"
	UserPattern  = "^users/[A-Za-z0-9._@-]+$"
)

// IsWrittenSpace reports whether name is "spaces/" and an id of the characters
// that those of spaces consist of. AllSpaces is of that form.
func IsWrittenSpace(name string) bool { return isWritten(name, "spaces/", "_-") }

// IsWrittenUser reports whether name is "users/" and an id, or an alias, which
// is an e-mail address: the Chat API takes both.
func IsWrittenUser(name string) bool { return isWritten(name, "users/", "._@-") }

// IsMentionable reports whether a message can mention the user: an e-mail
// address would be shown as it is, and users/all would call everybody.
func IsMentionable(user string) bool {
	return isWritten(user, "users/", "._-") && !strings.EqualFold(user, "users/all")
}

// IsAccount reports whether name is "users/" and the number of a Google
// account, which is all that a subscription to a user takes.
func IsAccount(name string) bool {
	id, ok := strings.CutPrefix(name, "users/")
	return ok && 0 < len(id) && len(id) <= 30 && strings.Trim(id, "0123456789") == ""
}

// IsCustomer reports whether name is that of an organisation.
func IsCustomer(name string) bool {
	return name == "customers/my_customer" || isWritten(name, "customers/C", "") && len(name) <= len("customers/C")+30
}

// mention is what Chat could take for one.
var mention = regexp.MustCompile(`(?i)<\s*(users/[^>|]*)`)

// Mentioned returns the users whom Chat could take for mentioned in a text.
func Mentioned(text string) (users []string) {
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		users = append(users, m[1])
	}
	return users
}

// validName reports whether name has the form that names of the kind have.
func validName(kind Kind, name string) bool {
	switch kind {
	case KindMessage:
		return MessageOf(name) == name
	case KindMembership:
		return memberID(name) != ""
	case KindReaction:
		// The id may be base64, in which a slash is a digit like any other.
		message := MessageOf(name)
		id, ok := strings.CutPrefix(name[len(message):], "/reactions/")
		return message != "" && ok && isPlain(id)
	case KindSpace:
		return isPair(name, "spaces/")
	case KindSubscription:
		return IsSubscription(name)
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

// isWritten reports whether name is the prefix and then letters, digits and the
// others only.
func isWritten(name, prefix, others string) bool {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	id, ok := strings.CutPrefix(name, prefix)
	return ok && id != "" && strings.Trim(id, plain+others) == ""
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
