package preview_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/clock"
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

// parse is the first rule of a file.
func parse(t *testing.T, src string) *rules.Rule {
	t.Helper()
	set, err := rules.Parse("reactors.yaml", []byte(src), rules.Options{Actions: []reactors.Action{
		send.New(nil), send.NewUpdate(nil), dm.New(nil), member.NewAdd(nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return set.Rules()[0]
}

// show is what a preview prints of the first rule of a file.
func show(t *testing.T, src string, facts func(*rules.Rule) reactors.Facts) string {
	t.Helper()
	rule := parse(t, src)
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

after 1m, once for more than 2: a message to everybody in the space
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

// A preview says when each message goes: of wait and window the longer one counts,
// a schedule comes at its next time, and quiet hours and limits put off or drop.
func TestWhenAndHowOften(t *testing.T) {
	t.Parallel()
	const sunday = "0 9 * * 7"
	berlin, err := clock.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	cron, err := clock.ParseCron(sunday, berlin)
	if err != nil {
		t.Fatal(err)
	}
	next := clock.Wall(cron.Next(time.Now()))
	if !strings.HasPrefix(next, "Sun ") || !strings.HasSuffix(next, " 09:00 Europe/Berlin") {
		t.Errorf("%s comes on %s", sunday, next)
	}
	const group = `do: [{send: {text: All}}]`
	for keys, want := range map[string]string{
		`on: member.joined`:            "at once",
		`on: member.joined, wait: 10m`: "after 10m",
		`on: member.joined, collapse: {window: 1m, over: 2, ` + group + `}`:                                                               "after 1m",
		`on: member.joined, wait: 10m, collapse: {window: 2h, over: 2, ` + group + `}`:                                                    "after 2h",
		`on: member.joined, wait: 3h, collapse: {window: 2h, over: 2, ` + group + `}`:                                                     "after 3h",
		`on: member.joined, wait: {working: 4h, hours: "Mon-Fri 09:00-17:00", zone: Europe/Berlin}`:                                       "after 4h of Mon-Fri 09:00-17:00 Europe/Berlin",
		`on: member.joined, wait: {working: 4h, hours: "Mon-Fri 09:00-17:00", zone: UTC}, collapse: {window: 2h, over: 2, ` + group + `}`: "after 4h of Mon-Fri 09:00-17:00 UTC and at least 2h",
		`on: member.joined, wait: 1d, until: member.messages_in_space > 0`:                                                                "after 1d, or as soon as member.messages_in_space > 0",
		`on: member.joined, wait: 10m, quiet_hours: {allow: "Mon-Fri 09:00-17:00", zone: Europe/Berlin}`:                                  "after 10m, then within Mon-Fri 09:00-17:00 Europe/Berlin",
		`on: member.joined, quiet_hours: {allow: "Mon-Fri 09:00-17:00", zone: Europe/Berlin, else: drop}`:                                 "at once, if that is within Mon-Fri 09:00-17:00 Europe/Berlin",
		`on: schedule, cron: "` + sunday + `", zone: Europe/Berlin`:                                                                       "next on " + next,
		`on: schedule, cron: "` + sunday + `", zone: Europe/Berlin, wait: 30m`:                                                            "next 30m after " + next,
	} {
		got := show(t, "reactors:\n  - {id: a, "+keys+", do: [{send: {text: Hello}}]}\n", sample)
		if _, got, _ = strings.Cut(got, "\n\n"); !strings.HasPrefix(got, want+": a message to everybody in the space\n") {
			t.Errorf("%s: got %q, want %q", keys, got, want)
		}
	}
	const limited = `reactors:
  - {id: a, on: member.joined, limit: {per_space: 2/h, per_member: 1/1d, else: later}, do: [{send: {text: Hello}}]}
  - {id: b, on: member.joined, limit: {per_reactor: 20/h}, do: [{send: {text: Hello}}]}
`
	if _, got, _ := strings.Cut(show(t, limited, sample), "│ Hello\n"); got != `
note: limit per_space: 2/1h: what is more comes later
note: limit per_member: 1/24h: what is more comes later
` {
		t.Errorf("got %s", got)
	}
}

// In a space to which a rule doesn't apply there is nothing to preview.
func TestCheckSpace(t *testing.T) {
	t.Parallel()
	for spaces, want := range map[string]string{
		``:                                    "",
		`, spaces: [spaces/A, spaces/OWNERS]`: "",
		`, spaces: {except: [spaces/A]}`:      "",
		`, spaces: [spaces/A]`:                "a doesn't apply in Owners (spaces/OWNERS): it is for spaces/A",
		`, spaces: [spaces/A, spaces/B]`:      "a doesn't apply in Owners (spaces/OWNERS): it is for 2 others, such as spaces/A",
		`, spaces: {except: [spaces/OWNERS]}`: "a doesn't apply in Owners (spaces/OWNERS): its spaces except that",
	} {
		rule := parse(t, "reactors:\n  - {id: a, mode: \"off\", on: member.joined"+spaces+", do: [{send: {text: Hello}}]}\n")
		got := ""
		if err := preview.CheckSpace(rule, "spaces/OWNERS", titlesOf); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", spaces, got, want)
		}
	}
}

// Names stand beside those whom a message names.
func TestNamesInContent(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	preview.PrintContent(&out, json.RawMessage(`{"text":"Hi <users/7>,\nwelcome"}`), titlesOf())
	if got, want := out.String(), "  │ Hi <Anna (users/7)>,\n  │ welcome\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
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
