package doctor

import (
	"fmt"
	"slices"
)

// Rule is what doctor has to know of a rule: as it is in general, or in one
// space in which an override makes it another.
type Rule struct {
	ID      string
	Space   string   // "spaces/S" of an override; "" for the rule itself
	Mode    string   // "live", "shadow" or "off"
	Events  []string // types of Workspace events that it waits for
	Chat    []string // names of those of its actions that do something in Chat
	Secrets []string // files of the secrets that its webhooks are signed with
}

const (
	live = "live"
	off  = "off"
)

// RulesError says that the file of rules can be read and is wrong.
type RulesError struct {
	Mistakes []string // like "reactors.yaml:3: …", in the order of the file
}

func (e *RulesError) Error() string {
	switch n := len(e.Mistakes); n {
	case 0:
		return "the rules are wrong"
	case 1:
		return "1 problem: " + e.Mistakes[0]
	default:
		return fmt.Sprintf("%d problems, the first: %s", n, e.Mistakes[0])
	}
}

// inForce are the rules that do what they say: those in shadow mode need
// nothing yet.
func inForce(rules []Rule) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Mode != live })
}

// count is how many rules are in a mode, "" for any. Overrides are none.
func count(rules []Rule, mode string) (n int) {
	for _, r := range rules {
		if r.Space == "" && (mode == "" || r.Mode == mode) {
			n++
		}
	}
	return n
}

func idsOf(rules []Rule) (ids []string) {
	for _, r := range rules {
		ids = appendNew(ids, r.ID)
	}
	return ids
}

// users are the ids of the rules that do one of these in Chat; done is which
// of them.
func users(rules []Rule, does func(action string) bool) (ids, done []string) {
	for _, r := range rules {
		for _, action := range r.Chat {
			if does(action) {
				ids, done = appendNew(ids, r.ID), appendNew(done, action)
			}
		}
	}
	return ids, done
}

// What actions need, by their names in rules. All but the person's act as the
// Chat app, whatever auth.mode is.
func asPerson(action string) bool       { return action == "react" }
func asApp(action string) bool          { return !asPerson(action) }
func changesMembers(action string) bool { return action == "add_member" || action == "remove_member" }
