package examples_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

// What actions can never do is refused, and what they do only by chance is doubted:
// what may work isn't.
func TestRefusedAndDoubted(t *testing.T) {
	t.Parallel()
	list := actions(t, t.TempDir())
	for _, c := range []struct{ name, rule, want string }{
		{"to a space that is gone", `on: space.deleted, do: [{send: {text: a}}]`,
			`send: of space.deleted, the space is gone; send it to another space, as in to: spaces/AAAA`},
		{"of a space that is gone", `on: space.deleted, do: [{send: {to: spaces/OWNERS, text: a}}]`, ""},
		{"change a record", `on: member.joined, do: [{record: {id: a, name: x}}, {update: {of: a, text: b}}]`,
			`do[1].update.of: "a" is a record and sends no message; name the id of a send`},
		{"change a direct message", `on: member.joined, do: [{dm: {id: a, text: x}}, {update: {of: a, text: b}}]`,
			`do[1].update.of: the message of "a" is in another space for each person; `},
		{"change what is elsewhere", `on: member.joined, do: [{send: {id: a, to: spaces/A, text: x}}, {delete: {of: a, space: spaces/B}}]`,
			`do[1].delete.of: "a" is sent to spaces/A; say space: spaces/A`},
		{"change what may be elsewhere", `on: member.joined, do: [{send: {id: a, to: spaces/A, text: x}}, {update: {of: a, text: b}}]`,
			`doubt: do[1].update.of: "a" is sent to spaces/A, and looked for in the space of the trigger; say space: spaces/A`},
		{"delete what may be elsewhere", `on: member.joined, do: [{send: {id: a, text: x}}, {delete: {of: a, space: spaces/B}}]`,
			`doubt: do[1].delete.of: "a" is sent to the space of the trigger, and looked for in spaces/B; leave out space`},
		{"change what is there", `on: member.joined, do: [{send: {id: a, to: spaces/A, text: x}}, {update: {of: a, space: spaces/A, text: b}}]`, ""},
		{"change what is in the space", `on: member.joined, do: [{send: {id: a, to: private, text: x}}, {update: {of: a, text: b}}]`, ""},
		{"later without a limit", `on: member.joined, limit: {else: later}, do: [{send: {text: x}}]`,
			`doubt: limit.else says what becomes of the rest, and there is no limit; for example per_space: 20/h`},
		{"the thread as a key", `on: message.created, do: [{send: {text: x, thread_key: "{{ string(message.thread) }}"}}]`,
			`send: thread_key begins a thread of its own, and this is the name of one that there is; say to: thread for a reply in it`},
		{"a reply", `on: message.created, do: [{send: {to: reply, text: x}}]`,
			`send: to must be space, private, thread or the name of a space; did you mean thread?`},
	} {
		set, err := rules.Parse("reactors.yaml", []byte("reactors: [{id: a, "+c.rule+"}]"), rules.Options{Actions: list})
		got := ""
		var wrong *rules.Error
		switch {
		case errors.As(err, &wrong):
			for _, m := range wrong.Mistakes {
				got += m.Message + "; " + m.Fix
			}
		case err != nil:
			t.Fatal(err)
		default:
			for _, d := range set.Doubts() {
				got += "doubt: " + d.Message + "; " + d.Fix
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
