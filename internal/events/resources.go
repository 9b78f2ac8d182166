package events

import "time"

// UserType is HUMAN, BOT or "" when the payload doesn't say (a deleted
// membership, for example).
type UserType string

const (
	UserHuman UserType = "HUMAN"
	UserBot   UserType = "BOT"
)

// User is the reference to a user that events carry. DisplayName, Email and
// DomainID are filled by interaction events only.
type User struct {
	Name        string // "users/123"
	Type        UserType
	DisplayName string
	Email       string
	DomainID    string
}

// Message is a Chat message as an event carries it. A zero time means that
// the payload had none.
type Message struct {
	Name                    string // "spaces/S/messages/M"
	Sender                  User
	CreateTime              time.Time
	LastUpdateTime          time.Time // set once edited
	DeleteTime              time.Time
	Text                    string
	ArgumentText            string
	Thread                  string // "spaces/S/threads/T"
	ThreadReply             bool
	ClientAssignedMessageID string
	DeletionType            string // deletionMetadata.deletionType: CREATOR, SPACE_OWNER, ADMIN, …
	AttachmentCount         int
	Command                 int64  `json:",omitempty"` // the number of the slash command that it gives; 0 for none
	Quoted                  string `json:",omitempty"` // "spaces/S/messages/M" that it quotes
	Erased                  bool   `json:",omitempty"` // what it said is not known any more: package redaction took it out

	Mentions []Mention `json:",omitempty"` // each user once, in the order of the text; of very many, the first
}

// Mention is somebody whom a message's text mentions.
type Mention struct {
	User  string // "users/U"; [Everybody] for all in the space
	Added bool   `json:",omitempty"` // the mention brought them into the space
}

// Everybody is the user of a mention of all who are in the space.
const Everybody = "users/all"

// MembershipState is JOINED, INVITED or NOT_A_MEMBER; "" if the payload
// doesn't say.
type MembershipState string

const (
	MembershipJoined     MembershipState = "JOINED"
	MembershipInvited    MembershipState = "INVITED"
	MembershipNotAMember MembershipState = "NOT_A_MEMBER"
)

// Membership is who belongs to a space. The API's createTime is left out on
// purpose: Google's own samples carry the epoch there; the event's time is
// the time of the change.
type Membership struct {
	Name        string // "spaces/S/members/U"; of a Google Group "spaces/S/members/group-G" or another id
	State       MembershipState
	Role        string // ROLE_MEMBER, ROLE_MANAGER, ROLE_ASSISTANT_MANAGER, …
	Member      User   // Type is empty in deletions; Name is then that of [MemberUser]
	Group       string // "groups/G" when a Google Group is the member; Member is then empty
	Affiliation string // INTERNAL, EXTERNAL, MANAGED_EXTERNAL
}

// Reaction is an emoji on a message.
type Reaction struct {
	Name    string // "spaces/S/messages/M/reactions/R"
	Message string // "spaces/S/messages/M", parsed out of Name
	User    User
	Unicode string // "👍", or "" for a custom emoji
	// Custom emoji: which of these are filled is not documented.
	CustomName      string // "customEmojis/…"
	CustomUID       string
	CustomEmojiName string // ":party-parrot:"
}

// Emoji is the reaction's emoji as people write it: the unicode character, or
// the custom emoji's short name, or its resource name.
func (r *Reaction) Emoji() string {
	switch {
	case r.Unicode != "":
		return r.Unicode
	case r.CustomEmojiName != "":
		return r.CustomEmojiName
	case r.CustomName != "":
		return r.CustomName
	default:
		return r.CustomUID
	}
}

// Space is a Chat space as an event carries it.
type Space struct {
	Name           string // "spaces/S"
	DisplayName    string
	SpaceType      string // SPACE, GROUP_CHAT, DIRECT_MESSAGE
	ThreadingState string // THREADED_MESSAGES, GROUPED_MESSAGES, UNTHREADED_MESSAGES
	HistoryState   string // HISTORY_ON, HISTORY_OFF
	Description    string
}

// Subscription is what a lifecycle event says of a Workspace Events
// subscription. It is a hint: Google's own list and get are the truth.
type Subscription struct {
	Name             string // "subscriptions/S"
	SuspensionReason string
	ExpireTime       time.Time
}

// Interaction is a Chat app interaction event, of a classic Chat app or of a
// Workspace add-on.
type Interaction struct {
	Type    string // ADDED_TO_SPACE, REMOVED_FROM_SPACE, MESSAGE, CARD_CLICKED, …
	AddOn   bool   // the envelope was a Workspace add-on's
	User    User
	Space   Space
	Message *Message `json:",omitempty"` // that was written, or holds the card; nil: it came with none
	Thread  string   `json:",omitempty"` // "spaces/S/threads/T": of the message, or where a command was given
	Command int64    `json:",omitempty"` // the number of the app's command; 0 for none

	Function   string            `json:",omitempty"` // of a card: what the app is asked to do
	Parameters map[string]string `json:",omitempty"` // of a card, as the app has set them; values that aren't texts are left out
}
