package reactors

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
	"github.com/spacekeeper/spacekeeper/internal/reactors/letters"
)

// Facts are what conditions and texts of rules can ask for. The cel tags are
// the names in rules. A field with a needs tag is state: the event doesn't tell
// it; it is looked up when a run is due, as of that time. One with an untold tag
// is told by most events, and is such state where the event leaves it out. A words
// tag names all that a field can be, see [WordsNamed], an of tag the triggers that
// alone bring it, a not tag those that don't: a rule that asks for something else is
// refused.
type Facts struct {
	Trigger  Trigger       `json:"trigger,omitzero" cel:"trigger"`
	Event    EventFacts    `json:"event,omitzero" cel:"event"`
	Space    SpaceFacts    `json:"space,omitzero" cel:"space"`
	Member   MemberFacts   `json:"member,omitzero" cel:"member"`
	Message  MessageFacts  `json:"message,omitzero" cel:"message"`
	Reaction ReactionFacts `json:"reaction,omitzero" cel:"reaction"`
	Command  CommandFacts  `json:"command,omitzero" cel:"command"`
	Card     CardFacts     `json:"card,omitzero" cel:"card"`

	GoogleGroup  GoogleGroupFacts  `json:"google_group,omitzero" cel:"google_group"`
	Subscription SubscriptionFacts `json:"subscription,omitzero" cel:"subscription"`

	// Group is filled for a collapsed run only.
	Group GroupFacts `json:"group,omitzero" cel:"group"`

	// Unread is state that isn't recorded and that nobody has asked Chat for: a replay can't.
	Unread Needs `json:"-"`
}

// EventFacts is the event that pulled the trigger; of a schedule, its tick.
type EventFacts struct {
	ID   string    `json:"id,omitzero" cel:"id"`     // ce-id; "" for interactions and schedules
	Type string    `json:"type,omitzero" cel:"type"` // ce-type
	Time time.Time `json:"time,omitzero" cel:"time"`
}

// SpaceFacts is the space that the event happened in.
type SpaceFacts struct {
	Name        string `json:"name,omitzero" cel:"name"`                                   // "spaces/S"
	DisplayName string `json:"display_name,omitzero" cel:"display_name" needs:"space"`     // "this space" if it isn't known
	Type        string `json:"type,omitzero" cel:"type" needs:"space" words:"space_types"` // SPACE, GROUP_CHAT, DIRECT_MESSAGE; "" if not known
	Members     int    `json:"members,omitzero" cel:"members" needs:"space_activity"`      // joined people now
	JoinsLastHr int    `json:"joins_last_hour,omitzero" cel:"joins_last_hour" needs:"space_activity"`

	Week WeekFacts `json:"week,omitzero" cel:"week"`

	// How long ago people wrote in it, in the last day, at most 1000 times: what messages_last counts.
	Recent []time.Duration `json:"-"`
}

// WeekFacts is what happened in the space in the 7 days before the run is due.
type WeekFacts struct {
	Messages int    `json:"messages,omitzero" cel:"messages" needs:"week"`   // by people
	Posters  int    `json:"posters,omitzero" cel:"posters" needs:"week"`     // people who wrote
	Joins    int    `json:"joins,omitzero" cel:"joins" needs:"week"`         //
	Leaves   int    `json:"leaves,omitzero" cel:"leaves" needs:"week"`       //
	TopEmoji string `json:"top_emoji,omitzero" cel:"top_emoji" needs:"week"` // "" if nobody reacted

	// the five with the most reactions; a text writes a line for each
	TopMessages []TopMessage `json:"top_messages,omitzero" cel:"top_messages" needs:"top"`
}

// TopEmoji is the one that was used most, as most people wrote it: colours and styles
// count as one. Of equals it is the first by its code points.
func TopEmoji(counts map[string]int) (top string) {
	sums := map[string]int{}
	for e, n := range counts {
		sums[letters.BaseEmoji(e)] += n
	}
	for e := range counts {
		base, topBase := letters.BaseEmoji(e), letters.BaseEmoji(top)
		before := cmp.Or(cmp.Compare(sums[base], sums[topBase]), cmp.Compare(topBase, base),
			cmp.Compare(counts[e], counts[top]), cmp.Compare(top, e))
		if top == "" || before > 0 {
			top = e
		}
	}
	return top
}

// TopMessage is a message to which many have reacted.
type TopMessage struct {
	Text      string  `json:"text,omitzero" cel:"text"` // its beginning
	Author    Mention `json:"author,omitzero" cel:"author"`
	Permalink Link    `json:"permalink,omitzero" cel:"permalink"`
	Reactions int     `json:"reactions,omitzero" cel:"reactions"`

	AuthorName string `json:"author_name,omitzero"` // how a card writes Author; "" if it isn't known
}

