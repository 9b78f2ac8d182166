package store_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// epoch is the time that the tests' events happen around; their stores' clock
// stands at it.
var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return epoch }

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// live wraps one item as a delivered event.
func live(id string, t time.Time, it events.Item) events.Delivery {
	typ := fmt.Sprintf("google.workspace.chat.%s.v1.%s", it.Kind, it.Verb)
	return events.Delivery{
		MessageID: "m-" + id, PublishTime: t.Add(100 * time.Millisecond), ReceivedAt: t.Add(150 * time.Millisecond),
		Attributes: map[string]string{"ce-id": "spaces/S/spaceEvents/" + id, "ce-type": typ},
		Data:       []byte(`{"` + string(it.Kind) + `":{"name":"` + it.Resource + `"}}`),
		Origin:     events.OriginLive,
		Event: &events.Event{
			ID: "spaces/S/spaceEvents/" + id, Source: "//workspaceevents.googleapis.com/subscriptions/s1",
			Type: typ, Subject: "//chat.googleapis.com/" + it.Space, Time: t, Items: []events.Item{it},
		},
	}
}

func message(verb events.Verb, name, sender, text string, created, edited time.Time) events.Item {
	m := &events.Message{
		Name: name, Sender: events.User{Name: sender, Type: events.UserHuman}, CreateTime: created,
		LastUpdateTime: edited, Text: text, Thread: strings.Replace(name, "messages", "threads", 1),
	}
	it := events.Item{Kind: events.KindMessage, Verb: verb, Resource: name, Space: spaceOf(name), Actor: sender, Message: m}
	if verb == events.VerbDeleted {
		it.Actor, it.Message = "", &events.Message{Name: name, CreateTime: created, DeletionType: "CREATOR"}
	}
	return it
}

func membership(verb events.Verb, space, user string, state events.MembershipState) events.Item {
	name := space + "/members/" + strings.TrimPrefix(user, "users/")
	m := &events.Membership{Name: name, State: state, Role: "ROLE_MEMBER", Member: events.User{Name: user, Type: events.UserHuman}}
	if verb == events.VerbDeleted {
		m.State, m.Role, m.Member.Type = events.MembershipNotAMember, "", ""
	}
	return events.Item{Kind: events.KindMembership, Verb: verb, Resource: name, Space: space, Actor: user, Membership: m}
}

func reaction(verb events.Verb, message, user, emoji string) events.Item {
	name := message + "/reactions/" + strings.TrimPrefix(user, "users/") + "." + fmt.Sprintf("%x", emoji)
	return events.Item{
		Kind: events.KindReaction, Verb: verb, Resource: name, Space: spaceOf(name), Actor: user,
		Reaction: &events.Reaction{Name: name, Message: message, User: events.User{Name: user, Type: events.UserHuman}, Unicode: emoji},
	}
}

func spaceOf(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return parts[0] + "/" + parts[1]
}

const words = "we should move the review to thursday because half of team is away and numbers for quarter are not in yet please have look at draft tell me what you think about second part when get chance "

// mix generates the workload of performance.md: 85 % messages of about 1154
// bytes, 5 % memberships, 10 % reactions, over many spaces and users.
type mix struct {
	r             *rand.Rand
	n             int
	spaces, users *rand.Zipf
}

func newMix(seed uint64) *mix {
	r := rand.New(rand.NewPCG(seed, 1))
	return &mix{r: r, spaces: rand.NewZipf(r, 1.1, 4, 1999), users: rand.NewZipf(r, 1.1, 4, 4999)}
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func (m *mix) id(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = idLetters[m.r.IntN(len(idLetters))]
	}
	return string(b)
}

func (m *mix) batch(n int) []events.Delivery {
	list := make([]events.Delivery, n)
	for i := range list {
		list[i] = m.next()
	}
	return list
}

func (m *mix) next() events.Delivery {
	m.n++
	t := epoch.Add(time.Duration(m.n) * 200 * time.Microsecond)
	space := fmt.Sprintf("spaces/AAQA%07x", m.spaces.Uint64()*7919)
	user := fmt.Sprintf("users/1%020d", m.users.Uint64()*104729)
	name := space + "/messages/" + m.id(11) + "." + m.id(11)
	var it events.Item
	var data string
	stamp := t.Format("2006-01-02T15:04:05.000000Z")
	switch p := m.r.IntN(100); {
	case p < 85:
		var text strings.Builder
		for text.Len() < 120+m.r.IntN(240) {
			w := strings.Fields(words)
			text.WriteString(w[m.r.IntN(len(w))] + " ")
		}
		it = message(events.VerbCreated, name, user, text.String(), t, time.Time{})
		data = fmt.Sprintf(`{"message":{"name":%q,"sender":{"name":%q,"type":"HUMAN"},"createTime":%q,"text":%[4]q,"formattedText":%[4]q,"argumentText":%[4]q,"thread":{"name":%q},"space":{"name":%q}}}`,
			name, user, stamp, text.String(), it.Message.Thread, space)
	case p < 90:
		it = membership(events.VerbCreated, space, user, events.MembershipJoined)
		data = fmt.Sprintf(`{"membership":{"name":%q,"state":"JOINED","role":"ROLE_MEMBER","member":{"name":%q,"type":"HUMAN"},"createTime":%q}}`, it.Resource, user, stamp)
	default:
		it = reaction(events.VerbCreated, name, user, "👍")
		data = fmt.Sprintf(`{"reaction":{"name":%q,"user":{"name":%q,"type":"HUMAN"},"emoji":{"unicode":"👍"}}}`, it.Resource, user)
	}
	d := live(m.id(40), t, it)
	d.Event.ID = space + "/spaceEvents/" + m.id(39)
	d.MessageID = fmt.Sprint(17622191887796419 + int64(m.n))
	d.Data = []byte(data)
	return d
}
