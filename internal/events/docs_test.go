package events

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const (
	docsStart = "<!-- generated from internal/events/testdata/samples: go test ./internal/events -run TestDocs -update -->\n"
	docsEnd   = "<!-- end of the generated part -->\n"
)

// docs/events.md holds a table of the golden samples.
func TestDocs(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "..", "docs", "events.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), docsStart)
	_, after, ok2 := strings.Cut(rest, docsEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the marks around its generated part", file)
	}
	want := before + docsStart + "\n" + docsTable(t) + "\n" + docsEnd + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(want, string(text)); diff != "" {
		t.Errorf("docs/events.md is not current; run with -update (-want +got):\n%s", diff)
	}
}

// Every reason is explained in docs/events.md and occurs in testdata/malformed,
// or is of the kind that TestLimits shows.
func TestReasonsAreShown(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[Reason]bool{ReasonTooLarge: true, ReasonTooManyItems: true}
	for _, s := range samples(t, "malformed") {
		shown[s.Reason] = true
	}
	source, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(source)) {
		_, value, ok := strings.Cut(line, ` Reason = "`)
		if !ok {
			continue
		}
		count++
		reason := strings.TrimSuffix(strings.TrimSpace(value), `"`)
		if !strings.Contains(string(text), "| `"+reason+"` |") {
			t.Errorf("docs/events.md doesn't explain %s", reason)
		}
		if !shown[Reason(reason)] {
			t.Errorf("no file in testdata/malformed is refused for %s", reason)
		}
	}
	if count != len(shown) {
		t.Errorf("reason.go has %d reasons, the tests show %d", count, len(shown))
	}
}

func docsTable(t *testing.T) string {
	t.Helper()
	type row struct {
		order int
		typ   string
		text  string
	}
	kinds := []Kind{
		KindMessage, KindMembership, KindReaction, KindSpace, KindSpaceReadState, KindThreadReadState,
		KindAvailability, KindSubscription, KindInteraction, KindUnknown,
	}
	var rows []row
	for _, s := range samples(t, "samples") {
		ev, bad := Decode(s.Attributes, s.bytes(t))
		if bad != nil {
			t.Fatalf("Decode %s: %v", s.Name, bad)
		}
		first := &ev.Items[0]
		typ := strings.TrimPrefix(ev.Type, ChatPrefix)
		rows = append(rows, row{slices.Index(kinds, first.Kind), typ, fmt.Sprintf("| `%s` | %s | %d | %s | %s |\n",
			typ, s.Shape, len(ev.Items), strings.Join(filled(ev), ", "), recordedIn(first))})
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.order, b.order), strings.Compare(a.typ, b.typ))
	})
	var b strings.Builder
	b.WriteString("| Type | Shape | Items | Filled | Recorded in |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		b.WriteString(r.text)
	}
	return b.String()
}

// filled names the fields that any of the event's items has: first the item's
// own, then those of what it points to, save the name, which is the Resource.
func filled(ev *Event) []string {
	var names []string
	add := func(v reflect.Value, without ...string) {
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if !v.Field(i).IsZero() && !slices.Contains(without, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for i := range ev.Items {
		it := &ev.Items[i]
		add(reflect.ValueOf(*it), "Ordinal", "Kind", "Verb", "Message", "Membership", "Reaction", "SpaceData", "Subscription", "Interaction")
		for _, pointer := range []any{it.Message, it.Membership, it.Reaction, it.SpaceData, it.Subscription, it.Interaction} {
			if v := reflect.ValueOf(pointer); !v.IsNil() {
				add(v.Elem(), "Name")
			}
		}
	}
	return names
}

// recordedIn names the tables that hold what an item tells, beside the event
// log and the bare names of spaces and users, which all kinds have.
func recordedIn(it *Item) string {
	switch it.Kind {
	case KindMessage:
		return "messages, message_history"
	case KindMembership:
		return "memberships, membership_changes"
	case KindReaction:
		return "reactions"
	case KindSpace:
		return "spaces"
	case KindInteraction:
		return "spaces, users"
	default:
		return "event log only"
	}
}
