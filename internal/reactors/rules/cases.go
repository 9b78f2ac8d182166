package rules

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// Test is a case of the file's own tests.
type Test struct {
	Name, Reactor string
	Start         time.Time
	Events        []TestEvent // in order
	Expect        map[reactors.Outcome]int
	Texts         []string // what is sent, in order; nil: not checked
	Line          int
}

// TestEvent is an event of a test: "join@0", or a section. What a test leaves
// out is filled in: one member, one space, a message for each event and its
// thread; an event about a message is about the newest one. An of tag says of what a
// key is: events without that have no use for it.
type TestEvent struct {
	At      time.Duration    `yaml:"at" doc:"How long after the start."`
	Trigger reactors.Trigger `yaml:"do" required:"true" doc:"What happens: join, leave, message and so on, or a trigger's name."`
	Member  string           `yaml:"member" pattern:"^{user}$" doc:"Who; users/1 if not set."`
	Space   string           `yaml:"space" pattern:"^{space}$" doc:"Where."`
	Message string           `yaml:"message" of:"message" doc:"The message's name."`
	Thread  string           `yaml:"thread" of:"message" doc:"The thread's name."`
	Text    string           `yaml:"text" of:"message" doc:"What is written."`
	Emoji   string           `yaml:"emoji" of:"reaction" doc:"With what is reacted."`
	Role    string           `yaml:"role" doc:"The member's role." enum:"ROLE_MEMBER,ROLE_MANAGER,ROLE_ASSISTANT_MANAGER"`
	Bot     bool             `yaml:"bot" doc:"An app does it."`
	Unknown bool             `yaml:"unknown" doc:"Nobody knows whether it is a person or an app."`
	Group   string           `yaml:"group" of:"google_group" doc:"The Google Group that comes or goes."`

	Affiliation string            `yaml:"affiliation" doc:"INTERNAL, EXTERNAL or MANAGED_EXTERNAL; nobody knows if not set." enum:"INTERNAL,EXTERNAL,MANAGED_EXTERNAL"`
	Quotes      string            `yaml:"quotes" of:"message" doc:"The name of a message that is quoted."`
	Command     int               `yaml:"command" of:"command" doc:"The number of a command of the app."`
	Function    string            `yaml:"function" of:"card" doc:"What a card's button asks for."`
	Parameters  map[string]string `yaml:"parameters" of:"card" doc:"The parameters of the button."`
}

// testEventSection is an event that is written as a section.
type testEventSection TestEvent

type testKeys struct {
	Name    string      `yaml:"name" required:"true" doc:"Says what is tested."`
	Reactor string      `yaml:"reactor" required:"true" doc:"The id of the reactor."`
	Start   startKeys   `yaml:"start" doc:"When the test begins; Monday, 5 January 2026, 9:00 UTC if not set."`
	Events  []TestEvent `yaml:"given" required:"true" doc:"What happens, in order, such as join@0 or leave@10m."`
	Expect  expectKeys  `yaml:"expect" required:"true" doc:"How many runs end how, and the texts that are sent."`
}

// testTriggers are the triggers by their names in tests: short ones and their
// own.
func testTriggers() map[string]reactors.Trigger {
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

// UnmarshalNode implements [strictyaml.Unmarshaler].
func (e *TestEvent) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	verb := n
	var name string
	switch n.Kind {
	case strictyaml.Text:
		before, after, ok := strings.Cut(n.Text, "@")
		at, err := strictyaml.ParseDuration(after)
		if !ok || err != nil {
			d.At(n.Inside(len(before)), "for example join@0 or leave@10m", "%s must be what happens @ when", path)
			return
		}
		e.At, name = at, before
	case strictyaml.Section:
		d.Decode(path, n, (*testEventSection)(e))
		if verb = n.Child("do"); verb == nil || verb.Kind != strictyaml.Text {
			d.At(n.At, "for example do: join", "%s doesn't say what happens", path)
			return
		}
		name = verb.Text
	default:
		d.At(n.At, "for example join@0 or {at: 10m, do: leave, member: users/2}", "%s must be text or a section, got %s", path, n.Kind)
		return
	}
	known := testTriggers()
	if e.Trigger = known[name]; e.Trigger == "" {
		d.At(verb.At, strictyaml.Suggest(name, slices.Sorted(maps.Keys(known))), "%s: nothing is called %q", path, name)
	}
	if e.At < 0 {
		d.At(n.At, "", "%s is before the start", path)
	}
	e.checkNames(d, path, name)
}

