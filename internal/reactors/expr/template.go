package expr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/placeholders"
	"github.com/spacekeeper/spacekeeper/internal/reactors/tree"
	"github.com/spacekeeper/spacekeeper/internal/reactors/wording"
)

// Template is text with placeholders, {{ expression }}. A placeholder is
// filled in once: braces in what it brings are text.
type Template struct {
	kind  kind
	parts []part
	needs reactors.Needs

	doubts []*Error // see Doubts
}

// kind says who interprets the text, and so how values are escaped.
type kind int

const (
	plain kind = iota
	chat
	card
)

// part is either literal text or a placeholder.
type part struct {
	literal string
	value   *compiled
	program cel.Program
	maxLen  int    // characters of the value
	source  string // of the placeholder
}

// Chat compiles the text of a Chat message. What placeholders bring is one
// line of at most 500 characters (80 for display names) without markup, links
// and mentions, but for values of the type Mention. Its error is an *Error.
func (e *Env) Chat(src string) (*Template, error) { return e.template(src, chat) }

// Plain compiles text that nothing interprets: values come as they are, and a
// Mention as the name "users/U".
func (e *Env) Plain(src string) (*Template, error) { return e.template(src, plain) }

// CardText compiles a text of a card, which knows a part of HTML. Values are as
// in Chat, and escaped. Cards have no mentions: a Mention is the display name of
// the member or of who wrote a top message, if it is known, else "someone"; a list
// of them is a number of people.
func (e *Env) CardText(src string) (*Template, error) { return e.template(src, card) }

// CardLink compiles an address of a card, which machines take as it is: it holds
// no placeholder, unless it is a Link and nothing else.
func (e *Env) CardLink(src string) (*Template, error) {
	t, err := e.template(src, plain)
	if err == nil && (len(t.parts) != 1 || t.parts[0].value == nil || t.parts[0].value.result.TypeName() != linkName) {
		return nil, &Error{
			Offset:     max(0, strings.Index(src, "{{")),
			Message:    "a link in a card can't hold placeholders",
			Suggestion: "but for one that is all of it, such as {{ message.permalink }}",
		}
	}
	return t, err
}

