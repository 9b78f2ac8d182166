package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/spacekeeper/spacekeeper/internal/strictyaml"
)

// hash is of what a rule says, with the cards that it takes from files and
// with what actions have found out about their parameters.
func (c *compiler) hash(n *strictyaml.Node, r *Rule) string {
	said, _ := n.Plain().(map[string]any)
	delete(said, "description")
	sum := sha256.New()
	e := json.NewEncoder(sum)
	e.Encode(said) //nolint:errcheck // maps, lists and words always encode, and a hash takes them all
	files := map[string]bool{}
	n.EachText(func(s string) { files[s] = c.cards.File(s) != nil })
	for _, f := range slices.Sorted(maps.Keys(files)) {
		if files[f] {
			e.Encode([]any{f, c.cards.File(f)}) //nolint:errcheck // as above
		}
	}
	r.each(func(d Do) {
		if found := derived(d.Params); len(found) > 0 {
			e.Encode([]any{d.Label, found}) //nolint:errcheck // what can't be encoded isn't a digest or such
		}
	})
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// derived are the fields of parameters that aren't in the file: Check has
// filled them in, for example with the digest of a module.
func derived(params any) map[string]any {
	found := map[string]any{}
	v := reflect.ValueOf(params).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.IsExported() && f.Tag.Get("yaml") == "-" {
			found[f.Name] = v.FieldByIndex(f.Index).Interface()
		}
	}
	return found
}

// each calls f with all that a rule does, at any time.
func (r *Rule) each(f func(Do)) {
	for _, s := range r.Steps {
		for _, d := range s.Do {
			f(d)
		}
	}
	if r.Collapse != nil {
		for _, d := range r.Collapse.Do {
			f(d)
		}
	}
}
