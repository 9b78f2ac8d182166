package expr_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// atEvent says what the event alone says of a condition: "" if nothing.
func atEvent(t *testing.T, src string, f reactors.Facts) string {
	t.Helper()
	f.Derive()
	early := condition(t, src).AtEvent()
	if early == nil {
		return ""
	}
	ok, err := early.Eval(t.Context(), &f, noon)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	if test := early.Test(); test != nil && !test(&f) && ok {
		t.Errorf("%s: the test says no, the condition yes", src)
	}
	if ok {
		return "maybe"
	}
	return "no"
}

// What the event leaves out refuses nothing: it is looked up when the run is due.
func TestUntoldIsNotFalse(t *testing.T) {
	t.Parallel()
	left := reactors.Facts{Trigger: reactors.MemberLeft, Member: reactors.MemberFacts{Name: "users/1"}}
	person := reactors.Facts{Trigger: reactors.MemberJoined, Member: reactors.MemberFacts{Name: "users/1", Type: "HUMAN"}}
	guest := reactors.Facts{Trigger: reactors.MemberJoined, Member: reactors.MemberFacts{Name: "users/1", Type: "HUMAN", Affiliation: "EXTERNAL"}}
	colleague := reactors.Facts{Trigger: reactors.MemberJoined, Member: reactors.MemberFacts{Name: "users/1", Type: "HUMAN", Affiliation: "INTERNAL"}}
	reaction := reactors.Facts{
		Trigger: reactors.ReactionAdded, Member: reactors.MemberFacts{Name: "users/1", Type: "HUMAN"},
		Message: reactors.MessageFacts{Name: "spaces/S/messages/M"}, Reaction: reactors.ReactionFacts{Emoji: "🚨"},
	}
	post := reactors.Facts{
		Trigger: reactors.MessageCreated, Member: reactors.MemberFacts{Name: "users/1", Type: "HUMAN"}, Message: reactors.MessageFacts{Name: "spaces/S/messages/M"},
	}
	for _, tt := range []struct {
		src   string
		facts reactors.Facts
		want  string
	}{
		{`member.type == "HUMAN"`, left, "maybe"},
		{`member.type != "BOT" && member.name == "users/2"`, left, "no"},
		{`member.type == "BOT"`, person, "no"},
		{`member.known_external`, person, "maybe"},
		{`!member.maybe_external`, person, "maybe"},
		{`member.known_external`, colleague, "no"},
		{`member.maybe_external`, colleague, "no"},
		{`!member.known_external`, guest, "no"},
		{`member.known_external && member.name == "users/1"`, guest, "maybe"},
		{`message.text.contains("vpn")`, reaction, "maybe"},
		{`message.text.contains("vpn") && reaction.emoji == "👀"`, reaction, "no"},
		{`message.author == member.name`, reaction, "maybe"},
		{`message.text.contains("vpn")`, post, "no"},
		{`message.reactions["👍"] > 1`, post, ""},
	} {
		if got := atEvent(t, tt.src, tt.facts); got != tt.want {
			t.Errorf("%s at %s: got %q, want %q", tt.src, tt.facts.Trigger, got, tt.want)
		}
	}
	// A text that is still unknown may hold any needle.
	var h expr.Haystack
	h.Fill(&reaction)
	if trace := expr.TraceOf("vpn"); !h.MayHold(&trace) {
		t.Error("a text that isn't known yet holds no needle")
	}
}

// What is asked when the run is due.
func TestFactsOfMessages(t *testing.T) {
	t.Parallel()
	f := anna()
	f.Message.Reactions = map[string]int{"👍": 3, "👍🏽": 1, "❤️": 2}
	f.Message.OthersReacted = []string{"❤️"}
	f.Message.RepliesByOthers = 0
	f.Message.PreviousText, f.Message.TextChanged = "Please", true
	f.Message.Author = "users/2"
	f.Card = reactors.CardFacts{Function: "approve", Parameters: map[string]string{"id": "7"}}
	f.Command.ID = 3
	f.Space.Recent = []time.Duration{time.Second, 5 * time.Minute, 10 * time.Minute, time.Hour}
	f.Space.Week.TopMessages = []reactors.TopMessage{{Text: "Hi", Author: reactors.Mention{User: "users/2"}, Reactions: 4}}
	f.Derive()
	for src, want := range map[string]bool{
		`message.reactions["👍"] == 4`:                                true, // of any colour
		`message.reactions["👍🏿"] == 4`:                               true,
		`message.reactions["❤"] == 2`:                                true, // and style
		`message.reactions["🎉"] == 0`:                                true,
		`"🎉" in message.reactions`:                                   false,
		`"❤" in message.reactions`:                                   true,
		`message.reactions.exists(e, message.reactions[e] > 3)`:      true,
		`message.answered()`:                                         false,
		`message.answered(["✅"])`:                                    false,
		`message.answered(["✅", "❤"])`:                               true,
		`space.messages_last("10m") == 2`:                            true,
		`space.messages_last("1d") >= 4`:                             true,
		`message.text_changed && message.previous_text == "Please"`:  true,
		`message.author != member.name`:                              true,
		`card.function == "approve" && card.parameters["id"] == "7"`: true,
		`card.parameters["none"] == ""`:                              true,
		`command.id == 3`:                                            true,
		`space.week.top_messages.size() == 1`:                        true,
		`space.week.top_messages[0].reactions > 3`:                   true,
		`space.week.top_messages.exists(m, m.text.startsWith("H"))`:  true,
		`space.week.top_messages.all(m, m.author == member.mention)`: false,
		`message.permalink.url == "https://chat.google.com/room/S"`:  true,
	} {
		if got, err := condition(t, src).Eval(t.Context(), f, noon); err != nil || got != want {
			t.Errorf("%s: got %v, %v", src, got, err)
		}
	}
	f.Message.Quotes = 1
	if got, err := condition(t, `message.answered()`).Eval(t.Context(), f, noon); err != nil || !got {
		t.Errorf("a quote: %v, %v", got, err)
	}
	for src, want := range map[string]reactors.Needs{
		`space.messages_last("1h") > 1`:                     reactors.NeedRecent,
		`message.answered(["✅"])`:                           reactors.NeedThread | reactors.NeedReactions,
		`message.answered([member.role])`:                   reactors.NeedThread | reactors.NeedReactions | reactors.NeedMember,
		`(member.is_member ? message : message).answered()`: reactors.NeedAll,
		`message.permalink == message.permalink`:            0,
	} {
		got := condition(t, src).Needs()
		if want == reactors.NeedAll { // more than the function's own
			want, got = reactors.NeedMember|reactors.NeedThread, got&(reactors.NeedMember|reactors.NeedThread)
		}
		if got != want {
			t.Errorf("%s needs %b, want %b", src, got, want)
		}
	}
}

