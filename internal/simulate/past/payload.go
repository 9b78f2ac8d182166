package past

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// object is a part of a payload. They hold the fields that Google's captures and
// samples show.
type object = map[string]any

type message struct {
	Name             string   `json:"name"`
	Sender           object   `json:"sender,omitempty"`
	CreateTime       string   `json:"createTime,omitempty"`
	LastUpdateTime   string   `json:"lastUpdateTime,omitempty"`
	DeletionMetadata object   `json:"deletionMetadata,omitempty"`
	Text             string   `json:"text,omitempty"`
	FormattedText    string   `json:"formattedText,omitempty"`
	ArgumentText     string   `json:"argumentText,omitempty"`
	Thread           object   `json:"thread,omitempty"`
	ThreadReply      bool     `json:"threadReply,omitempty"`
	Space            object   `json:"space,omitempty"`
	Annotations      []object `json:"annotations,omitempty"`
	Attachment       []object `json:"attachment,omitempty"`
	Quoted           object   `json:"quotedMessageMetadata,omitempty"`
}

func user(who *person) object {
	if who.bot {
		return object{"name": who.name, "type": "BOT"}
	}
	return object{"name": who.name, "type": "HUMAN"}
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
	m.Annotations = []object{{
		"type": "USER_MENTION", "startIndex": 0, "length": len([]rune(shown)), "userMention": object{"user": user(who), "type": "MENTION"},
	}}
}

// attach adds a file or two.
func (m *message) attach(rng *rand.Rand) {
	files := []object{{"contentName": "plan.pdf", "contentType": "application/pdf"}, {"contentName": "photo.png", "contentType": "image/png"}}
	for i, f := range files[:1+rng.IntN(2)] {
		f["name"] = fmt.Sprintf("%s/attachments/A%d", m.Name, i+1)
		m.Attachment = append(m.Attachment, f)
	}
}

func membershipOf(s *space, one *stay, state, role string) object {
	return object{
		"name": events.MemberName(s.info.Name, one.who.name), "state": state, "role": role, "member": user(one.who),
		"createTime": "1970-01-01T00:00:00Z",
	}
}

// reactionOf has the name that the Workspace would give it, made of who and what.
func reactionOf(s *space, to spoken, who *person, what string) object {
	kind, emoji := "UNICODE.", object{"unicode": what}
	if strings.HasPrefix(what, ":") {
		uid := strings.Trim(what, ":")
		kind, emoji = "CUSTOM.", object{"customEmoji": object{"name": "customEmojis/" + uid, "uid": uid, "emojiName": what}}
	}
	name := s.info.Name + "/messages/" + to.id + "/reactions/" + strings.TrimPrefix(who.name, "users/") + "." +
		base64.RawURLEncoding.EncodeToString([]byte(kind+what))
	return object{"name": name, "user": user(who), "emoji": emoji}
}

func spaceOf(s *space, title string) object {
	threading := "THREADED_MESSAGES"
	if s.info.Flat {
		threading = "UNTHREADED_MESSAGES"
	}
	return object{
		"name": s.info.Name, "displayName": title, "spaceThreadingState": threading, "spaceType": "SPACE",
		"spaceDetails": object{"description": "What concerns " + title}, "spaceHistoryState": "HISTORY_ON",
	}
}
