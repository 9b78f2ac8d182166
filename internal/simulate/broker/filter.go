package broker

import "strings"

// filter decides by a message's attributes whether a subscription gets it; nil
// lets everything through.
type filter func(attributes map[string]string) bool

// parseFilter reads a subscription filter:
//
//	expression = term { "AND" term } | term { "OR" term }
//	term       = [ "NOT" | "-" ] ( "(" expression ")" | comparison )
//	comparison = "attributes" ":" key
//	           | "attributes" "." key ( "=" | "!=" ) string
//	           | "hasPrefix" "(" "attributes" "." key "," string ")"
//
// As with Google, AND and OR don't mix without parentheses.
func parseFilter(text string) (filter, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	p := &filterParser{text: text}
	p.next()
	f := p.expression()
	if p.bad == "" && (p.token != "" || p.quoted) {
		p.fail("the end")
	}
	if p.bad != "" {
		return nil, invalid("Invalid filter %q: %s.", text, p.bad)
	}
	return f, nil
}

type filterParser struct {
	text   string // what is left
	token  string // "" at the end
	quoted bool   // the token is a string; its quotes are gone
	bad    string // the first problem
}

func (p *filterParser) fail(want string) {
	if p.bad == "" {
		got := p.token
		if got == "" {
			got = "the end"
		}
		p.bad = "expected " + want + ", found " + got
	}
	p.token, p.text = "", ""
}

const filterPunctuation = "()=,:.-"

func (p *filterParser) next() {
	p.text = strings.TrimLeft(p.text, " \t\r\n")
	p.quoted = false
	switch {
	case p.text == "":
		p.token = ""
	case p.text[0] == '"':
		p.string()
	case strings.HasPrefix(p.text, "!="):
		p.token, p.text = "!=", p.text[2:]
	case strings.IndexByte(filterPunctuation, p.text[0]) >= 0:
		p.token, p.text = p.text[:1], p.text[1:]
	default:
		end := strings.IndexFunc(p.text, func(r rune) bool {
			return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
		switch end {
		case 0:
			p.token = p.text
			p.fail("a filter")
		case -1:
			p.token, p.text = p.text, ""
		default:
			p.token, p.text = p.text[:end], p.text[end:]
		}
	}
}

// string reads a quoted string with \" and \\ escapes.
func (p *filterParser) string() {
	var b strings.Builder
	for i := 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.token, p.quoted, p.text = b.String(), true, p.text[i+1:]
			return
		case c == '\\' && i+1 < len(p.text):
			i++
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	p.token = p.text
	p.fail("a closing quote")
}

// is reports whether the token is the given word or sign.
func (p *filterParser) is(token string) bool { return !p.quoted && p.token == token }

func (p *filterParser) expect(token string) {
	if !p.is(token) {
		p.fail(token)
		return
	}
	p.next()
}

func (p *filterParser) expression() filter {
	f := p.term()
	joint := p.token
	if p.quoted || (joint != "AND" && joint != "OR") {
		return f
	}
	for p.is(joint) {
		p.next()
		left, right := f, p.term()
		if joint == "AND" {
			f = func(a map[string]string) bool { return left(a) && right(a) }
		} else {
			f = func(a map[string]string) bool { return left(a) || right(a) }
		}
	}
	if p.is("AND") || p.is("OR") {
		p.fail("parentheses around a mix of AND and OR")
	}
	return f
}

func (p *filterParser) term() filter {
	switch {
	case p.is("NOT"), p.is("-"):
		p.next()
		f := p.term()
		return func(a map[string]string) bool { return !f(a) }
	case p.is("("):
		p.next()
		f := p.expression()
		p.expect(")")
		return f
	default:
		return p.comparison()
	}
}

func (p *filterParser) comparison() filter {
	if p.is("hasPrefix") {
		p.next()
		p.expect("(")
		p.expect("attributes")
		p.expect(".")
		key := p.key()
		p.expect(",")
		prefix := p.value()
		p.expect(")")
		return func(a map[string]string) bool {
			v, ok := a[key]
			return ok && strings.HasPrefix(v, prefix)
		}
	}
	p.expect("attributes")
	if p.is(":") {
		p.next()
		key := p.key()
		return func(a map[string]string) bool { _, ok := a[key]; return ok }
	}
	p.expect(".")
	key := p.key()
	switch {
	case p.is("="):
		p.next()
		want := p.value()
		return func(a map[string]string) bool { v, ok := a[key]; return ok && v == want }
	case p.is("!="):
		p.next()
		want := p.value()
		return func(a map[string]string) bool { v, ok := a[key]; return !ok || v != want }
	default:
		p.fail("= or !=")
		return func(map[string]string) bool { return false }
	}
}

func (p *filterParser) key() string {
	key := p.token
	if key == "" || (!p.quoted && strings.Contains(filterPunctuation+"!=", key)) {
		p.fail("an attribute's key")
		return ""
	}
	p.next()
	return key
}

func (p *filterParser) value() string {
	v := p.token
	if !p.quoted {
		p.fail("a quoted value")
		return ""
	}
	p.next()
	return v
}
