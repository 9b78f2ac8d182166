package redaction

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Erased is the field that says of an event that something of it was erased; and of a
// message that its content was, which package events reads.
const Erased = "spacekeeperErased"

// IsErased tells of the bytes of an event whether [Person.Erase] has changed them.
func IsErased(data []byte) bool {
	return len(data) == 0 || bytes.HasSuffix(data, []byte(`,"`+Erased+`":true}`))
}

// Gone stands where a name was.
const Gone = "[erased]"

// Person is whom to erase.
type Person struct {
	User string // "users/U": it stays
	// Names are what the person was called, e-mail addresses among them. Those that
	// are Only theirs go wherever they are; the others where the person is named, too.
	Names, Only []string
	// Message tells of a message by its name whether it is theirs, so that it goes
	// from what quotes it; nil: each is.
	Message func(name string) bool
	// Spaces are their direct messages: all that apps say there goes.
	Spaces []string
}

// Erase takes out of an event's bytes what the person wrote, and was told by apps,
// and how they are called; changed tells whether there was any. Of bytes that aren't
// JSON nothing is left if they name the person.
func (p *Person) Erase(data []byte) (kept []byte, changed bool) {
	if !p.concerns(data) {
		return data, false
	}
	root, err := parse(data)
	if err != nil {
		if !p.names(string(data)) {
			return data, false
		}
		return []byte{}, true
	}
	e := erasure{Person: p}
	e.envelope(root)
	root.each(e.object)
	root.each(e.text)
	if !e.changed {
		return data, false
	}
	if root.kind == '{' {
		e.drop(root, slices.DeleteFunc(root.keys(), func(key string) bool { return key == Erased })...)
		root.fields = append(root.fields, field{Erased, &node{other: true}})
	}
	return root.write(nil), true
}

// Called returns what the bytes of an event say that the person is called.
func (p *Person) Called(data []byte) (names []string) {
	root, err := parse(data)
	if err != nil {
		return nil
	}
	root.each(func(n *node) {
		if n.str("name") != p.User {
			return
		}
		for _, key := range []string{"displayName", "email"} {
			if name := n.str(key); name != "" {
				names = append(names, name)
			}
		}
	})
	return names
}

// concerns tells quickly whether there may be anything to do.
func (p *Person) concerns(data []byte) bool {
	holds := func(name string) bool { return bytes.Contains(data, []byte(name)) }
	return holds(p.User) || holds("quotedMessageMetadata") || holds(`\u`) || p.Message != nil && !holds(`"sender"`) ||
		slices.ContainsFunc(p.Only, holds) || slices.ContainsFunc(p.Spaces, holds)
}

// names tells whether a text names the person.
func (p *Person) names(text string) bool {
	return Names(text, p.User) || slices.ContainsFunc(p.Names, func(name string) bool { return Names(text, name) })
}

// Names tells whether a word or some are in a text, and not as a part of others.
func Names(text, name string) bool { return find(text, name, 0) >= 0 }

// Replace puts Gone in the place of a name.
func Replace(text, name string) string {
	var kept strings.Builder
	done := 0
	for at := find(text, name, 0); at >= 0; at = find(text, name, done) {
		kept.WriteString(text[done:at] + Gone)
		done = at + len(name)
	}
	return kept.String() + text[done:]
}

func find(text, name string, from int) int {
	for name != "" {
		i := strings.Index(text[from:], name)
		if i < 0 {
			break
		}
		at := from + i
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(name):])
		if !inWord(before) && !inWord(after) {
			return at
		}
		from = at + len(name)
	}
	return -1
}

// inWord tells of what stands beside a name whether the word goes on there. What
// isn't there is utf8.RuneError, which is no letter.
func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// erasure is that of one event.
type erasure struct {
	*Person
	said    []string // how a mention calls the person
	named   bool     // the event names the person
	changed bool
}

