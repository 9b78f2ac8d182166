package events

import (
	"cmp"
	"strings"
	"time"
)

// interaction reads a message without ce-* attributes: an interaction event of
// a Chat app, in a classic app's envelope or in a Workspace add-on's (fact
// sheet §7). It has no id of its own.
func (r *reader) interaction() (*Event, *Malformed) {
	p := interactionPayload{}
	r.classic(&p)
	r.end()
	switch bad := r.fail; {
	case p.structured:
		return nil, structuredMode()
	case bad != nil && bad.Reason != ReasonSyntax && bad.Reason != ReasonWrongType:
		return nil, bad // it breaks a limit, whatever it is
	case bad != nil:
		detail := "no ce-* attributes, and not an interaction event: " + bad.Detail
		return nil, &Malformed{Reason: ReasonNotACloudEvent, Detail: detail, Offset: bad.Offset}
	case !isInteractionType(p.Type):
		return nil, malformed(ReasonNotACloudEvent, "no ce-* attributes, and the data names no type of interaction")
	case p.time.IsZero():
		return nil, malformed(ReasonBadTime, "an interaction event without eventTime")
	}
	in := p.Interaction
	message := ""
	if m := in.Message; m != nil {
		message = m.Name
		in.Thread, in.Command = cmp.Or(in.Thread, m.Thread), cmp.Or(in.Command, m.Command)
	}
	space := cmp.Or(in.Space.Name, message)
	return &Event{
		Type: "interaction." + in.Type,
		Time: p.time,
		Items: []Item{{
			Kind:        KindInteraction,
			Verb:        VerbOther,
			Resource:    message,
			Space:       SpaceOf(space),
			Actor:       in.User.Name,
			Interaction: &in,
		}},
	}, nil
}

// interactionPayload is what is read, of either envelope.
type interactionPayload struct {
	Interaction
	time       time.Time
	structured bool // it is a CloudEvent in structured mode instead
}

// classic reads the outermost object, which is all of a classic app's envelope.
func (r *reader) classic(p *interactionPayload) {
	for key := range r.fields {
		switch string(key) {
		case "specversion":
			p.structured = true
			r.skip()
		case "type":
			p.Type = r.enum()
		case "eventTime":
			p.time = r.time()
		case "chat":
			p.AddOn = true
			r.addOn(p)
		default:
			r.interactionField(p)
		}
	}
}

// addOn reads the "chat" object of an add-on's envelope. The type is in the
// name of the key that holds the rest: addedToSpacePayload is ADDED_TO_SPACE.
func (r *reader) addOn(p *interactionPayload) {
	for range r.fields {
		if string(r.key) == "eventTime" {
			p.time = r.time()
			continue
		}
		name, ok := strings.CutSuffix(string(r.key), "Payload")
		if !ok {
			r.interactionField(p)
			continue
		}
		p.Type = interactionType(name)
		for range r.fields {
			r.interactionField(p)
		}
	}
}

// interactionField reads a field that the envelopes have in different places.
func (r *reader) interactionField(p *interactionPayload) {
	switch string(r.key) {
	case "user":
		p.User = r.user()
	case "space":
		r.space(&p.Space)
	case "message":
		p.Message = &Message{}
		r.message(p.Message)
	case "thread":
		p.Thread = r.only("name")
	case "appCommandMetadata":
		p.Command = r.command("appCommandId")
	case "action":
		r.clicked(p, "actionMethodName")
	case "common", "commonEventObject":
		r.clicked(p, "invokedFunction")
	default:
		r.skip()
	}
}

// command reads the number of a command out of an object.
func (r *reader) command(key string) (number int64) {
	if r.peek() != '{' {
		r.skip()
		return 0
	}
	for range r.fields {
		if string(r.key) == key {
			number = r.integer()
		} else {
			r.skip()
		}
	}
	return number
}

// clicked reads what a card asks for, which a classic app is told twice.
func (r *reader) clicked(p *interactionPayload, function string) {
	if r.peek() != '{' {
		r.skip()
		return
	}
	for key := range r.fields {
		switch {
		case string(key) == function && r.peek() == '"':
			p.Function = cmp.Or(r.str(), p.Function)
		case string(key) == "parameters":
			r.parameters(p)
		default:
			r.skip()
		}
	}
}

// parameters reads an object of texts, or a list of keys and values.
func (r *reader) parameters(p *interactionPayload) {
	told := map[string]string{}
	switch r.peek() {
	case '{':
		told = r.texts()
	case '[':
		r.array()
		for r.nextElement() {
			if r.peek() != '{' {
				r.skip()
			} else if one := r.texts(); one["key"] != "" {
				told[one["key"]] = one["value"]
			}
		}
	default:
		r.skip()
	}
	if p.Parameters == nil && len(told) > 0 {
		p.Parameters = told
	}
}

// texts reads the fields of an object that are texts.
func (r *reader) texts() map[string]string {
	texts := map[string]string{}
	for key := range r.fields {
		if name := string(key); r.peek() == '"' {
			texts[name] = r.str()
		} else {
			r.skip()
		}
	}
	return texts
}

// interactionType returns the classic type that an add-on's payload stands for.
func interactionType(payload string) string {
	if payload == "buttonClicked" {
		return "CARD_CLICKED" // the one that has another name
	}
	var b strings.Builder
	for i := range len(payload) {
		c := payload[i]
		switch {
		case 'A' <= c && c <= 'Z':
			b.WriteByte('_')
			b.WriteByte(c)
		case 'a' <= c && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
		default:
			return "" // no key of Google's
		}
	}
	return b.String()
}

// isInteractionType reports whether s is written as the types are. Those that
// Google may add count as well.
func isInteractionType(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '_' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
