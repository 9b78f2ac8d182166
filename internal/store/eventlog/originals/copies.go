package originals

import (
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/events"
)

// Copy is a row of an event in the log. Where copies of the event held different
// things, several rows have bytes.
type Copy struct {
	Ordinal int
	Live    bool
	Payload []byte // as stored; nil where another row has the bytes
	Codec   int16
	Event   *events.Event // what they hold; nil without
}

// Find returns the item with an ordinal, and the copy that holds it: one of the
// item's own origin if there is one, with its content rather than its name only.
// Both are nil if no copy holds it.
func Find(copies []Copy, ordinal int, live bool) (of *Copy, item *events.Item) {
	best := 0
	for i := range copies {
		c := &copies[i]
		if c.Event == nil {
			continue
		}
		for j := range c.Event.Items {
			it := &c.Event.Items[j]
			rank := 1
			if c.Live == live {
				rank += 2
			}
			if !it.NamesOnly() {
				rank++
			}
			if it.Ordinal == ordinal && rank > best {
				best, of, item = rank, c, it
			}
		}
	}
	return of, item
}

// Kept are the columns of the rows of an event that have bytes.
type Kept struct {
	Ordinals []int16
	Live     []bool
	Payloads [][]byte
	Codecs   []int16
}

// Copies decodes what the log holds of an event. What this version can't decode
// any more is left out and logged: the rest of the past is still worth telling.
func (o *Originals) Copies(at time.Time, id, source, typ, space string, k Kept) []Copy {
	list := make([]Copy, len(k.Ordinals))
	for i := range list {
		ev, err := o.Decode(at, id, source, typ, space, k.Payloads[i], k.Codecs[i])
		if err != nil {
			o.db.Log().Warn("recorded event not decoded; left out", zap.String("event_id", id), zap.Error(err))
			ev = nil
		}
		list[i] = Copy{Ordinal: int(k.Ordinals[i]), Live: k.Live[i], Payload: k.Payloads[i], Codec: k.Codecs[i], Event: ev}
	}
	return list
}
