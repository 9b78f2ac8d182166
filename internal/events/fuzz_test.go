package events

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode holds Decode against encoding/json, which is lenient where Decode
// is strict, and slow, but well tested.
func FuzzDecode(f *testing.F) {
	for _, folder := range []string{"samples", "malformed"} {
		for _, s := range samples(f, folder) {
			f.Add(s.Attributes["ce-type"], s.Attributes["ce-subject"], s.bytes(f))
		}
	}
	f.Fuzz(func(t *testing.T, ceType, subject string, data []byte) {
		attributes := attributesOf(ceType)
		attributes["ce-subject"] = subject
		if ceType == "" {
			attributes = nil // perhaps an interaction event
		}
		before := bytes.Clone(data)
		ev, bad := Decode(attributes, data)
		if !bytes.Equal(before, data) {
			t.Fatal("Decode changed the data")
		}
		if bad != nil {
			checkMalformed(t, ev, bad, data)
			return
		}
		if !json.Valid(data) {
			t.Fatalf("Decode accepted what is not JSON")
		}
		checkEvent(t, ev)
		checkAgainstTree(t, ev, data)

		// White space means nothing, and the event doesn't depend on the bytes it came from.
		var compact bytes.Buffer
		if err := json.Compact(&compact, data); err != nil {
			t.Fatal(err)
		}
		clear(data)
		again, bad := Decode(attributes, compact.Bytes())
		if bad != nil {
			t.Fatalf("Decode of the same data, compacted: %v", bad)
		}
		if (ev.Refused == nil) != (again.Refused == nil) {
			t.Errorf("refused: first %v, second %v", ev.Refused, again.Refused)
		}
		ev.Refused, again.Refused = nil, nil // they name places in the data
		if diff := cmp.Diff(ev, again); diff != "" {
			t.Errorf("event decoded again (-first +second):\n%s", diff)
		}
	})
}

// checkMalformed checks that a refusal is well formed and, if it says that the
// data is not JSON, right.
func checkMalformed(t *testing.T, ev *Event, bad *Malformed, data []byte) {
	t.Helper()
	if ev != nil || bad.Reason == "" || bad.Detail == "" || !utf8.ValidString(bad.Detail) || bad.Offset < -1 || bad.Offset > len(data) {
		t.Errorf("Decode: got %+v, %+v", ev, bad)
	}
	if bad.Reason == ReasonSyntax && json.Valid(data) {
		t.Errorf("Decode says that valid JSON isn't: %v", bad)
	}
}

func checkEvent(t *testing.T, ev *Event) {
	t.Helper()
	if len(ev.Items) == 0 || ev.Time.IsZero() || ev.Type == "" {
		t.Errorf("incomplete event: %+v", ev)
	}
	last := -1
	for i := range ev.Items {
		it := &ev.Items[i]
		if it.Ordinal <= last || it.Kind == "" || it.Verb == "" {
			t.Errorf("item %d: %+v", i, it)
		}
		last = it.Ordinal
		switch it.Kind {
		case KindUnknown, KindInteraction:
		default:
			if !validName(it.Kind, it.Resource) {
				t.Errorf("item %d has the name %q", i, it.Resource)
			}
		}
		if it.Space != "" && SpaceOf(it.Space) != it.Space {
			t.Errorf("item %d has the space %q", i, it.Space)
		}
	}
	// Postgres has to hold every string; encoding/json replaces what isn't UTF-8.
	text, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	var back Event
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ev, &back); diff != "" {
		t.Errorf("the event holds what isn't UTF-8 (-got +replaced):\n%s", diff)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	if holdsNUL(tree) {
		t.Errorf("the event holds a NUL: %s", text)
	}
}

func holdsNUL(tree any) bool {
	switch v := tree.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, holdsNUL)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), holdsNUL)
	}
	return false
}

// checkAgainstTree looks the first message's fields up as encoding/json reads them.
func checkAgainstTree(t *testing.T, ev *Event, data []byte) {
	t.Helper()
	if len(ev.Items) == 0 || ev.Items[0].Message == nil {
		return
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	if ev.Batch {
		elements, _ := tree["messages"].([]any)
		if ev.Refused == nil && len(elements) != len(ev.Items) || len(elements) < len(ev.Items) {
			t.Fatalf("items: got %d, encoding/json reads %d", len(ev.Items), len(elements))
		}
		tree, _ = elements[ev.Items[0].Ordinal].(map[string]any)
	}
	want, _ := tree["message"].(map[string]any)
	got := ev.Items[0].Message
	for _, field := range []struct {
		got  string
		path []string
	}{
		{got.Name, []string{"name"}},
		{got.Text, []string{"text"}},
		{got.ArgumentText, []string{"argumentText"}},
		{got.ClientAssignedMessageID, []string{"clientAssignedMessageId"}},
		{got.Sender.Name, []string{"sender", "name"}},
		{got.Thread, []string{"thread", "name"}},
		{got.DeletionType, []string{"deletionMetadata", "deletionType"}},
	} {
		if w := lookUp(want, field.path); w != field.got {
			t.Errorf("%s: got %q, encoding/json reads %q", strings.Join(field.path, "."), field.got, w)
		}
	}
}

// lookUp returns the string at the path, or "".
func lookUp(tree map[string]any, path []string) string {
	for _, key := range path[:len(path)-1] {
		tree, _ = tree[key].(map[string]any)
	}
	text, _ := tree[path[len(path)-1]].(string)
	return text
}
