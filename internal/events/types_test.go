package events

import (
	"slices"
	"strings"
	"testing"
)

// What a subscription can ask for, in the order in which people read it.
func TestTypeNames(t *testing.T) {
	t.Parallel()
	for _, row := range types {
		for _, of := range []Targets{OfSpaces, OfUsers, OfCustomers} {
			if got, want := slices.Contains(TypeNames(of), row.Name), row.Targets&of == of; got != want {
				t.Errorf("%s is among those of %b: %t, want %t", row.Name, of, got, want)
			}
		}
	}
	for name, want := range map[string]Targets{
		"message.v1.created": inSpaces, "membership.v1.deleted": anyTarget, "space.v1.deleted": inSpaces,
		"spaceReadState.v1.updated": ofPeople, "availability.v1.updated": OfUsers,
	} {
		if row, _ := TypeOf(ChatPrefix + name); row.Targets != want {
			t.Errorf("%s can be asked for by %b, want %b", name, row.Targets, want)
		}
	}
}

func TestTypeOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, single, resource, short string }{
		{"google.workspace.chat.message.v1.created", "google.workspace.chat.message.v1.created", "message", "message.created"},
		{"google.workspace.chat.space.v1.batchUpdated", "google.workspace.chat.space.v1.updated", "space", "space.batchUpdated"},
		{"google.workspace.chat.space.v1.batchDeleted", "", "", "space.batchDeleted"},
		{"google.workspace.chat.space.v1.created", "", "", "space.created"},
		{"com.example.thing", "", "", "com.example.thing"},
	} {
		got, known := TypeOf(c.name)
		if got.Name != c.single || known != (c.single != "") || ResourceOf(c.name) != c.resource || ShortType(c.name) != c.short {
			t.Errorf("%s: got %+v, %t, %q, %q", c.name, got, known, ResourceOf(c.name), ShortType(c.name))
		}
	}
}

// The rows agree with their names, no two are of one change, and what can be
// listed is about spaces.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, row := range types {
		verb := strings.ToLower(strings.ReplaceAll(string(row.Verb), "_", ""))
		switch lower := strings.ToLower(row.Name); {
		case !strings.HasSuffix(lower, "."+verb), !strings.Contains(lower, "."+strings.ToLower(row.Resource)+"."):
			t.Errorf("%s is about %s, %s", row.Name, row.Resource, row.Verb)
		case TypeName(row.Kind, row.Verb) != row.Name:
			t.Errorf("%s and %s are both %s, %s", row.Name, TypeName(row.Kind, row.Verb), row.Kind, row.Verb)
		case row.Listable && row.Targets&OfSpaces == 0, row.Targets != 0 && row.Scope == "":
			t.Errorf("%s: listable %t, scope %q, targets %b", row.Name, row.Listable, row.Scope, row.Targets)
		}
	}
	if name := TypeName(KindSubscription, VerbCreated); name != "" {
		t.Errorf("Google tells nobody of a new subscription, but %s does", name)
	}
}
