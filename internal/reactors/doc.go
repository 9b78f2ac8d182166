// Package reactors is the vocabulary of everything that acts on events: what
// a reactor sees (a [Change]), what it asks for (a [Run]), and how a run ends.
//
// A reactor works in two steps. Plan is pure and is called inside the
// transaction that records the event: it looks at one change and answers with
// the runs it wants. The store inserts each run at most once for its (reactor,
// subject), together with the job that will carry it out; so a run exists if
// and only if its event is committed. Act is called later by a worker, with
// the request that Plan rendered, as often as it takes; it must be idempotent.
//
//	event committed ──Plan──▶ pending ──Act──▶ sent
//	                            ▲ │            parked    (a person must look: the reason says why)
//	                            │ └──────────▶ expired   (too old when its turn came)
//	                            │              skipped   (the person has left)
//	                            └── rejoin ─── parked, expired or skipped
//
// # What the caller must do
//
// Register reactors in one explicit list, in main: it is the feature list.
package reactors
