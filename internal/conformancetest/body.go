package conformancetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
)

func (c *complaintsAbout) body(m *method, r *http.Request, raw []byte) {
	if m.Request == nil {
		if len(raw) > 0 {
			c.add("%s takes no body", m.ID)
		}
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		c.add("the body's Content-Type is %q instead of JSON", r.Header.Get("Content-Type"))
	}
	// Of what is changed, only what the mask names must be there.
	c.creates = r.Method == http.MethodPost
	c.json("body", m.Request, raw)
}

// inspectAnswer says what is wrong with the answer of a method that went well.
func inspectAnswer(m *method, raw []byte) []string {
	c := &complaintsAbout{document: m.document, answers: true}
	if m.Response != nil {
		c.json("answer", m.Response, raw)
	}
	return c.list
}

func (c *complaintsAbout) json(what string, s *schema, raw []byte) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var body any
	if err := d.Decode(&body); err != nil || d.More() {
		c.add("the %s isn't one JSON value (%v)", what, err)
		return
	}
	c.value(what, c.resolve(s), body)
}

// value checks one value of a body against its schema.
func (c *complaintsAbout) value(at string, s *schema, v any) {
	if s.Type == "any" {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		c.object(at, s, v)
	case []any:
		if s.Type != "array" {
			c.add("%s: a list instead of %s", at, s.Type)
			return
		}
		for i, item := range v {
			c.value(fmt.Sprintf("%s[%d]", at, i), c.resolve(s.Items), item)
		}
	case string:
		if s.Type != "string" {
			c.add("%s: a string instead of %s", at, s.Type)
		} else if complaint := wrongText(s, v); complaint != "" {
			c.add("%s: %s", at, complaint)
		}
	case json.Number:
		if s.Type != "integer" && s.Type != "number" { // int64 is a string in Google's JSON
			c.add("%s: a number instead of %s", at, s.Type)
		} else if complaint := wrongText(s, v.String()); complaint != "" {
			c.add("%s: %s", at, complaint)
		}
	case bool:
		if s.Type != "boolean" {
			c.add("%s: a boolean instead of %s", at, s.Type)
		}
	default:
		c.add("%s: null, which says nothing", at)
	}
}

func (c *complaintsAbout) object(at string, s *schema, v map[string]any) {
	if s.Type != "object" {
		c.add("%s: an object instead of %s", at, s.Type)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		p := s.Properties[name]
		if p == nil {
			p = s.Additional
		}
		field := at + "." + name
		switch p = c.resolve(p); {
		case p == nil:
			c.add("%s: there is no such field", field)
			continue
		case c.answers:
		case p.ReadOnly:
			c.add("%s is set by Google only", field)
		case p.Deprecated:
			c.add("%s is deprecated", field)
		}
		c.value(field, p, v[name])
	}
	if !c.creates {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if _, there := v[name]; !there && s.Properties[name].required() {
			c.add("%s.%s is required", at, name)
		}
	}
}
