package events

import (
	"slices"
	"strings"
)

// maxMentions bounds those of a message. People mention a few; a text of Chat's
// greatest length has room for some thousands.
const maxMentions = 500

// mentions reads a message's annotations, of which those count that mention
// somebody. Nothing depends on them but numbers, so what has another form than
// Google's is left out and refuses nothing.
func (r *reader) mentions() (list []Mention) {
	if r.peek() != '[' {
		r.skip()
		return nil
	}
	r.array()
	for r.nextElement() {
		m := r.annotation()
		if m.User == "" || len(list) == maxMentions {
			continue
		}
		if i := slices.IndexFunc(list, func(x Mention) bool { return x.User == m.User }); i >= 0 {
			list[i].Added = list[i].Added || m.Added
			continue
		}
		list = append(list, m)
	}
	return list
}

// annotation reads one; the zero Mention if it mentions nobody.
func (r *reader) annotation() (m Mention) {
	if r.peek() != '{' {
		r.skip()
		return m
	}
	for key := range r.fields {
		if string(key) == "userMention" && r.peek() == '{' {
			m = r.mention()
		} else {
			r.skip()
		}
	}
	return m
}

func (r *reader) mention() (m Mention) {
	all := false
	for key := range r.fields {
		switch {
		case string(key) == "type" && r.peek() == '"':
			s := r.span()
			word := r.data[s.start:s.end]
			m.Added, all = string(word) == "ADD", string(word) == "MENTION_ALL"
		case string(key) == "user" && r.peek() == '{':
			m.User = r.mentioned()
		default:
			r.skip()
		}
	}
	if all || m.User == Everybody {
		return Mention{User: Everybody}
	}
	return m
}

// mentioned reads the name of a user; "" if there is none, or none of this form.
func (r *reader) mentioned() (user string) {
	for key := range r.fields {
		if string(key) != "name" || r.peek() != '"' {
			r.skip()
			continue
		}
		s := r.span()
		if s.end-s.start > maxName {
			continue
		}
		name := r.text(s)
		if id, ok := strings.CutPrefix(name, "users/"); ok && id != "" && !strings.ContainsAny(id, " +/") {
			user = name
		}
	}
	return user
}
