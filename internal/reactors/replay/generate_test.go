package replay_test

import (
	"fmt"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// generator makes histories and rule files of a round, whose names and times no
// other round shares.
type generator struct {
	*rapid.T
	round int
	begin time.Time
	now   time.Time
	count int

	members   map[string]bool // "spaces/S users/U" of those who are in
	messages  []written
	reactions []string // payloads of those that are there
}

// written is a message that is there.
type written struct {
	name    string // "spaces/S/messages/M"
	created string
	rest    string // of its payload
}

func (g *generator) space() string {
	return fmt.Sprintf("spaces/h%d%s", g.round, rapid.SampledFrom([]string{"a", "a", "b"}).Draw(g.T, "space"))
}

func (g *generator) person() string {
	return "users/" + rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6"}).Draw(g.T, "person")
}

func (g *generator) chance(of string, percent int) bool {
	return rapid.IntRange(1, 100).Draw(g.T, of) <= percent
}

// history is events in the order of their times, which they don't share: but
// they may be those at which something falls due.
func (g *generator) history() []events.Delivery {
	list := make([]events.Delivery, rapid.IntRange(1, 25).Draw(g.T, "events"))
	g.now = g.begin
	gaps := []time.Duration{time.Minute, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, 5 * time.Hour, 24 * time.Hour}
	for i := range list {
		g.now = g.now.Add(rapid.SampledFrom(gaps).Draw(g.T, "gap"))
		list[i] = g.event()
	}
	return list
}

func (g *generator) event() events.Delivery {
	space := g.space()
	switch p := rapid.IntRange(0, 99).Draw(g.T, "kind"); {
	case p < 30:
		return g.joinOrLeave(space)
	case p < 45:
		var items []string
		seen := map[string]bool{}
		for range rapid.IntRange(1, 5).Draw(g.T, "batch") {
			if u := g.person(); !seen[u] {
				seen[u], g.members[space+" "+u] = true, true
				items = append(items, membership(space, u, "JOINED", "ROLE_MEMBER", "HUMAN"))
			}
		}
		return g.delivery(space, "membership.v1.batchCreated", fmt.Sprintf(`{"memberships":[%s]}`, strings.Join(items, ",")))
	case p < 52:
		user := g.person()
		g.members[space+" "+user] = true
		role := rapid.SampledFrom([]string{"ROLE_MEMBER", "ROLE_MANAGER"}).Draw(g.T, "role")
		return g.delivery(space, "membership.v1.updated", membership(space, user, "JOINED", role, "HUMAN"))
	case p < 85 || len(g.messages) == 0:
		return g.message(space)
	case p < 88:
		last := len(g.messages) - 1
		m := g.messages[last]
		g.messages = g.messages[:last] // nothing is deleted twice
		return g.delivery(spaceOf(m.name), "message.v1.deleted", fmt.Sprintf(`{"message":{"name":%q,"createTime":%q,"deletionMetadata":{"deletionType":"CREATOR"}}}`, m.name, m.created))
	case p < 91:
		m := rapid.SampledFrom(g.messages).Draw(g.T, "message")
		changed := ""
		if !g.chance("a preview", 30) {
			changed = fmt.Sprintf(`"lastUpdateTime":%q,`, stamp(g.now))
		}
		return g.delivery(spaceOf(m.name), "message.v1.updated", fmt.Sprintf(`{"message":{"name":%q,"createTime":%q,%s"text":%q,%s}}`, m.name, m.created, changed, g.text(), m.rest))
	case p < 93 && len(g.reactions) > 0:
		last := len(g.reactions) - 1
		r := g.reactions[last]
		g.reactions = g.reactions[:last]
		return g.delivery(spaceOf(strings.TrimPrefix(r, `{"reaction":{"name":"`)), "reaction.v1.deleted", r)
	default:
		m := rapid.SampledFrom(g.messages).Draw(g.T, "message").name
		r := fmt.Sprintf(`{"reaction":{"name":"%s/reactions/%d.x","user":{"name":%q,"type":"HUMAN"},"emoji":{"unicode":%q}}}`, m, g.count, g.person(), g.emoji())
		g.reactions = append(g.reactions, r)
		return g.delivery(spaceOf(m), "reaction.v1.created", r)
	}
}

func (g *generator) text() string {
	return rapid.SampledFrom([]string{"help", "hello", "*bold* <users/all>"}).Draw(g.T, "text")
}

func (g *generator) emoji() string {
	return rapid.SampledFrom([]string{"👍", "👍", "👍🏽", "🎉"}).Draw(g.T, "emoji")
}

func (g *generator) joinOrLeave(space string) events.Delivery {
	user := g.person()
	in := space + " " + user
	if g.members[in] {
		delete(g.members, in)
		return g.delivery(space, "membership.v1.deleted", fmt.Sprintf(`{"membership":{"name":"%s/members/%s","state":"NOT_A_MEMBER"}}`, space, user[6:]))
	}
	g.members[in] = true
	state := "JOINED"
	if g.chance("invited", 15) {
		state = "INVITED"
	}
	return g.delivery(space, "membership.v1.created", membership(space, user, state, "ROLE_MEMBER", "HUMAN"))
}

func (g *generator) message(space string) events.Delivery {
	user, kind := g.person(), "HUMAN"
	if g.chance("app", 30) {
		user, kind = rapid.SampledFrom([]string{"users/90", "users/90", "users/91"}).Draw(g.T, "which app"), "BOT"
	}
	name := fmt.Sprintf("%s/messages/m%d", space, g.count)
	thread := fmt.Sprintf("%s/threads/t%d", space, rapid.IntRange(0, 2).Draw(g.T, "thread"))
	rest := fmt.Sprintf(`"sender":{"name":%q,"type":%q},"thread":{"name":%q},"space":{"name":%q}`, user, kind, thread, space)
	if len(g.messages) > 0 && g.chance("a quote", 10) {
		rest += fmt.Sprintf(`,"quotedMessageMetadata":{"name":%q}`, rapid.SampledFrom(g.messages).Draw(g.T, "quoted").name)
	}
	g.messages = append(g.messages, written{name, stamp(g.now), rest})
	return g.delivery(space, "message.v1.created", fmt.Sprintf(`{"message":{"name":%q,"createTime":%q,"text":%q,%s}}`, name, stamp(g.now), g.text(), rest))
}

func membership(space, user, state, role, kind string) string {
	return fmt.Sprintf(`{"membership":{"name":"%s/members/%s","state":%q,"role":%q,"member":{"name":%q,"type":%q},"createTime":"1970-01-01T00:00:00Z"}}`,
		space, user[6:], state, role, user, kind)
}

func (g *generator) delivery(space, typ, data string) events.Delivery {
	g.count++
	id := fmt.Sprintf("%s/spaceEvents/e%d", space, g.count)
	d := events.Delivery{
		MessageID: fmt.Sprintf("m%d-%d", g.round, g.count), PublishTime: g.now, ReceivedAt: g.now, Data: []byte(data), Origin: events.OriginLive,
		Attributes: map[string]string{
			"ce-id": id, "ce-source": "//workspaceevents.googleapis.com/subscriptions/s1", "ce-type": "google.workspace.chat." + typ,
			"ce-specversion": "1.0", "ce-datacontenttype": "application/json", "ce-subject": "//chat.googleapis.com/" + space, "ce-time": stamp(g.now),
		},
	}
	d.Event, d.Malformed = events.Decode(d.Attributes, d.Data)
	if d.Malformed != nil {
		g.Fatalf("decode %s: %v", data, d.Malformed)
	}
	return d
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func spaceOf(name string) string { return strings.Join(strings.SplitN(name, "/", 3)[:2], "/") }

// rules is a file of a few rules.
func (g *generator) rules() string {
	var b strings.Builder
	b.WriteString("reactors:\n")
	for i := range rapid.IntRange(1, 4).Draw(g.T, "rules") {
		mode := "live"
		if g.chance("shadow", 25) {
			mode = "shadow"
		}
		fmt.Fprintf(&b, "  - id: r%d-%d\n    mode: %s\n", g.round, i, mode)
		for _, line := range strings.Split(g.rule(), "\n") {
			if line != "" {
				b.WriteString("    " + line + "\n")
			}
		}
	}
	return b.String()
}

func (g *generator) pick(of string, lines ...string) string {
	return rapid.SampledFrom(lines).Draw(g.T, of) + "\n"
}

func (g *generator) rule() string {
	limit := g.pick("limit", "", "", "limit: {per_space: 1/h}", "limit: {per_reactor: 2/d}", "limit: {per_space: 2/h, per_reactor: 3/d}",
		"limit: {per_space: 1/h, else: later}", "limit: {per_space: 2/h, per_reactor: 3/d, else: later}")
	quiet := g.pick("quiet hours", "", "", "quiet_hours: {zone: Europe/Berlin, allow: 'Mon-Fri 08:00-18:00'}",
		"quiet_hours: {zone: Europe/Berlin, allow: 'daily 09:00-12:00', else: drop}")
	text := `do: [{say: {text: "{{ member.mention }} {{ space.members }} {{ space.joins_last_hour }} {{ member.messages_in_space }}"}}]` + "\n"
	switch rapid.IntRange(0, 7).Draw(g.T, "trigger") {
	case 0, 1:
		if g.chance("a text that can fail", 20) {
			text = `do: [{say: {text: "{{ 10 / (space.members - 2) }}"}}]` + "\n"
		}
		rule := "on: member.joined\n" + text + limit + quiet +
			g.pick("wait", "", "wait: 1m", "wait: 10m", "wait: 1d", "wait: {working: 2h, hours: 'Mon-Fri 09:00-17:00', zone: Europe/Berlin}") +
			g.pick("once per", "", "once_per: [event]", "once_per: [member]", "once_per: [space, day]", "once_per: {keys: [space, member], for: 1d}") +
			g.pick("stay", "", "", "stay: false") +
			g.pick("if", "", "if: space.members < 4", `if: member.role == "ROLE_MEMBER" && space.joins_last_hour < 3`, `if: member.name != "users/1"`) +
			g.pick("still", "", "still: member.messages_in_space == 0")
		if strings.Contains(rule, "wait:") && g.chance("until", 40) {
			return rule + g.pick("until", "until: member.messages_in_space > 0", `until: member.role == "ROLE_MANAGER"`)
		}
		return rule + g.pick("collapse", "", "", `collapse: {window: 10m, over: 1, do: [{say: {text: "{{ group.size }}: {{ group.mentions }}"}}]}`)
	case 2:
		return `on: member.joined
sequence:
  - {after: 1m, do: [{say: {text: "one {{ member.mention }}"}}]}
  - {after: 1d, if: space.members > 1, do: [{say: {text: "two {{ space.week.messages }} {{ space.week.joins }}"}}]}
  - {after: 2d, do: [{say: {text: "three {{ member.messages_in_space }}"}}]}
` + quiet + limit + g.pick("once per", "", "once_per: {keys: [space, member], for: 2d}") + g.pick("age", "", "max_age: 6h") + g.pick("stop", "", "stop_when: member.messages_in_space > 0")
	case 3:
		bots := g.pick("bots", "", "bots: true", "bots: true")
		if bots != "\n" {
			limit = g.pick("limit of apps", strings.TrimSpace(limit), strings.TrimSpace(limit), "limit: {per_app: 2/d}", "limit: {per_app: 1/30m, per_space: 3/h}")
		}
		return "on: message.created\n" + limit + quiet +
			`do: [{say: {text: "{{ message.text }} {{ message.replies_by_others }} {{ member.display_name }}"` +
			strings.TrimSpace(g.pick("to", "", "", ", to: spaces/ELSEWHERE")) + "}}]\n" + bots + g.pick("if", "", `if: message.text.contains("help")`) +
			g.pick("once per", "", "once_per: [thread]", "once_per: [space, week]", "once_per: [member, day]") +
			g.pick("nudge", "", "wait: 30m\nstill: message.exists && message.replies_by_others == 0",
				"wait: 5h\nuntil: message.replies_by_others > 0 || !message.exists")
	case 4:
		return "on: reaction.added\n" + limit + quiet +
			`do: [{say: {text: "{{ message.text }} {{ message.author }} {{ message.reactions['👍'] }} {{ message.answered(['🎉']) }}"}}]` + "\n" +
			g.pick("if", "", `if: message.reactions["👍"] >= 2`, `if: message.text.contains("help")`, `if: message.author == member.name || reaction.emoji == "🎉"`) +
			g.pick("still", "", "wait: 10m\nstill: message.exists", "wait: 1h\nstill: '!message.answered()'")
	case 5:
		return "on: message.edited\nbots: true\n" + limit + quiet +
			`do: [{say: {text: "{{ message.previous_text }} to {{ message.text }}"}}]` + "\n" + g.pick("if", "", "if: message.text_changed")
	case 6:
		return g.pick("on", "on: member.left", "on: reaction.removed", "on: [member.role_changed, message.deleted]") + limit + quiet +
			g.pick("if", "", `if: space.messages_last("6h") > 1`) +
			`do: [{say: {text: "{{ trigger }} {{ space.members }} {{ space.week.top_emoji }}"}}]`
	default:
		return g.pick("cron", "on: schedule\ncron: 0 9 * * *\nzone: Europe/Berlin", "on: schedule\ncron: 0 */3 * * *\nzone: UTC") + limit + quiet +
			fmt.Sprintf("spaces: [spaces/h%da, spaces/h%db]\n", g.round, g.round) +
			g.pick("if", "", "if: space.week.messages > 1", fmt.Sprintf(`if: space.name != "spaces/h%da"`, g.round)) +
			`do: [{say: {text: "{{ space.week.messages }} by {{ space.week.posters }}, {{ space.week.leaves }} left, {{ space.week.top_messages }}"}}]`
	}
}
