package rules_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors/rules"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// mistake is a file with something wrong in it: all of it, or what is put into
// an otherwise good reactor or a file with one.
type mistake struct {
	name string
	file string // the whole file
	rule string // keys of a reactor with an id that waits for member.joined and does something
	more string // what follows a good reactor
	on   string // instead of member.joined
	many bool   // it is reported in more than one place
}

func (m mistake) source() string {
	const do = "    do: [{send: {text: \"Hello\"}}]\n"
	on := m.on
	if on == "" {
		on = "member.joined"
	}
	head := "reactors:\n  - id: welcome\n    on: " + on + "\n"
	switch {
	case m.file != "":
		return m.file
	case m.more != "":
		return head + do + m.more + "\n"
	}
	src := head
	for _, line := range strings.Split(m.rule, "\n") {
		src += "    " + line + "\n"
	}
	if !strings.Contains("\n"+m.rule, "\ndo:") && !strings.Contains("\n"+m.rule, "\nsequence:") {
		src += do
	}
	return src
}

func mistakes() []mistake {
	return []mistake{
		// The file.
		{name: "syntax error", file: "reactors:\n  - id: a\n    on: [member.joined\n    do: x\n"},
		{name: "duplicate key", rule: "wait: 1m\nwait: 2m"},
		{name: "unknown key at the top", more: "reactor: []"},
		{name: "two documents", more: "---\nreactors: []"},
		{name: "anchor", rule: "description: &a text"},
		{name: "exclamation mark without quotes", rule: "if: !member.known_external"},
		{name: "bold text without quotes", rule: "do: [{send: {text: *Hello* }}]"},
		{name: "placeholder without quotes", rule: "do:\n  - send:\n      text: {{ member.mention }}"},
		{name: "placeholder and text without quotes", rule: "do:\n  - send:\n      text: {{ member.mention }} is here"},
		{name: "text with a colon", rule: "do:\n  - send:\n      text: Hello: welcome"},
		{name: "tab", rule: "do:\n\t- send: {text: a}"},
		{name: "tab in a rule", file: "reactors:\n  - id: a\n\ton: member.joined\n"},
		{name: "key in another column", file: "reactors:\n  - id: a\n    on: member.joined\n   do: [{send: {text: a}}]\n"},
		{name: "key indented too far", file: "reactors:\n  - id: a\n      on: member.joined\n"},
		{name: "dash without a space", file: "reactors:\n  -id: a\n   on: member.joined\n"},
		{name: "colon without a space", file: "reactors:\n  - id:a\n    on: member.joined\n"},
		{name: "block that isn't indented", rule: "do:\n  - send:\n      text: |\n      Hello"},
		{name: "text that begins with @", rule: "description: @all"},
		{name: "path without quotes", more: "overrides: {spaces/A: {welcome: {do[0].send.text: Hi}}}"},
		{name: "merge key", rule: "<<: {mode: live}"},
		{name: "empty file", file: "# Nothing so far.\n"},
		{name: "a file that ends too early", file: "reactors:\n"},
		{name: "nothing but tests", file: "tests: []\n"},
		{name: "rules without reactors", file: "- id: a\n  on: member.joined\n"},
		{name: "a file of Windows", file: "\ufeffreactors:\r\n  - id: a\r\n    onn: member.joined\r\n    on: member.joined\r\n    do: [{send: {text: a}}]\r\n"},
		{name: "another encoding", file: "reactors:\n  - id: a\n    on: member.joined\n    do: [{send: {text: \"gr\xfc\xdfe\"}}]\n"},
		{name: "not a list", file: "reactors:\n  welcome: {}\n"},
		{name: "nothing but a word", file: "reactors\n"},
		{name: "empty item", file: "reactors:\n  -\n"},

		// A reactor.
		{name: "unknown key", rule: "quiet_hour: {zone: UTC, allow: Mon 08:00-09:00}"},
		{name: "unknown key resembling none", rule: "colour: red"},
		{name: "missing id", file: "reactors:\n  - on: member.joined\n    do: [{send: {text: a}}]\n"},
		{name: "duplicate id", more: "  - {id: welcome, on: member.left, do: [{send: {text: Bye}}]}"},
		{name: "bad id", file: "reactors:\n  - {id: My Rule, on: member.joined, do: [{send: {text: a}}]}\n"},
		{name: "id that is a number", file: "reactors:\n  - {id: 17, on: member.joined, do: [{send: {text: a}}]}\n"},
		{name: "bad mode", rule: "mode: lives"},
		{name: "missing on", file: "reactors:\n  - id: a\n    do: [{send: {text: a}}]\n"},
		{name: "bad trigger", on: "member.join", rule: "wait: 1m"},
		{name: "empty mode", rule: `mode: ""`},
		{name: "empty trigger", on: `""`, rule: "wait: 1m"},
		{name: "empty name of a space", rule: `spaces: [""]`},
		{name: "once_per an empty word", rule: `once_per: [""]`},
		{name: "trigger twice", on: "[member.joined, member.joined]", rule: "wait: 1m"},
		{name: "on nothing", on: "[]", rule: "wait: 1m"},
		{name: "stay and member.left", on: "member.left", rule: "stay: true"},
		{name: "text for true or false", rule: `bots: "yes"`},

		// Where.
		{name: "name of a space", rule: "spaces: [AAQAtX4kZ1c]"},
		{name: "include and except overlap", rule: "spaces: {include: [spaces/A, spaces/B], except: [spaces/B]}"},
		{name: "space listed twice", rule: "spaces: [spaces/A, spaces/A]"},
		{name: "no spaces", rule: "spaces: []"},
		{name: "no spaces included", rule: "spaces: {include: []}"},
		{name: "spaces that is a number", rule: "spaces: 5"},
		{name: "bad match", rule: "spaces: {match: space.nam == \"x\"}"},

		// Conditions.
		{name: "field typo", rule: `if: member.type == "HUMAN" && !member.known_externel`},
		{name: "field typo in single quotes", rule: `if: 'member.type == ''HUMAN'' && member.rol == "x"'`},
		{name: "field typo in double quotes", rule: `if: "member.type == \"HUMAN\"\t&& member.rol == \"x\""`},
		{name: "field typo in a block", rule: "if: |\n  member.type == \"HUMAN\" &&\n    member.rol == \"x\""},
		{name: "field typo in a folded block", rule: "if: >-\n  member.type == \"HUMAN\" &&\n  member.rol == \"x\""},
		{name: "field typo over two lines", rule: "if: member.type == \"HUMAN\" &&\n  member.rol == \"x\""},
		{name: "condition that isn't one", rule: "if: member.name"},
		{name: "condition of another type", rule: "if: true"},
		{name: "empty condition", rule: `if: ""`},
		{name: "unfinished condition with a blank behind it", rule: "still: member.is_member || "},
		{name: "typo with a blank behind it", rule: "if: membr.is_external  "},
		{name: "syntax of a condition", rule: "still: member.is_member &&"},
		{name: "unknown variable", rule: `if: membr.type == "HUMAN"`},
		{name: "variable of another trigger", rule: `if: message.text == "hi"`},
		{name: "field of another trigger", rule: `if: member.previous_role == "ROLE_MANAGER"`},
		{name: "field that a deletion leaves out", on: "message.deleted", rule: `if: message.text.contains("x")`},
		{name: "placeholder that a deletion leaves out", on: "message.deleted", rule: `do: [{send: {text: "Deleted: {{ message.text }}"}}]`},
		{name: "word of Chat's instead of its API's", rule: `if: member.role == "OWNER"`},
		{name: "word without its prefix", rule: `if: member.role in ["ROLE_MANAGER", "member"]`},
		{name: "word in small letters", rule: `if: member.type == "human"`},
		{name: "word on the left", rule: `if: '"human" != member.type'`},
		{name: "word of a space", rule: `spaces: {match: space.type == "ROOM"}`},
		{name: "trigger that there isn't", on: "message.created", rule: `if: trigger == "message.create"`},
		{name: "trigger of other rules", on: "[message.created, message.edited]", rule: `if: trigger == "message.deleted"`},
		{name: "emoji by a name", on: "reaction.added", rule: `if: reaction.emoji in ["👍", "eyes"]`},
		{name: "emoji that is none", on: "reaction.added", rule: `if: reaction.emoji == ":+1:"`},
		{name: "two placeholders that can't be read", rule: `do: [{send: {text: "{{ membr.name }} and {{ space.nam }}"}}]`, many: true},
		{name: "name of a space where its id is meant", rule: `if: space.name == "Support team"`},
		{name: "two words that never are", rule: `if: member.role in ["OWNER", "MEMBER"]`, many: true},
		{name: "zone in a condition", rule: `if: now.getHours("Europe/Berln") < 12`},
		{name: "zone in a text", rule: `do: [{send: {text: "It is {{ now.getHours(\"CEST\") }}"}}]`},

		// When.
		{name: "bad duration", rule: "wait: 2 minutes"},
		{name: "duration without a unit", rule: "wait: 90"},
		{name: "negative wait", rule: "wait: -2m"},
		{name: "wait too long", rule: "wait: 600d"},
		{name: "working time without hours", rule: "wait: {working: 4h, zone: UTC}"},
		{name: "working time without a zone", rule: "wait: {working: 4h, hours: Mon-Fri 09:00-17:00}"},
		{name: "hours without working time", rule: "wait: {hours: Mon-Fri 09:00-17:00, zone: UTC}"},
		{name: "no working time", rule: "wait: {working: 0s, hours: Mon-Fri 09:00-17:00, zone: UTC}"},
		{name: "working time that takes years", rule: "wait: {working: 40h, hours: Mon 09:00-09:30, zone: UTC}"},
		{name: "working time with another key", rule: "wait: {working: 4h, allow: Mon-Fri 09:00-17:00, zone: UTC}", many: true},
		{name: "bad working hours", rule: "wait: {working: 4h, hours: Mon-Fr 09:00-17:00, zone: UTC}"},
		{name: "wait that is a list", rule: "wait: [1m]"},
		{name: "until without wait", rule: "until: member.messages_in_space > 0"},
		{name: "until with a sequence", rule: "until: member.messages_in_space > 0\nsequence: [{after: 1h, do: [{send: {text: a}}]}]"},
		{name: "until with collapse", rule: "wait: 1d\nuntil: member.messages_in_space > 0\ncollapse: {window: 60s, do: [{send: {text: a}}]}"},
		{name: "until of a space", rule: "wait: 1d\nuntil: space.members > 5"},
		{name: "until of what is written in a space", rule: "wait: 1d\nuntil: space.messages_last(\"10m\") > 5"},
		{name: "until of what its event tells", rule: "wait: 1d\nuntil: member.known_external"},
		{name: "until the time", rule: "wait: 1d\nuntil: now > event.time"},
		{name: "typo in until", rule: "wait: 1d\nuntil: member.messages > 0"},
		{name: "max_age too short", rule: "max_age: 100ms"},
		{name: "max_age too long", rule: "max_age: 31d"},
		{name: "bad once_per", rule: "once_per: [space, user]"},
		{name: "once_per twice", rule: "once_per: [space, space]"},
		{name: "trigger as Google calls it", on: "[reaction.created, reaction.deleted, message.updated, membership.created]", rule: "wait: 1m", many: true},
		{name: "key that others call otherwise", rule: "quiet_hours: {timezone: UTC, allow: Mon-Fri 08:00-18:00}"},
		{name: "number for a text", on: "card.clicked", rule: `if: card.parameters["x"] == 1`},
		{name: "text for a number", on: "message.created", rule: `if: message.attachments == "1"`},
		{name: "count of no emoji", on: "reaction.added", rule: `if: message.reactions >= 5`},
		{name: "answered without brackets", on: "message.created", rule: `still: message.answered == false`},
		{name: "answered with one emoji", on: "message.created", rule: `still: message.answered("✅")`},
		{name: "time without quotes", on: "message.created", rule: `if: space.messages_last(10m) > 3`},
		{name: "once_per a person", rule: "once_per: person"},
		{name: "parameter in the column of its action", rule: "do:\n  - send:\n    to: private\n    text: a"},
		{name: "once_per of nothing", rule: "once_per: []"},
		{name: "once_per that isn't a list", rule: "once_per: member"},
		{name: "once_per for without keys", rule: "once_per: {for: 90d}"},
		{name: "once_per for a moment", rule: "once_per: {keys: [member], for: 1s}"},
		{name: "once_per of no keys", rule: "once_per: {keys: []}"},
		{name: "bad once_per in a section", rule: "once_per: {keys: [user], for: 90d}"},
		{name: "once_per message", rule: "once_per: [message]"},
		{name: "once_per member", on: "space.updated", rule: "once_per: [member]"},
		{name: "once_per thread", on: "reaction.added", rule: "once_per: [thread]"},
		{name: "bad limit", rule: "limit: {per_space: 20 per hour}"},
		{name: "limit of none", rule: "limit: {per_space: 0/h}"},
		{name: "bad else of a limit", rule: "limit: {per_space: 20/h, else: wait}"},
		{name: "limit per member", on: "space.updated", rule: "limit: {per_member: 1/d}"},
		{name: "quiet hours without a zone", rule: "quiet_hours: {allow: Mon-Fri 08:00-18:00}"},
		{name: "quiet hours without hours", rule: "quiet_hours: {zone: UTC}"},
		{name: "bad zone", rule: "quiet_hours: {zone: Europe/Berln, allow: Mon-Fri 08:00-18:00}"},
		{name: "zone in small letters", rule: "quiet_hours: {zone: europe/berlin, allow: Mon-Fri 08:00-18:00}"},
		{name: "zone that some systems have", rule: "quiet_hours: {zone: localtime, allow: Mon-Fri 08:00-18:00}"},
		{name: "hours that are a list", rule: "quiet_hours: {zone: UTC, allow: [Mon-Fri 08:00-18:00]}"},
		{name: "bad day", rule: "quiet_hours: {zone: UTC, allow: \"Mon-Fri 08:00-18:00, Sam 10:00-12:00\"}"},
		{name: "bad hours", rule: "quiet_hours: {zone: UTC, allow: \"Mon-Fri 08:00-18:00, Sat 10-12\"}"},
		{name: "hours over midnight", rule: "quiet_hours: {zone: UTC, allow: Mon-Fri 22:00-02:00}"},
		{name: "bad else", rule: "quiet_hours: {zone: UTC, allow: Mon-Fri 08:00-18:00, else: wait}"},
		{name: "bad cron", on: "schedule", rule: "cron: 0 25 * * mon\nzone: UTC"},
		{name: "cron with the whole name of a day", on: "schedule", rule: "cron: 0 9 * * Monday\nzone: UTC"},
		{name: "cron of four fields", on: "schedule", rule: "cron: 0 9 * *\nzone: UTC"},
		{name: "cron that never comes", on: "schedule", rule: "cron: 0 9 31 2 *\nzone: UTC"},
		{name: "cron in dropped quiet hours", on: "schedule", rule: "cron: 0 9 * * sat,7\nzone: UTC\nquiet_hours: {zone: UTC, allow: Mon-Fri 08:00-18:00, else: drop}"},
		{name: "cron with a day of the week that there isn't", on: "schedule", rule: "cron: 0 9 * * 8\nzone: UTC"},
		{name: "cron without a zone", on: "schedule", rule: "cron: 0 9 * * mon"},
		{name: "cron without schedule", rule: "cron: 0 9 * * mon"},
		{name: "schedule without cron", on: "schedule", rule: "mode: live"},
		{name: "schedule and another", on: "[schedule, member.joined]", rule: "cron: 0 9 * * mon\nzone: UTC"},

		// What.
		{name: "step that is never later than working time", rule: "sequence:\n  - {after: {working: 40h, hours: Mon-Fri 09:00-17:00, zone: UTC}, do: [{send: {text: a}}]}\n  - {after: 2d, do: [{send: {text: a}}]}"},
		{name: "do and sequence", rule: "do: [{send: {text: a}}]\nsequence: [{after: 1h, do: [{send: {text: a}}]}]"},
		{name: "neither do nor sequence", file: "reactors:\n  - id: a\n    on: member.joined\n"},
		{name: "empty do", rule: "do: []"},
		{name: "unknown action", rule: "do: [{sned: {text: a}}]"},
		{name: "two actions in one", rule: "do: [{send: {text: a}, react: {emoji: x}}]"},
		{name: "unknown parameter", rule: "do: [{send: {txt: a}}]"},
		{name: "parameter of another kind", rule: "do: [{send: {text: a, times: many}}]"},
		{name: "number for text", rule: "do: [{send: {text: 5}}]"},
		{name: "parameter that the action refuses", rule: "do:\n  - send:\n      text: a\n      to: everybody"},
		{name: "message to nobody", on: "[member.left, message.deleted]", rule: "do: [{send: {text: a, to: private}}]"},
		{name: "action without what it needs", rule: "do: [{send: }]"},
		{name: "text too long", rule: "do: [{send: {text: \"" + strings.Repeat("x", 32_001) + "\"}}]"},
		{name: "reaction as the app", rule: "do: [{react: {emoji: x}}]"},
		{name: "unclosed placeholder", rule: "do: [{send: {text: \"Hi {{ member.mention\"}}]"},
		{name: "placeholder of another type", rule: "do: [{send: {text: \"Hi {{ member }}!\"}}]"},
		{name: "typo in a placeholder", rule: "do:\n  - send:\n      text: |\n        Hello!\n\n        Welcome {{ member.mentoin }}."},
		{name: "group without collapse", rule: "do: [{send: {text: \"{{ group.size }} of you\"}}]"},
		{name: "duplicate label", rule: "do:\n  - send: {id: hello, text: a}\n  - send: {id: hello, text: b}"},
		{name: "id of no action", rule: "do:\n  - send: {id: hello, text: a}\n  - send: {of: helo, text: b}"},
		{name: "id that nothing has", rule: "do:\n  - send: {text: a}\n  - send: {of: hello, text: b}"},
		{name: "id beside an action", rule: "do:\n  - id: hello\n    send: {text: a}"},
		{name: "key beside an action", rule: "do:\n  - send: {text: a}\n    if: member.is_member"},
		{name: "change before the message", rule: "do:\n  - send: {of: hello, text: b}\n  - send: {id: hello, text: a}"},
		{name: "change of itself", rule: "do:\n  - send: {id: hello, of: hello, text: b}"},
		{name: "change where the message isn't sent", rule: "do: [{send: {id: hello, text: a}}]\ncollapse: {window: 60s, do: [{send: {of: hello, text: b}}]}"},
		{name: "bad label", rule: "do: [{send: {id: Hello!, text: a}}]"},
		{name: "stop_when without a sequence", rule: "stop_when: member.is_member"},
		{name: "wait with a sequence", rule: "wait: 1m\nsequence: [{after: 1h, do: [{send: {text: a}}]}]"},
		{name: "sequence not increasing", rule: "sequence:\n  - {after: 2d, do: [{send: {text: a}}]}\n  - {after: 24h, do: [{send: {text: b}}]}"},
		{name: "bad id of a step", rule: "sequence:\n  - {id: The tip, after: 2d, do: [{send: {text: a}}]}"},
		{name: "id of two steps", rule: "sequence:\n  - {id: tip, after: 1d, do: [{send: {text: a}}]}\n  - {id: tip, after: 2d, do: [{send: {text: b}}]}"},
		{name: "id that is the time of another step", rule: "sequence:\n  - {after: 1d, do: [{send: {text: a}}]}\n  - {id: 1d, after: 2d, do: [{send: {text: b}}]}"},
		{name: "step without after", rule: "sequence:\n  - do: [{send: {text: a}}]"},
		{name: "step without do", rule: "sequence:\n  - after: 1h"},
		{name: "typo in a step", rule: "sequence:\n  - {after: 2d, if: member.messages == 0, do: [{send: {text: a}}]}"},
		{name: "collapse without do", rule: "collapse: {window: 60s, over: 5}"},
		{name: "collapse without a window", rule: "collapse: {do: [{send: {text: a}}]}"},
		{name: "collapse over none", rule: "collapse: {window: 60s, over: 0, do: [{send: {text: a}}]}"},
		{name: "collapse with a sequence", rule: "collapse: {window: 60s, do: [{send: {text: a}}]}\nsequence: [{after: 1h, do: [{send: {text: a}}]}]"},
		{name: "collapse of messages", on: "message.created", rule: "collapse: {window: 60s, do: [{send: {text: a}}]}"},
		{name: "card file missing", rule: "do: [{send: {card: cards/welcom.yaml}}]"},
		{name: "mistake in a card file", rule: "do: [{send: {card: cards/bad.yaml}}]"},
		{name: "mistake in a card of two reactors", file: "reactors:\n  - {id: a, on: member.joined, do: [{send: {card: cards/bad.yaml}}]}\n  - {id: b, on: member.joined, do: [{send: {card: cards/bad.yaml}}]}\n"},
		{name: "placeholder in a card's link", rule: "do: [{send: {card: {sections: [{widgets: [{buttonList: {buttons: [{onClick: {openLink: {url: \"https://example.com/{{ member.name }}\"}}}]}}]}]}}}]"},

		// Overrides.
		{name: "override of an unknown reactor", more: "overrides: {spaces/A: {welcom: {mode: live}}}"},
		{name: "override of an unknown path", more: "overrides: {spaces/A: {welcome: {\"do[1].send.text\": Hi}}}"},
		{name: "override of an unknown key", more: "overrides: {spaces/A: {welcome: {\"do[0].send.txt\": Hi}}}"},
		{name: "override with a mistake", more: "overrides:\n  spaces/A:\n    welcome:\n      do[0].send.text: Hi {{ member.nam }}"},
		{name: "override of what is fixed", more: "overrides: {spaces/A: {welcome: {on: member.left}}}"},
		{name: "override in no space", more: "overrides: {A: {welcome: {mode: live}}}"},
		{name: "override where the reactor doesn't apply", file: "reactors:\n  - {id: a, on: member.joined, spaces: [spaces/A], do: [{send: {text: a}}]}\noverrides: {spaces/B: {a: {mode: live}}}\n"},

		// Tests.
		{name: "test of an unknown reactor", more: "tests: [{name: a, reactor: welcom, given: [join@0], expect: {sent: 1}}]"},
		{name: "test with an unknown event", more: "tests: [{name: a, reactor: welcome, given: [jion@0], expect: {sent: 1}}]"},
		{name: "test without a time", more: "tests: [{name: a, reactor: welcome, given: [join@soon], expect: {sent: 1}}]"},
		{name: "test with an unknown outcome", more: "tests: [{name: a, reactor: welcome, given: [join@0], expect: {send: 1}}]"},
		{name: "test out of order", more: "tests: [{name: a, reactor: welcome, given: [join@1h, leave@0], expect: {sent: 1}}]"},
		{name: "test with a group that joins", more: "tests: [{name: a, reactor: welcome, given: [{at: 0, do: join, group: groups/A}], expect: {sent: 1}}]"},
		{name: "test with strange names", many: true, more: "tests: [{name: a, reactor: welcome, given: [{at: 0, do: join, member: Ann, space: TEAM}], expect: {sent: 1}}]"},
		{name: "test with a quote of nothing", more: "tests: [{name: a, reactor: welcome, given: [message@0, {at: 0, do: message, quotes: m}], expect: {sent: 0}}]"},
		{name: "test without a name", more: "tests: [{reactor: welcome, given: [join@0], expect: {sent: 1}}]"},
		{name: "test with a bad start", more: "tests: [{name: a, start: Monday, reactor: welcome, given: [join@0], expect: {sent: 1}}]"},
		{name: "tests with one name", more: "tests:\n  - {name: a, reactor: welcome, given: [join@0], expect: {sent: 1}}\n  - {name: a, reactor: welcome, given: [join@0], expect: {sent: 1}}"},

		// All at once.
		{name: "several mistakes", many: true, rule: "mode: on\nwait: soon\nif: member.nam == \"\"\ndo: [{send: {text: \"{{ x }}\"}}]"},
	}
}

func TestEveryMistakeIsExplained(t *testing.T) {
	t.Parallel()
	files := map[string]string{"cards/bad.yaml": "header:\n  title: Welcome {{ member.nam }}\n"}
	var got strings.Builder
	for _, m := range mistakes() {
		_, err := rules.Parse("reactors.yaml", []byte(m.source()), options(files))
		var e *rules.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want mistakes", m.name, err)
			continue
		}
		if len(e.Mistakes) > 1 != m.many {
			t.Errorf("%s: %d mistakes, many = %t", m.name, len(e.Mistakes), m.many)
		}
		for _, p := range e.Mistakes {
			if p.Line == 0 || p.Column == 0 {
				t.Errorf("%s: %q has no place", m.name, p.Message)
			}
		}
		got.WriteString("== " + m.name + "\n" + err.Error() + "\n\n")
	}
	golden := filepath.Join("testdata", "mistakes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
