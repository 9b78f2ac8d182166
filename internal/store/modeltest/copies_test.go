package modeltest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// epoch is when every history begins. All times are whole seconds after it.
var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// never is the time that didn't come.
const never = -1

// content is what a payload tells of a resource beyond its name.
type content struct {
	// Of any: the user it is about, and the user's type.
	user, userType string

	// Of a message.
	text, thread             string
	mentions                 string // as stored
	created, edited, deleted int    // seconds, or never
	deletion                 string
	attachments              int

	// Of a membership.
	state, role, group, affiliation string

	emoji string // of a reaction

	// Of a space, or of the space of an interaction.
	spaceName, spaceType, threading, history, description string

	userName string // of an interaction
}

// element is one change that an event tells, as it happened.
type element struct {
	resource string
	content  content
}

// event is one that happened, or a batch of such.
type event struct {
	name     string // the last part of ce-id
	kind     events.Kind
	verb     events.Verb
	at       int
	space    string
	batch    bool
	elements []element
}

func (e *event) ceID() string { return e.space + "/spaceEvents/" + e.name }

func (e *event) ceType() string {
	if e.kind == events.KindInteraction {
		return "interaction.MESSAGE"
	}
	name := events.TypeName(e.kind, e.verb)
	if e.batch {
		t, _ := events.TypeOf(name)
		name = t.Batch()
	}
	return name
}

// messageID is Pub/Sub's of the first copy.
func (e *event) messageID() string { return strings.TrimPrefix(e.space, "spaces/") + "-" + e.name }

// key is how the log calls the event, as its function event_key says, and as a
// UUID is written.
func (e *event) key() string {
	id := e.ceID()
	if e.kind == events.KindInteraction {
		id = "interaction\n" + e.messageID()
	}
	k := sha256.Sum256([]byte(id))
	return fmt.Sprintf("%x-%x-%x-%x-%x", k[:4], k[4:6], k[6:8], k[8:10], k[10:16])
}

// form is what a copy holds of an element.
type form string

const (
	whole  form = "whole"
	named  form = "name only"
	absent form = "nothing" // the element names no resource
	gone   form = "gone"    // fetched when the message was deleted: what is left of it
)

// copied is what a copy tells of an element.
type copied struct {
	form    form
	content content
}

// delivery is a copy of an event that reaches the store.
type delivery struct {
	event     *event
	origin    events.Origin
	received  int // when it was, or of a backfill when it was fetched
	messageID string
	source    string
	told      []copied
	batch     int // deliveries with one number are recorded in one transaction
}

func (d delivery) String() string {
	var parts []string
	for i, el := range d.event.elements {
		c := d.told[i]
		part := strings.TrimPrefix(el.resource, d.event.space+"/")
		if c.form != whole {
			part += " (" + string(c.form) + ")"
		}
		for what, value := range map[string]string{"state": c.content.state, "role": c.content.role} {
			if value != "" && c.form == whole {
				part += " " + what + " " + value
			}
		}
		if c.content.edited != never && c.form == whole {
			part += fmt.Sprint(" edited ", c.content.edited)
		}
		parts = append(parts, part)
	}
	when := ""
	if d.origin == events.OriginBackfill {
		when = fmt.Sprint(" fetched ", d.received)
	}
	return fmt.Sprintf("tx %d: %s%s %s %s @%d: %s", d.batch, d.origin, when, d.event.name,
		events.ShortType(d.event.ceType()), d.event.at, strings.Join(parts, "; "))
}

func seconds(n int) time.Time { return epoch.Add(time.Duration(n) * time.Second) }

type object map[string]any

// put adds a field unless its value is none.
func (o object) put(key string, value any) {
	switch v := value.(type) {
	case string:
		if v != "" {
			o[key] = v
		}
	case int:
		if v != never {
			o[key] = seconds(v).Format(time.RFC3339Nano)
		}
	case object:
		if len(v) > 0 {
			o[key] = v
		}
	}
}

func pair(key, value string) object {
	o := object{}
	o.put(key, value)
	return o
}