// checkNames finds what an event has no use for, and names that nobody can have.
func (e *TestEvent) checkNames(d *strictyaml.Decoder, path, name string) {
	for _, k := range strictyaml.KeysOf(reflect.TypeFor[TestEvent]()) {
		of, at := k.Field.Tag.Get("of"), strictyaml.Join(path, k.Name)
		if of != "" && e.Trigger != "" && d.Has(at) && !slices.Contains(expr.Variables(e.Trigger), of) {
			d.At(d.Where(at), "leave it out", "%s: %s has no %s", path, name, k.Name)
		}
	}
	if user := strictyaml.Join(path, "member"); d.Has(user) && !d.Wrong[user] && !events.IsWrittenUser(e.Member) {
		d.At(d.Where(user), "for example users/2", "%s: %q is not the name of a user", path, e.Member)
	}
	if space := strictyaml.Join(path, "space"); d.Has(space) && !d.Wrong[space] && !events.IsWrittenSpace(e.Space) {
		d.At(d.Where(space), "for example spaces/TEST", "%s: %q is not the name of a space", path, e.Space)
	}
}

// Schema implements [strictyaml.Schematic].
func (*TestEvent) Schema(s *schemer) schema {
	known := slices.Sorted(maps.Keys(testTriggers()))
	what := strings.ReplaceAll(strings.Join(known, "|"), ".", `\.`)
	short := schema{"type": "string", "pattern": "^(" + what + ")@" + strictyaml.DurationPattern + "$"}
	section := s.Of(reflect.TypeFor[testEventSection]())
	section["properties"].(schema)["do"].(schema)["enum"] = strictyaml.Words(known)["enum"]
	var all []any
	for _, k := range strictyaml.KeysOf(reflect.TypeFor[TestEvent]()) {
		if of := k.Field.Tag.Get("of"); of != "" {
			with := slices.DeleteFunc(slices.Clone(known), func(name string) bool {
				return !slices.Contains(expr.Variables(testTriggers()[name]), of)
			})
			all = append(all, schema{"if": strictyaml.Written(k.Name), "then": schema{"properties": schema{"do": strictyaml.Words(with)}}})
		}
	}
	section["allOf"] = all
	return schema{"oneOf": []any{short, section}}
}

// startKeys is a time.
type startKeys struct{ at time.Time }

func (k *startKeys) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	at, err := time.Parse(time.RFC3339, n.Text)
	if err != nil {
		d.At(n.At, "for example 2026-01-05T09:00:00+01:00", "%s must be a time with its zone", path)
	}
	k.at = at
}

func (*startKeys) Schema(*schemer) schema {
	return schema{"type": "string", "format": "date-time"}
}

// expectKeys is outcomes and texts.
type expectKeys struct {
	outcomes map[reactors.Outcome]int
	texts    []string
}

func outcomeNames() []string { return reactors.Words(reactors.Outcomes()) }

func (k *expectKeys) UnmarshalNode(d *strictyaml.Decoder, path string, n *strictyaml.Node) {
	if !d.Want(path, n, strictyaml.Section) {
		return
	}
	k.outcomes = map[reactors.Outcome]int{}
	for _, p := range n.Pairs {
		switch at := strictyaml.Join(path, p.Key); {
		case p.Key == "texts":
			d.Decode(at, p.Value, &k.texts)
		case !slices.Contains(outcomeNames(), p.Key):
			d.At(p.At, strictyaml.Suggest(p.Key, append(outcomeNames(), "texts")), "no run ends as %q", p.Key)
		default:
			count := uint32(0)
			d.Decode(at, p.Value, &count)
			k.outcomes[reactors.Outcome(p.Key)] = int(count)
		}
	}
}

func (*expectKeys) Schema(*schemer) schema {
	keys := schema{"texts": strictyaml.OrNothing(schema{"type": "array", "items": schema{"type": "string"}})}
	for _, o := range outcomeNames() {
		keys[o] = strictyaml.OrNothing(schema{"type": "integer", "minimum": 0})
	}
	return schema{"type": "object", "properties": keys, "additionalProperties": false}
}