// MemberFacts is the person whom the event is about: who joined or left, who
// wrote, who reacted, who added the app.
type MemberFacts struct {
	Name    string  `json:"name,omitzero" cel:"name"`                                    // "users/U"; "" if there is nobody
	Mention Mention `json:"-" cel:"mention"`                                             // of Name; only in texts
	Type    string  `json:"type,omitzero" cel:"type" untold:"member" words:"user_types"` // HUMAN or BOT; "" if nobody knows
	// the role before
	PreviousRole string `json:"previous_role,omitzero" cel:"previous_role" words:"roles" of:"member.role_changed"`

	// INTERNAL, EXTERNAL or MANAGED_EXTERNAL; "" if nobody knows. Rules ask by the two below it: each says what an unknown one is.
	Affiliation   string `json:"affiliation,omitzero"`
	KnownExternal bool   `json:"-" cel:"known_external" untold:"affiliation"` // of another organization; false if nobody knows
	MaybeExternal bool   `json:"-" cel:"maybe_external" untold:"affiliation"` // of another organization; true if nobody knows

	// ROLE_MEMBER, ROLE_MANAGER, …: now; of who left, the last one; of a change of role, as the event tells it; "" if it isn't known
	Role            string `json:"role,omitzero" cel:"role" needs:"member" words:"roles"`
	DisplayName     string `json:"display_name,omitzero" cel:"display_name" needs:"member"`          // "" if it isn't known
	IsMember        bool   `json:"is_member,omitzero" cel:"is_member" needs:"member"`                // in the space now
	MessagesInSpace int    `json:"messages_in_space,omitzero" cel:"messages_in_space" needs:"posts"` // recorded ones, at most 1000
}

// MessageFacts is the message that was written, edited, deleted or reacted to,
// or that holds the card. Of a reaction Chat tells its name; the rest is looked up.
type MessageFacts struct {
	// "spaces/S/messages/M"; "" of a command without one
	Name string `json:"name,omitzero" cel:"name"`

	Text        string `json:"text,omitzero" cel:"text" untold:"message" not:"message.deleted"`               // "" of a deleted one
	Author      string `json:"author,omitzero" cel:"author" untold:"message" not:"message.deleted"`           // "users/U"; "" of a deleted one
	Thread      string `json:"thread,omitzero" cel:"thread" untold:"message" not:"message.deleted"`           // "spaces/S/threads/T"
	IsReply     bool   `json:"is_reply,omitzero" cel:"is_reply" untold:"message" not:"message.deleted"`       //
	Attachments int    `json:"attachments,omitzero" cel:"attachments" untold:"message" not:"message.deleted"` //

	AuthorMention Mention `json:"-" cel:"author_mention" untold:"message" not:"message.deleted"` // of Author; only in texts
	Permalink     Link    `json:"-" cel:"permalink"`                                             // opens it in Chat; only in texts and links

	Exists bool `json:"exists,omitzero" cel:"exists" needs:"thread" not:"message.deleted"` // not deleted so far
	// in its thread, by other people, at most 1000, without deleted ones
	RepliesByOthers int `json:"replies_by_others,omitzero" cel:"replies_by_others" needs:"thread"`
	// how many there are of each emoji, as in message.reactions["👍"]; colours and styles count as one
	Reactions map[string]int `json:"reactions,omitzero" cel:"reactions" needs:"reactions"`
	// what it said before; "" if that isn't known
	PreviousText string `json:"previous_text,omitzero" cel:"previous_text" needs:"edits" of:"message.edited"`
	// it says something else now; false if a link got its preview, true if the earlier text isn't known
	TextChanged bool `json:"text_changed,omitzero" cel:"text_changed" needs:"edits" of:"message.edited"`

	Quoted        string   `json:"-"`                  // the message that it quotes, as its event tells
	Quotes        int      `json:"-"`                  // by other people: what answered counts
	OthersReacted []string `json:"-"`                  // emoji of other people, as above
	ClientID      string   `json:"client_id,omitzero"` // the id that the app which wrote it gave it
	Own           bool     `json:"-"`                  // it is one that a run sent
}

// ReactionFacts is the emoji that was added or removed.
type ReactionFacts struct {
	Emoji string `json:"emoji,omitzero" cel:"emoji"` // "👍" or ":party-parrot:"
}

// CommandFacts is the command of the Chat app that somebody gave.
type CommandFacts struct {
	ID int `json:"id,omitzero" cel:"id"` // its number in the Chat app's configuration
}

