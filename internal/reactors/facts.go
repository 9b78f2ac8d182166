package reactors

import (
	"encoding/json"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Facts are what conditions and texts of rules can ask for. The cel tags are
// the names in rules. A field with a needs tag is state: the event doesn't tell
// it; it is looked up when a run is due, as of that time.
type Facts struct {
	Trigger  Trigger       `json:"trigger,omitzero" cel:"trigger"`
	Event    EventFacts    `json:"event,omitzero" cel:"event"`
	Space    SpaceFacts    `json:"space,omitzero" cel:"space"`
	Member   MemberFacts   `json:"member,omitzero" cel:"member"`
	Message  MessageFacts  `json:"message,omitzero" cel:"message"`
	Reaction ReactionFacts `json:"reaction,omitzero" cel:"reaction"`

	GoogleGroup  GoogleGroupFacts  `json:"google_group,omitzero" cel:"google_group"`
	Subscription SubscriptionFacts `json:"subscription,omitzero" cel:"subscription"`

	// Group is filled for a collapsed run only.
	Group GroupFacts `json:"group,omitzero" cel:"group"`
}

// EventFacts is the event that pulled the trigger; of a schedule, its tick.
type EventFacts struct {
	ID   string    `json:"id,omitzero" cel:"id"`     // ce-id; "" for interactions and schedules
	Type string    `json:"type,omitzero" cel:"type"` // ce-type
	Time time.Time `json:"time,omitzero" cel:"time"`
}

// SpaceFacts is the space that the event happened in.
type SpaceFacts struct {
	Name        string `json:"name,omitzero" cel:"name"`                               // "spaces/S"
	DisplayName string `json:"display_name,omitzero" cel:"display_name" needs:"space"` // "this space" if it isn't known
	Type        string `json:"type,omitzero" cel:"type" needs:"space"`                 // SPACE, GROUP_CHAT, DIRECT_MESSAGE; "" if not known
	Members     int    `json:"members,omitzero" cel:"members" needs:"space_activity"`  // joined people now
	JoinsLastHr int    `json:"joins_last_hour,omitzero" cel:"joins_last_hour" needs:"space_activity"`

	Week WeekFacts `json:"week,omitzero" cel:"week"`
}

// WeekFacts is what happened in the space in the 7 days before the run is due.
type WeekFacts struct {
	Messages int    `json:"messages,omitzero" cel:"messages" needs:"week"`   // by people
	Posters  int    `json:"posters,omitzero" cel:"posters" needs:"week"`     // people who wrote
	Joins    int    `json:"joins,omitzero" cel:"joins" needs:"week"`         //
	Leaves   int    `json:"leaves,omitzero" cel:"leaves" needs:"week"`       //
	TopEmoji string `json:"top_emoji,omitzero" cel:"top_emoji" needs:"week"` // "" if nobody reacted
}

// MemberFacts is the person whom the event is about: who joined or left, who
// wrote, who reacted, who added the app.
type MemberFacts struct {
	Name         string  `json:"name,omitzero" cel:"name"`                   // "users/U"; "" if there is nobody
	Mention      Mention `json:"-" cel:"mention"`                            // of Name; only in texts
	Type         string  `json:"type,omitzero" cel:"type"`                   // HUMAN or BOT; "" if not known
	PreviousRole string  `json:"previous_role,omitzero" cel:"previous_role"` // of member.role_changed
	IsExternal   bool    `json:"is_external,omitzero" cel:"is_external"`     // of another organization; of a membership's event

	// ROLE_MEMBER, ROLE_MANAGER, …: as a membership's event tells it, else now; "" if it isn't known
	Role            string `json:"role,omitzero" cel:"role" needs:"member"`
	DisplayName     string `json:"display_name,omitzero" cel:"display_name" needs:"member"`          // "" if it isn't known
	IsMember        bool   `json:"is_member,omitzero" cel:"is_member" needs:"member"`                // in the space now
	MessagesInSpace int    `json:"messages_in_space,omitzero" cel:"messages_in_space" needs:"posts"` // recorded ones, at most 1000
}

// MessageFacts is the message that was written, edited, deleted or reacted to.
type MessageFacts struct {
	Name        string `json:"name,omitzero" cel:"name"`               // "spaces/S/messages/M"
	Text        string `json:"text,omitzero" cel:"text"`               // "" of a deleted one, and for reactions
	Thread      string `json:"thread,omitzero" cel:"thread"`           // "spaces/S/threads/T"
	IsReply     bool   `json:"is_reply,omitzero" cel:"is_reply"`       //
	Attachments int    `json:"attachments,omitzero" cel:"attachments"` //

	Exists          bool `json:"exists,omitzero" cel:"exists" needs:"thread"`                       // not deleted so far
	RepliesByOthers int  `json:"replies_by_others,omitzero" cel:"replies_by_others" needs:"thread"` // in its thread, by other people, at most 1000

	ClientID string `json:"client_id,omitzero"` // the id that the app which wrote it gave it
	Own      bool   `json:"-"`                  // it is one that a run sent
}

// ReactionFacts is the emoji that was added or removed.
type ReactionFacts struct {
	Emoji string `json:"emoji,omitzero" cel:"emoji"` // "👍" or ":party-parrot:"
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
	User string `cel:"user"` // "users/U"
}

// Needs is a set of kinds of state that facts are taken from.
type Needs uint8

// The kinds of state, named as in the needs tags.
const (
	NeedSpace         Needs = 1 << iota // "space"
	NeedSpaceActivity                   // "space_activity"
	NeedWeek                            // "week"
	NeedMember                          // "member"
	NeedPosts                           // "posts"
	NeedThread                          // "thread"
)

// NeedNamed returns the kind of state that a needs tag names.
func NeedNamed(tag string) (Needs, bool) {
	n, ok := map[string]Needs{
		"space": NeedSpace, "space_activity": NeedSpaceActivity, "week": NeedWeek,
		"member": NeedMember, "posts": NeedPosts, "thread": NeedThread,
	}[tag]
	return n, ok
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
		f.Member.IsExternal = m.Affiliation == "EXTERNAL" || m.Affiliation == "MANAGED_EXTERNAL"
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
		f.Message.Text, f.Message.Thread, f.Message.IsReply = m.Text, m.Thread, m.ThreadReply
		f.Message.Attachments, f.Message.ClientID = m.AttachmentCount, m.ClientAssignedMessageID
	}
	if r := it.Reaction; r != nil {
		f.Member.Type = string(r.User.Type)
		f.Message.Name, f.Reaction.Emoji = r.Message, r.Emoji()
	}
	if i := it.Interaction; i != nil {
		f.Member.Name, f.Member.Type = i.User.Name, string(i.User.Type)
	}
	if s := it.Subscription; s != nil {
		f.Subscription = SubscriptionFacts{Name: s.Name, Reason: s.SuspensionReason}
	}
	f.fill()
	return f
}

// fill derives what isn't stored.
func (f *Facts) fill() {
	f.Member.Mention = Mention{f.Member.Name}
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
	f.fill()
	return nil
}

// Grouped returns the facts of a run that stands for all these people.
func (f Facts) Grouped(members []string) Facts {
	f.Group = GroupFacts{Size: len(members), Members: members}
	f.fill()
	return f
}
