package past

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// subscriptionOf is the Workspace Events subscription that watched a space.
func subscriptionOf(space string) string {
	id := strings.TrimPrefix(space, "spaces/")
	return "subscriptions/chat-spaces-" + base64.RawURLEncoding.EncodeToString([]byte("s:"+id+":past"))
}

// numbers stand in the ids of events, by kind.
var numbers = map[events.Kind]int{
	events.KindMessage: 6, events.KindMembership: 12, events.KindReaction: 58, events.KindSpace: 5,
}

// tell has an event delivered, about one thing or, in a batch, several: soon after it happened, or hours;
// a few twice. Of what was lost for good nobody is told, and what a backfill
// has fetched comes when the loss was over.
func (p *Past) tell(s *space, at time.Time, kind events.Kind, verb events.Verb, about ...any) {
	if at.Before(p.from) || !at.Before(p.to) || s.lost(at, false) {
		return
	}
	t, _ := events.TypeOf(events.TypeName(kind, verb))
	eventType, data := t.Name, encode(t, about)
	if len(about) > 1 {
		eventType = t.Batch()
	}
	id := ""
	for ; id == "" || p.taken[id]; at = at.Add(time.Microsecond) {
		id = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d_%d_%s", at.UnixMicro(), numbers[kind], verb))
		id = s.info.Name + "/spaceEvents/" + id
	}
	at = at.Add(-time.Microsecond)
	p.taken[id] = true
	d := events.Delivery{
		MessageID: p.messageID(), Data: data, Origin: events.OriginLive, PublishTime: at.Add(p.within(1500 * time.Millisecond)),
		Attributes: map[string]string{
			"ce-id": id, "ce-type": eventType, "ce-source": "//workspaceevents.googleapis.com/" + s.source,
			"ce-subject": "//chat.googleapis.com/" + s.info.Name, "ce-time": stamp(at),
			"ce-specversion": "1.0", "ce-datacontenttype": "application/json",
		},
	}
	d.OrderingKey = d.Attributes["ce-source"]
	d.ReceivedAt = d.PublishTime.Add(p.within(time.Second))
	for _, l := range s.losses {
		if l.fetched && !at.Before(l.from) && at.Before(l.to) {
			d.MessageID, d.PublishTime, d.OrderingKey, d.Origin = "", time.Time{}, "", events.OriginBackfill
			d.ReceivedAt = l.to.Add(fetching + p.within(time.Minute))
		}
	}
	if d.Origin == events.OriginLive {
		switch p.rng.IntN(200) {
		case 0:
			d.ReceivedAt = d.ReceivedAt.Add(p.within(lateness))
		case 1, 2:
			again := d
			again.ReceivedAt = again.ReceivedAt.Add(p.within(lateness))
			if p.rng.IntN(2) == 0 {
				again.MessageID = p.messageID() // published twice, not delivered twice
			}
			p.deliver(again)
		}
	}
	p.deliver(d)
}

// fetching is how long after a loss its events were fetched.
const fetching = 5 * time.Minute

// deliver puts a delivery among those that come. What would come after the past has come by its end.
func (p *Past) deliver(d events.Delivery) {
	if last := p.to.Add(-time.Microsecond); d.ReceivedAt.After(last) {
		d.ReceivedAt = last
	}
	p.pending = append(p.pending, d)
}

// encode renders an event's data.
func encode(t events.Type, about []any) []byte {
	wrapped := make([]map[string]any, len(about))
	for i := range about {
		wrapped[i] = map[string]any{t.Resource: about[i]}
	}
	var data []byte
	var err error
	if len(about) == 1 {
		data, err = json.Marshal(wrapped[0])
	} else {
		data, err = json.Marshal(map[string]any{t.Plural: wrapped})
	}
	if err != nil {
		panic(fmt.Sprintf("encode a %s: %v", t.Kind, err)) // only our own types come here
	}
	return data
}

// within is a time of at most so long.
func (p *Past) within(d time.Duration) time.Duration {
	return time.Duration(p.rng.Int64N(int64(d))).Truncate(time.Microsecond)
}

func (p *Past) messageID() string { return fmt.Sprint(10_000_000_000_000_000 + p.rng.Int64N(8e16)) }

// token is an id of 11 characters, as threads and messages have.
func (p *Past) token() string {
	var b [8]byte
	for i := range b {
		b[i] = byte(p.rng.Uint32())
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}