// CardFacts is what somebody clicked in a card of the app.
type CardFacts struct {
	Function string `json:"function,omitzero" cel:"function"` // what the button asks for: onClick.action.function
	// of the button, as in card.parameters["ticket"]; "" for those that it hasn't
	Parameters map[string]string `json:"parameters,omitzero" cel:"parameters"`
}

// GoogleGroupFacts is the Google Group of group.*.
type GoogleGroupFacts struct {
	Name string `json:"name,omitzero" cel:"name"` // "groups/G"
}

// SubscriptionFacts is the Workspace Events subscription of subscription.*.
type SubscriptionFacts struct {
	Name   string `json:"name,omitzero" cel:"name"`     // "subscriptions/S"
	Reason string `json:"reason,omitzero" cel:"reason"` // why it is suspended
}

// GroupFacts is those for whom one collapsed run stands.
type GroupFacts struct {
	Size     int       `json:"size,omitzero" cel:"size"`
	Members  []string  `json:"members,omitzero" cel:"members"` // "users/U", in the order of their events
	Mentions []Mention `json:"-" cel:"mentions"`               // the same; a text writes them as "A, B and 48 others"
}

// Mention is a person in a text: Chat shows the name. It is a type of its own,
// so that nothing that a person has chosen can pass for one.
type Mention struct {
	User string `json:"user,omitzero" cel:"user"` // "users/U"
}

// Link is an address that we have made of names of Google's. It is a type of its
// own for the same reason.
type Link struct {
	URL string `json:"url,omitzero" cel:"url"`
}

// MessageLink opens a message in Chat, or its space if the name isn't of the
// usual form.
func MessageLink(message string) Link {
	rest, ok := strings.CutPrefix(message, "spaces/")
	space, id, _ := strings.Cut(rest, "/messages/")
	thread, own, _ := strings.Cut(id, ".")
	switch {
	case !ok, !isID(space):
		return Link{}
	case !isID(thread), !isID(own):
		return Link{"https://chat.google.com/room/" + space}
	}
	return Link{"https://chat.google.com/room/" + space + "/" + thread + "/" + own}
}

// isID reports whether a part of a name can stand in an address as it is.
func isID(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || '9' < r) && (r < 'A' || 'Z' < r) && (r < 'a' || 'z' < r)
	})
}

// Needs is a set of kinds of state that facts are taken from.
type Needs uint16

// The kinds of state, named as in the needs tags.
const (
	NeedSpace         Needs = 1 << iota // "space"
	NeedSpaceActivity                   // "space_activity"
	NeedWeek                            // "week"
	NeedMember                          // "member"
	NeedPosts                           // "posts"
	NeedThread                          // "thread"
	NeedMessage                         // "message"
	NeedAffiliation                     // "affiliation"
	NeedReactions                       // "reactions"
	NeedEdits                           // "edits"
	NeedRecent                          // "recent"
	NeedTop                             // "top"
)

// NeedAll is all of them.
const NeedAll = NeedTop<<1 - 1

// WordsNamed returns all words, but for "", that a field with this words tag can be.
func WordsNamed(tag string) []string {
	return map[string][]string{
		"affiliations": {"INTERNAL", "EXTERNAL", "MANAGED_EXTERNAL"},
		"roles":        {"ROLE_MEMBER", "ROLE_MANAGER", "ROLE_ASSISTANT_MANAGER"},
		"space_types":  {"SPACE", "GROUP_CHAT", "DIRECT_MESSAGE"},
		"user_types":   {"HUMAN", "BOT"},
	}[tag]
}

// NeedNamed returns the kind of state that a needs tag names.
func NeedNamed(tag string) (Needs, bool) {
	n, ok := map[string]Needs{
		"space": NeedSpace, "space_activity": NeedSpaceActivity, "week": NeedWeek,
		"member": NeedMember, "posts": NeedPosts, "thread": NeedThread,
		"message": NeedMessage, "affiliation": NeedAffiliation, "reactions": NeedReactions,
		"edits": NeedEdits, "recent": NeedRecent, "top": NeedTop,
	}[tag]
	return n, ok
}

// Untold is the kinds of state that stand in for what the event leaves out.
func (f *Facts) Untold() (n Needs) {
	if f.Member.Name != "" {
		if f.Member.Type == "" {
			n |= NeedMember
		}
		if f.Member.Affiliation == "" {
			n |= NeedAffiliation
		}
	}
	if f.Trigger == ReactionAdded || f.Trigger == ReactionRemoved {
		n |= NeedMessage
	}
	return n
}

