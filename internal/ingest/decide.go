package ingest

import "github.com/spacekeeper/spacekeeper/internal/events"

// action is what to do with a message once its transaction has been tried.
type action int

const (
	hold    action = iota // keep the lease and try again
	ack                   // it is committed
	release               // give it back without a nack: its lease runs out
)

// decide is the only place where the fate of a message is decided:
//
//	outcome       running   stopping, grace over
//	recorded      ack       ack
//	duplicate     ack       ack
//	quarantined   ack       ack
//	unsettled     hold      release
//
// Nothing here nacks. A nack would spend a delivery attempt, and a message that
// is good would end in the dead-letter topic because our database is away. The
// client library nacks by itself what it has fetched and not handed over when a
// pull is stopped, mostly nothing: see docs/subscriber.md.
func decide(o events.Outcome, graceOver bool) action {
	switch {
	case o == events.Recorded, o == events.Duplicate, o == events.Quarantined:
		return ack
	case graceOver:
		return release
	}
	return hold
}