// envelope drops what the person asked of an app.
func (e *erasure) envelope(root *node) {
	root.each(func(n *node) { e.named = e.named || Names(n.text, e.User) })
	chat := root.get("chat")
	if root.str("user", "name") != e.User && chat.str("user", "name") != e.User {
		return
	}
	for _, n := range []*node{root, chat} {
		if n == nil {
			continue
		}
		if m := n.get("message"); m != nil && !events.IsMessage(m.str("name")) {
			e.drop(m) // whose it is can't be told
		}
		kept := []string{"type", "eventTime", "user", "space", "message", "thread", "chat", "appCommandMetadata", Erased}
		for _, f := range n.fields {
			if strings.HasSuffix(f.key, "Payload") {
				kept = append(kept, f.key)
				e.drop(f.value, "user", "space", "message", "thread", "appCommandMetadata")
			}
		}
		e.drop(n, kept...)
	}
}

func (e *erasure) drop(n *node, kept ...string) { e.changed = n.keep(kept...) || e.changed }

// object erases what an object says.
func (e *erasure) object(n *node) {
	if n.kind != '{' {
		return
	}
	if n.str("name") == e.User {
		e.drop(n, "name", "type")
	}
	q := n.get("quotedMessageMetadata")
	if q != nil && (e.Message == nil || e.Message(q.str("name")) || q.str("quotedMessageSnapshot", "sender") == e.User) {
		e.drop(q, "name", "lastUpdateTime")
	}
	if !events.IsMessage(n.str("name")) {
		return
	}
	if e.theirs(n) {
		if n.get(Erased) == nil {
			n.fields = append(n.fields, field{Erased, &node{other: true}})
			e.changed = true
		}
		e.drop(n, "name", "sender", "createTime", "lastUpdateTime", "deleteTime", "thread", "threadReply", "space", "privateMessageViewer",
			"clientAssignedMessageId", "deletionMetadata", "quotedMessageMetadata", Erased)
		if thread := n.get("thread"); thread != nil {
			e.drop(thread, "name") // apps choose its key
		}
		return
	}
	if annotations := n.get("annotations"); annotations != nil {
		for _, a := range annotations.list {
			if a.str("userMention", "user", "name") == e.User {
				e.said = append(e.said, mentioned(n.str("text"), a))
			}
		}
	}
}

// theirs tells of a message whether they wrote it, or an app to them or about them.
func (e *erasure) theirs(message *node) bool {
	if message.str("sender", "name") == e.User || message.str("privateMessageViewer", "name") == e.User {
		return true
	}
	name := message.str("name")
	if slices.Contains(e.Spaces, events.SpaceOf(name)) && message.str("sender", "type") != "HUMAN" || e.Message != nil && e.Message(name) {
		return len(message.fields) > 1 // one that is but named says nothing
	}
	if message.str("sender", "type") != "BOT" {
		return false
	}
	found := false
	message.each(func(n *node) { found = found || n.kind == '"' && e.names(n.text) })
	return found
}

// mentioned is what a mention says in a text; "" if that can't be told. Google
// counts in UTF-16.
func mentioned(text string, annotation *node) string {
	start, length := annotation.number("startIndex"), annotation.number("length")
	units := utf16.Encode([]rune(text))
	if start < 0 || length < 2 || start+length > len(units) {
		return ""
	}
	said := string(utf16.Decode(units[start : start+length]))
	if !strings.HasPrefix(said, "@") {
		return ""
	}
	return said
}

// text takes names out of a text, and out of keys that people choose.
func (e *erasure) text(n *node) {
	for i := range n.fields {
		e.replace(&n.fields[i].key)
	}
	if n.kind == '"' {
		e.replace(&n.text)
	}
}

func (e *erasure) replace(text *string) {
	names := e.Only
	if e.named {
		names = slices.Concat(e.said, e.Names)
	}
	for _, name := range names {
		if kept := Replace(*text, name); kept != *text {
			*text, e.changed = kept, true
		}
	}
}
