package config

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

var spaceURL = regexp.MustCompile(`^https://(?:mail\.google\.com/chat/.*|chat\.google\.com/.*)(?:room|space)/([A-Za-z0-9_-]+)`)

func (c *checker) spaces() {
	listed := map[string]bool{}
	for i, name := range c.cfg.Workspace.Spaces {
		path := strictyaml.Item("workspace.spaces", i)
		switch kind := (Target{Target: name}).Kind(); {
		case c.Wrong[path]:
		case kind != KindSpace && kind != "":
			c.add(path, "%q is not a single space; list it under workspace.targets, as {target: %q}", name, name)
		case kind == "":
			c.notASpace(path, name, `%q is not a space's name; it looks like "spaces/AAQAtX4kZ1c"`)
		case listed[name]:
			c.add(path, "%q is listed twice", name)
		}
		listed[name] = true
	}
}

func (c *checker) notASpace(path, name, otherwise string) {
	if link := spaceURL.FindStringSubmatch(name); link != nil {
		c.add(path, "%q is a link; the space's name is %q", name, "spaces/"+link[1])
		return
	}
	c.add(path, otherwise, name)
}

func (c *checker) targets() {
	w, user := c.cfg.Workspace, ""
	single, listed := map[string]bool{}, map[string]bool{}
	for _, name := range w.Spaces {
		single[name] = true
	}
	for i, t := range w.Targets {
		item := strictyaml.Item("workspace.targets", i)
		path := item + ".target"
		twice := listed[t.Target]
		listed[t.Target] = true
		switch {
		case t.Target == "" && !c.Wrong[path] && !c.Wrong[item]:
			c.add(item, `%s names no target; it looks like {target: "spaces/AAQAtX4kZ1c"}`, item)
		case t.Target == "":
		case twice:
			c.add(path, "%q is listed twice", t.Target)
		case single[t.Target]:
			c.add(path, "%q is listed under workspace.spaces, too; keep one of them", t.Target)
		default:
			c.target(path, t)
		}
		if t.Kind() == KindUser {
			if user != "" && user != t.Target {
				c.add(path, "%q is a second user, besides %q; a user can be watched only with their own consent: run one Spacekeeper for each", t.Target, user)
			}
			user = t.Target
		}
		if t.EventTypes != nil {
			c.eventTypes(item+".event_types", t.EventTypes, t.Kind(), "those of workspace.event_types")
		} else if kind := t.Kind(); kind != "" && len(w.EventTypes) > 0 && len(w.inherited(kind)) == 0 {
			c.add(path, "%q can have none of workspace.event_types; give it event_types of its own", t.Target)
		}
	}
}

func (c *checker) target(path string, t Target) {
	mode := c.cfg.Auth.Mode
	switch t.Kind() {
	case KindSpaces, KindUser:
		if mode == AuthApp {
			c.add(path, "%q needs the consent of a user: set auth.mode to user or impersonate; a Chat app can list its spaces or watch customers/my_customer", t.Target)
		}
	case KindCustomer:
		if mode == AuthUser || mode == AuthImpersonate {
			c.add(path, "%q can only be watched as a Chat app: set auth.mode to app", t.Target)
		}
	case KindName:
		c.pattern(path, strings.TrimPrefix(t.Target, namePrefix))
	case "":
		switch collection, id, _ := strings.Cut(t.Target, "/"); {
		case collection == "users" && id == "me":
			c.add(path, `"users/me" is refused by Google, which wants the user's number: it is the id of their Google account, as in the sender of a message`)
		case collection == "users":
			c.add(path, `%q is not a user's name; Google wants the number of the account, "users/123456789012345678901"`, t.Target)
		case collection == "customers":
			c.add(path, `%q is not a customer's name; it is "customers/my_customer", or "customers/C…" with the id from the Admin console`, t.Target)
		default:
			c.notASpace(path, t.Target, `%q is not a target; it is one of "spaces/AAQA…", "name:Team *", "spaces/-", "users/123…", "customers/my_customer"`)
		}
	}
}

// longestName is what Google allows as the display name of a space, in characters.
const longestName = 128

func (c *checker) pattern(path, pattern string) {
	switch {
	case pattern == "":
		c.add(path, `the name is missing; it looks like "name:Team *"`)
	case strings.TrimSpace(pattern) != pattern:
		c.add(path, `%q begins or ends with white space, as no name does; it looks like "name:Team *"`, pattern)
	case !utf8.ValidString(pattern) || strings.ContainsFunc(pattern, unicode.IsControl):
		c.add(path, "the name holds characters that can't be in one")
	case utf8.RuneCountInString(strings.ReplaceAll(pattern, "*", "")) > longestName:
		c.add(path, "the name is longer than the %d characters that a space's can have", longestName)
	}
}

// eventTypes checks a list for a kind of target, "" if that isn't known; unset
// says what its absence stands for.
func (c *checker) eventTypes(path string, list []string, kind TargetKind, unset string) {
	possible, all := kind.EventTypes(), AllEventTypes()
	if kind == "" {
		possible = all
	}
	if len(list) == 0 {
		c.add(path, "%s is empty; leave it out for %s", path, unset)
	}
	for i, name := range list {
		item := strictyaml.Item(path, i)
		single, _ := events.TypeOf(name)
		switch {
		case c.Wrong[item]:
		case slices.Contains(possible, name) && slices.Index(list, name) < i:
			c.add(item, "%q is listed twice", name)
		case slices.Contains(possible, name):
		case slices.Contains(all, name):
			c.add(item, "%q is not an event type of %s; %s", name, kind.words(), elsewhere(name))
		case slices.Contains(all, single.Name):
			c.add(item, "%q can't be subscribed to: batch forms come along with %q", name, single.Name)
		case slices.Contains(all, events.ChatPrefix+name):
			c.add(item, "%q is not an event type; the full name is %q", name, events.ChatPrefix+name)
		default:
			c.add(item, "%q is not an event type of %s%s", name, kind.words(), didYouMean(name, possible))
		}
	}
}

func (k TargetKind) words() string {
	switch k {
	case KindUser:
		return "a user"
	case KindCustomer:
		return "a customer"
	case "":
		return "Chat"
	}
	return "a space"
}

// elsewhere says which targets have an event type.
func elsewhere(name string) string {
	switch {
	case slices.Contains(EventTypes(), name):
		return "list it for a space, spaces/- or customers/my_customer"
	case slices.Contains(KindCustomer.EventTypes(), name):
		return "list it as event_types of the target users/… or customers/my_customer"
	}
	return "list it as event_types of the target users/…"
}
