package past

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// The fields of these types are those that Google's captures and samples show.

type message struct {
	Name             string       `json:"name"`
	Sender           *userNaming  `json:"sender,omitempty"`
	CreateTime       string       `json:"createTime,omitempty"`
	LastUpdateTime   string       `json:"lastUpdateTime,omitempty"`
	DeletionMetadata *deletion    `json:"deletionMetadata,omitempty"`
	Text             string       `json:"text,omitempty"`
	FormattedText    string       `json:"formattedText,omitempty"`
	ArgumentText     string       `json:"argumentText,omitempty"`
	Thread           *named       `json:"thread,omitempty"`
	ThreadReply      bool         `json:"threadReply,omitempty"`
	Space            *named       `json:"space,omitempty"`
	Annotations      []annotation `json:"annotations,omitempty"`
	Attachment       []attachment `json:"attachment,omitempty"`
	Quoted           *quoted      `json:"quotedMessageMetadata,omitempty"`
}

type userNaming struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type named struct {
	Name string `json:"name"`
}

type deletion struct {
	DeletionType string `json:"deletionType"`
}

type annotation struct {
	Type        string      `json:"type"`
	StartIndex  int         `json:"startIndex"`
	Length      int         `json:"length"`
	UserMention userMention `json:"userMention"`
}

type userMention struct {
	User userNaming `json:"user"`
	Type string     `json:"type"`
}

type attachment struct {
	Name        string `json:"name"`
	ContentName string `json:"contentName"`
	ContentType string `json:"contentType"`
}

type quoted struct {
	Name           string `json:"name"`
	LastUpdateTime string `json:"lastUpdateTime"`
}

type membership struct {
	Name       string      `json:"name"`
	State      string      `json:"state,omitempty"`
	Role       string      `json:"role,omitempty"`
	Member     *userNaming `json:"member,omitempty"`
	CreateTime string      `json:"createTime,omitempty"`
}

type reaction struct {
	Name  string      `json:"name"`
	User  *userNaming `json:"user"`
	Emoji emoji       `json:"emoji"`
}

type emoji struct {
	Unicode string       `json:"unicode,omitempty"`
	Custom  *customEmoji `json:"customEmoji,omitempty"`
}

type customEmoji struct {
	Name      string `json:"name"`
	UID       string `json:"uid"`
	EmojiName string `json:"emojiName"`
}

type spaceNaming struct {
	Name           string  `json:"name"`
	DisplayName    string  `json:"displayName"`
	ThreadingState string  `json:"spaceThreadingState"`
	SpaceType      string  `json:"spaceType"`
	Details        details `json:"spaceDetails"`
	HistoryState   string  `json:"spaceHistoryState"`
}

type details struct {
	Description string `json:"description"`
}

func user(who *person) *userNaming {
	if who.bot {
		return &userNaming{who.name, "BOT"}
	}
	return &userNaming{who.name, "HUMAN"}
}

// stamp writes a time as Google does in events.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// write adds to the text.
func (m *message) write(text string) {
	m.Text, m.FormattedText = m.Text+text, m.FormattedText+text
	m.ArgumentText = m.Text // which leaves out the app's own name only
}

// mention begins the text with somebody's name.
func (m *message) mention(who *person) {
	shown := "@" + who.title
	m.Text, m.FormattedText = shown+" ", "<"+who.name+"> "
	m.Annotations = []annotation{{"USER_MENTION", 0, len([]rune(shown)), userMention{*user(who), "MENTION"}}}
}

var files = []attachment{
	{"A1", "plan.pdf", "application/pdf"}, {"A2", "photo.png", "image/png"}, {"A3", "numbers.csv", "text/csv"},
}

// attach adds a file or two.
func (m *message) attach(rng *rand.Rand) {
	for _, f := range files[:1+rng.IntN(2)] {
		f.Name = m.Name + "/attachments/" + f.Name
		m.Attachment = append(m.Attachment, f)
	}
}

func membershipOf(s *space, one *stay, state, role string) membership {
	return membership{
		Name: events.MemberName(s.info.Name, one.who.name), State: state, Role: role, Member: user(one.who),
		CreateTime: "1970-01-01T00:00:00Z",
	}
}

// reactionOf has the name that the Workspace would give it, made of who and what.
func reactionOf(s *space, to spoken, who *person, what string) reaction {
	r := reaction{User: user(who)}
	kind := "UNICODE."
	if strings.HasPrefix(what, ":") {
		kind = "CUSTOM."
		uid := strings.Trim(what, ":")
		r.Emoji.Custom = &customEmoji{"customEmojis/" + uid, uid, what}
	} else {
		r.Emoji.Unicode = what
	}
	r.Name = s.info.Name + "/messages/" + to.id + "/reactions/" + strings.TrimPrefix(who.name, "users/") + "." +
		base64.RawURLEncoding.EncodeToString([]byte(kind+what))
	return r
}

func spaceOf(s *space, title string) spaceNaming {
	threading := "THREADED_MESSAGES"
	if s.info.Flat {
		threading = "UNTHREADED_MESSAGES"
	}
	return spaceNaming{
		Name: s.info.Name, DisplayName: title, ThreadingState: threading, SpaceType: "SPACE",
		Details: details{"What concerns " + title}, HistoryState: "HISTORY_ON",
	}
}
