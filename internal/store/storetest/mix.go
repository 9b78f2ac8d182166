package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

const words = "we should move the review to thursday because half of team is away and numbers for quarter are not in yet please have look at draft tell me what you think about second part when get chance "

// Mix generates the workload of performance.md: 85 % messages of about 1154
// bytes, 5 % memberships, 10 % reactions, over many spaces and users.
type Mix struct {
	r             *rand.Rand
	n             int
	spaces, users *rand.Zipf
}

// NewMix returns a Mix that is the same for a seed.
func NewMix(seed uint64) *Mix {
	r := rand.New(rand.NewPCG(seed, 1))
	return &Mix{r: r, spaces: rand.NewZipf(r, 1.1, 4, 1999), users: rand.NewZipf(r, 1.1, 4, 4999)}
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func (m *Mix) id(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = idLetters[m.r.IntN(len(idLetters))]
	}
	return string(b)
}

// Batch is the next n events.
func (m *Mix) Batch(n int) []events.Delivery {
	list := make([]events.Delivery, n)
	for i := range list {
		list[i] = m.Next()
	}
	return list
}

// Next is the next event.
func (m *Mix) Next() events.Delivery {
	m.n++
	t := Epoch.Add(time.Duration(m.n) * 200 * time.Microsecond)
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
		it = Message(events.VerbCreated, name, user, text.String(), t, time.Time{})
		it.Message.Thread, _, _ = strings.Cut(it.Message.Thread, ".") // as Google's are called
		data = fmt.Sprintf(`{"message":{"name":%q,"sender":{"name":%q,"type":"HUMAN"},"createTime":%q,"text":%[4]q,"formattedText":%[4]q,"argumentText":%[4]q,"thread":{"name":%q},"space":{"name":%q}}}`,
			name, user, stamp, text.String(), it.Message.Thread, space)
	case p < 90:
		it = Membership(events.VerbCreated, space, user, events.MembershipJoined)
		data = fmt.Sprintf(`{"membership":{"name":%q,"state":"JOINED","role":"ROLE_MEMBER","member":{"name":%q,"type":"HUMAN"},"createTime":%q}}`, it.Resource, user, stamp)
	default:
		it = Reaction(events.VerbCreated, name, user, "👍")
		data = fmt.Sprintf(`{"reaction":{"name":%q,"user":{"name":%q,"type":"HUMAN"},"emoji":{"unicode":"👍"}}}`, it.Resource, user)
	}
	d := Live(m.id(40), t, it)
	d.Event.ID = space + "/spaceEvents/" + m.id(39)
	d.MessageID = fmt.Sprint(17622191887796419 + int64(m.n))
	d.Data = []byte(data)
	return d
}
