package rules

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// Test is a case of the file's own tests.
type Test struct {
	Name, Reactor string
	Start         time.Time
	Given         []Given // in order
	Expect        map[reactors.Outcome]int
	Texts         []string // what is sent, in order; nil: not checked
	Line          int
}

// Given is an event of a test. What a test leaves out is filled in: one
// member, one space, a message for each event and its thread; an event about
// a message is about the newest one.
type Given struct {
	At      time.Duration // after the test's start
	Trigger reactors.Trigger
	Member  string // "users/U"; "" for events without one
	Space   string
	Message string // "spaces/S/messages/M"; "" for events without one
	Thread  string
	Text    string
	Emoji   string
	Role    string
	Bot     bool
}

type testKeys struct {
	Name    string      `yaml:"name" doc:"Says what is tested."`
	Reactor string      `yaml:"reactor" doc:"The id of the reactor."`
	Start   startKeys   `yaml:"start" doc:"When the test begins; Monday, 5 January 2026, 9:00 UTC if not set."`
	Given   []givenKeys `yaml:"given" doc:"What happens, in order, such as join@0 or leave@10m."`
	Expect  expectKeys  `yaml:"expect" doc:"How many runs end how, and the texts that are sent."`
}

type givenSection struct {
	At      time.Duration `yaml:"at" doc:"How long after the start."`
	Do      string        `yaml:"do" doc:"What happens: join, leave, message and so on, or a trigger's name."`
	Member  string        `yaml:"member" doc:"Who; users/1 if not set."`
	Space   string        `yaml:"space" doc:"Where."`
	Message string        `yaml:"message" doc:"The message's name."`
	Thread  string        `yaml:"thread" doc:"The thread's name."`
	Text    string        `yaml:"text" doc:"What is written."`
	Emoji   string        `yaml:"emoji" doc:"With what is reacted."`
	Role    string        `yaml:"role" doc:"ROLE_MEMBER or ROLE_MANAGER."`
	Bot     bool          `yaml:"bot" doc:"An app does it."`
}

// givenKeys is "join@0" or a section.
type givenKeys struct {
	givenSection
	trigger reactors.Trigger
}

// deeds are the short names of triggers in tests.
func deeds() map[string]reactors.Trigger {
	m := map[string]reactors.Trigger{
		"join": reactors.MemberJoined, "leave": reactors.MemberLeft, "role": reactors.MemberRoleChanged,
		"message": reactors.MessageCreated, "edit": reactors.MessageEdited, "delete": reactors.MessageDeleted,
		"react": reactors.ReactionAdded, "unreact": reactors.ReactionRemoved,
		"tick": reactors.Schedule,
	}
	for _, t := range reactors.Triggers() {
		m[string(t)] = t
	}
	return m
}

func (g *givenKeys) read(d *decoder, path string, n *node) {
	verb := n
	switch n.kind {
	case text:
		deed, at, ok := strings.Cut(n.text, "@")
		var err error
		if g.At, err = parseDuration(at); !ok || err != nil {
			d.at(n.inside(len(deed)), "for example join@0 or leave@10m", "%s must be what happens @ when", path)
			return
		}
		g.Do = deed
	case section:
		d.decode(path, n, reflect.ValueOf(&g.givenSection).Elem())
		if verb = n.child("do"); verb == nil || verb.kind != text {
			d.at(n.at, "for example do: join", "%s doesn't say what happens", path)
			return
		}
	default:
		d.at(n.at, "for example join@0 or {at: 10m, do: leave, member: users/2}", "%s must be text or a section, got %s", path, n.kind)
		return
	}
	known := deeds()
	if g.trigger = known[g.Do]; g.trigger == "" {
		d.at(verb.at, suggest(g.Do, slices.Sorted(maps.Keys(known))), "%s: nothing is called %q", path, g.Do)
	}
	if g.At < 0 {
		d.at(n.at, "", "%s is before the start", path)
	}
}

func (*givenKeys) schema(s *schemer) map[string]any {
	short := map[string]any{"type": "string", "pattern": `^[a-z._]+@.+$`}
	return map[string]any{"oneOf": []any{short, s.of(reflect.TypeFor[givenSection]())}}
}

// startKeys is a time.
type startKeys struct{ at time.Time }

func (k *startKeys) read(d *decoder, path string, n *node) {
	at, err := time.Parse(time.RFC3339, n.text)
	if err != nil {
		d.at(n.at, "for example 2026-01-05T09:00:00+01:00", "%s must be a time with its zone", path)
	}
	k.at = at
}

func (*startKeys) schema(*schemer) map[string]any {
	return map[string]any{"type": "string", "format": "date-time"}
}

// expectKeys is outcomes and texts.
type expectKeys struct {
	outcomes map[reactors.Outcome]int
	texts    []string
}

func outcomeNames() []string {
	var list []string
	for _, o := range reactors.Outcomes() {
		list = append(list, string(o))
	}
	return list
}

func (k *expectKeys) read(d *decoder, path string, n *node) {
	if !d.want(path, n, section) {
		return
	}
	k.outcomes = map[reactors.Outcome]int{}
	for _, p := range n.pairs {
		switch at := join(path, p.key); {
		case p.key == "texts":
			d.decode(at, p.value, reflect.ValueOf(&k.texts).Elem())
		case !slices.Contains(outcomeNames(), p.key):
			d.at(p.at, suggest(p.key, append(outcomeNames(), "texts")), "no run ends as %q", p.key)
		default:
			count := uint32(0)
			d.decode(at, p.value, reflect.ValueOf(&count).Elem())
			k.outcomes[reactors.Outcome(p.key)] = int(count)
		}
	}
}

func (*expectKeys) schema(*schemer) map[string]any {
	keys := map[string]any{"texts": map[string]any{"type": "array", "items": map[string]any{"type": "string"}}}
	for _, o := range outcomeNames() {
		keys[o] = map[string]any{"type": "integer", "minimum": 0}
	}
	return map[string]any{"type": "object", "properties": keys, "additionalProperties": false}
}

// tests checks the file's tests and fills in what they leave out.
func (c *compiler) tests(d *decoder, keys []testKeys, s *Set, reactorIDs []string) []Test {
	var tests []Test
	for i, k := range keys {
		path := index("tests", i)
		t := Test{
			Name: k.Name, Reactor: k.Reactor, Start: k.Start.at,
			Expect: k.Expect.outcomes, Texts: k.Expect.texts, Line: d.where(path).line,
		}
		if t.Start.IsZero() {
			t.Start = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)
		}
		for _, key := range []string{"name", "reactor", "given", "expect"} {
			if !d.has(join(path, key)) {
				c.at(d.where(path), "", "a test needs %s", key)
			}
		}
		if k.Reactor != "" && !slices.Contains(reactorIDs, k.Reactor) {
			c.at(d.where(join(path, "reactor")), suggest(k.Reactor, reactorIDs), "there is no reactor %q", k.Reactor)
		}
		if slices.ContainsFunc(tests, func(u Test) bool { return u.Name == t.Name }) {
			c.at(d.where(join(path, "name")), "", "another test is called %q", t.Name)
		}
		for j, g := range k.Given {
			if j > 0 && g.At < k.Given[j-1].At {
				c.at(d.where(index(join(path, "given"), j)), "put it before", "this happens earlier than what stands before it")
			}
		}
		t.Given = given(k.Given, s.Rule(k.Reactor, ""))
		tests = append(tests, t)
	}
	return tests
}
