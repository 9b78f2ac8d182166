package conformancetest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// inspect finds the method that a request calls, and says what is wrong with
// the request.
func inspect(known []*method, r *http.Request, body []byte) (called *method, complaints []string) {
	m, complaint := find(known, r)
	if m == nil {
		return nil, []string{complaint}
	}
	c := &complaintsAbout{document: m.document}
	c.query(m, r)
	c.body(m, r, body)
	return m, c.list
}

// find returns the method, or why there is none.
func find(known []*method, r *http.Request) (found *method, complaint string) {
	for _, m := range known {
		if m.HTTPMethod == r.Method && m.matches(r.URL.Path) {
			return m, ""
		}
	}
	complaint = fmt.Sprintf("no API has a method for %s %s", r.Method, r.URL.Path)
	for _, m := range known {
		if m.matches(r.URL.Path) {
			complaint += fmt.Sprintf("; %s is called by %s", m.ID, m.HTTPMethod)
		}
	}
	return nil, complaint
}

// matches holds the path against the template, and its parts against the
// parameters' patterns.
func (m *method) matches(path string) bool {
	groups := m.form.FindStringSubmatch(path)
	if groups == nil {
		return false
	}
	for i, name := range m.form.SubexpNames() {
		if p := m.Parameters[name]; p != nil && p.pattern != nil && !p.pattern.MatchString(groups[i]) {
			return false
		}
	}
	return true
}

// complaintsAbout collects what is wrong with one request.
type complaintsAbout struct {
	document *document
	creates  bool // fields that are required must be there
	answers  bool // fields that Google sets are right
	list     []string
}

func (c *complaintsAbout) add(format string, args ...any) {
	c.list = append(c.list, fmt.Sprintf(format, args...))
}

func (c *complaintsAbout) query(m *method, r *http.Request) {
	values := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p := m.Parameters[name]
		if p == nil || p.Location != "query" {
			p = c.document.Parameters[name]
		}
		switch {
		case p == nil:
			c.add("parameter %s: %s has none of this name", name, m.ID)
			continue
		case p.Deprecated:
			c.add("parameter %s is deprecated", name)
		case len(values[name]) > 1 && !p.Repeated:
			c.add("parameter %s is there %d times", name, len(values[name]))
		}
		for _, v := range values[name] {
			if complaint := wrongText(p, v); complaint != "" {
				c.add("parameter %s: %s", name, complaint)
			} else if p.Format == "google-fieldmask" {
				c.mask(m, name, v)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Parameters)) {
		if p := m.Parameters[name]; p.Location == "query" && p.required() && values.Get(name) == "" {
			c.add("parameter %s is required", name)
		}
	}
}

// mask checks that every path of a field mask leads to a field that can be
// written. Google accepts both forms of a name here.
func (c *complaintsAbout) mask(m *method, name, mask string) {
	if mask == "*" || m.Request == nil {
		return
	}
	for path := range strings.SplitSeq(mask, ",") {
		at := c.resolve(m.Request)
		for step := range strings.SplitSeq(path, ".") {
			if at = c.resolve(at.Properties[camelCase(step)]); at == nil {
				c.add("parameter %s: there is no field %q", name, path)
				break
			}
			if at.ReadOnly {
				c.add("parameter %s: %q is set by Google only", name, path)
				break
			}
		}
	}
}

// resolve follows a reference, and keeps what the referrer says of the field.
func (c *complaintsAbout) resolve(s *schema) *schema {
	if s == nil || s.Ref == "" {
		return s
	}
	whole := *c.document.Schemas[s.Ref]
	whole.ReadOnly, whole.Deprecated, whole.Description = s.ReadOnly, s.Deprecated, s.Description
	return &whole
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}
