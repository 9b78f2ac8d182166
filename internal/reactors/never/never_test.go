package never_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
	"github.com/spacekeeper/spacekeeper/internal/reactors/expr"
)

// told is what is said of a condition: what can never be, or else what is doubted.
func told(t *testing.T, src string, on ...reactors.Trigger) (never, doubts []string) {
	t.Helper()
	env, err := expr.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	c, err := env.For(on).Condition(src)
	if err != nil {
		var e *expr.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		return strings.Split(err.Error(), "\n"), nil
	}
	for _, d := range c.Doubts() {
		doubts = append(doubts, d.Error())
	}
	return nil, doubts
}

// What can never be is refused, and what can hardly be meant is doubted.
func TestNeverAndDoubts(t *testing.T) {
	t.Parallel()
	const user, space = "it is like users/123456789", "it is like spaces/AAQAtX4kZ1c; what a space is called is its display_name"
	const person = user + "; what people are called is member.display_name, and nobody is told by an e-mail address"
	for _, tt := range []struct {
		on     reactors.Trigger
		src    string
		never  string // "": it can be
		doubts string
	}{
		// Names where Chat has ids.
		{reactors.MessageCreated, `space.name == "Support team"`, `space.name is never "Support team" (` + space + ")", ""},
		{reactors.MessageCreated, `member.name in ["users/1", "jane@example.com"]`, `member.name is never "jane@example.com" (` + person + ")", ""},
		{reactors.MessageCreated, `"Anna Weber" != message.author`, `message.author is never "Anna Weber" (` + user + ")", ""},
		{reactors.MessageCreated, `member.name.startsWith("Anna")`, `member.name never starts with "Anna" (` + person + ")", ""},
		{reactors.MessageCreated, `event.type == "message.created"`,
			`event.type is never "message.created" (it is the name that Google has for it; compare trigger)`, ""},
		{reactors.MessageCreated, `event.type.startsWith("google.") || event.type == "schedule" || event.type == "interaction.MESSAGE" || event.type == ""`, "", ""},
		{reactors.MessageCreated, `space.name == "spaces/S" && member.name.startsWith("users/") && member.name != "" && message.name.endsWith("x")`, "", ""},
		// Words of an enumeration, through functions and choices.
		{reactors.MemberJoined, `trigger.startsWith("message.")`, `trigger never starts with "message." in this rule (known are member.joined)`, ""},
		{reactors.MemberJoined, `trigger.startsWith("member.")`, "", ""},
		{reactors.MemberJoined, `member.role.contains("OWNER")`, `member.role never contains "OWNER" (did you mean ROLE_MANAGER? So the API calls what people see as Owner)`, ""},
		{reactors.MemberJoined, `member.role.lower() == "owner"`, `member.role is never "owner" (known are role_member, role_manager, role_assistant_manager)`, ""},
		{reactors.MemberJoined, `member.role.lower() == "role_manager" && member.role.matches("MANAGER$")`, "", ""},
		{reactors.MemberJoined, `member.role.matches("^OWNER$")`, `member.role never matches "^OWNER$" (known are ROLE_MEMBER, ROLE_MANAGER, ROLE_ASSISTANT_MANAGER)`, ""},
		{reactors.MemberJoined, `member.role == (member.is_member ? "OWNER" : "MEMBER")`,
			"member.role is never \"OWNER\" (did you mean ROLE_MANAGER? So the API calls what people see as Owner)\n" +
				`member.role is never "MEMBER" (did you mean ROLE_MEMBER?)`, ""},
		{reactors.MemberJoined, `member.role == (member.is_member ? "ROLE_MANAGER" : "none")`, "",
			`member.role is never "none" (known are ROLE_MEMBER, ROLE_MANAGER, ROLE_ASSISTANT_MANAGER)`},
		// Emoji and capitals that a function leaves out.
		{reactors.ReactionAdded, `emoji.base(reaction.emoji) == "❤️"`, `emoji.base is never "❤️", but the same in its plain form (write emoji.base("❤️") there, too)`, ""},
		{reactors.ReactionAdded, `emoji.base(reaction.emoji) in ["👀", "👍🏽"]`, `emoji.base is never "👍🏽", but the same in its plain form (write emoji.base("👍🏽") there, too)`, ""},
		{reactors.ReactionAdded, `emoji.base(reaction.emoji) == emoji.base("❤️") && emoji.base(reaction.emoji) != "👍" && reaction.emoji == "❤️"`, "", ""},
		{reactors.MessageCreated, `message.text.lower().contains("VPN")`, `lower() never brings "VPN" (write "vpn")`, ""},
		{reactors.MessageCreated, `message.text.upperAscii() == "Help"`, `upperAscii() never brings "Help" (write "HELP")`, ""},
		{reactors.MessageCreated, `message.text.lower().hasWord("VPN") && message.text.lower().matches(r"\S") && message.text.lower().contains("über")`, "", ""},
		{reactors.MessageCreated, `message.text.lowerAscii().contains("über")`, "",
			`lowerAscii() knows A to Z only: a capital in "über" isn't found (write lower())`},
		{reactors.MessageCreated, `message.text.matches(r"(?i)\bürlaub\b")`, "",
			`\b knows ASCII's letters only: beside others it is an edge within a word (hasWord("…") finds a word of any language)`},
		{reactors.MessageCreated, `message.text.matches(r"\bvpn\b")`, "", ""},
		{reactors.MessageCreated, `message.answered(["eyes"])`, `nobody reacts with "eyes" (did you mean 👀?)`, ""},
		{reactors.MessageCreated, `message.answered(["✅", ":eyes:"])`, "", ":eyes: is an emoji of your own organization, if there is one of that name (did you mean 👀?)"},
		{reactors.MessageCreated, `message.reactions["thumbsup"] > 4`, `message.reactions has never any "thumbsup" (did you mean 👍?)`, ""},
		{reactors.Schedule, `space.week.top_emoji == "thumbsup"`, `space.week.top_emoji is never "thumbsup" (did you mean 👍?)`, ""},
		{reactors.Schedule, `space.week.top_messages[7].text == ""`, `space.week.top_messages has never a place 7 (they are 0 to 4)`, ""},
		{reactors.Schedule, `space.week.top_messages[4].text == ""`, "", ""},
		// Times.
		{reactors.Schedule, `now.getDayOfWeek("Europe/Berlin") == 7`, "getDayOfWeek is never 7 (Sunday is 0, Saturday 6)", ""},
		{reactors.Schedule, `now.getMonth("UTC") in [11, 12]`, "getMonth is never 12 (January is 0, December 11)", ""},
		{reactors.Schedule, `24 <= now.getHours("UTC")`, "getHours is never 24 or more (it is 0 to 23)", ""},
		{reactors.Schedule, `now.getHours("UTC") > 22 && now.getHours("UTC") < 24 && (now - event.time).getHours() > 48`, "", ""},
		{reactors.Schedule, `now.getHours("+25:00") > 1`, `"+25:00" is not a time zone (write it as Area/City, such as Europe/Berlin, or UTC)`, ""},
		{reactors.Schedule, `now.getHours("-09:30") > 1`, "", ""},
		{reactors.MessageCreated, `now.getHours(message.is_reply ? "Berlin" : "Europe/Berlin") > 1`, `"Berlin" is not a time zone (did you mean Europe/Berlin?)`, ""},
		{reactors.Schedule, `now.getHours() >= 9`, "", `getHours() is that of UTC (name a zone, as in getHours("Europe/Berlin"), or "UTC")`},
		{reactors.Schedule, `now.getMinutes() == 0`, "", ""},
		// What a deletion can't be asked for.
		{reactors.MessageDeleted, `message.exists`, "message.exists is not known for message.deleted (known are name, permalink, replies_by_others, reactions)", ""},
	} {
		never, doubts := told(t, tt.src, tt.on)
		if diff := cmp.Diff(tt.never, strings.Join(never, "\n")); diff != "" {
			t.Errorf("%s: never (-want +got):\n%s", tt.src, diff)
		}
		if diff := cmp.Diff(tt.doubts, strings.Join(doubts, "\n")); diff != "" {
			t.Errorf("%s: doubts (-want +got):\n%s", tt.src, diff)
		}
	}
}