// FactsOf are the facts that a change itself tells.
func FactsOf(c Change, t Trigger) Facts {
	it := c.Item
	f := Facts{
		Trigger: t,
		Event:   EventFacts{ID: c.Event.ID, Type: c.Event.Type, Time: c.Event.Time},
		Space:   SpaceFacts{Name: it.Space},
		Member:  MemberFacts{Name: it.Actor, PreviousRole: c.PreviousRole},
	}
	if m := it.Membership; m != nil {
		f.Member.Type, f.Member.Role = string(m.Member.Type), m.Role
		f.Member.Affiliation = m.Affiliation
		if m.Member.Name != "" {
			f.Member.Name = m.Member.Name
		}
		f.GoogleGroup.Name = m.Group
	}
	if it.Kind == events.KindMessage {
		f.Message.Name = it.Resource
	}
	if m := it.Message; m != nil {
		f.Member.Type = string(m.Sender.Type)
		f.Message.Tell(m)
	}
	if r := it.Reaction; r != nil {
		f.Member.Type = string(r.User.Type)
		f.Message.Name, f.Reaction.Emoji = r.Message, r.Emoji()
	}
	if i := it.Interaction; i != nil {
		f.Member.Name, f.Member.Type = i.User.Name, string(i.User.Type)
		f.interaction(i, it.Resource)
	}
	if s := it.Subscription; s != nil {
		f.Subscription = SubscriptionFacts{Name: s.Name, Reason: s.SuspensionReason}
	}
	f.Derive()
	return f
}

// Answered reports whether somebody else has answered the message: by a reply in
// its thread, by a message that quotes it, or by one of these emoji. What was
// deleted or taken back since is none, nor what an app did.
func (f *MessageFacts) Answered(emoji []string) bool {
	return f.RepliesByOthers > 0 || f.Quotes > 0 || slices.ContainsFunc(emoji, func(e string) bool {
		return slices.ContainsFunc(f.OthersReacted, func(other string) bool { return letters.BaseEmoji(other) == letters.BaseEmoji(e) })
	})
}

// Tell takes over what a message holds.
func (f *MessageFacts) Tell(m *events.Message) {
	f.Text, f.Author, f.Thread, f.IsReply = m.Text, m.Sender.Name, m.Thread, m.ThreadReply
	f.Attachments, f.ClientID, f.Quoted = m.AttachmentCount, m.ClientAssignedMessageID, m.Quoted
}

// interaction takes over what somebody wants of the Chat app.
func (f *Facts) interaction(i *events.Interaction, message string) {
	if f.Trigger == SpaceAdded {
		return
	}
	if i.Message != nil {
		f.Message.Tell(i.Message)
	}
	f.Message.Name, f.Message.Thread = message, i.Thread
	if f.Trigger == CardClicked {
		f.Message.ClientID = "" // that it is ours makes the click no echo
	}
	f.Command.ID, f.Card = int(i.Command), CardFacts{i.Function, i.Parameters}
}

// Derive fills in what follows from the rest and isn't stored.
func (f *Facts) Derive() {
	f.Member.Mention, f.Message.AuthorMention = Mention{f.Member.Name}, Mention{f.Message.Author}
	f.Member.KnownExternal = f.Member.Affiliation == "EXTERNAL" || f.Member.Affiliation == "MANAGED_EXTERNAL"
	f.Member.MaybeExternal = f.Member.Name != "" && f.Member.Affiliation != "INTERNAL"
	f.Message.Permalink = Link{}
	if f.Message.Name != "" {
		f.Message.Permalink = MessageLink(f.Message.Name)
	}
	f.Group.Mentions = make([]Mention, len(f.Group.Members))
	for i, m := range f.Group.Members {
		f.Group.Mentions[i] = Mention{m}
	}
}

// Brief writes the facts for an intent and its runs, without what these hold
// anyway: runs are many, and kept.
func (f Facts) Brief() (json.RawMessage, error) {
	f.Trigger, f.Space.Name, f.Member.Name, f.Event.Time = "", "", "", time.Time{}
	return json.Marshal(f)
}

// ReadFacts reads what Brief wrote into a run that has everything else.
func (r *Run) ReadFacts(brief []byte) error {
	if err := json.Unmarshal(brief, &r.Facts); err != nil {
		return err
	}
	f := &r.Facts
	f.Trigger, f.Space.Name, f.Member.Name, f.Event.Time = r.Trigger, r.Space, r.Member, r.EventTime
	f.Derive()
	return nil
}

// Grouped returns the facts of a run that stands for all these people.
func (f Facts) Grouped(members []string) Facts {
	f.Group = GroupFacts{Size: len(members), Members: members}
	f.Derive()
	return f
}