// What can't be meant is said when the rule is loaded.
func TestFactsExplained(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`member.is_external`:                  "7: member has no field is_external (write known_external, false if nobody knows, or maybe_external, true if nobody knows)",
		`space.messages_last("2d") > 3`:       `20: messages_last looks back a day at most (for example space.messages_last("10m"))`,
		`space.messages_last("ten") > 3`:      `20: "ten" is not a time (for example space.messages_last("10m"))`,
		`space.messages_last(space.name) > 3`: `25: messages_last needs a time that is written out (for example space.messages_last("10m"))`,
	} {
		_, err := newEnv(t).Condition(src)
		if err == nil {
			t.Errorf("%s: no error", src)
			continue
		}
		if diff := cmp.Diff(want, told(t, err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src, diff)
		}
	}
}

// Links of our own are links; what people wrote beside them is none.
func TestLinks(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	f := anna()
	f.Message.Name = "spaces/S/messages/T.M"
	f.Space.Week.TopMessages = []reactors.TopMessage{
		{
			Text: "see *evil.com*> <users/all>", Author: reactors.Mention{User: "users/2"}, AuthorName: "Bob <b>",
			Permalink: reactors.MessageLink("spaces/S/messages/T.A"), Reactions: 4,
		},
		{Author: reactors.Mention{User: "nobody"}, Permalink: reactors.MessageLink("x"), Reactions: 1},
	}
	f.Derive()
	for _, tt := range []struct{ src, chat, plain, card string }{
		{
			"{{ message.permalink }}", "https://chat.google.com/room/S/T/M", "https://chat.google.com/room/S/T/M", "https://chat.google.com/room/S/T/M",
		},
		{
			"<{{ message.permalink }}|{{ message.text }}>", "<https://chat.google.com/room/S/T/M|Please HELP me>",
			"<https://chat.google.com/room/S/T/M|Please HELP me>", "<https://chat.google.com/room/S/T/M|Please HELP me>",
		},
		{
			"{{ space.week.top_messages }}",
			"1. <https://chat.google.com/room/S/T/A|see ∗evil․com∗› ‹users/all›> by <users/2> (4 reactions)\n2. (no text) by someone (1 reaction)",
			"1. see *evil.com*> <users/all> (4 reactions)\n2. (no text) (1 reaction)",
			`1. <a href="https://chat.google.com/room/S/T/A">see ∗evil․com∗&gt; &lt;users/all&gt;</a> by Bob &lt;b&gt; (4 reactions)` + "\n2. (no text) (1 reaction)",
		},
		{"{{ space.week.top_messages.filter(m, m.reactions > 9) }}", "none", "none", "none"},
		{"{{ space.week.top_messages[0].author }}", "<users/2>", "users/2", "Bob &lt;b&gt;"},
		{"{{ space.week.top_messages[1].author }}", "someone", "someone", "someone"},
		{"{{ message.author_mention }}", "someone", "someone", "someone"},
	} {
		for i, compile := range []func(string) (*expr.Template, error){env.Chat, env.Plain, env.CardText} {
			if diff := cmp.Diff([]string{tt.chat, tt.plain, tt.card}[i], render(t, compile, tt.src, f)); diff != "" {
				t.Errorf("%s, kind %d (-want +got):\n%s", tt.src, i, diff)
			}
		}
	}
	if got := render(t, env.CardLink, "{{ message.permalink }}", f); got != "https://chat.google.com/room/S/T/M" {
		t.Errorf("a card's link is %q", got)
	}
	for _, src := range []string{"https://e.com/{{ message.permalink }}", "{{ message.permalink.url }}", "{{ message.text }}", "{{ message.permalink }}x"} {
		if _, err := env.CardLink(src); err == nil {
			t.Errorf("%s may be a card's link", src)
		}
	}
	if _, err := env.Chat("<{{ message.text }}>"); err == nil {
		t.Error("a text may complete a mention")
	}
}
