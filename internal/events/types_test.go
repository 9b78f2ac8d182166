package events

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a subscription can ask for, in the order in which people read it.
func TestTypeNames(t *testing.T) {
	t.Parallel()
	members := []string{"membership.created", "membership.updated", "membership.deleted"}
	messages := []string{"message.created", "message.updated", "message.deleted"}
	spaces := append(append(messages, members...), "reaction.created", "reaction.deleted", "space.updated", "space.deleted")
	read := []string{"spaceReadState.updated", "threadReadState.updated"}
	for _, c := range []struct {
		of   Targets
		want []string
	}{
		{OfSpaces, spaces},
		{OfUsers, append(append(members, read...), "availability.updated")},
		{OfCustomers, append(spaces, read...)},
	} {
		var got []string
		for _, name := range TypeNames(c.of) {
			got = append(got, ShortType(name))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("types of %b (-want +got):\n%s", c.of, diff)
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
	if name := TypeName(KindReaction, VerbUpdated); name != "" {
		t.Errorf("a changed reaction has the type %s", name)
	}
}
