// Package events turns what Google puts on the wire into typed events.
//
// It is pure: no I/O, no clock, nothing but the standard library. [Decode]
// takes the attributes and data of one Pub/Sub message (or of one SpaceEvent
// that a backfill fetched) and returns an [Event] whose Items name every
// resource the message speaks of. A batch event becomes as many items as it
// has elements, numbered by Ordinal, so that (event id, ordinal) identifies an
// item for good.
//
// # What it promises
//
// Every event type that Google documents for Chat decodes, in its single and
// its batch form, with full resources or with names only. A type that nobody
// has documented yet is kept, as an event of KindUnknown. What can't be
// decoded at all is a [*Malformed] error that says why; the caller keeps the
// raw bytes. Decode never panics on any input, and its cost is bounded by
// [Limits] before anything is built.
//
// # What the caller must do
//
// Keep the raw bytes: an Event holds what queries need, not all that was sent.
package events
