package simulate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// The fields of these types are those that captures and the documentation's
// samples show (fact sheet §1.4), in their order; the Chat API's own resources
// have more.

type messagePayload struct {
	Name             string          `json:"name"`
	Sender           *userPayload    `json:"sender,omitempty"`
	CreateTime       string          `json:"createTime,omitempty"`
	LastUpdateTime   string          `json:"lastUpdateTime,omitempty"`
	DeletionMetadata *deletion       `json:"deletionMetadata,omitempty"`
	Text             string          `json:"text,omitempty"`
	FormattedText    string          `json:"formattedText,omitempty"`
	ArgumentText     string          `json:"argumentText,omitempty"`
	Thread           *threadPayload  `json:"thread,omitempty"`
	ThreadReply      bool            `json:"threadReply,omitempty"`
	Space            *resourceNaming `json:"space,omitempty"`
	ClientID         string          `json:"clientAssignedMessageId,omitempty"`
}

type membershipPayload struct {
	Name       string          `json:"name"`
	State      string          `json:"state,omitempty"`
	Role       string          `json:"role,omitempty"`
	Member     *userPayload    `json:"member,omitempty"`
	Group      *resourceNaming `json:"groupMember,omitempty"`
	CreateTime string          `json:"createTime,omitempty"`
}

type reactionPayload struct {
	Name  string       `json:"name"`
	User  *userPayload `json:"user"`
	Emoji emojiPayload `json:"emoji"`
}

type emojiPayload struct {
	Unicode string       `json:"unicode,omitempty"`
	Custom  *customEmoji `json:"customEmoji,omitempty"`
}

type customEmoji struct {
	Name      string `json:"name"`
	UID       string `json:"uid"`
	EmojiName string `json:"emojiName"`
}

type spacePayload struct {
	Name           string        `json:"name"`
	DisplayName    string        `json:"displayName"`
	ThreadingState string        `json:"spaceThreadingState"`
	SpaceType      string        `json:"spaceType"`
	Details        *spaceDetails `json:"spaceDetails,omitempty"`
	HistoryState   string        `json:"spaceHistoryState"`
}

type spaceDetails struct {
	Description string `json:"description"`
}

type userPayload struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type threadPayload struct {
	Name string `json:"name"`
	Key  string `json:"threadKey,omitempty"`
}

type deletion struct {
	DeletionType string `json:"deletionType"`
}

// resourceNaming is a resource of which only the name is told.
type resourceNaming struct {
	Name string `json:"name"`
}

// stamp writes a time as Google does in events: UTC with six digits.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func (w *Workspace) messageChange(s *space, m *message, verb events.Verb) change {
	c := change{resource: resourceMessage, verb: verb, space: s, name: m.name, actor: m.sender, text: m.text, viewer: m.viewer}
	if verb == "deleted" {
		c.payload = messagePayload{
			Name:             m.name,
			CreateTime:       stamp(m.createTime),
			DeletionMetadata: &deletion{m.deletion},
		}
		return c
	}
	p := messagePayload{
		Name:          m.name,
		Sender:        w.userPayload(m.sender),
		CreateTime:    stamp(m.createTime),
		Text:          m.text,
		FormattedText: m.text,
		ArgumentText:  m.text,
		Thread:        &threadPayload{m.thread, m.threadKey},
		ThreadReply:   m.reply,
		Space:         &resourceNaming{s.name},
		ClientID:      m.clientID,
	}
	if !m.updateTime.IsZero() {
		p.LastUpdateTime = stamp(m.updateTime)
	}
	c.payload = p
	return c
}

func (w *Workspace) memberChange(s *space, m *membership, verb events.Verb) change {
	name := events.MemberName(s.name, m.user)
	c := change{resource: resourceMembership, verb: verb, space: s, name: name, actor: m.user, state: m.state}
	if verb == "deleted" {
		c.payload = membershipPayload{Name: name, State: stateNone}
		return c
	}
	c.payload = membershipPayload{
		Name:   name,
		State:  m.state,
		Role:   m.role,
		Member: w.userPayload(m.user),
		// The documentation's samples carry the epoch here, so nobody may
		// take it for the time of joining.
		CreateTime: "1970-01-01T00:00:00Z",
	}
	return c
}

func groupChange(s *space, membership string, g *group, verb events.Verb) change {
	c := change{resource: resourceMembership, verb: verb, space: s, name: membership, actor: g.name, state: stateJoined}
	if verb == "deleted" {
		c.state = stateNone
		c.payload = membershipPayload{Name: membership, State: stateNone}
		return c
	}
	c.payload = membershipPayload{
		Name: membership, State: stateJoined, Group: &resourceNaming{g.name}, CreateTime: "1970-01-01T00:00:00Z",
	}
	return c
}

func (w *Workspace) reactionChange(s *space, r *reaction, verb events.Verb) change {
	p := reactionPayload{Name: r.name, User: w.userPayload(r.user)}
	if strings.HasPrefix(r.emoji, ":") {
		uid := strings.Trim(r.emoji, ":")
		p.Emoji.Custom = &customEmoji{"customEmojis/" + uid, uid, r.emoji}
	} else {
		p.Emoji.Unicode = r.emoji
	}
	return change{resource: resourceReaction, verb: verb, space: s, name: r.name, payload: p, actor: r.user, text: r.emoji}
}

func spaceChange(s *space, verb events.Verb) change {
	c := change{resource: resourceSpace, verb: verb, space: s, name: s.name, text: s.displayName}
	if verb == "deleted" {
		c.payload = resourceNaming{s.name}
		return c
	}
	c.payload = spacePayload{
		Name:           s.name,
		DisplayName:    s.displayName,
		ThreadingState: s.threading(),
		SpaceType:      "SPACE",
		Details:        &spaceDetails{s.description},
		HistoryState:   "HISTORY_ON",
	}
	return c
}

func (w *Workspace) userPayload(name string) *userPayload {
	return &userPayload{name, w.state.users[name].userType}
}

// encodePayload renders an event's data: {"message":{…}}, or
// {"messages":[{"message":{…}},…]} for a batch.
func encodePayload(items []change, batch bool, opts payloadOptions) ([]byte, error) {
	key := string(items[0].resource.kind)
	wrapped := make([]map[string]any, len(items))
	for i, c := range items {
		content := c.payload
		if !opts.includeResource {
			content = resourceNaming{c.name}
		}
		wrapped[i] = map[string]any{key: content}
		if opts.includeResource && opts.fieldMask != "" {
			masked, err := mask(wrapped[i], opts.fieldMask)
			if err != nil {
				return nil, fmt.Errorf("mask %s: %w", c.name, err)
			}
			wrapped[i] = masked
		}
	}
	if batch {
		return json.Marshal(map[string]any{key + "s": wrapped})
	}
	return json.Marshal(wrapped[0])
}

// mask keeps the named fields, given as "message.sender,message.createTime".
// Unknown ones are ignored, as Google does.
func mask(payload map[string]any, fields string) (map[string]any, error) {
	raw, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	kept := map[string]any{}
	for field := range strings.SplitSeq(fields, ",") {
		keep(kept, all, strings.Split(strings.TrimSpace(field), "."))
	}
	return kept, nil
}

func keep(to, from map[string]any, path []string) {
	value, ok := from[path[0]]
	if !ok {
		return
	}
	below, isObject := value.(map[string]any)
	if len(path) == 1 || !isObject {
		to[path[0]] = value
		return
	}
	next, ok := to[path[0]].(map[string]any)
	if !ok {
		next = map[string]any{}
		to[path[0]] = next
	}
	keep(next, below, path[1:])
}