// tests checks the file's tests and fills in what they leave out.
func (c *compiler) tests(d *strictyaml.Decoder, keys []testKeys, s *Set, reactorIDs []string) []Test {
	var tests []Test
	for i, k := range keys {
		path := strictyaml.Item("tests", i)
		t := Test{
			Name: k.Name, Reactor: k.Reactor, Start: k.Start.at, Events: k.Events,
			Expect: k.Expect.outcomes, Texts: k.Expect.texts, Line: d.Where(path).Line,
		}
		if t.Start.IsZero() {
			t.Start = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)
		}
		for _, key := range []string{"name", "reactor", "given", "expect"} {
			if !d.Has(strictyaml.Join(path, key)) {
				c.At(d.Where(path), "", "a test needs %s", key)
			}
		}
		if k.Reactor != "" && !slices.Contains(reactorIDs, k.Reactor) {
			c.At(d.Where(strictyaml.Join(path, "reactor")), strictyaml.Suggest(k.Reactor, reactorIDs), "there is no reactor %q", k.Reactor)
		}
		if slices.ContainsFunc(tests, func(u Test) bool { return u.Name == t.Name }) {
			c.At(d.Where(strictyaml.Join(path, "name")), "", "another test is called %q", t.Name)
		}
		for j, e := range k.Events {
			if n := d.Nodes[strictyaml.Item(strictyaml.Join(path, "given"), j)]; n != nil && n.Kind == strictyaml.Nothing {
				c.At(n.At, "for example join@0", "given[%d] is empty", j)
			}
			if j > 0 && e.At < k.Events[j-1].At {
				at := strictyaml.Item(strictyaml.Join(path, "given"), j)
				c.At(d.Where(at), "put it before", "this happens earlier than what stands before it")
			}
		}
		completeEvents(t.Events, s.Rule(k.Reactor, ""))
		for j, e := range t.Events {
			if e.Quotes != "" && !slices.ContainsFunc(t.Events[:j], func(b TestEvent) bool { return b.Message == e.Quotes }) {
				at := strictyaml.Join(strictyaml.Item(strictyaml.Join(path, "given"), j), "quotes")
				c.At(d.Where(at), "give the message that name, with message", "no message before this is called %q", e.Quotes)
			}
		}
		tests = append(tests, t)
	}
	return tests
}

// completeEvents fills in what the events of a test leave out.
func completeEvents(list []TestEvent, r *Rule) {
	space := "spaces/TEST"
	if r != nil && len(r.Include) > 0 {
		space = r.Include[0]
	}
	for i := range list {
		e := &list[i]
		brings := expr.Variables(e.Trigger)
		if e.Member == "" && slices.Contains(brings, "member") {
			e.Member = "users/1"
		}
		if e.Space == "" {
			e.Space = space
		}
		if slices.Contains(brings, "message") {
			e.addMessage(list[:i], i)
		}
		if e.Group == "" && slices.Contains(brings, "google_group") {
			e.Group = "groups/TEST"
		}
		if e.Emoji == "" && slices.Contains(brings, "reaction") {
			e.Emoji = "👍"
		}
		if e.Role == "" && strings.HasPrefix(string(e.Trigger), "member.") {
			e.Role = "ROLE_MEMBER"
		}
	}
}

// Writes reports whether the event brings a new message.
func (e *TestEvent) Writes() bool {
	switch e.Trigger {
	case reactors.MessageCreated, reactors.AppMentioned, reactors.AppMessaged, reactors.Command:
		return true
	}
	return false
}

// addMessage gives an event its message: a new one, or else the newest one of its
// space.
func (e *TestEvent) addMessage(before []TestEvent, i int) {
	if e.Message == "" && !e.Writes() {
		for _, b := range slices.Backward(before) {
			if b.Space == e.Space && b.Message != "" {
				e.Message = b.Message
				if e.Thread == "" {
					e.Thread = b.Thread
				}
				break
			}
		}
	}
	number := strconv.Itoa(i + 1)
	if e.Message == "" {
		e.Message = e.Space + "/messages/test-" + number
	}
	if e.Thread == "" {
		e.Thread = e.Space + "/threads/test-" + number
	}
}