func (e *Env) template(src string, k kind) (*Template, error) {
	segments, err := placeholders.Split(src)
	if m := new(placeholders.Mistake); errors.As(err, &m) {
		return nil, &Error{Offset: m.Offset, Message: m.Message, Suggestion: m.Suggestion}
	}
	t := &Template{kind: k}
	var wrong []error
	for i, s := range segments {
		if !s.Expr {
			t.parts = append(t.parts, part{literal: s.Text})
			continue
		}
		p, err := e.placeholder(s)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		before := ""
		if i > 0 && !segments[i-1].Expr {
			before = segments[i-1].Text
		}
		if k == chat && beginsMention(before) && p.value.result.TypeName() != linkName {
			wrong = append(wrong, &Error{
				Offset:     s.Offset - len("{{"),
				Message:    "a mention can't be put together from parts",
				Suggestion: "write {{ member.mention }}",
			})
			continue
		}
		t.parts = append(t.parts, p)
		for _, d := range p.value.doubts {
			d.Offset += s.Offset
			t.doubts = append(t.doubts, d)
		}
		if k != plain {
			t.doubtNames(&p, before, s)
		}
		t.needs |= p.value.reads.needs | p.value.reads.untold
		if k == card && ofPeople(p.value.result) {
			t.needs |= reactors.NeedMember // for the display name
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	literal := masked(src, segments)
	doubts := wording.Braces(literal, e.known())
	if k == chat {
		doubts = append(doubts, wording.Markup(literal)...)
	}
	for _, d := range doubts {
		t.doubts = append(t.doubts, &Error{Offset: d.Offset, Message: d.Message, Suggestion: d.Instead})
	}
	return t, nil
}

// masked is a text with letters in place of its placeholders.
func masked(src string, segments []placeholders.Segment) string {
	b := []byte(src)
	for _, s := range segments {
		if s.Expr {
			copy(b[s.Offset-2:], strings.Repeat("x", len(s.Text)+4))
		}
	}
	return string(b)
}

// doubtNames doubts what people can't read, and what mentions nobody.
func (t *Template) doubtNames(p *part, before string, s placeholders.Segment) {
	doubt := func(message, suggestion string) {
		t.doubts = append(t.doubts, &Error{Offset: s.Offset - len("{{"), Message: message, Suggestion: suggestion})
	}
	if t.kind == chat && strings.HasSuffix(before, "@") {
		doubt("an @ before a placeholder mentions nobody", "write {{ member.mention }} alone")
	}
	if strings.HasSuffix(before, "/") || strings.HasSuffix(before, "=") {
		return // of an address
	}
	switch name := tree.Name(p.value.ast.Expr()); name {
	case "member.name":
		doubt("people read users/123456789 here", "write {{ member.mention }}")
	case "message.author":
		doubt("people read users/123456789 here", "write {{ message.author_mention }}")
	case "space.name":
		doubt("people read spaces/AAQAtX4kZ1c here", "write {{ space.display_name }}")
	}
}

func (e *Env) placeholder(s placeholders.Segment) (part, error) {
	c, err := e.compile(s.Text)
	if err != nil {
		shift(err, s.Offset)
		return part{}, err
	}
	p := part{value: c, maxLen: maxCharacters, source: strings.TrimSpace(s.Text)}
	if p.program, err = c.plan(c.ast); err != nil {
		return part{}, err
	}
	if path := tree.Path(c.ast.Expr()); path != nil && path[len(path)-1] == "display_name" {
		p.maxLen = maxOfName
	}
	if writable(c.result) {
		return p, nil
	}
	wrong := &Error{
		Offset:  s.Offset + len(s.Text) - len(strings.TrimLeft(s.Text, " \t\r\n")),
		Message: "a placeholder can't write " + wording.Type(c.result.String()),
	}
	switch c.result.Kind() {
	case types.StructKind:
		wrong.Suggestion = "write one of its fields"
	case types.ListKind:
		wrong.Suggestion = `join strings, as in x.join(", ")`
	}
	return part{}, wrong
}

// shift moves what is wrong with a placeholder to its place in the text.
func shift(err error, by int) {
	switch e := err.(type) { //nolint:errorlint // as compile returns it
	case *Error:
		e.Offset += by
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			shift(one, by)
		}
	}
}

// writable reports whether there is text for values of a type.
func writable(t *types.Type) bool {
	switch t.Kind() {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind,
		types.TimestampKind, types.DurationKind:
		return true
	}
	return ofPeople(t) || t.TypeName() == linkName || isTop(t)
}

// isTop reports whether a type is a list of top messages.
func isTop(t *types.Type) bool {
	return t.Kind() == types.ListKind && t.Parameters()[0].TypeName() == topName
}

// ofPeople reports whether a type is Mention or a list of them.
func ofPeople(t *types.Type) bool {
	if t.Kind() == types.ListKind {
		t = t.Parameters()[0]
	}
	return t.TypeName() == mentionName
}

// Doubts are what is allowed in the text and can hardly be meant.
func (t *Template) Doubts() []*Error { return t.doubts }

// Empty lists the fields that placeholders write as they are and that are ""
// among these facts, such as a name that nobody knows.
func (t *Template) Empty(f *reactors.Facts, now time.Time) (fields []string) {
	for _, p := range t.parts {
		if p.value == nil || p.value.result != types.StringType {
			continue
		}
		path := tree.Path(p.value.ast.Expr())
		if path == nil {
			continue
		}
		if v, err := p.value.eval(context.Background(), p.program, f, now); err == nil && v == types.String("") {
			fields = append(fields, strings.Join(path, "."))
		}
	}
	return fields
}

// Needs returns the state that the placeholders read.
func (t *Template) Needs() reactors.Needs { return t.needs }

// Render fills in the placeholders. An error is permanent for these facts,
// unless ctx is done; it quotes no values.
func (t *Template) Render(ctx context.Context, f *reactors.Facts, now time.Time) (string, error) {
	var w writer
	for _, p := range t.parts {
		if p.value == nil {
			w.own(p.literal)
			continue
		}
		v, err := p.value.eval(ctx, p.program, f, now)
		if err != nil {
			return "", fmt.Errorf("fill in {{ %s }}: %w", p.source, err)
		}
		if err := t.write(&w, &p, v, f); err != nil {
			return "", fmt.Errorf("fill in {{ %s }}: %w", p.source, err)
		}
	}
	return w.text(t.kind), nil
}

// write adds a placeholder's value to the text.
func (t *Template) write(w *writer, p *part, v ref.Val, f *reactors.Facts) error {
	if link, ok := v.Value().(*reactors.Link); ok {
		w.own(link.URL)
		return nil
	}
	if isTop(p.value.result) {
		return t.writeTop(w, v)
	}
	people, isPeople, err := mentions(v)
	switch {
	case err != nil:
		return err
	case isPeople && t.kind == card:
		name, known := inCard(people, f)
		if known {
			w.escapeValue(t.kind, name, maxOfName)
		} else {
			w.own(name)
		}
		return nil
	case isPeople:
		w.own(listed(people, t.kind))
		return nil
	}
	s, err := written(v)
	if err != nil {
		return err
	}
	if f := p.value.env.schema.find(strings.Split(tree.Name(p.value.ast.Expr()), ".")); f != nil && slices.Contains(f.words, s) {
		w.own(s) // nobody has chosen it
		return nil
	}
	w.escapeValue(t.kind, s, p.maxLen)
	return nil
}

// shownOfTop is how many characters of a message a line of the top ones shows.
const shownOfTop = 80

// writeTop writes a line for each message: "1. its beginning (12 reactions)". In
// Chat its beginning is a link to it, and whoever wrote it is mentioned, or named
// in a card.
func (t *Template) writeTop(w *writer, v ref.Val) error {
	var top []*reactors.TopMessage
	list, _ := v.(traits.Lister)
	for it := list.Iterator(); it.HasNext() == types.True; {
		m, ok := it.Next().Value().(*reactors.TopMessage)
		if !ok {
			return errNotText
		}
		top = append(top, m)
	}
	if len(top) == 0 {
		w.own(nothing)
	}
	for i, m := range top {
		if i > 0 {
			w.own("\n")
		}
		w.own(fmt.Sprintf("%d. ", i+1))
		url := m.Permalink.URL
		open, between, end := "<", "|", ">"
		if t.kind == card {
			open, between, end = `<a href="`, `">`, "</a>"
		}
		if t.kind == plain || url == "" {
			open, between, end, url = "", "", "", ""
		}
		w.own(open + url + between)
		w.escapeValue(t.kind, cmp.Or(m.Text, withoutText), shownOfTop)
		w.own(end)
		switch {
		case t.kind == chat && m.Author.User != "":
			w.own(" by " + mention(m.Author, t.kind))
		case t.kind == card && m.AuthorName != "":
			w.own(" by ")
			w.escapeValue(t.kind, m.AuthorName, maxOfName)
		}
		reactions := "reactions"
		if m.Reactions == 1 {
			reactions = "reaction"
		}
		w.own(fmt.Sprintf(" (%d %s)", m.Reactions, reactions))
	}
	return nil
}
