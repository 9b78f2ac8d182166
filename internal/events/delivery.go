package events

import "time"

// Origin says how an event reached us. Only live events may cause reactions.
type Origin string

const (
	OriginLive     Origin = "live"     // delivered by Pub/Sub
	OriginBackfill Origin = "backfill" // fetched later from spaces.spaceEvents.list
)

// Delivery is one message as received, with what decoding made of it. It is
// what ingest hands to the store: the store records Event if Malformed is nil
// and quarantines the raw bytes otherwise, or if the event refused a part of them.
type Delivery struct {
	MessageID   string            // Pub/Sub message id; empty for a backfill
	PublishTime time.Time         // when Pub/Sub took the message
	ReceivedAt  time.Time         // when this process got it
	Attributes  map[string]string // as received
	Data        []byte            // as received; never changed
	OrderingKey string
	Origin      Origin

	Event     *Event     // set if and only if Malformed is nil
	Malformed *Malformed // why the message could not be decoded
}

// Reason is a short, stable code for why a message was quarantined.
type Reason string

// Malformed is the error of [Decode]: the message can't be understood, now or
// later, so retrying is no use. Detail never quotes message text.
type Malformed struct {
	Reason Reason
	Detail string // for people: what was wrong, where, and the limit it broke
	Offset int    // byte offset in the data, or -1
}

func (m *Malformed) Error() string {
	return string(m.Reason) + ": " + m.Detail
}

// Outcome says what became of one delivery.
type Outcome int

const (
	Unsettled   Outcome = iota // nothing is known to be committed; it must be tried again
	Recorded                   // committed: at least one item was new
	Duplicate                  // every item was there before
	Quarantined                // committed to the quarantine
)

func (o Outcome) String() string {
	switch o {
	case Recorded:
		return "recorded"
	case Duplicate:
		return "duplicate"
	case Quarantined:
		return "quarantined"
	default:
		return "unsettled"
	}
}
