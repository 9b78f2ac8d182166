package preview_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/dm"
	"github.com/spacekeeper/spacekeeper/internal/reactors/member"
	"github.com/spacekeeper/spacekeeper/internal/reactors/preview"
	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
	"github.com/spacekeeper/spacekeeper/internal/reactors/send"
)

// titles knows one space and one person.
type titles struct{ replacer *strings.Replacer }

func (t titles) With(resource string) string { return t.replacer.Replace(resource) }
func (t titles) In(text string) string       { return t.replacer.Replace(text) }

func titlesOf(...string) preview.Titles {
	return titles{strings.NewReplacer("spaces/OWNERS", "Owners (spaces/OWNERS)", "users/7", "Anna (users/7)")}
}

// show is what a preview prints of the only rule of a file.
func show(t *testing.T, src string, facts func(*rules.Rule) reactors.Facts) string {
	t.Helper()
	set, err := rules.Parse("reactors.yaml", []byte(src), rules.Options{Actions: []reactors.Action{
		send.New(nil), send.NewUpdate(nil), dm.New(nil), member.NewAdd(nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	rule := set.Rules()[0]
	var out strings.Builder
	if _, err := preview.Show(t.Context(), &out, rule, facts(rule), titlesOf); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func sample(rule *rules.Rule) reactors.Facts { return preview.Sample(rule, preview.Options{}) }

// A preview says where each message goes, to whom and when.
func TestWhereAndToWhom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, src, want string }{
		{"everywhere", `reactors:
  - id: a
    on: member.joined
    wait: 1m
    collapse: {window: 1m, over: 2, do: [{send: {text: Hello}}]}
    do:
      - send: {id: hi, to: private, text: Hello}
      - send: {to: private, fallback: space, text: Hello}
      - send: {to: spaces/OWNERS, text: Hello}
      - send: {thread_key: day, text: Hello}
      - update: {of: hi, text: Bye}
      - dm: {text: Hello}
      - add_member: {space: spaces/OWNERS}
`, `a (shadow) for users/SAMPLE in spaces/SAMPLE

after 1m: a message, privately to whoever joined
  │ Hello

after 1m: a message, privately to whoever joined, or to everybody in the space if Google refuses that
  │ Hello

after 1m: a message to everybody in Owners (spaces/OWNERS)
  │ Hello

after 1m: a message to everybody in the space, in the thread with the key "day"
  │ Hello

after 1m: changes the message "hi" in the space
  │ Bye

after 1m: a direct message to whoever joined
  │ Hello

after 1m: adds whoever joined to Owners (spaces/OWNERS)
  label: "0.6"
  space: "spaces/OWNERS"
  user: "users/SAMPLE"

once for more than 2: a message to everybody in the space
  │ Hello
`},
		{"in a thread", `reactors:
  - {id: a, on: message.created, do: [{send: {to: thread, text: Hello}}]}
`, `a (shadow) for users/SAMPLE in spaces/SAMPLE

at once: a reply in the thread of the message, to everybody in the space
  │ Hello
`},
	} {
		if diff := cmp.Diff(c.want, show(t, c.src, sample)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What is empty in a message is said before anybody gets it: of a made-up person
// what may be, of an event what is.
func TestWhatIsEmpty(t *testing.T) {
	t.Parallel()
	const src = `reactors:
  - {id: a, on: member.joined, do: [{send: {text: "Hello {{ member.display_name }} of {{ space.display_name }}"}}]}
`
	anna := func(name string) func(*rules.Rule) reactors.Facts {
		return func(*rules.Rule) reactors.Facts {
			return reactors.Facts{
				Trigger: reactors.MemberJoined, Event: reactors.EventFacts{ID: "spaces/A/spaceEvents/1"},
				Space: reactors.SpaceFacts{Name: "spaces/A", DisplayName: "Team"}, Member: reactors.MemberFacts{Name: "users/7", DisplayName: name},
			}
		}
	}
	for _, c := range []struct {
		name  string
		facts func(*rules.Rule) reactors.Facts
		want  string
	}{
		{"of a made-up person", sample, "\nnote: {{ member.display_name }} writes nothing for whom nobody knows it\n"},
		{"of a person without a name", anna(""), "\nnote: {{ member.display_name }} writes nothing here: nobody knows it\n"},
		{"of a person with a name", anna("Anna"), ""},
	} {
		_, got, _ := strings.Cut(show(t, src, c.facts), "│")
		if _, got, _ = strings.Cut(got, "\n"); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