func person(c content) object {
	o := pair("name", c.user)
	o.put("type", c.userType)
	o.put("displayName", c.userName)
	return o
}

// resource is an element as a payload holds it.
func (e *event) resource(name string, c copied) object {
	if c.form == absent {
		return object{}
	}
	o := object{"name": name}
	if c.form == named {
		return o
	}
	t := c.content
	switch {
	case e.kind == events.KindMessage && (e.verb == events.VerbDeleted || c.form == gone):
		o.put("createTime", t.created)
		o.put("deleteTime", t.deleted)
		o.put("deletionMetadata", pair("deletionType", t.deletion))
	case e.kind == events.KindMessage:
		o.put("sender", person(t))
		o.put("createTime", t.created)
		o.put("lastUpdateTime", t.edited)
		o.put("text", t.text)
		o.put("thread", pair("name", t.thread))
		var notes []object
		for who := range strings.FieldsSeq(t.mentions) {
			mention := object{"type": "MENTION", "user": object{"name": "users/" + strings.TrimPrefix(who, "+")}}
			if who[0] == '+' {
				mention["type"] = "ADD"
			}
			notes = append(notes, object{"type": "USER_MENTION", "userMention": mention})
		}
		if notes != nil {
			o["annotations"] = notes
		}
		if t.attachments > 0 {
			o["attachment"] = slices.Repeat([]object{{}}, t.attachments)
		}
	case e.kind == events.KindMembership:
		o.put("state", t.state)
		if e.verb == events.VerbDeleted {
			break
		}
		o.put("role", t.role)
		o.put("affiliation", t.affiliation)
		if o.put("groupMember", pair("name", t.group)); t.group == "" {
			o.put("member", person(t))
		}
	case e.kind == events.KindReaction:
		o.put("user", person(t))
		o.put("emoji", pair("unicode", t.emoji))
	case e.kind == events.KindSpace && e.verb == events.VerbUpdated:
		fillSpace(o, t)
	}
	return o
}

func fillSpace(o object, t content) {
	o.put("displayName", t.spaceName)
	o.put("spaceType", t.spaceType)
	o.put("spaceThreadingState", t.threading)
	o.put("spaceHistoryState", t.history)
	o.put("spaceDetails", pair("description", t.description))
}

// data is the payload, byte for byte the same for the same copy.
func (d delivery) data() []byte {
	e := d.event
	var payload object
	t, _ := events.TypeOf(events.TypeName(e.kind, e.verb))
	switch {
	case e.kind == events.KindInteraction:
		c := e.elements[0].content
		space := object{"name": e.space}
		fillSpace(space, c)
		payload = object{"type": "MESSAGE", "eventTime": seconds(e.at).Format(time.RFC3339Nano), "user": person(c), "space": space}
	case e.batch:
		var list []object
		for i, el := range e.elements {
			list = append(list, object{t.Resource: e.resource(el.resource, d.told[i])})
		}
		payload = object{t.Plural: list}
	default:
		payload = object{t.Resource: e.resource(e.elements[0].resource, d.told[0])}
	}
	data, err := json.Marshal(payload)
	if err != nil {
		panic(err) // maps of strings can be written
	}
	return data
}

// wire is the delivery as ingest makes it of a Pub/Sub message, or a backfill
// of a SpaceEvent.
func (d delivery) wire() events.Delivery {
	e := d.event
	out := events.Delivery{
		MessageID: d.messageID, ReceivedAt: seconds(d.received), Data: d.data(), Origin: d.origin, Attributes: map[string]string{},
	}
	if d.origin == events.OriginLive {
		out.PublishTime = out.ReceivedAt
	}
	if e.kind != events.KindInteraction {
		out.Attributes = map[string]string{
			"ce-id": e.ceID(), "ce-type": e.ceType(), "ce-source": d.source, "ce-specversion": "1.0",
			"ce-subject": "//chat.googleapis.com/" + e.space, "ce-time": seconds(e.at).Format(time.RFC3339Nano),
			"ce-datacontenttype": "application/json",
		}
	}
	out.Event, out.Malformed = events.Decode(out.Attributes, out.Data)
	return out
}
