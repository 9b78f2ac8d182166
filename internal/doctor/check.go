package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// The groups of checks, in the order of the report.
const (
	groupConfig        = "Config"
	groupIdentity      = "Identity"
	groupAPIs          = "APIs"
	groupChatApp       = "Chat app"
	groupPubSub        = "Pub/Sub"
	groupDeadLetters   = "Dead letters"
	groupDatabase      = "Database"
	groupSubscriptions = "Subscriptions"
	groupClock         = "Clock"
	groupReactors      = "Reactors"
)

// check is one thing that has to be right.
type check struct {
	code  string
	group string
	name  string   // what should be so, for people
	pre   bool     // has to be so before apply
	needs []string // codes without which it can't be told
	run   run
}

// before reports whether it has to be so before apply. What Pub/Sub has must,
// unless apply makes it.
func (c check) before(manage bool) bool {
	return c.pre || !manage && (c.group == groupPubSub || c.group == groupDeadLetters)
}

// doc is where the code is explained: "docs/doctor/chat-app.md#sk401".
func (c check) doc() string {
	page := strings.NewReplacer(" ", "-", "/", "").Replace(c.group)
	return "docs/doctor/" + strings.ToLower(page+".md#"+c.code)
}

// result is what the report says of a finding, in one line.
func (c check) result(f finding) Result {
	return Result{
		Code: c.code, Group: c.group, Name: c.name, Doc: c.doc(),
		Outcome: f.outcome, Seen: strings.ReplaceAll(f.seen, "\n", "; "), Fix: f.fix, Subjects: f.subjects,
	}
}

// finding is what a check saw.
type finding struct {
	outcome  Outcome
	seen     string
	fix      []string
	subjects []string
}

func fine(format string, args ...any) finding {
	return finding{outcome: OK, seen: fmt.Sprintf(format, args...)}
}

func warning(seen string, fix ...string) finding {
	return finding{outcome: Warning, seen: seen, fix: fix}
}

func failed(seen string, fix ...string) finding {
	return finding{outcome: Failed, seen: seen, fix: fix}
}

func skipped(format string, args ...any) finding {
	return finding{outcome: Skipped, seen: fmt.Sprintf(format, args...)}
}

// about names the resources that the finding is about.
func (f finding) about(names ...string) finding {
	f.subjects = names
	return f
}

// appendNew appends a name that isn't in the list yet.
func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// enough is how many names a line holds.
const enough = 5

// some is a list for people: the first names, and how many more there are.
func some(names []string) string {
	if len(names) <= enough {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:enough], ", "), len(names)-enough)
}
