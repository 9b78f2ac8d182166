// Package query reads what auditors ask: GitHub's grammar of its audit log, and
// free text.
//
//	actor:users/123 space:"Team News" action:message.* -actor_kind:app created:>"2 days ago" "release"
//
// It promises that a query is understood whole or not at all, in bounded time
// whatever it holds, and that [Query.String] is the same query again. It is pure:
// the caller says what time it is, and which ids names stand for. An error is an
// [*Error], which shows the place.
package query

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

const (
	maxBytes = 10_000
	maxTerms = 100
)

// Text is the key of free text.
const Text = ""

// Query is all of its terms together: every one has to be true, but of several
// values of one key any.
type Query struct{ Terms []Term }

// Term is a condition.
type Term struct {
	Not   bool
	Key   string
	Value string // as it was written; of actor and space an id, once it is resolved

	From, Until  time.Time     // of created: at or after, and before
	Least, Limit time.Duration // of age: so much or more, and less

	at     int    // where its value begins in the query
	preset string // that it comes from; "" if it is written itself
}

func (t *Term) isRange() bool { return t.Key == "created" || t.Key == "age" }

// key is what a term may be about.
type key struct {
	name, takes string
	words       []string // all that it may be; nil for anything
}

func keys() []key {
	return []key{
		{"action", "an action such as message.deleted or member.*", nil},
		{"actor", "who did it: users/123, roles/R, or a name", nil},
		{"actor_kind", "person, app, google, spacekeeper, operator or unknown", []string{"person", "app", "google", "spacekeeper", "operator", "unknown"}},
		{"age", "how old the message was: >1h, <5m or 1h..2d", nil},
		{"changed", "what differs from before: text, attachments, name, state or role", []string{"text", "attachments", "name", "state", "role"}},
		{"class", "Google's class of who deleted a message: creator, space_owner, admin, …", nil},
		{"created", "when it happened: 2026-08-01..2026-08-15, >=2026-08-01, today or >\"2 days ago\"", nil},
		{"preset", "a query with a name: " + strings.Join(presetNames(), ", "), presetNames()},
		{"source", "live, backfill or reconcile", []string{"live", "backfill", "reconcile"}},
		{"space", "where: spaces/S, or a name", nil},
		{"target", "what it was done to: spaces/S/messages/M, users/123, the id of a rule", nil},
		{"thread", "spaces/S/threads/T", nil},
	}
}

// Keys are what terms may be about, and what each takes.
func Keys() (list [][2]string) {
	for _, k := range keys() {
		list = append(list, [2]string{k.name, k.takes})
	}
	return list
}

func presetNames() (list []string) {
	for _, p := range Presets() {
		list = append(list, p.Name)
	}
	return list
}

// Parse reads a query. Times are seen from now, and days are those of its zone.
func Parse(text string, now time.Time) (Query, error) {
	if len(text) > maxBytes {
		return Query{}, &Error{Why: fmt.Sprintf("the query has %d bytes: at most %d", len(text), maxBytes)}
	}
	if !utf8.ValidString(text) {
		return Query{}, &Error{Why: "the query is not UTF-8"}
	}
	words, err := split(text)
	if err != nil {
		return Query{}, err
	}
	if len(words) > maxTerms {
		return Query{}, &Error{text, words[maxTerms].at, fmt.Sprintf("the query has %d terms: at most %d", len(words), maxTerms)}
	}
	var q Query
	for _, w := range words {
		t := Term{Not: w.not, Key: w.key, Value: w.value, at: w.valueAt}
		if err := t.check(w, text, now); err != nil {
			return Query{}, err
		}
		q.Terms = append(q.Terms, t)
		if t.Key == "preset" {
			p := Presets()[slices.Index(presetNames(), t.Value)]
			inner, err := Parse(p.Query, now)
			if err != nil {
				return Query{}, fmt.Errorf("read the preset %s: %w", p.Name, err)
			}
			for _, t := range inner.Terms {
				t.preset = p.Name
				q.Terms = append(q.Terms, t)
			}
		}
	}
	return q, nil
}

// check reads the value of a term.
func (t *Term) check(w word, text string, now time.Time) error {
	fail := func(at int, format string, args ...any) error { return &Error{text, at, fmt.Sprintf(format, args...)} }
	if w.bare {
		t.Key = Text
		if t.Value == "" {
			return fail(w.at, "there is nothing between these quotation marks")
		}
		return nil
	}
	names := []string{}
	for _, k := range keys() {
		names = append(names, k.name)
	}
	i := slices.Index(names, w.key)
	switch {
	case i < 0:
		if near := strictyaml.Nearest(w.key, names); near != "" {
			return fail(w.at, "there is no key %q: did you mean %s? What is to be found as text stands in quotation marks", w.key, near)
		}
		return fail(w.at, "there is no key %q, but %s. What is to be found as text stands in quotation marks", w.key, strings.Join(names, ", "))
	case t.Value == "":
		return fail(w.valueAt, "%s: lacks its value: %s", w.key, keys()[i].takes)
	}
	k := keys()[i]
	var err error
	switch {
	case k.words != nil:
		if slices.Contains(k.words, t.Value) {
			break
		}
		if near := strictyaml.Nearest(t.Value, k.words); near != "" {
			return fail(w.valueAt, "%s is never %q: did you mean %s?", k.name, t.Value, near)
		}
		return fail(w.valueAt, "%s is never %q, but %s", k.name, t.Value, strings.Join(k.words, ", "))
	case k.name == "action":
		if len(ActionsLike(t.Value)) > 0 {
			break
		}
		var known []string
		for _, a := range Actions() {
			known = append(known, a.Name)
		}
		if near := strictyaml.Nearest(t.Value, known); near != "" {
			return fail(w.valueAt, "there is no action %q: did you mean %s?", t.Value, near)
		}
		return fail(w.valueAt, "there is no action %q: subscriber audit actions lists them", t.Value)
	case k.name == "created":
		t.From, t.Until, err = interval(t.Value, now)
	case k.name == "age":
		t.Least, t.Limit, err = ages(t.Value)
	}
	switch {
	case err != nil:
		return fail(w.valueAt, "%v", err)
	case k.name == "preset" && t.Not:
		return fail(w.at, "a preset can't be turned round: write its terms, which audit search --presets shows")
	}
	return nil
}

// Resolve returns the query with the ids of those whom actor: and space: name.
func (q Query) Resolve(text string, id func(key, name string) (string, error)) (Query, error) {
	terms := slices.Clone(q.Terms)
	for i := range terms {
		t := &terms[i]
		if t.Key != "actor" && t.Key != "space" || strings.Contains(t.Value, "*") {
			continue
		}
		found, err := id(t.Key, t.Value)
		if err != nil {
			return Query{}, &Error{text, t.at, err.Error()}
		}
		t.Value = found
	}
	return Query{terms}, nil
}

// HasText reports whether it asks for what messages say.
func (q Query) HasText() bool {
	return slices.ContainsFunc(q.Terms, func(t Term) bool { return t.Key == Text })
}

// String is the query as it may be written.
func (q Query) String() string {
	var parts []string
	for _, t := range q.Terms {
		if t.preset != "" {
			continue
		}
		text := t.Key + ":" + quoted(t.Value, t.isRange())
		if t.Key == Text {
			text = `"` + escape(t.Value) + `"`
		}
		if t.Not {
			text = "-" + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}
