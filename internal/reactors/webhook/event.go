package webhook

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// envelope is a CloudEvent in its structured form. The CloudEvents SDK reads it in
// tests; here it would keep the linker from leaving out methods that nobody calls: 6 MB.
type envelope struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	DataContentType string    `json:"datacontenttype"`
	Time            time.Time `json:"time"`
	Data            Data      `json:"data"`
}

// Data is the data of the event that is sent, by the names that rules use: what
// the event itself told, and of a reaction what is known of its message. Names of
// people and other state are not in it.
type Data struct {
	Rule    string           `json:"rule"`
	Step    int              `json:"step"`
	Trigger reactors.Trigger `json:"trigger"`

	Event        Event         `json:"event,omitzero"`
	Space        Space         `json:"space,omitzero"`
	Member       Member        `json:"member,omitzero"`
	Message      *Message      `json:"message,omitempty"`
	Reaction     *Reaction     `json:"reaction,omitempty"`
	Command      *Command      `json:"command,omitempty"`
	Card         *Card         `json:"card,omitempty"`
	GoogleGroup  *GoogleGroup  `json:"google_group,omitempty"`
	Subscription *Subscription `json:"subscription,omitempty"`
	Group        *Group        `json:"group,omitempty"` // of a run that stands for several people
}

// Event is what pulled the trigger.
type Event struct {
	ID   string    `json:"id,omitempty"`
	Type string    `json:"type,omitempty"`
	Time time.Time `json:"time,omitzero"`
}

// Space is where it happened.
type Space struct {
	Name string `json:"name"` // "spaces/S"
}

// Member is whom it is about.
type Member struct {
	Name         string `json:"name"` // "users/U"
	Type         string `json:"type,omitempty"`
	Role         string `json:"role,omitempty"`
	PreviousRole string `json:"previous_role,omitempty"`
	Affiliation  string `json:"affiliation,omitempty"` // INTERNAL, EXTERNAL, MANAGED_EXTERNAL; left out if nobody knows
}

// Message is the message that it is about.
type Message struct {
	Name        string  `json:"name"`             // "spaces/S/messages/M"
	Author      string  `json:"author,omitempty"` // "users/U"
	Thread      string  `json:"thread,omitempty"`
	IsReply     bool    `json:"is_reply,omitempty"`
	Attachments int     `json:"attachments,omitempty"`
	Text        *string `json:"text,omitempty"` // only with include_text
}

// Reaction is the emoji that was added or removed.
type Reaction struct {
	Emoji string `json:"emoji"`
}

// Command is the command of the Chat app that was given.
type Command struct {
	ID int `json:"id"`
}

// Card is what was clicked in a card of the app.
type Card struct {
	Function   string            `json:"function"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// GoogleGroup is the Google Group that it is about.
type GoogleGroup struct {
	Name string `json:"name"` // "groups/G"
}

// Subscription is the Workspace Events subscription that it is about.
type Subscription struct {
	Name   string `json:"name"`
	Reason string `json:"reason,omitempty"`
}

// Group is those for whom the run stands.
type Group struct {
	Size    int      `json:"size"`
	Members []string `json:"members"`
}

// cloudEvent makes the body.
func cloudEvent(id string, c reactors.PrepareContext, text bool) ([]byte, error) {
	at := c.Facts.Event.Time
	if at.IsZero() {
		at = c.Run.EventTime
	}
	return json.Marshal(envelope{
		SpecVersion: "1.0", ID: id, Source: "//spacekeeper/" + url.PathEscape(c.Run.Reactor),
		Type: "spacekeeper.reactor." + string(c.Run.Trigger), Subject: c.Run.Space,
		DataContentType: "application/json", Time: at.UTC(), Data: dataOf(c, text),
	})
}

func dataOf(c reactors.PrepareContext, text bool) Data {
	f := c.Facts
	d := Data{
		Rule: c.Run.Reactor, Step: c.Run.Step, Trigger: c.Run.Trigger,
		Event: Event{ID: f.Event.ID, Type: f.Event.Type, Time: f.Event.Time},
		Space: Space{Name: c.Run.Space},
		Member: Member{
			Name: f.Member.Name, Type: f.Member.Type,
			Role: f.Member.Role, PreviousRole: f.Member.PreviousRole, Affiliation: f.Member.Affiliation,
		},
	}
	if m := f.Message; m.Name != "" {
		d.Message = &Message{Name: m.Name, Author: m.Author, Thread: m.Thread, IsReply: m.IsReply, Attachments: m.Attachments}
		if text {
			d.Message.Text = &m.Text
		}
	}
	if f.Reaction.Emoji != "" {
		d.Reaction = &Reaction{Emoji: f.Reaction.Emoji}
	}
	if f.Command.ID != 0 {
		d.Command = &Command{ID: f.Command.ID}
	}
	if c := f.Card; c.Function != "" {
		d.Card = &Card{Function: c.Function, Parameters: c.Parameters}
	}
	if g := f.GoogleGroup; g.Name != "" {
		d.GoogleGroup = &GoogleGroup{Name: g.Name}
	}
	if s := f.Subscription; s.Name != "" {
		d.Subscription = &Subscription{Name: s.Name, Reason: s.Reason}
	}
	if g := f.Group; g.Size > 0 {
		d.Group = &Group{Size: g.Size, Members: g.Members}
	}
	return d
}
